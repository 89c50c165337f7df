"""Say what may happen next to an execution: the one state machine, pure, with no clock of its own."""

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from err_confirm.model import Execution, Outcome, State, Verdict, Vote
from err_confirm.policy import may, met_until, proves

RUN_WITHIN = 60.0
"""Seconds in which an approved execution must be claimed; later it expires."""
LEASE = 30.0
"""Seconds after which a running execution whose process has not renewed its claim is lost."""
LATEST_WRITE = 5.0
"""Seconds after the decision in which a step may still be written; a swap that arrives later does nothing."""
TELL_AGAIN = 30.0
"""Seconds after which an end that nobody has noted as told may be told by any process; doubled with each attempt."""
TELL_AGAIN_AT_MOST = 600.0
KEEP = 86_400.0
"""Seconds for which an ended execution is kept."""


@dataclass(frozen=True, slots=True)
class Posted:
    """The prompt has really been posted: the deadline starts; what needs no prompt may run."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A person confirms or denies; `identity` and `room` say from where."""

    person: str
    verdict: Verdict
    reason: str = ""
    identity: str = ""
    room: str = ""


@dataclass(frozen=True, slots=True)
class Cancel:
    """The requester takes the request back; `identity` and `room` say from where."""

    person: str
    reason: str = ""
    identity: str = ""
    room: str = ""


@dataclass(frozen=True, slots=True)
class Advance:
    """A process asks for what time and votes allow: to run, expire, or give up an execution, or to tell its end."""

    process: str


