"""What somebody can do who has the store, but not our key."""

import contextlib
import sqlite3
from typing import Any

from err_confirm.store.base import Record, Store, Swap
from err_confirm.store.sqlite_store import SqliteStore


def cut_journal(store: Any, through: int) -> None:
    """Remove all lines after `through`."""
    if isinstance(store, SqliteStore):
        with contextlib.closing(sqlite3.connect(store._path)) as connection, connection:
            connection.execute("DELETE FROM journal WHERE number > ?", (through,))
    else:
        store._client.xdel(store._key("log"), *(f"{number}-0" for number in range(through + 1, 100)))


def put_back(store: Store, record: Record) -> None:
    """Write a record over whatever is there."""
    found, _ = store.read(record.id)
    if found:
        store.swap(Swap(record=Record(record.id, found.version + 1, "x", b""), keep_until=0.0))
    for version in range(1, record.version):
        store.swap(Swap(record=Record(record.id, version, f"step {version}", b"")))
    assert store.swap(Swap(record=record, due_at=1.0)).record == record
