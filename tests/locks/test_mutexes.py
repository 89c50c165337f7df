"""Under one name at most one runs, whoever dies and whoever is slow; and nobody keeps a name for ever."""

import itertools
import os
import threading
from collections import deque
from dataclasses import replace
from pathlib import Path

import pytest

from builders import RECORDS, a_policy
from err_confirm.engine import Engine, Vouched
from err_confirm.engine.gate import DUE, Gate
from err_confirm.engine.outbox import Outbox
from err_confirm.engine.runs import Runs
from err_confirm.errors import LockedError, LockError, NotReadyError
from err_confirm.journal import UNLOCKED, lines
from err_confirm.journal.archive import Archive
from err_confirm.locks.mutex_uses import MOST_IN_LINE, SHELVES, Use, Uses
from err_confirm.locks.mutexes import Mutexes
from err_confirm.model.executions import Execution, Place, Speaker, State, Verdict
from err_confirm.model.runs import Conduct, Mutex, Outcome
from err_confirm.store.base import Record, Store, Swap
from err_confirm.store.shelf import Shelf
from err_confirm.store.sqlite_store import SqliteStore
from err_confirm.transition.events import Advance, Answer, Cancel, Finish, Posted
from err_confirm.transition.steps import KEEP, LEASE, RUN_WITHIN, Step
from err_confirm.vouching import Vouching
from house import Counter, a_plan
from servers import PATIENCE, StoreFactory

WAIT = 600.0
AT_ONCE, PATIENT = Mutex(name="web1"), Mutex(name="web1", wait=WAIT)
OK = Outcome(exit_code=0)
OPS = Place(person="@root", room="#ops")
ROOT = Speaker("root", OPS, "text:root")


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Bot:
    """One bot's engine, with what it needs so that executions run alone."""

    def __init__(self, name: str, store: Store, shelf: Store, folder: Path) -> None:
        self.name = name
        archive = Archive(store, RECORDS.seal, folder / f"{name}.jsonl", keep=KEEP, on_gap=print)
        self.store = store
        self.shelf = Shelf(shelf, RECORDS.seal)
        self.told: list[str] = []
        self.engine = Engine(store, RECORDS, lambda _: None, vouch=self.vouch)
        self.mutexes = Mutexes(self.shelf, archive, self.engine.read, "!")

    def vouch(self, execution: Execution) -> Vouched:
        return Vouched(doubt=self.mutexes.take(execution))

    def confirmed(self, mutex: Mutex | None = AT_ONCE, alias: str = "restart") -> str:
        """Ask for something as alice, and confirm it as bob."""
        plan = replace(a_plan(a_policy(by=("bob",), deny_by=("carol",), retry_delay=60.0)), alias=alias)
        plan = replace(plan, conduct=Conduct(mutex=mutex))
        asked = self.engine.create(plan, Speaker("alice", Place(person="@alice")), "it").id
        self.engine.apply(asked, Posted())
        self.engine.apply(asked, Answer("bob", Verdict.APPROVE))
        return asked

    def advance(self, asked: str) -> Execution:
        """Let it go on, as the gate does, and return what has become of it."""
        self.engine.apply(asked, Advance(self.name))
        return self.read(asked)

    def read(self, asked: str) -> Execution:
        found, _ = self.engine.read(asked)
        assert found is not None
        return found

    def finish(self, asked: str) -> None:
        assert isinstance(self.engine.apply(asked, Finish(self.name, 1, OK)), Step)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bots(tmp_path: Path, clock: Clock) -> tuple[Bot, Bot]:
    def one(name: str) -> Bot:
        stores = (SqliteStore(tmp_path / "s.db", namespace=each, clock=clock) for each in ("a", "a.shelf"))
        return Bot(name, *stores, tmp_path)

    return one("one"), one("other")


def test_what_does_not_wait_is_refused_with_who_runs_and_for_how_long(bots: tuple[Bot, Bot], clock: Clock) -> None:
    """When it is asked for, and when it was confirmed meanwhile; another name is free."""
    one, other = bots
    first, second, third = one.confirmed(), other.confirmed(), other.confirmed(Mutex(name="web2"))
    assert one.advance(first).state is State.RUNNING
    with pytest.raises(LockedError, match=r"running for 1 s\)"):
        other.mutexes.check(AT_ONCE)
    other.mutexes.check(PATIENT)
    clock.now += 8
    sentence = f"web1 is in use by {first} (restart, running for 8 s); ask again when it has ended"
    with pytest.raises(LockedError) as raised:
        other.mutexes.check(AT_ONCE)
    assert str(raised.value) == sentence
    refused = other.advance(second)
    assert (refused.state, refused.reason) == (State.EXPIRED, sentence)
    assert other.advance(third).state is State.RUNNING
    one.finish(first)
    other.mutexes.check(AT_ONCE)
    assert other.advance(other.confirmed()).state is State.RUNNING


