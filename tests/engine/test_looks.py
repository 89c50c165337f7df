"""The gate, one look at a time, with clocks that only the test moves; the same rules find bugs planted in it."""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from builders import RECORDS, a_policy
from err_confirm.engine import Engine
from err_confirm.engine import gate as real
from err_confirm.engine.gate import AGAIN, DUE, IDLE, KEYS, Gate
from err_confirm.engine.outbox import Outbox
from err_confirm.engine.runs import Runs
from err_confirm.errors import StoreUnavailableError
from err_confirm.journal.records import RecordError
from err_confirm.model.executions import Execution, Place, Speaker, State, Verdict
from err_confirm.model.policies import Choice, Effect, Policy, Seat, Stage
from err_confirm.store.base import Due, Key, Record, Store, Swap
from err_confirm.store.sqlite_store import SqliteStore
from err_confirm.transition.events import Advance, Answer, Cancel, Event, Posted
from err_confirm.transition.steps import LEASE, TELL_AGAIN, Step
from faulty import Around, LostAnswers, Once, Overtaken, state_in
from house import Counter, a_plan
from planting import planted
from servers import eventually

YES = Answer("alice", Verdict.APPROVE)
RARE = a_policy(retry_count=2, retry_delay=600.0)
SHORT = a_policy(retry_count=2, retry_delay=5.0)
SNOOZED = replace(SHORT, choices=(Choice(name="approve"), Choice(name="snooze", effect=Effect.SNOOZE, after=20.0)))
LATER = Answer("alice", Verdict.APPROVE, choice="snooze")
STAGED = replace(SHORT, stages=SHORT.stages * 2)
BROKEN = Record("damaged0", 1, "token", b"{}")
_NUMBERS = itertools.count(1)


class Room:
    """One process whose gate looks when it is told to; `now` is the store's clock, `own` that of the process."""

    def __init__(self, kind: type[Gate], path: Path, around: Callable[[Store], Store]) -> None:
        self.now, self.own = 1_000_000.0, 500.0
        self.told: list[State] = []
        self.stopped = False
        self.runner = Counter()
        self.inside = SqliteStore(path / f"{next(_NUMBERS)}.db", clock=lambda: self.now)
        self.store = around(self.inside)
        self.engine = Engine(self.store, RECORDS, lambda execution: self.told.append(execution.state))
        self.runs = Runs(self.engine, {"count": self.runner}, "one")
        self.outbox = Outbox(lambda _: None)
        self.gate = kind(self.engine, self.runs, self.outbox, "one", lambda: self.own)

    def ask(self, policy: Policy | None = RARE, *events: Event) -> Execution:
        asked = self.engine.create(a_plan(policy), Speaker("alice", Place(person="@alice")), "it")
        return self.do(asked, Posted(), *events)

    def do(self, execution: Execution, *events: Event) -> Execution:
        for event in events:
            decision = self.engine.apply(execution.id, event)
            assert isinstance(decision, Step), decision
            execution = decision.execution
        return execution

    def later(self, seconds: float) -> None:
        self.now += seconds
        self.own += seconds

    def stop(self) -> None:
        """Stop the gate, which closes its ear; a second call does nothing."""
        if not self.stopped:
            self.stopped = True
            if not self.gate._thread.ident:
                self.gate.start()
            self.gate.stop()

    def ran(self, times: int) -> bool:
        eventually(lambda: not len(self.runs))
        return len(self.runner.starts) == times


@contextmanager
def a_room(kind: type[Gate], path: Path, around: Callable[[Store], Store] = lambda store: store) -> Iterator[Room]:
    room = Room(kind, path, around)
    try:
        yield room
    finally:
        room.stop()
        room.runs.stop(0.0)
        room.inside.close()


class NothingDue(Around):
    """Tells of nothing that is due, after so many questions."""

    def __init__(self, store: Store, answers: int = 0) -> None:
        super().__init__(store)
        self._answers = answers

    def due(self, limit: int) -> tuple[list[Due], float]:
        self._answers -= 1
        entries, now = self.inside.due(limit)
        return (entries if self._answers >= 0 else []), now


