"""Say what may be done to an execution while it runs: who may stop it, who may report, what may be started again."""

from dataclasses import replace

from err_confirm.model.executions import Execution, State
from err_confirm.model.runs import MOST_RUNS
from err_confirm.policy import electorate, quorum_until
from err_confirm.policy.seating import Candidate, Roster, seats
from err_confirm.transition.events import Abort, Finish, Progress, Reason, Renew
from err_confirm.transition.steps import LEASE, RUN_AGAIN_WITHIN, Already, Decision, Refusal, end, step, too_late


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


def renew(execution: Execution, event: Renew | Progress, now: float) -> Decision:
    """Let the process that runs it keep it, and take in how far it has come."""
    if execution.state is not State.RUNNING or not _is_of(execution, event):
        return Refusal(Reason.STALE, execution)
    parts = event.parts if isinstance(event, Progress) else execution.parts
    return step(replace(execution, lease_until=now + LEASE, parts=parts), now)


def finish(execution: Execution, event: Finish, now: float) -> Decision:
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


def may_run_again(execution: Execution, now: float) -> bool:
    """Tell whether what was lost may be started once more: its action says so, and nobody wants it stopped."""
    young = now < (execution.started_at or 0.0) + RUN_AGAIN_WITHIN
    return execution.conduct.retry and young and execution.fence < MOST_RUNS and not execution.aborted_by


def _is_of(execution: Execution, event: Renew | Progress | Finish) -> bool:
    """Tell whether an event is of the process and the claim that run this execution, or ran it last."""
    return (execution.process, execution.fence) == (event.process, event.fence)
