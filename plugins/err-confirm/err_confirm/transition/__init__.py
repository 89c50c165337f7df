"""Say what may happen next to an execution: the one state machine, pure, with no clock of its own."""

import math
from dataclasses import replace
from typing import assert_never

from err_confirm.model.executions import Execution, Notice, State
from err_confirm.model.runs import PartState, bound
from err_confirm.policy import met_until
from err_confirm.policy.seating import NOBODY, Roster
from err_confirm.policy.times import frozen
from err_confirm.transition.answering import answer
from err_confirm.transition.events import (
    Abort,
    Advance,
    Answer,
    Cancel,
    Doubt,
    Event,
    Expire,
    Finish,
    Posted,
    Progress,
    Read,
    Reason,
    Renew,
    Told,
)
from err_confirm.transition.running import abort, left_over, may_run_again, starting
from err_confirm.transition.steps import (
    KEEP,
    LEASE,
    MOST_SEEN,
    Already,
    Decision,
    Refusal,
    call_people,
    current_stage,
    end,
    run_by,
    step,
    tell_again,
    too_late,
)

TOO_LATE = "no bot could start it in time"


def transition(execution: Execution, event: Event, now: float, roster: Roster = NOBODY) -> Decision:
    """Decide what an event does to an execution.

    Args:
        execution: as the store has it.
        event: what somebody wants.
        now: the store's clock when it was read, in seconds since 1970.
        roster: who is in the groups of its policy at that moment.
    """
    match event:
        case Posted():
            return _posted(execution, now)
        case Answer():
            return answer(execution, event, now, roster)
        case Cancel():
            return _cancel(execution, event, now)
        case Read():
            return _read(execution, event, now)
        case Abort():
            return abort(execution, event, now, roster)
        case Advance():
            return _advance(execution, event, now, roster)
        case Expire():
            return _expire(execution, event, now)
        case Doubt():
            return _doubt(execution, event, now)
        case Renew() | Progress():
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
            tell_after = math.inf if execution.tell_after is None else execution.tell_after
            return min(execution.expires_at, tell_after, *_calls(execution).values())
        case State.APPROVED:
            return execution.approved_at
        case State.RUNNING:
            return execution.lease_until
        case _:
            return execution.tell_after


def keep_until(execution: Execution) -> float | None:
    """Return when the record may be forgotten; None while the execution has not ended."""
    return None if execution.ended_at is None else execution.ended_at + KEEP


def _posted(execution: Execution, now: float) -> Decision:
    if execution.state is not State.PENDING:
        return Already(execution)
    if now >= execution.expires_at:
        return Refusal(Reason.EXPIRED, execution)
    if execution.posted:
        return Already(execution)
    if execution.policy is None:
        return step(replace(execution, posted=True, state=State.APPROVED, approved_at=now), now)
    if execution.stage or execution.ask_again_at is not None:  # people were faster than the note that it is posted
        return step(replace(execution, posted=True), now)
    until = now + current_stage(execution).within
    return step(replace(execution, posted=True, stage_at=now, expires_at=until), now)


def _calls(execution: Execution) -> dict[Notice, float]:
    """Return for what people are to be called next while it waits, and when."""
    if not execution.posted or execution.policy is None:
        return {}
    if execution.ask_again_at is not None:
        return {Notice.AGAIN: execution.ask_again_at}
    stage, moments = current_stage(execution), {}
    if stage.escalate_after and stage.escalate_to and execution.stage not in execution.escalated:
        moments[Notice.ESCALATION] = execution.stage_at + stage.escalate_after
    if stage.remind and not execution.reminded:
        moments[Notice.REMINDER] = execution.expires_at - stage.remind
    return moments


def _waits(execution: Execution, now: float) -> Decision:
    """Do what is due while it waits; at its deadline, end it."""
    if now >= execution.expires_at:
        return end(execution, now, State.EXPIRED)
    for notice, moment in _calls(execution).items():
        if now >= moment:
            called = call_people(_noting(execution, notice, moment), notice, now)
            return step(called, now, before=execution.expires_at)
    if execution.tell_after is not None and now >= execution.tell_after:
        return step(tell_again(execution, now), now)
    return Refusal(Reason.NOT_YET, execution)


def _noting(execution: Execution, notice: Notice, moment: float) -> Execution:
    """Note that people are called for something that was due at a moment, so that it is not due once more."""
    match notice:
        case Notice.AGAIN:
            return replace(execution, ask_again_at=None, stage_at=moment)
        case Notice.ESCALATION:
            return replace(execution, escalated=(*execution.escalated, execution.stage))
    return replace(execution, reminded=True)


def _cancel(execution: Execution, event: Cancel, now: float) -> Decision:
    if event.person != execution.requester:
        return Refusal(Reason.NOT_REQUESTER, execution)
    if execution.state is State.CANCELED:
        return Already(execution)
    if execution.state not in (State.PENDING, State.APPROVED):
        return Refusal(too_late(execution), execution)
    return end(replace(execution, decided_by=event.person, reason=event.reason), now, State.CANCELED)


def _read(execution: Execution, event: Read, now: float) -> Decision:
    """Note that somebody has seen all of it; only what the prompt could not show whole asks for that."""
    waits = execution.state is State.PENDING and now < execution.expires_at
    if not execution.conduct.cut or not waits or event.person in execution.readers:
        return Already(execution)
    readers = (*execution.readers, event.person)[-MOST_SEEN:]
    return step(replace(execution, readers=readers), now, before=execution.expires_at)


