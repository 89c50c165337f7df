"""What every store promises (err_confirm/store/base.py), once for each kind."""

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from err_confirm.errors import StoreUnavailableError
from err_confirm.store.base import Due, Key, Record, Store, Swap, SwapResult, SwapStatus, Watch
from servers import PATIENCE, StoreFactory, eventually

SOON = 0.15
"""Seconds that a test's short TTL lasts; no test relies on being faster."""
_TOKENS = (f"token-{number}" for number in itertools.count())


def a_record(name: str = "7f3k", version: int = 1, body: bytes = b"body") -> Record:
    return Record(name, version, next(_TOKENS), body)


def put(store: Store, record: Record, **more: Any) -> SwapResult:
    result = store.swap(Swap(record=record, **more))
    assert result.status is SwapStatus.OK
    return result


def put_before(store: Store, write: Callable[[float], SwapResult]) -> float:
    """Write something with a moment that comes soon, and return it: a later one where this machine was too slow."""
    for seconds in (SOON, 1.0, 5.0, 25.0):
        moment = clock(store) + seconds
        if write(moment).status is SwapStatus.OK:
            return moment
    raise AssertionError("not written in 25 s")


def clock(store: Store) -> float:
    return store.read("nobody")[1]


def dues(store: Store, limit: int = 100) -> list[Due]:
    return store.due(limit)[0]


class TestRead:
    def test_there_is_no_record_before_the_first_swap(self, store: Store) -> None:
        assert store.read("7f3k")[0] is None

    def test_a_record_comes_back_as_it_was_written(self, store: Store) -> None:
        record = a_record()
        put(store, record)
        assert store.read("7f3k")[0] == record

    def test_another_process_reads_it(self, store_factory: StoreFactory) -> None:
        record = a_record()
        put(store_factory(), record)
        assert store_factory().read("7f3k")[0] == record

    @given(body=st.binary())
    @settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])  # each has an id of its own
    def test_a_body_may_hold_any_bytes(self, store: Store, body: bytes) -> None:
        record = a_record(f"id-{next(_TOKENS)}", body=body)
        put(store, record)
        assert store.read(record.id)[0] == record

    def test_the_clock_never_runs_backwards(self, store: Store) -> None:
        moments = [clock(store), put(store, a_record()).now, store.due(1)[1], clock(store)]
        assert moments == sorted(moments)


