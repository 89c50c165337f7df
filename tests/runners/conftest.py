"""Actions in a folder of their own, and processes that say when they have come so far."""

import os
import re
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from err_confirm.model.files import Action, Source
from err_confirm.runners import RUNNERS
from err_confirm.runners.base import Context, Running
from servers import PATIENCE, readable

LIMITS = (0.3, 3.0, 30.0)
"""Seconds of time limits: the next one is tried where a machine was too slow for the one before."""


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
        running = RUNNERS[invocation.runner].start(invocation, Context())
        all_running.append(running)
        return running

    yield start
    for running in all_running:
        running.stop("the test is over")
        assert running.wait(PATIENCE) is not None


@pytest.fixture
def ended(started):
    """Return a function that renders, starts, and returns how it ended."""

    def run_to_its_end(parameters=None, /, **run):
        outcome = started(parameters, **run).wait(PATIENCE)
        assert outcome is not None
        return outcome

    return run_to_its_end


@pytest.fixture
def out_of_time(ended):
    """Return a function that runs into a time limit: into one that let it come far enough."""

    def run_until_stopped(far_enough, **run):
        for limit in LIMITS:
            outcome = ended(**run, timeout=limit)
            assert (outcome.exit_code, outcome.error) == (None, f"stopped after its time limit of {limit:g} s")
            if far_enough(outcome):
                return outcome
        raise AssertionError(f"it came no farther than this: {outcome}")

    return run_until_stopped


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
            assert readable(self._pipe.fileno(), PATIENCE), f"no news, only {line!r}"
            line += self._pipe.read(1)
        return line.decode().strip()

    def process(self) -> "Watched":
        """Return the process whose id is the next line."""
        watched = Watched(int(self.line()))
        self._watched.append(watched.descriptor)
        return watched

    def processes(self, count: int, running: Running) -> list["Watched"]:
        """Return the processes whose ids are the next lines: fewer than `count` where the run ends before them."""
        found: list[Watched] = []
        while len(found) < count:
            is_over = running.wait(0) is not None
            if readable(self._pipe.fileno(), 0.01):
                with suppress(ProcessLookupError):  # it has ended since it wrote its line
                    found.append(self.process())
            elif is_over:
                break
        return found

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

    def is_gone(self, within: float = PATIENCE) -> bool:
        """Return whether it ends within so many seconds."""
        return readable(self.descriptor, within)


@pytest.fixture
def news(tmp_path):
    """Yield a pipe for news from processes."""
    pipe = News(tmp_path / "news")
    yield pipe
    pipe.close()
