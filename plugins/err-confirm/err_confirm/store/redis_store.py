"""Keep executions in Redis, for several machines."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from err_confirm import health
from err_confirm.errors import StoreUnavailableError, UnsafeStoreError
from err_confirm.store.base import Append, Due, Head, Record, Swap, SwapResult, SwapStatus, Watch
from err_confirm.store.redis_check import access, keeping, serving

TIMEOUT = 0.75
"""Seconds for a connection, and for an answer; with two retries a call gives up after 2.3 s (by default: 57 s)."""
RECONNECT_DELAY = 0.2
OVERTAKEN = 1_000
"""How often others may append to the journal first before a swap gives up."""
POLL_PAGE = 1_000
RECENT_PAGE = 100
UNSAFE = "unsafe=yes"
LONGEST_VERSION = 15
"""Digits of a version; more of them stand in nothing that we wrote, and Python refuses to read very many."""
UNREACHABLE = (redis.RedisError, OSError)
"""What is raised where a server does not answer, or answers that something cannot be done."""
_LUA = Path(__file__).with_name("lua")


def open_url(url: str, namespace: str, _create: bool = True) -> "RedisStore":
    """Return the store at a URL as redis-py takes it, a socket as `redis+unix://`; nothing is connected yet.

    With `?unsafe=yes`, a server that may forget what it is given is used all the same.

    Raises:
        ValueError: the URL names no server, or an option or a database that there is not.
    """
    client = connect(url)
    place, _, query = url.removeprefix("redis+").partition("?")
    pool = client.connection_pool
    scheme, _, place = place.partition("://")
    path = place.partition("/")[2]
    if ("path" if scheme == "unix" else "host") not in pool.connection_kwargs:
        raise ValueError("no server")
    if scheme != "unix" and path and not path.isdigit():
        raise ValueError("the path is no number of a database")  # redis-py would take database 0
    try:
        pool.connection_class(**pool.connection_kwargs)
    except TypeError as error:
        raise ValueError("unknown option") from error
    return RedisStore(client, namespace=namespace, unsafe=UNSAFE in query.split("&"))


def connect(url: str) -> redis.Redis:
    """Return a client of the server at a store's URL, which soon gives up; nothing is connected yet."""
    place, _, query = url.removeprefix("redis+").partition("?")
    return redis.Redis.from_url(
        f"{place}?{'&'.join(option for option in query.split('&') if option != UNSAFE)}",
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        retry=Retry(ExponentialBackoff(cap=0.1, base=0.01), retries=2),
        retry_on_error=[redis.ConnectionError, redis.TimeoutError],
        protocol=2,  # the same shapes of answers from redis-py 5 to 8
    )


