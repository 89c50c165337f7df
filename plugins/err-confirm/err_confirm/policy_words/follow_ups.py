"""Say in words what would follow an execution, and whether somebody is asked before that runs."""

from collections.abc import Callable, Mapping

from err_confirm.model.policies import Policy
from err_confirm.model.runs import ELSE, FINALLY, THEN, FollowUp
from err_confirm.policy_words.quorums import Shown

PolicyOf = Callable[[str], Policy | None]
"""Returns the policy of an alias, None if it has none; raises KeyError if there is no such alias."""
_WHEN = {THEN: "then", ELSE: "if it fails", FINALLY: "finally"}


def follow_words(follow: Mapping[str, FollowUp], policy_of: PolicyOf | None = None, shown: Shown = str) -> str:
    """Return on one line what follows for which cause, and if the policies are known, whether that asks.

    `then: verify, without asking · if it fails: rollback, which asks again`
    """
    parts = []
    for cause, follow_up in follow.items():
        asks = "" if policy_of is None else f", {_asks(follow_up.alias, policy_of)}"
        parts.append(f"{_WHEN.get(cause, f'on {cause}')}: {shown(follow_up.alias)}{asks}")
    return " · ".join(parts)


def _asks(alias: str, policy_of: PolicyOf) -> str:
    try:
        policy = policy_of(alias)
    except KeyError:
        return "which is not there now"
    if policy is None:
        return "without asking"
    return "which asks again" if policy.stages else "which asks only by some rule"
