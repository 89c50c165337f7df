"""What all bots share is the same for each of them, is never lost to a race, and cannot be forged."""

import threading
from collections.abc import Callable

import pytest

from builders import RECORDS
from err_confirm.errors import ShelfError, StoreUnavailableError
from err_confirm.store.base import Record, Store, Swap, SwapStatus
from err_confirm.store.seal import Seal
from err_confirm.store.shelf import CONFLICTS, Fact, Shelf
from faulty import Overtaken
from servers import StoreFactory

THREADS = 8
CHANGES = 10


def to(fact: Fact | None) -> Callable[[Fact | None, float], Fact | None]:
    """Return what makes this of whatever is there."""
    return lambda _, __: fact


def one_more(fact: Fact | None, _: float) -> Fact:
    return {"count": (fact["count"] if fact else 0) + 1}


def records(store: Store) -> list[Record]:
    return list(store.recent())


def write(store: Store, record: Record, **more: float) -> None:
    assert store.swap(Swap(record=record, **more)).status is SwapStatus.OK


def take_away(store: Store, record: Record) -> None:
    """Let the store forget a record, as whoever can write there can."""
    write(store, Record(record.id, record.version + 1, "theirs", b""), keep_until=1.0)


@pytest.fixture
def shelf(store: Store) -> Shelf:
    return Shelf(store, RECORDS.seal)


def another(store_factory: StoreFactory) -> Shelf:
    """Return the shelf of a process that has just been started."""
    return Shelf(store_factory(), RECORDS.seal)


def test_a_fact_is_there_for_every_process_until_it_is_removed(store_factory: StoreFactory) -> None:
    """Written by one, read by another; removed by that one, gone for the first."""
    one, other = another(store_factory), another(store_factory)
    assert one.get("restart") is None
    assert one.change("restart", to({"owner": "bob"})) == {"owner": "bob"}
    assert other.get("restart") == {"owner": "bob"}
    assert other.change("restart", to(None)) is None
    assert one.get("restart") is None
    assert one.change("restart", to({"owner": "carol"})) == {"owner": "carol"}
    assert other.all() == {"restart": {"owner": "carol"}}


@pytest.mark.parametrize("name", ["*", "", "a:b c", "рестарт", "x" * 5_000, "\n\0", "\ud800"])
def test_a_name_may_be_any_text(shelf: Shelf, name: str) -> None:
    """What a store takes for an id may not."""
    shelf.change(name, to({"is": "there"}))
    assert shelf.get(name) == {"is": "there"}
    assert shelf.get(f"{name}2") is None
    assert list(shelf.all()) == [name]


def test_all_facts_are_listed_by_name_without_those_that_are_gone(shelf: Shelf) -> None:
    for name in ("b", "c", "a"):
        shelf.change(name, to({"is": name}))
    shelf.change("c", to(None))
    assert shelf.all() == {"a": {"is": "a"}, "b": {"is": "b"}}


def test_what_makes_a_fact_is_told_the_stores_clock(shelf: Shelf, store: Store) -> None:
    told: list[float] = []
    _, before = store.due(1)
    shelf.change("it", lambda _, now: told.append(now))
    _, after = shelf.read("it")
    assert before <= told[0] <= after


def test_a_change_that_changes_nothing_writes_nothing(shelf: Shelf, store: Store) -> None:
    shelf.change("it", to(None))
    assert records(store) == []
    for _ in range(2):
        assert shelf.change("it", to({"is": 1})) == {"is": 1}
    assert [record.version for record in records(store)] == [1]


