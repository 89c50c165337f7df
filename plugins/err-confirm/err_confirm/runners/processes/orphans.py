"""See that nothing goes on of what a process has started, should that one be killed before it could end it.

A process of its own watches, which holds nothing of the other's but one end of a pipe: when the other end is closed,
nobody is there any more. It finds by a variable what belongs to the run: all that was started has that in its
environment, whatever session or parent it has by now, unless it took pains to lose it.
"""

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

from err_confirm.runners.processes.group import signal_group
from err_confirm.runners.processes.process import GRACE

_TICK = 0.05
_DONE = b"done"


@contextmanager
def no_orphans(name: str, value: str) -> Iterator[None]:
    """Watch for as long as it is open: what has this variable ends with this process, or when an error leaves it.

    It forks, so there must be no other thread yet.
    """
    watched, held = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            os.close(held)
            _watch(watched, f"{name}={value}".encode())
        finally:
            os._exit(0)
    os.close(watched)
    try:
        yield
        os.write(held, _DONE)
    finally:
        os.close(held)
        os.waitpid(process, 0)


def _watch(watched: int, mark: bytes) -> None:
    os.setsid()  # who kills the other with its group does not kill this one
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.closerange(0, watched)
    os.closerange(watched + 1, os.sysconf("SC_OPEN_MAX"))
    select.select([watched], [], [])
    if os.read(watched, len(_DONE)) == _DONE:
        return
    _end(mark)


def _end(mark: bytes) -> None:
    """Ask all that is marked to end, and kill it after the grace."""
    _signal(mark, signal.SIGTERM)
    deadline = monotonic() + GRACE
    while _marked(mark) and monotonic() < deadline:
        sleep(_TICK)
    while _marked(mark):  # it may start more while it is being killed
        _signal(mark, signal.SIGKILL)
        sleep(_TICK)


def _signal(mark: bytes, number: signal.Signals) -> None:
    """Signal each group once: a second signal would end what a process has started to clean up after the first."""
    groups = set[int]()
    for process in _marked(mark):
        with suppress(ProcessLookupError):
            groups.add(os.getpgid(process))
    for group in groups:
        signal_group(group, number)


def _marked(mark: bytes) -> list[int]:
    """Return the processes that have this in their environment; those of others cannot be looked into."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if mark in environment.read_bytes().split(b"\0"):
                found.append(int(environment.parent.name))
    return found
