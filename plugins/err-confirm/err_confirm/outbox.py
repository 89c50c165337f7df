"""Tell what happened, in order, on a thread of its own: a slow chat network delays no decision."""

import logging
import queue
import threading
from collections.abc import Callable

from err_confirm.errors import ErrConfirmError
from err_confirm.model import Execution

log = logging.getLogger(__name__)


class Outbox:
    """Executions whose change is still to be told; `tell` words and sends one."""

    def __init__(self, tell: Callable[[Execution], None]) -> None:
        self._tell = tell
        self._queue: queue.SimpleQueue[Execution | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="err-confirm outbox", daemon=True)

    def start(self) -> None:
        """Begin to tell."""
        self._thread.start()

    def put(self, execution: Execution) -> None:
        """Tell this one after all that came before; returns at once."""
        self._queue.put(execution)

    def stop(self, timeout: float) -> None:
        """Tell what is still here, for at most `timeout` seconds; then log how much is left."""
        self._queue.put(None)
        self._thread.join(timeout)
        if untold := self._queue.qsize():  # the one being told is out of it, our None still in it
            log.error("%d changes of executions were not told within the last %g s", untold, timeout)

    def _work(self) -> None:
        while (execution := self._queue.get()) is not None:
            try:
                self._tell(execution)
            except ErrConfirmError as error:
                log.error("execution %s is %s, which could not be told: %s", execution.id, execution.state, error)
            except Exception:  # one message that cannot be worded must not silence all that follow
                log.exception("execution %s is %s, which could not be told", execution.id, execution.state)