def test_no_change_is_lost_to_another_one(store_factory: StoreFactory) -> None:
    """Several threads, each with a handle of its own, as processes have."""
    together = threading.Barrier(THREADS)

    def count() -> None:
        shelf = another(store_factory)
        together.wait()
        for _ in range(CHANGES):
            shelf.change("it", one_more)

    threads = [threading.Thread(target=count) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert another(store_factory).get("it") == {"count": THREADS * CHANGES}


def test_a_change_that_others_always_come_before_gives_up(store_factory: StoreFactory, shelf: Shelf) -> None:
    """Then it has changed nothing."""
    other = another(store_factory)

    def overtaken(_: Fact | None, __: float) -> Fact:
        other.change("it", one_more)
        return {"is": "mine"}

    with pytest.raises(StoreUnavailableError, match="too many others change it at this moment; say it again"):
        shelf.change("it", overtaken)
    assert shelf.get("it") == {"count": CONFLICTS}


def test_facts_never_expire_and_are_never_due(shelf: Shelf, store: Store) -> None:
    shelf.change("it", to({"is": 1}))
    assert store.due(9)[0] == []
    assert shelf.get("it") == {"is": 1}


FORGERIES: dict[str, Callable[[Record, Record], Record]] = {
    "another body": lambda own, _: Record(own.id, 2, "theirs", own.body.replace(b"bob", b"eve")),
    "no body": lambda own, _: Record(own.id, 2, "theirs", b""),
    "the body of another name": lambda own, other: Record(own.id, 2, "theirs", other.body),
    "the body under another version": lambda own, _: Record(own.id, 2, "theirs", own.body),
    "the seal of an execution": lambda own, _: Record(
        own.id, 2, "theirs", RECORDS.seal.record(own.id, 2, own.body[64:]).encode() + own.body[64:]
    ),
    "the seal of another namespace": lambda own, _: Record(
        own.id, 2, "theirs", Seal(b"a key for tests", "other").fact(own.id, 2, own.body[64:]).encode() + own.body[64:]
    ),
    "what is no text": lambda own, _: Record(own.id, 2, "theirs", b"\xff" * 200),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_fact_is_an_error_and_never_a_fact(
    store_factory: StoreFactory, store: Store, shelf: Shelf, forgery: str
) -> None:
    """For who has seen the right one, and for who has not."""
    for name in ("mine", "other"):
        shelf.change(name, to({"owner": "bob", "of": name}))
    other, mine = records(store)
    write(store, FORGERIES[forgery](mine, other))
    for each in (shelf, another(store_factory)):
        with pytest.raises(ShelfError, match="cannot be used"):
            each.get("mine")
        with pytest.raises(ShelfError, match="cannot be used"):
            each.change("mine", to({"owner": "eve"}))
        with pytest.raises(ShelfError, match="cannot be used"):
            each.all()
        assert each.get("other") == {"owner": "bob", "of": "other"}


def test_an_older_fact_that_is_put_back_is_noticed_by_who_has_seen_a_newer_one(
    store_factory: StoreFactory, store: Store, shelf: Shelf
) -> None:
    """A process that was started since cannot know: docs/security.md says so."""
    shelf.change("it", to({"is": "old"}))
    (old,) = records(store)
    shelf.change("it", to({"is": "new"}))
    reader = another(store_factory)
    assert reader.get("it") == {"is": "new"}
    take_away(store, records(store)[0])
    write(store, old)
    for each in (shelf, reader):
        with pytest.raises(ShelfError, match="an older one was put back"):
            each.get("it")
        with pytest.raises(ShelfError, match="an older one was put back"):
            each.all()
    assert another(store_factory).get("it") == {"is": "old"}


def test_a_refused_fact_that_is_put_in_the_place_of_the_one_before_it_is_noticed_by_who_has_seen_that(
    store: Store, shelf: Shelf
) -> None:
    """Regression: both are the first version, and the seal of both is right."""
    refused: list[Record] = []

    def be_first(swap: Swap) -> None:
        refused.append(swap.record)
        shelf.change("it", to({"is": "first"}))

    late = Shelf(Overtaken(store, be_first), RECORDS.seal)
    assert late.change("it", lambda fact, _: fact or {"is": "late"}) == {"is": "first"}
    take_away(store, records(store)[0])
    write(store, refused[0])
    for each in (shelf, late):
        with pytest.raises(ShelfError, match="another one was put in its place"):
            each.get("it")


def test_a_fact_that_is_taken_away_is_noticed_by_who_has_seen_it(
    store_factory: StoreFactory, store: Store, shelf: Shelf
) -> None:
    """Also one that was removed on purpose: that is a fact, too."""
    shelf.change("it", to({"is": 1}))
    shelf.change("gone", to({"is": 1}))
    shelf.change("gone", to(None))
    for record in records(store):
        take_away(store, record)
    for name in ("it", "gone"):
        with pytest.raises(ShelfError, match="it was taken away"):
            shelf.get(name)
        with pytest.raises(ShelfError, match="it was taken away"):
            shelf.change(name, to({"is": 2}))
    with pytest.raises(ShelfError, match="it was taken away"):
        shelf.all()
    assert another(store_factory).all() == {}


def test_without_the_store_nothing_is_known(shelf: Shelf) -> None:
    shelf.close()
    for ask in (lambda: shelf.get("it"), lambda: shelf.change("it", one_more), shelf.all):
        with pytest.raises(StoreUnavailableError):
            ask()
