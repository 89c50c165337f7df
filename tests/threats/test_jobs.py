"""Whoever can write to Redis, but has not the key, has workers run nothing, and nothing twice."""

import hashlib
import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import rq
from rq.job import Callback
from rq.serializers import JSONSerializer
from rq.webhook import Webhook

from err_confirm.model.executions import Execution, State
from err_confirm.remote.job_record import JobRecord, JobState, attended
from err_confirm.remote.job_records import JobRecords
from err_confirm.remote.queues import FUNCTION, job_id, queue_name
from err_confirm.store.redis_store import connect
from servers import RedisServer, eventually
from workers import Bot, Site, a_bot, a_place

AGAIN = 20
"""How often a job is brought once more."""


@pytest.fixture(scope="module")
def site(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a place with one worker, which does one job after the other."""
    with a_place(redis_server, tmp_path_factory.mktemp("site")) as site:
        site.worker()
        yield site


@pytest.fixture(autouse=True)
def nothing_ran(site: Site) -> None:
    site.ledger.unlink(missing_ok=True)


@dataclass
class Shell:
    """What does something as soon as it is unpickled."""

    command: str

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


class Mallory:
    """Somebody with all rights in Redis, and without the key."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.redis = connect(site.url)
        self.queue = rq.Queue(queue_name(site.namespace, "web"), connection=self.redis, serializer=JSONSerializer)

    def queues(self, name: str, function: str = FUNCTION, **more: Any) -> None:
        """Queue what looks like one of ours."""
        self.queue.enqueue_call(function, args=(self.site.namespace, name), **more)

    def key(self, name: str) -> str:
        """Return where the record of a job is."""
        return f"{{c:{self.site.namespace}.jobs}}:e:{hashlib.sha256(json.dumps(name).encode()).hexdigest()}"

    @contextmanager
    def remembering(self, name: str) -> Iterator[list[bytes]]:
        """Collect all that the record of a job says meanwhile."""
        found: list[bytes] = []
        over = threading.Event()

        def look() -> None:
            while not over.wait(0.002):
                value = self.redis.get(self.key(name))
                if isinstance(value, bytes) and value not in found:
                    found.append(value)

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield found
        finally:
            over.set()
            thread.join()


@pytest.fixture
def mallory(site: Site) -> Iterator[Mallory]:
    mallory = Mallory(site)
    yield mallory
    mallory.redis.close()


def ledger_of_one_more(bot: Bot, site: Site) -> list[str]:
    """Run something genuine, which comes after all that was queued before; return the ledger without its line."""
    last = bot.ended(bot.ask(site.waits(0.0)))
    assert last.state is State.SUCCEEDED
    return [line for line in site.lines if line != f"{last.id}-1"]


# What stands in the queue


def forgeries(mallory: Mallory, touched: Path, url: str) -> dict[str, Callable[[], Any]]:
    """Return what a worker of RQ's own would run, each with what it would leave behind."""
    touch = partial(_touch, touched)
    pickled = rq.Queue(mallory.queue.name, connection=mallory.redis)
    return {
        "a function": lambda: mallory.queue.enqueue_call("os.system", args=(touch("function"),)),
        "a method of text": lambda: _with_data(mallory, ["format", "{0}", [touch("method")], {}]),
        "a pickle": lambda: pickled.enqueue_call("os.getpid", args=(Shell(touch("pickle")),)),
        "what is done when it fails": lambda: mallory.queues(
            "x", "no.such", on_failure=Callback("builtins.print"), webhooks=[Webhook(url, "failed")]
        ),
        "what is done when it succeeds": lambda: mallory.queue.enqueue_call(
            "os.getpid", on_success=Callback("builtins.print"), webhooks=[Webhook(url, "finished")]
        ),
        "ours, with more arguments": lambda: mallory.queue.enqueue_call(FUNCTION, args=("a", "b", touch("more"))),
        "ours, of another namespace": lambda: mallory.queue.enqueue_call(FUNCTION, args=("another", "7f3kq2xa-1")),
        "ours, without a name": lambda: mallory.queues("../../etc/passwd"),
        "no JSON": lambda: _with_data(mallory, None),
        "with a time limit and a repetition": lambda: mallory.queues("7f3kq2xa-1", timeout=1, retry=rq.Retry(max=50)),
    }


def _touch(folder: Path, name: str) -> str:
    return f"touch {folder / name}"


def _with_data(mallory: Mallory, data: Any) -> None:
    job = mallory.queue.enqueue_call("os.getpid", at_front=True)
    mallory.redis.hset(job.key, "data", b"\x80" if data is None else json.dumps(data).encode())


def test_what_is_forged_in_a_queue_runs_nothing(site: Site, mallory: Mallory, tmp_path: Path) -> None:
    """Ten kinds, each refused; the worker goes on."""
    with socket.create_server(("127.0.0.1", 0)) as server, a_bot(site) as bot:
        server.setblocking(False)
        kinds = forgeries(mallory, tmp_path, f"http://127.0.0.1:{server.getsockname()[1]}/")
        for queues in kinds.values():
            queues()
        assert ledger_of_one_more(bot, site) == []
        with pytest.raises(BlockingIOError):
            server.accept()
    assert len(kinds) == 10
    assert list(tmp_path.iterdir()) == []
    assert "ConnectionPool" not in site.workers[0].log.read_text()  # of what `print` would have been given


def test_what_is_forged_would_run_on_a_worker_of_rqs_own(
    site: Site, mallory: Mallory, tmp_path: Path, own_redis_server: RedisServer
) -> None:
    """So it is our class of workers that keeps it from running."""
    own_redis_server.start()
    mallory = Mallory(replace(site, server=own_redis_server))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60.0)
        kinds = forgeries(mallory, tmp_path, f"http://127.0.0.1:{server.getsockname()[1]}/")
        kinds["a function"]()
        kinds["what is done when it succeeds"]()
        worker = rq.SimpleWorker([mallory.queue], connection=mallory.redis, serializer=JSONSerializer)
        threading.Thread(target=_answer, args=(server,), daemon=True).start()
        worker.work(burst=True)
    assert [path.name for path in tmp_path.iterdir()] == ["function"]
    mallory.redis.close()


