"""Compare policies by how much they ask for, as far as that can be said of any two."""

from dataclasses import replace

from err_confirm.conditions import Situation, all_of, decide
from err_confirm.errors import RefusedError
from err_confirm.model.policies import Policy, ReasonRule, Seat
from err_confirm.policy import trivial
from err_confirm.policy.seating import ways

Strictness = tuple[int, ...]
"""More is stricter."""
REFUSES: Strictness = (3,)
_OPEN = frozenset({"requester", "others", "anyone"})


def least(policy: Policy | None) -> Strictness:
    """Return how much a policy asks for if none of its rules holds but one that loosens it."""
    if policy is None:
        return _of(None)
    return min(_of(replace(policy, when=())), *(_of(when.policy) for when in policy.when if when.loosen), REFUSES)


def most(policy: Policy | None) -> Strictness:
    """Return how much a policy asks for if all of its rules hold that do not loosen it."""
    try:
        return _of(decide(policy, Situation(parameters={})))
    except RefusedError:
        return REFUSES


def _of(policy: Policy | None) -> Strictness:
    """Tell how much is needed: nothing, a second look, a second person; and of that, how many, who and what."""
    if policy is None or not policy.stages:
        return (0,)
    whole = all_of(*(stage.quorum for stage in policy.stages))
    fewest = min(
        (len(way), sum(not _own(seat) for seat in way), sum(_OPEN.isdisjoint(seat.by) for seat in way))
        for way in ways(whole)
    )
    reason = policy.reason is ReasonRule.REQUIRED or bool(policy.patterns)
    return (1 if trivial(policy) else 2, *fewest, policy.otp + len(policy.typed) + reason + policy.dm)


def _own(seat: Seat) -> bool:
    """Tell whether whoever asked may fill a seat."""
    return seat.own or bool({"requester", "anyone"} & {*seat.by})
