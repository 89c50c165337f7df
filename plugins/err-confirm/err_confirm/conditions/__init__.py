"""Decide which policy holds for one request: conditions only add to it, unless they say that they loosen it."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from err_confirm.errors import RefusedError
from err_confirm.model.policies import AllOf, Freeze, Policy, Quorum, ReasonRule, Seat, Stage, Times, When
from err_confirm.policy.seating import names, seats, ways, widened
from err_confirm.policy.times import during
from err_confirm.policy_words.rules import rule_words
from err_confirm.transition.demands import CHAT

NOTHING = AllOf(all=())
"""The quorum of a condition that adds no seats."""
_RULES = (ReasonRule.NONE, ReasonRule.OPTIONAL, ReasonRule.REQUIRED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What conditions look at: the parameters, the room (empty in a direct message) and the moment of a request.

    A room or a moment that is not known is None: then what looks at it cannot be told.
    """

    parameters: Mapping[str, Any]
    room: str | None = None
    at: float | None = None


def decide(policy: Policy | None, situation: Situation) -> Policy | None:
    """Return the policy that holds in a situation, without conditions; None if nobody has to answer.

    Raises:
        RefusedError: nothing may be asked for.
    """
    if policy is None:
        return None
    tight = [when for when in policy.when if not when.loosen and told(when, situation) is not False]
    for when in tight:
        if when.refuse:
            raise RefusedError(when.refuse)
    base, because = _base(policy, situation, tight)
    if not base.stages and not tight:
        return None
    decided = replace(
        base,
        stages=_stages(base, tight),
        deny=widened(base.deny, [name for when in tight for name in names(when.policy.deny)]),
        reason=max([base.reason, *(when.policy.reason for when in tight)], key=_RULES.index),
        patterns=_union(base.patterns, *(when.policy.patterns for when in tight)),
        typed=_union(base.typed, *(when.policy.typed for when in tight)),
        otp=base.otp or any(when.policy.otp for when in tight),
        via=_via(base.via, *(when.policy.via for when in tight)),
        freezes=(*policy.freezes, *_freezes(policy, situation)),
        when=(),
        because=(*because, *map(rule_words, tight)),
    )
    return replace(decided, stages=tuple(_bounded(stage) for stage in decided.stages))


def told(when: When, situation: Situation) -> bool | None:
    """Tell whether all that a rule is about is so; None if that cannot be told."""
    each = [_among(situation.parameters.get(name), values) for name, values in when.parameters.items()]
    if when.rooms:
        each.append(None if situation.room is None else _one_of(_room(situation.room), map(_room, when.rooms)))
    if when.times is not None:
        each.append(_now(when.times, situation.at))
    return False if False in each else None if None in each else True


def both(one: Sequence[str], other: Sequence[str]) -> tuple[str, ...]:
    """Return where an answer counts that must come from where both policies say."""
    if CHAT in one or CHAT in other:
        return tuple(other if CHAT in one else one)
    return tuple(each for each in one if each in other)


def further_seats(quorum: Quorum, need: int) -> tuple[Seat, ...]:
    """Return the seats that a quorum lacks of so many, for any whom it names."""
    seat = Seat(by=tuple(names(quorum)), own=all(each.own for each in seats(quorum)))
    return (seat,) * (need - min(len(way) for way in ways(quorum)))


def all_of(*quorums: Quorum) -> Quorum:
    """Return what needs each of some quorums."""
    parts = tuple(part for each in quorums for part in (each.all if isinstance(each, AllOf) else (each,)))
    return parts[0] if len(parts) == 1 else AllOf(all=parts)


def _base(policy: Policy, situation: Situation, tight: Sequence[When]) -> tuple[Policy, tuple[str, ...]]:
    """Return what the other conditions add to, and why it is not the policy itself.

    Where something is to be asked for beside a yes, nothing makes that yes needless.
    """
    for when in policy.when:
        if when.loosen and told(when, situation) and (when.policy.stages or not tight):
            return when.policy, (rule_words(when),)
    return policy, ()


