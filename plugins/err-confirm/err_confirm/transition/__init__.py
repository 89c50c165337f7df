"""Say what may happen next to an execution: the one state machine, pure, with no clock of its own."""

import math
from dataclasses import replace
from typing import assert_never

from err_confirm.model.executions import Execution, State
from err_confirm.policy.seating import NOBODY, Roster
from err_confirm.transition.answering import answer
from err_confirm.transition.claiming import claim, run_again
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
from err_confirm.transition.running import abort, finish, may_run_again, renew
from err_confirm.transition.steps import KEEP, Already, Decision, Refusal, end, step, tell_again, too_late
from err_confirm.transition.waiting import calls, expire, posted, read, wait


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
            return posted(execution, now)
        case Answer():
            return answer(execution, event, now, roster)
        case Cancel():
            return _cancel(execution, event, now)
        case Read():
            return read(execution, event, now)
        case Abort():
            return abort(execution, event, now, roster)
        case Advance():
            return _advance(execution, event, now, roster)
        case Expire():
            return expire(execution, event, now)
        case Doubt():
            return _doubt(execution, event, now)
        case Renew() | Progress():
            return renew(execution, event, now)
        case Finish():
            return finish(execution, event, now)
        case Told():
            return _told(execution, event, now)
        case _:
            assert_never(event)


def due_at(execution: Execution) -> float | None:
    """Return the next moment at which an execution must be looked at; None if never."""
    match execution.state:
        case State.PENDING:
            tell_after = math.inf if execution.tell_after is None else execution.tell_after
            return min(execution.expires_at, tell_after, *calls(execution).values())
        case State.APPROVED:
            return execution.approved_at
        case State.RUNNING:
            return execution.lease_until
        case _:
            return execution.tell_after


def keep_until(execution: Execution) -> float | None:
    """Return when the record may be forgotten; None while the execution has not ended."""
    return None if execution.ended_at is None else execution.ended_at + KEEP


def _cancel(execution: Execution, event: Cancel, now: float) -> Decision:
    if event.person != execution.requester:
        return Refusal(Reason.NOT_REQUESTER, execution)
    if execution.state is State.CANCELED:
        return Already(execution)
    if execution.state not in (State.PENDING, State.APPROVED):
        return Refusal(too_late(execution), execution)
    return end(replace(execution, decided_by=event.person, reason=event.reason), now, State.CANCELED)


def _advance(execution: Execution, event: Advance, now: float, roster: Roster) -> Decision:
    match execution.state:
        case State.PENDING:
            return wait(execution, now)
        case State.APPROVED:
            return claim(execution, event, now, roster)
        case State.RUNNING:
            if now >= (execution.lease_until or 0.0):
                again = may_run_again(execution, now)
                return run_again(execution, event.process, now) if again else end(execution, now, State.LOST)
            return Already(execution) if execution.process == event.process else Refusal(Reason.RUNNING, execution)
        case _:
            return _tell_again(execution, now)


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


def _doubt(execution: Execution, event: Doubt, now: float) -> Decision:
    if execution.state is State.RUNNING and now >= (execution.lease_until or 0.0):
        return end(replace(execution, reason=event.reason), now, State.LOST)
    if execution.state is not State.APPROVED:
        return Refusal(too_late(execution), execution)
    return end(replace(execution, reason=event.reason), now, State.EXPIRED)
