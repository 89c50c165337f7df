"""What a store does when its server, file or network fails: it says so, and goes on afterwards."""

import contextlib
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from subprocess import DEVNULL, PIPE

import pytest
import redis

from err_confirm.errors import StoreUnavailableError
from err_confirm.store import open_store
from err_confirm.store.base import Due, Head, Key, Record, Store, Swap, SwapStatus
from err_confirm.store.turn import turn
from servers import PATIENCE, RedisServer

ENVIRONMENT = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
RACER = Path(__file__).with_name("racer.py")
FIRST = Swap(record=Record("7f3k", 1, "first", b"one"), due_at=1.0)
SECOND = Swap(record=Record("7f3k", 2, "second", b"two"))


@contextlib.contextmanager
def opened(url: str) -> Iterator[Store]:
    with contextlib.closing(open_store(url, namespace="test")) as store:
        yield store


def is_intact(path: Path) -> bool:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return bool(connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)])


class TestRedisServer:
    def test_one_that_is_down_at_start_and_comes_back_is_used(self, own_redis_server: RedisServer) -> None:
        with opened(own_redis_server.url) as store, contextlib.closing(store.watch()) as watch:
            for call in (lambda: store.read("7f3k"), lambda: store.swap(FIRST), lambda: list(store.recent())):
                with pytest.raises(StoreUnavailableError, match=r"redis\.sock cannot be used now: .*No such file"):
                    call()
            assert watch.wait(0.01) is False
            own_redis_server.start()
            assert store.swap(FIRST).status is SwapStatus.OK
            assert watch.wait(PATIENCE) is True

    def test_one_that_stands_still_is_given_up_and_used_again(self, own_redis_server: RedisServer) -> None:
        own_redis_server.start()
        with opened(own_redis_server.url) as store:
            store.swap(FIRST)
            own_redis_server.freeze()
            with pytest.raises(StoreUnavailableError, match="Timeout"):
                store.swap(SECOND)
            own_redis_server.thaw()
            assert store.swap(SECOND).status is SwapStatus.OK
            record, _ = store.read("7f3k")
            assert record == SECOND.record

    def test_one_that_was_killed_and_restarted_is_used_and_heard_again(self, own_redis_server: RedisServer) -> None:
        own_redis_server.start()
        with opened(own_redis_server.url) as store, contextlib.closing(store.watch()) as watch:
            store.swap(FIRST)
            assert watch.wait(PATIENCE) is True
            own_redis_server.kill()
            with pytest.raises(StoreUnavailableError):
                store.read("7f3k")
            own_redis_server.start()
            assert store.read("7f3k")[0] is None
            assert watch.wait(PATIENCE) is True  # heard again, and may have missed something
            assert store.swap(FIRST).status is SwapStatus.OK
            assert watch.wait(PATIENCE) is True

    @pytest.mark.parametrize("spoilt", ["due", "recent", "ids", "kept", "log"])
    def test_what_somebody_has_spoilt_there_lets_nothing_be_written_by_half(
        self, own_redis_server: RedisServer, spoilt: str
    ) -> None:
        """Regression: a record went on without its line in the journal, and what it told of ran."""
        own_redis_server.start()
        with opened(own_redis_server.url) as store:
            telling = replace(SECOND, journal=lambda head: ("a line", Head(head.number + 1, "seal")))
            store.swap(FIRST)
            with redis.Redis(unix_socket_path=str(own_redis_server.socket)) as admin:
                if spoilt == "log":  # as it is left by whoever cuts off the end
                    admin.xadd(f"{{c:test}}:{spoilt}", {"seal": "x", "line": "x"}, "1-0")
                    admin.xdel(f"{{c:test}}:{spoilt}", "1-0")
                else:
                    admin.set(f"{{c:test}}:{spoilt}", "x")
                with pytest.raises(StoreUnavailableError):
                    store.swap(telling)
                assert (store.read("7f3k")[0], store.journal(0, 10)) == (FIRST.record, [])
                admin.delete(f"{{c:test}}:{spoilt}")
            assert store.swap(telling).status is SwapStatus.OK

    def test_one_that_refuses_to_write_is_said_and_nothing_is_written(self, own_redis_server: RedisServer) -> None:
        own_redis_server.start()
        with opened(own_redis_server.url) as store:
            with redis.Redis(unix_socket_path=str(own_redis_server.socket)) as admin:
                admin.config_set("maxmemory", 1)
                with pytest.raises(StoreUnavailableError, match="maxmemory"):
                    store.swap(FIRST)
                assert admin.dbsize() == 0
                admin.config_set("maxmemory", 0)
            assert store.swap(FIRST).status is SwapStatus.OK


