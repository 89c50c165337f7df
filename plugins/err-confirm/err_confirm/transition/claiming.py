"""Say whether what is confirmed, or was lost, may be started at this moment: as it was shown, and still confirmed."""

from collections.abc import Collection
from dataclasses import replace

from err_confirm.model.executions import Execution, State
from err_confirm.model.runs import LOOP_RUNNER, OnChange, Part, PartState, bound
from err_confirm.policy import met_until
from err_confirm.policy.seating import Roster
from err_confirm.policy.times import frozen
from err_confirm.transition.events import Advance
from err_confirm.transition.steps import LEASE, NOT_STARTED, Decision, end, run_by, step


def claim(execution: Execution, event: Advance, now: float, roster: Roster) -> Decision:
    """Count again, at this moment; the one way from approved to running."""
    latest = run_by(execution)
    until = met_until(execution, now, roster)
    parts = _starting(execution, event.gone)
    if not _is_bound(execution):
        return end(replace(execution, reason="what would run is not what was shown"), now, State.EXPIRED)
    if now >= latest:
        return end(replace(execution, reason=NOT_STARTED), now, State.EXPIRED)
    if until is None:
        return end(replace(execution, reason="the confirmation no longer counted"), now, State.EXPIRED)
    if freeze := frozen(execution.policy.freezes if execution.policy else (), now):
        return end(replace(execution, reason=freeze.reason), now, State.EXPIRED)
    if parts and all(part.state is PartState.GONE for part in parts):
        return end(replace(execution, reason="none of its targets is there any more"), now, State.EXPIRED)
    claimed = replace(_running(execution, event.process, now), started_at=now, parts=parts)
    return step(claimed, now, before=min(latest, until))


def run_again(execution: Execution, process: str, now: float) -> Decision:
    """Start once more what was lost and may be, under a higher fence; whoever ran it before has nothing to say now."""
    if not _is_bound(execution):
        return end(replace(execution, reason="what would run is not what was shown"), now, State.LOST)
    if freeze := frozen(execution.policy.freezes if execution.policy else (), now):
        return end(replace(execution, reason=freeze.reason), now, State.LOST)
    return step(replace(_running(execution, process, now), parts=_left_over(execution.parts)), now)


def _running(execution: Execution, process: str, now: float) -> Execution:
    fence = execution.fence + 1
    return replace(execution, state=State.RUNNING, fence=fence, process=process, lease_until=now + LEASE)


def _is_bound(execution: Execution) -> bool:
    return bound(execution.invocation, execution.others, execution.conduct) == execution.digest


def _starting(execution: Execution, gone: Collection[int]) -> tuple[Part, ...]:
    """Return the parts of what is about to run, those that are gone among them; none where it is no loop."""
    if execution.runs.runner != LOOP_RUNNER:
        return ()
    lookup = execution.conduct.lookup
    left_out = gone if lookup is not None and lookup.on_change is OnChange.INTERSECT else ()
    count = len(execution.runs.spec["each"])
    return tuple(Part(state=PartState.GONE if place in left_out else PartState.WAITS) for place in range(count))


def _left_over(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Return the parts of a run that goes on where another one was lost: what had ended is not done again."""
    return tuple(Part() if part.state is PartState.RUNS else part for part in parts)