def test_those_that_wait_run_in_the_order_in_which_they_were_confirmed(bots: tuple[Bot, Bot], clock: Clock) -> None:
    """Whoever looks first; and who would not wait is not let in between."""
    one, other = bots
    asked = []
    for number in range(4):
        asked.append(bots[number % 2].confirmed(PATIENT))
        clock.now += 1
    assert one.advance(asked[0]).state is State.RUNNING
    for each in reversed(asked[1:]):
        assert other.advance(each).state is State.APPROVED
        assert other.mutexes.stand_in_line(other.read(each))
        assert not one.mutexes.stand_in_line(one.read(each))
    for now, following in itertools.pairwise(asked):
        one.finish(now)
        for each in reversed(asked):
            if each != following:
                assert one.advance(each).state is not State.RUNNING
        assert "is next for" in one.advance(one.confirmed()).reason
        assert one.advance(following).state is State.RUNNING
    one.finish(asked[-1])
    for each in asked:
        one.mutexes.leave(one.read(each))
    assert [fact for fact in one.shelf.all().values() if fact] == []


def test_who_waits_in_vain_expires_with_who_was_in_its_way(bots: tuple[Bot, Bot], clock: Clock) -> None:
    one, _ = bots
    first, second = one.confirmed(), one.confirmed(PATIENT)
    one.advance(first)
    clock.now += WAIT - 1
    one.engine.apply(first, Finish("nobody", 9, OK))
    assert one.advance(second).state is State.APPROVED
    clock.now += 1
    expired = one.advance(second)
    assert expired.state is State.EXPIRED
    assert expired.reason.startswith(f"it has waited 10 min, and web1 is in use by {first} (restart, running for ")


def test_one_that_stands_in_line_and_is_taken_back_is_passed_over(bots: tuple[Bot, Bot], clock: Clock) -> None:
    """So is one whose bot never came for it, once its time is over."""
    one, other = bots
    first = one.confirmed()
    one.advance(first)
    asked = []
    for wait in (WAIT, 1.0, WAIT):
        asked.append(one.confirmed(replace(PATIENT, wait=wait)))
        one.mutexes.stand_in_line(one.read(asked[-1]))
        clock.now += 1
    canceled, _, last = asked
    one.engine.apply(canceled, Cancel("alice"))
    one.mutexes.leave(one.read(canceled))
    assert [each for _, each in Uses(other.shelf).read("web1")[0].line] == asked[1:]
    one.finish(first)
    clock.now += RUN_WITHIN + 1.0
    assert other.advance(last).state is State.RUNNING
    assert Uses(other.shelf).read("web1")[0] == Use(last), "nobody of these is in the line any more"


def test_one_that_took_its_name_keeps_it_from_those_confirmed_before_it_that_came_later(
    bots: tuple[Bot, Bot], clock: Clock
) -> None:
    """Else each of the two would wait for the other."""
    one, other = bots
    earlier = other.confirmed(PATIENT)
    clock.now += 1
    first = one.confirmed(PATIENT)
    assert one.mutexes.take(one.read(first)) == ""
    assert other.advance(earlier).state is State.APPROVED
    other.mutexes.stand_in_line(other.read(earlier))
    assert one.advance(first).state is State.RUNNING


def test_one_that_took_its_name_and_was_never_claimed_keeps_it_until_it_has_expired(
    bots: tuple[Bot, Bot], clock: Clock
) -> None:
    """As if its process was killed between the two."""
    one, other = bots
    first, second = one.confirmed(), other.confirmed(PATIENT)
    assert one.mutexes.take(one.read(first)) == ""
    assert other.advance(second).state is State.APPROVED
    assert "(restart, about to run)" in other.mutexes.in_use(other.read(second))
    clock.now += RUN_WITHIN
    assert other.advance(first).state is State.EXPIRED
    assert other.advance(second).state is State.RUNNING


