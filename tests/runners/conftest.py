"""Actions in a folder of their own, and processes that say when they have come so far."""

import os
import re
import select
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from err_confirm.model import Action, Source
from err_confirm.runners import RUNNERS

BOUND = 10.0
"""Seconds after which a test gives up; nothing measures how long something took."""


def fill(parameters):
    """Return a render function as small as its contract."""

    def render(template):
        if lone := re.fullmatch(r"\{\{ (\w+) \}\}", template):
            return parameters[lone[1]]
        return re.sub(r"\{\{ (\w+) \}\}", lambda match: str(parameters[match[1]]), template)

    return render


@pytest.fixture
def rendered(tmp_path):
    """Return a function that renders an action with `run` as its file would say it."""

    def render(parameters=None, /, **run):
        (key,) = RUNNERS.keys() & run.keys()
        source = Source(tmp_path / "actions" / "it.yaml")
        action = Action(name="it", runner=key, run=run, source=source, base=tmp_path)
        return RUNNERS[key].render(action, fill(parameters or {}), parameters or {})

    return render


@pytest.fixture
def started(rendered):
    """Return a function that renders and starts; what is still running after the test is stopped."""
    all_running = []

    def start(parameters=None, /, **run):
        invocation = rendered(parameters, **run)
        running = RUNNERS[invocation.runner].start(invocation)
        all_running.append(running)
        return running

    yield start
    for running in all_running:
        running.stop("the test is over", grace=0)
        assert running.wait(BOUND) is not None


@pytest.fixture
def ended(started):
    """Return a function that renders, starts, and returns how it ended."""

    def run_to_its_end(parameters=None, /, **run):
        outcome = started(parameters, **run).wait(BOUND)
        assert outcome is not None
        return outcome

    return run_to_its_end


@pytest.fixture
def script(tmp_path):
    """Return a function that writes a Python program and returns the command that runs it."""

    def write(text, name="script.py"):
        path = tmp_path / name
        path.write_text(text)
        return [sys.executable, "-I", "-S", str(path)]

    return write


class News:
    """A named pipe into which processes write lines."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = str(path)
        self._pipe = os.fdopen(os.open(path, os.O_RDWR), "rb", buffering=0)
        self._watched: list[int] = []

    def line(self) -> str:
        """Return the next line."""
        line = b""
        while not line.endswith(b"\n"):
            assert select.select([self._pipe], [], [], BOUND)[0], f"no news, only {line!r}"
            line += self._pipe.read(1)
        return line.decode().strip()

    def process(self) -> "Watched":
        """Return the process whose id is the next line."""
        watched = Watched(int(self.line()))
        self._watched.append(watched.descriptor)
        return watched

    def close(self) -> None:
        """Kill what a failed test has left."""
        self._pipe.close()
        for descriptor in self._watched:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            os.close(descriptor)


class Watched:
    """One process, which stays this one even when its number is used again."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.descriptor = os.pidfd_open(pid)

    def is_gone(self, within: float = BOUND) -> bool:
        """Return whether it ends within so many seconds."""
        return bool(select.select([self.descriptor], [], [], within)[0])


@pytest.fixture
def news(tmp_path):
    """Yield a pipe for news from processes."""
    pipe = News(tmp_path / "news")
    yield pipe
    pipe.close()
