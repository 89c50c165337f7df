"""Real workers, started by RQ's own command, and one process of ours that has them run what is asked for."""

import itertools
import os
import queue
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from builders import a_policy
from err_confirm.engine import Engine
from err_confirm.engine.gate import Gate
from err_confirm.engine.outbox import Outbox
from err_confirm.engine.runs import Runs
from err_confirm.journal.records import Records
from err_confirm.model.executions import Execution, Place, Plan, Speaker, Verdict
from err_confirm.model.files import Rate, Remote
from err_confirm.model.runs import Conduct, Invocation
from err_confirm.remote.job_records import JobRecords
from err_confirm.remote.queues import Queues, queue_name
from err_confirm.remote.runs import RemoteRuns
from err_confirm.runners import starters
from err_confirm.runners.loops import loop
from err_confirm.runners.remote_runner import remote
from err_confirm.store import open_store
from err_confirm.store.redis_store import connect
from err_confirm.store.seal import Seal
from err_confirm.transition.events import Abort, Answer, Cancel, Posted
from house import at_work
from servers import PATIENCE, RedisServer, eventually

ROOT = Path(__file__).resolve().parent.parent
KEY = bytes(range(32))
_NUMBERS = itertools.count(1)


@dataclass
class Worker:
    """One `rq worker`, and what it says."""

    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """Kill it with -9, and the process in which it does its job."""
        self._signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        """End it, also where it is stopped, as a service manager does."""
        if self.process.poll() is None:
            self._signal(signal.SIGTERM, signal.SIGCONT)
            self.process.wait(PATIENCE)

    def _signal(self, *signals: signal.Signals) -> None:
        for process in (self.process.pid, *children(self.process.pid)):
            with suppress(ProcessLookupError):  # its job may have ended meanwhile
                for each in signals:
                    os.kill(process, each)