class RedisStore:
    """A store in one Redis; all its keys carry one hash tag, so that they share a slot of a cluster.

    The client must give bytes (`decode_responses=False`). An id holds no colon. Unless it is said to be `unsafe`, a
    server is asked once, when it is first reached, whether it keeps what it is given; while it does not, each call
    raises UnsafeStoreError.
    """

    def __init__(self, client: redis.Redis, *, namespace: str, unsafe: bool = False) -> None:
        self._client = client
        self._unsafe = unsafe
        self._trusted = unsafe
        self._prefix = f"{{c:{namespace}}}:"
        self._scripts = {path.stem: client.register_script(path.read_text()) for path in _LUA.glob("*.lua")}
        self._closed = threading.Event()
        self._head = Head()  # as it was last seen; the server says if it is not the last any more
        options = client.connection_pool.connection_kwargs
        self._name = options.get("path") or f"{options.get('host')}:{options.get('port', 6379)}"

    def read(self, execution_id: str) -> tuple[Record | None, float]:
        """See `Store.read`."""
        now, stored = self._run("read", [self._record_key(execution_id)])
        return _record(execution_id, stored), float(now)

    def swap(self, swap: Swap) -> SwapResult:
        """See `Store.swap`."""
        record = swap.record
        keys = [self._record_key(record.id), *map(self._key, ("due", "recent", "ids", "kept", "log"))]
        keys += [self._person_key(key.execution_id, key.person) for key in swap.keys]
        arguments: list[object] = [
            record.id,
            record.version,
            record.token,
            record.body,
            swap.not_before,
            swap.not_after,
        ]
        arguments += ["" if moment is None else moment for moment in (swap.due_at, swap.keep_until)]
        arguments += [self._key("changed")]
        values = [part for key in swap.keys for part in (key.value, key.expires_at)]
        status, clock, *stored = self._append(
            swap.journal, lambda line: self._run("swap", keys, *arguments, *line, *values), swap.follows
        )
        if status == b"overtaken":
            return SwapResult(SwapStatus.CONFLICT, *self.read(record.id))
        now = float(clock)
        if status != b"ok":
            return SwapResult(SwapStatus(status.decode()), _record(record.id, stored[0] if stored else None), now)
        kept = swap.keep_until is None or swap.keep_until > now
        return SwapResult(SwapStatus.OK, record if kept else None, now)

    def due(self, limit: int) -> tuple[list[Due], float]:
        """See `Store.due`."""
        now, soonest = self._run("due", [self._key("due")], limit)
        if foreign := [name for name in soonest[::2] if not name.isascii()]:  # no id: it would be due for ever
            self._ask(self._client.zrem, self._key("due"), *foreign)
        pairs = zip(soonest[::2], soonest[1::2], strict=True)
        return [Due(_text(name), float(at)) for name, at in pairs], float(now)

    def forget_due(self, execution_id: str) -> None:
        """See `Store.forget_due`."""
        self._run("forget_due", [self._record_key(execution_id), self._key("due")], execution_id)

    def poll(self, keys: Sequence[tuple[str, str]]) -> list[bool]:
        """See `Store.poll`."""
        names = [self._person_key(*key) for key in keys]
        return [value is not None for value in self._values(names, POLL_PAGE)]

    def recent(self) -> Iterator[Record]:
        """See `Store.recent`."""
        ids = [_text(name) for name in self._ask(self._client.zrevrange, self._key("recent"), 0, -1)]
        stored = self._values([self._record_key(name) for name in ids], RECENT_PAGE)
        return (record for name, value in zip(ids, stored, strict=True) if (record := _record(name, value)))

    def find(self, prefix: str, limit: int) -> list[str]:
        """See `Store.find`."""
        bounds = b"[" + prefix.encode(), b"(" + prefix.encode() + b"\xff"
        return [_text(name) for name in self._run("find", [self._key("ids"), self._key("kept")], *bounds, limit)]

    def journal(self, after: int, limit: int) -> list[tuple[int, str]]:
        """See `Store.journal`."""
        return list(map(_line, self._ask(self._client.xrange, self._key("log"), after + 1, "+", limit)))

    def newest(self, limit: int) -> list[tuple[int, str]]:
        """See `Store.newest`."""
        return list(map(_line, self._ask(self._client.xrevrange, self._key("log"), "+", "-", limit)))[::-1]

    def note(self, journal: Append, forget: int = 0) -> None:
        """See `Store.note`."""
        self._append(journal, lambda line: self._run("note", [self._key("log")], *line, forget))

    def watch(self) -> Watch:
        """See `Store.watch`."""
        self._check_open()
        return _RedisWatch(self._client, self._key("changed"), self._closed)

    def close(self) -> None:
        """See `Store.close`."""
        self._closed.set()
        self._client.connection_pool.disconnect(inuse_connections=False)  # a watch lets go of its own

    def _append(
        self, journal: Append | None, run: Callable[[tuple[object, ...]], Any], follows: Head | None = None
    ) -> Any:
        """Run a script that appends to the journal, again with the head as it is if somebody else was first.

        Where the line must follow a certain one, it is not tried again.
        """
        if journal is None:
            return run(("", "", "", "", ""))
        for _ in range(OVERTAKEN):
            head = follows or self._head
            line, new = journal(head)
            status, *answer = run((head.number, head.seal, new.number, new.seal, line))
            if status != b"overtaken":
                if status == b"ok":
                    self._head = new
                return status, *answer
            self._head = Head(int(answer[0]), _text(answer[1]))
            if follows:
                return status, *answer
        raise StoreUnavailableError(f"too many others write to the store at {self._name} at this moment; say it again")

    def check(self) -> list[health.Finding]:
        """See `Store.check`."""
        options = self._client.connection_pool.connection_kwargs
        try:
            started = time.perf_counter()
            self._client.ping()
            took = (time.perf_counter() - started) * 1_000
            info, anybody = self._info(), self._lets_anybody_in()
        except UNREACHABLE as error:
            return [
                health.error(f"Redis at {self._name} cannot be used now: {error}", "start it, or correct CONFIRM_STORE")
            ]
        encrypted = issubclass(self._client.connection_pool.connection_class, redis.SSLConnection)
        kept = [health.accepted(finding, f"?{UNSAFE}") if self._unsafe else finding for finding in keeping(info)]
        answers = health.well(f"the store is Redis at {self._name}, and answers in {took:.1f} ms")
        return [answers, *serving(info), *kept, *access(options, encrypted, anybody)]

    def _info(self) -> dict[str, Any]:
        """Return what the server says of itself; nothing where it says that this is not for us."""
        try:
            return dict(self._client.info())
        except redis.ResponseError:
            return {}

    def _lets_anybody_in(self) -> bool:
        """Tell whether the server answers who gives no name and no password."""
        pool = self._client.connection_pool
        known = {"username", "password", "credential_provider"}
        options = {name: value for name, value in pool.connection_kwargs.items() if name not in known}
        strangers = redis.ConnectionPool(pool.connection_class, **options)
        try:
            return bool(redis.Redis(connection_pool=strangers).ping())
        except redis.AuthenticationError:
            return False
        finally:
            strangers.disconnect()

    def _key(self, name: str) -> str:
        return self._prefix + name

    def _record_key(self, execution_id: str) -> str:
        return f"{self._prefix}e:{execution_id}"

    def _person_key(self, execution_id: str, person: str) -> str:
        return f"{self._prefix}k:{execution_id}:{person}"

    def _values(self, names: list[str], page: int) -> Iterator[bytes | None]:
        for start in range(0, len(names), page):
            yield from self._ask(self._client.mget, names[start : start + page])

    def _run(self, script: str, keys: list[str], *arguments: object) -> Any:
        return self._ask(self._scripts[script], keys, arguments)

    def _ask(self, command: Callable[..., Any], *arguments: object) -> Any:
        self._check_open()
        try:
            if not self._trusted:
                self._check_keeping()
            return command(*arguments)
        except UNREACHABLE as error:
            raise StoreUnavailableError(f"the store at {self._name} cannot be used now: {error}") from error

    def _check_keeping(self) -> None:
        for finding in keeping(self._info()):
            if finding.health is not health.Health.OK:
                raise UnsafeStoreError(
                    f"the store at {self._name} is not used: {finding.what}; {finding.fix}, "
                    f"or write ?{UNSAFE} at the end of CONFIRM_STORE"
                )
        self._trusted = True

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise StoreUnavailableError(f"the store at {self._name} is closed")