def _answer(server: socket.socket) -> None:
    server.accept()[0].close()


# Jobs that nobody has offered


def test_a_job_that_no_bot_has_offered_is_not_done(site: Site, mallory: Mallory) -> None:
    """Its execution waits, has run, or runs under another fence; its record is missing, forged or another one's."""
    with a_bot(site) as bot:
        done = bot.ended(bot.ask(site.waits(0.0)))
        site.ledger.unlink()
        genuine = mallory.redis.get(mallory.key(f"{done.id}-1"))
        assert isinstance(genuine, bytes)
        forged = JobRecords(site.url, b"mallory's own key, of some length", site.namespace)
        names = [f"{done.id}-2", f"{done.id}-1.0", "7f3kq2xa-1", "7f3kq2xb-1"]
        mallory.redis.set(mallory.key(names[1]), genuine)
        forged.offer(names[2], partial(_offer, "d"))
        mallory.redis.set(mallory.key(names[3]), b"1\nx\n" + genuine.split(b"\n", 2)[2])
        for name in names:
            mallory.queues(name)
        assert ledger_of_one_more(bot, site) == []
        forged.close()


def _offer(digest: str, now: float) -> JobRecord:
    return JobRecord(queue="web", digest=digest, told={}, within=60.0, by=now + 60.0)


def test_a_job_is_done_only_for_an_execution_that_runs_and_says_the_same(site: Site, mallory: Mallory) -> None:
    """Also where its record is genuine: given a bot of ours that offers what it should not."""
    with a_bot(site) as bot:
        waits, done, denied = (bot.ask(site.waits(0.0), confirm=number == 1) for number in range(3))
        bot.ended(done)
        bot.cancel(denied)
        site.ledger.unlink()
        names = [f"{waits.id}-1", f"{waits.id}-0", f"{done.id}-1", f"{done.id}-1.0", f"{done.id}-2", f"{denied.id}-1"]
        for name in names:
            bot.jobs.offer(name, partial(_offer, waits.invocation.digest))
            mallory.queues(name)
        assert ledger_of_one_more(bot, site) == []
        assert [state_of(bot, name) for name in names] == [JobState.OFFERED] * len(names)