class TestSwap:
    def test_the_first_version_must_not_exist(self, store: Store) -> None:
        first = a_record()
        put(store, first)
        result = store.swap(Swap(record=a_record()))
        assert (result.status, result.record) == (SwapStatus.CONFLICT, first)

    def test_a_version_follows_the_one_before(self, store: Store) -> None:
        put(store, a_record())
        second = a_record(version=2)
        assert put(store, second).record == second
        assert store.read("7f3k")[0] == second

    @pytest.mark.parametrize("version", [1, 2, 4])
    def test_any_other_version_is_a_conflict_and_writes_nothing(self, store: Store, version: int) -> None:
        put(store, a_record())
        second = a_record(version=2)
        put(store, second)
        result = store.swap(Swap(record=a_record(version=version), keys=(Key("7f3k", "bob", "v", 9e9),), due_at=1.0))
        assert (result.status, result.record) == (SwapStatus.CONFLICT, second)
        assert store.read("7f3k")[0] == second
        assert (dues(store), store.poll([("7f3k", "bob")])) == ([], [False])

    def test_a_later_version_of_nothing_is_a_conflict(self, store: Store) -> None:
        result = store.swap(Swap(record=a_record(version=2)))
        assert (result.status, result.record) == (SwapStatus.CONFLICT, None)

    def test_the_same_swap_again_is_ok_and_writes_nothing(self, store: Store) -> None:
        record = a_record()
        put(store, record, due_at=5.0)
        again = put(store, record, due_at=6.0, keys=(Key("7f3k", "bob", "v", 9e9),))
        assert again.record == record
        assert (dues(store), store.poll([("7f3k", "bob")])) == ([Due("7f3k", 5.0)], [False])

    def test_the_same_swap_again_is_ok_even_after_its_window(self, store: Store) -> None:
        record = a_record()
        end = put_before(store, lambda end: store.swap(Swap(record=record, not_after=end)))
        eventually(lambda: clock(store) >= end)
        assert store.swap(Swap(record=record, not_after=end)).status is SwapStatus.OK

    def test_the_same_swap_again_is_a_conflict_after_somebody_else_wrote(self, store: Store) -> None:
        first, second = a_record(), a_record(version=2)
        put(store, first)
        put(store, second)
        result = store.swap(Swap(record=first))
        assert (result.status, result.record) == (SwapStatus.CONFLICT, second)

    def test_the_same_token_for_another_version_is_another_swap(self, store: Store) -> None:
        put(store, Record("7f3k", 1, "token", b"one"))
        put(store, Record("7f3k", 2, "token", b"two"))
        assert store.read("7f3k")[0] == Record("7f3k", 2, "token", b"two")

    def test_a_version_that_begins_alike_is_another_version(self, store: Store) -> None:
        for version in range(1, 12):
            put(store, Record("7f3k", version, "token", b""))
        assert store.swap(Swap(record=Record("7f3k", 1, "token", b""))).status is SwapStatus.CONFLICT

    def test_before_and_after_its_window_it_is_late(self, store: Store) -> None:
        now = clock(store)
        early = store.swap(Swap(record=a_record(), not_before=now + 60))
        late = store.swap(Swap(record=a_record(), not_after=now, due_at=1.0))
        assert (early.status, late.status) == (SwapStatus.LATE, SwapStatus.LATE)
        assert (store.read("7f3k")[0], dues(store)) == (None, [])

    def test_inside_its_window_it_is_written(self, store: Store) -> None:
        now = clock(store)
        put(store, a_record(), not_before=now, not_after=now + 60)

    def test_late_tells_the_record_as_it_stands(self, store: Store) -> None:
        first = a_record()
        put(store, first)
        result = store.swap(Swap(record=a_record(version=2), not_after=1.0))
        assert (result.status, result.record) == (SwapStatus.LATE, first)

    def test_a_conflict_comes_before_late(self, store: Store) -> None:
        assert store.swap(Swap(record=a_record(version=2), not_after=1.0)).status is SwapStatus.CONFLICT

    def test_one_of_many_threads_wins(self, store: Store) -> None:
        start, results = threading.Barrier(8), []

        def compete() -> None:
            start.wait()
            results.append(store.swap(Swap(record=a_record())).status)

        threads = [threading.Thread(target=compete) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results) == [SwapStatus.CONFLICT] * 7 + [SwapStatus.OK]


