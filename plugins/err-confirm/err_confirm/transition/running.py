"""Say what may be done to an execution while it runs: who may stop it, what of it may be started once more."""

from collections.abc import Collection
from dataclasses import replace

from err_confirm.model.executions import Execution, State
from err_confirm.model.runs import LOOP_RUNNER, MOST_RUNS, OnChange, Part, PartState
from err_confirm.policy import electorate, quorum_until
from err_confirm.policy.seating import Candidate, Roster, seats
from err_confirm.transition.events import Abort, Reason
from err_confirm.transition.steps import RUN_AGAIN_WITHIN, Already, Decision, Refusal, step, too_late


def abort(execution: Execution, event: Abort, now: float, roster: Roster) -> Decision:
    """Decide whether a person may stop what runs: who asked, who has confirmed, and whoever may confirm or deny it."""
    if execution.state in (State.PENDING, State.APPROVED):
        return Refusal(Reason.NOT_RUNNING, execution)
    if execution.aborted_by and execution.state in (State.RUNNING, State.ABORTED):
        return Already(execution)
    if execution.state is not State.RUNNING:
        return Refusal(too_late(execution), execution)
    if not _may_abort(execution, event, roster):
        return Refusal(Reason.NOT_YOURS, execution)
    return step(replace(execution, aborted_by=event.person, abort_reason=event.reason), now)


def _may_abort(execution: Execution, event: Abort, roster: Roster) -> bool:
    if event.person == execution.requester or any(vote.person == event.person for vote in execution.votes):
        return True
    policy, person = execution.policy, Candidate(event.person, event.guest)
    if policy is None:
        return False
    quorums = [(quorum_until(execution, len(policy.stages)), False), (policy.deny, True)]
    return any(
        electorate(execution, roster, deny=deny).fills(seat, person)
        for quorum, deny in quorums
        for seat in seats(quorum)
    )


def starting(execution: Execution, gone: Collection[int]) -> tuple[Part, ...]:
    """Return the parts of what is about to run, those that are gone among them; none where it is no loop."""
    if execution.runs.runner != LOOP_RUNNER:
        return ()
    lookup = execution.conduct.lookup
    left_out = gone if lookup is not None and lookup.on_change is OnChange.INTERSECT else ()
    count = len(execution.runs.spec["each"])
    return tuple(Part(state=PartState.GONE if place in left_out else PartState.WAITS) for place in range(count))


def may_run_again(execution: Execution, now: float) -> bool:
    """Tell whether what was lost may be started once more: its action says so, and nobody wants it stopped."""
    young = now < (execution.started_at or 0.0) + RUN_AGAIN_WITHIN
    return execution.conduct.retry and young and execution.fence < MOST_RUNS and not execution.aborted_by


def left_over(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Return the parts of a run that goes on where another one was lost: what had ended is not done again."""
    return tuple(Part() if part.state is PartState.RUNS else part for part in parts)
