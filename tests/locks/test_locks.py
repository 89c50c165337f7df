"""A lock is its owner's, ends when it should, and where nobody can tell whether there is one, nothing starts."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from builders import RECORDS, an_execution
from err_confirm.errors import LockedError, LockError, ShelfError, StoreUnavailableError
from err_confirm.journal import LOCKED, UNLOCKED, lines
from err_confirm.journal.archive import Archive
from err_confirm.locks import LONGEST_REASON, Lock, Locks, Unlocked, Wish, read_wish
from err_confirm.model.executions import Place, Speaker
from err_confirm.store.base import Record, Store, Swap
from err_confirm.store.shelf import Shelf
from err_confirm.store.sqlite_store import SqliteStore
from servers import StoreFactory

HOUR = 3_600.0
NAMES = ["restart", "Restart all", "Deploy", "free space"]


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def locks_on(folder: Path, executions: Store, shelf: Store) -> Locks:
    """Return the locks of a bot on these stores."""
    archive = Archive(executions, RECORDS.seal, folder / "journal.jsonl", keep=HOUR, on_gap=print)
    return Locks(Shelf(shelf, RECORDS.seal), archive, "!")


@pytest.fixture
def make(tmp_path: Path, store_factory: StoreFactory) -> Callable[[], Locks]:
    """Give what makes the locks of one more process."""
    return lambda: locks_on(tmp_path, store_factory(), store_factory(tmp_path.name))


@pytest.fixture
def locks(make: Callable[[], Locks]) -> Locks:
    return make()


def put(locks: Locks, name: str = "restart", who: str = "bob", lasts: float | None = None, why: str = "db") -> Lock:
    wish = Wish(name=name, lasts=lasts, reason=why)
    return locks.put(wish, Speaker(who, Place(person=f"@{who}", room="#ops"), f"text:{who}"))


def take(locks: Locks, name: str = "restart", who: str = "bob", *, admin: bool = False) -> Unlocked:
    return locks.take(name, Speaker(who, Place(person=f"@{who}", room="#ops"), f"text:{who}"), admin=admin)


def held(locks: Locks) -> list[tuple[str, str]]:
    return [(lock.name, lock.owner) for lock in locks.all()[0]]


def test_what_is_locked_may_neither_be_asked_for_nor_start_for_any_bot(make: Callable[[], Locks]) -> None:
    """The sentence says who, since when, why, and who can end it."""
    here, there = make(), make()
    put(here, why="db migration")
    said = r"^restart is locked by bob since .* UTC: db migration; bob or a bot admin can say !unlock restart$"
    with pytest.raises(LockedError, match=said):
        there.check(["free space", "restart"])
    there.check(["free space"])
    there.check([])
    assert there.vouch(an_execution(alias="free space")) == ""
    assert "restart is locked by bob" in there.vouch(an_execution(alias="restart"))


def test_a_star_locks_everything(locks: Locks) -> None:
    put(locks, "*")
    with pytest.raises(LockedError, match=r"^everything is locked by bob .* can say !unlock \*$"):
        locks.check(["restart"])
    assert locks.vouch(an_execution(alias="anything at all"))


def test_only_the_owner_or_an_admin_takes_a_lock_off(locks: Locks) -> None:
    """Others are told whom to ask."""
    put(locks)
    with pytest.raises(LockError, match="restart was locked by bob: only they or a bot admin can unlock it"):
        take(locks, who="mallory")
    assert held(locks) == [("restart", "bob")]
    assert [lock.owner for lock in take(locks).taken] == ["bob"]
    put(locks)
    assert [lock.owner for lock in take(locks, who="root", admin=True).taken] == ["bob"]
    assert held(locks) == []
    with pytest.raises(LockError, match="restart is not locked; see !locks"):
        take(locks)


def test_one_persons_lock_changes_nobody_elses(locks: Locks) -> None:
    """Whoever locks what is locked already could else unlock it."""
    put(locks, who="bob")
    put(locks, who="mallory", lasts=1.0)
    done = take(locks, who="mallory")
    assert [lock.owner for lock in done.left] == ["bob"]
    assert held(locks) == [("restart", "bob")]
    put(locks, who="carol")
    assert [lock.owner for lock in take(locks, who="root", admin=True).taken] == ["bob", "carol"]


def test_a_star_and_a_name_are_locked_and_unlocked_apart(locks: Locks) -> None:
    put(locks, "*")
    put(locks, "restart")
    take(locks, "*")
    assert held(locks) == [("restart", "bob")]


def test_a_lock_ends_by_the_stores_clock(tmp_path: Path) -> None:
    """Not before its moment, and at it."""
    clock = Clock()
    store, shelf = (SqliteStore(tmp_path / "s.db", namespace=name, clock=clock) for name in ("a", "b"))
    locks = locks_on(tmp_path, store, shelf)
    lock = put(locks, lasts=2 * HOUR)
    assert lock == Lock(name="restart", owner="bob", reason="db", since=clock.now, until=clock.now + 2 * HOUR)
    clock.now += HOUR
    with pytest.raises(LockedError, match=r"bob since .* UTC, for 1 h more: db;"):
        locks.check(["restart"])
    put(locks, lasts=2 * HOUR)  # anew, by its owner
    clock.now += 2 * HOUR - 0.001
    assert locks.vouch(an_execution(alias="restart"))
    clock.now += 0.001
    assert locks.vouch(an_execution(alias="restart")) == ""
    locks.check(["restart"])
    assert held(locks) == []
    with pytest.raises(LockError, match="not locked"):
        take(locks)


def test_the_journal_keeps_who_locked_what_and_why(tmp_path: Path, store_factory: StoreFactory) -> None:
    """Before it is done: what cannot be kept is not done."""
    store = store_factory()
    locks = locks_on(tmp_path, store, store_factory(tmp_path.name))
    put(locks, lasts=60.0, why="db")
    take(locks, who="root", admin=True)
    told = [line.entry for line in lines(store, RECORDS.seal)]
    assert [(entry.what, entry.who, entry.identity, entry.room, entry.facts) for entry in told] == [
        (LOCKED, "bob", "text:bob", "#ops", {"name": "restart", "lasts": 60.0, "reason": "db"}),
        (UNLOCKED, "root", "text:root", "#ops", {"name": "restart", "owners": ["bob"]}),
    ]
    put(locks)
    store.close()
    with pytest.raises(StoreUnavailableError):
        take(locks)
    assert held(locks) == [("restart", "bob")]


def test_where_nobody_can_tell_whether_it_is_locked_nothing_starts(tmp_path: Path, store_factory: StoreFactory) -> None:
    """A forged record is a reason; a store that does not answer is an error, and the gate asks again."""
    shelf = store_factory(tmp_path.name)
    locks = locks_on(tmp_path, store_factory(), shelf)
    put(locks)
    (record,) = shelf.recent()
    shelf.swap(Swap(record=replace(record, version=2, token="theirs", body=record.body.replace(b"bob", b"eve"))))
    assert "what the store says of locks cannot be used" in locks.vouch(an_execution())
    with pytest.raises(ShelfError):
        locks.check(["free space"])
    shelf.swap(Swap(record=Record(record.id, 3, "theirs", b""), keep_until=1.0))
    assert "it was taken away" in locks.vouch(an_execution())
    shelf.close()
    with pytest.raises(StoreUnavailableError):
        locks.vouch(an_execution())
    with pytest.raises(StoreUnavailableError):
        locks.check(["free space"])


WISHES = {
    "restart db migration": Wish(name="restart", lasts=None, reason="db migration"),
    "  RESTART  2h   db   migration ": Wish(name="restart", lasts=2 * HOUR, reason="db migration"),
    "restart all 30m x": Wish(name="Restart all", lasts=1_800.0, reason="x"),
    "restart allowed to nobody": Wish(name="restart", lasts=None, reason="allowed to nobody"),
    "deploy 2 hosts are down": Wish(name="Deploy", lasts=None, reason="2 hosts are down"),
    "free space 1d 2h": Wish(name="free space", lasts=86_400.0, reason="2h"),
    "* 500ms panic": Wish(name="*", lasts=0.5, reason="panic"),
    f"* {'x' * LONGEST_REASON}": Wish(name="*", lasts=None, reason="x" * LONGEST_REASON),
}
NO_WISHES = {
    "": r"say what, and why: !lock <alias, guard or \*> \[2h\] <reason>",
    "restrat x": r'"restrat" is no alias and no guard \(did you mean "restart"\?\); or say \* for all',
    "rest* x": r'"rest\*" is no alias and no guard',
    "restart": "say why, at the end: !lock restart <reason>",
    "restart 2h": "say why, at the end: !lock restart 2h <reason>",
    "restart 0h x": "longer than zero",
    "restart 999999999d x": "shorter than 1,000 years",
    f"restart {'x' * (LONGEST_REASON + 1)}": "a reason has at most 200 characters",
}


@pytest.mark.parametrize("text", WISHES)
def test_a_name_perhaps_a_length_of_time_and_a_reason_are_a_wish(text: str) -> None:
    assert read_wish(text, NAMES, "!") == WISHES[text]


@pytest.mark.parametrize("text", NO_WISHES)
def test_without_a_name_that_there_is_and_a_reason_nothing_is_locked(text: str) -> None:
    with pytest.raises(LockError, match=NO_WISHES[text]):
        read_wish(text, NAMES, "!")
