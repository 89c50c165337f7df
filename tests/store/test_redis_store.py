"""What is special about the store in a server: its keys, what it makes of those of others, and that it stays small."""

import contextlib
import itertools
import threading
from collections.abc import Iterator

import pytest
import redis

from err_confirm.errors import StoreUnavailableError
from err_confirm.store import open_store
from err_confirm.store.base import Head, Key, Record, Store, Swap, SwapStatus
from err_confirm.store.redis_store import OVERTAKEN, TIMEOUT
from servers import RedisServer, open_files

_NUMBERS = itertools.count(1)
INDEXES = ("due", "recent", "ids", "kept")


@pytest.fixture
def namespace() -> str:
    return f"redis-{next(_NUMBERS)}"


@pytest.fixture
def store(redis_server: RedisServer, namespace: str) -> Iterator[Store]:
    with contextlib.closing(open_store(redis_server.url, namespace=namespace)) as store:
        yield store


@pytest.fixture
def server(redis_server: RedisServer) -> Iterator["redis.Redis[bytes]"]:
    """Give a client that writes and looks past our store."""
    with redis.Redis(unix_socket_path=str(redis_server.socket)) as client:
        yield client


def a_line(head: Head) -> tuple[str, Head]:
    return f"line {head.number + 1}", Head(head.number + 1, f"seal {head.number + 1}")


def test_all_keys_share_a_slot_and_say_what_they_are(
    store: Store, server: "redis.Redis[bytes]", namespace: str
) -> None:
    key = Key("7f3k", "slack:U1", "approve", 9e9)
    store.swap(
        Swap(record=Record("7f3k", 1, "token", b"body"), keys=(key,), due_at=5.0, keep_until=9e9, journal=a_line)
    )
    prefix = f"{{c:{namespace}}}:"
    names = {"e:7f3k", "k:7f3k:slack:U1", "log", *INDEXES}
    assert set(server.keys(f"*{namespace}*")) == {f"{prefix}{name}".encode() for name in names}
    assert server.get(f"{prefix}e:7f3k") == b"1\ntoken\nbody"
    assert server.get(f"{prefix}k:7f3k:slack:U1") == b"approve"
    assert server.zrange(f"{prefix}due", 0, -1, withscores=True) == [(b"7f3k", 5.0)]
    assert server.zrange(f"{prefix}kept", 0, -1, withscores=True) == [(b"7f3k", 9e9)]
    assert server.zrange(f"{prefix}ids", 0, -1, withscores=True) == [(b"7f3k", 0.0)]
    assert server.xrange(f"{prefix}log") == [(b"1-0", {b"seal": b"seal 1", b"line": b"line 1"})]


@pytest.mark.parametrize(
    ("stored", "record"),
    [
        (b"a letter to grandmother\n\n", Record("7f3k", 0, "", b"a letter to grandmother\n\n")),
        (b"", Record("7f3k", 0, "", b"")),
        (b"12\ntok\xff\nbo\ndy", Record("7f3k", 12, "tok\ufffd", b"bo\ndy")),
        (b"5", Record("7f3k", 5, "", b"")),
    ],
)
def test_what_others_have_written_is_read_as_nothing_of_ours(
    store: Store, server: "redis.Redis[bytes]", namespace: str, stored: bytes, record: Record
) -> None:
    server.set(f"{{c:{namespace}}}:e:7f3k", stored)
    assert store.read("7f3k")[0] == record
    assert store.swap(Swap(record=Record("7f3k", 99, "token", b""))).record == record


def test_a_line_that_others_have_written_is_read_as_an_empty_one(
    store: Store, server: "redis.Redis[bytes]", namespace: str
) -> None:
    server.xadd(f"{{c:{namespace}}}:log", {"some": "thing"}, id="7-3")
    assert store.journal(0, 9) == store.newest(9) == [(7, "")]


def test_what_nobody_can_see_any_more_leaves_the_indexes_with_later_swaps(
    store: Store, server: "redis.Redis[bytes]", namespace: str
) -> None:
    """A few with each swap: one after a long rest must not have to wait for all of them."""
    prefix, names = f"{{c:{namespace}}}:", [f"old{number:02}" for number in range(20)]
    for name in names:
        store.swap(Swap(record=Record(name, 1, "token", b""), due_at=1.0, keep_until=9e9))
    server.delete(*(f"{prefix}e:{name}" for name in names))  # as the server does when their moment has come
    server.zadd(f"{prefix}kept", dict.fromkeys(names, 1.0))
    for left, version in ((12, 1), (4, 2), (0, 3)):
        store.swap(Swap(record=Record("new", version, f"token {version}", b"")))
        sizes = {name: server.zcard(f"{prefix}{name}") for name in INDEXES}
        assert sizes == {"due": left, "recent": left + 1, "ids": left + 1, "kept": left}


def test_what_is_forgotten_at_once_leaves_nothing(store: Store, server: "redis.Redis[bytes]", namespace: str) -> None:
    key = Key("7f3k", "bob", "v", 9e9)
    store.swap(Swap(record=Record("7f3k", 1, "one", b""), keys=(key,), due_at=1.0))
    gone = Key("7f3k", "bob", "v", 1.0)
    result = store.swap(Swap(record=Record("7f3k", 2, "two", b""), keys=(gone,), due_at=1.0, keep_until=1.0))
    assert (result.status, result.record) == (SwapStatus.OK, None)
    assert server.keys(f"*{namespace}*") == []