class _RedisWatch:
    """An ear on the channel of changes; a thread listens, so that `wake` needs no network.

    It is woken by (re)subscribing, too: what changed in between was not heard.
    """

    def __init__(self, client: redis.Redis, channel: str, store_closed: threading.Event) -> None:
        self._pubsub = client.pubsub()  # type: ignore[no-untyped-call]  # redis-py has types, but not here
        self._channel = channel
        self._store_closed = store_closed
        self._closed = threading.Event()
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="err-confirm-watch", daemon=True)
        self._thread.start()
        self.wait(TIMEOUT)  # until it is subscribed: nothing after this is missed

    def wait(self, timeout: float) -> bool:
        """See `Watch.wait`."""
        woken = self._woken.wait(timeout)
        if woken:
            self._woken.clear()
        return woken

    def wake(self) -> None:
        """See `Watch.wake`."""
        self._woken.set()

    def close(self) -> None:
        """See `Watch.close`."""
        self._closed.set()
        self._thread.join()

    def _listen(self) -> None:
        while not self._closed.is_set() and not self._store_closed.is_set():
            try:
                if not self._pubsub.subscribed:
                    self._pubsub.subscribe(self._channel)
                if self._pubsub.get_message(timeout=RECONNECT_DELAY):
                    self._woken.set()
            except UNREACHABLE:
                self._closed.wait(RECONNECT_DELAY)
        self._pubsub.close()


def _line(entry: tuple[bytes, dict[bytes, bytes]]) -> tuple[int, str]:
    number, fields = entry
    return int(number.partition(b"-")[0]), _text(fields.get(b"line", b""))


def _text(name: bytes) -> str:
    return name.decode(errors="replace")


def _record(execution_id: str, stored: bytes | None) -> Record | None:
    if stored is None:
        return None
    version, _, rest = stored.partition(b"\n")
    token, _, body = rest.partition(b"\n")
    if not version.isdigit() or len(version) > LONGEST_VERSION:
        # Nothing that we wrote: it is read as what nobody takes for an execution.
        return Record(execution_id, 0, "", stored)
    return Record(execution_id, int(version), _text(token), body)
