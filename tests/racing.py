"""The processes of a race, one for each person: answer what waits, claim what is confirmed, run it, say how it ended.

racing.py URL EFFECTS IDS claim|look PERSON…    prints a JSON list, an object for each

They are forked, so that what they share is imported once; each opens the store for itself. EFFECTS is the file to
which a run appends its one line, IDS the one with an id a line. `look` is the naive way, which the race must catch: it
runs what it sees approved, and then says that it did.
"""

import json
import multiprocessing
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from builders import RECORDS
from err_confirm.engine import Engine
from err_confirm.model.executions import State, Verdict
from err_confirm.model.runs import Outcome
from err_confirm.store import open_store
from err_confirm.store.base import Swap, SwapResult
from err_confirm.transition.events import Advance, Answer, Event, Finish, Told
from err_confirm.transition.steps import Decision, Refusal, Step
from faulty import Around

AHEAD = 100
"""So many are answered before the same ones are claimed: then a claim finds them approved."""


class Counting(Around):
    """Counts how the swaps ended."""

    def swap(self, swap: Swap) -> SwapResult:
        result: SwapResult = self.inside.swap(swap)
        tally[f"swap {result.status}"] += 1
        return result


tally: Counter[str] = Counter()
_together: Barrier


def main(url: str, effects: str, ids: str, way: str, *people: str) -> None:
    """Let all of them race at the same time, each in a process of its own."""
    forked = multiprocessing.get_context("fork")
    together = forked.Barrier(len(people))
    with ProcessPoolExecutor(len(people), forked, _begin, (together,)) as pool:
        print(json.dumps(list(pool.map(partial(race, url, effects, ids, way), people))))


def race(url: str, effects: str, ids: str, way: str, person: str) -> dict[str, Any]:
    """Race through all of them."""
    executions = Path(ids).read_text().split()
    file = os.open(effects, os.O_WRONLY | os.O_APPEND)
    engine = Engine(Counting(open_store(url)), RECORDS, lambda _: None)
    engine.read(executions[0])
    decided = []
    _together.wait()
    for start in range(0, len(executions), AHEAD):
        page = executions[start : start + AHEAD]
        decided += [each for each in page if isinstance(do(engine, each, Answer(person, Verdict.APPROVE)), Step)]
        for each in page:
            if way == "look":
                seen, _ = engine.read(each)
                if seen and seen.state is State.APPROVED:
                    run(file, each, seen.fence + 1)
            decision = do(engine, each, Advance(person))
            if isinstance(decision, Step) and decision.execution.state is State.RUNNING:
                fence = decision.execution.fence
                if way == "claim":
                    run(file, each, fence)
                do(engine, each, Finish(person, fence, Outcome(exit_code=0)))
                do(engine, each, Told(State.SUCCEEDED))
    engine.store.close()
    return {"decided": decided, **tally}


def _begin(together: Barrier) -> None:
    global _together  # noqa: PLW0603 - it goes to a process as it begins, or not at all
    _together = together


def run(file: int, execution_id: str, fence: int) -> None:
    """Have an effect that cannot be taken back and that anybody can count."""
    os.write(file, f"{execution_id} {fence}\n".encode())


def do(engine: Engine, execution_id: str, event: Event) -> Decision:
    """Do it, and count how it went."""
    decision = engine.apply(execution_id, event)
    how = decision.reason if isinstance(decision, Refusal) else type(decision).__name__.lower()
    tally[f"{type(event).__name__.lower()} {how}"] += 1
    return decision


if __name__ == "__main__":
    main(*sys.argv[1:])
