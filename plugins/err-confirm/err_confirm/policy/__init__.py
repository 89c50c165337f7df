"""Whether the answers to an execution satisfy its policy, and until when."""

import hashlib
import math
from bisect import bisect
from dataclasses import replace

from err_confirm.model.executions import Execution, Verdict, Vote
from err_confirm.model.policies import AllOf, Policy, Quorum, Seat
from err_confirm.policy.seating import NOBODY, Electorate, Roster, begun, met, names, seats, ways, widened


def quorum_until(execution: Execution, stages: int) -> Quorum:
    """Return what the first so many stages need together: one person fills one seat of them all.

    No answer counts for a stage that had not begun when it was given. Where others were called because nobody answered
    in time, they may fill the seats of that stage, too.
    """
    assert execution.policy is not None
    quorums = [
        begun(widened(stage.quorum, stage.escalate_to) if number in execution.escalated else stage.quorum, number)
        for number, stage in enumerate(execution.policy.stages[:stages])
    ]
    return quorums[0] if len(quorums) == 1 else AllOf(all=tuple(quorums))


def electorate(execution: Execution, roster: Roster, *, deny: bool = False) -> Electorate:
    """Return who can fill which seat of an execution: of those who must confirm, or of those who may deny."""
    policy = execution.policy
    assert policy is not None
    quorum = policy.deny if deny else quorum_until(execution, len(policy.stages))
    return Electorate(execution.requester, roster, any(len(way) > 1 for way in ways(quorum)), deny)


def groups(policy: Policy) -> list[str]:
    """Return the names, with `@`, of all groups whose people may answer."""
    quorums = [policy.deny, *(stage.quorum for stage in policy.stages)]
    named = [*(name for quorum in quorums for name in names(quorum))]
    named += [name for stage in policy.stages for name in stage.escalate_to]
    return [name for name in dict.fromkeys(named) if name.startswith("@")]


def counting(execution: Execution, now: float, verdict: Verdict = Verdict.APPROVE) -> list[Vote]:
    """Return the votes that count at a moment: while their TTL lasts, and only for the very thing that was shown.

    Approvals count for the choice that the execution has come to, once it has come to one.
    """
    return [
        vote
        for vote in execution.votes
        if vote.verdict is verdict
        and vote.digest == execution.digest
        and now < vote.expires_at
        and (verdict is Verdict.DENY or execution.choice in ("", vote.choice))
    ]


def filling(execution: Execution, now: float, roster: Roster = NOBODY) -> list[Vote]:
    """Return the approvals of an execution that count at a moment, each of somebody who can fill a seat then."""
    if execution.policy is None:
        return []
    who, every = electorate(execution, roster), seats(quorum_until(execution, len(execution.policy.stages)))
    return [vote for vote in counting(execution, now) if any(who.fills(seat, vote) for seat in every)]


def met_until(execution: Execution, now: float, roster: Roster = NOBODY, stages: int | None = None) -> float | None:
    """Return the moment until which the approvals of an execution satisfy its policy; None if they do not at `now`.

    Args:
        execution: with its votes.
        now: the moment at which they are counted.
        roster: the people of the groups, at this moment.
        stages: only the first so many of its stages.
    """
    policy = execution.policy
    if policy is None:
        return math.inf
    quorum = quorum_until(execution, len(policy.stages) if stages is None else stages)
    votes, who = counting(execution, now), electorate(execution, roster)
    ends = sorted({vote.expires_at for vote in votes})
    # The later the moment, the fewer votes are left: once too few, they stay too few.
    good = bisect(ends, 0, key=lambda end: not met(quorum, [vote for vote in votes if vote.expires_at >= end], who))
    return ends[good - 1] if good else None


def trivial(policy: Policy) -> bool:
    """Tell whether any one answer of whoever asked is enough, and needs nothing beside it."""
    plain = Policy(stages=policy.stages, deny=policy.deny)
    eased = replace(policy, because=(), prompt="", room="", choices=())
    quorums = [stage.quorum for stage in policy.stages]
    return eased == plain and all(isinstance(each, Seat) and {"requester", "anyone"} & {*each.by} for each in quorums)


def fingerprint(policy: Policy) -> str:
    """Return what two policies share if, and only if, they ask for the same."""
    return hashlib.sha256(repr(replace(policy, because=())).encode()).hexdigest()
