"""What happened is told in order, its end once, and what could not be told is counted."""

import logging
import queue
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from builders import RECORDS, a_policy
from err_confirm.engine import Engine
from err_confirm.engine.outbox import Outbox
from err_confirm.errors import ErrConfirmError
from err_confirm.model.executions import Execution, Notice, Place, Speaker, State, Verdict
from err_confirm.model.policies import Choice, Effect, Policy, Seat, Stage
from err_confirm.store.base import Store
from err_confirm.store.sqlite_store import SqliteStore
from err_confirm.transition.events import Advance, Answer, Posted
from err_confirm.transition.steps import Refusal, Step
from faulty import Broken
from house import a_plan
from servers import eventually

NO = Answer("alice", Verdict.DENY)


class Room:
    """What was said; `fails` is what it raises instead."""

    def __init__(self) -> None:
        self.said: queue.SimpleQueue[Execution] = queue.SimpleQueue()
        self.fails: list[ErrConfirmError] = []

    def say(self, execution: Execution) -> None:
        if self.fails:
            raise self.fails.pop()
        self.said.put(execution)


def denied(store: Store, outbox: Outbox) -> tuple[Engine, Execution]:
    """Let something be denied, so that its end is to be told."""
    engine = Engine(store, RECORDS, outbox.put)
    execution = engine.create(a_plan(a_policy()), Speaker("alice", Place(person="@alice")), "it")
    engine.apply(execution.id, Posted())
    engine.apply(execution.id, NO)
    return engine, execution


def read(engine: Engine, execution: Execution) -> Execution:
    found, _ = engine.read(execution.id)
    assert found
    return found


