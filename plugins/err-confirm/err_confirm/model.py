"""The nouns: what alias, guard and action files say, and what becomes of a request."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from err_confirm.policy_model import Policy

BOT_RUNNER = "bot"
"""The runner of commands of the bot's other plugins."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a definition stands, as people name it: `aliases/reboot.yaml:3`."""

    path: Path
    line: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


class ParameterType(StrEnum):
    """The types that a parameter can have."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    ARRAY = "array"
    OBJECT = "object"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """What an action says about one of its parameters.

    `min` and `max` bound a number; `max_length` bounds a string's characters or an array's items; `pattern` must
    match the whole string (each item of an array). A string is one safe word unless it has an enum or a pattern or
    is `free`, and never starts with `-` unless `dash` allows it.
    """

    name: str
    type: ParameterType = ParameterType.STRING
    description: str = ""
    required: bool = False
    default: Any = None
    enum: tuple[Any, ...] = ()
    pattern: str | None = None
    min: float | None = None
    max: float | None = None
    max_length: int | None = None
    free: bool = False
    dash: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something that can run: typed parameters, and one runner with what it is told.

    `run` is what stands under `run:`, checked by that runner but with its templates not rendered yet.
    `base` is the folder in which it runs unless `run` says otherwise: the one that holds `actions/` or `aliases/`.
    """

    name: str
    runner: str
    run: Mapping[str, Any]
    source: Source
    base: Path
    pack: str = ""
    description: str = ""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One way to say an alias; `display` alone is help text and matches nothing."""

    display: str = ""
    representations: tuple[str, ...] = ()
    match_multiple: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The `ack` or `result` of an alias: a template of what to say, and fields for a card."""

    enabled: bool = True
    format: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """What people say, and which action it starts under which policy (`None` runs at once)."""

    name: str
    action_ref: str
    formats: tuple[Format, ...]
    source: Source
    policy: Policy | None
    pack: str = ""
    description: str = ""
    enabled: bool = True
    ack: Reply = Reply()
    result: Reply = Reply()
    extra: Mapping[str, Any] = field(default_factory=dict)
    immutable_parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Commands of other plugins that ask first, as patterns, and under which policy (`None` lets them run at once).

    `shipped` tells one of our own files, to which any of the user's is preferred. `error` says why its file cannot be
    used: what it covers is refused then; `unreadable` if not even that could be read, so that it covers everything;
    `instead` if it stands for an alias that cannot be used, before any other guard.
    """

    name: str
    commands: tuple[str, ...]
    source: Source
    policy: Policy | None
    description: str = ""
    shipped: bool = False
    error: str = ""
    unreadable: bool = False
    instead: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """Exactly what will run, rendered once: a runner's name and its final instructions, JSON values only."""

    runner: str
    spec: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """SHA-256 (hexadecimal) of the canonical JSON form: what votes and the claim are bound to."""
        canonical = json.dumps([self.runner, self.spec], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


def bound(invocation: Invocation, others: Mapping[str, Invocation]) -> str:
    """Return the digest of all that may run: that of the one invocation, or of all of them by choice."""
    if not others:
        return invocation.digest
    all_of_them = {"": invocation.digest, **{name: each.digest for name, each in others.items()}}
    return hashlib.sha256(json.dumps(all_of_them, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one execution would be, and by the name of which alias or guard: nothing is rendered again after this.

    `others` are what runs instead after some choices, by their names.
    """

    alias: str
    action: str
    policy: Policy | None
    invocation: Invocation
    others: Mapping[str, Invocation] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    ack: Reply = Reply()
    result: Reply = Reply()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended.

    `exit_code` is None where there was none (it could not be started, or was stopped); `output` holds the last
    bytes of what it wrote, as text; `error` is a sentence of ours, empty after a plain exit.
    """

    exit_code: int | None
    output: str = ""
    omitted_bytes: int = 0
    error: str = ""
    aborted: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether it ran to its end with exit code 0."""
        return self.exit_code == 0 and not self.aborted and not self.error


class State(StrEnum):
    """The states of an execution; shared with people, so each is a plain word."""

    PENDING = "pending"
    APPROVED = "approved"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ABORTED = "aborted"
    LOST = "lost"
    DENIED = "denied"
    EXPIRED = "expired"
    CANCELED = "canceled"

    @property
    def ended(self) -> bool:
        """Whether nothing more is done for it (a late report may still correct `lost`)."""
        return self not in (State.PENDING, State.APPROVED, State.RUNNING)


class Verdict(StrEnum):
    """What a vote says."""

    APPROVE = "approve"
    DENY = "deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One person's answer; it counts until `expires_at` and only for what has this digest.

    `at` and `expires_at` are moments of the store's clock, in seconds since 1970; `identity` and `room` say from where
    it came: who the chat network says that it was, and the room, empty in a direct message. A `guest` is somebody from
    outside. `choice` is the one that was taken, `answer` what was said to its question. It was given in a `stage`.
    """

    person: str
    verdict: Verdict
    at: float
    expires_at: float
    digest: str
    reason: str = ""
    identity: str = ""
    room: str = ""
    guest: bool = False
    choice: str = ""
    answer: str = ""
    stage: int = 0


class Notice(StrEnum):
    """What is said about an execution while it waits."""

    VOTE = "vote"
    STAGE = "stage"
    REMINDER = "reminder"
    ESCALATION = "escalation"
    SNOOZE = "snooze"
    AGAIN = "again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an execution was asked for, in the backend's own lasting form.

    `room` is empty in a direct message; `person` addresses the requester; `thread` is the backend's thread mark.
    """

    person: str
    room: str = ""
    thread: str = ""

    def same_as(self, other: "Place") -> bool:
        """Tell whether what is said in one is read in the other: the same room and thread, or the same person."""
        where = (self.room, self.thread) == (other.room, other.thread)
        return where and (bool(self.room) or self.person == other.person)


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One request and all that became of it. All moments are seconds since 1970 on the store's clock.

    `others` are what runs instead of `invocation` after some choices, and `choice` is the one that was taken. `stage`
    is the one that waits, since `stage_at`; `escalated` are those in which others were called. `ask_again_at` is when a
    snooze ends. `seen` are the messages that have answered. `notice` is what was last to be said while it waits, caused
    by the person `notice_by`, the `notices`-th of them; `untold` are those, with their numbers, that nobody has noted
    as said yet. `tell_after` is when another process may tell them, or its end, None once that is told; `tells` counts
    the attempts.
    """

    id: str
    state: State
    alias: str
    action: str
    text: str
    parameters: Mapping[str, Any]
    invocation: Invocation
    digest: str
    policy: Policy | None
    requester: str
    place: Place
    created_at: float
    expires_at: float
    identity: str = ""
    version: int = 1
    posted: bool = False
    ack: Reply = Reply()
    result: Reply = Reply()
    votes: tuple[Vote, ...] = ()
    others: Mapping[str, Invocation] = field(default_factory=dict)
    choice: str = ""
    stage: int = 0
    stage_at: float = 0.0
    reminded: bool = False
    escalated: tuple[int, ...] = ()
    ask_again_at: float | None = None
    seen: tuple[str, ...] = ()
    notice: Notice | None = None
    notice_by: str = ""
    notices: int = 0
    untold: Mapping[Notice, int] = field(default_factory=dict)
    reason: str = ""
    decided_by: str = ""
    approved_at: float | None = None
    fence: int = 0
    process: str = ""
    lease_until: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    outcome: Outcome | None = None
    tell_after: float | None = None
    tells: int = 0

    @property
    def runs(self) -> Invocation:
        """What runs after the choice that was taken."""
        return self.others.get(self.choice, self.invocation)