def test_while_it_is_looked_at_once_more_nothing_else_runs_under_its_name(bots: tuple[Bot, Bot]) -> None:
    """Regression: what ran meanwhile could change what had just been looked at. What is refused then keeps nothing."""
    one, other = bots
    found = deque([NotReadyError("it is being looked up"), Vouched(), Vouched(doubt="its targets have changed")])

    def look(_: Execution) -> Vouched:
        match found.popleft():
            case Vouched() as vouched:
                return vouched
            case error:
                raise error

    vouching = Vouching((), one.mutexes, look, lambda _: None)
    one.engine = Engine(one.store, RECORDS, lambda _: None, vouch=vouching)
    first = one.confirmed()
    assert one.advance(first).state is State.APPROVED
    assert "about to run" in other.advance(other.confirmed()).reason
    assert one.advance(first).state is State.RUNNING
    one.finish(first)
    assert one.advance(one.confirmed()).reason == "its targets have changed"
    assert other.advance(other.confirmed()).state is State.RUNNING


def test_it_is_told_once_that_it_waits_for_its_name_and_not_if_it_must_not_run(bots: tuple[Bot, Bot]) -> None:
    one, other = bots
    one.advance(one.confirmed())
    waits, told, doubts = other.read(other.confirmed(PATIENT)), list[Execution](), deque(["locked", "", ""])
    vouching = Vouching([lambda _: doubts.popleft()], other.mutexes, lambda _: Vouched(), told.append)
    assert (vouching(waits), told) == (Vouched(doubt="locked"), [])
    while doubts:
        with pytest.raises(NotReadyError):
            vouching(waits)
        assert told == [waits]


def lost(bots: tuple[Bot, Bot], clock: Clock) -> str:
    """Let one bot claim something and never be seen again."""
    one, other = bots
    asked = one.confirmed()
    one.advance(asked)
    clock.now += LEASE
    assert other.advance(asked).state is State.LOST
    return asked


def test_one_that_is_lost_keeps_its_name_until_somebody_gives_it_up(bots: tuple[Bot, Bot], clock: Clock) -> None:
    """Who asked for it, who confirmed it, or an admin; the journal keeps who did."""
    _, other = bots
    asked = lost(bots, clock)
    clock.now += 60
    with pytest.raises(LockedError) as raised:
        other.mutexes.check(AT_ONCE)
    who_knows = f"web1 is in use by {asked} (restart, lost 1 min ago: it may still run)"
    assert str(raised.value) == f"{who_knows}; look what it did, then say !unlock {asked}"
    with pytest.raises(LockError, match="asked for or confirmed by alice or bob: only they or a bot admin can"):
        other.mutexes.give_up(other.read(asked), Speaker("carol", OPS), admin=False)
    assert other.mutexes.give_up(other.read(asked), Speaker("bob", OPS), admin=False) == AT_ONCE
    (told,) = [line.entry for line in lines(other.store, RECORDS.seal) if line.entry.what == UNLOCKED]
    assert (told.who, told.facts) == ("bob", {"name": "web1", "execution": asked})
    with pytest.raises(LockError, match="keeps nothing for itself"):
        other.mutexes.give_up(other.read(asked), ROOT, admin=True)
    following = other.confirmed()
    assert other.advance(following).state is State.RUNNING
    with pytest.raises(LockError, match="is running and keeps web1 until it has ended"):
        other.mutexes.give_up(other.read(following), ROOT, admin=True)


def test_a_late_report_of_one_that_was_lost_frees_its_name(bots: tuple[Bot, Bot], clock: Clock) -> None:
    one, other = bots
    asked = lost(bots, clock)
    one.finish(asked)
    assert other.advance(other.confirmed()).state is State.RUNNING


def test_one_that_is_no_longer_kept_has_nothing(bots: tuple[Bot, Bot], clock: Clock) -> None:
    _, other = bots
    lost(bots, clock)
    clock.now += KEEP + 1.0
    other.confirmed(None)  # a store forgets when it is written to
    assert other.advance(other.confirmed()).state is State.RUNNING


