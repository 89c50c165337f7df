"""What is special about the store in a file: its lock, and that it does not grow for ever."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from err_confirm.store.base import Key, Record, Swap, SwapStatus
from err_confirm.store.sqlite_store import SqliteStore
from servers import PATIENCE, eventually


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
