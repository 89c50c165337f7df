"""Two processes on each kind of store, and quorums, stages, choices, snoozes and calls in every order.

The store's own clock goes on as it does, so all that is to come comes at once: reminders, escalations, the end of a
snooze. What time alone brings is held to the rules in test_lifecycle.py and test_transition.py.
"""

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from builders import RECORDS, a_policy
from err_confirm.engine import Engine
from err_confirm.errors import StoreUnavailableError
from err_confirm.journal import check
from err_confirm.model.executions import Execution, Notice, Place, Speaker, State, Verdict
from err_confirm.model.policies import AllOf, Choice, Effect, Freeze, Policy, Seat, Stage, Times
from err_confirm.model.runs import Invocation, Outcome, Part
from err_confirm.store.base import Store, Swap, SwapResult
from err_confirm.transition.events import (
    Abort,
    Advance,
    Answer,
    Cancel,
    Event,
    Expire,
    Finish,
    Posted,
    Progress,
    Renew,
    Told,
)
from err_confirm.transition.steps import Decision, Step
from faulty import Around
from house import a_plan
from ledger import GUESTS, LEADS, PEOPLE, ROSTERS, SRE, Ledger
from servers import StoreFactory

LONG = 100_000
AT_ONCE = Stage(
    quorum=Seat(by=(SRE,)), retry_count=LONG, remind=LONG * 3.0, escalate_after=1e-9, escalate_to=(LEADS, "mallory")
)
APPROVE, OTHER = Choice(name="approve"), Choice(name="other", run="other")
SNOOZE, DISMISS = Choice(name="snooze", effect=Effect.SNOOZE), Choice(name="dismiss", effect=Effect.DENY)
TWO = AllOf(all=(Seat(by=("others",)),) * 2)
POLICIES = (
    None,
    a_policy(by=("anyone",), deny_by=("anyone",), retry_count=LONG),
    Policy(stages=(Stage(quorum=TWO, retry_count=LONG),), deny=TWO),
    Policy(stages=(AT_ONCE, replace(AT_ONCE, quorum=Seat(by=(LEADS,)))), deny=Seat(by=("others",))),
    Policy(stages=(replace(AT_ONCE, quorum=TWO),), deny=TWO, choices=(APPROVE, OTHER, SNOOZE, DISMISS)),
    Policy(stages=(AT_ONCE, replace(AT_ONCE, quorum=TWO)), deny=TWO, choices=(APPROVE, SNOOZE)),
    a_policy(by=("anyone",), retry_count=LONG, freezes=(Freeze(times=Times(), reason="for ever"),)),
)
MOMENTS = {
    *Notice, *State, "an answer lost", "a swap lost", "restarted", "told", "two answers ran", "two stages ran",
    "another choice ran", "after others were called", "regrouped and did not run", "a message replayed",
    "replayed after its end", "stopped", "reported",
} - {State.PENDING, State.LOST}  # fmt: skip
"""What must have happened with each kind of store; `lost` takes time, and all begins as `pending`."""


class Say(NamedTuple):
    """Somebody answers, in the so manieth message."""

    person: str
    verdict: Verdict
    choice: str
    message: int


class Other(NamedTuple):
    """Something else happens: `tell`, `run out`, `restart`, `lose`, `finish`, `ran`, or other people in the groups."""

    what: str
    number: int = 0


say = st.builds(
    Say,
    st.sampled_from(("bob", "carol", "dave", *PEOPLE)),
    st.sampled_from((Verdict.APPROVE, Verdict.APPROVE, Verdict.APPROVE, Verdict.DENY)),
    st.sampled_from(("approve", "approve", "approve", "other", "snooze", "dismiss")),
    st.integers(0, 6),
)
happenings = st.one_of(
    *[say] * 6,
    *[st.builds(Advance, st.sampled_from(("one", "two")))] * 3,
    st.builds(
        Other, st.sampled_from(("tell", "tell", "restart", "an answer lost", "a swap lost", "finish")), st.just(0)
    ),
    st.builds(Other, st.just("regroup"), st.integers(0, 2)),
    st.one_of(st.just(Other("run out")), st.just(Cancel("alice")), st.just(Renew("one", 1))),
    st.one_of(st.just(Progress("one", 1, (Part(),))), st.builds(Abort, st.sampled_from(("alice", "bob", "slack:U7")))),
)
histories = st.lists(happenings, min_size=2, max_size=16)


class Unreliable(Around):
    """Keeps the moment of the last swap; loses one, or the answer to it, when told to."""

    lose = ""
    at = 0.0

    def swap(self, swap: Swap) -> SwapResult:
        lose, self.lose = self.lose, ""
        if lose != "a swap lost":
            self.at = swap.not_before
            result = self.inside.swap(swap)
        if lose:
            raise StoreUnavailableError(lose)
        return result