class TestKeys:
    def test_a_key_lives_until_its_moment(self, store: Store) -> None:
        end = clock(store) + SOON
        put(store, a_record(), keys=(Key("7f3k", "bob", "approve", end),))
        assert store.poll([("7f3k", "bob")]) == [True] or clock(store) >= end
        eventually(lambda: store.poll([("7f3k", "bob")]) == [False])
        assert clock(store) >= end

    def test_an_overwritten_key_takes_the_new_moment(self, store: Store) -> None:
        put(store, a_record(), keys=(Key("7f3k", "bob", "v", clock(store) + 60),))
        put(store, a_record(version=2), keys=(Key("7f3k", "bob", "v", clock(store) + SOON),))
        eventually(lambda: store.poll([("7f3k", "bob")]) == [False])

    def test_an_overwritten_key_does_not_keep_the_shorter_moment(self, store: Store) -> None:
        short = clock(store) + SOON
        put(store, a_record(), keys=(Key("7f3k", "bob", "v", short),))
        put(store, a_record(version=2), keys=(Key("7f3k", "bob", "v", short + 60),))
        eventually(lambda: clock(store) > short + 0.01)
        assert store.poll([("7f3k", "bob")]) == [True]

    def test_a_key_that_has_ended_already_is_not_there(self, store: Store) -> None:
        put(store, a_record(), keys=(Key("7f3k", "bob", "v", 9e9),))
        put(store, a_record(version=2), keys=(Key("7f3k", "bob", "v", clock(store)),))
        assert store.poll([("7f3k", "bob")]) == [False]

    def test_an_empty_value_is_a_value(self, store: Store) -> None:
        put(store, a_record(), keys=(Key("7f3k", "slack:U024", "", 9e9),))
        assert store.poll([("7f3k", "slack:U024")]) == [True]

    def test_a_key_belongs_to_one_execution_and_one_person(self, store: Store) -> None:
        put(store, a_record(), keys=(Key("7f3k", "bob", "v", 9e9),))
        assert store.poll([("7f3k", "carol"), ("9x2m", "bob"), ("7f3k", "bo")]) == [False, False, False]

    def test_more_than_a_thousand_keys_are_polled_in_their_order(self, store: Store) -> None:
        people = [f"p{number}" for number in range(2_500)]
        put(store, a_record(), keys=tuple(Key("7f3k", person, "v", 9e9) for person in people[::3]))
        alive = store.poll([("7f3k", person) for person in people])
        assert alive == [number % 3 == 0 for number in range(2_500)]

    def test_no_keys_are_no_question(self, store: Store) -> None:
        assert store.poll([]) == []


class TestDue:
    def test_entries_come_soonest_first_also_those_not_due_yet(self, store: Store) -> None:
        now = clock(store)
        for name, at in (("b", now + 60.123456), ("c", now - 60), ("a", now + 3_600)):
            put(store, a_record(name), due_at=at)
        assert dues(store) == [Due("c", now - 60), Due("b", now + 60.123456), Due("a", now + 3_600)]

    def test_a_limit_leaves_out_the_latest(self, store: Store) -> None:
        for number in range(5):
            put(store, a_record(f"id{number}"), due_at=float(number))
        assert [due.id for due in dues(store, limit=2)] == ["id0", "id1"]
        assert dues(store, limit=0) == []

    def test_a_swap_moves_the_entry(self, store: Store) -> None:
        put(store, a_record(), due_at=1.0)
        put(store, a_record(version=2), due_at=2.0)
        assert dues(store) == [Due("7f3k", 2.0)]

    def test_a_swap_without_a_due_moment_removes_the_entry(self, store: Store) -> None:
        put(store, a_record(), due_at=1.0)
        put(store, a_record(version=2))
        assert dues(store) == []

    def test_forget_due_leaves_the_entry_of_a_record_that_is_there(self, store: Store) -> None:
        put(store, a_record(), due_at=1.0)
        store.forget_due("7f3k")
        assert dues(store) == [Due("7f3k", 1.0)]

    def test_forget_due_removes_the_entry_of_a_record_that_is_gone(self, store: Store) -> None:
        put(store, a_record(), due_at=1.0, keep_until=clock(store) + SOON)
        put(store, a_record("9x2m"), due_at=2.0)
        eventually(lambda: store.read("7f3k")[0] is None)
        store.forget_due("7f3k")
        assert dues(store) == [Due("9x2m", 2.0)]

    def test_forget_due_of_nobody_is_a_no_op(self, store: Store) -> None:
        store.forget_due("nobody")
        assert dues(store) == []


