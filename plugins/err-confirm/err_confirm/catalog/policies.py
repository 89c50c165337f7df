"""Read the key `confirm:`, which says who must answer and for how long an execution waits."""

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

from err_confirm.backends import SCHEMES
from err_confirm.duration_key import Duration
from err_confirm.model import Policy, Seat, Stage
from err_confirm.people import EVERYBODY, People
from err_confirm.spelling import did_you_mean

SHORTEST_POLL = 0.05
LONGEST_WAIT = 7 * 86_400.0
MOST_POLLS = 10_000
_POLLS_WITHIN = 100
_SAME = "same"


def as_list(value: Any) -> Any:
    """Take one value for a list of one."""
    return value if isinstance(value, list | dict) else [value]


def _known(name: str, info: ValidationInfo) -> str:
    people: People = (info.context or {})["people"]
    if name not in EVERYBODY and not people.knows(name):
        _, colon, person_id = name.partition(":")
        identities = [f"{scheme}:{person_id}" for scheme in SCHEMES if colon]
        hint = did_you_mean(name, [*EVERYBODY, *people.names(), *identities])
        raise ValueError(f'unknown person "{name}"{hint}; name them in CONFIRM_PEOPLE')
    return name


def _known_or_same(name: str, info: ValidationInfo) -> str:
    return name if name == _SAME else _known(name, info)


def _poll(delay: float) -> float:
    if delay < SHORTEST_POLL:
        raise ValueError(f"polls are at least {SHORTEST_POLL} s apart")
    return delay


def _wait(seconds: float) -> float:
    if not SHORTEST_POLL <= seconds <= LONGEST_WAIT:
        raise ValueError(f"an execution waits between {SHORTEST_POLL} s and 7 days")
    return seconds


def _within_alone(seconds: float, info: ValidationInfo) -> float:
    if info.data.get("retry") is not None:
        raise ValueError("retry and within both say how long to wait; keep one of them")
    return seconds


def _as_deny(value: Any) -> Any:
    if isinstance(value, str):
        return {"by": value}
    if isinstance(value, list):
        raise ValueError(f"a list of people needs the key by: write deny: {{by: {_shown(value)}}}")
    return value


def _as_policy(value: Any) -> Any:
    if value == "requester":
        return {}
    if value == "none":
        return None
    if isinstance(value, str | list):
        raise ValueError(f"people stand under the key by: write confirm: {{by: {_shown(value)}}}")
    if isinstance(value, dict):
        empty = [str(key) for key, item in value.items() if item is None]
        if empty:
            raise ValueError(f"{empty[0]} has no value; write one, or remove the key")
        return value
    raise ValueError("confirm is requester, none (runs at once) or a mapping such as {by: others, within: 5m}")


def _shown(names: str | list[Any]) -> str:
    return names if isinstance(names, str) else f"[{', '.join(map(str, names))}]"


_People = Annotated[
    list[Annotated[str, AfterValidator(_known)]],
    Field(min_length=1),
    BeforeValidator(as_list, json_schema_input_type=str | list[str]),
]


class RetryEntry(BaseModel):
    """How often an execution looks for answers, and how long it waits in between."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)

    count: Annotated[int, Field(ge=1, le=MOST_POLLS)] = 20
    """How many polls."""
    delay: Annotated[Duration, AfterValidator(_poll)] = 3.0
    """From poll to poll, such as 3s."""

    @model_validator(mode="after")
    def _bounded(self) -> "RetryEntry":
        _wait(self.count * self.delay)
        return self


class DenyEntry(BaseModel):
    """Who may refuse; `same` is whoever may confirm."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)

    by: Annotated[
        list[Annotated[str, AfterValidator(_known_or_same)]],
        Field(min_length=1),
        BeforeValidator(as_list, json_schema_input_type=str | list[str]),
    ] = [_SAME]
    """`same` (whoever may confirm), or as in `by` of the policy."""


class PolicyEntry(BaseModel):
    """What stands under `confirm:`."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)

    by: _People = ["requester"]
    """Who may confirm: requester, others (anyone but who asked), anyone, or people. Any one of them is enough."""
    retry: RetryEntry | None = None
    """How long it waits, as polls: `count` times, `delay` apart."""
    within: Annotated[Duration, AfterValidator(_wait), AfterValidator(_within_alone)] | None = None
    """How long it waits, said in one: 90s, 5m, 4h, 1d. Either this or `retry`."""
    deny: Annotated[DenyEntry, BeforeValidator(_as_deny, json_schema_input_type=str | DenyEntry)] = DenyEntry()
    """Who may refuse."""

    def policy(self) -> Policy:
        """Return what this means."""
        by = tuple(dict.fromkeys(self.by))
        deny_by = [person for name in self.deny.by for person in (by if name == _SAME else (name,))]
        count, delay = self._polls()
        stage = Stage(quorum=Seat(by=by), retry_count=count, retry_delay=delay)
        return Policy(stages=(stage,), deny=Seat(by=tuple(dict.fromkeys(deny_by)), own=True))

    def _polls(self) -> tuple[int, float]:
        """Return how many polls and how far apart: for `within`, a hundredth of it, between 3 and 60 s."""
        if self.within is None:
            retry = self.retry or RetryEntry()
            return retry.count, retry.delay
        delay = min(max(self.within / _POLLS_WITHIN, 3.0), 60.0)
        count = min(math.ceil(self.within / delay), MOST_POLLS)
        return count, self.within / count


Confirm = Annotated[
    PolicyEntry | None,
    BeforeValidator(_as_policy, json_schema_input_type=Literal["requester", "none"] | PolicyEntry),
]
"""The value of `confirm:`; None runs at once."""
