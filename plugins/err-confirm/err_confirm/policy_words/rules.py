"""Say in words when a policy is another one: `on Sat and Sun Europe/Berlin: also 1 of @leads`."""

from collections.abc import Iterator
from itertools import pairwise

from err_confirm.durations import format_duration
from err_confirm.model.policies import Times, When
from err_confirm.policy.times import DAYS
from err_confirm.policy_words.demands import demands_words
from err_confirm.policy_words.quorums import Shown, listed, quorum_words, who_confirms
from err_confirm.transition.demands import CHAT

_TO = "\N{EN DASH}"
_SPAN = 3
"""From so many days in a row on, only the first and the last are said."""


def times_words(times: Times) -> str:
    """Return a part of the calendar in words: `22:00 to 06:00` as a span, `Europe/Berlin on Sat and Sun`."""
    parts = []
    if times.hours:
        parts.append(listed([f"{_clock(begin)}{_TO}{_clock(end)}" for begin, end in times.hours]))
        parts.append(times.zone)
    if times.days:
        parts.append(f"on {_days(times.days)}")
    if times.dates:
        parts.append(listed([first if first == last else f"{first} to {last}" for first, last in times.dates]))
    return " ".join(parts if times.hours else [*parts, times.zone])


def rule_words(when: When, shown: Shown = str, quoted: Shown = str) -> str:
    """Return in words when a rule of a policy holds, and what then.

    Args:
        when: the rule.
        shown: shows names.
        quoted: shows texts.
    """
    return f"{condition_words(when, quoted)}: {', '.join(_effects(when, shown, quoted))}"


def condition_words(when: When, quoted: Shown = str) -> str:
    """Return in words when a rule of a policy holds."""
    parts = [
        f"{quoted(name)} is {listed([quoted(_value(value)) for value in values], 'or')}"
        for name, values in when.parameters.items()
    ]
    if when.rooms:
        parts.append(f"in {listed([quoted(room) for room in when.rooms], 'or')}")
    if when.times is not None:
        parts.append(times_words(when.times))
    return ", ".join(parts) or "always"


def _effects(when: When, shown: Shown, quoted: Shown) -> Iterator[str]:
    if when.refuse:
        yield f"nothing runs ({quoted(when.refuse)})"
        return
    policy = when.policy
    if when.loosen:
        yield f"{who_confirms(policy, shown)} is enough" if policy.stages else "runs at once"
    else:
        for stage in policy.stages:
            if also := quorum_words(stage.quorum, shown):  # nobody, where it is only about time
                yield f"also {also}"
            if stage.retry_count:
                yield f"within {format_duration(stage.within)}"
        if when.need:
            yield f"at least {when.need}"
    if demanded := demands_words(policy, quoted):
        yield demanded
    if CHAT not in policy.via:
        yield f"a yes counts only from {listed(list(map(quoted, policy.via)), 'or')}"


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _days(days: tuple[int, ...]) -> str:
    ordered = sorted(days)
    in_a_row = all(after - before == 1 for before, after in pairwise(ordered))
    names = [DAYS[day].capitalize() for day in ordered]
    return f"{names[0]}{_TO}{names[-1]}" if in_a_row and len(names) >= _SPAN else listed(names)
