"""Have actions run by workers: offer a job, give it to who asks for it, follow it to its end."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from err_confirm.errors import ShelfError, StartError, StoreError, StoreUnavailableError
from err_confirm.model.runs import Invocation, Outcome
from err_confirm.remote.job_record import JobRecord, attended
from err_confirm.remote.job_records import JobRecords
from err_confirm.runners import RUNNERS
from err_confirm.runners.base import Context
from err_confirm.runners.processes.keeping import Keeping
from err_confirm.runners.remote_runner import RemoteRunner
from err_confirm.settings import Settings
from err_confirm.store import on_redis
from err_confirm.store.seal import load_key
from err_confirm.transition.steps import LEASE

if TYPE_CHECKING:
    from err_confirm.remote.queues import Queues

log = logging.getLogger(__name__)

NO_REDIS = "remote needs a Redis store, which machines can share: set CONFIRM_STORE to redis://…, and restart the bot"
LOOK = 0.4
"""Seconds between two looks at the jobs of this bot."""


class RemoteRuns(RemoteRunner):
    """Starts what workers run; one thread follows all of it, as long as there is something to follow.

    Args:
        records: of the jobs.
        queues: brings them to workers.
        lease: seconds without a sign of life after which a worker is taken for gone.
        look: seconds between two looks.
    """

    def __init__(self, records: JobRecords, queues: "Queues", *, lease: float = LEASE, look: float = LOOK) -> None:
        super().__init__(RUNNERS)
        self._records = records
        self._queues = queues
        self._lease = lease
        self._look = look
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._followed: list[RemoteRun] = []
        self._follows = False
        self._closed = False

    def start(self, invocation: Invocation, context: Context) -> "RemoteRun":
        """Offer it to the workers of its queue. Raises StartError."""
        name, queue, within = context.name, invocation.spec["queue"], invocation.spec["within"]

        def offered(now: float) -> JobRecord:
            told = dict(context.told)
            return JobRecord(queue=queue, digest=invocation.digest, told=told, within=within, by=now + within)

        try:
            self._records.offer(name, offered)
            self._queues.put(queue, name, within)  # where that is not known, nobody grants it, and so nobody does it
        except (StoreError, StartError) as error:
            self._records.forget(name)
            raise StartError(str(error)) from error
        run = RemoteRun(name, self._records, self._lease, self._wake.set, context.keep)
        with self._lock:
            self._followed.append(run)
            if not self._follows:
                self._follows = True
                threading.Thread(target=self._follow, name="err-confirm jobs", daemon=True).start()
        return run

    def close(self) -> None:
        """Let go of the store, and of what still runs."""
        self._closed = True
        self._records.close()

    def _follow(self) -> None:
        while not self._closed:
            self._wake.wait(self._look)
            self._wake.clear()
            with self._lock:
                runs = list(self._followed)
            ended = [run for run in runs if _looked(run)]
            with self._lock:
                self._followed = [run for run in self._followed if run not in ended]
                if not self._followed:
                    self._follows = False
                    return


def _looked(run: "RemoteRun") -> bool:
    try:
        return run.look()
    except Exception:  # it must not end the watch over all others
        log.exception("what has become of %s is not known here", run.name)
        return False


def remote_runner(settings: Settings) -> RemoteRunner:
    """Return what starts remote runs: only in Redis there are queues, and records that several machines share."""
    if not on_redis(settings.store):
        return RemoteRunner(RUNNERS, NO_REDIS)
    from err_confirm.remote.queues import Queues  # noqa: PLC0415  # with it comes redis, which a bot on SQLite need not load

    records = JobRecords(settings.store, load_key(settings.key_file), settings.namespace)
    return RemoteRuns(records, Queues(settings.store, settings.namespace))


class RemoteRun:
    """A job that some worker is to do. Only its bot's one thread calls `look`."""

    def __init__(
        self, name: str, records: JobRecords, lease: float, wake: Callable[[], None], keep: Path | None
    ) -> None:
        self.name = name
        self._records = records
        self._lease = lease
        self._wake = wake
        self._keep = keep
        self._token = ""
        self._stop = ""
        self._outcome: Outcome | None = None
        self._ended = threading.Event()

    def wait(self, timeout: float) -> Outcome | None:
        """Return how it ended, or None if it has not after `timeout` seconds."""
        return self._outcome if self._ended.wait(timeout) else None

    def stop(self, error: str) -> None:
        """Have it stopped, or taken back if nobody has taken it; return at once. The first reason counts."""
        self._stop = self._stop or error
        self._wake()

    def look(self) -> bool:
        """See what has become of it, and do what is to be done; return whether it has ended."""
        try:
            job, now = self._records.read(self.name)
            if job is not None and self._attended(job, now) != job:
                job = self._records.change(self.name, self._attended)
            if job is None:
                raise ShelfError(f"the job {self.name}", "it is not there")
            self._outcome = job.outcome
        except StoreUnavailableError:
            return False  # the lease of its execution is not renewed either, which is logged
        except ShelfError as error:
            self._outcome = Outcome(error=str(error), lost=True)
        if self._outcome is None:
            return False
        self._records.forget(self.name)
        keeping = Keeping(self._keep)
        keeping.write(self._outcome.output.encode())
        keeping.close()
        self._ended.set()
        return True

    def _attended(self, job: JobRecord, now: float) -> JobRecord:
        """Return what is to become of the job; to whom it is granted is noted before that is written."""
        after = attended(job, now, token=self._token, stop=self._stop, lease=self._lease)
        if after.token and after.outcome is None:
            self._token = after.token
        return after
