"""Two processes on one store, in every order of what people and time can do, answers of the store lost in between.

What may happen is the state machine's matter (test_transition.py); here the store must always agree with it: due
moments, the keys of people and their TTLs, what was told, and who ran what.
"""

import contextlib
import itertools
import math
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from builders import RECORDS, a_policy
from err_confirm.engine import Engine
from err_confirm.errors import StoreUnavailableError
from err_confirm.journal import check, read_line
from err_confirm.model.executions import Execution, Notice, Place, Speaker, State, Verdict
from err_confirm.model.policies import AllOf, Choice, Effect, Policy, Seat, Stage
from err_confirm.model.runs import MOST_RUNS, Conduct, Outcome, Part, PartState
from err_confirm.policy.seating import Roster
from err_confirm.store.base import Due, Swap, SwapResult
from err_confirm.store.sqlite_store import SqliteStore
from err_confirm.transition import due_at
from err_confirm.transition.events import Abort, Advance, Answer, Cancel, Event, Finish, Posted, Progress, Renew, Told
from err_confirm.transition.steps import KEEP, LEASE, RUN_WITHIN
from faulty import Around
from house import a_plan
from ledger import GUESTS, LEADS, PEOPLE, ROSTERS, SRE, Ledger

CALLED = Stage(quorum=Seat(by=(SRE,)), remind=57.0, escalate_after=2.0, escalate_to=(LEADS,))
SNOOZE = Choice(name="snooze", effect=Effect.SNOOZE, after=1.0)
TWO = AllOf(all=(Seat(by=(SRE,)),) * 2)
POLICIES = (
    None,
    a_policy(),
    a_policy(by=("bob", "carol"), deny_by=("anyone",), retry_count=100),
    a_policy(by=("anyone",), deny_by=("carol",), retry_count=2, retry_delay=1.0),
    Policy(stages=(replace(CALLED, quorum=TWO, retry_count=100),), deny=TWO),
    Policy(stages=(CALLED, replace(CALLED, quorum=Seat(by=(LEADS,)))), deny=Seat(by=("others",))),
    Policy(
        stages=(replace(CALLED, retry_count=40), replace(CALLED, quorum=Seat(by=("others",)))),
        deny=Seat(by=("requester",)),
        choices=(Choice(name="approve"), SNOOZE),
    ),
)
OUTCOMES = (
    Outcome(exit_code=0, output="done\n"),
    Outcome(exit_code=1),
    Outcome(exit_code=None, aborted=True, error="stopped"),
    Outcome(exit_code=None, lost=True, error="its worker is gone"),
)
PARTS = tuple(Part(state=state) for state in (PartState.DONE, PartState.RUNS))
OVER = set(State) - {State.PENDING, State.APPROVED, State.RUNNING, State.LOST}
EDGES = {
    (None, "pending"),
    ("pending", "approved"), ("pending", "denied"), ("pending", "expired"), ("pending", "canceled"),
    ("approved", "running"), ("approved", "denied"), ("approved", "expired"), ("approved", "canceled"),
    ("running", "succeeded"), ("running", "failed"), ("running", "aborted"), ("running", "lost"),
    ("lost", "succeeded"), ("lost", "failed"), ("lost", "aborted"),
}  # fmt: skip
HAPPENINGS = {
    "an answer lost",
    "a swap lost",
    "a lease renewed",
    "a deadline started",
    "forgotten",
    "told",
    "told again",
    "a notice told",
    "a notice told again",
    "two answers ran",
    "two stages ran",
    "stopped",
    "reported",
    "ran again",
    *Notice,
}
"""What else must have happened."""


class Ask(NamedTuple):
    """Somebody asks for something, which perhaps does no harm when it is started again."""

    policy: Policy | None
    retry: bool = False


class GoOn(NamedTuple):
    """Do what comes next if all goes well: most histories end early without it."""

    outcome: Outcome


class Wait(NamedTuple):
    seconds: float