def test_what_is_left_when_it_stops_is_told_in_order_and_noted(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    room = Room()
    outbox = Outbox(room.say)
    pairs = [denied(store, outbox) for _ in range(5)]
    assert [read(*pair).tell_after is None for pair in pairs] == [False] * 5
    outbox.start(pairs[0][0])
    outbox.stop(15.0)
    assert [room.said.get(timeout=15).id for _ in pairs] == [execution.id for _, execution in pairs]
    assert [read(*pair).tell_after for pair in pairs] == [None] * 5
    assert len(outbox) == 0
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


def test_what_could_not_be_told_in_time_is_counted_in_the_log(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """Regression: it was dropped in silence."""
    begun, go_on = threading.Event(), threading.Event()

    def say(_: Execution) -> None:
        begun.set()
        go_on.wait(15)

    outbox = Outbox(say)
    engine, _ = denied(store, outbox)
    denied(store, outbox)
    denied(store, outbox)
    outbox.start(engine)
    assert begun.wait(15)
    outbox.stop(0.05)
    go_on.set()
    eventually(lambda: len(outbox) == 0)  # before its store is closed
    errors = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert errors == ["3 changes of executions were not told within the last 0.05 s"]


def test_an_end_that_could_not_be_said_is_not_noted_as_told(store: Store) -> None:
    room = Room()
    room.fails.append(ErrConfirmError("the network is gone"))
    outbox = Outbox(room.say)
    engine, execution = denied(store, outbox)
    outbox.start(engine)
    outbox.stop(15.0)
    assert room.said.empty()
    assert read(engine, execution).tell_after is not None


def test_an_end_that_another_process_has_told_or_taken_over_is_not_told_here(store: Store) -> None:
    here, there = Room(), Room()
    ours, theirs = Outbox(here.say), Outbox(there.say)
    engine, execution = denied(store, ours)
    theirs.put(read(engine, execution))
    theirs.start(engine)
    theirs.stop(15.0)
    ours.start(engine)
    ours.stop(15.0)
    assert (here.said.empty(), there.said.qsize()) == (True, 1)


def test_an_end_is_told_also_while_the_store_is_down_and_noted_when_it_is_back(store: Store) -> None:
    """Better twice than never: whether another has told it cannot be known then."""
    broken = Broken(store)
    said = threading.Event()
    outbox = Outbox(lambda _: said.set())
    engine, execution = denied(broken, outbox)
    broken.down.set()
    outbox.start(engine)
    assert said.wait(15)
    broken.down.clear()
    eventually(lambda: read(engine, execution).tell_after is None)
    outbox.stop(15.0)


def test_an_end_is_still_to_be_told_while_what_came_before_it_is(store: Store) -> None:
    """Regression: once the start was told, the end behind it seemed to be told, too."""
    begun, go_on = threading.Event(), threading.Event()

    def say(execution: Execution) -> None:
        if execution.state.ended:
            begun.set()
            go_on.wait(15)

    engine, execution = denied(store, Outbox(say))
    outbox = Outbox(say)
    outbox.put(replace(read(engine, execution), state=State.RUNNING, tell_after=None))
    outbox.put(read(engine, execution))
    outbox.start(engine)
    assert begun.wait(15)
    assert (outbox.has(execution.id), len(outbox)) == (True, 1)
    go_on.set()
    outbox.stop(15.0)
    assert (outbox.has(execution.id), len(outbox)) == (False, 0)


def test_what_has_not_ended_is_told_and_leaves_no_note(store: Store) -> None:
    room = Room()
    outbox = Outbox(room.say)
    engine, execution = denied(store, outbox)
    running = replace(read(engine, execution), state=State.RUNNING, tell_after=None)
    outbox = Outbox(room.say)
    outbox.put(running)
    assert not outbox.has(running.id)
    outbox.start(engine)
    outbox.stop(15.0)
    assert room.said.get(timeout=15).state is State.RUNNING
    assert read(engine, execution).tell_after is not None


AT_ONCE = Stage(quorum=Seat(by=("bob",)), retry_count=1000, remind=3000.0, escalate_after=1e-12, escalate_to=("carol",))
SNOOZE = Choice(name="snooze", effect=Effect.SNOOZE, after=60.0)
CALLING = Policy(
    stages=(replace(AT_ONCE, escalate_to=(), remind=0.0), replace(AT_ONCE, quorum=Seat(by=("dave", "erin")))),
    deny=Seat(by=("bob",)),
    choices=(Choice(name=""), SNOOZE),
)
CALLS = [Notice.STAGE, Notice.ESCALATION, Notice.REMINDER]


def calling(store: Store, outbox: Outbox) -> tuple[Engine, Execution]:
    """Let the second stage begin, and people be called three times, before anything of that is told."""
    engine = Engine(store, RECORDS, outbox.put)
    execution = engine.create(a_plan(CALLING), Speaker("alice", Place(person="@alice")), "it")
    for event in (Posted(), Answer("bob", Verdict.APPROVE), Advance("one"), Advance("one")):
        assert isinstance(engine.apply(execution.id, event), Step)
    return engine, execution


def notices(room: Room) -> list[Notice | None]:
    return [room.said.get().notice for _ in range(room.said.qsize())]


def test_a_call_that_another_one_overtook_is_told_all_the_same(store: Store) -> None:
    """Regression: where the network was slow, the prompt of a stage was dropped when an escalation became due."""
    room = Room()
    outbox = Outbox(room.say)
    engine, execution = calling(store, outbox)
    assert list(read(engine, execution).untold) == CALLS
    outbox.start(engine)
    outbox.stop(15.0)
    assert notices(room) == CALLS
    assert (read(engine, execution).untold, read(engine, execution).tell_after) == ({}, None)


def test_what_a_dead_process_had_to_say_is_said_by_another_one_and_once(tmp_path: Path) -> None:
    """Each of them, one after the other; and not again by the first one, should it only have been asleep."""
    clock = [1_000_000.0]
    with closing(SqliteStore(tmp_path / "s.db", clock=lambda: clock[0])) as store:
        asleep, awake = Room(), Room()
        first, second = Outbox(asleep.say), Outbox(awake.say)
        engine, execution = calling(store, first)
        other = Engine(store, RECORDS, second.put)
        second.start(other)
        assert isinstance(other.apply(execution.id, Advance("two")), Refusal)
        for _ in CALLS:
            clock[0] = max(clock[0], read(engine, execution).tell_after or 0.0)
            assert isinstance(other.apply(execution.id, Advance("two")), Step)
            second.wait(15.0)
        assert notices(awake) == CALLS
        assert (read(engine, execution).untold, read(engine, execution).tell_after) == ({}, None)
        second.stop(15.0)
        first.start(engine)
        first.stop(15.0)
        assert notices(asleep) == []


def test_what_cannot_be_said_keeps_nothing_else_from_being_said(tmp_path: Path) -> None:
    """Given a room that takes no prompt, then it is tried again and again, and the other calls in between."""
    clock = [1_000_000.0]
    with closing(SqliteStore(tmp_path / "s.db", clock=lambda: clock[0])) as store:
        tried: list[Notice | None] = []

        def say(execution: Execution) -> None:
            tried.append(execution.notice)
            if execution.notice is Notice.STAGE:
                raise ErrConfirmError("the room is closed")

        outbox = Outbox(say)
        engine, execution = calling(store, Outbox(say))
        other = Engine(store, RECORDS, outbox.put)
        outbox.start(other)
        for _ in range(4):
            clock[0] = max(clock[0], read(engine, execution).tell_after or 0.0)
            other.apply(execution.id, Advance("two"))
            outbox.wait(15.0)
        outbox.stop(15.0)
        assert tried == [*CALLS, Notice.STAGE]
        assert list(read(engine, execution).untold) == [Notice.STAGE]


def test_a_vote_is_told_whatever_else_was_told_meanwhile(store: Store) -> None:
    room = Room()
    outbox = Outbox(room.say)
    engine, execution = calling(store, outbox)
    vote = replace(read(engine, execution), notice=Notice.VOTE, notices=99)
    outbox.put(vote)
    outbox.start(engine)
    outbox.stop(15.0)
    assert notices(room) == [*CALLS, Notice.VOTE]


def test_a_snooze_takes_back_the_calls_that_nobody_has_heard(store: Store) -> None:
    """The prompt at its end says all of it."""
    room = Room()
    outbox = Outbox(room.say)
    engine, execution = calling(store, outbox)
    assert isinstance(engine.apply(execution.id, Answer("dave", Verdict.APPROVE, choice="snooze")), Step)
    outbox.start(engine)
    outbox.stop(15.0)
    assert notices(room) == [Notice.SNOOZE]
    assert read(engine, execution).tell_after is None
