"""Kill the processes of one store at every step, let others take over, and judge what became of each execution."""

import heapq
import itertools
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import redis

from dying import Evidence, Point, Points
from err_confirm.model.executions import State
from err_confirm.store import open_store
from err_confirm.store.base import Store
from err_confirm.store.sqlite_store import SqliteStore
from judging import WRONGS, Judge, redis_ttls, sqlite_ttls
from killed import HUNG, SCENARIOS, Ours, evidence_in, first_life, next_life
from naive import BROKEN
from servers import RedisServer

REHEARSALS = 3
"""How often each scenario is played on each store, unharmed, to learn its points."""
STORED = Point("chat swap pending", 1, "before")
LIVES = 12
"""After so many processes have taken over, what has not ended is stuck."""
LOOKING = ("read", "due", "poll", "find", "watch", "recent", "newest", "journal")
EVERY = 7
"""One run in so many has its second process killed, too; one is killed at a moment of chance."""


@dataclass
class Job:
    """One run to do, and what became of it."""

    kind: str
    scenario: str
    death: Point | None = None
    moment: float = 0.0
    second: int = 0
    folder: Path = Path()
    ahead: float = 0.0
    lives: int = 0
    killed: str = ""
    judge: Judge | None = None
    wrongs: list[tuple[str, str]] = field(default_factory=list)
    ttls: dict[str, bool] = field(default_factory=dict)

    @property
    def at_a_point(self) -> bool:
        """Whether it was killed before or after something."""
        return "#" in self.killed

    @property
    def namespace(self) -> str:
        """A name that no other run has."""
        return self.folder.name

    def again(self) -> str:
        """Return the command that does it once more."""
        at = f" --at '{self.death}'" if self.death else ""
        second = f" --second {self.second}" if self.second else ""
        return f"tests/faults.py --stores {self.kind} --scenario '{self.scenario}'{at}{second}"