def test_a_ttl_ends_with_its_moment_or_with_the_millisecond_after_it(
    store: Store, server: "redis.Redis[bytes]", namespace: str
) -> None:
    now = store.read("nobody")[1]
    key = Key("7f3k", "bob", "v", now + 100)
    result = store.swap(Swap(record=Record("7f3k", 1, "token", b""), keys=(key,), keep_until=now + 200))
    assert result.record is not None
    for name, seconds in (("k:7f3k:bob", 100), ("e:7f3k", 200)):
        left = server.pttl(f"{{c:{namespace}}}:{name}") / 1000
        passed = store.read("nobody")[1] - now
        assert seconds - passed - 0.002 <= left <= seconds + 0.001


def test_a_line_that_others_overtake_is_made_anew_and_not_without_end(
    store: Store, redis_server: RedisServer, namespace: str
) -> None:
    heads: list[int] = []
    with contextlib.closing(open_store(redis_server.url, namespace=namespace)) as other:

        def overtaken(head: Head, times: int) -> tuple[str, Head]:
            heads.append(head.number)
            if len(heads) <= times:
                other.note(lambda before: ("theirs", Head(before.number + 1, "theirs")))
            return a_line(head)

        assert store.swap(Swap(record=Record("7f3k", 1, "token", b""), journal=lambda head: overtaken(head, 3))).record
        assert heads == [0, 1, 2, 3]
        assert [number for number, _ in store.newest(9)] == [1, 2, 3, 4]
        heads.clear()
        with pytest.raises(StoreUnavailableError, match="too many others write to the store"):
            store.swap(Swap(record=Record("7f3k", 2, "t", b""), journal=lambda head: overtaken(head, OVERTAKEN)))
        assert len(heads) == OVERTAKEN
        assert store.read("7f3k")[0] == Record("7f3k", 1, "token", b"")


def test_a_line_follows_the_last_one_also_where_others_have_put_one_with_its_number(
    store: Store, server: "redis.Redis[bytes]", namespace: str
) -> None:
    """Given a server that forgot everything and heard of another first line, then the second follows that one."""
    heads: list[Head] = []

    def line(head: Head) -> tuple[str, Head]:
        heads.append(head)
        return a_line(head)

    def begin_anew() -> None:
        server.delete(f"{{c:{namespace}}}:log")
        server.xadd(f"{{c:{namespace}}}:log", {"seal": "another", "line": "theirs"}, id="1-0")

    store.swap(Swap(record=Record("7f3k", 1, "one", b""), journal=line))
    begin_anew()
    store.swap(Swap(record=Record("7f3k", 2, "two", b""), journal=line))
    assert heads[-1] == Head(1, "another")
    assert store.journal(0, 9) == [(1, "theirs"), (2, "line 2")]
    begin_anew()
    server.xadd(f"{{c:{namespace}}}:log", {"seal": "another", "line": "theirs"}, id="2-0")
    store.note(line, 1)
    assert heads[-1] == Head(2, "another")
    assert store.journal(0, 9) == [(2, "theirs"), (3, "line 3")]


def test_a_call_gives_up_before_who_asks_does(store: Store) -> None:
    """Three tries of 0.75 s with short pauses between them: redis-py by itself blocks for a minute."""
    options = store._client.connection_pool.connection_kwargs
    assert (options["socket_timeout"], options["socket_connect_timeout"], options["protocol"]) == (TIMEOUT, TIMEOUT, 2)
    retry, tries = store._client.get_retry(), []

    def fail() -> None:
        tries.append(len(tries))
        raise redis.TimeoutError

    with pytest.raises(redis.TimeoutError):
        retry.call_with_retry(fail, lambda _: None)
    assert len(tries) == 3
    assert [retry._backoff.compute(failures) for failures in (1, 2, 9)] == [0.02, 0.04, 0.1]
    assert {redis.ConnectionError, redis.TimeoutError} <= set(options["retry_on_error"])


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("redis://localhost", "localhost:6379"),
        ("redis://:secret@some.host:7000/3", "some.host:7000"),
        ("redis+unix:///run/redis.sock?db=1", "/run/redis.sock"),
    ],
)
def test_an_error_names_the_server_and_no_password(url: str, name: str) -> None:
    store = open_store(url, namespace="test")
    store.close()
    with pytest.raises(StoreUnavailableError) as raised:
        store.read("7f3k")
    assert str(raised.value) == f"the store at {name} is closed"


def test_the_thread_of_a_watch_has_a_name_and_does_not_hold_the_end_of_the_bot(store: Store) -> None:
    with contextlib.closing(store.watch()):
        assert [each.daemon for each in threading.enumerate() if each.name == "err-confirm-watch"] == [True]
    assert "err-confirm-watch" not in [each.name for each in threading.enumerate()]


def test_who_wrote_the_last_line_knows_it_without_asking(store: Store) -> None:
    heads: list[Head] = []

    def line(head: Head) -> tuple[str, Head]:
        heads.append(head)
        return a_line(head)

    for version in range(1, 4):
        store.swap(Swap(record=Record("7f3k", version, "token", b""), journal=line))
    assert heads == [Head(), Head(1, "seal 1"), Head(2, "seal 2")]


def test_a_closed_store_holds_no_connection(redis_server: RedisServer, namespace: str) -> None:
    before = open_files()
    store = open_store(redis_server.url, namespace=namespace)
    store.read("7f3k")
    assert open_files() > before
    store.close()
    assert open_files() == before
