"""The nouns of what runs: on which targets, after which look ahead, alone or not, and what follows."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

BOT_RUNNER = "bot"
"""The runner of commands of the bot's other plugins."""
SAID_RUNNER = "said"
"""The runner of what an alias says to the bot: one of those commands, found by its text when it starts."""
LOOP_RUNNER = "loop"
"""The runner of what runs once for each target."""
REMOTE_RUNNER = "remote"
"""The runner of what a worker runs on another machine."""
SHOWN_TARGETS = 10
"""How many targets a prompt names; whoever confirms more has to look at them first."""
SHOWN_LINES, SHOWN_BYTES = 12, 800
"""How much of a preview's output stands in a prompt."""
THEN, ELSE, FINALLY = "then", "else", "finally"
"""Why something follows that ran, besides the state in which it ended, or a choice."""
MOST_RUNS = 3
"""How often what may be started again is started, the first time included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """Exactly what will run, rendered once: a runner's name and its final instructions, JSON values only."""

    runner: str
    spec: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """SHA-256 (hexadecimal) of the canonical JSON form: what votes and the claim are bound to."""
        return _digest([self.runner, self.spec])


NOTHING = Invocation(runner="", spec={})
"""What stands for an invocation as long as it is not known; nothing runs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One of the things that something is done to: its id is what runs get, its name is for people."""

    id: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.id})" if self.name not in ("", self.id) else self.id


class OnChange(StrEnum):
    """What is done at the claim if the targets are not the same any more: nothing, or what is left of them."""

    REFUSE = "refuse"
    INTERSECT = "intersect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """How the targets were found: by running `invocation`, None where they are a parameter, and `select` in its output.

    `select` is a JMESPath expression, empty for all of the output.
    """

    targets: tuple[Target, ...]
    invocation: Invocation | None = None
    select: str = ""
    on_change: OnChange = OnChange.REFUSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A dry run and what it said; with `again` it runs once more at the claim and must then say the same."""

    invocation: Invocation
    output: str
    again: bool = False

    @property
    def cut(self) -> bool:
        """Whether a prompt shows only the beginning."""
        return len(self.output.encode()) > SHOWN_BYTES or len(self.output.splitlines()) > SHOWN_LINES


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutex:
    """A name under which only one execution runs at a time; others wait so many seconds for it, with 0 not at all."""

    name: str
    wait: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """The alias that is started after something, with these parameters: values, or templates over its result.

    Without parameters, it gets those of the same names.
    """

    alias: str
    parameters: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """What holds for a run besides the command itself: all of it is bound by the digest, too.

    `retry` tells that it does no harm to start it again when it was lost; `json` that its output is to be parsed.
    `follow` says what follows, by `then`, `else`, `finally`, a state such as `expired`, or the name of a choice.
    """

    lookup: Lookup | None = None
    preview: Preview | None = None
    mutex: Mutex | None = None
    retry: bool = False
    json: bool = False
    follow: Mapping[str, FollowUp] = field(default_factory=dict)

    @property
    def targets(self) -> tuple[Target, ...]:
        """What it is done to, if that is known one by one."""
        return self.lookup.targets if self.lookup else ()

    def place_of(self, name: str) -> int | None:
        """Return the place of the target that has this as its id, or else as its name; None if there is none."""
        for names in ([each.id for each in self.targets], [each.name for each in self.targets]):
            if name and name in names:
                return names.index(name)
        return None

    @property
    def cut(self) -> bool:
        """Whether a prompt cannot show all that somebody confirms."""
        return len(self.targets) > SHOWN_TARGETS or (self.preview is not None and self.preview.cut)

    @property
    def wait(self) -> float:
        """How long it may wait for others after it was confirmed, in seconds."""
        return self.mutex.wait if self.mutex else 0.0


NO_CONDUCT = Conduct()


def bound(invocation: Invocation, others: Mapping[str, Invocation], conduct: Conduct = NO_CONDUCT) -> str:
    """Return the digest of all that may run: of the one invocation, of those by choice, and of what holds for them."""
    digest = invocation.digest
    if others:
        digest = _digest({"": digest, **{name: each.digest for name, each in others.items()}})
    return digest if conduct == NO_CONDUCT else _digest([digest, asdict(conduct)])


class PartState(StrEnum):
    """What has become of one target. What `runs` when nobody watches any more is not known."""

    WAITS = "waits"
    RUNS = "runs"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One target's share of a run: what has become of it, and the last that it said, or why it failed."""

    state: PartState = PartState.WAITS
    exit_code: int | None = None
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended.

    `exit_code` is None where there was none (it could not be started, or was stopped); `output` holds the last
    bytes of what it wrote, as text; `error` is a sentence of ours, empty after a plain exit. `lost` tells that whoever
    ran it is gone. `value` is the output as JSON, where the action says that it is that; `parts` are those of a loop.
    """

    exit_code: int | None = None
    output: str = ""
    omitted_bytes: int = 0
    error: str = ""
    aborted: bool = False
    lost: bool = False
    value: Any = None
    parts: tuple[Part, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Whether it ran to its end with exit code 0."""
        return self.exit_code == 0 and not self.aborted and not self.error


def _digest(value: Any) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