class WaitUntilDue(NamedTuple):
    """Wait until something is due, and a process looks at it."""


class Lose(NamedTuple):
    what: str


class Say(NamedTuple):
    """Somebody answers; with a choice, where there is one."""

    person: str
    verdict: Verdict = Verdict.APPROVE
    choice: str = "approve"


class Tell(NamedTuple):
    """What was to be said is noted as said."""


class Regroup(NamedTuple):
    """Other people are in the groups from now on."""

    roster: int


people = st.sampled_from(PEOPLE)
names = st.sampled_from(("one", "two"))
fences = st.sampled_from((1, 1, 1, 2))
# One rule and not ten, as hypothesis leaves out half of the rules in most histories; weighted so that they get far.
happenings = st.one_of(
    st.builds(Ask, st.sampled_from(POLICIES), st.booleans()),
    st.just(Posted()),
    st.builds(Say, people, st.sampled_from((Verdict.APPROVE, Verdict.DENY)), st.sampled_from(("approve", "snooze"))),
    st.builds(Say, st.sampled_from(("bob", "carol")), st.just(Verdict.APPROVE), st.sampled_from(("approve", "snooze"))),
    st.builds(Say, st.sampled_from(("alice", "carol")), st.just(Verdict.DENY), st.just("approve")),
    st.builds(Say, st.sampled_from(("bob", "carol")), st.just(Verdict.APPROVE), st.just("snooze")),
    st.builds(Tell),
    st.builds(Regroup, st.integers(0, 2)),
    st.builds(Cancel, st.sampled_from(("alice", "mallory"))),
    st.builds(Advance, names),
    st.builds(Renew, names, fences),
    st.one_of(st.builds(Progress, names, fences, st.just(PARTS)), st.builds(Abort, st.sampled_from(("alice", "bob")))),
    st.builds(Finish, names, fences, st.sampled_from(OUTCOMES)),
    *[st.builds(GoOn, st.sampled_from((OUTCOMES[0], *OUTCOMES)))] * 8,
    *[st.builds(WaitUntilDue)] * 4,
    st.builds(Wait, st.sampled_from((0.5, 0.5, 1.0, 1.0, 2.0, 5.0, RUN_WITHIN, KEEP))),
    st.builds(Told, st.sampled_from((State.SUCCEEDED, State.EXPIRED, State.DENIED))),
    st.builds(Lose, st.sampled_from(("an answer lost", "a swap lost"))),
)


class Unreliable(Around):
    """Loses the next swap, or the answer to it, when told to."""

    lose = ""

    def swap(self, swap: Swap) -> SwapResult:
        lose, self.lose = self.lose, ""
        result: SwapResult | None = None if lose == "a swap lost" else self.inside.swap(swap)
        if lose or result is None:
            raise StoreUnavailableError(lose)
        return result


class Process:
    """One of ours."""

    def __init__(self, name: str, store: SqliteStore, groups: Callable[[object], Roster]) -> None:
        self.name = name
        self.store = Unreliable(store)
        self.told: Counter[tuple[str, int]] = Counter()
        self.engine = Engine(self.store, RECORDS, self._hear, groups=groups)

    def _hear(self, execution: Execution) -> None:
        self.told[execution.id, execution.version] += 1