class Haunted(Around):
    """Has a due entry whose record is gone, until it is told to forget it."""

    ghost = "gh0st000"

    def due(self, limit: int) -> tuple[list[Due], float]:
        entries, now = self.inside.due(limit)
        return ([Due(self.ghost, 1.0)] if self.ghost else []) + entries, now

    def forget_due(self, execution_id: str) -> None:
        assert execution_id == self.ghost
        self.ghost = ""


Kind = type[Gate]


def what_is_confirmed_is_started_once(kind: Kind, path: Path) -> None:
    with a_room(kind, path) as room:
        room.ask(RARE, YES)
        room.ask(None)
        waiting = room.ask()
        room.gate.look()
        room.gate.look()
        assert room.ran(2)
        assert room.engine.read(waiting.id)[0].state is State.PENDING


def it_sleeps_until_the_next_moment_that_it_knows_of(kind: Kind, path: Path) -> None:
    with a_room(kind, path) as room:
        assert room.gate.look() == IDLE
        room.ask(a_policy(retry_count=1, retry_delay=7.0))
        assert room.gate.look() == 7.0
        room.gate.add(room.ask(a_policy(retry_count=3, retry_delay=5.0)))
        assert room.gate.look() == 5.0
        room.own += 2.0
        assert room.gate.look() == 3.0
        room.now += 6.0
        assert room.gate.look() == 1.0
        room.now += 1.0
        room.own += 4.0
        room.gate.look()
        assert room.told == [State.EXPIRED]
        assert room.gate.look() == 4.0, "a poll that came late is followed by the next in its time"
        room.own += 3.5
        assert room.gate.look() == 0.5


def a_key_is_found_by_the_polls_where_nothing_tells_that_it_is_due(kind: Kind, path: Path) -> None:
    with a_room(kind, path, NothingDue) as room:
        asked, other = room.ask(), room.ask()
        for each in (other, asked):
            room.gate.add(each)
        room.do(asked, YES)
        room.gate.look()
        assert State.RUNNING not in room.told
        room.own += 600.0
        room.gate.look()
        assert room.ran(1)
        assert room.engine.read(asked.id)[0].state is State.SUCCEEDED
        assert room.engine.read(other.id)[0].state is State.PENDING


def a_forged_key_ends_no_wait(kind: Kind, path: Path) -> None:
    with a_room(kind, path) as room:
        asked = room.ask(SHORT)
        room.gate.add(asked)
        forged = Key(asked.id, "alice", "approve", room.now + 9_999)
        room.inside.swap(Swap(record=Record("otherone", 1, "token", b"{}"), keys=(forged,)))
        for _ in range(2):
            room.own += 5.0
            room.gate.look()
        assert room.told == [State.EXPIRED]
        assert room.ran(0)


def what_has_waited_its_whole_time_expires_though_the_clock_of_the_store_stands_still(kind: Kind, path: Path) -> None:
    with a_room(kind, path) as room:
        room.gate.add(room.ask(SHORT))
        room.own += 5.0
        room.gate.look()
        assert room.told == []
        room.own += 5.0
        room.gate.look()
        room.gate.look()
        assert room.told == [State.EXPIRED]


def what_has_waited_its_whole_time_expires_by_the_clock_of_the_store(kind: Kind, path: Path) -> None:
    with a_room(kind, path) as room:
        room.ask(SHORT)
        room.now += 9.0
        assert (room.gate.look(), room.told) == (1.0, [])
        room.now += 1.0
        room.gate.look()
        assert room.told == [State.EXPIRED]


def what_is_snoozed_is_polled_for_as_much_longer_and_then_expires(kind: Kind, path: Path) -> None:
    """Given a store whose clock stands still, then its own clock gives it the time that the snooze has given, too."""
    with a_room(kind, path) as room:
        asked = room.ask(SNOOZED)
        room.gate.add(asked)
        room.do(asked, LATER)
        for seconds in (5, 10, 15, 20, 25):
            room.own += 5.0
            room.gate.look()
            assert State.EXPIRED not in room.told, seconds
        room.own += 5.0
        room.gate.look()
        assert room.told[-1] is State.EXPIRED


