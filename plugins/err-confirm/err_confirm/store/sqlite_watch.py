"""Hear of commits in an SQLite file, those of other processes too."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

DELAY = 0.05
"""Seconds between two looks for the commits of other processes; a look takes microseconds."""
FileId = tuple[int, int]
"""What tells a file from another one under the same name: its device and its number there."""


def file_id(path: Path) -> FileId:
    """Return which file is at a path. Raises OSError."""
    found = os.stat(path)
    return found.st_dev, found.st_ino


class SqliteWatch:
    """An ear that its own store wakes at once; for the others it looks at `PRAGMA data_version`.

    That number changes when another connection has committed (https://www.sqlite.org/pragma.html#pragma_data_version).

    Args:
        connect: opens the file, if it is there.
        path: of the file.
        listeners: the events that the store sets after each swap.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], path: Path, listeners: set[threading.Event]) -> None:
        self._connect = connect
        self._path = path
        self._file: FileId | None = None
        self._listeners = listeners
        self._woken = threading.Event()
        self._connection: sqlite3.Connection | None = None
        self._version: int | None = None
        self._changed()
        listeners.add(self._woken)

    def wait(self, timeout: float) -> bool:
        """See `Watch.wait`."""
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            woken = self._woken.wait(max(0.0, min(left, DELAY)))
            if woken:
                self._woken.clear()
            if self._changed() or woken:
                return True
            if left <= 0:
                return False

    def wake(self) -> None:
        """See `Watch.wake`."""
        self._woken.set()

    def close(self) -> None:
        """See `Watch.close`."""
        self._listeners.discard(self._woken)
        self._drop()

    def _changed(self) -> bool:
        """Tell whether somebody has, or may have, committed since the last look; False while the file cannot be read.

        A connection that has failed is given up; the next one counts anew, so its first number is a change.
        """
        seen = self._version
        try:
            if self._connection is not None and self._file != file_id(self._path):
                seen = None
                self._drop()
            if self._connection is None:
                self._connection, self._file = self._connect(), file_id(self._path)
            (self._version,) = self._connection.execute("PRAGMA data_version").fetchone()
        except (sqlite3.Error, OSError):
            self._version = None
            self._drop()
            return False
        return self._version != seen

    def _drop(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None
