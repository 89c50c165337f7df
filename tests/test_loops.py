"""Loops on real stores: very many targets, a bot that is killed in the middle, and another one that takes over."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from err_confirm.cli.show import worded
from err_confirm.model.executions import Execution, Place, Speaker, State
from err_confirm.model.runs import PartState
from err_confirm.runners import starters
from err_confirm.store import open_store
from err_confirm.store.base import Due, Record, Store, Swap, SwapResult
from err_confirm.tally import counts
from err_confirm.transition.steps import LEASE
from faulty import Around
from house import Counter, a_house
from looping import a_loop, begun, hold, most_at_once, noted
from servers import eventually

PROCESS = Path(__file__).with_name("looping_process.py")
MANY, AT_ONCE = 1_000, 50
MOST_SHARE = 3
"""A loop is written at most once for each so many of its targets, where many run at once."""


class Counting(Around):
    """Counts what is written, and keeps the size of the largest record."""

    swaps = 0
    largest = 0

    def swap(self, swap: Swap) -> SwapResult:
        self.swaps += 1
        self.largest = max(self.largest, len(swap.record.body))
        result: SwapResult = self.inside.swap(swap)
        return result


def test_of_a_thousand_targets_each_is_done_once_and_never_more_than_fifty_run(tmp_path: Path) -> None:
    evidence, ids = tmp_path / "evidence", [f"h{place}" for place in range(MANY)]
    with closing(open_store(f"sqlite:///{tmp_path}/s.db")) as file:
        store = Counting(file)
        file_held = hold(evidence)
        with a_house(store, None, starters()["loop"]) as house:
            execution = house.start(a_loop(evidence, ids, concurrency=AT_ONCE))
            eventually(lambda: len(begun(evidence)) == AT_ONCE)
            file_held.unlink()
            ended = house.becomes(execution, State.RUNNING, State.SUCCEEDED)
    assert {part.state for part in ended.parts} == {PartState.DONE}
    assert begun(evidence) == dict.fromkeys(ids, 1)
    assert most_at_once(evidence) == AT_ONCE
    assert store.swaps <= MANY // MOST_SHARE
    assert store.largest < 600 * MANY


@pytest.mark.parametrize(("count", "remembered"), [(3, True), (100, False)])
def test_the_many_versions_of_a_large_record_are_not_kept_in_memory(
    store: Store, tmp_path: Path, count: int, remembered: bool
) -> None:
    """Regression: with a thousand targets, one after the other, they came to a gigabyte."""
    plan = a_loop(tmp_path / "evidence", [f"h{number}" for number in range(count)])
    with a_house(store, None, Counter("loop")) as house:
        execution = house.engine.create(plan, Speaker("alice", Place(person="@alice")), "it")
        first, again = (house.engine.read(execution.id)[0] for _ in range(2))
    assert first == again == execution
    assert (first is again) is remembered


class Later(Around):
    """A store on whose clock more time has passed than a lease."""

    after = LEASE + 1.0

    def read(self, execution_id: str) -> tuple[Record | None, float]:
        record, now = self.inside.read(execution_id)
        return record, now + self.after

    def due(self, limit: int) -> tuple[list[Due], float]:
        entries, now = self.inside.due(limit)
        return entries, now + self.after

    def swap(self, swap: Swap) -> SwapResult:
        window = {"not_before": swap.not_before - self.after, "not_after": swap.not_after - self.after}
        result: SwapResult = self.inside.swap(replace(swap, **window))
        return replace(result, now=result.now + self.after)


@contextmanager
def a_bot_that_loops(url: str, evidence: Path, ids: list[str], *options: str) -> Iterator[None]:
    """Let another process run a loop; at the end of the block it is killed with -9."""
    command = [sys.executable, str(PROCESS), url, str(evidence), *options, *ids]
    bot = subprocess.Popen(command, env={"PYTHONPATH": ":".join(path for path in sys.path if path)})
    try:
        yield
    finally:
        bot.kill()
        bot.wait()


def next_bot(store: Store, *becomes: State) -> Execution:
    """Let another process take over, a lease later; return the execution as it ends there."""
    with a_house(Later(store), None, starters()["loop"]) as house:
        (execution,) = house.engine.recent()
        return house.becomes(execution, *becomes)


FIRST, HELD, REST = ["fast1", "fast2-bad", "fast3"], ["h1", "h2", "h3"], [f"fast{number}" for number in range(4, 10)]


def killed_in_the_middle(url: str, evidence: Path, *options: str) -> None:
    """Kill a bot when the first three have ended, three are held, and the others are still to come."""
    file = hold(evidence)
    with a_bot_that_loops(url, evidence, [*FIRST, *HELD, *REST], *options):
        eventually(lambda: {*HELD} <= {*begun(evidence)})
    file.unlink()  # what was left behind ends: nobody reads any more what it says


def test_after_a_kill_it_is_said_of_each_target_whether_it_was_done_failed_unknown_or_not_begun(
    url: str, tmp_path: Path
) -> None:
    evidence = tmp_path / "evidence"
    killed_in_the_middle(url, evidence)
    with closing(open_store(url)) as store:
        execution = next_bot(store, State.LOST)
    assert execution.outcome is None
    found = dict(zip([*FIRST, *HELD, *REST], (part.state for part in execution.parts), strict=True))
    assert found == {
        **{"fast1": PartState.DONE, "fast2-bad": PartState.FAILED, "fast3": PartState.DONE},
        **dict.fromkeys(HELD, PartState.RUNS),
        **dict.fromkeys(REST, PartState.WAITS),
    }
    assert begun(evidence) == dict.fromkeys([*FIRST, *HELD], 1)
    assert counts(execution) == "1 of 12 failed, 3 unknown, 6 not begun, 2 done"
    lines = [line.strip() for line in worded(execution, "")]
    first = lines.index("failed: fast2-bad exit code 3: no fast2-bad here")
    assert lines[first + 1 : first + 3] == [
        "unknown: h1, h2, h3",
        "not begun: fast4, fast5, fast6, fast7, fast8, fast9",
    ]


@pytest.mark.parametrize("moment", [1, 8, 29])
def test_whenever_it_is_killed_nothing_that_ran_is_said_not_to_have_begun(tmp_path: Path, moment: int) -> None:
    evidence, ids = tmp_path / "evidence", [f"fast{number}" for number in range(40)]
    url = f"sqlite:///{tmp_path}/s.db"
    with a_bot_that_loops(url, evidence, ids):
        eventually(lambda: len(begun(evidence)) >= moment)
    with closing(open_store(url)) as store:
        execution = next_bot(store, State.LOST)
    waiting = {each for each, part in zip(ids, execution.parts, strict=True) if part.state is PartState.WAITS}
    done = {each for each, part in zip(ids, execution.parts, strict=True) if part.state is PartState.DONE}
    assert not waiting & {*begun(evidence)}
    assert done <= {each for what, each in noted(evidence) if what == "end"}
    assert {*begun(evidence).values()} == {1}
    assert [part.state for part in execution.parts].count(PartState.RUNS) <= 2 * 3


def test_what_may_be_started_again_goes_on_where_it_was_and_does_once_more_only_what_is_unknown(tmp_path: Path) -> None:
    evidence, url = tmp_path / "evidence", f"sqlite:///{tmp_path}/s.db"
    killed_in_the_middle(url, evidence, "--retry")
    with closing(open_store(url)) as store:
        execution = next_bot(store, State.RUNNING, State.FAILED)
    assert execution.fence == 2
    assert execution.outcome is not None
    assert execution.outcome.error == "1 of 12 failed, 11 done"
    assert begun(evidence) == {**dict.fromkeys([*FIRST, *REST], 1), **dict.fromkeys(HELD, 2)}