def a_stage_is_polled_for_as_long_as_it_lasts(kind: Kind, path: Path) -> None:
    """And what was polled for in the stage before ends nothing."""
    with a_room(kind, path) as room:
        asked = room.ask(STAGED)
        room.gate.add(asked)
        room.later(5.0)
        room.gate.look()
        room.do(asked, YES)
        room.own += 5.0
        room.gate.look()
        assert room.told == [State.PENDING]
        for _ in range(2):
            room.own += 5.0
            room.gate.look()
        assert room.told == [State.PENDING, State.EXPIRED]


def people_are_called_when_it_is_time(kind: Kind, path: Path) -> None:
    """And it sleeps no longer than until then."""
    with a_room(kind, path) as room:
        stage = Stage(quorum=Seat(by=("bob",)), remind=20.0, escalate_after=5.0, escalate_to=("carol",))
        room.ask(Policy(stages=(stage,), deny=Seat(by=("bob",))))
        assert room.gate.look() == 5.0
        room.later(5.0)
        assert room.gate.look() == IDLE
        assert room.told == [State.PENDING]
        room.later(35.0)
        room.gate.look()
        assert room.told == [State.PENDING] * 2


def after_the_stop_nothing_is_claimed(kind: Kind, path: Path) -> None:
    """Not even where a poll finds the key of a vote."""
    with a_room(kind, path) as room:
        asked = room.ask()
        room.gate.add(asked)
        room.stop()
        room.do(asked, YES)
        room.own += 600.0
        assert room.gate.look() == 0.0
        assert room.told == [State.APPROVED]


def what_was_claimed_too_long_ago_is_not_started(kind: Kind, path: Path) -> None:
    """Half a lease between the wish to claim and the store's answer: others may soon take it for lost."""
    assert frozen(kind, path, LEASE / 2 - 1) == ["it"]
    assert frozen(kind, path, LEASE / 2) == []


def frozen(kind: Kind, path: Path, seconds: float) -> list[str]:
    """Return what a process starts that stood still for so long while it claimed."""

    def freeze(swap: Swap) -> None:
        room.own += seconds if state_in(swap) is State.RUNNING else 0.0

    with a_room(kind, path, lambda store: Overtaken(store, freeze)) as room:
        room.ask(RARE, YES)
        room.gate.look()
        eventually(lambda: not len(room.runs))
        return room.runner.starts


def a_claim_whose_answer_was_lost_is_started_by_the_next_look_if_it_comes_soon(kind: Kind, path: Path) -> None:
    for seconds, starts in ((LEASE / 2 - 1, 1), (LEASE / 2, 0)):
        with a_room(kind, path, lambda store: LostAnswers(store, Once(State.RUNNING))) as room:
            room.ask(RARE, YES)
            with pytest.raises(StoreUnavailableError):
                room.gate.look()
            room.own += seconds
            room.gate.look()
            room.gate.look()
            assert room.ran(starts)


def what_cannot_be_read_hides_nothing_and_is_asked_for_once(kind: Kind, path: Path) -> None:
    with a_room(kind, path) as room:
        room.inside.swap(Swap(record=BROKEN, due_at=1.0))
        room.ask(RARE, YES)
        assert room.gate.look() == AGAIN
        assert room.ran(1)
        room.later(TELL_AGAIN - 1)
        assert room.gate.look() == 1.0, "the next moment is that of the end that nobody told"


def an_unreadable_one_that_was_polled_for_ends_its_polls(kind: Kind, path: Path) -> None:
    with a_room(kind, path) as room:
        asked = room.ask(a_policy(retry_count=1, retry_delay=5.0))
        room.gate.add(asked)
        key = Key(asked.id, "alice", "approve", room.now + 99)
        room.inside.swap(Swap(record=Record(asked.id, asked.version + 1, "x", b"{}"), keys=(key,)))
        room.own += 5.0
        assert [room.gate.look(), room.gate.look()] == [IDLE, IDLE]
        assert room.told == []


