"""Keep executions in one SQLite file, for one machine: the default."""

import math
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

from err_confirm import health
from err_confirm.errors import StoreUnavailableError
from err_confirm.store.base import Append, Due, Head, Record, Swap, SwapResult, SwapStatus, Watch
from err_confirm.store.sqlite_check import file_system, modes, mounted
from err_confirm.store.sqlite_watch import FileId, SqliteWatch, file_id
from err_confirm.store.turn import turn

TIMEOUT = 2.0
"""Seconds that a call waits: for other threads, for other processes, and for SQLite's own lock, one after the other."""
PURGE = 8
RECENT_PAGE = 100

_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS record (
    seq INTEGER PRIMARY KEY, namespace TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, token TEXT NOT NULL,
    body BLOB NOT NULL, due_at REAL, keep_until REAL NOT NULL, UNIQUE (namespace, id)
);
CREATE INDEX IF NOT EXISTS record_due ON record (namespace, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS record_keep ON record (keep_until);
CREATE TABLE IF NOT EXISTS key (
    namespace TEXT NOT NULL, execution_id TEXT NOT NULL, person TEXT NOT NULL, value TEXT NOT NULL,
    expires_at REAL NOT NULL, UNIQUE (namespace, execution_id, person)
);
CREATE INDEX IF NOT EXISTS key_expires ON key (expires_at);
CREATE TABLE IF NOT EXISTS journal (
    namespace TEXT NOT NULL, number INTEGER NOT NULL, seal TEXT NOT NULL, line TEXT NOT NULL,
    PRIMARY KEY (namespace, number)
) WITHOUT ROWID;
"""


_OURS = """
CREATE TEMP VIEW ours AS SELECT * FROM record
WHERE typeof(id) = 'text' AND typeof(version) = 'integer' AND typeof(token) = 'text'
    AND typeof(due_at) IN ('real', 'null');
"""
"""The records of the kind that we write: a row of another kind is read as none, or it would stop all others."""


def open_url(url: str, namespace: str, create: bool = True) -> "SqliteStore":
    """Return the store in the file of a URL; nothing is opened yet.

    Raises:
        ValueError: the URL names no file.
    """
    path = url.removeprefix("sqlite:///")
    if path == url or not path.strip("/") or path == ":memory:":
        raise ValueError("no file")
    return SqliteStore(Path(path), namespace=namespace, create=create)


class SqliteStore:
    """A store in one file, which is created with its folder when it is first needed, unless `create` is False.

    Writers take turns by a lock file beside it, as SQLite's busy handler alone lets them starve each other. What it
    must not do is in https://www.sqlite.org/howtocorrupt.html: lock or close the file itself (2.2), which would end
    SQLite's own locks, and carry a connection across a fork (2.6), so a forked child is refused.
    """

    def __init__(
        self,
        path: Path,
        *,
        namespace: str = "default",
        clock: Callable[[], float] = time.time,
        create: bool = True,
    ) -> None:
        self._path = path.absolute()
        self._create = create
        self._turns = self._path.with_name(f"{path.name}.lock")
        self._namespace = namespace
        self._clock = clock
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._file: FileId | None = None
        self._closed = False
        self._woken: set[threading.Event] = set()

    def read(self, execution_id: str) -> tuple[Record | None, float]:
        """See `Store.read`."""
        with self._reading() as connection:
            now = self._clock()
            _, record = self._stored(connection, execution_id, now)
        return record, now

    def swap(self, swap: Swap) -> SwapResult:
        """See `Store.swap`."""
        new = swap.record
        with self._writing() as connection:
            now = self._clock()
            seq, stored = self._stored(connection, new.id, now)
            if stored and (stored.version, stored.token) == (new.version, new.token):
                return SwapResult(SwapStatus.OK, stored, now)
            if new.version - 1 != (stored.version if stored else 0):
                return SwapResult(SwapStatus.CONFLICT, stored, now)
            if not swap.not_before <= now < swap.not_after:
                return SwapResult(SwapStatus.LATE, stored, now)
            if swap.follows and swap.follows != self._head(connection):
                return SwapResult(SwapStatus.CONFLICT, stored, now)
            self._write(connection, seq, swap)
            if swap.journal:
                self._append(connection, swap.journal)
            _purge(connection, now)
        for woken in tuple(self._woken):
            woken.set()
        return SwapResult(SwapStatus.OK, new if swap.keep_until is None or swap.keep_until > now else None, now)

    def due(self, limit: int) -> tuple[list[Due], float]:
        """See `Store.due`."""
        with self._reading() as connection:
            now = self._clock()
            rows = connection.execute(
                "SELECT id, due_at FROM ours WHERE namespace = ? AND due_at IS NOT NULL AND keep_until > ?"
                " ORDER BY due_at, id LIMIT ?",
                (self._namespace, now, limit),
            ).fetchall()
        return [Due(*row) for row in rows], now

    def forget_due(self, execution_id: str) -> None:
        """Do nothing: a due moment is a part of its record here, and goes with it."""
        with self._reading():
            pass

    def poll(self, keys: Sequence[tuple[str, str]]) -> list[bool]:
        """See `Store.poll`."""
        query = "SELECT 1 FROM key WHERE namespace = ? AND execution_id = ? AND person = ? AND expires_at > ?"
        with self._reading() as connection, connection:
            connection.execute("BEGIN")  # one look at the file, not one for each key
            now = self._clock()
            return [connection.execute(query, (self._namespace, *key, now)).fetchone() is not None for key in keys]

    def recent(self) -> Iterator[Record]:
        """See `Store.recent`."""
        before = math.inf
        while True:
            with self._reading() as connection:
                rows = connection.execute(
                    "SELECT seq, id, version, token, CAST(body AS BLOB) FROM ours"
                    " WHERE namespace = ? AND seq < ? AND keep_until > ? ORDER BY seq DESC LIMIT ?",
                    (self._namespace, before, self._clock(), RECENT_PAGE),
                ).fetchall()
            if not rows:
                return
            before = rows[-1][0]
            yield from (Record(*row[1:]) for row in rows)

    def find(self, prefix: str, limit: int) -> list[str]:
        """See `Store.find`."""
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT id FROM ours WHERE namespace = ? AND id BETWEEN ? AND ? AND keep_until > ? ORDER BY id LIMIT ?",
                (self._namespace, prefix, prefix + "\U0010ffff", self._clock(), limit),
            ).fetchall()
        return [name for (name,) in rows]

    def journal(self, after: int, limit: int) -> list[tuple[int, str]]:
        """See `Store.journal`."""
        with self._reading() as connection:
            return connection.execute(
                "SELECT number, CAST(line AS TEXT) FROM journal"
                " WHERE namespace = ? AND number > ? ORDER BY number LIMIT ?",
                (self._namespace, after, limit),
            ).fetchall()

    def newest(self, limit: int) -> list[tuple[int, str]]:
        """See `Store.newest`."""
        with self._reading() as connection:
            return connection.execute(
                "SELECT number, CAST(line AS TEXT) FROM journal WHERE namespace = ? ORDER BY number DESC LIMIT ?",
                (self._namespace, limit),
            ).fetchall()[::-1]

    def note(self, journal: Append, forget: int = 0) -> None:
        """See `Store.note`."""
        with self._writing() as connection:
            self._append(connection, journal)
            connection.execute("DELETE FROM journal WHERE namespace = ? AND number <= ?", (self._namespace, forget))

    def watch(self) -> Watch:
        """See `Store.watch`."""
        self._check_usable()
        return SqliteWatch(partial(_connect, self._path), self._path, self._woken)

    def close(self) -> None:
        """See `Store.close`."""
        if os.getpid() != self._process:
            return  # the connection is the parent's
        with self._lock:
            self._closed = True
            self._drop()

    def check(self) -> list[health.Finding]:
        """See `Store.check`."""
        try:
            if not self._path.exists():
                return [
                    health.warning(
                        f"the store {self._path} is not there yet", "start the bot, or correct CONFIRM_STORE"
                    )
                ]
            found = [*modes(self._path), file_system(self._path.resolve(), mounted())]
            with closing(_connect(self._path)) as connection:
                started = time.perf_counter()
                connection.execute("SELECT 1 FROM record LIMIT 1").fetchone()
                took = (time.perf_counter() - started) * 1_000
                (sound,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        except (sqlite3.Error, OSError) as error:
            return [
                health.error(f"the store {self._path} cannot be used now: {error}", "see who owns it, and what it is")
            ]
        if sound != "ok":
            found.append(
                health.error(f"{self._path} is damaged: {sound}", "stop the bot, and put a backup in its place")
            )
        return [health.well(f"the store is SQLite in {self._path}, and answers in {took:.1f} ms"), *found]

    def _stored(
        self, connection: sqlite3.Connection, execution_id: str, now: float
    ) -> tuple[int | None, Record | None]:
        row = connection.execute(
            "SELECT seq, id, version, token, CAST(body AS BLOB) FROM ours"
            " WHERE namespace = ? AND id = ? AND keep_until > ?",
            (self._namespace, execution_id, now),
        ).fetchone()
        return (row[0], Record(*row[1:])) if row else (None, None)

    def _write(self, connection: sqlite3.Connection, seq: int | None, swap: Swap) -> None:
        """Write the record in the place `seq` of its first version, and its keys."""
        new = swap.record
        keep_until = math.inf if swap.keep_until is None else swap.keep_until
        connection.execute(
            "INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (seq, self._namespace, new.id, new.version, new.token, new.body, swap.due_at, keep_until),
        )
        for key in swap.keys:
            connection.execute(
                "INSERT OR REPLACE INTO key VALUES (?, ?, ?, ?, ?)",
                (self._namespace, key.execution_id, key.person, key.value, key.expires_at),
            )

    def _head(self, connection: sqlite3.Connection) -> Head:
        row = connection.execute(
            "SELECT number, seal FROM journal WHERE namespace = ? ORDER BY number DESC LIMIT 1", (self._namespace,)
        ).fetchone()
        return Head(*row) if row else Head()

    def _append(self, connection: sqlite3.Connection, journal: Append) -> None:
        line, head = journal(self._head(connection))
        connection.execute("INSERT INTO journal VALUES (?, ?, ?, ?)", (self._namespace, head.number, head.seal, line))

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Hold SQLite's write lock; commit at the end, roll back after an exception."""
        with self._reading() as connection, turn(self._turns, TIMEOUT), connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Lend the one connection, opened if need be; after a failure of SQLite the next call opens a new one."""
        self._check_usable()
        if not self._lock.acquire(timeout=TIMEOUT):
            raise StoreUnavailableError(f"the store {self._path} cannot be used now: it is busy")
        try:
            self._check_usable()
            if self._connection is None:
                self._connection = self._open()
                self._connection.executescript(_OURS)
                self._file = file_id(self._path)
            elif self._file != file_id(self._path):  # else all would go on, in a file that nobody finds any more
                raise FileNotFoundError("it was taken away, and another file is in its place")
            yield self._connection
        except (sqlite3.Error, OSError) as error:
            self._drop()
            raise StoreUnavailableError(f"the store {self._path} cannot be used now: {error}") from error
        finally:
            self._lock.release()

    def _open(self) -> sqlite3.Connection:
        if not self._create:
            if not self._path.exists():
                raise StoreUnavailableError(f"{self._path} is not there yet; start the bot, or correct CONFIRM_STORE")
            return _connect(self._path)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with turn(self._turns, TIMEOUT):
            with suppress(FileExistsError):  # SQLite gives its other files the mode of this one
                os.close(os.open(self._path, os.O_CREAT | os.O_EXCL, 0o600))
            connection = _connect(self._path)
            try:
                connection.executescript(_SCHEMA)
            except sqlite3.Error:
                connection.close()
                raise
        return connection

    def _check_usable(self) -> None:
        if self._closed:
            raise StoreUnavailableError(f"the store {self._path} is closed")
        if os.getpid() != self._process:
            raise StoreUnavailableError(
                f"the store {self._path} was opened before this process was forked; open it again"
            )

    def _drop(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None


def _connect(path: Path) -> sqlite3.Connection:
    """Open a file that is there, in autocommit mode; the caller sees to it that one thread at a time uses it."""
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=rw", uri=True, timeout=TIMEOUT, isolation_level=None, check_same_thread=False
    )
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")  # others may have written what is none
    return connection


def _purge(connection: sqlite3.Connection, now: float) -> None:
    """Delete a few of what nobody can see any more."""
    for table, moment in (("record", "keep_until"), ("key", "expires_at")):
        connection.execute(
            f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} WHERE {moment} <= ? LIMIT ?)",  # noqa: S608 - our own names
            (now, PURGE),
        )
