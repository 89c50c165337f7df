"""Keep all that runs write, in files of this machine: a store keeps the end of it only."""

import logging
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from err_confirm import ids
from err_confirm.model.executions import Execution
from err_confirm.transition.steps import KEEP

log = logging.getLogger(__name__)

LONGEST_PAGE = 2_500
"""Bytes of output on one page in chat."""
PAGE_LINES = 40
_NAME = re.compile(rf"([{ids.ALPHABET}]{{{ids.LENGTH}}})-[0-9]{{1,9}}(\.[0-9]{{1,5}})?")
"""An execution's id, the fence of its claim, and for one target of a loop its place."""


@dataclass(frozen=True, slots=True)
class Output:
    """The complete output of one run, or of one target of a loop."""

    path: Path
    size: int

    def read(self, most: int) -> bytes:
        """Return its first bytes; nothing if it is gone meanwhile."""
        try:
            with self.path.open("rb") as file:
                return file.read(most)
        except OSError as error:
            log.warning("what a run has written cannot be read: %s", error)
            return b""


def page(content: bytes, number: int) -> tuple[str, int]:
    """Return one page of an output, from 1 on, and how many there are; nothing where there are fewer."""
    ends = [0, *_ends(content)]
    text = content[ends[number - 1] : ends[number]] if 1 <= number < len(ends) else b""
    return text.decode(errors="replace"), len(ends) - 1


def _ends(content: bytes) -> Iterator[int]:
    """Yield where each page ends: behind a line if that can be, never inside a letter."""
    start = 0
    while start < len(content):
        end = _behind_lines(content, start)
        if end == start:  # the first line alone is too long
            end = start + LONGEST_PAGE
            while end > start + LONGEST_PAGE - 4 and content[end] & 0xC0 == 0x80:  # UTF-8 goes on with such bytes
                end -= 1
        start = end
        yield end


def _behind_lines(content: bytes, start: int) -> int:
    """Return where the last line ends of those that go on a page; `start` if not one of them does."""
    most = start + LONGEST_PAGE
    lines = content[start:most].split(b"\n", PAGE_LINES)
    if len(lines) <= PAGE_LINES and len(content) <= most:
        return len(content)
    return min(len(content), most) - len(lines[-1])


class Outputs:
    """The files of one bot, in a folder in which nothing else is kept.

    Args:
        folder: where they are; it is made when the first is written.
        clock: seconds since 1970, as the file system has them.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder.absolute()
        self._clock = clock

    def path(self, execution: Execution) -> Path:
        """Return where a run is to write; for one target of a loop, with a dot and its place behind it."""
        return self._folder / f"{execution.id}-{execution.fence}"

    def find(self, execution: Execution, place: int | None = None) -> Output | None:
        """Return what an execution, or one target of it, has written here; of several runs, that of the last."""
        for fence in range(execution.fence, 0, -1):
            path = self._folder / f"{execution.id}-{fence}{'' if place is None else f'.{place}'}"
            if (found := _regular(path)) is not None:
                return Output(path, found.st_size)
        return None

    def forget_old(self, is_known: Callable[[str], bool]) -> None:
        """Remove what belongs to executions that are no longer kept.

        Args:
            is_known: tells of an id whether the store has it. Raises StoreUnavailableError.
        """
        before = self._clock() - KEEP
        try:
            found = [(entry, match[1]) for entry in os.scandir(self._folder) if (match := _NAME.fullmatch(entry.name))]
        except OSError:  # there is none yet
            return
        for entry, execution_id in found:
            path = Path(entry.path)
            status = _regular(path)
            if status is not None and status.st_mtime < before and not is_known(execution_id):
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:
                    log.warning("what a run has written cannot be removed: %s", error)


def _regular(path: Path) -> os.stat_result | None:
    """Return what is known of a regular file of ours; None for all else."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return status if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() else None