class Life:
    """One execution, two processes that know of it, and what must be true of them."""

    def __init__(self, stores: tuple[Store, Store], policy: Policy | None, seen: Counter) -> None:
        self.seen = seen
        self.stores = [Unreliable(store) for store in stores]
        self.told: Counter = Counter()
        self.changes: Counter = Counter()
        self.engines = [self._engine(number) for number in (0, 1)]
        plan = replace(a_plan(policy), others={"other": Invocation(runner="count", spec={"name": "other"})})
        asked = self.engines[0].create(plan, Speaker("alice", Place(person="@alice")), "it")
        self.ledger = Ledger(policy, asked.created_at, asked.expires_at)
        self.id, self.given, self.silent = asked.id, [], False
        self.replayed: object = None

    def _engine(self, number: int) -> Engine:
        return Engine(self.stores[number], RECORDS, self._hear, groups=lambda _: self.ledger.roster)

    def _hear(self, execution: Execution) -> None:
        self.told[execution.version] += 1

    def read(self) -> Execution:
        execution, _ = self.engines[1].read(self.id)
        assert execution
        return execution

    def happen(self, number: int, what: Event | Say | Other) -> None:
        execution = self.read()
        match what:
            case Other(kind) if kind.endswith("lost"):
                self.stores[number].lose = kind
            case Other("restart"):
                self.silent |= bool(self.engines[number]._untold)
                self.engines[number] = self._engine(number)
                self.seen["restarted"] += not execution.state.ended
            case Other("regroup", roster):
                self.ledger.roster = ROSTERS[roster]
            case Other("tell"):
                told = Told(execution.state, 0 if execution.state.ended else execution.notices)
                self.apply(number, told, execution)
            case Other("finish"):
                outcome = Outcome(exit_code=number, aborted=bool(execution.version % 3 == 0))
                self.apply(number, Finish(execution.process, execution.fence, outcome), execution)
            case Other("run out"):
                self.apply(number, Expire(self.ledger.deadline), execution)
            case Say():
                self.apply(number, spoken(execution, what), execution)
            case event:
                self.apply(number, event, execution)

    def apply(self, number: int, event: Event, before: Execution) -> None:
        """Let a process do something, and say it again where the answer was lost; what is due comes by itself again."""
        decision = None
        for _ in range(1 if isinstance(event, Advance) else 2):
            try:
                decision = self.engines[number].apply(self.id, event)
                break
            except StoreUnavailableError as error:
                self.seen[str(error)] += 1
                self.silent |= isinstance(event, Advance)  # another may go on before this one sees what it has done
        after = self.read()
        assert after.version - before.version in (0, 1), "once, however often it is said"
        assert not isinstance(decision, Step) or after.version > before.version
        if after.version > before.version:
            self._changed(before, event, after, self.stores[number].at)

    def _changed(self, before: Execution, event: Event, after: Execution, now: float) -> None:
        ledger, seen, policy = self.ledger, self.seen, after.policy
        self.given.append(event)
        if isinstance(event, Told):
            ledger.told(before, event.notice)
        ledger.follow(before, event, after, now)
        if (after.state, after.notices) != (before.state, before.notices):
            self.changes[after.version] += 1
            seen[after.notice if after.notices > before.notices else after.state] += 1
        ran = after.state is State.RUNNING is not before.state
        assert after.fence == ledger.runs <= 1
        seen["told"] += isinstance(event, Told)
        seen["stopped"] += isinstance(event, Abort)
        seen["reported"] += isinstance(event, Progress)
        if ran and policy:
            seen["two answers ran"] += len(ledger.yes) > 1
            seen["two stages ran"] += len(policy.stages) > 1
            seen["another choice ran"] += after.runs.spec["name"] == "other"
            seen["after others were called"] += bool(after.escalated)
        seen["regrouped and did not run"] += after.reason == "the confirmation no longer counted"

    def hold(self) -> None:
        """Hold the store to what the execution says."""
        execution = self.read()
        store = self.stores[0]
        votes = {vote.person for vote in execution.votes}
        assert store.poll([(self.id, person) for person in PEOPLE]) == [person in votes for person in PEOPLE]
        assert votes == set(self.ledger.yes) | set(self.ledger.no)
        assert list(check(store.journal(0, 1_000), RECORDS.seal)) == []
        assert set(self.told) <= set(self.changes)
        assert set(self.told.values()) <= {1}

    def replay(self) -> None:
        """Say everything again: what acted while it waits in a message, and all that acted once it has ended.

        Where all is as it was when it was all said again the last time, that said nothing new.
        """
        before = self.stores[0].read(self.id)[0]
        if self.replayed == (before, self.engines[1], self.ledger.roster):
            return
        lines = len(self.stores[0].journal(0, 1_000))
        ended = self.read().state.ended
        for event in self.given:
            if ended or (isinstance(event, Answer) and event.message):
                decision: Decision = self.engines[1].apply(self.id, event)
                assert not isinstance(decision, Step), event
                self.seen["replayed after its end" if ended else "a message replayed"] += 1
        assert self.stores[0].read(self.id)[0] == before
        assert len(self.stores[0].journal(0, 1_000)) == lines
        self.replayed = before, self.engines[1], self.ledger.roster

    def end(self) -> None:
        """Let another process do all that is due, with no answer lost: then it ends, and all was told once."""
        for store in self.stores:
            store.lose = ""
        for _ in range(20):
            execution = self.read()
            if execution.state.ended:
                break
            self.happen(1, Advance("three"))
            self.happen(1, Other("tell"))
            self.happen(1, Other("finish"))
            if self.read().version == execution.version:
                self.happen(1, Other("run out"))
        assert self.read().state.ended
        self.happen(1, Other("tell"))
        assert self.read().tell_after is None
        for engine in self.engines:
            engine.apply(self.id, Posted())  # it sees what it has written
        assert self.silent or self.told == self.changes, "each change is told once"


