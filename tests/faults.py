"""Kill our processes at every step, thousands of times, and count what goes wrong: `make faults`.

faults.py [--runs N] [--stores sqlite,redis] [--seed N] [--workers N] [--json] [--points]
          [--broken look|telling]
faults.py --scenario NAME --at POINT [--stores sqlite]      one run, and what was seen in it

A run is one execution in a namespace of its own. Its first process is killed with -9 before or after one operation of
the store or one effect on the world outside, and one run in seven at a moment of chance. Then another process takes
over; in one run of seven that one is killed as well, and another comes. What waits for a deadline or a lease is looked
at again when it is over: SQLite is given a clock that is ahead, for Redis the time really passes. `--broken` puts in
parts that are wrong on purpose: the harness must see it.
"""

import argparse
import gc
import itertools
import json
import logging
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from campaign import Campaign, Job
from dying import Point
from judging import WRONGS
from killed import SCENARIOS
from naive import BROKEN
from servers import RedisServer

EXAMPLES = 3
"""So many runs of each kind of wrong are listed."""
Result = dict[str, Any]


class Progress:
    """Says every few seconds how far it is."""

    def __init__(self, kind: str, total: int) -> None:
        self._kind = kind
        self._total = total
        self._next = 0.0

    def __call__(self, todo: int, done: list[Job]) -> None:
        """Say it if it is time."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + 10.0
            settled = f"{self._total - todo:,} of {self._total:,} killed, {len(done):,} settled"
            print(f"{self._kind}: {settled}", file=sys.stderr, flush=True)


def jobs_for(kind: str, campaign: Campaign, options: argparse.Namespace) -> list[Job]:
    """Return the runs to do on one store."""
    if options.scenario:
        return [Job(kind, options.scenario, options.at, second=options.second)]
    campaign.rehearse()
    return campaign.jobs(options.runs, random.Random(options.seed))


def play(kind: str, campaign: Campaign, jobs: list[Job]) -> Result:
    """Do some runs."""
    campaign.play(jobs, Progress(kind, len(jobs)))
    points = [(job.scenario, Point.read(job.killed)) for job in jobs if job.at_a_point]
    examples = [
        f"{what}: {job.again()}\n  killed: {job.killed}; {dict(job.wrongs)[what]}"
        for what in WRONGS
        for job in [job for job in jobs if what in dict(job.wrongs)][:EXAMPLES]
    ]
    return {
        "figures": campaign.figures(jobs),
        "points": Counter(f"{point.what} {point.when}" for _, point in points),
        "steps": [f"{scenario}: {point}" for scenario, point in points],
        "examples": examples,
        "evidence": [campaign.evidence(jobs[0]).path.read_text()] if len(jobs) == 1 else [],
    }


def play_apart(kind: str, campaign: Campaign, jobs: list[Job], result: Path) -> int:
    """Do the same in a process of its own, which leaves the result in a file; returns its id."""
    child = os.fork()
    if child == 0:
        try:
            result.write_text(json.dumps(play(kind, campaign, jobs)))
        finally:
            sys.stderr.flush()
            os._exit(0)
    return child


def merged(paths: list[Path], known: int) -> Result:
    """Return the results of one store as one."""
    results = [json.loads(path.read_text()) for path in paths]
    figures: Counter[str] = Counter()
    points: Counter[str] = Counter()
    for each in results:
        figures.update(each["figures"])
        points.update(each["points"])
    steps = {step for each in results for step in each["steps"]}
    lists = {name: [item for each in results for item in each[name]] for name in ("examples", "evidence")}
    return {"figures": {"steps known": known, "steps met": len(steps), **figures}, "points": points, **lists}


def report(results: dict[str, Result], *, points: bool) -> None:
    """Print the figures, one column a store, and of each kind of wrong the first runs."""
    kinds = list(results)
    print(f"{'':40}", *(f"{kind:>14}" for kind in kinds))
    for row in results[kinds[0]]["figures"]:
        print(f"{row:40}", *(f"{results[kind]['figures'][row]!s:>14}" for kind in kinds))
    if points:
        print("\nkilled so often")
        for name in sorted({name for kind in kinds for name in results[kind]["points"]}):
            print(f"{name:40}", *(f"{results[kind]['points'].get(name, 0):>14,}" for kind in kinds))
    for kind in kinds:
        print(*(f"\n{text}" for text in results[kind]["evidence"] + results[kind]["examples"]), sep="")


def main() -> int:
    """Play, and print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=3_000)
    parser.add_argument("--stores", default="sqlite,redis")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2, help="processes that kill at the same time, for each store")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--points", action="store_true", help="list how often it was killed at which step")
    parser.add_argument("--broken", choices=list(BROKEN), default="")
    parser.add_argument("--scenario", choices=list(SCENARIOS))
    parser.add_argument("--at", type=Point.read)
    parser.add_argument("--second", type=int, default=0)
    options = parser.parse_args()
    server, folder = RedisServer(), Path(tempfile.mkdtemp(prefix="faults-"))
    kinds = options.stores.split(",")
    children: list[int] = []
    logging.disable()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        if "redis" in kinds:
            server.start()
        gc.freeze()
        campaigns = {kind: Campaign(kind, folder, server, options.broken) for kind in kinds}
        jobs = {kind: jobs_for(kind, campaigns[kind], options) for kind in kinds}
        shards = range(min(options.workers, len(jobs[kinds[0]])))
        paths = {kind: [folder / f"{kind}-{shard}.json" for shard in shards] for kind in kinds}
        for kind, shard in itertools.product(kinds, shards):
            share = jobs[kind][shard :: len(shards)]
            children.append(play_apart(kind, campaigns[kind], share, paths[kind][shard]))
        while children:
            os.waitpid(children[0], 0)
            children.pop(0)
        results = {kind: merged(paths[kind], len(campaigns[kind].known)) for kind in kinds}
    finally:
        for child in children:  # only if we were interrupted
            os.kill(child, signal.SIGKILL)
        server.remove()
        shutil.rmtree(folder)
    if options.json:
        print(json.dumps({kind: result["figures"] for kind, result in results.items()}))
    else:
        report(results, points=options.points)
    return 1 if any(result["examples"] for result in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
