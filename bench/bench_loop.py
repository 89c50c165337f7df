"""What a loop costs: JSON lines, in milliseconds unless they say otherwise.

    PYTHONPATH=plugins/err-confirm:tests .venv/bin/python bench/bench_loop.py

`a target, 50 at once` is how long a loop over 1,000 targets takes for each of them, from the request until its end is
written; `a target, 1 at once` is the same of 200, where each is written to run by itself. `ratio` compares that with
starting one such command and seeing its end by itself, one after the other, in the same run. `reports` says how often
it was written how far it had come, `share` which part of the time that took, and `record` what is kept of it in the
end, in bytes.
"""

import json
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from err_confirm.model.executions import Plan, State
from err_confirm.model.runs import Invocation, Part
from err_confirm.runners import starters
from err_confirm.runners.base import Context, Running
from err_confirm.store import open_store
from err_confirm.store.base import Store
from house import a_house
from looping import a_loop, noting
from servers import RedisServer

LOOPS = {50: 1_000, 1: 200}
"""How many targets, by how many at once."""
ALONE = 100


def main() -> None:
    """Measure one command by itself, and a loop on both stores."""
    server = RedisServer()
    server.start()
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        alone = single(folder / "alone")
        for kind, url in (("sqlite", f"sqlite:///{folder}/s.db"), ("redis", server.url)):
            with closing(open_store(url)) as store:
                for at_once, targets in LOOPS.items():
                    ids = [f"web{number:04}.example.org" for number in range(targets)]
                    looped(kind, store, a_loop(folder / f"{kind}{at_once}", ids, concurrency=at_once), alone)
    server.remove()


def single(evidence: Path) -> float:
    """Return how many seconds one command takes by itself, the median."""
    runner = starters()["command"]
    taken = []
    for number in range(ALONE):
        began = time.perf_counter()
        runner.start(noting(evidence, f"h{number}"), Context()).wait(60)
        taken.append(time.perf_counter() - began)
    report("none", "one command by itself", median_ms=round(statistics.median(taken) * 1_000, 2))
    return statistics.median(taken)


class Counted:
    """A runner of loops that notes how often and how long is written how far they have come."""

    key = "loop"

    def __init__(self) -> None:
        self.taken: list[float] = []
        self.over = threading.Event()

    def start(self, invocation: Invocation, context: Context) -> Running:
        def timed(parts: Sequence[Part]) -> bool:
            began = time.perf_counter()
            written = context.report(parts)
            self.taken.append(time.perf_counter() - began)
            return written

        return starters()["loop"].start(invocation, replace(context, report=timed))


def looped(kind: str, store: Store, plan: Plan, alone: float) -> None:
    """Run the loop."""
    runner: Any = Counted()
    with a_house(store, None, runner) as house:
        began = time.perf_counter()
        execution = house.start(plan)
        house.becomes(execution, State.RUNNING, State.SUCCEEDED)
        spent = time.perf_counter() - began
    record, _ = store.read(execution.id)
    assert record is not None
    each = spent / len(plan.conduct.targets)
    report(
        kind,
        f"a target, {plan.invocation.spec['concurrency']} at once",
        each_ms=round(each * 1_000, 2),
        ratio=round(each / alone, 2),
        reports=len(runner.taken),
        report_ms=round(statistics.median(runner.taken) * 1_000, 1),
        share=round(sum(runner.taken) / spent, 2),
        record=len(record.body),
    )


def report(store: str, what: str, **facts: object) -> None:
    """Print one line."""
    print(json.dumps({"bench": "loop", "store": store, "what": what, **facts}), flush=True)


if __name__ == "__main__":
    main()