@dataclass
class Site:
    """A Redis with a namespace in it, a folder for evidence, and the workers that were started."""

    server: RedisServer
    folder: Path
    namespace: str
    workers: list[Worker] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger"

    @contextmanager
    def another_bot(self, script: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
        """Start a bot in a process of its own that asks for this; give it, and the id of the execution."""
        command = [sys.executable, __file__, str(self.server.socket), str(self.folder), self.namespace, script]
        path = os.pathsep.join(map(str, (ROOT / "plugins/err-confirm", ROOT / "tests")))
        process = subprocess.Popen(command, env={"PYTHONPATH": path}, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    @property
    def lines(self) -> list[str]:
        """Return what the runs have written, one line each: their execution and fence."""
        return self.ledger.read_text().splitlines() if self.ledger.exists() else []

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of a worker."""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "plugins/err-confirm"),
            "CONFIRM_STORE": self.url,
            "CONFIRM_KEY_FILE": str(self.folder / "key"),
            "CONFIRM_NAMESPACE": self.namespace,
            **more,
        }

    def worker(self, queue_name: str = "web", **more: str) -> Worker:
        """Start one, and wait until it listens."""
        log = self.folder / f"worker-{len(self.workers)}.log"
        before = self.listening(queue_name)
        with log.open("wb") as out:
            process = subprocess.Popen(
                worker_command(self.server, queue_name), env=self.environment(**more), stdout=out, stderr=out
            )
        self.workers.append(Worker(process, log))
        eventually(lambda: self.listening(queue_name) > before)
        return self.workers[-1]

    def seems_to_have_a_worker(self) -> None:
        """Let a queue look as if somebody listened to it, who never comes."""
        client = connect(self.url)
        client.hset("rq:worker:nobody", "birth", "now")
        client.sadd(f"rq:workers:{queue_name(self.namespace, 'web')}", "rq:worker:nobody")
        client.close()

    def listening(self, queue_name: str) -> int:
        """Return how many workers listen."""
        return self._queues.workers(queue_name)

    @cached_property
    def _queues(self) -> Queues:
        return Queues(self.url, self.namespace)

    def waits(self, seconds: float = 60.0, **spec: Any) -> Invocation:
        """Return what writes a line into the ledger, and then waits."""
        return self.runs(f'echo "$CONFIRM_ID-$CONFIRM_FENCE" >> {self.ledger}; echo begun; sleep {seconds}', **spec)

    def runs(self, script: str, **spec: Any) -> Invocation:
        return Invocation(
            runner="command",
            spec={
                "argv": ["sh", "-c", script],
                "cwd": str(self.folder),
                "base": str(self.folder),
                "env": {},
                "timeout": 60.0,
                "output_cap": 65_536,
                **spec,
            },
        )


def worker_command(server: RedisServer, queue_name: str) -> list[str]:
    """Return RQ's own command, as docs/workers.md has it."""
    rq = str(Path(sys.executable).with_name("rq"))
    return [rq, "worker", "-w", "err_confirm.worker.Worker", "--url", f"unix://{server.socket}", queue_name]


def children(process: int) -> list[int]:
    """Return the processes that a process has started and that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent, *_ = stat.read_bytes().rpartition(b")")[2].split()
        except OSError:
            continue
        if int(parent) == process and state not in (b"Z", b"X"):
            found.append(int(stat.parent.name))
    return found


def with_variable(line: str) -> list[int]:
    """Return the processes that have this in their environment."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if line.encode() in environment.read_bytes().split(b"\0"):
                found.append(int(environment.parent.name))
        except OSError:
            continue
    return found


@contextmanager
def a_place(server: RedisServer, folder: Path) -> Iterator[Site]:
    """Give a place; at the end all workers are ended."""
    key = folder / "key"
    key.write_text(KEY.hex())
    key.chmod(0o600)
    place = Site(server, folder, f"work-{next(_NUMBERS)}")
    try:
        yield place
    finally:
        for worker in place.workers:
            worker.end()


@dataclass
class Bot:
    """One process of ours: engine, gate and runs, whose remote runs are the real ones."""

    engine: Engine
    gate: Gate
    runs: Runs
    jobs: JobRecords
    changes: "queue.SimpleQueue[Execution]"

    def ask(
        self,
        invocation: Invocation,
        within: float = 60.0,
        queue_name: str = "web",
        *,
        confirm: bool = True,
        **conduct: Any,
    ) -> Execution:
        """Ask for what a worker is to run, and confirm it."""
        return self._ask(remote(invocation, Remote(queue=queue_name, within=within)), confirm, **conduct)

    def ask_for_all(self, each: Mapping[str, Invocation], **rate: int) -> Execution:
        """Ask for what workers are to run for each target, and confirm it."""
        runs = [remote(invocation, Remote(queue="web")) for invocation in each.values()]
        return self._ask(loop(runs, Rate(**rate), list(each)))

    def _ask(self, runs: Invocation, confirm: bool = True, **conduct: Any) -> Execution:
        plan = Plan(alias="it", action="it", policy=a_policy(), invocation=runs, conduct=Conduct(**conduct))
        execution = self.engine.create(plan, Speaker("alice", Place(person="@alice")), "it")
        posted = self.engine.apply(execution.id, Posted()).execution
        self.gate.add(posted or execution)
        if confirm:
            self.engine.apply(execution.id, Answer("alice", Verdict.APPROVE))
        return execution

    def read(self, execution: Execution) -> Execution:
        found = self.engine.read(execution.id)[0]
        assert found
        return found

    def ended(self, execution: Execution) -> Execution:
        """Wait until it has ended."""
        eventually(lambda: self.read(execution).state.ended)
        return self.read(execution)

    def cancel(self, execution: Execution) -> None:
        self.engine.apply(execution.id, Cancel("alice"))

    def abort(self, execution: Execution) -> None:
        self.engine.apply(execution.id, Abort("alice", "not now"))


@contextmanager
def a_bot(place: Site, *, lease: float = 30.0) -> Iterator[Bot]:
    """Open one, and stop it at the end."""
    jobs = JobRecords(place.url, KEY, place.namespace)
    with (
        closing(open_store(place.url, namespace=place.namespace)) as store,
        closing(RemoteRuns(jobs, Queues(place.url, place.namespace), lease=lease, look=0.05)) as remote_runs,
    ):
        changes: queue.SimpleQueue[Execution] = queue.SimpleQueue()
        outbox = Outbox(changes.put)
        engine = Engine(store, Records(Seal(KEY, place.namespace)), outbox.put)
        process = f"bot-{next(_NUMBERS)}"
        runs = Runs(engine, starters(remote_runs), process)
        bot = Bot(engine, Gate(engine, runs, outbox, process), runs, jobs, changes)
        with at_work(engine, outbox, bot.gate, runs):
            yield bot


def _be_a_bot(socket: str, folder: str, namespace: str, script: str) -> None:
    server = RedisServer()
    server.socket, server.url = Path(socket), f"redis+unix://{socket}?unsafe=yes"
    site = Site(server, Path(folder), namespace)
    with a_bot(site) as bot:
        print(bot.ask(site.runs(script)).id, flush=True)
        signal.pause()


if __name__ == "__main__":
    _be_a_bot(*sys.argv[1:])