@dataclass(frozen=True, slots=True)
class Expire:
    """It has waited its whole time by the clock of a process, whatever the store's clock says."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """What must vouch for an approved execution cannot, so it must not run."""

    reason: str


@dataclass(frozen=True, slots=True)
class Renew:
    """The process that runs it still does."""

    process: str
    fence: int


@dataclass(frozen=True, slots=True)
class Finish:
    """The process that ran it reports how it ended."""

    process: str
    fence: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Told:
    """The room has been told that it ended in this state."""

    state: State


Event = Posted | Answer | Cancel | Advance | Expire | Doubt | Renew | Finish | Told


class Reason(StrEnum):
    """Why an event changes nothing."""

    UNKNOWN = "unknown"
    EXPIRED = "expired"
    DECIDED = "decided"
    RUNNING = "running"
    ENDED = "ended"
    NOT_YOURS = "not_yours"
    UNPROVEN = "unproven"
    NOT_REQUESTER = "not_requester"
    NOT_YET = "not_yet"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Step:
    """The execution as it should become, and the window of store time in which that may be written."""

    execution: Execution
    not_before: float
    not_after: float


@dataclass(frozen=True, slots=True)
class Already:
    """This very thing has been done before: a success without a change."""

    execution: Execution


@dataclass(frozen=True, slots=True)
class Refusal:
    """It may not happen; `execution` is None when there is none."""

    reason: Reason
    execution: Execution | None = None


Decision = Step | Already | Refusal


def transition(execution: Execution, event: Event, now: float) -> Decision:
    """Decide what an event does to an execution.

    Args:
        execution: as the store has it.
        event: what somebody wants.
        now: the store's clock when it was read, in seconds since 1970.
    """
    match event:
        case Posted():
            return _posted(execution, now)
        case Answer():
            return _answer(execution, event, now)
        case Cancel():
            return _cancel(execution, event, now)
        case Advance():
            return _advance(execution, event, now)
        case Expire():
            return _expire(execution, now)
        case Doubt():
            return _doubt(execution, event, now)
        case Renew():
            return _renew(execution, event, now)
        case Finish():
            return _finish(execution, event, now)
        case Told():
            return _told(execution, event, now)
        case _:
            assert_never(event)


def due_at(execution: Execution) -> float | None:
    """Return the next moment at which an execution must be looked at; None if never."""
    match execution.state:
        case State.PENDING:
            return execution.expires_at
        case State.APPROVED:
            return execution.approved_at
        case State.RUNNING:
            return execution.lease_until
        case _:
            return execution.tell_after


def keep_until(execution: Execution) -> float | None:
    """Return when the record may be forgotten; None while the execution has not ended."""
    return None if execution.ended_at is None else execution.ended_at + KEEP


def _step(changed: Execution, now: float, *, before: float = math.inf) -> Step:
    return Step(replace(changed, version=changed.version + 1), now, min(before, now + LATEST_WRITE))


def _end(changed: Execution, now: float, state: State, *, before: float = math.inf) -> Step:
    ended = replace(changed, state=state, ended_at=now, tell_after=now + TELL_AGAIN, tells=1)
    return _step(ended, now, before=before)


def _posted(execution: Execution, now: float) -> Decision:
    if execution.state is not State.PENDING:
        return Already(execution)
    if now >= execution.expires_at:
        return Refusal(Reason.EXPIRED, execution)
    if execution.posted:
        return Already(execution)
    if execution.policy is None:
        return _step(replace(execution, posted=True, state=State.APPROVED, approved_at=now), now)
    return _step(replace(execution, posted=True, expires_at=now + execution.policy.within), now)


def _answer(execution: Execution, event: Answer, now: float) -> Decision:
    policy = execution.policy
    if policy is None:
        return Refusal(_too_late(execution), execution)
    own = next((vote for vote in execution.votes if vote.person == event.person), None)
    if own is not None and own.verdict is event.verdict and _stands(execution, own, now):
        return Already(execution)
    deny = event.verdict is Verdict.DENY
    open_until = _open_until(execution, deny=deny)
    if open_until is None:
        return Refusal(_too_late(execution), execution)
    if now >= open_until:
        return Refusal(Reason.EXPIRED, execution)
    if not may(policy.deny_by if deny else policy.by, event.person, execution.requester):
        return Refusal(Reason.NOT_YOURS, execution)
    if not deny and not proves(policy.by, event.person, execution.requester):
        return Refusal(Reason.UNPROVEN, execution)
    vote = Vote(
        person=event.person,
        verdict=event.verdict,
        at=now,
        expires_at=now + policy.within,
        digest=execution.digest,
        reason=event.reason,
        identity=event.identity,
        room=event.room,
    )
    votes = (*(other for other in execution.votes if other.person != event.person), vote)
    voted = replace(execution, votes=votes)
    if not deny and met_until(voted, now) is None:
        return _step(voted, now, before=open_until)
    decided = replace(voted, decided_by=event.person, reason=event.reason)
    if deny:
        return _end(decided, now, State.DENIED, before=open_until)
    return _step(replace(decided, state=State.APPROVED, approved_at=now), now, before=open_until)


def _stands(execution: Execution, vote: Vote, now: float) -> bool:
    """Tell whether saying this vote again would say nothing new."""
    if vote.verdict is Verdict.DENY:
        return execution.state is State.DENIED
    if execution.state is State.PENDING:
        return now < vote.expires_at
    return execution.state not in (State.DENIED, State.EXPIRED, State.CANCELED)


def _open_until(execution: Execution, *, deny: bool) -> float | None:
    """Return until when an answer is taken; None if it no longer is. What is approved can still be denied."""
    if execution.state is State.PENDING:
        return execution.expires_at
    if execution.state is State.APPROVED and deny:
        return _run_by(execution)
    return None


def _too_late(execution: Execution) -> Reason:
    match execution.state:
        case State.EXPIRED:
            return Reason.EXPIRED
        case State.RUNNING:
            return Reason.RUNNING
        case State.SUCCEEDED | State.FAILED | State.ABORTED | State.LOST:
            return Reason.ENDED
        case _:
            return Reason.DECIDED


def _cancel(execution: Execution, event: Cancel, now: float) -> Decision:
    if event.person != execution.requester:
        return Refusal(Reason.NOT_REQUESTER, execution)
    if execution.state is State.CANCELED:
        return Already(execution)
    if execution.state not in (State.PENDING, State.APPROVED):
        return Refusal(_too_late(execution), execution)
    return _end(replace(execution, decided_by=event.person, reason=event.reason), now, State.CANCELED)


def _run_by(execution: Execution) -> float:
    return (execution.approved_at or 0.0) + RUN_WITHIN


def _advance(execution: Execution, event: Advance, now: float) -> Decision:
    match execution.state:
        case State.PENDING:
            if now < execution.expires_at:
                return Refusal(Reason.NOT_YET, execution)
            return _end(execution, now, State.EXPIRED)
        case State.APPROVED:
            return _claim(execution, event.process, now)
        case State.RUNNING:
            if now >= (execution.lease_until or 0.0):
                return _end(execution, now, State.LOST)
            return Already(execution) if execution.process == event.process else Refusal(Reason.RUNNING, execution)
        case _:
            return _tell_again(execution, now)


def _claim(execution: Execution, process: str, now: float) -> Decision:
    """Count again, at this moment; the one way from approved to running."""
    run_by = _run_by(execution)
    met = met_until(execution, now)
    if execution.invocation.digest != execution.digest:
        return _end(replace(execution, reason="what would run is not what was shown"), now, State.EXPIRED)
    if now >= run_by:
        return _end(replace(execution, reason="no bot could start it in time"), now, State.EXPIRED)
    if met is None:
        return _end(replace(execution, reason="the confirmation no longer counted"), now, State.EXPIRED)
    claimed = replace(
        execution,
        state=State.RUNNING,
        fence=execution.fence + 1,
        process=process,
        lease_until=now + LEASE,
        started_at=now,
    )
    return _step(claimed, now, before=min(run_by, met))


def _tell_again(execution: Execution, now: float) -> Decision:
    """Let one process tell an end that was perhaps never told: whoever was to tell it has had its time."""
    if execution.tell_after is None or now < execution.tell_after:
        return Refusal(Reason.ENDED, execution)
    pause = min(TELL_AGAIN * 2**execution.tells, TELL_AGAIN_AT_MOST)
    return _step(replace(execution, tell_after=now + pause, tells=execution.tells + 1), now)


def _told(execution: Execution, event: Told, now: float) -> Decision:
    if execution.state is not event.state or execution.tell_after is None:
        return Already(execution)  # also where a late report has corrected `lost`: that one is told apart
    return _step(replace(execution, tell_after=None), now)


def _expire(execution: Execution, now: float) -> Decision:
    if execution.state is not State.PENDING:
        return Refusal(_too_late(execution), execution)
    return _end(execution, now, State.EXPIRED)


def _doubt(execution: Execution, event: Doubt, now: float) -> Decision:
    if execution.state is not State.APPROVED:
        return Refusal(_too_late(execution), execution)
    return _end(replace(execution, reason=event.reason), now, State.EXPIRED)


def _renew(execution: Execution, event: Renew, now: float) -> Decision:
    if execution.state is not State.RUNNING or not _is_of(execution, event):
        return Refusal(Reason.STALE, execution)
    return _step(replace(execution, lease_until=now + LEASE), now)


def _finish(execution: Execution, event: Finish, now: float) -> Decision:
    """Take the report of the process that ran it, also when it had been given up for lost."""
    if not _is_of(execution, event):
        return Refusal(Reason.STALE, execution)
    if execution.state not in (State.RUNNING, State.LOST):
        return Already(execution)
    outcome = event.outcome
    state = State.ABORTED if outcome.aborted else State.SUCCEEDED if outcome.succeeded else State.FAILED
    return _end(replace(execution, outcome=outcome), now, state)


def _is_of(execution: Execution, event: Renew | Finish) -> bool:
    """Tell whether an event is of the process and the claim that run this execution, or ran it last."""
    return (execution.process, execution.fence) == (event.process, event.fence)