class Campaign:
    """All runs on one store, one process at a time."""

    def __init__(self, kind: str, folder: Path, server: RedisServer, broken: str = "") -> None:
        self._kind = kind
        self._folder = folder
        self._server = server
        self._ours = BROKEN[broken]
        self._scenarios = [name for name, each in SCENARIOS.items() if not (broken and each.holds)]
        self._numbers = itertools.count(1)
        self.known: set[tuple[str, Point]] = set()

    def rehearse(self) -> None:
        """Learn the points of each scenario."""
        first, *_ = SCENARIOS
        for scenario in self._scenarios:
            for _ in range(REHEARSALS):
                job = Job(self._kind, scenario)
                self.start(job)
                (line,) = [line for line in self.evidence(job).read() if "passed" in line]
                passed = [Point.read(text) for text in line["passed"]]
                if scenario is not first:  # before it is stored, all are the same
                    passed = passed[passed.index(STORED) :]
                self.known.update((scenario, point) for point in passed)

    def jobs(self, runs: int, chance: random.Random) -> list[Job]:
        """Return so many jobs: through all points, again and again.

        Those that change something come first, and of each scenario as many as of the others.
        """
        known = sorted(self.known)
        chance.shuffle(known)
        turns: Counter[tuple[bool, str]] = Counter()
        order = []
        for scenario, point in known:
            only_looks = point.what.split()[1] in LOOKING
            turns[only_looks, scenario] += 1
            order.append((only_looks, turns[only_looks, scenario], scenario, point))
        jobs = []
        for number, (*_, scenario, point) in zip(range(runs), itertools.cycle(sorted(order)), strict=False):
            job = Job(self._kind, scenario, death=point)
            if number % EVERY == EVERY - 1:
                job = Job(self._kind, scenario, moment=chance.uniform(0.0, 0.15))
            elif number % EVERY == EVERY // 2:
                job.second = chance.randint(1, 14)
            jobs.append(job)
        return jobs

    def play(self, jobs: list[Job], progress: Callable[[int, list[Job]], None]) -> None:
        """Do all jobs; while some wait for their time, others go on."""
        todo, waiting, done = jobs[::-1], list[tuple[float, int, Job]](), list[Job]()
        while todo or waiting:
            if waiting and waiting[0][0] <= time.time():
                job = heapq.heappop(waiting)[2]
            elif todo:
                job = todo.pop()
                self.start(job)
            else:
                time.sleep(min(0.5, max(0.0, waiting[0][0] - time.time())))
                continue
            pause = self.go_on(job)
            if pause is None or job.lives > LIVES:
                done.append(job)
            else:
                heapq.heappush(waiting, (time.time() + pause, next(self._numbers), job))
            progress(len(todo), done)
        self.judge(done)

    def start(self, job: Job) -> None:
        """Live the first life."""
        job.folder = self._folder / f"{job.kind}-{os.getpid()}-{next(self._numbers)}"
        job.folder.mkdir()
        self._live(job, first_life, job.death, job.moment)
        killed = [line for line in self.evidence(job).read() if line["what"] == "killed"]
        job.killed = killed[0]["point"] if killed else "moment"

    def go_on(self, job: Job) -> float | None:
        """Let the next process take over; returns the seconds until one more is needed, None if none is."""
        while job.lives <= LIVES:
            job.lives += 1
            self._live(job, next_life, job.second if job.lives == 1 and job.second else None)
            last = self.evidence(job).read()[-1]
            if last["what"] != "settled":  # killed as well
                continue
            if last["again_in"] is None:
                return None
            pause = max(0.0, last["again_in"]) + 0.02
            if job.kind == "redis":
                return pause
            job.ahead += pause
        return None

    def judge(self, jobs: list[Job]) -> None:
        """Find what is wrong."""
        by_namespace = {job.namespace: job for job in jobs}
        for job in jobs:
            with closing(self._store(job)) as store:
                job.judge = Judge(SCENARIOS[job.scenario], self.evidence(job), store)
                job.judge.judge()
                job.wrongs = job.judge.found
            if job.kind == "sqlite":
                job.ttls = dict(sqlite_ttls(job.folder / "s.db"))
        if self._kind == "redis":
            with redis.Redis(unix_socket_path=str(self._server.socket)) as client:
                for name, ends in redis_ttls(client):
                    if job_of := by_namespace.get(name.partition("{c:")[2].partition("}")[0]):
                        job_of.ttls[name] = ends
        for job in jobs:
            job.wrongs += [("no TTL", name) for name, ends in job.ttls.items() if not ends]

    def figures(self, jobs: list[Job]) -> dict[str, int]:
        """Return what was done, what came of it, and how often each thing was wrong."""
        judges = [job.judge for job in jobs if job.judge]
        ended = Counter(judge.state for judge in judges)
        wrongs = Counter(what for job in jobs for what in {what for what, _ in job.wrongs})
        return {
            "runs": len(jobs),
            "killed before or after a step": sum(job.at_a_point for job in jobs),
            "killed at a moment of chance": sum(job.killed == "moment" for job in jobs),
            "killed when all was done": sum(job.killed == "idle" for job in jobs),
            "killed once more afterwards": sum(judge.count("died") > 1 for judge in judges),
            "killed before it was stored": ended[""],
            **{f"ended {state}": ended[state] for state in State if state.ended},
            "effects": sum(judge.count("effect") for judge in judges),
            "waited when it was killed": sum(judge.waited for judge in judges),
            "... and answered after that": sum(judge.waited and judge.answered_later for judge in judges),
            "the end told once more, and said so": sum(judge.repeated for judge in judges),
            "keys and records that must have a TTL": sum(len(job.ttls) for job in jobs),
            **{what: wrongs[what] for what in WRONGS},
        }

    def evidence(self, job: Job) -> Evidence:
        """Return the evidence of a run."""
        return evidence_in(job.folder)

    def _store(self, job: Job) -> Store:
        if job.kind == "redis":
            return open_store(self._server.url, namespace=job.namespace)
        ahead = job.ahead
        return SqliteStore(job.folder / "s.db", namespace=job.namespace, clock=lambda: time.time() + ahead)

    def _live(self, job: Job, life: Callable[[Ours], None], death: Point | int | None, moment: float = 0.0) -> None:
        """Live one life in a process of its own, and wait until that has ended."""
        process = f"{job.namespace}-{job.lives}"
        child = os.fork()
        if child == 0:
            code = 1
            try:
                signal.alarm(int(4 * HUNG))
                evidence = evidence_in(job.folder, process)
                stores = self._store(job), self._store(job)
                life(self._ours(SCENARIOS[job.scenario], *stores, evidence, Points(evidence, death), process))
                code = 0
            finally:
                os._exit(code)
        if moment:
            time.sleep(moment)
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            evidence_in(job.folder, process).note("died")
        elif status != 0:
            evidence_in(job.folder, process).note("hung", status=status)
