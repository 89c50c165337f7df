"""The journal that every store promises: a line goes with its swap or not at all, and after the one before it."""

import itertools
import threading

import pytest

from err_confirm.store.base import Append, Head, Record, Store, Swap, SwapStatus
from servers import StoreFactory

_TOKENS = (f"token-{number}" for number in itertools.count())


def telling(text: str) -> Append:
    """Return what makes the line `<number> after <seal before>: text`, sealed with itself."""

    def line(head: Head) -> tuple[str, Head]:
        said = f"{head.number + 1} after {head.seal or 'nothing'}: {text}"
        return said, Head(head.number + 1, f"s{head.number + 1}")

    return line


def put(store: Store, name: str, version: int = 1, text: str = "ü", token: str = "") -> SwapStatus:
    record = Record(name, version, token or next(_TOKENS), b"body")
    return store.swap(Swap(record=record, journal=telling(text))).status


def texts(store: Store) -> list[str]:
    return [text for _, text in store.journal(0, 1_000)]


def test_a_line_follows_the_one_before_it(store: Store) -> None:
    assert [put(store, name) for name in ("a", "b", "c")] == [SwapStatus.OK] * 3
    assert store.journal(0, 10) == [(1, "1 after nothing: ü"), (2, "2 after s1: ü"), (3, "3 after s2: ü")]


def test_a_line_of_another_process_is_followed_too(store_factory: StoreFactory) -> None:
    """Each handle believes that its own line is the last one, until the store says better."""
    one, two = store_factory(), store_factory()
    for number, handle in enumerate((one, two, two, one, one, two)):
        assert put(handle, f"id{number}", text=str(number)) is SwapStatus.OK
    assert texts(one) == [f"{n + 1} after {f's{n}' if n else 'nothing'}: {n}" for n in range(6)]


def test_what_is_not_written_leaves_no_line(store: Store) -> None:
    put(store, "a", token="first")
    assert put(store, "a", version=3) is SwapStatus.CONFLICT
    late = Swap(record=Record("a", 2, next(_TOKENS), b""), not_after=1.0, journal=telling("late"))
    assert store.swap(late).status is SwapStatus.LATE
    assert put(store, "a", token="first") is SwapStatus.OK, "the same swap again is done already"
    assert texts(store) == ["1 after nothing: ü"]
    assert put(store, "a", version=2, text="then") is SwapStatus.OK
    assert texts(store)[1:] == ["2 after s1: then"]


def test_a_swap_without_a_line_leaves_the_journal_alone(store: Store) -> None:
    put(store, "a")
    assert store.swap(Swap(record=Record("a", 2, next(_TOKENS), b"body"))).status is SwapStatus.OK
    assert put(store, "a", version=3, text="after it") is SwapStatus.OK
    assert texts(store) == ["1 after nothing: ü", "2 after s1: after it"]


def test_lines_are_read_a_page_at_a_time_from_either_end(store: Store) -> None:
    for number in range(12):
        put(store, f"id{number:02}")
    assert [number for number, _ in store.journal(4, 3)] == [5, 6, 7]
    assert [number for number, _ in store.newest(3)] == [10, 11, 12]
    assert store.journal(12, 3) == []
    assert len(store.newest(100)) == 12


def test_an_empty_journal_has_no_lines(store: Store) -> None:
    assert (store.journal(0, 10), store.newest(10)) == ([], [])


def test_of_many_threads_each_gets_its_line_and_none_is_lost(store_factory: StoreFactory) -> None:
    handles = [store_factory() for _ in range(4)]

    def write(handle: Store, name: str) -> None:
        for number in range(10):
            assert put(handle, f"{name}{number}") is SwapStatus.OK

    threads = [threading.Thread(target=write, args=(handle, str(n))) for n, handle in enumerate(handles * 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts(handles[0]) == [f"{n + 1} after {f's{n}' if n else 'nothing'}: ü" for n in range(80)]


@pytest.mark.parametrize("through", [0, 3, 5])
def test_what_is_forgotten_is_gone_and_a_line_tells_of_it(store: Store, through: int) -> None:
    for number in range(5):
        put(store, f"id{number}")
    store.note(telling("pruned"), through)
    assert [number for number, _ in store.journal(0, 10)] == list(range(through + 1, 7))
    assert texts(store)[-1] == "6 after s5: pruned"
    put(store, "next")
    assert texts(store)[-1] == "7 after s6: ü", "the chain goes on where it was"


def test_a_namespace_has_a_journal_of_its_own(store_factory: StoreFactory) -> None:
    here, there = store_factory("here"), store_factory("there")
    put(here, "a")
    put(there, "a")
    there.note(telling("pruned"), 1)
    assert texts(here) == ["1 after nothing: ü"]
    assert texts(there) == ["2 after s1: pruned"]


def test_a_journal_that_cannot_be_appended_to_stops_the_swap(store: Store) -> None:
    """All of it or nothing: a line whose place is taken leaves the record as it was."""
    put(store, "a")

    def stale(head: Head) -> tuple[str, Head]:
        raise RuntimeError(f"no line after {head.number}")

    with pytest.raises(RuntimeError):
        store.swap(Swap(record=Record("a", 2, next(_TOKENS), b"new"), journal=stale))
    found, _ = store.read("a")
    assert found
    assert (found.version, texts(store)) == (1, ["1 after nothing: ü"])


def test_a_line_that_must_follow_another_is_written_after_that_or_not_at_all(store_factory: StoreFactory) -> None:
    one, two = store_factory(), store_factory()
    put(one, "a")

    def after(number: int) -> SwapStatus:
        record = Record("b", 1, next(_TOKENS), b"body")
        return one.swap(Swap(record=record, journal=telling("b"), follows=Head(number, f"s{number}"))).status

    put(two, "c")
    assert after(1) is SwapStatus.CONFLICT
    assert (one.read("b")[0], len(texts(one))) == (None, 2)
    assert after(2) is SwapStatus.OK
    assert texts(one)[-1] == "3 after s2: b"
