"""Remember what the journal has said, so that nothing that has happened can be taken back unnoticed.

Whoever can write to the store, but has not our key, can forge nothing; but they could put back what was there before:
an approved record after it ran. The journal then has a later line about it, and every line up to the last one that was
seen must still be there.
"""

import threading
from collections.abc import Iterable

from err_confirm.errors import LineError
from err_confirm.journal import PAGE, PRUNED, Line, read_line
from err_confirm.seal import Seal
from err_confirm.store.base import Head, Store

FIRST_LOOK = 1_000
"""How many of the newest lines are read first; ten times as many where that does not tell."""
REMEMBERED = 100_000
"""Of how many executions the last line is remembered."""


class Witness:
    """What a process has seen of a store's journal; each line is read once. Any thread may ask."""

    def __init__(self, store: Store, seal: Seal) -> None:
        self._store = store
        self._seal = seal
        self._lock = threading.Lock()
        self._head = Head()
        self._versions: dict[str, int] = {}

    def last_version(self, execution_id: str) -> int | None:
        """Return the version of an execution of which the last line about it tells; None if there is no line.

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
            return self._versions.get(execution_id)

    def _go_on(self) -> None:
        """Read what is new after the line that was seen last, which must still be there."""
        page = self._read(self._store.journal(self._head.number - 1, PAGE))
        if not page or page[0].head != self._head:
            pruned = (line.entry.facts["through"] for line in page if line.entry.what == PRUNED)
            if not page or max(pruned, default=0) < self._head.number:
                raise LineError(f"line {self._head.number}, which was there, is gone")
        while page:
            self._note(page)
            page = self._read(self._store.journal(self._head.number, PAGE)) if len(page) == PAGE else []

    def _look_back(self, limit: int) -> bool:
        """Read the newest lines; tell whether there may be more before them."""
        page = self._read(self._store.newest(limit))
        if self._head.number and (not page or page[-1].number < self._head.number):
            raise LineError(f"line {self._head.number}, which was there, is gone")
        self._versions.clear()
        self._note(page)
        return len(page) == limit

    def _read(self, found: Iterable[tuple[int, str]]) -> list[Line]:
        """Return lines, each of which must follow the one before it."""
        lines = list[Line]()
        for number, text in found:
            line = read_line(text, self._seal)
            follows = not lines or (lines[-1].number + 1, lines[-1].seal) == (number, line.before)
            if number != line.number or not follows:
                raise LineError(f"line {number} does not follow what stands before it")
            lines.append(line)
        return lines

    def _note(self, page: Iterable[Line]) -> None:
        for line in page:
            self._head = line.head
            if line.entry.execution:
                self._versions.pop(line.entry.execution, None)
                self._versions[line.entry.execution] = line.entry.version
        while len(self._versions) > REMEMBERED:
            del self._versions[next(iter(self._versions))]