def what_the_store_has_forgotten_is_forgotten_here(kind: Kind, path: Path) -> None:
    with a_room(kind, path, Haunted) as room:
        assert room.gate.look() == AGAIN
        assert room.gate.look() == IDLE


def what_runs_here_is_not_given_up_here(kind: Kind, path: Path) -> None:
    with a_room(kind, path) as room:
        room.runner.hold.set()
        room.ask(RARE, YES)
        room.gate.look()
        room.now += LEASE
        room.gate.look()
        assert room.told == [State.APPROVED, State.RUNNING]


def what_runs_nowhere_any_more_is_lost(kind: Kind, path: Path) -> None:
    with a_room(kind, path) as room:
        room.ask(RARE, YES, Advance("dead"))
        room.later(LEASE - 1)
        assert (room.gate.look(), room.told[-1]) == (1.0, State.RUNNING)
        room.later(1)
        room.gate.look()
        assert room.told[-1] is State.LOST
        assert room.ran(0)


def an_end_that_nobody_told_is_told_again_unless_it_is_still_to_be_told_here(kind: Kind, path: Path) -> None:
    with a_room(kind, path) as room:
        ended = room.ask(RARE, Cancel("alice"))
        room.outbox.put(ended)
        room.later(TELL_AGAIN)
        room.gate.look()
        assert room.told == [State.CANCELED]
        room.outbox._ends.clear()
        room.gate.look()
        room.gate.look()
        assert room.told == [State.CANCELED] * 2


def one_look_does_all_that_is_due(kind: Kind, path: Path) -> None:
    """More than it asks for at once, some of which cannot be read."""
    with a_room(kind, path) as room:
        for number in range(DUE):
            room.inside.swap(Swap(record=Record(f"damaged{number}", 1, "token", b""), due_at=1.0))
        room.ask(RARE, YES)
        room.gate.look()
        assert room.gate.look() >= AGAIN
        assert room.ran(1)