def _stages(base: Policy, tight: Sequence[When]) -> tuple[Stage, ...]:
    """Return the stages with all seats that are added, each within the shortest time.

    Who is called because nobody answers may fill the seats of that stage, but not those that a condition adds.
    """
    said = [stage for when in tight for stage in when.policy.stages]
    added = [stage.quorum for stage in said if stage.quorum != NOTHING]
    stages = [_within(stage, said) for stage in base.stages]
    if not stages:
        if not added:
            raise RefusedError("nobody is named who could confirm this; name somebody in its policy")
        shortest = min((stage for stage in said if stage.retry_count), key=_length, default=Stage(quorum=NOTHING))
        return (replace(shortest, quorum=all_of(*added)),)
    whole = all_of(*(stage.quorum for stage in stages))
    further = further_seats(whole, max((when.need for when in tight), default=0))
    last = replace(stages[-1], quorum=all_of(stages[-1].quorum, *further))
    if added and last.escalate_to:
        if not base.choices:
            return (*stages[:-1], last, replace(_alone(last), quorum=all_of(*added)))
        last = _alone(last)
    return (*stages[:-1], replace(last, quorum=all_of(last.quorum, *added)))


def _length(stage: Stage) -> float:
    return stage.within


def _within(stage: Stage, said: Sequence[Stage]) -> Stage:
    shortest = min((stage, *(each for each in said if each.retry_count)), key=_length)
    return replace(stage, retry_count=shortest.retry_count, retry_delay=shortest.retry_delay)


def _alone(stage: Stage) -> Stage:
    return replace(stage, escalate_to=(), escalate_after=0.0)


def _bounded(stage: Stage) -> Stage:
    """Return a stage without what would come after its end."""
    if stage.escalate_to and stage.escalate_after >= stage.within:
        stage = _alone(stage)
    return replace(stage, remind=stage.remind if stage.remind < stage.within else 0.0)


def _freezes(policy: Policy, situation: Situation) -> list[Freeze]:
    """Return the times in which this very request is refused: also if it was approved before they begin."""
    return [
        Freeze(times=when.times, reason=when.refuse)
        for when in policy.when
        if when.refuse and when.times is not None and told(replace(when, times=None), situation) is not False
    ]


def _via(*lists: tuple[str, ...]) -> tuple[str, ...]:
    left = lists[0]
    for each in lists[1:]:
        left = both(left, each)
    if not left:
        raise RefusedError("its policy leaves no place where it could be answered; mend its `via`")
    return left


def _union(*lists: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for some in lists for each in some))


def _now(times: Times, at: float | None) -> bool | None:
    try:
        return None if at is None else during(times, at)
    except (KeyError, ValueError, OSError, OverflowError):  # this machine does not know the zone, or such a year
        return None


def _among(value: Any, wanted: Sequence[Any]) -> bool | None:
    """Tell whether a value, or each item of a list, is one of some; None if only some items are, or it is missing."""
    if isinstance(value, list | tuple):
        found = {_one_of(item, wanted) for item in value}
        return found.pop() if len(found) == 1 else None
    return _one_of(value, wanted)


def _one_of(value: Any, wanted: Any) -> bool | None:
    found = {_same(value, each) for each in wanted}
    return True if True in found else None if None in found else False


def _same(value: Any, wanted: Any) -> bool | None:
    """Tell whether two values are the same; of those that only look so, that cannot be told."""
    if value is None or isinstance(value, dict | list):
        return None
    numbers = [isinstance(each, int | float) and not isinstance(each, bool) for each in (value, wanted)]
    if (type(value) is type(wanted) or all(numbers)) and value == wanted:
        return True
    return None if _folded(value) == _folded(wanted) else False


def _folded(value: Any) -> str:
    return unicodedata.normalize("NFKC", str(value)).casefold().strip()


def _room(room: str) -> str:
    """Return a room's name without what a network puts around it."""
    return room.strip("<#>")