def test_where_nobody_can_tell_who_runs_nothing_does(bots: tuple[Bot, Bot], clock: Clock) -> None:
    """A record, or the fact about a name, that was not written by us; what such a record keeps, an admin gives up."""
    one, other = bots
    asked = lost(bots, clock)
    record, _ = one.store.read(asked)
    assert record is not None
    one.store.swap(Swap(record=replace(record, version=record.version + 1, body=b"x" * 80)))
    refused = one.advance(one.confirmed())
    assert (refused.state, "whose record cannot be used" in refused.reason) == (State.EXPIRED, True)
    with pytest.raises(LockError, match="only a bot admin can give up web1"):
        one.mutexes.give_up_unread(asked, Speaker("alice", OPS), admin=False)
    assert one.mutexes.give_up_unread(asked, ROOT, admin=True).name == "web1"
    with pytest.raises(LockError, match="keeps nothing for itself"):
        one.mutexes.give_up_unread(asked, ROOT, admin=True)
    assert one.mutexes.in_use(one.read(one.confirmed())) == ""
    shelf = other.shelf._store
    (fact,) = shelf.recent()
    shelf.swap(Swap(record=Record(fact.id, fact.version + 1, "theirs", fact.body)))
    assert "cannot be used" in other.advance(other.confirmed()).reason


def test_the_line_and_the_shelf_do_not_grow_without_end(bots: tuple[Bot, Bot]) -> None:
    one, _ = bots
    found = one.read(one.confirmed(PATIENT))
    stood = [one.mutexes.stand_in_line(replace(found, id=f"{n:08d}")) for n in range(MOST_IN_LINE + 2)]
    assert stood.count(True) == MOST_IN_LINE
    for number in range(SHELVES + 1):
        mutex = Mutex(name=f"host{number}")
        assert one.mutexes.take(replace(found, conduct=Conduct(mutex=mutex))) == ""
    assert len(one.shelf.all()) <= SHELVES


def test_very_many_that_wait_for_their_turn_hold_up_nobody_else(bots: tuple[Bot, Bot], clock: Clock) -> None:
    """Regression: the gate looked at the first that are due, and these were always the same."""
    one, other = bots
    other.advance(other.confirmed())
    plan = replace(a_plan(None), conduct=Conduct(mutex=PATIENT))
    for each in [*[plan] * (DUE + 1), a_plan(None, "last")]:
        asked = one.engine.create(each, Speaker("alice", Place(person="@alice")), "it").id
        one.engine.apply(asked, Posted())
        clock.now += 0.001
    runner, outbox = Counter(), Outbox(lambda _: None)
    runs = Runs(one.engine, {"count": runner}, "one")
    gate = Gate(one.engine, runs, outbox, "one")
    gate.look()
    gate.look()
    runs.stop(PATIENCE)
    assert runner.starts == ["last"]


RACERS, NAMES, ROUNDS = 4, ("web1", "web2", "web3"), 8


def test_however_many_race_for_a_name_one_runs_at_a_time_and_all_do(
    tmp_path: Path, store_factory: StoreFactory
) -> None:
    """Each run makes a file that must not be there yet, and removes it at its end."""
    bots = [Bot(f"bot{n}", store_factory(), store_factory("shelf"), tmp_path) for n in range(RACERS)]
    asked = [bots[0].confirmed(Mutex(name=name, wait=WAIT)) for _ in range(ROUNDS) for name in NAMES]
    start, ran, wrong = threading.Barrier(RACERS), list[str](), list[str]()

    def race(bot: Bot, ahead: int) -> None:
        runs, left = list[Execution](), [*asked[ahead:], *asked[:ahead]]
        start.wait()
        while left or runs:
            for each in list(left):
                decision = bot.engine.apply(each, Advance(bot.name))
                if isinstance(decision, Step) and begins(decision.execution):
                    runs.append(decision.execution)
                if (now := bot.read(each)).state is not State.APPROVED:
                    left.remove(each)
                elif ahead % 2:
                    bot.mutexes.stand_in_line(now)
            while runs:  # what has begun goes on while the others look, and while this one looks at all that is left
                ends(bot, runs.pop())

    def begins(execution: Execution) -> bool:
        try:
            os.close(os.open(evidence(execution), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            wrong.append(execution.id)
            return False
        ran.append(execution.id)
        return True

    def ends(bot: Bot, execution: Execution) -> None:
        evidence(execution).unlink()
        bot.finish(execution.id)

    def evidence(execution: Execution) -> Path:
        assert execution.conduct.mutex is not None
        return tmp_path / execution.conduct.mutex.name

    threads = [threading.Thread(target=race, args=(bot, number), daemon=True) for number, bot in enumerate(bots)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (wrong, sorted(ran)) == ([], sorted(asked))