def test_a_job_is_done_only_as_its_execution_says(site: Site, mallory: Mallory) -> None:
    """Given one that runs, and a bot of ours that offers, and grants, something else under its name."""
    site.worker()
    with a_bot(site) as bot:
        execution = bot.ask(site.waits())
        eventually(lambda: f"{execution.id}-1" in site.lines)
        name = f"{execution.id}-1.0"
        bot.jobs.offer(name, partial(_offer, "another digest"))
        mallory.queues(name)
        eventually(lambda: state_of(bot, name) is JobState.ASKED)
        bot.jobs.change(name, partial(attended, token="", stop="", lease=30.0))
        eventually(lambda: state_of(bot, name) is JobState.ENDED)
        job, _ = bot.jobs.read(name)
        assert job
        assert job.outcome
        assert "runs something else than" in job.outcome.error
        bot.abort(execution)
        bot.ended(execution)
    assert site.lines == [f"{execution.id}-1"]


def state_of(bot: Bot, name: str) -> JobState | None:
    job, _ = bot.jobs.read(name)
    return job.state if job else None


# Jobs that come twice


def test_a_job_that_is_brought_again_is_done_once(site: Site, mallory: Mallory) -> None:
    """While it waits, and after its end: 40 times."""
    with a_bot(site) as bot:
        os.kill(site.workers[0].process.pid, signal.SIGSTOP)
        execution = bot.ask(site.waits(0.0))
        offered(mallory, execution)
        for _ in range(AGAIN):
            mallory.queues(f"{execution.id}-1")
        os.kill(site.workers[0].process.pid, signal.SIGCONT)
        assert bot.ended(execution).state is State.SUCCEEDED
        for _ in range(AGAIN):
            mallory.queues(f"{execution.id}-1", job_id=job_id(site.namespace, f"{execution.id}-1"))
        assert ledger_of_one_more(bot, site) == [f"{execution.id}-1"]


def offered(mallory: Mallory, execution: Execution) -> None:
    job = job_id(mallory.site.namespace, f"{execution.id}-1")
    eventually(lambda: mallory.redis.exists(f"rq:job:{job}"))


def test_a_job_whose_record_is_put_back_is_done_once(site: Site, mallory: Mallory) -> None:
    """Each version that its record ever had, after the end: for the same bot, and for one that remembers nothing."""
    with a_bot(site) as bot:
        with a_bot(site) as first:
            execution = first.ask(site.waits(1.2))
            name = f"{execution.id}-1"
            with mallory.remembering(name) as versions:
                assert first.ended(execution).state is State.SUCCEEDED
            put_back(mallory, name, versions)
            ledger_of_one_more(first, site)
        put_back(mallory, name, versions)
        ledger_of_one_more(bot, site)
    assert site.lines.count(name) == 1
    assert {JobState.OFFERED, JobState.GRANTED, JobState.ENDED} <= {
        JobState(json.loads(json.loads(version.split(b"\n", 2)[2][64:])[1])["state"]) for version in versions
    }


def put_back(mallory: Mallory, name: str, versions: list[bytes]) -> None:
    for version in (*versions, versions[0]):
        mallory.redis.set(mallory.key(name), version)
        mallory.queues(name)


def test_a_job_whose_offer_is_put_back_while_it_runs_is_done_once(site: Site, mallory: Mallory) -> None:
    """Bot and worker both see it: what runs is stopped, and is lost; the second worker gets nothing."""
    with a_bot(site) as bot:
        execution = bot.ask(site.waits())
        name = f"{execution.id}-1"
        with mallory.remembering(name) as versions:
            eventually(lambda: name in site.lines)
        mallory.redis.set(mallory.key(name), versions[0])
        mallory.queues(name)
        lost = bot.ended(execution)
        assert lost.state is State.LOST
        assert "an older one was put back" in lost.reason
        assert ledger_of_one_more(bot, site) == [name]


@pytest.mark.parametrize("change", [lambda record: record[:-3] + b"x" + record[-2:], lambda _: None])
def test_a_job_whose_record_is_changed_or_gone_is_not_done(
    site: Site, mallory: Mallory, change: Callable[[bytes], bytes | None]
) -> None:
    """Given that it is changed before a worker takes it."""
    with a_bot(site) as bot:
        for worker in site.workers:
            os.kill(worker.process.pid, signal.SIGSTOP)
        execution = bot.ask(site.waits(0.0))
        offered(mallory, execution)
        key = mallory.key(f"{execution.id}-1")
        record = mallory.redis.get(key)
        assert isinstance(record, bytes)
        changed = change(record)
        mallory.redis.set(key, changed) if changed else mallory.redis.delete(key)
        assert bot.ended(execution).state is State.LOST
        for worker in site.workers:
            os.kill(worker.process.pid, signal.SIGCONT)
        assert ledger_of_one_more(bot, site) == []