RULES = [
    what_is_confirmed_is_started_once,
    it_sleeps_until_the_next_moment_that_it_knows_of,
    a_key_is_found_by_the_polls_where_nothing_tells_that_it_is_due,
    a_forged_key_ends_no_wait,
    what_has_waited_its_whole_time_expires_though_the_clock_of_the_store_stands_still,
    what_has_waited_its_whole_time_expires_by_the_clock_of_the_store,
    what_is_snoozed_is_polled_for_as_much_longer_and_then_expires,
    a_stage_is_polled_for_as_long_as_it_lasts,
    people_are_called_when_it_is_time,
    after_the_stop_nothing_is_claimed,
    what_was_claimed_too_long_ago_is_not_started,
    a_claim_whose_answer_was_lost_is_started_by_the_next_look_if_it_comes_soon,
    what_cannot_be_read_hides_nothing_and_is_asked_for_once,
    an_unreadable_one_that_was_polled_for_ends_its_polls,
    what_the_store_has_forgotten_is_forgotten_here,
    what_runs_here_is_not_given_up_here,
    what_runs_nowhere_any_more_is_lost,
    an_end_that_nobody_told_is_told_again_unless_it_is_still_to_be_told_here,
    one_look_does_all_that_is_due,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_look_does_what_may_be_done_now_and_no_more(rule: Callable[[Kind, Path], None], tmp_path: Path) -> None:
    rule(Gate, tmp_path)


PLANTED = {
    "the keys are never looked at": ("        self._poll()\n        for", "        for"),
    "a found key changes nothing": ("                decision = self._advance(execution_id)\n", "                decision = None\n"),
    "a forged key ends the wait": ("decision.reason is Reason.NOT_YET):", "False):"),
    "its own clock never ends a wait": ("            self._expire(execution_id, deadline)\n", "            pass\n"),
    "what is given more time is never looked at again": ("                self._polls.add(execution, self._monotonic(), execution.expires_at - deadline)\n", ""),
    "what is given more time gets a stage's time": ("self._monotonic(), execution.expires_at - deadline)", "self._monotonic())"),
    "a wait ends one poll early": ("if poll.left <= 0)", "if poll.left <= 1)"),
    "the stop stops nothing": ("not (busy or self._stopping.is_set() or", "not (busy or"),
    "what runs here is given up here": ("self._runs.has(execution_id) or", ""),
    "what is told here is told again": (" or self._outbox.has(execution_id)", ""),
    "a frozen process starts": ("< LEASE / 2:", "< LEASE:"),
    "a claim in doubt is as good as new": ("self._start(execution, unsure_since)", "self._start(execution, now)"),
    "a claim in doubt is forgotten": ("            self._unsure.setdefault(execution_id, now)\n", ""),
    "what cannot be read stops the rest": ("            log.error(\"%s\", error)  # once", "            raise  # once"),
    "what cannot be read is asked for again": ("            self._left_alone.add(execution_id)\n", ""),
    "what is gone is asked for again": ("                self._store.forget_due(execution_id)\n", "                pass\n"),
    "what is not due yet is due": ("if entry.at <= now]", "]"),
    "it sleeps through the next moment": ("*later[:1], ", ""),
    "it sleeps through the next poll": ("self._polls.soonest() - self._monotonic()", "IDLE"),
    "what cannot be read hides the rest": ("len(self._left_alone) + len", "len"),
}  # fmt: skip


@pytest.mark.parametrize("bug", PLANTED)
def test_each_planted_bug_is_found_by_the_rules(bug: str, tmp_path: Path) -> None:
    gate = planted(real, *PLANTED[bug]).Gate
    assert not all(holds(rule, gate, tmp_path) for rule in RULES)


def holds(rule: Callable[[Kind, Path], None], gate: Kind, path: Path) -> bool:
    """Tell whether a rule holds for a gate; one that raises what a gate must not does not hold either."""
    try:
        rule(gate, path)
    except (AssertionError, RecordError, pytest.fail.Exception):
        return False
    return True


def test_what_runs_here_hides_nothing_that_may_run(tmp_path: Path) -> None:
    """Given more runs than the gate asks for at once, all of which have had no sign of life in the store for long."""
    with a_room(Gate, tmp_path) as room:
        room.runner.hold.set()
        for _ in range(DUE):
            room.ask(RARE, YES)
        room.gate.look()
        room.now += LEASE
        room.ask(RARE, YES)
        room.gate.look()
        assert room.told == [State.APPROVED] * DUE + [State.RUNNING] * DUE + [State.APPROVED, State.RUNNING]


def test_what_is_still_to_be_told_here_hides_nothing_that_may_run(tmp_path: Path) -> None:
    with a_room(Gate, tmp_path) as room:
        for _ in range(DUE):
            room.outbox.put(room.ask(RARE, Cancel("alice")))
        room.now += TELL_AGAIN
        room.ask(RARE, YES)
        room.gate.look()
        assert room.ran(1)


class Ghosts(Around):
    """Has more due entries without a record than the gate asks for at once, and keeps them."""

    def due(self, limit: int) -> tuple[list[Due], float]:
        return [Due(f"gh0st{number:03}", 1.0) for number in range(DUE)], self.inside.due(1)[1]


def test_what_cannot_be_done_is_tried_once_a_look(tmp_path: Path) -> None:
    with a_room(Gate, tmp_path, Ghosts) as room:
        assert room.gate.look() == AGAIN


class Ear:
    """An ear that hears nothing but `wake`, and remembers what was asked of it."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self.wakes = 0
        self.closed = False
        self._woken = threading.Event()

    def wait(self, timeout: float) -> bool:
        self.pauses.append(timeout)
        self._woken.wait()
        self._woken.clear()
        return True

    def wake(self) -> None:
        self.wakes += 1
        self._woken.set()

    def close(self) -> None:
        self.closed = True

    def heard(self, pauses: int) -> float:
        """Return how long the gate wanted to sleep, once it has done so that often."""
        eventually(lambda: len(self.pauses) >= pauses)
        assert len(self.pauses) == pauses
        return self.pauses[-1]


class Listened(Around):
    """A store with such an ear, that remembers which keys were looked for; `error` is what it raises instead."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.ear = Ear()
        self.error: Exception | None = None
        self.polled: list[list[tuple[str, str]]] = []

    def watch(self) -> Ear:
        return self.ear

    def due(self, limit: int) -> tuple[list[Due], float]:
        if self.error:
            raise self.error
        return self.inside.due(limit)

    def poll(self, keys: list[tuple[str, str]]) -> list[bool]:
        self.polled.append(keys)
        return self.inside.poll(keys)


class TestThread:
    """The thread of the gate: it looks when it is woken or its pause is over."""

    @pytest.fixture
    def room(self, tmp_path: Path) -> Iterator[Room]:
        with a_room(Gate, tmp_path, Listened) as room:
            yield room

    def test_what_waits_at_the_start_is_taken_up_once(self, room: Room) -> None:
        asked, ear = room.ask(), room.store.ear
        room.gate.start()
        for looks in range(1, 4):
            assert ear.heard(looks) == IDLE
            ear.wake()
        ear.heard(4)
        room.own += 600.0
        ear.wake()
        ear.heard(5)
        assert room.store.polled == [[(asked.id, "alice")]]
        room.gate.stop()

    def test_what_is_snoozed_at_the_start_is_polled_for_until_its_new_deadline(self, room: Room) -> None:
        """Given a restart in the middle of a snooze, and a store whose clock stands still from then on."""
        room.do(room.ask(SNOOZED), LATER)
        room.gate.start()
        for looks in range(1, 7):
            room.store.ear.heard(looks)
            assert State.EXPIRED not in room.told
            room.own += 5.0
            room.store.ear.wake()
        room.store.ear.heard(7)
        assert room.told[-1] is State.EXPIRED
        room.gate.stop()

    def test_while_the_store_fails_it_looks_again_soon_and_takes_up_what_waits_then(self, room: Room) -> None:
        asked, ear = room.ask(), room.store.ear
        room.store.error = StoreUnavailableError("it is down")
        room.gate.start()
        assert ear.heard(1) == AGAIN
        room.store.error = RuntimeError("it breaks its promise")
        ear.wake()
        assert ear.heard(2) == AGAIN
        room.store.error = None
        ear.wake()
        assert ear.heard(3) == IDLE
        room.own += 600.0
        ear.wake()
        ear.heard(4)
        assert room.store.polled == [[(asked.id, "alice")]]
        room.gate.stop()

    def test_it_is_woken_by_what_is_added_and_by_the_stop_which_closes_its_ear(self, room: Room) -> None:
        ear = room.store.ear
        room.gate.start()
        ear.heard(1)
        room.gate.add(room.ask())
        ear.heard(2)
        assert (ear.wakes, ear.closed) == (1, False)
        room.gate.stop()
        assert (ear.wakes, ear.closed) == (2, True)

    def test_it_has_a_name_and_does_not_hold_the_end_of_the_bot(self, room: Room) -> None:
        room.gate.start()
        assert [each.daemon for each in threading.enumerate() if each.name == "err-confirm gate"] == [True]

    def test_keys_are_looked_for_a_page_at_a_time_and_only_those_of_named_people(self, room: Room) -> None:
        asked = room.ask(a_policy(by=("others",), retry_count=2, retry_delay=5.0))
        room.gate.add(asked)
        named = a_policy(by=tuple(f"p{number:04}" for number in range(KEYS + 1)), retry_count=2, retry_delay=5.0)
        waiting = room.ask(named)
        room.gate.add(waiting)
        room.own += 5.0
        room.gate.look()
        everybody = [(waiting.id, person) for person in named.stages[0].quorum.by]
        assert room.store.polled == [everybody[:KEYS], everybody[KEYS:]]
