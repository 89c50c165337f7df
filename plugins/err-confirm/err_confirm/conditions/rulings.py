"""Tell which rules of a policy have made what was decided, and which do not hold here and now."""

from dataclasses import dataclass

from err_confirm.conditions import Situation, told
from err_confirm.model.policies import Policy, When
from err_confirm.policy_words.rules import rule_words


@dataclass(frozen=True, slots=True)
class Ruling:
    """The rules of one policy in one situation: a sentence for each that holds, and those that do not."""

    because: tuple[str, ...] = ()
    idle: tuple[When, ...] = ()


def ruling(policy: Policy | None, situation: Situation, decided: Policy | None) -> Ruling:
    """Return what became of each rule; one that loosens holds only where what was decided came from it.

    Those that are times in which nothing runs are among what was decided already.

    Args:
        policy: with its rules.
        situation: in which they were looked at.
        decided: what that led to.
    """
    if policy is None:
        return Ruling()
    holding = tuple(when for when in policy.when if _holds(when, situation, decided))
    because = decided.because if decided else tuple(map(rule_words, holding))
    frozen = {(freeze.times, freeze.reason) for freeze in (decided.freezes if decided else ())}
    said = [*holding, *(when for when in policy.when if (when.times, when.refuse) in frozen)]
    return Ruling(because, tuple(when for when in policy.when if when not in said))


def _holds(when: When, situation: Situation, decided: Policy | None) -> bool:
    if not when.loosen:
        return told(when, situation) is not False
    return bool(told(when, situation)) and (decided is None or rule_words(when) in decided.because)
