"""Remember what the journal has said, so that nothing that has happened can be taken back unnoticed.

Whoever can write to the store, but has not our key, can forge nothing; but they could put back what was there before:
an approved record after it ran. The journal then has a later line about it, and every line up to the last one that was
seen must still be there.
"""

import sys
import threading
from collections.abc import Iterable, Sequence

from err_confirm.errors import LineError
from err_confirm.journal import PRUNED, Line, read_line, texts
from err_confirm.store.base import Head, Store
from err_confirm.store.seal import Seal

FIRST_LOOK = 1_000
"""How many of the newest lines are read first; ten times as many where that does not tell."""
REMEMBERED = 100_000
"""Of how many executions the last line is remembered."""
Last = tuple[int, str]
"""Of which version the last line about an execution tells, and the mark of the record that was written with it."""
FORKED = sys.maxsize
"""The version of what two lines tell of that cannot both be true: no record has it."""


class Witness:
    """What a process has seen of a store's journal; each line is read once. Any thread may ask."""

    def __init__(self, store: Store, seal: Seal) -> None:
        self._store = store
        self._seal = seal
        self._lock = threading.Lock()
        self._head = Head()
        self._versions: dict[str, Last] = {}  # of those whose first line was seen, too

    def last(self, execution_id: str) -> tuple[Last | None, Head]:
        """Return what the last line about an execution tells of, and the journal's head up to which it is so.

        There is nothing if there is no line. The version is FORKED where a line tells of no later version than one
        before it: an old record was put back and went on.

        Raises:
            LineError: a line was changed or taken away, or the journal does not go on where it was seen to end.
        """
        with self._lock:
            if self._head.number:
                self._go_on()
            limit, more = FIRST_LOOK, True
            while more and execution_id not in self._versions:
                more = self._look_back(limit)
                limit *= 10
            return self._versions.get(execution_id), self._head

    def _go_on(self) -> None:
        """Read what is new after the line that was seen last, which must still be there."""
        lines = self._read(texts(self._store, self._head.number - 1))
        if lines and lines[0].head == self._head:
            self._note(lines[1:])
        elif lines and lines[0].number - 1 <= _pruned(lines):
            self._versions.clear()  # what was forgotten unseen may have told more of them
            self._note(lines)
        else:
            raise LineError(f"line {self._head.number}, which was there, is gone")

    def _look_back(self, limit: int) -> bool:
        """Read the newest lines; tell whether there may be more before them."""
        page = self._read(self._store.newest(limit))
        if self._head.number and (not page or page[-1].number < self._head.number):
            raise LineError(f"line {self._head.number}, which was there, is gone")
        more = len(page) == limit
        if page and not more and _pruned(page) < page[0].number - 1:
            raise LineError(f"what was there before line {page[0].number} is gone")
        self._versions.clear()
        self._note(page, whole=not more)
        return more

    def _read(self, found: Iterable[tuple[int, str]]) -> list[Line]:
        """Return the lines that were found, each of which must follow the one before it."""
        lines = list[Line]()
        for number, text in found:
            line = read_line(text, self._seal)
            follows = not lines or (lines[-1].number + 1, lines[-1].seal) == (number, line.before)
            if number != line.number or not follows:
                raise LineError(f"line {number} does not follow what stands before it")
            lines.append(line)
        return lines

    def _note(self, page: Iterable[Line], *, whole: bool = False) -> None:
        """Remember lines; `whole` if there are none before them, so that nothing of an execution can be missing."""
        for line in page:
            self._head = line.head
            name, version = line.entry.execution, line.entry.version
            if name and (whole or version == 1 or name in self._versions):
                known, _ = self._versions.pop(name, (0, ""))
                self._versions[name] = (version if version > known else FORKED, line.entry.record)
        while len(self._versions) > REMEMBERED:
            del self._versions[next(iter(self._versions))]


def _pruned(lines: Sequence[Line]) -> int:
    """Return up to which number lines were forgotten on purpose."""
    return max((int(line.entry.facts["through"]) for line in lines if line.entry.what == PRUNED), default=0)
