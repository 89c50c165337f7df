"""Show a policy: in words for people, as facts for programs."""

from typing import Any

from err_confirm.durations import format_duration
from err_confirm.model import Policy
from err_confirm.policy import names
from err_confirm.policy_words import whom


def facts(policy: Policy | None) -> dict[str, Any] | None:
    """Return a policy for JSON; None runs at once."""
    if policy is None:
        return None
    first = policy.stages[0]
    return {
        "by": names(first.quorum),
        "deny_by": names(policy.deny),
        "retry": {"count": first.retry_count, "delay": first.retry_delay},
        "within": policy.within,
    }


def worded(shown: dict[str, Any] | None) -> str:
    """Return what `facts` says of a policy as a sentence: `bob confirms within 1 min, or nothing runs`."""
    if shown is None:
        return "runs at once, without confirmation"
    return f"{whom(tuple(shown['by']))} confirms within {format_duration(shown['within'])}, or nothing runs"