def spoken(execution: Execution, say: Say) -> Answer:
    choices = bool(execution.policy and execution.policy.choices) and say.verdict is Verdict.APPROVE
    message = f"m{say.message}" if say.message else ""
    guest = say.person in GUESTS
    return Answer(say.person, say.verdict, message=message, guest=guest, choice=say.choice if choices else "")


def scripts() -> Iterator[tuple[Policy | None, list[Event | Say | Other]]]:
    """Yield what chance may leave out: two people who agree, in each order of a few other things."""
    again, later = Say("bob", Verdict.APPROVE, "approve", 1), Say("dave", Verdict.APPROVE, "snooze", 9)
    between: tuple[list[Event | Say | Other], ...] = (
        [],
        [Advance("two")] * 2,
        [Other("restart"), Advance("two"), Other("tell")],
        [later, Other("restart"), Advance("one"), later, later._replace(message=3)],
        [Say("bob", Verdict.DENY, "", 8), again, again._replace(message=7)],
        [Other("an answer lost")],
    )  # fmt: skip
    after: tuple[list[Event | Say | Other], ...] = (
        [Advance("one"), Renew("one", 1), Other("finish")],
        [Advance("one"), Progress("one", 1, (Part(),)), Abort("dave"), Abort("alice"), Other("finish")],
        [Other("regroup", 2), Advance("one")],
        [Other("a swap lost"), Other("restart"), Advance("one")],
        [Say(person, Verdict.DENY, "", 4) for person in ("alice", "bob", "dave")],
        [Cancel("alice")],
    )
    for policy, choice, some, last in itertools.product(POLICIES, ("approve", "other"), between, after):
        first, second = (Say(who, Verdict.APPROVE, choice, number) for number, who in enumerate(("bob", "dave"), 1))
        yield policy, [first, *some, second, *last]
    for policy in POLICIES:
        yield policy, [Say(person, Verdict.DENY, "", 0) for person in ("bob", "carol", "alice")]


@pytest.mark.parametrize("store_factory", ["sqlite", "redis"], indirect=True)
def test_whatever_happens_the_store_agrees_and_nothing_runs_without_its_votes(store_factory: StoreFactory) -> None:
    """Given lost answers, restarts, replayed messages, then every rule holds, and what ended is told once."""
    seen: Counter = Counter()
    numbers = itertools.count()

    def live(policy: Policy | None, history: list[Event | Say | Other]) -> None:
        namespace = f"example-{next(numbers)}"
        stores = store_factory(namespace), store_factory(namespace)
        life = Life(stores, policy, seen)
        life.happen(0, Posted())
        for step, what in enumerate(history):
            life.happen(step % 2, what)
            life.hold()
            life.replay()
        life.end()
        life.hold()
        life.replay()
        for store in stores:
            store.close()

    @given(st.sampled_from(POLICIES), histories)
    @settings(max_examples=150, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    def every_history(policy: Policy | None, history: list[Event | Say | Other]) -> None:
        live(policy, history)

    for policy, history in scripts():
        live(policy, history)
    every_history()
    assert [what for what in MOMENTS if not seen[what]] == [], seen
    assert seen["replayed after its end"] > 1000, seen
    assert seen["a message replayed"] > 300, seen
