"""Say a quorum in words: who must confirm, and how many of them.

Names are put into words by `shown`: each chat network has its own way to show one so that it calls nobody.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from err_confirm.model.policies import AllOf, AnyOf, Policy, Quorum, Seat

Shown = Callable[[str], str]
"""Shows a name or a text."""
WIDE = {"others": "people other than who asked", "anyone": "people"}
"""The names of a policy that mean more people than anybody knows, and several of these in words."""
_WORDS = {"requester": "whoever asked", "others": "anyone but who asked", "anyone": "anyone"}


def listed(words: Sequence[str], conjunction: str = "and") -> str:
    """Return words as a list: `bob, carol and dave`."""
    *first, last = words
    return f"{', '.join(first)} {conjunction} {last}" if first else last


def name_words(who: str, shown: Shown = str) -> str:
    """Return in words who is meant by a name of a policy."""
    return _WORDS.get(who) or shown(who)


def is_group(name: str) -> bool:
    """Tell whether a name of a policy is that of a group."""
    return name.startswith("@")


def whom(by: Iterable[str], shown: Shown = str) -> str:
    """Return in words of whom one is meant: `bob or 1 of @sre`, `whoever asked`."""
    return listed([f"1 of {shown(who)}" if is_group(who) else name_words(who, shown) for who in by], "or")


def quorum_words(quorum: Quorum, shown: Shown = str) -> str:
    """Return in words who must answer: `bob or carol`, `2 of @sre and 1 of @leads`."""
    match quorum:
        case Seat():
            return whom(quorum.by, shown)
        case AllOf():
            return _together(Counter(_flat(quorum)), shown)
        case AnyOf(any=parts):
            return " or ".join(
                _enclosed(words, " and " in words) for words in (quorum_words(each, shown) for each in parts)
            )


def who_confirms(policy: Policy, shown: Shown = str) -> str:
    """Return in words who must confirm, stage by stage."""
    return ", then ".join(quorum_words(stage.quorum, shown) for stage in policy.stages) or "nobody"


def waits(policy: Policy | None, shown: Shown = str) -> str:
    """Return what a command does when it is said: `waits for bob`, `runs at once (1 rule changes that)`."""
    if policy is None:
        return "runs at once"
    said = f"waits for {who_confirms(policy, shown)}" if policy.stages else "runs at once"
    rules = len(policy.when)
    return f"{said} ({rules} {'rule changes' if rules == 1 else 'rules change'} that)" if rules else said


def _flat(quorum: Quorum) -> Iterator[Quorum]:
    """Yield what is needed together, as deep as that goes."""
    if isinstance(quorum, AllOf):
        for part in quorum.all:
            yield from _flat(part)
    else:
        yield quorum


def _together(needed: Counter[Quorum], shown: Shown) -> str:
    """Return in words what is needed together; where these are people by name, as one list."""
    names = [part.by[0] for part in needed if isinstance(part, Seat) and len(part.by) == 1]
    by_name = len(names) == needed.total() and not any(is_group(name) or name in _WORDS for name in names)
    if by_name and len(names) > 1:
        return f"{listed(list(map(shown, names)))}, each of them"
    alone = len(needed) == 1
    return " and ".join(_counted(part, count, shown, alone=alone) for part, count in needed.items())


def _counted(part: Quorum, count: int, shown: Shown, *, alone: bool) -> str:
    if not isinstance(part, Seat):
        words = _enclosed(quorum_words(part, shown), not alone or count > 1)
        return words if count == 1 else f"{count} times {words}"
    several = len(part.by) > 1
    if count == 1:
        return _enclosed(whom(part.by, shown), several and not alone)
    if not several and part.by[0] in WIDE:
        return f"{count} {WIDE[part.by[0]]}"
    names = listed([name_words(who, shown) for who in part.by], "or")
    return f"{count} of {_enclosed(names, several and not alone)}"


def _enclosed(words: str, really: bool) -> str:
    return f"({words})" if really else words
