"""Show a policy: in words for people, as facts for programs."""

from typing import Any

from pydantic import TypeAdapter

from err_confirm.durations import format_duration
from err_confirm.model.policies import Policy, Seat
from err_confirm.policy_words.quorums import waits, who_confirms

_POLICY = TypeAdapter(Policy)


def facts(policy: Policy | None) -> dict[str, Any] | None:
    """Return a policy for JSON, as it was compiled, without what is as if it were not said; None runs at once."""
    if policy is None:
        return None
    kept: dict[str, Any] = _POLICY.dump_python(policy, mode="json", exclude_defaults=True)
    return {**kept, "within": policy.within}


def worded(policy: Policy | None) -> str:
    """Return a policy as a sentence: `bob confirms within 1 min, or nothing runs`."""
    if policy is None:
        return "runs at once, without confirmation"
    if policy.when or not policy.stages:
        return waits(policy)
    one = len(policy.stages) == 1 and isinstance(policy.stages[0].quorum, Seat)
    confirm = "confirms" if one else "confirm"
    return f"{who_confirms(policy)} {confirm} within {format_duration(policy.within)}, or nothing runs"
