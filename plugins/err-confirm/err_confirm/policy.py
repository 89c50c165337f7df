"""Who may answer, and until when the answers that are there suffice."""

import math

from err_confirm.backends import WEAK
from err_confirm.model import Execution, Verdict


def may(by: tuple[str, ...], person: str, requester: str) -> bool:
    """Tell whether `person` is among `by`: `requester`, `others`, `anyone`, or people by name or identity."""
    return (
        person in by
        or "anyone" in by
        or ("requester" in by and person == requester)
        or ("others" in by and person != requester)
    )


def proves(by: tuple[str, ...], person: str, requester: str) -> bool:
    """Tell whether somebody who may answer is proved to be another person than who asked, where that is what counts.

    On a network where anybody may take one more name, only those are whom CONFIRM_PEOPLE names.
    """
    if person in by or "others" not in by or "anyone" in by:
        return True
    return not any(who.startswith(tuple(f"{scheme}:" for scheme in WEAK)) for who in (person, requester))


def whom(by: tuple[str, ...]) -> str:
    """Return in words who `by` means: `bob or carol`, `whoever asked`."""
    words = {"requester": "whoever asked", "others": "anyone but who asked", "anyone": "anyone"}
    return " or ".join(words.get(who, who) for who in by)


def met_until(execution: Execution, now: float) -> float | None:
    """Return the moment until which the votes of an execution satisfy its policy; None if they do not at `now`.

    A vote counts while its TTL lasts, if its person may confirm, and only for the very invocation that was shown.
    """
    policy = execution.policy
    if policy is None:
        return math.inf
    counting = (
        vote.expires_at
        for vote in execution.votes
        if vote.verdict is Verdict.APPROVE
        and vote.digest == execution.digest
        and now < vote.expires_at
        and may(policy.by, vote.person, execution.requester)
        and proves(policy.by, vote.person, execution.requester)
    )
    return max(counting, default=None)
