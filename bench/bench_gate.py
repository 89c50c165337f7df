"""How soon what is confirmed runs, and what waiting costs: JSON lines, in milliseconds unless they say otherwise.

    PYTHONPATH=plugins/err-confirm:tests .venv/bin/python bench/bench_gate.py

`confirmation to start` is from before a confirmation is given until the runner is told to start; `swaps` says how many
bare swaps of the same store, measured in the same run, take as long. `look` is one look of the gate while 10,000
executions wait: at nothing but what is due, and at the keys of all of them.
"""

import json
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from contextlib import closing

from builders import RECORDS, a_policy
from err_confirm.engine import Engine
from err_confirm.engine.gate import Gate
from err_confirm.engine.outbox import Outbox
from err_confirm.engine.polls import Polls
from err_confirm.engine.runs import Runs
from err_confirm.model.executions import Execution, Place, Speaker, State, Verdict
from err_confirm.model.runs import Invocation, Outcome
from err_confirm.runners.base import Context
from err_confirm.store import open_store
from err_confirm.store.base import Record, Store, Swap
from err_confirm.transition.events import Advance, Answer, Finish, Posted
from house import Counted, Counter, a_house, a_plan
from servers import RedisServer

CONFIRMED = 300
LIVES = 300
PENDING = 10_000
POLICY = a_policy(retry_count=100, retry_delay=36.0)
YES = Answer("alice", Verdict.APPROVE)


def main() -> None:
    """Measure both stores, and the memory."""
    server = RedisServer()
    server.start()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        for kind, url in (("sqlite", f"sqlite:///{folder}/s.db"), ("redis", server.url)):
            with closing(open_store(url)) as store:
                starts(kind, store)
                lives(kind, store)
                looks(kind, store)
    server.remove()
    memory()


class Punctual(Counter):
    """Remembers when it was told to start."""

    at = 0.0

    def start(self, invocation: Invocation, context: Context) -> Counted:
        self.at = time.perf_counter()
        return super().start(invocation, context)


def starts(kind: str, store: Store) -> None:
    """Confirm one after the other, and see when each is started."""
    runner, taken = Punctual(), []
    with a_house(store, runner) as house:
        for _ in range(CONFIRMED):
            execution = house.ask(POLICY)
            began = time.perf_counter()
            house.confirm(execution)
            house.becomes(execution, State.RUNNING, State.SUCCEEDED)
            taken.append(runner.at - began)
    body = store.read(execution.id)[0].body
    swaps = [timed(lambda number=number: bare_swap(store, body, number)) for number in range(CONFIRMED)]
    report(kind, "bare swap", **in_ms(swaps))
    ratio = statistics.median(taken) / statistics.median(swaps)
    report(kind, "confirmation to start", **in_ms(taken), swaps=round(ratio, 1))


def bare_swap(store: Store, body: bytes, number: int) -> None:
    """Write a record of that size, which is forgotten soon."""
    store.swap(Swap(record=Record("bench", number + 1, f"token-{number}", body)))


def lives(kind: str, store: Store) -> None:
    """Go through whole lives, one by one."""
    engine = Engine(store, RECORDS, lambda _: None)
    spent = timed(lambda: [live(engine) for _ in range(LIVES)])
    report(kind, "lives, one by one", per_second=round(LIVES / spent))


def live(engine: Engine) -> None:
    """From the request to the end."""
    execution = ask(engine)
    for event in (Posted(), YES, Advance("bench"), Finish("bench", 1, Outcome(exit_code=0))):
        engine.apply(execution.id, event)


def ask(engine: Engine) -> Execution:
    """Ask for one more."""
    return engine.create(a_plan(POLICY), Speaker("alice", Place(person="@alice")), "it")


def looks(kind: str, store: Store) -> None:
    """Let very many wait, and look."""
    clock = [0.0]
    engine = Engine(store, RECORDS, lambda _: None)
    runs = Runs(engine, {}, "bench")
    gate = Gate(engine, runs, Outbox(lambda _: None), "bench", monotonic=lambda: clock[0])
    for _ in range(PENDING):
        gate.add(ask(engine))
    report(kind, "look, 10,000 wait", **in_ms([timed(gate.look) for _ in range(100)]))

    def look_at_all() -> None:
        clock[0] += POLICY.retry_delay
        gate.look()

    report(kind, "look at the keys of 10,000", **in_ms([timed(look_at_all) for _ in range(10)]))
    report(kind, "list all that waits", **in_ms([timed(lambda: len(engine.waiting(PENDING)[0]))]))
    gate.start()
    gate.stop()


def memory() -> None:
    """See what one that waits costs the gate, whose id and policy were read from the store."""
    with tempfile.TemporaryDirectory(dir=".") as folder, closing(open_store(f"sqlite:///{folder}/s.db")) as store:
        engine, polls, count = Engine(store, RECORDS, lambda _: None), Polls(), 1_000
        for _ in range(count):
            ask(engine)
        tracemalloc.start()
        for _ in range(10):
            for execution in engine.waiting(PENDING)[0]:
                polls.add(execution, time.monotonic())
        used, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    report("none", "memory of one that waits", bytes=round(used / count / 10))


def in_ms(seconds: list[float]) -> dict[str, float]:
    """Return the median and, of enough, the 99th percentile."""
    facts = {"times": len(seconds), "median_ms": round(statistics.median(seconds) * 1_000, 3)}
    if len(seconds) >= 100:
        facts["p99_ms"] = round(sorted(seconds)[int(len(seconds) * 0.99)] * 1_000, 3)
    return facts


def timed(do: Callable[[], object]) -> float:
    """Return how many seconds something takes."""
    start = time.perf_counter()
    do()
    return time.perf_counter() - start


def report(store: str, what: str, **facts: object) -> None:
    """Print one line."""
    print(json.dumps({"bench": "gate", "store": store, "what": what, **facts}), flush=True)


if __name__ == "__main__":
    main()
