"""Say what may become of a job: what a bot offers to the workers of a queue, and one of them does.

A worker asks for what is offered, and begins when the bot that offered it has granted it. So a job that a queue brings
twice, or whose record somebody puts back, is done at most once, and never without a bot that waits for it: only that
one grants, once, and knows to whom.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from err_confirm.durations import format_duration
from err_confirm.model.runs import Outcome

WORKER_CLASS = "err_confirm.worker.Worker"
"""What RQ's command must be told, so that a worker does our jobs, and nothing else."""

GRANTED_WITHIN = 10.0
"""Seconds within which the bot must have granted what was asked for; else who asked waits for it no longer."""


class JobState(StrEnum):
    """Where a job is. A bot that wants no more of it has given it up."""

    OFFERED = "offered"
    ASKED = "asked"
    GRANTED = "granted"
    ENDED = "ended"
    GIVEN_UP = "given up"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """What bot and worker tell each other about a job.

    `digest` is that of the invocation, which the worker reads elsewhere; `told` are the variables of its run. `by` is
    the moment by which a worker must have taken it, `beat` that worker's last sign of life: both on the store's clock.
    Nobody but the process that does it knows its `token`. `stop` says why it is to be stopped.
    """

    queue: str
    digest: str
    told: Mapping[str, str]
    within: float
    by: float
    state: JobState = JobState.OFFERED
    worker: str = ""
    token: str = ""
    beat: float = 0.0
    stop: str = ""
    outcome: Outcome | None = None


def how_to_start(queue: str) -> str:
    """Return the command that starts a worker of a queue."""
    return f"rq worker -w {WORKER_CLASS} {queue}"


def asked(job: JobRecord, now: float, *, worker: str, token: str) -> JobRecord:
    """Return a job for which a worker asks; one that is not to be had as it is."""
    if job.state is not JobState.OFFERED or now >= job.by:
        return job
    return replace(job, state=JobState.ASKED, worker=worker, token=token, beat=now)


def is_done_by(job: JobRecord | None, token: str) -> bool:
    """Tell whether a worker's process may do a job, or go on with it."""
    return job is not None and job.state is JobState.GRANTED and job.token == token


def beaten(job: JobRecord, now: float, token: str) -> JobRecord:
    """Return a job with a sign of life of who does it."""
    return replace(job, beat=now) if is_done_by(job, token) else job


def ended(job: JobRecord, _: float, token: str, outcome: Outcome) -> JobRecord:
    """Return a job with how it ended, told by who did it."""
    return replace(job, state=JobState.ENDED, outcome=outcome) if is_done_by(job, token) else job


def attended(job: JobRecord, now: float, *, token: str, stop: str, lease: float) -> JobRecord:
    """Return what its bot makes of a job: it is granted, stopped or given up, or goes on as it is.

    Args:
        job: as the store has it.
        now: the store's clock.
        token: to whom this bot has granted it, nothing if to nobody.
        stop: why it is to be stopped, nothing if it may go on.
        lease: for how many seconds a worker may show no sign of life.
    """
    if job.outcome is not None:
        return job
    match job.state:
        case JobState.OFFERED if stop:
            return given_up(job, Outcome(error=stop, aborted=True))
        case JobState.OFFERED if now >= job.by:
            return given_up(job, Outcome(error=_nobody(job)))
        case JobState.OFFERED:
            return job
        case _ if token and job.token != token:
            return given_up(job, _lost("the store says that another worker has it, whom nobody has given it"))
        case JobState.ASKED if not token and now - job.beat >= GRANTED_WITHIN:  # so nobody has ever begun it
            return given_up(job, Outcome(error=_gone(job)))
        case _ if now - job.beat >= lease:
            return given_up(job, _lost(f"the worker {job.worker} is gone"))
        case JobState.ASKED if stop:
            return given_up(job, Outcome(error=stop, aborted=True))
        case JobState.ASKED:
            return replace(job, state=JobState.GRANTED, beat=now)
        case JobState.GRANTED if stop and not job.stop:
            return replace(job, stop=stop)
    return job


def given_up(job: JobRecord, outcome: Outcome) -> JobRecord:
    """Return a job that nobody may do any more, and what that comes to."""
    return replace(job, state=JobState.GIVEN_UP, outcome=outcome)


def _lost(why: str) -> Outcome:
    return Outcome(error=why, lost=True)


def _gone(job: JobRecord) -> str:
    return f"the worker {job.worker} asked for it, and was gone before its bot could answer; it was not begun"


def _nobody(job: JobRecord) -> str:
    within = format_duration(job.within)
    return f'no worker of the queue "{job.queue}" took it within {within}; start one: {how_to_start(job.queue)}'
