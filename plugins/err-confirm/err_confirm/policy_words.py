"""Say a policy in words: who must answer, how many, and who is missing."""

from collections.abc import Iterable

from err_confirm.model import AllOf, AnyOf, Policy, Quorum, Seat

_WORDS = {"requester": "whoever asked", "others": "anyone but who asked", "anyone": "anyone"}


def whom(by: Iterable[str]) -> str:
    """Return in words who is meant: `bob or carol`, `whoever asked`."""
    return " or ".join(_WORDS.get(who, who) for who in by)


def quorum_words(quorum: Quorum) -> str:
    """Return in words who must answer: `bob or carol`, `2 of @sre and 1 of @leads`."""
    match quorum:
        case Seat():
            return whom(quorum.by)
        case AllOf(all=parts):
            if len({*parts}) == 1 and isinstance(parts[0], Seat):
                return f"{len(parts)} of {whom(parts[0].by)}"
            return " and ".join(_within(part, AnyOf) for part in parts)
        case AnyOf(any=parts):
            return " or ".join(_within(part, AllOf) for part in parts)


def who_confirms(policy: Policy) -> str:
    """Return in words who must confirm, stage by stage."""
    return ", then ".join(quorum_words(stage.quorum) for stage in policy.stages)


def _within(part: Quorum, other: type) -> str:
    said = quorum_words(part)
    return f"({said})" if isinstance(part, other) else said
