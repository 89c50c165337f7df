"""Say how far what runs has come: in one message that is changed where the network can, else ever more seldom."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from err_confirm.chat.posting import Posting
from err_confirm.engine import Engine
from err_confirm.errors import PostError, StoreError
from err_confirm.model.executions import Execution, State
from err_confirm.model.runs import PartState
from err_confirm.wording import Wording

log = logging.getLogger(__name__)

PAUSES = (10.0, 30.0, 60.0, 120.0, 300.0)
"""Seconds before each message where none can be changed; the last pause again and again."""
CHANGES = (10.0, 5.0)
"""Seconds before the first message, and between the changes of it, where it can be."""


@dataclass(slots=True)
class _Watched:
    """A run that tells how far it has come: since when, how many had ended by then, and what was said last of it."""

    fence: int
    since: float
    had_ended: int
    due: float
    said: int = 0
    sent: Any = None


class ProgressNews:
    """How far each run of this bot has come, said where it was asked for, on a thread of its own.

    Nothing waits for it: what is told of a run while the network is slow is left out, and what is said is what the
    store has at that moment.

    Args:
        engine: knows how far they have come now, and whether they still run.
        posting: brings texts there.
        wording: has the sentence.
        monotonic: the clock of the pauses, in seconds.
    """

    def __init__(
        self, engine: Engine, posting: Posting, wording: Wording, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = engine
        self._posting = posting
        self._wording = wording
        self._monotonic = monotonic
        self._watched: dict[str, _Watched] = {}
        self._changed = threading.Condition()
        self._turn = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopped = False

    def start(self) -> None:
        """Begin to say it."""
        self._thread = threading.Thread(target=self._work, name="err-confirm progress", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Say nothing more; what is being said is not waited for."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def hear(self, execution: Execution) -> None:
        """Take in that a run has come farther; returns at once."""
        with self._changed:
            known = self._watched.get(execution.id)
            if known is None or known.fence < execution.fence:
                now = self._monotonic()
                watched = _Watched(execution.fence, now, _ended(_counts(execution)), now + self._pause(0))
                self._watched[execution.id] = watched
                self._changed.notify()

    def end(self, execution: Execution) -> None:
        """Say nothing more of a run, before its end is told; a message that can be changed gets its last numbers."""
        with self._turn:
            with self._changed:
                watched = self._watched.pop(execution.id, None)
            if watched is not None and watched.sent is not None and self._posting.edits:
                self._post(watched, execution)

    def look(self) -> float | None:
        """Say all that is due; return the seconds until something more is, None if nothing is."""
        with self._changed:
            due = [one for one, watched in self._watched.items() if watched.due <= self._monotonic()]
        for execution_id in due:
            with self._turn:
                self._say(execution_id)
        with self._changed:
            next_due = min((watched.due for watched in self._watched.values()), default=None)
        return None if next_due is None else max(0.0, next_due - self._monotonic())

    def _work(self) -> None:
        while not self._stopped:
            try:
                pause = self.look()
            except Exception:  # one message that cannot be worded must not silence all others
                log.exception("how far something has come could not be said, which should not have happened")
                pause = PAUSES[-1]
            with self._changed:
                if not self._stopped:
                    self._changed.wait(pause)

    def _say(self, execution_id: str) -> None:
        watched = self._watched.get(execution_id)
        if watched is None:
            return
        watched.said += 1
        watched.due = self._monotonic() + self._pause(watched.said)
        try:
            execution, _ = self._engine.read(execution_id)
        except StoreError as error:
            log.warning("how far %s has come is not known now: %s", execution_id, error)
            return
        if execution is None or execution.state is not State.RUNNING or execution.fence != watched.fence:
            with self._changed:
                self._watched.pop(execution_id, None)
            return
        self._post(watched, execution)

    def _post(self, watched: _Watched, execution: Execution) -> None:
        text = self._wording.say("progress", e=execution, **self._facts(watched, execution))
        try:
            watched.sent = self._posting.post(execution.place, text, watched.sent if self._posting.edits else None)
        except PostError as error:
            watched.sent = None
            log.warning("%s", error)

    def _facts(self, watched: _Watched, execution: Execution) -> dict[str, Any]:
        counts = _counts(execution)
        left = counts[PartState.WAITS] + counts[PartState.RUNS]
        minutes = (self._monotonic() - watched.since) / 60
        rate = (_ended(counts) - watched.had_ended) / minutes if minutes > 0 else 0.0
        return {
            "done": counts[PartState.DONE],
            "failed": counts[PartState.FAILED],
            "stopped": counts[PartState.STOPPED],
            "left": left,
            "total": left + _ended(counts),
            "rate": rate,
            "time_left": max(1.0, left / rate * 60) if rate else 0.0,
        }

    def _pause(self, said: int) -> float:
        """Return the seconds before the next message when so many were said."""
        pauses = CHANGES if self._posting.edits else PAUSES
        return pauses[min(said, len(pauses) - 1)]


def _counts(execution: Execution) -> Counter[PartState]:
    return Counter(part.state for part in execution.parts)


def _ended(counts: Counter[PartState]) -> int:
    """Return how many have ended; what is gone was never begun."""
    return counts[PartState.DONE] + counts[PartState.FAILED] + counts[PartState.STOPPED]
