"""Stores for all tests: each one fresh, and with nobody else in it."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import fakeredis
import pytest
from servers import RedisServer

from err_confirm.store import open_store
from err_confirm.store.base import Store
from err_confirm.store.redis_store import RedisStore

_NUMBERS = itertools.count(1)

StoreFactory = Callable[[], Store]


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """Give a running server; a test that stops it uses `own_redis_server`."""
    server = RedisServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def own_redis_server() -> Iterator[RedisServer]:
    """Give a server that is not running yet, for one test to start, freeze and kill."""
    server = RedisServer()
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", "fakeredis", "redis"])
def store_factory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreFactory]:
    """Give what opens one more handle to the same place, as another process would."""
    namespace = f"test-{next(_NUMBERS)}"
    if request.param == "fakeredis":
        fake = fakeredis.FakeServer()
    url = request.getfixturevalue("redis_server").url if request.param == "redis" else f"sqlite:///{tmp_path}/s.db"
    opened: list[Store] = []

    def open_one() -> Store:
        if request.param == "fakeredis":
            opened.append(RedisStore(fakeredis.FakeRedis(server=fake), namespace=namespace))
        else:
            opened.append(open_store(url, namespace=namespace))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(store_factory: StoreFactory) -> Store:
    """Give a fresh store; a test that takes it runs once for each kind."""
    return store_factory()
