"""Read the keys of a stage: who must answer in it, how long it waits, and who is called when nobody does."""

import math
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from err_confirm.catalog.policy.quorums import NOBODY, QuorumKeys, known
from err_confirm.durations import format_duration
from err_confirm.file_keys import Duration, Entry, as_list
from err_confirm.model.policies import Stage
from err_confirm.people import EVERYBODY

SHORTEST_POLL = 0.05
LONGEST_WAIT = 7 * 86_400.0
MOST_POLLS = 10_000
_POLLS_WITHIN = 100
TIMING = ("retry", "within", "remind", "escalate")
"""The keys of a stage that are not about who."""


def check_wait(seconds: float) -> float:
    """Return how long an execution waits. Raises ValueError if that is too short or too long."""
    if not SHORTEST_POLL <= seconds <= LONGEST_WAIT:
        raise ValueError(f"an execution waits between {SHORTEST_POLL} s and 7 days")
    return seconds


def _poll(delay: float) -> float:
    if delay < SHORTEST_POLL:
        raise ValueError(f"polls are at least {SHORTEST_POLL} s apart")
    return delay


def _within_alone(seconds: float, info: ValidationInfo) -> float:
    if info.data.get("retry") is not None:
        raise ValueError("retry and within both say how long to wait; keep one of them")
    return seconds


def _called(name: str, info: ValidationInfo) -> str:
    if name in EVERYBODY or name == NOBODY:
        raise ValueError(f"escalate calls people or @groups, and {name} is nobody to call")
    return known(name, info)


class RetryEntry(Entry):
    """How often an execution looks for answers, and how long it waits in between."""

    count: Annotated[int, Field(ge=1, le=MOST_POLLS)] = 20
    """How many polls."""
    delay: Annotated[Duration, AfterValidator(_poll)] = 3.0
    """From poll to poll, such as 3s."""

    @model_validator(mode="after")
    def _bounded(self) -> "RetryEntry":
        check_wait(self.count * self.delay)
        return self


class EscalateEntry(Entry):
    """Whom to call when nobody has answered for some time."""

    after: Duration
    """How long after the stage has begun: 10m."""
    to: Annotated[
        list[Annotated[str, AfterValidator(_called)]],
        Field(min_length=1),
        BeforeValidator(as_list, json_schema_input_type=str | list[str]),
    ]
    """People and @groups, who may fill its seats from then on."""


def _polls(keys: Mapping[str, Any]) -> tuple[int, float]:
    """Return how many polls and how far apart: for `within`, a hundredth of it, between 3 and 60 s."""
    within = keys.get("within")
    if within is None:
        retry = keys.get("retry") or RetryEntry()
        return retry.count, retry.delay
    delay = min(max(within / _POLLS_WITHIN, 3.0), 60.0)
    count = min(math.ceil(within / delay), MOST_POLLS)
    return count, within / count


def _in_time(seconds: float, info: ValidationInfo) -> float:
    count, delay = _polls(info.data)
    if seconds >= count * delay:
        raise ValueError(f"remind comes before the end, and it waits only {format_duration(count * delay)}")
    return seconds


def _called_in_time(escalate: EscalateEntry, info: ValidationInfo) -> EscalateEntry:
    count, delay = _polls(info.data)
    if escalate.after >= count * delay:
        raise ValueError(f"escalate comes before the end, and it waits only {format_duration(count * delay)}")
    return escalate


class StageKeys(QuorumKeys):
    """Who must answer together, and how long it waits for them."""

    retry: RetryEntry | None = None
    """How long it waits, as polls: `count` times, `delay` apart."""
    within: Annotated[Duration, AfterValidator(check_wait), AfterValidator(_within_alone)] | None = None
    """How long it waits, said in one: 90s, 5m, 4h, 1d. Either this or `retry`."""
    remind: Annotated[Duration, AfterValidator(_in_time)] | None = None
    """How long before the end those who are missing are called again."""
    escalate: Annotated[EscalateEntry, AfterValidator(_called_in_time)] | None = None
    """Who is called, and may answer, too, when nobody has answered for some time."""

    def polls(self) -> tuple[int, float]:
        """Return how many polls, and how far apart."""
        return _polls({"retry": self.retry, "within": self.within})

    def stage(self) -> Stage:
        """Return the stage that these keys mean."""
        count, delay = self.polls()
        return Stage(
            quorum=self.quorum(),
            retry_count=count,
            retry_delay=delay,
            remind=self.remind or 0.0,
            escalate_after=self.escalate.after if self.escalate else 0.0,
            escalate_to=tuple(dict.fromkeys(self.escalate.to)) if self.escalate else (),
        )


class StageEntry(StageKeys):
    """One of several stages."""

    @model_validator(mode="after")
    def _somebody(self) -> "StageEntry":
        if not self.who_keys():
            raise ValueError("does not say who; write by, all or any")
        if self.nobody():
            raise ValueError("none is nobody; leave this stage out")
        return self
