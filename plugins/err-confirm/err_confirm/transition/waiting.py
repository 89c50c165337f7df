"""Say what becomes of an execution while it waits: when its time begins and ends, and when people are called."""

from dataclasses import replace

from err_confirm.model.executions import Execution, Notice, State
from err_confirm.transition.events import Expire, Read, Reason
from err_confirm.transition.steps import (
    MOST_SEEN,
    NOT_STARTED,
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


def posted(execution: Execution, now: float) -> Decision:
    """Let its time begin; what needs no answer is approved."""
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


def calls(execution: Execution) -> dict[Notice, float]:
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


def wait(execution: Execution, now: float) -> Decision:
    """Do what is due while it waits; at its deadline, end it."""
    if now >= execution.expires_at:
        return end(execution, now, State.EXPIRED)
    for notice, moment in calls(execution).items():
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


def read(execution: Execution, event: Read, now: float) -> Decision:
    """Note that somebody has seen all of it; only what the prompt could not show whole asks for that."""
    waits = execution.state is State.PENDING and now < execution.expires_at
    if not execution.conduct.cut or not waits or event.person in execution.readers:
        return Already(execution)
    readers = (*execution.readers, event.person)[-MOST_SEEN:]
    return step(replace(execution, readers=readers), now, before=execution.expires_at)


def expire(execution: Execution, event: Expire, now: float) -> Decision:
    """End it, as its time is over by the clock of whoever posted it."""
    if execution.state is State.APPROVED and event.expires_at == run_by(execution):
        return end(replace(execution, reason=NOT_STARTED), now, State.EXPIRED)
    if execution.state is not State.PENDING:
        return Refusal(too_late(execution), execution)
    if event.expires_at != execution.expires_at:  # it was given more time meanwhile
        return Refusal(Reason.NOT_YET, execution)
    return end(execution, now, State.EXPIRED)