class LossyProxy:
    """A TCP proxy in front of a server: it loses the answers to the next `lose` scripts, after the server has acted."""

    def __init__(self, upstream: Path) -> None:
        self.lose = 0
        self.lost = 0
        self._upstream = upstream
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0?unsafe=yes"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        """Serve one connection after the other: whoever asks waits for each answer."""
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with client, socket.socket(socket.AF_UNIX) as server, contextlib.suppress(OSError):
                    server.connect(str(self._upstream))
                    self._relay(client, server)

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        while request := client.recv(65_536):
            server.sendall(request)
            answer = server.recv(65_536)
            if b"EVALSHA" in request and self.lose:
                self.lose -= 1
                self.lost += 1
                return
            client.sendall(answer)


class TestLostReply:
    KEYED = Swap(record=FIRST.record, keys=(Key("7f3k", "bob", "v", 9e9),))

    @pytest.fixture
    def proxy(self, own_redis_server: RedisServer) -> Iterator[LossyProxy]:
        own_redis_server.start()
        with opened(own_redis_server.url) as store:  # the server knows the script from here on
            store.swap(Swap(record=Record("other", 1, "token", b"")))
        proxy = LossyProxy(own_redis_server.socket)
        yield proxy
        proxy.close()

    def test_a_swap_whose_answer_is_lost_is_ok_and_written_once(self, proxy: LossyProxy) -> None:
        with opened(proxy.url) as store:
            proxy.lose = 2
            assert store.swap(self.KEYED).status is SwapStatus.OK
            assert proxy.lost == 2
            assert store.swap(SECOND).status is SwapStatus.OK

    def test_a_line_by_itself_whose_answer_is_lost_is_written_once(self, proxy: LossyProxy) -> None:
        """Regression: it was taken for one that others had written, and ours was written once more after it."""
        with opened(proxy.url) as store:
            store.note(lambda head: ("one", Head(head.number + 1, "one")))
            proxy.lose = 2
            store.note(lambda head: ("two", Head(head.number + 1, "two")))
            store.note(lambda head: ("three", Head(head.number + 1, "three")))
            assert (proxy.lost, store.newest(9)) == (2, [(1, "one"), (2, "two"), (3, "three")])

    def test_no_answer_at_all_is_unavailable_after_two_retries(self, proxy: LossyProxy) -> None:
        with opened(proxy.url) as store:
            proxy.lose = 100
            with pytest.raises(StoreUnavailableError):
                store.swap(self.KEYED)
            assert proxy.lost == 3

    def test_the_same_swap_later_is_ok_and_writes_nothing_more(
        self, proxy: LossyProxy, own_redis_server: RedisServer
    ) -> None:
        with opened(proxy.url) as store, redis.Redis(unix_socket_path=str(own_redis_server.socket)) as admin:
            proxy.lose = 3
            with pytest.raises(StoreUnavailableError):
                store.swap(self.KEYED)
            assert admin.delete("{c:test}:k:7f3k:bob") == 1
            assert store.swap(self.KEYED).status is SwapStatus.OK
            assert store.poll([("7f3k", "bob")]) == [False]


class TestSqliteFile:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "s.db"

    @pytest.fixture
    def store(self, path: Path) -> Iterator[Store]:
        with opened(f"sqlite:///{path}") as store:
            yield store

    def test_while_another_holds_its_lock_writing_is_refused_and_reading_goes_on(
        self, store: Store, path: Path
    ) -> None:
        store.swap(FIRST)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailableError, match=r"s\.db cannot be used now: database is locked"):
                store.swap(SECOND)
            assert store.read("7f3k")[0] == FIRST.record
            other.execute("COMMIT")
        assert store.swap(SECOND).status is SwapStatus.OK

    def test_while_another_keeps_its_turn_writing_is_refused(self, store: Store, path: Path) -> None:
        store.swap(FIRST)
        with (
            turn(path.with_name("s.db.lock"), 1.0),
            pytest.raises(StoreUnavailableError, match=r"another process has held s\.db\.lock for 2 s"),
        ):
            store.swap(SECOND)
        assert store.swap(SECOND).status is SwapStatus.OK

    def test_a_file_that_is_no_database_is_said_and_left_alone(self, store: Store, path: Path) -> None:
        path.write_bytes(b"some letter to grandmother " * 50)
        for _ in range(2):
            with pytest.raises(StoreUnavailableError, match="file is not a database"):
                store.read("7f3k")
        assert path.read_bytes() == b"some letter to grandmother " * 50
        path.unlink()
        assert store.swap(FIRST).status is SwapStatus.OK

    def test_a_folder_that_cannot_be_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with opened(f"sqlite:///{tmp_path}/file/s.db") as store, pytest.raises(StoreUnavailableError, match="file"):
            store.read("7f3k")

    def test_a_full_disk_leaves_the_state_as_it_was(self, store: Store, path: Path) -> None:
        """Given a limit on the size of files, which SQLite meets as it meets a full disk: a write fails."""
        store.swap(FIRST)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
        try:
            with pytest.raises(StoreUnavailableError, match="disk"):
                store.swap(Swap(record=Record("7f3k", 2, "big", b"x" * 400_000), due_at=2.0))
            assert (store.read("7f3k")[0], store.due(1)[0]) == (FIRST.record, [Due("7f3k", 1.0)])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert store.swap(SECOND).status is SwapStatus.OK
        assert is_intact(path)

    def test_a_forked_child_is_refused_and_the_parent_goes_on(self, path: Path) -> None:
        code = (
            "import os, sys\n"
            "from err_confirm.store import open_store\n"
            "from err_confirm.store.base import Record, Swap\n"
            "store = open_store(sys.argv[1], namespace='test')\n"
            "store.swap(Swap(record=Record('7f3k', 1, 'token', b'')))\n"
            "if os.fork():\n"
            "    os.wait()\n"
            "    print(store.swap(Swap(record=Record('7f3k', 2, 'token', b''))).status)\n"
            "else:\n"
            "    store.read('7f3k')\n"
        )
        command = [sys.executable, "-c", code, f"sqlite:///{path}"]
        result = subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=True, text=True)
        assert result.stdout == "ok\n"
        assert "was opened before this process was forked; open it again" in result.stderr
        assert is_intact(path)

    def test_writers_that_are_killed_leave_it_whole(self, store: Store, path: Path) -> None:
        for _ in range(4):
            command = [sys.executable, str(RACER), f"sqlite:///{path}", "7f3k", "0"]
            with subprocess.Popen(command, env=ENVIRONMENT, stdin=DEVNULL, stdout=PIPE, text=True) as writer:
                assert writer.stdout
                before, _ = store.read("7f3k")
                assert writer.stdout.readline() == "ready\n"
                assert any(int(line) >= 20 for line in writer.stdout)
                writer.send_signal(signal.SIGKILL)
            after, _ = store.read("7f3k")
            assert after
            assert after.version == int(after.body) >= (before.version if before else 0) + 20
        assert is_intact(path)
