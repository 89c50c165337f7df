"""Copy the journal to a file as JSON lines, forget in the store what is too old, and notice if its end was cut off."""

import logging
import os
import shlex
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from err_confirm.errors import LineError, StoreUnavailableError
from err_confirm.journal import PAGE, PRUNED, Entry, append, lines, read_line
from err_confirm.model.executions import Speaker
from err_confirm.store.base import Head, Store, clock
from err_confirm.store.seal import Seal

log = logging.getLogger(__name__)

TAIL = 1 << 20
"""How many bytes of the file's end are read to find its last line."""


class Archive:
    """The copy of a store's journal on this machine.

    Args:
        store: whose journal it is.
        seal: of the store's namespace.
        path: of the file; each of its lines is one line of the journal, in JSON, as the store has it.
        keep: for how many seconds the store keeps lines.
        on_gap: is called once, with a sentence, if the store's journal does not go on where the copy ends.
    """

    def __init__(self, store: Store, seal: Seal, path: Path, *, keep: float, on_gap: Callable[[str], None]) -> None:
        self._store = store
        self._seal = seal
        self._path = path
        self._keep = keep
        self._on_gap = on_gap
        self._lock = threading.Lock()
        self._last: tuple[int, str] | None = None
        self._gap_told = False

    def catch_up(self) -> None:
        """Copy the lines that are new. What goes wrong is logged: a copy must stop nobody."""
        try:
            with self._lock:
                self._copy()
        except (OSError, UnicodeDecodeError, LineError) as error:
            log.error("the journal could not be copied to %s: %s", self._path, error)
            self._last = None  # a full disk may have taken a part: where the file ends is read again
        except StoreUnavailableError as error:
            log.warning("the journal could not be copied to %s yet: %s", self._path, error)

    def head(self) -> Head:
        """Return the head of the store's journal. Raises LineError if that is no line."""
        newest = self._store.newest(1)
        return read_line(newest[0][1], self._seal).head if newest else Head()

    def forget_old(self) -> None:
        """Remove from the store the lines that are older than they are kept; a line of its own tells of it.

        Raises:
            LineError: a line was changed. What we forgot in its place, we would seal as forgotten on purpose.
        """
        now, through = clock(self._store), 0
        for line in lines(self._store, self._seal):
            if line.entry.at >= now - self._keep:
                break
            through = line.number
        if through:
            told = Entry(at=now, what=PRUNED, facts={"through": through})
            self._store.note(append(self._seal, told), through)

    def note(self, what: str, facts: Mapping[str, Any], by: Speaker) -> None:
        """Keep in the journal what belongs to no execution, such as a reload or a lock, and who wanted it."""
        now = clock(self._store)
        told = Entry(at=now, what=what, who=by.person, identity=by.identity, room=by.place.room, facts=facts)
        self._store.note(append(self._seal, told))

    def _copy(self) -> None:
        number, text = self._last or self._read_last()
        page = self._store.journal(max(0, number - 1), PAGE)
        if number and page[:1] != [(number, text)] and not self._is_forgotten(number, page):
            self._tell_gap(number)
        while page:
            new = [each for each in page if each[0] > number]
            if new:
                self._write("".join(f"{line}\n" for _, line in new))
                self._last = number, text = new[-1]
            page = self._store.journal(number, PAGE) if len(page) == PAGE else []

    def _is_forgotten(self, number: int, page: list[tuple[int, str]]) -> bool:
        """Tell whether a line, and all others before a page, were forgotten on purpose."""
        if not page or page[0][0] <= number:
            return False
        missing = page[0][0] - 1
        with suppress(LineError):
            for line in lines(self._store, self._seal, missing):
                if line.entry.what == PRUNED and line.entry.facts["through"] >= missing:
                    return True
        return False

    def _tell_gap(self, number: int) -> None:
        if not self._gap_told:
            self._gap_told = True
            text = (
                f"the journal was cut off or changed: line {number} is in {self._path}, and not so in the store; "
                f"check with: err-confirm verify --file {shlex.quote(str(self._path))}"
            )
            log.error("%s", text)
            self._on_gap(text)

    def _read_last(self) -> tuple[int, str]:
        """Return number and text of the file's last line; one that a crash has cut is removed, and copied again."""
        if not self._path.exists():
            return 0, ""
        with self._path.open("rb+") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL))
            tail = file.read()
            whole, _, cut = tail.rpartition(b"\n")
            if cut:
                file.truncate(size - len(cut))
        last = whole.rpartition(b"\n")[2].decode()
        return (read_line(last).number, last) if last else (0, "")

    def _write(self, text: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as lines_file:
            lines_file.write(text)