class TestKeepUntil:
    def test_a_record_is_gone_after_its_moment(self, store: Store) -> None:
        end = clock(store) + SOON
        put(store, a_record(), keep_until=end)
        assert store.read("7f3k")[0] is not None or clock(store) >= end
        eventually(lambda: store.read("7f3k")[0] is None)
        assert (list(store.recent()), store.find("", 10)) == ([], [])

    def test_none_removes_a_moment_that_an_earlier_version_had(self, store: Store) -> None:
        second = a_record(version=2)

        def write_both(short: float) -> SwapResult:
            put(store, a_record(), keep_until=short)
            return store.swap(Swap(record=second, keep_until=None))

        short = put_before(store, write_both)
        eventually(lambda: clock(store) > short + 0.01)
        assert store.read("7f3k")[0] == second
        assert (list(store.recent()), store.find("7", 10)) == ([second], ["7f3k"])

    def test_each_swap_sets_the_moment_anew(self, store: Store) -> None:
        put(store, a_record(), keep_until=clock(store) + 60)
        put(store, a_record(version=2), keep_until=clock(store) + SOON)
        eventually(lambda: store.read("7f3k")[0] is None)

    def test_a_moment_in_the_past_forgets_the_record_at_once_with_its_due_entry(self, store: Store) -> None:
        put(store, a_record(), due_at=1.0)
        result = put(store, a_record(version=2), due_at=2.0, keep_until=clock(store) - 1)
        assert result.record is None
        assert (store.read("7f3k")[0], dues(store)) == (None, [])
        assert (list(store.recent()), store.find("", 10)) == ([], [])

    def test_a_forgotten_id_starts_again_with_version_1(self, store: Store) -> None:
        put(store, a_record(), keep_until=clock(store) + SOON)
        put(store, a_record("9x2m"))
        eventually(lambda: store.read("7f3k")[0] is None)
        again = a_record()
        put(store, again)
        assert [record.id for record in store.recent()] == ["7f3k", "9x2m"]
        assert store.find("", 10) == ["7f3k", "9x2m"]

    def test_later_swaps_clear_away_what_was_forgotten(self, store: Store) -> None:
        soon = clock(store) + SOON
        for number in range(20):
            put(store, a_record(f"old{number}"), due_at=1.0, keep_until=soon)
        eventually(lambda: clock(store) > soon + 0.01)
        for version in range(1, 4):
            put(store, a_record(version=version), due_at=2.0)
        assert dues(store) == [Due("7f3k", 2.0)]


class TestRecent:
    def test_records_come_newest_first_over_several_pages(self, store: Store) -> None:
        names = [f"id{number}" for number in range(250)]
        for name in names:
            put(store, a_record(name))
        assert [record.id for record in store.recent()] == names[::-1]

    def test_the_first_write_decides_the_order_and_the_last_the_record(self, store: Store) -> None:
        put(store, a_record("old"))
        new, rewritten = a_record("new"), a_record("old", version=2)
        put(store, new)
        put(store, rewritten)
        assert list(store.recent()) == [new, rewritten]

    def test_records_written_while_it_is_read_do_no_harm(self, store: Store) -> None:
        names = [f"id{number}" for number in range(150)]
        for name in names:
            put(store, a_record(name))
        reading = store.recent()
        first = next(reading)
        put(store, a_record("later"))
        assert [first.id, *(record.id for record in reading)] == names[::-1]


class TestFind:
    def test_ids_with_a_prefix_come_sorted(self, store: Store) -> None:
        for name in ("7f3k", "7a11", "8f3k", "7", "é7"):
            put(store, a_record(name))
        assert store.find("7", 10) == ["7", "7a11", "7f3k"]
        assert store.find("7f3k", 10) == ["7f3k"]
        assert store.find("é", 10) == ["é7"]
        assert store.find("x", 10) == []

    def test_a_limit_cuts_the_end(self, store: Store) -> None:
        for number in range(205):
            put(store, a_record(f"id{number:03}"))
        assert store.find("id", 2) == ["id000", "id001"]
        assert len(store.find("", 1_000)) == 205

    def test_no_character_of_a_prefix_is_special(self, store: Store) -> None:
        put(store, a_record("7f3k"))
        assert [store.find(prefix, 10) for prefix in ("%", "_", "*", "?", "[7]", "7F")] == [[]] * 6


