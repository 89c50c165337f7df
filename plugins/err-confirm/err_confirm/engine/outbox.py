"""Tell what happened, in order, on a thread of its own: a slow chat network delays no decision.

The end of an execution, and each call for people, is told once, whoever is killed: it is noted in the store when it was
told, and what is not noted is told by any process, later. Only a kill between the telling and the note makes the same
message come twice, and the second one says that it may be a repetition.

What follows an end is asked for after that was told, and before that is noted: so it is asked for, too, whoever is
killed. It may take its time, on a thread of its own.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from err_confirm.engine import Engine
from err_confirm.errors import ErrConfirmError, RecordError, StoreUnavailableError
from err_confirm.following import following
from err_confirm.model.executions import Execution
from err_confirm.transition.events import Told

log = logging.getLogger(__name__)

AGAIN = 1.0
"""Seconds between two tries to note that something was told, in a store that does not answer."""
TRIES = 10
"""How many of those there are: fewer than would take until another process tells it, too."""


class Outbox:
    """Executions whose change is still to be told.

    Args:
        say: words and sends one, and raises where it cannot.
        follow: asks for what follows one that has ended; doing it again must do no harm.
    """

    def __init__(self, say: Callable[[Execution], None], follow: Callable[[Execution], None] = lambda _: None) -> None:
        self._say = say
        self._queue: queue.SimpleQueue[Execution | Callable[[], None] | None] = queue.SimpleQueue()
        self._follow = follow
        self._followers: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()
        self._ends: set[str] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="err-confirm outbox", daemon=True)

    def start(self, engine: Engine) -> None:
        """Begin to tell; `engine` takes the notes."""
        self._engine = engine
        self._thread.start()

    def put(self, execution: Execution) -> None:
        """Tell this one after all that came before; returns at once."""
        if execution.state.ended:
            self._ends.add(execution.id)
        self._queue.put(execution)

    def has(self, execution_id: str) -> bool:
        """Tell whether its end is still to be told here."""
        return execution_id in self._ends

    def __len__(self) -> int:
        """Return how many ends are still to be told here."""
        return len(self._ends)

    def wait(self, timeout: float) -> None:
        """Wait until all that is here now was told, for at most `timeout` seconds."""
        told = threading.Event()
        self._queue.put(told.set)
        told.wait(timeout)

    def put_word(self, say: Callable[[], None]) -> None:
        """Say something that is not noted, after all that came before; returns at once."""
        self._queue.put(say)

    def stop(self, timeout: float) -> None:
        """Tell what is still here, for at most `timeout` seconds; the ends that are left are told by the next start."""
        deadline = time.monotonic() + timeout
        self._stopping.set()
        self._queue.put(None)
        self._thread.join(timeout)
        for thread in list(self._followers.values()):
            thread.join(max(0.0, deadline - time.monotonic()))
        if untold := self._queue.qsize():  # the one being told is out of it, our None still in it
            log.error("%d changes of executions were not told within the last %g s", untold, timeout)

    def _work(self) -> None:
        while (execution := self._queue.get()) is not None:
            if not isinstance(execution, Execution):
                with _going_on("something could not be told", level=logging.WARNING):
                    execution()
                continue
            with _going_on(f"execution {execution.id} is {execution.state}, which could not be told"):
                self._tell(execution)
            if execution.state.ended and execution.id not in self._followers:
                self._ends.discard(execution.id)

    def _tell(self, execution: Execution) -> None:
        if not (execution.state.ended or execution.notices in execution.untold.values()):
            self._say(execution)
        elif not self._is_old(execution):
            self._say(execution)
            if following(execution):
                self._begin_to_follow(execution)
            else:
                self._note(execution)

    def _begin_to_follow(self, execution: Execution) -> None:
        """Ask for what follows, and note the end as told then; once this is to stop, the next start does both."""
        if self._stopping.is_set():
            return
        with self._lock:
            before = self._followers.get(execution.id)  # of the same, when it was lost, and now its end is known
            thread = threading.Thread(
                target=self._go_on, args=(execution, before), name=f"err-confirm after {execution.id}", daemon=True
            )
            self._followers[execution.id] = thread
        thread.start()

    def _go_on(self, execution: Execution, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()
        with _going_on(f"what follows {execution.id} could not all be asked for; it will be again"):
            self._follow(execution)
            self._note(execution)
        with self._lock:
            if self._followers.get(execution.id) is threading.current_thread():
                del self._followers[execution.id]
                self._ends.discard(execution.id)

    def _is_old(self, execution: Execution) -> bool:
        """Tell whether this has waited here for so long that another process has taken it over, or told it."""
        try:
            current, _ = self._engine.read(execution.id)
        except (StoreUnavailableError, RecordError):
            return False  # better twice than never
        if current is None:
            return False
        if not execution.state.ended:
            return execution.notices not in current.untold.values()
        told = (execution.state, execution.tells, execution.tell_after)
        return told != (current.state, current.tells, current.tell_after)

    def _note(self, execution: Execution) -> None:
        told = Told(execution.state, 0 if execution.state.ended else execution.notices)
        for _ in range(TRIES):
            try:
                self._engine.apply(execution.id, told)
                return
            except StoreUnavailableError as error:
                log.warning("what was told of %s could not be noted yet: %s", execution.id, error)
            if self._stopping.wait(AGAIN):
                return


@contextmanager
def _going_on(failure: str, level: int = logging.ERROR) -> Iterator[None]:
    """Log what goes wrong inside: a template is anybody's, and one that fails must not silence all that follow."""
    try:
        yield
    except ErrConfirmError as error:
        log.log(level, "%s: %s", failure, error)
    except Exception:
        log.exception("%s", failure)
