"""The nouns: what alias, guard and action files say, and what becomes of a request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from err_confirm.policy_model import Policy
from err_confirm.run_model import NOTHING, Conduct, FollowUp, Invocation, OnChange, Outcome, Part, bound


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
    is `free`, and never starts with `-` unless `dash` allows it. One that is `immutable` has its default, or none.
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
    immutable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Something that runs before anybody has confirmed; `run` is what stands in the file for this runner."""

    runner: str
    run: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRule:
    """Where an action's targets come from: a probe's output, or the template `of` of a list."""

    probe: Probe | None = None
    of: str = ""
    select: str = ""
    on_change: OnChange = OnChange.REFUSE


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewRule:
    """The dry run of an action, and whether it must say the same once more at the claim."""

    probe: Probe
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How many targets at once, how many errors end it, and how many seconds lie between two starts.

    The first two are numbers, or shares of all targets such as `25%`.
    """

    concurrency: int | str = 1
    max_errors: int | str = 0
    delay: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MutexRule:
    """The template of a name under which only one execution runs at a time, and the seconds that others wait for it."""

    name: str
    wait: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """The queue whose workers run an action, and how many seconds one of them has to take it."""

    queue: str
    within: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """As whom something runs: an OS user, nobody else if that is empty, with these variables, secrets as references."""

    user: str = ""
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something that can run: typed parameters, and one runner with what it is told.

    `run` is what stands under `run:`, checked by that runner but with its templates not rendered yet.
    `base` is the folder in which it runs unless `run` says otherwise: the one that holds `actions/` or `aliases/`.
    `retry` tells that it does no harm to start it again; `json` that its output is JSON. `profiles` are those that `as`
    may name.
    """

    name: str
    runner: str
    run: Mapping[str, Any]
    source: Source
    base: Path
    pack: str = ""
    description: str = ""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    targets: TargetRule | None = None
    preview: PreviewRule | None = None
    rate: Rate = Rate()
    mutex: MutexRule | None = None
    remote: Remote | None = None
    retry: bool = False
    json: bool = False
    profiles: Mapping[str, Profile] = field(default_factory=dict)


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
    """What people say, which action it starts under which policy (`None` runs at once), and what follows."""

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
    follow: Mapping[str, FollowUp] = field(default_factory=dict)


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
class Ahead:
    """What must still be looked at before something can be asked for: who its targets are, or what a dry run says."""

    action: Action
    targets: Invocation | None = None
    preview: Invocation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one execution would be, and by the name of which alias or guard: nothing is rendered again after this.

    `others` are what runs instead after some choices, by their names. What is `ahead` comes first, if anything is.
    """

    alias: str
    action: str
    policy: Policy | None
    invocation: Invocation = NOTHING
    others: Mapping[str, Invocation] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    ack: Reply = Reply()
    result: Reply = Reply()
    conduct: Conduct = Conduct()
    ahead: Ahead | None = None

    @property
    def digest(self) -> str:
        """What votes are bound to."""
        return bound(self.invocation, self.others, self.conduct)


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
    the attempts. `readers` are those who have looked at what its prompt could not show whole. `parts` tell how far a
    loop has come; `aborted_by` wants it stopped. It followed its `parent`, because of `cause`, as the `depth`-th.
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
    conduct: Conduct = Conduct()
    readers: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    aborted_by: str = ""
    abort_reason: str = ""
    parent: str = ""
    cause: str = ""
    depth: int = 0

    @property
    def runs(self) -> Invocation:
        """What runs after the choice that was taken."""
        return self.others.get(self.choice, self.invocation)