class TestWatch:
    @pytest.fixture
    def watch(self, store: Store) -> Iterator[Watch]:
        with contextlib.closing(store.watch()) as watch:
            yield watch

    def test_where_nothing_happens_the_time_runs_out(self, watch: Watch) -> None:
        eventually(lambda: watch.wait(0.01) is False)

    def test_a_swap_of_the_own_store_wakes(self, store: Store, watch: Watch) -> None:
        put(store, a_record())
        assert watch.wait(PATIENCE) is True

    def test_a_swap_of_another_process_wakes(self, store_factory: StoreFactory, watch: Watch) -> None:
        put(store_factory(), a_record())
        assert watch.wait(PATIENCE) is True

    def test_a_swap_wakes_one_who_is_waiting(self, store_factory: StoreFactory, watch: Watch) -> None:
        other = store_factory()
        later = threading.Timer(0.05, put, (other, a_record()))
        later.start()
        assert watch.wait(PATIENCE) is True
        later.join()

    def test_each_watch_hears_of_a_swap(self, store: Store, watch: Watch) -> None:
        with contextlib.closing(store.watch()) as another:
            put(store, a_record())
            assert (watch.wait(PATIENCE), another.wait(PATIENCE)) == (True, True)

    def test_what_was_heard_is_not_heard_again(self, store: Store, watch: Watch) -> None:
        put(store, a_record())
        assert watch.wait(PATIENCE) is True
        eventually(lambda: watch.wait(0.01) is False)

    def test_reading_wakes_nobody(self, store: Store, watch: Watch) -> None:
        put(store, a_record())

        def reading_wakes() -> bool:
            store.read("7f3k")
            store.due(10)
            return watch.wait(0.1)

        eventually(lambda: not reading_wakes())  # the first time, the swap may still be heard

    def test_wake_ends_the_wait_from_any_thread(self, watch: Watch) -> None:
        waker = threading.Timer(0.05, watch.wake)
        waker.start()
        assert watch.wait(PATIENCE) is True
        waker.join()

    def test_a_wake_before_the_wait_is_not_lost(self, watch: Watch) -> None:
        watch.wake()
        assert watch.wait(PATIENCE) is True


class TestClose:
    def test_every_method_is_refused_after_close(self, store: Store) -> None:
        store.close()
        calls = (
            lambda: store.read("7f3k"),
            lambda: store.swap(Swap(record=a_record())),
            lambda: store.due(1),
            lambda: store.forget_due("7f3k"),
            lambda: store.poll([("7f3k", "bob")]),
            lambda: list(store.recent()),
            lambda: store.find("", 1),
            store.watch,
        )
        for call in calls:
            with pytest.raises(StoreUnavailableError, match="is closed"):
                call()

    def test_close_twice_is_no_error(self, store: Store) -> None:
        store.close()
        store.close()

    def test_another_handle_goes_on(self, store_factory: StoreFactory) -> None:
        one, other = store_factory(), store_factory()
        put(one, a_record())
        one.close()
        assert other.find("", 10) == ["7f3k"]

    def test_a_watch_outlives_its_store_in_silence(self, store: Store) -> None:
        with contextlib.closing(store.watch()) as watch:
            store.close()
            eventually(lambda: watch.wait(0.01) is False)


class TestNamespace:
    def test_one_does_not_see_another(self, store: Store, store_factory: StoreFactory) -> None:
        other = store_factory(namespace="other")
        record = a_record()
        put(store, record, keys=(Key("7f3k", "bob", "v", 9e9),), due_at=1.0)
        assert (other.read("7f3k")[0], dues(other), other.poll([("7f3k", "bob")])) == (None, [], [False])
        assert (list(other.recent()), other.find("", 10)) == ([], [])
        put(other, a_record())
        assert store.read("7f3k")[0] == record
