"""Let RQ's workers do our jobs, and nothing else: `rq worker -w err_confirm.worker.Worker QUEUE`.

Whoever can write to Redis can write into a queue, and RQ by itself runs whatever function stands there. Here, only the
name of a job is read from a queue: what runs is in the execution, which is sealed.
"""

import os
import secrets
import signal
import socket
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import rq
import rq.job
from rq.serializers import JSONSerializer

from err_confirm.errors import JobError, SettingError
from err_confirm.journal.records import Records
from err_confirm.remote.job_records import JobRecords
from err_confirm.remote.queues import FUNCTION, KEPT, queue_name
from err_confirm.remote.work import Bench
from err_confirm.store import NAMESPACE, namespaced, on_redis, open_store
from err_confirm.store.seal import Seal, load_key

_READ = ("data", "origin")
"""What is read of a job's record in RQ: no callbacks, hooks, repetitions, results or time limits of others."""


class Job(rq.job.Job):
    """A job that names an execution's run."""

    def restore(self, raw_data: Mapping[bytes, bytes]) -> None:
        """Take only what a job of ours has, and for the rest what we want of it."""
        super().restore({name.encode(): raw_data[name.encode()] for name in _READ if name.encode() in raw_data})
        self.timeout, self.result_ttl, self.failure_ttl = -1, 0, KEPT
        self.description = f"job {self.id}"

    def perform(self) -> None:
        """Do it. Raises JobError where it is none of ours."""
        bench = a_bench(self.worker_name or "")
        match (self.func_name, self.instance, self.args, self.kwargs):
            case (str(named), None, [bench.namespace, str(name)], {}) if named == FUNCTION:
                signal.signal(signal.SIGTERM, lambda *_: bench.halt.set())
                bench.do(name)
            case _:
                raise JobError(f"{self.id} is no job of the namespace {bench.namespace}; nothing is run for it")


class Worker(rq.Worker):
    """A worker that reads JSON only, and jobs of ours only; it does not start without what it needs for them."""

    def __init__(self, queues: Iterable[Any], name: str | None = None, **options: Any) -> None:
        names = [queue if isinstance(queue, str) else queue.name for queue in queues]
        if options.get("prepare_for_work", True):
            try:
                bench = a_bench("")
            except SettingError as error:
                raise SystemExit(f"err-confirm: {error}") from error
            bench.close()
            names = [queue_name(bench.namespace, queue) for queue in names]
        options |= {"job_class": Job, "serializer": JSONSerializer}
        super().__init__(names, name or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}", **options)


def a_bench(worker: str, environ: Mapping[str, str] = os.environ) -> Bench:
    """Return where a worker works, as its environment says. Raises SettingError."""
    url, key_file = environ.get("CONFIRM_STORE", ""), Path(environ.get("CONFIRM_KEY_FILE", ""))
    if not on_redis(url):
        raise SettingError(
            "a worker needs the store of its bots: set CONFIRM_STORE to their redis://… in its environment"
        )
    if not key_file.is_file():
        raise SettingError(
            "a worker needs the key of its bots: copy their key file, and set CONFIRM_KEY_FILE to its path"
        )
    namespace = namespaced(environ.get("CONFIRM_NAMESPACE", NAMESPACE))
    key = load_key(key_file)
    return Bench(
        worker=worker,
        jobs=JobRecords(url, key, namespace),
        store=open_store(url, namespace=namespace),
        records=Records(Seal(key, namespace)),
        namespace=namespace,
        halt=threading.Event(),
    )