class Lifecycle(RuleBasedStateMachine):
    """What people and processes may do, and what must hold after each of it."""

    numbers = itertools.count()

    def __init__(self, path: Path, seen: Counter) -> None:
        super().__init__()
        self.path, self.seen = path, seen
        self.namespace = f"example-{next(self.numbers)}"
        self.now = 1_000_000.0
        self.roster = ROSTERS[0]
        self.processes = [Process(name, self._open(), lambda _: self.roster) for name in ("one", "two")]
        self.looker = self._open()
        self.looking = Engine(self.looker, RECORDS, lambda _: None)
        self.ids: list[str] = []
        self.known: dict[str, Execution] = {}
        self.ledgers: dict[str, Ledger] = {}
        self.changes: Counter[tuple[str, int]] = Counter()
        self.told_of: object = None
        self.lost = 0

    def _open(self) -> SqliteStore:
        return SqliteStore(self.path, namespace=self.namespace, clock=lambda: self.now)

    def teardown(self) -> None:
        self.looker.close()
        for process in self.processes:
            process.store.close()

    # ---- what is done ----

    @rule(what=happenings, process=st.sampled_from((0, 1)), which=st.sampled_from((-1, -1, -1, -1, -2)))
    def happen(self, what: Any, process: int, which: int) -> None:
        """Let something happen in one of the processes, mostly to the newest execution."""
        match what:
            case Ask(policy, retry) if len(self.ids) < 4:
                self._ask(process, policy, retry=retry)
            case GoOn(outcome):
                self._go_on(process, outcome)
            case Wait(seconds):
                self.now += seconds
            case WaitUntilDue():
                for due in self.looker.due(1)[0]:
                    self.now = max(self.now, due.at)
                    self._apply(process, due.id, Advance(self.processes[process].name))
            case Lose(kind):
                self.processes[process].store.lose = kind
            case Regroup(roster):
                self.roster = ROSTERS[roster]
                for ledger in self.ledgers.values():
                    ledger.roster = self.roster
            case Say() if self.ids:
                self._say(process, self.ids[max(which, -len(self.ids))], what)
            case Tell() if self.ids:
                execution, _ = self.looking.read(self.ids[max(which, -len(self.ids))])
                if execution and not execution.state.ended:
                    self._apply(process, execution.id, Told(execution.state, execution.notices))
            case event if isinstance(event, Event) and self.ids:
                self._apply(process, self.ids[max(which, -len(self.ids))], event)

    def _ask(self, process: int, policy: Policy | None, *, retry: bool = False) -> None:
        with self._losing():
            place, plan = Place(person="@alice"), replace(a_plan(policy), conduct=Conduct(retry=retry))
            self.processes[process].engine.create(plan, Speaker("alice", place), "it")

    def _go_on(self, process: int, outcome: Outcome) -> None:
        execution = next((each for each in self.known.values() if each.state not in OVER), None)
        match execution and execution.state:
            case State.PENDING:
                self._apply(process, execution.id, Posted())
                if execution.policy and execution.policy.choices and execution.notice is None:
                    self._say(process, execution.id, Say("bob", choice="snooze"))
                self._wait_for_calls(process, execution.id)
                for person in ("alice", "bob", "carol", "dave"):
                    self._say(process, execution.id, Say(person))
            case State.APPROVED:
                self._apply(process, execution.id, Advance(self.processes[process].name))
            case State.RUNNING if execution.lease_until == execution.started_at + LEASE:
                self.now += 1.0
                self._apply(process, execution.id, Renew(execution.process, execution.fence))
            case State.RUNNING | State.LOST:
                self._apply(process, execution.id, Finish(execution.process, execution.fence, outcome))
            case None:
                self._ask(process, POLICIES[process])

    def _wait_for_calls(self, process: int, execution_id: str) -> None:
        """Let time pass until people have been called a few times, if they are."""
        for _ in range(3):
            execution, _ = self.looking.read(execution_id)
            if execution and execution.state is State.PENDING and (due_at(execution) or 0) < execution.expires_at:
                self.now = max(self.now, due_at(execution) or 0)
                self._apply(process, execution_id, Advance(self.processes[process].name))

    def _say(self, process: int, execution_id: str, say: Say) -> None:
        execution, _ = self.looking.read(execution_id)
        choices = execution and execution.policy and execution.policy.choices and say.verdict is Verdict.APPROVE
        said = Answer(say.person, say.verdict, guest=say.person in GUESTS, choice=say.choice if choices else "")
        self._apply(process, execution_id, said)

    def _apply(self, process: int, execution_id: str, event: Event) -> None:
        before, _ = self.looking.read(execution_id)
        with self._losing():
            self.processes[process].engine.apply(execution_id, event)
        after, _ = self.looking.read(execution_id)
        if before and after and after.version > before.version:
            ledger = self.ledgers.setdefault(
                execution_id, Ledger(before.policy, before.created_at, before.expires_at, self.roster)
            )
            assert after.version == before.version + 1
            if isinstance(event, Told):
                ledger.told(before, event.notice)
                self.seen["a notice told"] += event.notice > 0
            ledger.follow(before, event, after, self.now)
            self.seen["stopped"] += isinstance(event, Abort)
            self.seen["reported"] += isinstance(event, Progress)
            self.seen["ran again"] += after.fence > before.fence > 0
            told = [(each.state, each.tells, each.notices, each.fence) for each in (before, after)]
            if told[0] != told[1]:
                self.changes[execution_id, after.version] += 1
            if after.notices > before.notices:
                again = after.tells > before.tells > 0
                self.seen["a notice told again" if again else after.notice] += 1
            if after.state is State.RUNNING is not before.state and after.policy:
                self.seen["two answers ran"] += len(ledger.yes) > 1
                self.seen["two stages ran"] += len(after.policy.stages) > 1

    @contextlib.contextmanager
    def _losing(self):
        try:
            yield
        except StoreUnavailableError as error:
            self.seen[str(error)] += 1
            self.lost += 1

    # ---- what holds after each of it ----

    @invariant()
    def hold(self) -> None:
        self.each_change_is_allowed_and_backed_by_votes()
        self.each_runs_at_most_once_and_each_change_is_told_at_most_once()
        self.what_is_due_is_what_the_records_say()
        self.each_vote_that_counts_has_its_key_and_no_key_is_for_ever()
        self.the_journal_tells_of_each_step_once()

    def each_change_is_allowed_and_backed_by_votes(self) -> None:
        now = {execution.id: execution for execution in self.looking.recent()}
        for execution_id in now.keys() | self.known.keys():
            self._hold_change(self.known.get(execution_id), now.get(execution_id))
        self.known = now
        self.ids = list(reversed(now))

    def _hold_change(self, before: Execution | None, after: Execution | None) -> None:
        edge = (before and str(before.state), after and str(after.state))
        if before and after:
            assert after.version >= before.version
            assert (after.invocation, after.digest, after.requester) == (
                before.invocation,
                before.digest,
                before.requester,
            )
            self.seen["a lease renewed"] += after.lease_until != before.lease_until and edge[0] == edge[1]
            self.seen["a deadline started"] += after.posted != before.posted
            self.seen["told"] += before.tell_after is not None and after.tell_after is None
            self.seen["told again"] += after.tells > before.tells > 0 and edge[0] == edge[1]
        if edge[0] == edge[1]:
            return
        if after is None:
            assert before
            assert before.ended_at is not None
            assert self.now >= before.ended_at + KEEP
            self.seen["forgotten"] += 1
            return
        assert edge in EDGES
        self.seen[edge] += 1

    def each_runs_at_most_once_and_each_change_is_told_at_most_once(self) -> None:
        told = self.processes[0].told + self.processes[1].told
        assert all(count == 1 for count in self.changes.values())
        assert told <= self.changes
        assert self.lost or told == self.changes
        assert all(each.fence <= (MOST_RUNS if each.conduct.retry else 1) for each in self.known.values())

    def what_is_due_is_what_the_records_say(self) -> None:
        expected = [Due(each.id, at) for each in self.known.values() if (at := due_at(each)) is not None]
        due, now = self.looker.due(1_000)
        assert now == self.now
        assert sorted(due, key=str) == sorted(expected, key=str)

    def each_vote_that_counts_has_its_key_and_no_key_is_for_ever(self) -> None:
        votes = {(each.id, vote.person): vote for each in self.known.values() for vote in each.votes}
        pairs = [(execution_id, person) for execution_id in self.known for person in PEOPLE]
        alive = [pair for pair, there in zip(pairs, self.looker.poll(pairs), strict=True) if there]
        assert alive == [pair for pair in pairs if pair in votes and votes[pair].expires_at > self.now]
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            keys = connection.execute(
                "SELECT execution_id, person, value, expires_at FROM key WHERE namespace = ? AND expires_at > ?",
                (self.namespace, self.now),
            ).fetchall()
        for execution_id, person, value, expires_at in keys:
            vote = votes[execution_id, person]
            assert (value, expires_at) == (vote.verdict, vote.expires_at)
            assert math.isfinite(expires_at)

    def the_journal_tells_of_each_step_once(self) -> None:
        lines = self.looker.journal(0, 1_000)
        if self.told_of == (lines, self.known):
            return  # it is the journal that was looked at after the step before, of the same executions
        self.told_of = lines, self.known
        assert list(check(lines, RECORDS.seal)) == []
        told = [read_line(text).entry for _, text in lines]
        steps = Counter((entry.execution, entry.version) for entry in told)
        assert set(steps.values()) <= {1}
        for each in self.known.values():
            of_it = [entry.what for entry in told if entry.execution == each.id]
            votes = sum(of_it.count(what) for what in ("confirmed", "denied", "objected"))
            assert of_it[0] == "asked"
            assert votes >= len(each.votes)
            assert each.state in (State.PENDING, State.APPROVED) or each.state in of_it
            assert of_it.count("running") == each.fence
            assert of_it.count("stopping") == bool(each.aborted_by)


