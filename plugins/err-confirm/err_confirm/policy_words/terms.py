"""Say all that a policy asks for, a line for each thing, short enough for a phone."""

from collections.abc import Iterator

from err_confirm.durations import format_duration
from err_confirm.model.policies import Policy, Stage
from err_confirm.policy.seating import seats
from err_confirm.policy_words.demands import choices_words, demands_words
from err_confirm.policy_words.quorums import Shown, listed, quorum_words, whom
from err_confirm.policy_words.rules import rule_words, times_words
from err_confirm.transition.demands import CHAT


def terms(policy: Policy | None, shown: Shown = str, quoted: Shown = str) -> list[str]:
    """Return in words what a policy asks for; None runs at once.

    Args:
        policy: as a file has it, or as it was decided.
        shown: shows names.
        quoted: shows texts.
    """
    if policy is None:
        return ["runs at once, without confirmation"]
    return [*_asked(policy, shown, quoted), *(rule_words(when, shown, quoted) for when in policy.when)]


def _asked(policy: Policy, shown: Shown, quoted: Shown) -> Iterator[str]:
    """Yield what holds whatever its rules say."""
    if not policy.stages:
        yield "runs at once, without confirmation, unless a rule says otherwise"
        return
    stages = [f"{quorum_words(each.quorum, shown)} within {format_duration(each.within)}" for each in policy.stages]
    yield f"must confirm: {', then '.join(stages)} · may deny: {quorum_words(policy.deny, shown)}"
    if any(seat.own and not {"requester", "anyone"} & {*seat.by} for s in policy.stages for seat in seats(s.quorum)):
        yield "whoever asked counts, too, where they are named"
    for number, stage in enumerate(policy.stages, start=1):
        if later := ", ".join(_later(stage, shown)):
            yield f"stage {number}: {later}" if len(policy.stages) > 1 else later
    yield from filter(None, (demands_words(policy, quoted), choices_words(policy, quoted), _ways_in(policy, quoted)))
    if policy.room or policy.dm:
        yield " and ".join(_places(policy, quoted))
    yield from (f"{times_words(each.times)}: nothing runs ({quoted(each.reason)})" for each in policy.freezes)


def _later(stage: Stage, shown: Shown) -> Iterator[str]:
    if stage.remind:
        yield f"a reminder {format_duration(stage.remind)} before the end"
    if stage.escalate_to:
        yield f"after {format_duration(stage.escalate_after)} also {whom(stage.escalate_to, shown)} may confirm"


def _ways_in(policy: Policy, quoted: Shown) -> str:
    if not policy.via:
        return "no answer can count: its rules have no way in common on which one would"
    return "" if CHAT in policy.via else f"a yes counts only from {listed(list(map(quoted, policy.via)), 'or')}"


def _places(policy: Policy, quoted: Shown) -> Iterator[str]:
    if policy.room:
        yield f"also asked in {quoted(policy.room)}"
    if policy.dm:
        yield "each person named is asked directly, and answers with a token of their own"
