"""A network that loses answers: the server has acted, and who asked cannot know.

cutting.py [EXECUTIONS]     so many lives through a network that loses one answer in four; prints what came of them
"""

import contextlib
import json
import logging
import random
import select
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from builders import RECORDS, a_policy
from err_confirm.engine import Engine
from err_confirm.errors import StoreUnavailableError
from err_confirm.model.executions import Execution, State
from err_confirm.store import open_store
from house import House, a_house
from servers import PATIENCE, RedisServer, eventually

LOSS = 0.25
"""Which share of all answers is lost."""
RETRIES = 3
"""How often redis-py asks in all, before it gives up (store/redis_store.py)."""
IN_TIME = a_policy(retry_count=100, retry_delay=0.1)


class Proxy:
    """A TCP proxy in front of a server's socket, which loses the answers to what `loses` says yes to.

    It lets the server act and answer. Then it cuts the connection or, with `stall`, stays silent until who asked gives
    up. `loses` is asked once for each request and given its bytes.
    """

    def __init__(self, upstream: Path) -> None:
        self.loses: Callable[[bytes], bool] = lambda _: False
        self.stall = False
        self.lost = 0
        self._upstream = upstream
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0?unsafe=yes"
        self._closing, self._close = socket.socketpair()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        """Cut all connections, and take no more."""
        self._close.close()
        for thread in self._threads:
            thread.join()
        self._listener.close()
        self._closing.close()

    def _accept(self) -> None:
        while self._listener in select.select([self._listener, self._closing], [], [])[0]:
            thread = threading.Thread(target=self._serve, args=(self._listener.accept()[0],))
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server, contextlib.suppress(OSError):
            server.connect(str(self._upstream))
            losing = False
            while self._closing not in (ready := select.select([client, server, self._closing], [], [])[0]):
                if client in ready:
                    if not (request := client.recv(1 << 20)):
                        return
                    losing = self.loses(request)
                    server.sendall(request)
                if server in ready:
                    if not (answer := server.recv(1 << 20)):
                        return
                    if losing:
                        self.lost += 1
                        if self.stall:
                            select.select([client, self._closing], [], [])
                        return
                    client.sendall(answer)


class Next:
    """Says yes to the next so many requests that swap a record to one of these states."""

    def __init__(self, count: float, *states: State, version: int | None = None) -> None:
        self.left = count
        self._marks = [f'"state":"{state}"'.encode() for state in states]
        self._version = b"" if version is None else f'"version":{version},'.encode()

    def __call__(self, request: bytes) -> bool:
        """Tell whether the answer to this request is to be lost."""
        if b"EVALSHA" not in request or self._version not in request:
            return False
        if self.left <= 0 or not any(mark in request for mark in self._marks):
            return False
        self.left -= 1
        return True


@contextlib.contextmanager
def a_proxy(server: RedisServer) -> Iterator[Proxy]:
    """Start a server and a proxy in front of it; the server knows our scripts already."""
    server.start()
    with contextlib.closing(open_store(server.url, namespace="warm")) as store, a_house(store) as house:
        house.confirm(execution := house.ask())
        house.becomes(execution, State.RUNNING, State.SUCCEEDED)
    proxy = Proxy(server.socket)
    try:
        yield proxy
    finally:
        proxy.close()


def insist(do: Callable[[], Any], tally: Counter[str]) -> Any:
    """Do something again until it is answered, as people do who are told to say it again."""
    while True:
        try:
            return do()
        except StoreUnavailableError:
            tally["said again"] += 1


def play(server: RedisServer, count: int, chance: random.Random) -> Counter[str]:
    """Ask for so many executions and confirm each, while answers are lost; returns what came of them."""
    tally: Counter[str] = Counter()
    lock = threading.Lock()

    def loses(request: bytes) -> bool:
        with lock:
            return b"SUBSCRIBE" not in request and chance.random() < LOSS

    with a_proxy(server) as proxy, contextlib.closing(open_store(proxy.url, namespace="play")) as store:
        proxy.loses = loses
        with a_house(store) as house:
            for number in range(count):
                name = f"number {number}"
                execution = insist(lambda name=name: house.ask(IN_TIME, name), tally)
                insist(lambda execution=execution: house.confirm(execution), tally)
            with contextlib.closing(open_store(server.url, namespace="play")) as looker:
                eventually(lambda: not looker.due(1)[0], within=PATIENCE * 3)
                executions = list(Engine(looker, RECORDS, lambda _: None).recent())
        told = told_ends(house)
    starts = Counter(house.runner.starts)
    confirmed = [each for each in executions if each.votes]
    tally.update(
        {
            "executions": len(executions),
            "answers lost": proxy.lost,
            "ran": len(starts),
            "ran twice": sum(runs > 1 for runs in starts.values()),
            "confirmed and not run": sum(starts[each.invocation.spec["name"]] != 1 for each in confirmed),
            "not confirmed and run": starts.total() - len(confirmed),
            "voted twice": sum(len(each.votes) > 1 for each in executions),
            "not told once": sum(told[each.id] != 1 for each in executions),
            **{f"ended {state}": 0 for state in ("succeeded", "expired")},
        }
    )
    tally.update(f"ended {each.state}" if each.state.ended else "stuck" for each in executions)
    return tally


def told_ends(house: House) -> Counter[str]:
    """Return how often each end was told."""
    told: Counter[str] = Counter()
    while not house.changes.empty():
        execution: Execution = house.changes.get()
        told[execution.id] += execution.state.ended
    return told


def main(count: int = 1_000) -> None:
    """Play, and print what came of it."""
    logging.disable()
    server = RedisServer()
    try:
        print(json.dumps(play(server, count, random.Random(1)), indent=1))
    finally:
        server.remove()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