def ways() -> Iterator[list[Any]]:
    """Yield how one that was asked for gets to each end, and to all else that must have happened."""
    approved, running = [GoOn(OUTCOMES[0])], [GoOn(OUTCOMES[0])] * 2
    stop = [Abort("alice"), Abort("bob")]
    told = [Tell(), *[WaitUntilDue()] * 2, Wait(KEEP), WaitUntilDue()]
    yield [Posted(), *[WaitUntilDue()] * 12, *told]
    yield [Posted(), WaitUntilDue(), Tell(), *[WaitUntilDue(), WaitUntilDue(), Tell()] * 3]
    yield [Posted(), *[Say(person, Verdict.DENY) for person in PEOPLE], *told]
    yield [Posted(), Say("bob", choice="snooze"), WaitUntilDue(), Cancel("alice"), *told]
    yield [*approved, Cancel("alice"), *told]
    yield [*approved, *[Say(person, Verdict.DENY) for person in PEOPLE], *told]
    yield [*approved, Wait(RUN_WITHIN), WaitUntilDue(), *told]
    yield [*running, *[Progress(name, 1, PARTS) for name in ("one", "two")], *[WaitUntilDue()] * 4, *told]
    for outcome in OUTCOMES:
        end = GoOn(outcome)
        yield [*running, end, end, *told]
        yield [*running, *stop, end, end, *told]
        yield [*running, WaitUntilDue(), end, end, *told]
    for what, step in itertools.product(("an answer lost", "a swap lost"), range(4)):
        steps = [*[GoOn(OUTCOMES[0])] * 4, *told]
        yield [*steps[:step], Lose(what), *steps[step:]]


def test_the_store_agrees_with_every_history_and_every_edge_is_really_taken(tmp_path: Path) -> None:
    """In a history to each of them, which chance would leave out, and then in those that it makes up."""
    seen: Counter = Counter()
    for turn, policy in enumerate(POLICIES):
        for number, way in enumerate(ways(), turn):
            machine = Lifecycle(tmp_path / "s.db", seen)
            for step, what in enumerate([Ask(policy, retry=number % 2 > 0), *way], number // 2):
                machine.happen(what, step % 2, -1)
                machine.hold()
            machine.teardown()
    assert [what for what in EDGES | HAPPENINGS if not seen[what]] == [], seen
    run_state_machine_as_test(
        lambda: Lifecycle(tmp_path / "s.db", seen),
        settings=settings(
            max_examples=150,
            stateful_step_count=40,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
