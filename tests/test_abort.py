"""Somebody wants stopped what runs: it ends with all its processes, wherever it runs, and its end is told once."""

import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from builders import a_policy
from err_confirm.journal import lines
from err_confirm.model.executions import State
from err_confirm.model.files import Rate
from err_confirm.model.runs import Invocation, PartState
from err_confirm.runners import RUNNERS
from err_confirm.runners.base import Context
from err_confirm.runners.loops import LoopRunner, loop
from err_confirm.store import open_store
from err_confirm.store.base import Store
from err_confirm.transition.events import Abort, Reason
from err_confirm.transition.steps import Already, Refusal, Step
from house import Counter, a_house, a_plan
from servers import eventually
from stubborn import FAMILY, with_canary

HERE = Path(__file__).parent
ENVIRONMENT = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
MOMENTS = 24


@dataclass
class Stubborn(Counter):
    """A runner whose runs nobody can end politely."""

    canary: str = ""
    ready: Path = Path()

    def start(self, invocation: Invocation, context: Context) -> Any:
        argv = [sys.executable, "-S", str(HERE / "stubborn.py"), self.canary, str(self.ready)]
        spec = {"argv": argv, "cwd": str(HERE), "env": {}, "timeout": 60.0, "output_cap": 1_000}
        return RUNNERS["command"].start(Invocation(runner="command", spec=spec), context)


@pytest.fixture
def shared(url: str) -> Iterator[Store]:
    with closing(open_store(url)) as store:
        yield store


def test_what_another_process_wants_stopped_ends_here_with_all_its_children(
    shared: Store, url: str, tmp_path: Path
) -> None:
    """Given a command that ignores SIGTERM, has children and grandchildren and floods its output, none is left."""
    canary = uuid4().hex
    with a_house(shared, Stubborn(canary=canary, ready=tmp_path / "ready")) as house:
        execution = house.ask(a_policy())
        house.confirm(execution)
        house.becomes(execution, State.RUNNING)
        eventually((tmp_path / "ready").exists)
        assert len(with_canary(canary)) == FAMILY
        command = [sys.executable, HERE / "aborting.py", url, "alice", "wrong host", execution.id]
        said = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True)
        assert said.stdout == "Step\n"
        aborted = house.becomes(execution, State.ABORTED)
        assert with_canary(canary) == []
        assert aborted.outcome.error == "stopped by alice: wrong host"
        assert aborted.outcome.output.startswith("x")
        assert aborted.outcome.omitted_bytes > 0
    told = [line.entry.what for line in lines(shared)]
    assert told == ["asked", "posted", "confirmed", "running", "stopping", "aborted"]


def test_what_is_stopped_in_the_moment_in_which_it_ends_is_one_or_the_other_and_told_once(store: Store) -> None:
    with a_house(store) as house:
        house.runner.hold.set()
        for number in range(MOMENTS):
            execution = house.ask(a_policy(), f"{number}")
            house.confirm(execution)
            house.becomes(execution, State.RUNNING)
            running = house.runs._running
            eventually(lambda: execution.id in running)  # noqa: B023  # called at once
            ends = threading.Thread(target=running[execution.id].let_go.set)
            decisions = [house.engine.apply(execution.id, Abort("alice"))] if number % 3 == 0 else []
            ends.start()
            decisions += [house.engine.apply(execution.id, Abort("alice")) for _ in range(2)]
            ends.join()
            end = house.changes.get(timeout=60)
            assert (end.id, end.state) == (execution.id, State.SUCCEEDED)
            if isinstance(decisions[0], Refusal):
                assert (decisions[0].reason, end.aborted_by) == (Reason.ENDED, "")
            else:
                assert isinstance(decisions[0], Step)
                assert end.aborted_by == "alice", "it came to its end all the same"
                assert isinstance(decisions[1], Already | Refusal)
        with pytest.raises(queue.Empty):
            house.changes.get(timeout=0.05)


def test_once_somebody_wants_a_loop_stopped_no_target_begins_any_more(store: Store) -> None:
    """Regression: for up to a second it went on, and the next ones began."""

    @dataclass
    class Wants(Counter):
        def start(self, invocation: Invocation, context: Context) -> Any:
            if invocation.spec["name"] == "2":
                house.engine.apply(execution.id, Abort("alice", "wrong hosts"))
            return super().start(invocation, context)

    wants, names = Wants(), [str(number) for number in range(9)]
    each = [Invocation(runner="count", spec={"name": name}) for name in names]
    with a_house(store, None, LoopRunner({"count": wants})) as house:
        execution = house.start(replace(a_plan(a_policy()), invocation=loop(each, Rate(), names)))
        house.confirm(execution)
        aborted = house.becomes(execution, State.RUNNING, State.ABORTED)
    assert (wants.starts, [part.state for part in aborted.parts].count(PartState.WAITS)) == (names[:3], 6)
