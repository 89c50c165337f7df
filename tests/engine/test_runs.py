"""What runs ends with the bot, and holds up nothing else."""

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from builders import RECORDS, a_policy
from err_confirm.engine import Engine
from err_confirm.engine.runs import CUT_OFF, FORGOTTEN, NOT_STARTED, Runs
from err_confirm.model.executions import Place, Speaker, State
from err_confirm.model.runs import Conduct, Invocation, Outcome
from err_confirm.runners.base import Context
from err_confirm.store.base import Record, Store, Swap
from err_confirm.transition.events import Advance, Posted
from faulty import Broken as Away
from house import PATIENCE, Counted, Counter, a_house, a_plan
from servers import eventually


@dataclass
class Deaf:
    """A run that does not end, whoever asks it to."""

    let_go: threading.Event

    def wait(self, timeout: float) -> Outcome | None:
        return Outcome(exit_code=0) if self.let_go.wait(timeout) else None

    def stop(self, error: str) -> None:
        pass


@dataclass
class Broken(Counted):
    """A run that raises what no runner should."""

    stopped: list[str] = field(default_factory=list)
    waited: threading.Event = field(default_factory=threading.Event)

    def wait(self, timeout: float) -> Outcome | None:
        self.waited.set()
        raise OSError("gone")

    def stop(self, error: str) -> None:
        self.stopped.append(error)


@dataclass
class Starts(Counter):
    """A runner whose runs are of one kind."""

    run: Any = None

    def start(self, invocation: Invocation, context: Context) -> Any:
        return self.run


def hurried(*before: float) -> Callable[[], float]:
    """Return a clock on which a minute has passed whenever it is looked at; before that, it shows these moments."""
    moments = itertools.chain(before, itertools.count(step=60))
    return lambda: float(next(moments))


def test_a_run_that_does_not_end_does_not_hold_the_end_of_the_bot(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """Regression: its thread was waited for without a limit."""
    let_go = threading.Event()
    with a_house(store, Starts(run=Deaf(let_go))) as house:
        execution = house.ask(a_policy())
        house.confirm(execution)
        claimed = house.becomes(execution, State.RUNNING)
        runs = Runs(house.engine, {"count": house.runner}, claimed.process, hurried(0.0, 0.0))
        runs.start(claimed)
        runs.stop(1.0)
        assert f"left behind: err-confirm {execution.id}" in caplog.text
        let_go.set()
        eventually(lambda: not len(runs))


def test_a_run_that_raises_is_not_stopped_later(store: Store) -> None:
    """Regression: it stayed among what runs."""
    run = Broken(threading.Event())
    with a_house(store, Starts(run=run)) as house:
        execution = house.ask(a_policy())
        house.confirm(execution)
        assert run.waited.wait(PATIENCE)
        eventually(lambda: not len(house.runs))
    assert run.stopped == []


def test_an_end_that_no_store_could_keep_is_reported_all_the_same(store: Store) -> None:
    """Regression: with half a character in what a plugin's error said, it was lost."""
    said = Outcome(exit_code=None, output="ok \ud800", error="no file \udcff")
    ended = threading.Event()
    ended.set()
    with a_house(store, Starts(run=Counted(ended, said))) as house:
        execution = house.ask(a_policy())
        house.confirm(execution)
        failed = house.becomes(execution, State.RUNNING, State.FAILED)
    assert (failed.outcome.output, failed.outcome.error) == ("ok ?", "no file ?")


def test_what_was_claimed_and_could_not_be_started_for_long_is_not_started(store: Store) -> None:
    """Regression: a bot that was stopped in between started it when another one had taken it over."""
    with a_house(store) as house:
        house.runner.hold.set()
        execution = house.ask(a_policy())
        house.confirm(execution)
        claimed = house.becomes(execution, State.RUNNING)
        late = Counter()
        Runs(house.engine, {"count": late}, claimed.process, hurried()).start(claimed)
        failed = house.becomes(execution, State.FAILED)
    assert (late.starts, failed.outcome.error) == ([], NOT_STARTED)


def test_what_runs_and_the_store_has_forgotten_is_stopped_and_said(store: Store) -> None:
    """Regression: it was stopped in silence, by "another bot"."""
    with a_house(store) as house:
        house.runner.hold.set()
        execution = house.ask(a_policy())
        house.confirm(execution)
        running = house.becomes(execution, State.RUNNING)
        eventually(lambda: house.runner.starts)
        store.swap(Swap(record=Record(execution.id, running.version + 1, "gone", b""), keep_until=0.0))
        assert house.becomes(execution, State.ABORTED).outcome.error == FORGOTTEN
        eventually(lambda: not len(house.runs))


@dataclass
class Endless(Counted):
    """A run that ends when it is stopped, or was looked at five times."""

    stopped: list[str] = field(default_factory=list)
    looks: int = 0

    def wait(self, timeout: float) -> Outcome | None:
        self.looks += 1
        return Outcome(exit_code=None, aborted=True) if self.stopped or self.looks > 5 else None

    def stop(self, error: str) -> None:
        self.stopped.append(error)


@pytest.mark.parametrize("retry", [True, False])
def test_what_another_bot_may_start_again_is_stopped_before_that_where_the_store_is_away(
    store: Store, retry: bool
) -> None:
    """Regression: both ran it for a while. What nobody starts again goes on, and reports later."""
    away, run = Away(store), Endless(threading.Event())
    engine = Engine(away, RECORDS, lambda _: None)
    plan = replace(a_plan(None), conduct=Conduct(retry=retry))
    asked = engine.create(plan, Speaker("alice", Place(person="@alice")), "it")
    engine.apply(asked.id, Posted())
    claimed = engine.apply(asked.id, Advance("one")).execution
    assert claimed is not None
    away.down.set()
    runs = Runs(engine, {"count": Starts(run=run)}, "one", hurried(0.0, 0.0))
    runs.start(claimed)
    eventually(lambda: run.looks > 5 or run.stopped)
    away.down.clear()
    eventually(lambda: not len(runs))
    assert run.stopped[:1] == ([CUT_OFF] if retry else [])
