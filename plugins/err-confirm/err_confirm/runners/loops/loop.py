"""Go over targets: begin what may, watch what runs, and write down what has become of each.

No part begins before it is written that it runs. So whatever happens to this process, what is not written to run was
not begun, and of what is, nobody can say more. One thread does all of it: those that wait cost nothing, and each that
runs has its own watch, which is only asked here whether it is over.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from err_confirm.errors import StaleError, StartError
from err_confirm.model.runs import Outcome, Part, PartState
from err_confirm.runners.base import Running
from err_confirm.runners.loops.ends import cut, outcome_of, part_of
from err_confirm.runners.loops.pace import Pace

log = logging.getLogger(__name__)

GIVEN_UP = "stopped, because it had been given up for lost"
AGAIN = 1.0
"""Seconds between two tries to write how far it has come; and between two writes where only ends are to be told."""
BEGIN_WITHIN = 10.0
"""Seconds after it was written that a part runs, in which it may begin; later that is written anew."""
SHORTEST_LOOK, LONGEST_LOOK = 0.002, 0.05
"""Seconds between two looks at what runs: shorter after each that has ended."""
_UNKNOWN = "how it ends is not known here"
SHARE = 2
"""Where something runs, writing rests for so many times as long as it took: it may take a third of the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What a loop does: to which targets, what begins at each place (it raises StartError), and how fast.

    `names` are what people call the targets; `report` is that of the context; `parts` tell what has become of each
    target before.
    """

    names: Sequence[str]
    begin: Callable[[int], Running]
    pace: Pace
    report: Callable[[Sequence[Part]], bool]
    parts: Sequence[Part]


class Loop:
    """A loop that runs, on a thread of its own."""

    def __init__(self, course: Course, name: str) -> None:
        """Start it. Raises StartError."""
        self._course = course
        self._parts = list(course.parts)
        self._running: dict[int, Running] = {}
        self._untold = False
        self._started = self._rests = self._again = float("-inf")
        self._reason = ""
        self._woken = threading.Event()
        self._ended = threading.Event()
        self._outcome: Outcome | None = None
        try:
            threading.Thread(target=self._run, name=f"loop-{name}", daemon=True).start()
        except RuntimeError as error:
            raise StartError(f"the loop cannot be started: the system is at its limit ({error})") from error

    def wait(self, timeout: float) -> Outcome | None:
        """Return how it ended, or None if it still runs after `timeout` seconds."""
        return self._outcome if self._ended.wait(timeout) else None

    def stop(self, error: str) -> None:
        """Begin nothing more and stop what runs; return at once. The first reason counts."""
        self._reason = self._reason or error
        self._woken.set()

    def _run(self) -> None:
        try:
            self._go()
        except Exception as error:  # nobody else watches what it has begun
            log.exception("a loop cannot go on")
            self.stop(f"stopped, because it could not go on: {error}")
            self._end()
        finally:
            self._outcome = outcome_of(self._parts, self._course.names, self._reason)
            self._ended.set()

    def _go(self) -> None:
        look = SHORTEST_LOOK
        while not self._reason:
            busy = any([self._collect(), self._begin()])
            if not self._running and not self._reason and self._course.pace.over(self._parts):
                return
            look = SHORTEST_LOOK if busy else min(2 * look, LONGEST_LOOK)
            self._woken.wait(look)
            self._woken.clear()
        self._end()

    def _end(self) -> None:
        """Stop what runs, and see it end."""
        for running in self._running.values():
            running.stop(self._reason)
        while self._running:
            if not self._collect():
                next(iter(self._running.values())).wait(LONGEST_LOOK)

    def _collect(self) -> bool:
        """Note what has ended; return whether anything has."""
        ended: dict[int, Part] = {}
        for place, running in self._running.items():
            try:
                outcome = running.wait(0)
            except Exception as error:  # a runner may be anybody's code
                log.exception(_UNKNOWN)
                ended[place] = _unknown(error)
            else:
                if outcome is not None:
                    ended[place] = part_of(outcome)
        for place, part in ended.items():
            self._parts[place] = part
            del self._running[place]
        self._untold = self._untold or bool(ended)
        return bool(ended)

    def _begin(self) -> bool:
        """Write that the next ones run, with all that has ended since the last time; begin them, and return if so."""
        now = monotonic()
        if now < self._again or (self._running and now < self._rests):
            return False
        places = self._course.pace.next(self._parts, len(self._running), now - self._started)
        if not places and not (self._untold and now >= self._rests + AGAIN):
            return False
        for place in places:
            self._parts[place] = Part(state=PartState.RUNS)
        begun = 0
        if self._write():
            written = monotonic()
            while begun < len(places) and not self._reason and monotonic() - written <= BEGIN_WITHIN:
                self._start(places[begun])
                begun += 1
        for place in places[begun:]:
            self._parts[place], self._untold = Part(), True
        return begun > 0

    def _write(self) -> bool:
        """Write how far it has come; return whether that is sure."""
        began = monotonic()
        try:
            written = self._course.report(tuple(self._parts))
        except StaleError:
            self.stop(GIVEN_UP)
            return False
        now = monotonic()
        if written:
            self._untold, self._rests = False, now + SHARE * (now - began)
        else:
            self._again = now + AGAIN
        return written

    def _start(self, place: int) -> None:
        self._started = monotonic()
        try:
            self._running[place] = self._course.begin(place)
        except StartError as error:
            self._parts[place], self._untold = Part(state=PartState.FAILED, said=cut(str(error))), True
        except Exception as error:  # a runner may be anybody's code
            log.exception(_UNKNOWN)
            self._parts[place], self._untold = _unknown(error), True


def _unknown(error: Exception) -> Part:
    """Return the part of a run of which nobody can tell how it ends."""
    return Part(state=PartState.RUNS, said=cut(f"{_UNKNOWN}: {error}"))
