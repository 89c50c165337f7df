"""What becomes of an execution: a step and when it may be written, or why there is none; and how long all may take."""

import math
from dataclasses import dataclass, replace

from err_confirm.model.executions import Execution, Notice, State
from err_confirm.model.policies import Stage
from err_confirm.transition.events import Reason

RUN_WITHIN = 60.0
"""Seconds in which an approved execution must be claimed; later it expires."""
NOT_STARTED = "no bot could start it in time"
"""Why it then expires."""
RUN_AGAIN_WITHIN = 3_600.0
"""Seconds after its first start in which what was lost may be started again, where its action allows it."""
LEASE = 30.0
"""Seconds after which a running execution whose process has not renewed its claim is lost."""
LATEST_WRITE = 5.0
"""Seconds after the decision in which a step may still be written; a swap that arrives later does nothing."""
TELL_AGAIN = 30.0
"""Seconds after which an end that nobody has noted as told may be told by any process; doubled with each attempt."""
TELL_AGAIN_AT_MOST = 600.0
LONGEST_LIFE = 7 * 86_400.0
"""Seconds after which nothing can be snoozed any more."""
MOST_SEEN = 200
"""How many messages that have answered are remembered."""
KEEP = 86_400.0
"""Seconds for which an ended execution is kept."""


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


def step(changed: Execution, now: float, *, before: float = math.inf) -> Step:
    """Return the step to a changed execution, which may be written for a short time, and only `before` a moment."""
    return Step(replace(changed, version=changed.version + 1), now, min(before, now + LATEST_WRITE))


def end(changed: Execution, now: float, state: State, *, before: float = math.inf) -> Step:
    """Return the step that ends an execution in a state; until that is noted as told, it is told again."""
    ended = replace(changed, state=state, ended_at=now, untold={}, tell_after=now + TELL_AGAIN, tells=1)
    return step(ended, now, before=before)


def noticed(execution: Execution, notice: Notice, by: str = "") -> Execution:
    """Return an execution of which something is to be said for the first time, which somebody has caused."""
    tells = min(execution.tells, 1)
    return replace(execution, notice=notice, notice_by=by, notices=execution.notices + 1, tells=tells)


def call_people(execution: Execution, notice: Notice, now: float, by: str = "") -> Execution:
    """Return an execution of which something must be said: until it is noted as said, it is said again.

    A new prompt says all that was still to be said before.
    """
    called = noticed(execution, notice, by)
    before = {} if notice in (Notice.STAGE, Notice.AGAIN) else execution.untold
    return replace(called, untold={**before, notice: called.notices}, tell_after=now + TELL_AGAIN, tells=1)


def tell_again(execution: Execution, now: float) -> Execution:
    """Return an execution of which something is told once more, and once more after a longer pause.

    What is still to be said while it waits takes turns; under its new number it is no longer the matter of who had to
    say it before.
    """
    pause, again = min(TELL_AGAIN * 2**execution.tells, TELL_AGAIN_AT_MOST), execution
    if execution.untold:
        first, *others = execution.untold
        again = noticed(execution, first)
        again = replace(again, untold={**{each: execution.untold[each] for each in others}, first: again.notices})
    return replace(again, tell_after=now + pause, tells=execution.tells + 1)


def current_stage(execution: Execution) -> Stage:
    """Return the stage that waits."""
    assert execution.policy is not None
    return execution.policy.stages[execution.stage]


def too_late(execution: Execution) -> Reason:
    """Return why nothing can be answered any more."""
    match execution.state:
        case State.EXPIRED:
            return Reason.EXPIRED
        case State.RUNNING:
            return Reason.RUNNING
        case State.SUCCEEDED | State.FAILED | State.ABORTED | State.LOST:
            return Reason.ENDED
        case _:
            return Reason.DECIDED


def run_by(execution: Execution) -> float:
    """Return until when what is approved may be claimed."""
    return (execution.approved_at or 0.0) + RUN_WITHIN + execution.conduct.wait
