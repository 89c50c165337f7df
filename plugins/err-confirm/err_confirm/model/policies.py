"""The nouns of a policy: who must answer and how, in stages, and what makes it another one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One answer that is needed, from somebody among `by`.

    `by` holds `requester`, `others`, `anyone`, people (names of CONFIRM_PEOPLE or raw identities) and `@groups`. The
    requester counts only for `requester` and `anyone`, and by name or group only in a seat that is their `own` to take.
    An answer counts for it that was given in the stage `since`, or later.
    """

    by: tuple[str, ...]
    own: bool = False
    since: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AllOf:
    """Each of these is needed; one person fills one seat of them."""

    all: tuple["Quorum", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf:
    """One of these is enough."""

    any: tuple["Quorum", ...]


Quorum = Seat | AllOf | AnyOf
"""What a policy's YAML compiles to, whatever its keys are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Who must answer together, and how long, in polls, an execution waits for them.

    The deadline and the polls come from `retry_count` times `retry_delay` (seconds) alone. `remind` is how long before
    the deadline those who are missing are called again; `escalate_after` how long after the stage has begun
    `escalate_to` are called, who may fill its seats from then on; both in seconds, 0 for never.
    """

    quorum: Quorum
    retry_count: int = 20
    retry_delay: float = 3.0
    remind: float = 0.0
    escalate_after: float = 0.0
    escalate_to: tuple[str, ...] = ()

    @property
    def within(self) -> float:
        """How long an execution waits in this stage, in seconds."""
        return self.retry_count * self.retry_delay


class QuestionType(StrEnum):
    """What an answer to a question must be."""

    TEXT = "text"
    EMAIL = "email"
    NUMBER = "number"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What else is asked of whoever answers; without `required`, an answer may be left out."""

    text: str
    type: QuestionType = QuestionType.TEXT
    required: bool = True


class Effect(StrEnum):
    """What a choice does."""

    APPROVE = "approve"
    DENY = "deny"
    SNOOZE = "snooze"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of the answers that there are.

    `run` names another action that runs instead; `after` is how long a snooze lasts, in seconds; a `sure` one asks
    whether it is meant.
    """

    name: str
    effect: Effect = Effect.APPROVE
    caption: str = ""
    question: Question | None = None
    sure: bool = False
    after: float = 0.0
    run: str = ""


class ReasonRule(StrEnum):
    """Whether an approval needs a reason."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Some part of the calendar, in the time zone `zone`; what is empty does not matter.

    `days` are weekdays (0 is Monday); `hours` are pairs of minutes since midnight, the end not included, which may go
    past midnight; `dates` are pairs of days such as `2026-12-20`, both included.
    """

    days: tuple[int, ...] = ()
    hours: tuple[tuple[int, int], ...] = ()
    dates: tuple[tuple[str, str], ...] = ()
    zone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """A time in which nothing runs, and why."""

    times: Times
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """What makes a policy stricter if all of its conditions hold, or cannot be told.

    `parameters` are values of which each parameter must have one; `rooms` where it must be asked; `times` when.
    `policy` is what then holds besides, and `need` how many must answer at least where it names nobody itself. If it is
    to `loosen`, its policy holds instead, and only where each condition is sure. `refuse` says why nothing may be asked
    at all then.
    """

    policy: "Policy"
    need: int = 0
    refuse: str = ""
    parameters: Mapping[str, tuple[Any, ...]] = field(default_factory=dict, hash=False)
    rooms: tuple[str, ...] = ()
    times: Times | None = None
    loosen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Who must answer and how; `stages` come one after the other, none of them if nobody has to.

    `deny` is what ends it with a no. `patterns` must each be found in the reason; `typed` are texts that must be typed
    with the answer. `via` says where an answer counts (`chat`, or networks by scheme). `room` is where the prompt goes
    besides the place where it was asked for; with `dm` each person who is named gets it directly, with a token of their
    own that their answer must bring. `prompt` is a template of what the prompt says first. `when` makes it stricter or,
    once decided, is empty; `because` then says what was decided, a sentence each.
    """

    stages: tuple[Stage, ...]
    deny: Quorum
    reason: ReasonRule = ReasonRule.OPTIONAL
    patterns: tuple[str, ...] = ()
    typed: tuple[str, ...] = ()
    otp: bool = False
    via: tuple[str, ...] = ("chat",)
    room: str = ""
    dm: bool = False
    prompt: str = ""
    question: Question | None = None
    choices: tuple[Choice, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    when: tuple[When, ...] = ()
    because: tuple[str, ...] = ()

    @property
    def within(self) -> float:
        """How long an execution waits at most, in seconds, if nobody snoozes it."""
        return sum(stage.within for stage in self.stages)
