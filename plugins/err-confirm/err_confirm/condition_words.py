"""Say a condition of a policy in words: when it holds, and what it asks for then."""

from collections.abc import Iterator

from err_confirm.durations import format_duration
from err_confirm.model import ReasonRule, Times, When
from err_confirm.policy_words import quorum_words, who_confirms

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""The weekdays as policies write them, in the order in which the model counts them."""


def sentence(when: When) -> str:
    """Return when a rule holds, and what then: `env is prod: needs 3`."""
    return f"{circumstances(when)}: {', '.join(_effects(when))}"


def circumstances(when: When) -> str:
    """Return in words when a rule holds: `env is prod or dr, on sat or sun (Europe/Berlin)`."""
    said = [f"{name} is {' or '.join(map(_shown, values))}" for name, values in when.parameters.items()]
    if when.rooms:
        said.append(f"in {' or '.join(when.rooms)}")
    if when.times is not None:
        said.append(f"{' '.join(_times(when.times))} ({when.times.zone})")
    return ", ".join(said)


def _effects(when: When) -> Iterator[str]:
    policy = when.policy
    if when.refuse:
        yield when.refuse
        return
    if when.loosen:
        yield f"{who_confirms(policy)} is enough" if policy.stages else "runs at once"
        return
    if when.need:
        yield f"needs {when.need}"
    for stage in policy.stages:
        if said := quorum_words(stage.quorum):
            yield f"{said} besides"
        if stage.retry_count:
            yield f"within {format_duration(stage.within)}"
    if policy.reason is ReasonRule.REQUIRED:
        yield "a reason"
    if policy.typed:
        yield "a text that is typed"
    if policy.otp:
        yield "a code"
    if policy.via != ("chat",):
        yield f"by {' or '.join(policy.via)}"


def _times(times: Times) -> Iterator[str]:
    if times.dates:
        yield " or ".join(first if first == last else f"{first} to {last}" for first, last in times.dates)
    if times.days:
        yield f"on {' or '.join(DAYS[day] for day in times.days)}"
    if times.hours:
        yield " or ".join(f"{_clock(begin)}-{_clock(end)}" for begin, end in times.hours)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
