"""Die with -9 at a chosen point: before or after one operation of the store, or one effect on the world outside.

What is known afterwards stands in the evidence, a file outside of every store: each line is appended in one write, so
the lines of all processes have one order, and none is lost with the process that wrote it.
"""

import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from err_confirm.model.executions import State
from err_confirm.store.base import Store, Swap, SwapResult
from err_confirm.store.seal import SEAL_CHARACTERS
from faulty import Around

OPERATIONS = frozenset({"read", "due", "forget_due", "poll", "recent", "find", "watch", "journal", "newest"})
"""What is counted of a store, besides `swap`."""


class Point(NamedTuple):
    """The moment before or after (`when`) something that happens for the `number`-th time."""

    what: str
    number: int
    when: str

    def __str__(self) -> str:
        return f"{self.what}#{self.number} {self.when}"

    @classmethod
    def read(cls, text: str) -> "Point":
        """Return the point that is written like this: `gate swap running#1 after`."""
        what, _, rest = text.rpartition("#")
        number, _, when = rest.partition(" ")
        return cls(what, int(number), when)


class Evidence:
    """The file of what was seen to happen."""

    def __init__(self, path: Path, process: str = "") -> None:
        self.path = path
        self._process = process
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(self, what: str, **facts: Any) -> None:
        """Append one line."""
        line = json.dumps({"what": what, "by": self._process, **facts})
        os.write(self._file, f"{line}\n".encode())

    def read(self) -> list[dict[str, Any]]:
        """Return all lines of all processes, in their order."""
        return [json.loads(line) for line in self.path.read_text().splitlines()]


class Points:
    """Count what happens, on all threads, and die at the chosen point.

    Args:
        evidence: is told of the death.
        death: where to die; a number dies before that happening of all, whatever it is.
    """

    def __init__(self, evidence: Evidence, death: Point | int | None = None) -> None:
        self.passed: list[Point] = []
        self._evidence = evidence
        self._death = death
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def around(self, what: str) -> Iterator[None]:
        """Let something happen, unless it is here that the process dies."""
        what = f"{_who()} {what}"
        with self._lock:
            self._counts[what] += 1
            number = self._counts[what]
            self._pass(Point(what, number, "before"), self._counts.total())
        yield
        with self._lock:
            self._pass(Point(what, number, "after"))

    def _pass(self, point: Point, total: int = 0) -> None:
        self.passed.append(point)
        if self._death in (point, total):
            self._evidence.note("killed", point=str(point))
            os.kill(os.getpid(), signal.SIGKILL)
            signal.pause()  # not one step more, however slow the signal is


class Mortal(Around):
    """A store whose every operation is a point; what it has written is noted."""

    def __init__(self, store: Store, points: Points, evidence: Evidence) -> None:
        super().__init__(store)
        self._points = points
        self._evidence = evidence

    def __getattr__(self, name: str) -> Any:
        inner = super().__getattr__(name)
        return partial(self._do, name, inner) if name in OPERATIONS else inner

    def swap(self, swap: Swap) -> SwapResult:
        """Swap, and say in the evidence what the store has taken."""
        fields = json.loads(swap.record.body[SEAL_CHARACTERS:])
        told = State(fields["state"]).ended and fields["tell_after"] is None
        what = "told" if told else "telling" if fields["tells"] > 1 else fields["state"]
        with self._points.around(f"swap {what}"):
            result: SwapResult = self.inside.swap(swap)
            self._evidence.note("swap", state=what, version=fields["version"], status=result.status)
        return result

    def _do(self, name: str, inner: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        with self._points.around(name):
            return inner(*arguments, **named)


def _who() -> str:
    """Return which part of the process this thread is: gate, outbox, a run, or else who serves the chat."""
    part = threading.current_thread().name.partition("err-confirm ")[2]
    if part in ("gate", "outbox"):
        return part
    return "run" if part else "chat"
