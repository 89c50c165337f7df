"""What somebody, a process or time wants of an execution, and why it may not have it."""

from dataclasses import dataclass
from enum import StrEnum

from err_confirm.model.executions import State, Verdict
from err_confirm.model.runs import Outcome, Part


@dataclass(frozen=True, slots=True)
class Posted:
    """The prompt has really been posted: the deadline starts; what needs no prompt may run."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A person confirms or denies; `identity`, `room` and `message` (the network's id of it) say from where.

    `guest` is somebody from outside. `via` is the way it came: `chat` and the network's scheme. With it was said:
    `choice`, `answer` (to its question), `reason`, `typed`. `sure` tells that it was meant, `otp` that a code was
    right, `token` that it brought what only this person was told.
    """

    person: str
    verdict: Verdict
    reason: str = ""
    identity: str = ""
    room: str = ""
    message: str = ""
    guest: bool = False
    via: tuple[str, ...] = ("chat",)
    choice: str = ""
    answer: str = ""
    typed: tuple[str, ...] = ()
    sure: bool = False
    otp: bool = False
    token: bool = False


@dataclass(frozen=True, slots=True)
class Cancel:
    """The requester takes the request back; `identity` and `room` say from where."""

    person: str
    reason: str = ""
    identity: str = ""
    room: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """A person has looked at all that is to run, also where the prompt could not show it."""

    person: str


@dataclass(frozen=True, slots=True)
class Abort:
    """A person wants stopped what runs; `identity` and `room` say from where."""

    person: str
    reason: str = ""
    identity: str = ""
    room: str = ""
    guest: bool = False


@dataclass(frozen=True, slots=True)
class Advance:
    """A process asks for what time and votes allow: to run, expire, or give up an execution, or to tell its end.

    `gone` are the places of those targets that are not there any more.
    """

    process: str
    gone: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Expire:
    """It has waited its whole time, up to a deadline, by the clock of a process, whatever the store's clock says."""

    expires_at: float


@dataclass(frozen=True, slots=True)
class Doubt:
    """What must vouch for an approved execution cannot, so it must not run."""

    reason: str


@dataclass(frozen=True, slots=True)
class Renew:
    """The process that runs it still does."""

    process: str
    fence: int


@dataclass(frozen=True, slots=True)
class Progress:
    """The process that runs it says how far it has come, and that it still does."""

    process: str
    fence: int
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Finish:
    """The process that ran it reports how it ended."""

    process: str
    fence: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Told:
    """The room has been told that it ended in this state, or the notice with this number while it waits."""

    state: State
    notice: int = 0


Event = Posted | Answer | Cancel | Read | Abort | Advance | Expire | Doubt | Renew | Progress | Finish | Told


class Reason(StrEnum):
    """Why an event changes nothing."""

    UNKNOWN = "unknown"
    EXPIRED = "expired"
    DECIDED = "decided"
    RUNNING = "running"
    ENDED = "ended"
    NOT_YOURS = "not_yours"
    UNPROVEN = "unproven"
    NOT_REQUESTER = "not_requester"
    TOO_EARLY = "too_early"
    GUEST = "guest"
    VIA = "via"
    UNREAD = "unread"
    NOT_RUNNING = "not_running"
    TOKEN = "token"  # noqa: S105  # no password
    CHOICE = "choice"
    TYPED = "typed"
    REASON = "reason"
    OTP = "otp"
    QUESTION = "question"
    SURE = "sure"
    FROZEN = "frozen"
    SNOOZED_OUT = "snoozed_out"
    REPEATED = "repeated"
    NOT_YET = "not_yet"
    STALE = "stale"
