"""Ask about a process group, and signal it; its id must be held by a process that is not reaped yet."""

import os
import signal
from contextlib import suppress
from pathlib import Path


def group_is_alive(group: int) -> bool:
    """Return whether any of its processes still runs; a zombie does not. /proc is the only one to know."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            state, _, its_group, *_ = stat.read_bytes().rpartition(b")")[2].split()
            if int(its_group) == group and state not in (b"Z", b"X"):
                return True
    return False


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to all of its processes that are ours to signal."""
    with suppress(PermissionError, ProcessLookupError):
        os.killpg(group, number)


def signal_name(number: int) -> str:
    """Return `KILL` for 9; a number that has no name as it is."""
    try:
        return signal.Signals(number).name.removeprefix("SIG")
    except ValueError:
        return str(number)
