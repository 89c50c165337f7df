"""What all tests share: an environment that says nothing, and stores, each one fresh and with nobody else in it."""

import gc
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import fakeredis
import pytest
from hypothesis import settings

from err_confirm.store import open_store
from err_confirm.store.base import Store
from err_confirm.store.redis_store import RedisStore
from servers import RedisServer, StoreFactory

_NUMBERS = itertools.count(1)

# CONFIRM_STORE wins over every config: what a developer has set must not become the place that tests write to.
for _name in [name for name in os.environ if name.startswith("CONFIRM_")]:
    del os.environ[_name]

# In memory nothing waits for a disk. No test cuts the power; what a process leaves that is killed is there as well.
_MEMORY, _ENOUGH = "/dev/shm", 4 * 2**30
if (
    "TMPDIR" not in os.environ
    and os.access(_MEMORY, os.W_OK)
    and shutil.disk_usage(_MEMORY).free > _ENOUGH
    and not os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC  # tests start programs that they have written
):
    os.environ["TMPDIR"] = tempfile.tempdir = _MEMORY

# The same examples each time, as slowly as it takes: what fails here fails everywhere.
settings.register_profile("rules", deadline=None, derandomize=True, database=None)
settings.load_profile("rules")


def pytest_collection_finish() -> None:
    """Spare the garbage collector thousands of tests and all modules, which stay until the end, at each look."""
    gc.collect()
    gc.freeze()


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


@pytest.fixture(params=["sqlite", "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of a store that several processes can open; a test that takes it runs once for each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/s.db"
    server: RedisServer = request.getfixturevalue("own_redis_server")
    server.start()
    return server.url


@pytest.fixture(params=["sqlite", "fakeredis", "redis"])
def store_factory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreFactory]:
    """Give what opens one more handle to the same place, as another process would."""
    name = f"test-{next(_NUMBERS)}"
    fake = fakeredis.FakeServer() if request.param == "fakeredis" else None
    url = request.getfixturevalue("redis_server").url if request.param == "redis" else f"sqlite:///{tmp_path}/s.db"
    opened: list[Store] = []

    def open_one(namespace: str = name) -> Store:
        if fake:
            opened.append(RedisStore(fakeredis.FakeRedis(server=fake), namespace=namespace, unsafe=True))
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
