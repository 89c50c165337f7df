"""A loop goes over its targets in order, so many at once, writes down first what it begins, and stops in time."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from err_confirm.errors import StaleError, StartError
from err_confirm.model.files import Rate
from err_confirm.model.runs import Invocation, Outcome, Part, PartState
from err_confirm.runners import starters
from err_confirm.runners.base import Context
from err_confirm.runners.loops import MOST_AT_ONCE, LoopRunner, loop
from err_confirm.runners.loops.ends import LONGEST_SAID, outcome_of, part_of
from err_confirm.runners.loops.pace import Pace
from looping import begun, hold, most_at_once, noted, noting
from servers import PATIENCE, eventually

WAITS, RUNS, DONE, FAILED, STOPPED, GONE = (
    PartState(name) for name in ("waits", "runs", "done", "failed", "stopped", "gone")
)
BAD = Outcome(exit_code=3, output="first\nno such disk\n\n")


@dataclass
class Run:
    """A run that ends when it is told to."""

    outcome: Outcome | None = None
    surprise: Exception | None = None

    def wait(self, timeout: float) -> Outcome | None:
        assert timeout < 0.1, "others may have ended"
        if self.surprise:
            raise self.surprise
        return self.outcome

    def stop(self, error: str) -> None:
        self.outcome = self.outcome or Outcome(exit_code=None, error=error, aborted=True)


@dataclass
class Runs:
    """A runner whose runs end as `ends` says of their target, or are held until the test ends them.

    `surprises` is what is raised where a target is to begin.
    """

    ends: dict[str, Outcome] = field(default_factory=dict)
    surprises: dict[str, Exception] = field(default_factory=dict)
    usual: Outcome | None = Outcome(exit_code=0)
    key: str = "fake"
    begun: list[str] = field(default_factory=list)
    contexts: list[Context] = field(default_factory=list)
    running: dict[str, Run] = field(default_factory=dict)

    def describe(self, invocation: Invocation) -> str:
        return "fake"

    def start(self, invocation: Invocation, context: Context) -> Run:
        target = context.told["CONFIRM_TARGET"]
        self.contexts.append(context)
        self.begun.append(target)
        if target in self.surprises:
            raise self.surprises[target]
        self.running[target] = Run(self.ends.get(target, self.usual))
        return self.running[target]

    def loop(self, count: int, context: Context | None = None, **rate: int | str | float) -> "Looped":
        ids = [f"h{place}" for place in range(count)]
        each = [Invocation(runner="fake", spec={"id": each}) for each in ids]
        running = LoopRunner({"fake": self}).start(loop(each, Rate(**rate), ids), context or Context())
        return Looped(running)


@dataclass
class Looped:
    """A loop that runs."""

    running: object

    def end(self) -> Outcome:
        outcome: Outcome | None = self.running.wait(PATIENCE)
        assert outcome is not None
        return outcome


def states(outcome: Outcome) -> list[PartState]:
    return [part.state for part in outcome.parts]


@dataclass
class Reports:
    """Takes reports; `answer` says of each what comes back, or raises."""

    answer: Callable[[int], bool] = lambda _: True
    taken: list[Sequence[Part]] = field(default_factory=list)

    def __call__(self, parts: Sequence[Part]) -> bool:
        self.taken.append(parts)
        return self.answer(len(self.taken))


# How fast


@given(
    states=st.lists(st.sampled_from([WAITS, DONE, FAILED, GONE]), max_size=12),
    running=st.integers(0, 4),
    lost=st.integers(0, 2),
    pace=st.builds(
        Pace, concurrency=st.integers(1, 5), max_errors=st.integers(0, 3), delay=st.sampled_from([0.0, 5.0])
    ),
    since=st.sampled_from([0.0, 4.9, 5.0, float("inf")]),
)
def test_the_next_ones_are_the_first_that_wait_as_many_as_may(
    states: list[PartState], running: int, lost: int, pace: Pace, since: float
) -> None:
    parts = [Part(state=state) for state in [*states, *[RUNS] * (running + lost)]]
    chosen = pace.next(parts, running, since)
    waiting = [place for place, state in enumerate(states) if state is WAITS]
    assert chosen == waiting[: len(chosen)]
    if states.count(FAILED) + lost > pace.max_errors or since < pace.delay or running >= pace.concurrency:
        assert chosen == []
    else:
        assert len(chosen) == min(len(waiting), 1 if pace.delay else pace.concurrency - running)


@pytest.mark.parametrize(
    ("rate", "count", "concurrency", "max_errors"),
    [
        ({}, 10, 1, 0),
        ({"concurrency": 4, "max_errors": 7}, 10, 4, 7),
        ({"concurrency": "25%"}, 3, 1, 0),
        ({"concurrency": "25%", "max_errors": "10%"}, 40, 10, 4),
        ({"concurrency": "100%", "max_errors": "100%"}, 7, 7, 7),
        ({"concurrency": "29%"}, 100, 29, 0),
        ({"concurrency": "100%"}, 1_000, MOST_AT_ONCE, 0),
        ({"concurrency": 500}, 1_000, MOST_AT_ONCE, 0),
    ],
)
def test_a_share_is_the_whole_part_of_all_targets_and_at_least_one_runs(
    rate: dict[str, int | str], count: int, concurrency: int, max_errors: int
) -> None:
    each = [Invocation(runner="fake", spec={"id": place}) for place in range(count)]
    spec = loop(each, Rate(**rate), [f"h{place}" for place in range(count)]).spec
    assert (spec["concurrency"], spec["max_errors"]) == (concurrency, max_errors)


@pytest.mark.parametrize("at_once", [1, 3])
def test_never_more_run_at_once_than_may_and_they_begin_in_order(tmp_path: Path, at_once: int) -> None:
    evidence, ids = tmp_path / "evidence", [f"h{place}" for place in range(9)]
    file = hold(evidence)
    invocation = loop([noting(evidence, each) for each in ids], Rate(concurrency=at_once), ids)
    running = starters()["loop"].start(invocation, Context())
    eventually(lambda: len(begun(evidence)) == at_once)
    file.unlink()
    outcome = running.wait(PATIENCE)
    assert outcome is not None
    assert outcome.succeeded
    assert outcome.parts == tuple(Part(state=DONE, exit_code=0, said=f"did {each}") for each in ids)
    assert begun(evidence) == dict.fromkeys(ids, 1)
    assert most_at_once(evidence) == at_once
    if at_once == 1:
        assert noted(evidence) == [(what, each) for each in ids for what in ("begin", "end")]


def test_between_two_starts_lies_the_delay() -> None:
    """With an hour of it, the second one never begins while anybody looks."""
    reports = Reports()
    runs = Runs()
    looped = runs.loop(3, Context(report=reports), concurrency=3, delay=3_600.0)
    eventually(lambda: len(reports.taken) >= 2)
    assert [[part.state for part in taken] for taken in reports.taken] == [[RUNS, WAITS, WAITS], [DONE, WAITS, WAITS]]
    looped.running.stop("enough")
    assert states(looped.end()) == [DONE, WAITS, WAITS]
    assert runs.begun == ["h0"]


# Errors


@pytest.mark.parametrize(
    ("max_errors", "expected"),
    [
        (0, [DONE, FAILED, WAITS, WAITS, WAITS, WAITS]),
        (1, [DONE, FAILED, FAILED, WAITS, WAITS, WAITS]),
        (2, [DONE, FAILED, FAILED, DONE, FAILED, WAITS]),
        ("50%", [DONE, FAILED, FAILED, DONE, FAILED, DONE]),
    ],
)
def test_nothing_new_begins_once_more_have_failed_than_may(max_errors: int | str, expected: list[PartState]) -> None:
    runs = Runs(ends={"h1": BAD}, surprises={f"h{place}": StartError("no such program") for place in (2, 4)})
    outcome = runs.loop(6, max_errors=max_errors).end()
    assert states(outcome) == expected
    assert (outcome.exit_code, outcome.aborted, outcome.succeeded) == (None, False, False)
    assert len(runs.begun) == 6 - expected.count(WAITS)


def test_what_runs_when_too_many_have_failed_ends_by_itself() -> None:
    runs = Runs(ends={"h0": BAD}, usual=None)
    looped = runs.loop(4, concurrency=2)
    eventually(lambda: len(runs.running) == 2)
    runs.running["h1"].outcome = Outcome(exit_code=0)
    outcome = looped.end()
    assert states(outcome) == [FAILED, DONE, WAITS, WAITS]
    assert outcome.error == "1 of 4 failed, 2 not begun, 1 done"


@pytest.mark.parametrize(
    "strange", [{"ends": {"h1": Outcome(exit_code=None, lost=True, error="gone")}}, {"surprises": {"h1": OSError("?")}}]
)
def test_of_what_is_lost_nothing_is_known_and_it_counts_as_an_error(strange: dict[str, dict[str, object]]) -> None:
    outcome = Runs(**strange).loop(3).end()
    assert states(outcome) == [DONE, RUNS, WAITS]
    assert outcome.error == "1 of 3 unknown, 1 not begun, 1 done"


def test_a_run_that_cannot_be_asked_is_one_of_which_nothing_is_known() -> None:
    runs = Runs(usual=None)
    looped = runs.loop(2, max_errors=1)
    eventually(lambda: "h0" in runs.running)
    runs.running["h0"].surprise = OSError("the pipe is gone")
    eventually(lambda: "h1" in runs.running)
    runs.running["h1"].outcome = Outcome(exit_code=0)
    outcome = looped.end()
    assert states(outcome) == [RUNS, DONE]
    assert outcome.parts[0].said == "how it ends is not known here: the pipe is gone"


# What is written first


@pytest.mark.parametrize("rate", [{}, {"concurrency": 4}, {"concurrency": 4, "max_errors": 3}])
def test_nothing_begins_that_is_not_written_to_run(rate: dict[str, int]) -> None:
    runs, written = Runs(ends={"h5": BAD}), set[str]()

    def report(parts: Sequence[Part]) -> bool:
        assert not {f"h{place}" for place, part in enumerate(parts) if part.state is WAITS} & {*runs.begun}
        assert written >= {*runs.begun}
        written.update(f"h{place}" for place, part in enumerate(parts) if part.state is RUNS)
        return True

    looped = runs.loop(12, Context(report=report), **rate)
    states(looped.end())
    assert written >= {*runs.begun} >= {"h0", "h5"}


def test_several_begin_after_one_report() -> None:
    reports = Reports()
    assert states(Runs().loop(200, Context(report=reports), concurrency=50).end()) == [DONE] * 200
    assert len(reports.taken) == 4


def test_what_cannot_be_written_does_not_begin_and_what_runs_goes_on() -> None:
    runs, away = Runs(usual=None), threading.Event()
    reports = Reports(answer=lambda number: number == 1 or not away.is_set())
    looped = runs.loop(3, Context(report=reports))
    eventually(lambda: runs.begun == ["h0"])
    away.set()
    runs.running["h0"].outcome = Outcome(exit_code=0)
    eventually(lambda: len(reports.taken) >= 3)  # asked again, a second later
    assert runs.begun == ["h0"]
    runs.usual = Outcome(exit_code=0)
    away.clear()
    assert states(looped.end()) == [DONE] * 3


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (StaleError("7f3kq2xa"), "stopped, because it had been given up for lost"),
        (OSError("no disk"), "stopped, because it could not go on: no disk"),
    ],
)
def test_whoever_is_told_that_it_is_no_longer_theirs_stops_all_and_begins_nothing(error: Exception, why: str) -> None:
    def answer(number: int) -> bool:
        if number > 1:
            raise error
        return True

    runs = Runs(usual=None)
    looped = runs.loop(4, Context(report=Reports(answer=answer)), concurrency=2, max_errors=4)
    eventually(lambda: len(runs.running) == 2)
    runs.running["h0"].outcome = BAD
    outcome = looped.end()
    assert (states(outcome)[:2], outcome.aborted) == ([FAILED, STOPPED], True)
    assert outcome.error.startswith(f"{why}; ")
    assert runs.begun == ["h0", "h1"]


# Stopped


def test_a_stop_ends_what_runs_and_says_what_was_done_and_what_not() -> None:
    runs = Runs(ends={"h0": Outcome(exit_code=0)}, usual=None)
    looped = runs.loop(6, concurrency=2)
    eventually(lambda: {*runs.running} == {"h0", "h1", "h2"})
    looped.running.stop("stopped by bob")
    looped.running.stop("too late to be the reason")
    outcome = looped.end()
    assert states(outcome) == [DONE, STOPPED, STOPPED, WAITS, WAITS, WAITS]
    assert outcome.parts[1].said == "stopped by bob"
    assert (outcome.aborted, outcome.error) == (True, "stopped by bob; 2 of 6 stopped, 3 not begun, 1 done")


def test_a_stop_leaves_no_process(tmp_path: Path) -> None:
    evidence, ids = tmp_path / "evidence", ["h0", "h1", "h2"]
    hold(evidence)
    running = starters()["loop"].start(
        loop([noting(evidence, each) for each in ids], Rate(concurrency=2), ids), Context()
    )
    eventually(lambda: len(begun(evidence)) == 2)
    running.stop("stopped by bob")
    outcome = running.wait(PATIENCE)
    assert outcome is not None
    assert states(outcome) == [STOPPED, STOPPED, WAITS]
    assert [what for what, _ in noted(evidence)] == ["begin", "begin"]


# Once more


def test_what_has_ended_before_is_left_alone_and_counts() -> None:
    """Given a run that was lost, and is started again."""
    before = tuple(Part(state=state) for state in (DONE, FAILED, GONE, WAITS, WAITS, GONE))
    runs = Runs()
    outcome = runs.loop(6, Context(parts=before), max_errors=1).end()
    assert states(outcome) == [DONE, FAILED, GONE, DONE, DONE, GONE]
    assert runs.begun == ["h3", "h4"]
    runs = Runs()
    assert Runs().loop(6, Context(parts=before)).end().parts == before
    assert runs.begun == []


def test_what_is_gone_does_not_hinder_success() -> None:
    outcome = Runs().loop(3, Context(parts=(Part(state=GONE), Part(), Part()))).end()
    assert outcome.succeeded
    assert states(outcome) == [GONE, DONE, DONE]


def test_each_part_is_told_its_target_and_has_a_name_and_a_file_of_its_own(tmp_path: Path) -> None:
    runs = Runs()
    context = Context(name="7f3kq2xa-1", told={"CONFIRM_ID": "7f3kq2xa"}, keep=tmp_path / "7f3kq2xa-1.txt")
    runs.loop(2, context).end()
    assert [(each.name, each.told, each.keep) for each in runs.contexts] == [
        (f"7f3kq2xa-1.{place}", {"CONFIRM_ID": "7f3kq2xa", "CONFIRM_TARGET": f"h{place}"}, tmp_path / name)
        for place, name in enumerate(["7f3kq2xa-1.txt.0", "7f3kq2xa-1.txt.1"])
    ]


# What is said of it


def test_a_part_says_its_last_line_or_why_it_failed() -> None:
    assert part_of(BAD) == Part(state=FAILED, exit_code=3, said="no such disk")
    assert (
        part_of(Outcome(exit_code=137, output="so far\n", error="ended by signal KILL")).said == "ended by signal KILL"
    )
    long = part_of(Outcome(exit_code=0, output="x" * 5_000))
    assert (long.state, len(long.said), long.said[-1]) == (DONE, LONGEST_SAID, "…")


def test_the_table_has_what_failed_first_and_is_short() -> None:
    parts = [Part(state=DONE, exit_code=0, said="up"), *[Part(state=DONE)] * 20, Part(state=FAILED, exit_code=3)]
    parts += [Part(state=FAILED, said="no such program"), Part(state=RUNS, said="gone"), Part(), Part(state=GONE)]
    outcome = outcome_of(parts, [f"web{place}" for place in range(len(parts))])
    assert outcome.output.splitlines() == [
        "web21  exit code 3",
        "web22  no such program",
        "web23  unknown  gone",
        "web0   up",
        *(f"web{place}" for place in range(1, 5)),
        "and 16 done",
        "not begun: web24",
    ]
    assert outcome.error == "2 of 26 failed, 1 unknown, 1 not begun, 21 done, 1 no longer there"


def test_the_table_names_what_was_not_begun_and_no_name_is_a_line_of_its_own() -> None:
    parts = [Part(state=FAILED, exit_code=3), *[Part()] * 12]
    outcome = outcome_of(parts, ["web1\nweb9  is well (i-1)", *(f"db{place}" for place in range(12))])
    assert outcome.output.splitlines() == [
        "web1 web9 is well (i-1)  exit code 3",
        "not begun: db0, db1, db2, db3, db4, db5, db6, db7, db8, db9 and 2 more",
    ]


def described(*commands: list[str], targets: Sequence[str], **rate: int | float) -> str:
    spec = {"cwd": "/", "base": "/", "env": {}, "timeout": 5.0, "output_cap": 9}
    each = [Invocation(runner="command", spec={"argv": argv, **spec}) for argv in commands]
    return starters()["loop"].describe(loop(each, Rate(**rate), targets))


def over(command: Sequence[str], *targets: str) -> list[list[str]]:
    return [[argument.replace("@", target) for argument in command] for target in targets]


@pytest.mark.parametrize(
    ("command", "targets", "shown"),
    [
        (["ssh", "--", "@", "uptime"], ("web1", "web2"), "ssh -- <target> uptime · each of 2 targets"),
        (["ssh", "--", "@", "echo @ x"], ("a", "web"), "ssh -- <target> 'echo <target> x' · each of 2 targets"),
        (["webctl", "restart", "@"], ("web", "db", "mail"), "webctl restart <target> · each of 3 targets"),
        (["webctl", "@"], ("web",), "webctl web"),
        (["target-goes-here", "@"], ("a", "b"), "target-goes-here <target> · each of 2 targets"),
        (["echo", "<target>", "@"], ("a", "b"), "echo '<target>' a; echo '<target>' b"),
    ],
)  # fmt: skip
def test_what_is_the_same_but_for_the_target_is_shown_once(
    command: list[str], targets: Sequence[str], shown: str
) -> None:
    assert described(*over(command, *targets), targets=targets) == shown


def test_what_differs_otherwise_is_shown_whole() -> None:
    commands = [["ssh", "--", "web1", "stop 1"], ["ssh", "--", "web2", "stop 2"]]
    assert described(*commands, targets=["web1", "web2"]) == "ssh -- web1 'stop 1'; ssh -- web2 'stop 2'"


def test_the_rate_is_shown_where_it_is_not_the_usual() -> None:
    shown = described(*over(["do", "@"], "a", "b"), targets="ab", concurrency=2, max_errors=3, delay=5.0)
    assert shown == "do <target> · each of 2 targets · 2 at once · 5 s between · up to 3 errors"


words = st.text("ab-<>target1 ", min_size=1, max_size=8)


@given(st.lists(words, min_size=1, max_size=3), st.lists(words, min_size=2, max_size=4, unique=True), st.data())
def test_from_what_is_shown_once_each_command_can_be_made(
    command: list[str], targets: list[str], data: st.DataObject
) -> None:
    """Whatever the targets are called, and whichever command is another."""
    commands = over([*command, "@"], *targets)
    if data.draw(st.booleans()):
        commands[-1] = [*commands[-1], data.draw(words)]
    shown, once, _ = described(*commands, targets=targets).partition(f" · each of {len(targets)} targets")
    if once:
        assert "<target>" in shown
        assert commands == over([*command, "@"], *targets)
    else:
        assert shown.count("; ") >= len(targets) - 1


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    """A loop's thread ends with it."""
    yield
    eventually(lambda: not [each for each in threading.enumerate() if each.name.startswith("loop-")])
