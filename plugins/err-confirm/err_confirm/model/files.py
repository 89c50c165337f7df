"""The nouns of alias, guard and action files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from err_confirm.model.policies import Policy
from err_confirm.model.runs import FollowUp, OnChange


@dataclass(frozen=True, slots=True)
class Source:
    """Where a definition stands, as people name it: `aliases/reboot.yaml:3`; a folder has the line 0."""

    path: Path
    line: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else str(self.path)


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

    @property
    def needed(self) -> bool:
        """Whether nothing can run as long as nobody gives it."""
        return self.required and self.default is None


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
