"""Say what a person's answer does to an execution: refused, counted, enough for the next stage, or for the end."""

from dataclasses import replace

from err_confirm.model.executions import Execution, Notice, State, Verdict, Vote
from err_confirm.model.policies import Choice, Effect
from err_confirm.policy import counting, electorate, met_until, quorum_until
from err_confirm.policy.seating import Candidate, Roster, met, seats
from err_confirm.policy.times import frozen
from err_confirm.transition.demands import chosen, unmet
from err_confirm.transition.events import Answer, Reason
from err_confirm.transition.steps import (
    LONGEST_LIFE,
    MOST_SEEN,
    Already,
    Decision,
    Refusal,
    call_people,
    current_stage,
    end,
    noticed,
    run_by,
    step,
    too_late,
)


def answer(execution: Execution, event: Answer, now: float, roster: Roster) -> Decision:
    """Decide what an answer does; the arguments are those of `transition`."""
    policy = execution.policy
    if policy is None:
        return Refusal(too_late(execution), execution)
    if event.message and event.message in execution.seen:
        return Refusal(Reason.REPEATED, execution)
    choice = Choice(name="", effect=Effect.DENY) if event.verdict is Verdict.DENY else chosen(policy, event.choice)
    deny = choice is not None and choice.effect is Effect.DENY
    own = next((vote for vote in execution.votes if vote.person == event.person), None)
    if own is not None and _stands(execution, own, event, now, deny=deny):
        return Already(execution)
    open_until = _open_until(execution, deny=deny)
    if open_until is None:
        return Refusal(too_late(execution), execution)
    if now >= open_until:
        return Refusal(Reason.EXPIRED, execution)
    if why := _not_theirs(execution, event, roster, deny=deny):
        return Refusal(why, execution)
    if choice is None:
        return Refusal(Reason.CHOICE, execution)
    if not deny and execution.conduct.cut and event.person not in execution.readers:
        return Refusal(Reason.UNREAD, execution)
    if why := unmet(policy, choice, event):
        return Refusal(why, execution)
    if choice.effect is Effect.SNOOZE:
        return _snooze(execution, event, choice, now)
    if not deny and frozen(policy.freezes, now):
        return Refusal(Reason.FROZEN, execution)
    voted = _vote(execution, event, choice, now)
    if deny:
        return _denied(voted, event, now, roster, before=open_until)
    return _approved(voted, event, now, roster, before=open_until)


def _not_theirs(execution: Execution, event: Answer, roster: Roster, *, deny: bool) -> Reason | None:
    """Return why somebody's answer cannot count, whatever it says."""
    assert execution.policy is not None
    policy, who = execution.policy, electorate(execution, roster, deny=deny)
    all_seats = seats(policy.deny if deny else quorum_until(execution, len(policy.stages)))
    voter = Candidate(event.person, event.guest)
    theirs = [seat for seat in all_seats if who.may(seat, voter)]
    if not theirs:
        outside = event.guest and any(who.may(seat, Candidate(event.person)) for seat in all_seats)
        return Reason.GUEST if outside else Reason.NOT_YOURS
    if not any(who.proves(seat, voter) for seat in theirs):
        return Reason.UNPROVEN
    if not deny and not any(who.fills(seat, voter) for seat in seats(quorum_until(execution, execution.stage + 1))):
        return Reason.TOO_EARLY
    return None


def _vote(execution: Execution, event: Answer, choice: Choice, now: float) -> Execution:
    """Add a person's vote, in the place of the one they gave before.

    It counts as long as the stages to come last, and as it may then wait for others.
    """
    assert execution.policy is not None
    vote = Vote(
        person=event.person,
        verdict=Verdict.DENY if choice.effect is Effect.DENY else Verdict.APPROVE,
        at=now,
        expires_at=now
        + sum(stage.within for stage in execution.policy.stages[execution.stage :])
        + execution.conduct.wait,
        digest=execution.digest,
        reason=event.reason,
        identity=event.identity,
        room=event.room,
        guest=event.guest,
        choice=choice.name,
        answer=event.answer,
        stage=execution.stage,
    )
    votes = (*(other for other in execution.votes if other.person != event.person), vote)
    return _seen(replace(execution, votes=votes), event)


def _denied(voted: Execution, event: Answer, now: float, roster: Roster, *, before: float) -> Decision:
    assert voted.policy is not None
    if not met(voted.policy.deny, counting(voted, now, Verdict.DENY), electorate(voted, roster, deny=True)):
        return step(noticed(voted, Notice.VOTE, event.person), now, before=before)
    return end(replace(voted, decided_by=event.person, reason=event.reason), now, State.DENIED, before=before)


def _approved(voted: Execution, event: Answer, now: float, roster: Roster, *, before: float) -> Decision:
    """Go on to the first stage that still needs somebody, or to running where none does."""
    assert voted.policy is not None
    stages, chosen_so = voted.policy.stages, replace(voted, choice=event.choice)
    stage = voted.stage
    while stage < len(stages) and met_until(chosen_so, now, roster, stage + 1) is not None:
        stage += 1
    if stage == len(stages):
        decided = replace(chosen_so, decided_by=event.person, reason=event.reason, untold={}, tell_after=None)
        return step(replace(decided, state=State.APPROVED, approved_at=now), now, before=before)
    if stage == voted.stage:
        return step(noticed(voted, Notice.VOTE, event.person), now, before=before)
    until = now + stages[stage].within
    begun = replace(voted, stage=stage, stage_at=now, expires_at=until, reminded=False, ask_again_at=None)
    return step(call_people(begun, Notice.STAGE, now, event.person), now, before=before)


def _snooze(execution: Execution, event: Answer, choice: Choice, now: float) -> Decision:
    """Ask again later, with the whole time of the stage anew; the votes that are there count as long as they do.

    Until then nobody is called: what was still to be said is said by the prompt that comes then.
    """
    again = now + choice.after
    expires_at = again + current_stage(execution).within
    if not expires_at <= execution.created_at + LONGEST_LIFE:
        return Refusal(Reason.SNOOZED_OUT, execution)
    quiet = replace(execution, untold={}, tell_after=None, tells=0)
    snoozed = replace(quiet, ask_again_at=again, expires_at=expires_at, reminded=False)
    return step(noticed(_seen(snoozed, event), Notice.SNOOZE, event.person), now, before=execution.expires_at)


def _seen(execution: Execution, event: Answer) -> Execution:
    """Note the message of an answer: the network may hand it over again, when another one has come after it."""
    return replace(execution, seen=(*execution.seen, event.message)[-MOST_SEEN:]) if event.message else execution


def _stands(execution: Execution, vote: Vote, event: Answer, now: float, *, deny: bool) -> bool:
    """Tell whether what somebody says now is what they have said before, and still counts."""
    if (vote.verdict is Verdict.DENY) != deny or (not deny and vote.choice != event.choice):
        return False
    if not deny and event.answer not in ("", vote.answer):
        return False
    if execution.state is State.PENDING or (deny and execution.state is State.APPROVED):
        return now < vote.expires_at
    if deny:
        return execution.state is State.DENIED
    return execution.state not in (State.DENIED, State.EXPIRED, State.CANCELED)


def _open_until(execution: Execution, *, deny: bool) -> float | None:
    """Return until when an answer is taken; None if it no longer is. What is approved can still be denied."""
    if execution.state is State.PENDING:
        return execution.expires_at
    if execution.state is State.APPROVED and deny:
        return run_by(execution)
    return None
