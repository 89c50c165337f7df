"""Write what a run says to a file while it runs: not more than there is room for, and never so that the run suffers."""

import logging
import os
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

MOST = 16_777_216
"""The most bytes of one run's file."""
MOST_OF_A_TARGET = 1_048_576
"""The most bytes of the file of one target: a loop has up to 1,000 of them."""
LEFT_FREE = 67_108_864
"""Bytes that stay free where the files are: the store may be there, too."""
_LOOK = 1_048_576
"""Bytes between two looks at how much is free."""


class Keeping:
    """The file of one run, made with the first byte; what it cannot take is left out, which the log says once.

    Args:
        path: of a file that is not there yet; None to keep nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._most = MOST_OF_A_TARGET if path is not None and path.suffix else MOST
        self._file: int | None = None
        self._size = 0
        self._look_at = 0

    def write(self, written: bytes) -> None:
        """Add to the file what it can take."""
        if self._path is None or not written:
            return
        try:
            if self._file is None:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                self._file = os.open(self._path, flags, 0o600)
            self._add(written[: self._most - self._size])
        except OSError as error:
            self._give_up(f"{error.strerror}; the run goes on, and its end is kept in the store")
        else:
            if self._size >= self._most:
                self._give_up(f"it has written {self._most:,} bytes, and no more of it is kept")

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            with suppress(OSError):
                os.close(self._file)
            self._file = None
        self._path = None

    def _add(self, written: bytes) -> None:
        assert self._file is not None
        if self._size >= self._look_at:
            free = os.fstatvfs(self._file)
            if free.f_bavail * free.f_frsize < LEFT_FREE:
                raise OSError(0, f"less than {LEFT_FREE:,} bytes are free")
            self._look_at = self._size + _LOOK
        while written:
            count = os.write(self._file, written)
            written = written[count:]
            self._size += count

    def _give_up(self, why: str) -> None:
        log.warning("not all that a run says is kept in %s: %s", self._path, why)
        self.close()