def _advance(execution: Execution, event: Advance, now: float, roster: Roster) -> Decision:
    match execution.state:
        case State.PENDING:
            return _waits(execution, now)
        case State.APPROVED:
            return _claim(execution, event, now, roster)
        case State.RUNNING:
            if now >= (execution.lease_until or 0.0):
                again = may_run_again(execution, now)
                return _run_again(execution, event.process, now) if again else end(execution, now, State.LOST)
            return Already(execution) if execution.process == event.process else Refusal(Reason.RUNNING, execution)
        case _:
            return _tell_again(execution, now)


def _claim(execution: Execution, event: Advance, now: float, roster: Roster) -> Decision:
    """Count again, at this moment; the one way from approved to running."""
    latest = run_by(execution)
    until = met_until(execution, now, roster)
    parts = starting(execution, event.gone)
    if not _is_bound(execution):
        return end(replace(execution, reason="what would run is not what was shown"), now, State.EXPIRED)
    if now >= latest:
        return end(replace(execution, reason=TOO_LATE), now, State.EXPIRED)
    if until is None:
        return end(replace(execution, reason="the confirmation no longer counted"), now, State.EXPIRED)
    if freeze := frozen(execution.policy.freezes if execution.policy else (), now):
        return end(replace(execution, reason=freeze.reason), now, State.EXPIRED)
    if parts and all(part.state is PartState.GONE for part in parts):
        return end(replace(execution, reason="none of its targets is there any more"), now, State.EXPIRED)
    claimed = replace(_running(execution, event.process, now), started_at=now, parts=parts)
    return step(claimed, now, before=min(latest, until))


def _run_again(execution: Execution, process: str, now: float) -> Decision:
    """Start once more what was lost and may be, under a higher fence; whoever ran it before has nothing to say now."""
    if not _is_bound(execution):
        return end(replace(execution, reason="what would run is not what was shown"), now, State.LOST)
    if freeze := frozen(execution.policy.freezes if execution.policy else (), now):
        return end(replace(execution, reason=freeze.reason), now, State.LOST)
    return step(replace(_running(execution, process, now), parts=left_over(execution.parts)), now)


def _running(execution: Execution, process: str, now: float) -> Execution:
    fence = execution.fence + 1
    return replace(execution, state=State.RUNNING, fence=fence, process=process, lease_until=now + LEASE)


def _is_bound(execution: Execution) -> bool:
    return bound(execution.invocation, execution.others, execution.conduct) == execution.digest


def _tell_again(execution: Execution, now: float) -> Decision:
    """Let one process tell an end that was perhaps never told: whoever was to tell it has had its time."""
    if execution.tell_after is None or now < execution.tell_after:
        return Refusal(Reason.ENDED, execution)
    return step(tell_again(execution, now), now)


def _told(execution: Execution, event: Told, now: float) -> Decision:
    known = event.notice in execution.untold.values() if event.notice else not execution.untold
    if execution.state is not event.state or not known or execution.tell_after is None:
        return Already(execution)  # also where a late report has corrected `lost`: that one is told apart
    left = {notice: number for notice, number in execution.untold.items() if number != event.notice}
    return step(replace(execution, untold=left, tell_after=execution.tell_after if left else None), now)


def _expire(execution: Execution, event: Expire, now: float) -> Decision:
    if execution.state is State.APPROVED and event.expires_at == run_by(execution):
        return end(replace(execution, reason=TOO_LATE), now, State.EXPIRED)
    if execution.state is not State.PENDING:
        return Refusal(too_late(execution), execution)
    if event.expires_at != execution.expires_at:  # it was given more time meanwhile
        return Refusal(Reason.NOT_YET, execution)
    return end(execution, now, State.EXPIRED)


def _doubt(execution: Execution, event: Doubt, now: float) -> Decision:
    if execution.state is State.RUNNING and now >= (execution.lease_until or 0.0):
        return end(replace(execution, reason=event.reason), now, State.LOST)
    if execution.state is not State.APPROVED:
        return Refusal(too_late(execution), execution)
    return end(replace(execution, reason=event.reason), now, State.EXPIRED)


def _renew(execution: Execution, event: Renew | Progress, now: float) -> Decision:
    if execution.state is not State.RUNNING or not _is_of(execution, event):
        return Refusal(Reason.STALE, execution)
    parts = event.parts if isinstance(event, Progress) else execution.parts
    return step(replace(execution, lease_until=now + LEASE, parts=parts), now)


def _finish(execution: Execution, event: Finish, now: float) -> Decision:
    """Take the report of the process that ran it, also when it had been given up for lost."""
    if not _is_of(execution, event):
        return Refusal(Reason.STALE, execution)
    if execution.state not in (State.RUNNING, State.LOST):
        return Already(execution)
    outcome = event.outcome
    reported = replace(execution, parts=outcome.parts or execution.parts)
    if outcome.lost:
        return _give_up(reported, outcome.error, now)
    state = State.ABORTED if outcome.aborted else State.SUCCEEDED if outcome.succeeded else State.FAILED
    return end(replace(reported, outcome=replace(outcome, parts=())), now, state)


def _give_up(execution: Execution, why: str, now: float) -> Decision:
    """End what was lost by whoever ran it for its process; what may be started again is due at once."""
    if execution.state is State.LOST:
        return Already(execution)
    if not may_run_again(execution, now):
        return end(replace(execution, reason=why), now, State.LOST)
    return step(replace(execution, lease_until=now), now)


def _is_of(execution: Execution, event: Renew | Progress | Finish) -> bool:
    """Tell whether an event is of the process and the claim that run this execution, or ran it last."""
    return (execution.process, execution.fence) == (event.process, event.fence)
