"""The nouns of a request: what it would be, where it was asked, who has answered, and what has become of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from err_confirm.model.files import Action, Reply
from err_confirm.model.policies import Policy
from err_confirm.model.runs import NOTHING, Conduct, Invocation, Outcome, Part, bound


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


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who says something, and where: the person, the place, and who the chat network says that it is."""

    person: str
    place: Place
    identity: str = ""


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
