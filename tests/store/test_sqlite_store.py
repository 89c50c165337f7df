"""What is special about the store in a file: its lock, and that it does not grow for ever."""

import contextlib
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from err_confirm.errors import StoreUnavailableError
from err_confirm.store.base import Due, Head, Key, Record, Swap, SwapStatus
from err_confirm.store.sqlite_store import PURGE, TIMEOUT, SqliteStore
from err_confirm.store.sqlite_watch import SqliteWatch
from servers import PATIENCE, eventually, open_files


def test_the_clock_is_read_while_nobody_else_can_write(tmp_path: Path) -> None:
    """Else a swap that waited for the lock could be written after its window."""
    path = tmp_path / "s.db"

    def clock() -> float:
        with (
            contextlib.closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            other.execute("BEGIN IMMEDIATE")
        return 1_000.0

    with contextlib.closing(SqliteStore(path, namespace="test", clock=clock)) as store:
        assert store.swap(Swap(record=Record("7f3k", 1, "token", b""))).status is SwapStatus.OK


def test_what_nobody_can_see_any_more_is_deleted_by_later_swaps(tmp_path: Path) -> None:
    now = 1_000.0
    with contextlib.closing(SqliteStore(tmp_path / "s.db", namespace="test", clock=lambda: now)) as store:
        for number in range(20):
            key = Key(f"old{number}", "bob", "v", now + 60)
            store.swap(Swap(record=Record(key.execution_id, 1, "token", b""), keys=(key,), keep_until=now + 60))
        now += 60
        for version in range(1, 4):
            store.swap(Swap(record=Record("new", version, "token", b"")))
    with contextlib.closing(sqlite3.connect(tmp_path / "s.db")) as file:
        assert file.execute("SELECT id FROM record").fetchall() == [("new",)]
        assert file.execute("SELECT * FROM key").fetchall() == []


def test_a_watch_whose_file_was_broken_hears_other_processes_again(tmp_path: Path) -> None:
    """It kept its connection to the broken file for ever, and heard of nothing but what its own store wrote."""
    path = tmp_path / "s.db"
    path.write_bytes(b"some letter to grandmother " * 50)
    with (
        contextlib.closing(SqliteStore(path, namespace="test")) as store,
        contextlib.closing(store.watch()) as watch,
    ):
        assert watch.wait(0.1) is False
        path.unlink()
        for version in range(1, 3):
            with contextlib.closing(SqliteStore(path, namespace="test")) as another:
                another.swap(Swap(record=Record("7f3k", version, "token", b"")))
            assert watch.wait(PATIENCE) is True
            eventually(lambda: watch.wait(0.01) is False)


class TestMoments:
    """With a clock that stands still it can be said on which side of a moment each thing is."""

    @pytest.fixture
    def clock(self) -> list[float]:
        return [1_000.0]

    @pytest.fixture
    def store(self, tmp_path: Path, clock: list[float]) -> Iterator[SqliteStore]:
        with contextlib.closing(SqliteStore(tmp_path / "s.db", namespace="test", clock=lambda: clock[0])) as store:
            yield store

    @pytest.mark.parametrize(
        ("window", "status"),
        [
            ((1_000.0, 1_000.5), SwapStatus.OK),
            ((999.0, 1_000.5), SwapStatus.OK),
            ((1_000.5, 1_001.0), SwapStatus.LATE),
            ((999.0, 1_000.0), SwapStatus.LATE),
            ((999.0, 999.5), SwapStatus.LATE),
        ],
    )
    def test_a_window_holds_its_first_moment_but_not_its_last(
        self, store: SqliteStore, window: tuple[float, float], status: SwapStatus
    ) -> None:
        record = Record("7f3k", 1, "token", b"")
        result = store.swap(Swap(record=record, not_before=window[0], not_after=window[1]))
        assert (result.status, result.now) == (status, 1_000.0)
        assert result.record == (record if status is SwapStatus.OK else None)

    def test_a_record_is_there_until_its_moment_and_then_is_not(self, store: SqliteStore, clock: list[float]) -> None:
        record = Record("7f3k", 1, "token", b"")
        assert store.swap(Swap(record=record, due_at=5.0, keep_until=1_001.0)).record == record
        clock[0] = 1_000.9
        assert store.read("7f3k") == (record, 1_000.9)
        assert (store.due(9), list(store.recent()), store.find("7", 9)) == (
            ([Due("7f3k", 5.0)], 1_000.9),
            [record],
            ["7f3k"],
        )
        clock[0] = 1_001.0
        assert store.read("7f3k") == (None, 1_001.0)
        assert (store.due(9)[0], list(store.recent()), store.find("7", 9)) == ([], [], [])
        assert store.swap(Swap(record=record, keep_until=1_001.0)).record is None
        assert store.swap(Swap(record=record, keep_until=1_001.5)).record == record

    def test_a_key_is_there_until_its_moment_and_then_is_not(self, store: SqliteStore, clock: list[float]) -> None:
        keys = tuple(Key("7f3k", person, "v", at) for person, at in (("bob", 1_001.0), ("carol", 1_002.0)))
        store.swap(Swap(record=Record("7f3k", 1, "token", b""), keys=keys))
        named = [(key.execution_id, key.person) for key in keys]
        for clock[0], there in ((1_000.9, [True, True]), (1_001.0, [False, True]), (1_002.0, [False, False])):
            assert store.poll(named) == there

    def test_all_keys_of_a_poll_are_looked_for_at_one_moment(self, store: SqliteStore, tmp_path: Path) -> None:
        """Given a key that is written while they are looked for, then it is found by the next poll."""

        def meanwhile() -> Iterator[tuple[str, str]]:
            yield ("7f3k", "bob")
            with contextlib.closing(SqliteStore(tmp_path / "s.db", namespace="test", clock=lambda: 1_000.0)) as other:
                carol = Key("7f3k", "carol", "v", 9e9)
                other.swap(Swap(record=Record("7f3k", 1, "token", b""), keys=(carol,)))
            yield ("7f3k", "carol")

        assert store.poll(meanwhile()) == [False, False]
        assert store.poll([("7f3k", "carol")]) == [True]

    def test_a_few_of_what_nobody_can_see_leave_with_each_swap(self, store: SqliteStore, tmp_path: Path) -> None:
        """No more than that: a swap after a long rest must not have to wait for the deletion of all."""
        for number in range(3 * PURGE):
            key = Key(f"old{number}", "bob", "v", 1_001.0)
            store.swap(Swap(record=Record(key.execution_id, 1, "token", b""), keys=(key,), keep_until=1_001.0))
        later = SqliteStore(tmp_path / "s.db", namespace="test", clock=lambda: 1_001.0)
        with contextlib.closing(later), contextlib.closing(sqlite3.connect(tmp_path / "s.db")) as file:
            for left in (2, 1, 0):
                later.swap(Swap(record=Record(f"new{left}", 1, "token", b"")))
                gone = "SELECT (SELECT count(*) FROM record WHERE id LIKE 'old%'), (SELECT count(*) FROM key)"
                assert file.execute(gone).fetchone() == (left * PURGE, left * PURGE)


def test_two_namespaces_share_a_file_and_nothing_else(tmp_path: Path) -> None:
    with (
        contextlib.closing(SqliteStore(tmp_path / "s.db", namespace="one")) as one,
        contextlib.closing(SqliteStore(tmp_path / "s.db", namespace="two")) as two,
    ):
        for store, body in ((one, b"one"), (two, b"two")):
            store.swap(
                Swap(
                    record=Record("7f3k", 1, "token", body),
                    keys=(Key("7f3k", "bob", "v", 9e9),),
                    due_at=float(len(body)),
                    journal=lambda head, body=body: (body.decode(), Head(head.number + 1, "seal")),
                )
            )
        two.swap(Swap(record=Record("other", 1, "token", b""), keys=(Key("other", "bob", "v", 9e9),), due_at=1.0))
        assert (one.read("other")[0], one.poll([("other", "bob")]), one.due(9)[0]) == (
            None,
            [False],
            [Due("7f3k", 3.0)],
        )
        assert ([record.body for record in one.recent()], one.find("", 9)) == ([b"one"], ["7f3k"])
        assert (one.journal(0, 9), one.newest(9), two.newest(9)) == ([(1, "one")], [(1, "one")], [(1, "two")])
        two.note(lambda head: ("forgotten", Head(head.number + 1, "seal")), 1)
        assert (one.journal(0, 9), two.journal(0, 9)) == ([(1, "one")], [(2, "forgotten")])


class TestWatch:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "s.db"

    @pytest.fixture
    def store(self, path: Path) -> Iterator[SqliteStore]:
        with contextlib.closing(SqliteStore(path, namespace="test")) as store:
            store.swap(Swap(record=Record("7f3k", 1, "token", b"")))
            yield store

    def test_a_new_one_has_heard_nothing(self, store: SqliteStore) -> None:
        with contextlib.closing(store.watch()) as watch:
            assert watch.wait(0.0) is False

    def test_a_swap_of_the_own_store_is_heard_without_a_look_at_the_file(self, store: SqliteStore, path: Path) -> None:
        """Given a file that is not there any more when the watch would look at it."""
        with contextlib.closing(store.watch()) as watch:
            store.swap(Swap(record=Record("7f3k", 2, "token", b"")))
            path.rename(path.with_name("elsewhere.db"))
            assert (watch.wait(0.0), watch.wait(0.0)) == (True, False)

    def test_a_wake_and_a_commit_at_the_same_time_are_heard_once(self, store: SqliteStore) -> None:
        with contextlib.closing(store.watch()) as watch:
            store.swap(Swap(record=Record("7f3k", 2, "token", b"")))
            assert (watch.wait(0.0), watch.wait(0.0)) == (True, False)

    def test_a_commit_of_another_is_heard_once_though_the_time_was_over(self, store: SqliteStore, path: Path) -> None:
        with contextlib.closing(store.watch()) as watch, contextlib.closing(SqliteStore(path)) as other:
            other.swap(Swap(record=Record("7f3k", 1, "token", b"")))
            assert (watch.wait(0.0), watch.wait(0.0)) == (True, False)

    def test_a_closed_one_is_no_listener_any_more_and_holds_no_file(self, path: Path) -> None:
        listeners: set[threading.Event] = set()
        before = open_files()
        watch = SqliteWatch(lambda: sqlite3.connect(path), path, listeners)
        assert (len(listeners), open_files() > before) == (1, True)
        watch.close()
        assert (listeners, open_files()) == (set(), before)

    def test_one_that_cannot_look_gives_its_connection_up(self, store: SqliteStore, path: Path) -> None:
        """Else each look at a broken file would leave another open one behind."""
        broken = path.with_name("broken.db")
        broken.write_bytes(b"some letter to grandmother " * 50)
        watch = SqliteWatch(lambda: sqlite3.connect(broken), broken, set())
        before = open_files()
        assert [watch.wait(0.0) for _ in range(3)] == [False] * 3
        assert open_files() == before
        watch.close()

    @pytest.mark.parametrize("way", ["taken away", "replaced"])
    def test_commits_to_another_file_in_its_place_are_heard(self, store: SqliteStore, path: Path, way: str) -> None:
        with contextlib.closing(store.watch()) as watch:
            path.unlink()
            if way == "taken away":
                assert watch.wait(0.0) is False
            with contextlib.closing(SqliteStore(path)) as other:
                other.swap(Swap(record=Record("7f3k", 1, "token", b"")))
                assert (watch.wait(0.0), watch.wait(0.0)) == (True, False)


class TestConnection:
    def test_a_file_that_is_taken_away_or_replaced_is_noticed_and_left(self, tmp_path: Path) -> None:
        """Regression: one process went on in a file that nobody could find, and what it did there was forgotten."""
        path = tmp_path / "s.db"
        one = Record("7f3k", 1, "one", b"")
        with contextlib.closing(SqliteStore(path)) as store, contextlib.closing(SqliteStore(path)) as other:
            for gone in ("No such file or directory", "another file is in its place"):
                assert store.swap(Swap(record=one)).status is SwapStatus.OK
                path.unlink()
                if "another" in gone:
                    with contextlib.suppress(StoreUnavailableError):
                        other.read("7f3k")
                    assert other.swap(Swap(record=Record("7f3k", 1, "theirs", b""))).status is SwapStatus.OK
                with pytest.raises(StoreUnavailableError, match=gone):
                    store.swap(Swap(record=Record("7f3k", 2, "two", b"")))
            assert store.read("7f3k")[0] == Record("7f3k", 1, "theirs", b"")

    def test_a_file_that_fails_is_closed_and_opened_anew(self, tmp_path: Path) -> None:
        path = tmp_path / "s.db"
        with contextlib.closing(SqliteStore(path, namespace="test")) as store:
            before = open_files()
            path.write_bytes(b"some letter to grandmother " * 50)
            for _ in range(3):
                with pytest.raises(StoreUnavailableError):
                    store.read("7f3k")
            assert open_files() == before

    def test_a_closed_store_holds_no_file(self, tmp_path: Path) -> None:
        before = open_files()
        store = SqliteStore(tmp_path / "s.db", namespace="test")
        store.read("7f3k")
        assert open_files() > before
        store.close()
        assert open_files() == before

    def test_its_journal_is_a_write_ahead_log(self, tmp_path: Path) -> None:
        """Else whoever reads would stop whoever writes."""
        with contextlib.closing(SqliteStore(tmp_path / "s.db", namespace="test")) as store:
            store.read("7f3k")
            with contextlib.closing(sqlite3.connect(tmp_path / "s.db")) as file:
                assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)

    def test_what_is_written_outlasts_a_power_cut_and_the_lock_of_others_is_waited_for(self, tmp_path: Path) -> None:
        """https://www.sqlite.org/pragma.html#pragma_synchronous: 2 is FULL."""
        with contextlib.closing(SqliteStore(tmp_path / "s.db", namespace="test")) as store:
            store.read("7f3k")
            assert store._connection.execute("PRAGMA synchronous").fetchone() == (2,)
            assert store._connection.execute("PRAGMA busy_timeout").fetchone() == (TIMEOUT * 1_000,)

    def test_a_table_that_is_gone_is_said_once_and_made_anew(self, tmp_path: Path) -> None:
        """After a failure the next call opens the file anew, whatever the failure was."""
        with contextlib.closing(SqliteStore(tmp_path / "s.db", namespace="test")) as store:
            store.read("7f3k")
            with contextlib.closing(sqlite3.connect(tmp_path / "s.db")) as file:
                file.execute("DROP TABLE record")
            with pytest.raises(StoreUnavailableError, match="no such table"):
                store.read("7f3k")
            assert store.read("7f3k")[0] is None

    def test_who_waits_too_long_for_other_threads_is_told_so(self, tmp_path: Path) -> None:
        reading, go_on = threading.Event(), threading.Event()

        def stuck() -> float:
            reading.set()
            assert go_on.wait(PATIENCE)
            return 1_000.0

        with contextlib.closing(SqliteStore(tmp_path / "s.db", namespace="test", clock=stuck)) as store:
            other = threading.Thread(target=store.read, args=("7f3k",))
            other.start()
            assert reading.wait(PATIENCE)
            try:
                with pytest.raises(StoreUnavailableError, match=r"s\.db cannot be used now: it is busy"):
                    store.find("", 1)
            finally:
                go_on.set()
                other.join()
            assert store.find("", 1) == []


