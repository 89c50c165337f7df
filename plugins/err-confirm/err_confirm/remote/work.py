"""Do a job on a worker: ask for it, run what its execution says, show signs of life, tell how it ended."""

import logging
import re
import secrets
import threading
import time
from dataclasses import dataclass, replace
from functools import partial

from err_confirm.errors import JobError, RecordError, ShelfError, StartError, StoreError, StoreUnavailableError
from err_confirm.ids import ALPHABET, LENGTH
from err_confirm.journal.records import Records
from err_confirm.model.executions import Execution, State
from err_confirm.model.runs import LOOP_RUNNER, REMOTE_RUNNER, Invocation, Outcome
from err_confirm.remote.job_record import GRANTED_WITHIN, JobRecord, JobState, asked, beaten, ended, is_done_by
from err_confirm.remote.job_records import JobRecords
from err_confirm.runners import RUNNERS
from err_confirm.runners.base import Context, Running
from err_confirm.runners.loops import part
from err_confirm.runners.processes.orphans import no_orphans
from err_confirm.runners.remote_runner import carried
from err_confirm.store.base import Store
from err_confirm.transition.steps import LEASE

log = logging.getLogger(__name__)

BEAT = 1.0
"""Seconds between two signs of life; as often it is looked whether what runs is to be stopped."""
ASKED_EVERY = 0.1
"""Seconds between two looks whether it was."""
ALONE = LEASE - 5.0
"""Seconds after which a worker that reaches no store stops what it runs: before its bot gives it up."""
UNRENEWED = 5.0
"""Seconds after its lease for which an execution may still be renewed by a bot that did not reach the store either."""
TOLD_FOR = 600.0
"""Seconds for which a worker tries to tell how something ended."""
STOPPED = "stopped, because its worker was stopped"
MARK = "CONFIRM_JOB"
"""The variable by which what a job has started is known, see `runners/processes/orphans.py`."""
_NAME = re.compile(rf"(?P<id>[{ALPHABET}]{{{LENGTH}}})-(?P<fence>[0-9]{{1,6}})(?:\.(?P<place>[0-9]{{1,6}}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where a worker works: its name, the jobs, and the executions that they belong to; `halt` stops what it does.

    `alone` and `told_for` are seconds without the store, see ALONE and TOLD_FOR.
    """

    worker: str
    namespace: str
    jobs: JobRecords
    store: Store
    records: Records
    halt: threading.Event
    alone: float = ALONE
    told_for: float = TOLD_FOR

    def do(self, name: str) -> None:
        """Do a job, once. Raises JobError where it is not to be done, and StoreError where nobody can tell."""
        found = _NAME.fullmatch(name)
        if found is None:
            raise JobError(f"{name!r} is no job")
        work = _Work(name, found)
        self._execution(work)  # one that has ended is not asked for
        job = self._granted(work)
        with no_orphans(MARK, work.token):
            self._tell(work, self._outcome(work, job))

    def close(self) -> None:
        """Let go of the store."""
        self.jobs.close()
        self.store.close()

    def _granted(self, work: "_Work") -> JobRecord:
        """Return the job once its bot has granted it."""
        job = self.jobs.change(work.name, partial(asked, worker=self.worker, token=work.token))
        deadline = time.monotonic() + GRANTED_WITHIN
        while job is not None and job.token == work.token and job.state is JobState.ASKED:
            if time.monotonic() > deadline or self.halt.wait(ASKED_EVERY):
                raise JobError(f"no bot has granted the job {work.name}, or this worker is to end")
            self._execution(work)
            job, _ = self.jobs.read(work.name)
        if job is None or not is_done_by(job, work.token):
            raise JobError(f"the job {work.name} is not to be had ({job.state if job else 'there is none'})")
        return job

    def _outcome(self, work: "_Work", job: JobRecord) -> Outcome:
        try:
            execution, _ = self._execution(work)
            inner = carried(work.invocation(execution, job.digest))
            running = RUNNERS[inner.runner].start(inner, Context(name=work.name, told={**job.told, MARK: work.token}))
        except (StartError, JobError, RecordError) as error:
            return Outcome(error=f"{error} (on the worker {self.worker})")
        return self._watched(work, running)

    def _watched(self, work: "_Work", running: Running) -> Outcome:
        """Show signs of life, and stop it where it must not go on; return how it ended."""
        reached = time.monotonic()
        while (outcome := running.wait(BEAT)) is None:
            looked = time.monotonic()
            try:
                why = self._looked(work)
                reached = looked
            except StoreUnavailableError as error:
                log.warning("%s: %s", work.name, error)
                why = f"stopped, because its worker has not reached the store for {self.alone:g} s"
                why = why if looked - reached >= self.alone else ""
            except (JobError, StoreError) as error:
                why = f"stopped: {error}"
            if self.halt.is_set():
                why = why or STOPPED
            if why:
                running.stop(why)
        if self.halt.is_set() and not outcome.succeeded and not outcome.aborted:  # who ends all, asks it itself, too
            return replace(outcome, exit_code=None, error=STOPPED, aborted=True)
        return outcome

    def _looked(self, work: "_Work") -> str:
        """Show a sign of life; return why it must not go on, nothing if it may."""
        job = self.jobs.change(work.name, partial(beaten, token=work.token))
        if job is None or not is_done_by(job, work.token):
            return "stopped, because its bot has given it up"
        execution, now = self._execution(work)
        if execution.lease_until is None or now >= execution.lease_until + UNRENEWED:
            return "stopped, because its bot is gone"
        return job.stop

    def _execution(self, work: "_Work") -> tuple[Execution, float]:
        """Return the execution as long as it runs and is the one that the job was made for. Raises JobError."""
        record, now = self.store.read(work.execution_id)
        execution = None if record is None else self.records.read(record)
        if execution is None or execution.state is not State.RUNNING or execution.fence != work.fence:
            raise JobError(f"{work.execution_id} does not run any more, or was started again")
        return execution, now

    def _tell(self, work: "_Work", outcome: Outcome) -> None:
        """Write how it ended, until the store takes it; its bot may have given it up meanwhile."""
        deadline = time.monotonic() + self.told_for
        while True:
            try:
                job = self.jobs.change(work.name, partial(ended, token=work.token, outcome=outcome))
            except StoreUnavailableError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(BEAT)
            except ShelfError as error:
                raise JobError(f"how {work.name} ended cannot be told: {error}") from error
            else:
                if job is None or job.state is not JobState.ENDED:
                    raise JobError(f"nobody wants to know any more how {work.name} ended: {outcome.error}")
                return


class _Work:
    """A job of which this process has heard, by its name; nobody else knows its token."""

    def __init__(self, name: str, found: re.Match[str]) -> None:
        self.name = name
        self.token = secrets.token_hex(16)
        self.execution_id = found["id"]
        self.fence = int(found["fence"])
        self._place = None if found["place"] is None else int(found["place"])

    def invocation(self, execution: Execution, digest: str) -> Invocation:
        """Return what the execution says that runs here, which must be what was offered. Raises JobError."""
        runs = execution.runs
        if runs.runner == LOOP_RUNNER and self._place is not None and self._place < len(runs.spec["each"]):
            runs = part(runs.spec, self._place)
        if runs.runner != REMOTE_RUNNER or runs.digest != digest:
            raise JobError(f"{self.execution_id} runs something else than {self.name} was offered for")
        return runs
