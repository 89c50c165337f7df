"""Take turns between processes, so that none of them starves."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_DELAY = 0.0005


@contextmanager
def turn(path: Path, timeout: float) -> Iterator[None]:
    """Hold the lock on a file of its own, which is created if need be.

    Raises:
        TimeoutError: others have held it for `timeout` seconds.
        OSError: the file cannot be created.
    """
    deadline = time.monotonic() + timeout
    file = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        while not _locked(file):
            if time.monotonic() > deadline:
                raise TimeoutError(f"another process has held {path.name} for {timeout:g} s")
            time.sleep(_DELAY)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)  # closing is not enough where a fork has copied the descriptor
    finally:
        os.close(file)


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
