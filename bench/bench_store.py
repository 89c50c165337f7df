"""How long the verbs of the stores take: JSON lines, in milliseconds.

    PYTHONPATH=plugins/err-confirm:tests .venv/bin/python bench/bench_store.py

`wake` is from before a swap until a watch of the same process has heard of it; `wake, other process` the same for a
watch of another handle. The last lines compare: how many times as long Redis takes.
"""

import json
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

from err_confirm.store import open_store
from err_confirm.store.base import Key, Record, Store, Swap, Watch
from servers import RedisServer

PENDING = 1_000
"""Executions that wait in the store meanwhile, each with one key."""
BODY = b"x" * 600
"""About a record with five votes."""


def main() -> None:
    """Measure both stores and print all figures."""
    server = RedisServer()
    server.start()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        medians = [
            dict(figures(kind, url)) for kind, url in (("sqlite", f"sqlite:///{folder}/s.db"), ("redis", server.url))
        ]
    server.remove()
    for what, sqlite_ms in medians[0].items():
        print(json.dumps({"bench": "store", "what": what, "redis / sqlite": round(medians[1][what] / sqlite_ms, 2)}))


def figures(kind: str, url: str) -> Iterator[tuple[str, float]]:
    """Print the figures of one store as they come, and yield the medians."""
    with (
        closing(open_store(url)) as store,
        closing(store.watch()) as watch,
        closing(open_store(url)) as other,
        closing(other.watch()) as other_watch,
    ):
        for number in range(PENDING):
            key = Key(f"id{number}", "alice", "approve", 9e9)
            store.swap(Swap(record=Record(f"id{number}", 1, "token", BODY), keys=(key,), due_at=9e9))
        keys = [(f"id{number}", "alice") for number in range(PENDING)]
        version = iter(range(1, 1_000_000))
        benches: dict[str, tuple[int, Callable[[], float]]] = {
            "swap": (1_000, lambda: timed(lambda: swap(store, next(version)))),
            "read": (2_000, lambda: timed(lambda: store.read("id7"))),
            "due, 100 of 1,000": (500, lambda: timed(lambda: store.due(100))),
            "poll, 1,000 keys": (200, lambda: timed(lambda: store.poll(keys))),
            "wake": (100, lambda: wake(store, watch, next(version))),
            "wake, other process": (60, lambda: wake(store, other_watch, next(version))),
        }
        for what, (times, bench) in benches.items():
            taken = sorted(bench() for _ in range(times))
            median, p99 = statistics.median(taken) * 1_000, taken[int(times * 0.99)] * 1_000
            line = {"bench": "store", "store": kind, "what": what, "times": times}
            print(json.dumps(line | {"median_ms": round(median, 4), "p99_ms": round(p99, 4)}), flush=True)
            yield what, median


def swap(store: Store, version: int) -> None:
    """Write the next version of one record, as a vote does: a key, a due moment."""
    key = Key("bench", "alice", "approve", 9e9)
    store.swap(Swap(record=Record("bench", version, f"token-{version}", BODY), keys=(key,), due_at=9e9))


def wake(writer: Store, watch: Watch, version: int) -> float:
    """Return how long after the start of a swap a watch, which waits already, returns."""
    while watch.wait(0):
        pass
    heard: list[float] = []
    waiting = threading.Thread(target=lambda: (watch.wait(5), heard.append(time.perf_counter())))
    waiting.start()
    time.sleep(random.uniform(0.005, 0.05))
    start = time.perf_counter()
    swap(writer, version)
    waiting.join()
    return heard[0] - start


def timed(do: Callable[[], object]) -> float:
    """Return how many seconds something takes."""
    start = time.perf_counter()
    do()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