class TestFork:
    """A connection must not be carried into a child: it would end the locks of its parent, and delete its log."""

    def test_a_child_that_closes_the_store_takes_nothing_from_its_parent(self, tmp_path: Path) -> None:
        code = (
            "if os.fork():\n"
            "    _, status = os.wait()\n"
            "    store.swap(Swap(record=Record('7f3k', 2, 'token', b'')))\n"
            "    print(SqliteStore(path).read('7f3k')[0].version, status, flush=True)\n"
            "else:\n"
            "    opened = os.listdir('/dev/fd')\n"
            "    store.close()\n"
            "    os._exit(opened != os.listdir('/dev/fd'))\n"
            "os._exit(0)\n"
        )
        assert in_a_process_with_a_store(code, tmp_path) == "2 0\n"

    def test_a_child_is_refused_at_once_also_where_a_thread_of_the_parent_had_the_lock(self, tmp_path: Path) -> None:
        code = (
            "import threading\n"
            "reading, go_on = threading.Event(), threading.Event()\n"
            "def stuck():\n"
            "    reading.set()\n"
            "    go_on.wait()\n"
            "    return 1.0\n"
            "store = SqliteStore(path, clock=stuck)\n"
            "threading.Thread(target=store.read, args=('7f3k',)).start()\n"
            "reading.wait()\n"
            "if os.fork():\n"
            "    os.wait()\n"
            "else:\n"
            "    try: store.read('7f3k')\n"
            "    except Exception as error: print(error, flush=True)\n"
            "os._exit(0)\n"
        )
        assert "was opened before this process was forked" in in_a_process_with_a_store(code, tmp_path)


def in_a_process_with_a_store(code: str, folder: Path) -> str:
    """Run code in a new process after it has written to a store; returns what it printed."""
    before = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from err_confirm.store.base import Record, Swap\n"
        "from err_confirm.store.sqlite_store import SqliteStore\n"
        "path = Path(sys.argv[1])\n"
        "store = SqliteStore(path)\n"
        "store.swap(Swap(record=Record('7f3k', 1, 'token', b'')))\n"
    )
    command = [sys.executable, "-c", before + code, str(folder / "s.db")]
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    return subprocess.run(command, env=environment, capture_output=True, check=True, text=True).stdout
