"""Which store a URL opens, and what is said about one that opens none."""

import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from err_confirm.errors import SettingError
from err_confirm.store import open_store
from err_confirm.store.base import Record, Swap
from err_confirm.store.redis_store import RedisStore
from err_confirm.store.sqlite_store import SqliteStore


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("sqlite:///relative.db", SqliteStore),
        ("sqlite:////absolute/path.db", SqliteStore),
        ("redis://localhost", RedisStore),
        ("redis://:secret@host:6379/3", RedisStore),
        ("rediss://user:secret@host:6379/0", RedisStore),
        ("redis+unix:///run/redis.sock?db=1", RedisStore),
    ],
)
def test_the_scheme_decides_and_nothing_is_connected(url: str, kind: type) -> None:
    store = open_store(url, namespace="test")
    assert isinstance(store, kind)
    store.close()


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("", "unknown kind; write a URL that starts with sqlite, redis, rediss, redis.unix$"),
        ("mysql://user:secret@host/db", r'store "mysql://\*\*\*@host/db": unknown kind'),
        ("sqlite://", "write sqlite:///relative/path.db or sqlite:////absolute/path.db"),
        ("sqlite:///", "write sqlite:///relative/path.db"),
        ("sqlite:////", "write sqlite:///relative/path.db"),
        ("sqlite:///:memory:", "write sqlite:///relative/path.db"),
        ("redis:///0", "write redis://host:6379/0"),
        ("redis://host/zero", "write redis://host:6379/0"),
        ("redis://host:port/0", "write redis://host:6379/0"),
        ("redis://host/0?sockettimeout=1", "write redis://host:6379/0"),
        ("redis://:sec#ret/@host:6379/0", r'store "redis://\*\*\*@host:6379/0": write'),
        (
            "redis+unix://host?password=secret&db=1",
            r'store "redis\+unix://host\?password=\*\*\*&db=1": write redis\+unix',
        ),
        ("redis+sentinel://:secret@one,two/main", r'store "redis\+sentinel://\*\*\*@one,two/main": unknown kind'),
        ("unix:///run/redis.sock", r"unknown kind; .* redis\+unix"),
    ],
)
def test_a_url_that_opens_nothing_is_named_without_its_password(url: str, text: str) -> None:
    with pytest.raises(SettingError, match=text) as raised:
        open_store(url, namespace="test")
    assert "sec" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("namespace", ["", "a b", "a}b", "a:b", "é", "x" * 65])
def test_a_namespace_is_one_word(namespace: str) -> None:
    with pytest.raises(SettingError, match="write 1 to 64 letters"):
        open_store("sqlite:///x.db", namespace=namespace)


def test_sqlite_creates_its_folder_and_keeps_its_files_private(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/new/folder/s.db", namespace="test")
    assert list(tmp_path.iterdir()) == []
    store.swap(Swap(record=Record("7f3k", 1, "token", b"")))
    modes = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "new/folder").iterdir()}
    store.close()
    assert modes == dict.fromkeys(("s.db", "s.db-wal", "s.db-shm", "s.db.lock"), 0o600)


def test_only_the_store_that_is_asked_for_is_imported() -> None:
    code = (
        "import sys; from err_confirm.store import open_store; open_store('sqlite:///x.db', namespace='test'); "
        "print('redis' in sys.modules)"
    )
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True, text=True)
    assert result.stdout == "False\n"


def test_a_store_whose_package_is_missing_says_what_to_install() -> None:
    """README calls redis optional."""
    code = (
        "import sys; sys.modules['redis'] = None\n"
        "from err_confirm.errors import SettingError\n"
        "from err_confirm.store import open_store\n"
        "try: open_store('redis://:secret@host:6379/0', namespace='test')\n"
        "except SettingError as error: print(error)\n"
    )
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True, text=True)
    assert result.stdout == 'redis:// needs the package "redis"; pip install redis\n'
