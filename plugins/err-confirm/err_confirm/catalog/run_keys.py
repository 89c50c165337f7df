"""Read the keys that say how something runs: on which targets, how fast, where, alone or not; and what follows."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from err_confirm.catalog.policy.answer_keys import a_line
from err_confirm.file_keys import Duration, Entry, Keys
from err_confirm.model.executions import State
from err_confirm.model.files import MutexRule, Rate, Remote
from err_confirm.model.runs import ELSE, FINALLY, THEN, FollowUp, OnChange
from err_confirm.runners.loops import MOST_AT_ONCE

LONGEST_PROBE = 20
"""The most seconds of a `timeout` under `targets` and `preview`: what was confirmed must begin within a minute."""
USUAL_PROBE = "10s"
LONGEST_DELAY, LONGEST_LOCK, LONGEST_TAKING = 3_600, 3_600, 3_600
"""The most seconds of `rate: delay`, `lock: wait` and `remote: within`."""
AFTER = tuple(str(state) for state in State if state.ended and state is not State.SUCCEEDED)
"""The states that `on` knows, besides the names of choices."""
_PERCENT = r"^(100|[1-9]?[0-9])%$"
_SOME_PERCENT = r"^(100|[1-9][0-9]?)%$"


def _share(value: int | str) -> int | str:
    if isinstance(value, str) and not re.fullmatch(_PERCENT, value):
        raise ValueError(f'"{value}" is neither a number nor a share such as 25%')
    return value


def _at_once(value: int | str) -> int | str:
    if value in (0, "0%"):
        raise ValueError("with a concurrency of 0 nothing would ever run; say 1 or more, or a share such as 25%")
    if isinstance(value, int) and value > MOST_AT_ONCE:
        raise ValueError(f"at most {MOST_AT_ONCE} can run at once")
    return value


def _at_most(most: int, key: str) -> AfterValidator:
    def check(seconds: float) -> float:
        if seconds > most:
            raise ValueError(f'"{key}" must be at most {most // 60}m')
        return seconds

    return AfterValidator(check)


def _schema(pattern: str, **bounds: int) -> WithJsonSchema:
    number, share = {"type": "integer", **bounds}, {"type": "string", "pattern": pattern}
    return WithJsonSchema({"anyOf": [number, share]}, mode="validation")


_Share = Annotated[int, Field(ge=0)] | Annotated[str, AfterValidator(_share)]
_AtOnce = Annotated[_Share, AfterValidator(_at_once), _schema(_SOME_PERCENT, minimum=1, maximum=MOST_AT_ONCE)]
_Errors = Annotated[_Share, _schema(_PERCENT, minimum=0)]


class RateEntry(Entry):
    """How fast a loop goes over its targets."""

    concurrency: _AtOnce = 1
    """How many at once: a number up to 100, or a share of all targets such as 25%, at least one."""
    max_errors: _Errors = 0
    """After how many errors more nothing new begins: a number, or a share of all targets such as 10%."""
    delay: Annotated[Duration, _at_most(LONGEST_DELAY, "delay")] = 0.0
    """How long it waits between two starts: 5s."""

    def rate(self) -> Rate:
        """Return what this means."""
        return Rate(concurrency=self.concurrency, max_errors=self.max_errors, delay=self.delay)


class LockEntry(Entry):
    """A name under which only one execution runs at a time."""

    name: Annotated[str, AfterValidator(a_line)]
    """A template over the parameters: "{{ host }}"."""
    wait: Annotated[Duration, _at_most(LONGEST_LOCK, "wait")] = 0.0
    """How long one that was confirmed waits for the other: 10m. Without it, it does not run."""

    def rule(self) -> MutexRule:
        """Return what this means."""
        return MutexRule(name=self.name, wait=self.wait)


class RemoteEntry(Entry):
    """Where something runs that does not run where the bot is."""

    queue: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    """The queue whose workers run it."""
    within: Annotated[Duration, _at_most(LONGEST_TAKING, "within")] = 60.0
    """How long a worker has to take it."""

    def remote(self) -> Remote:
        """Return what this means."""
        return Remote(queue=self.queue, within=self.within)


class FollowEntry(Entry):
    """The alias that is started afterwards."""

    alias: Annotated[str, AfterValidator(a_line)]
    """Its name."""
    parameters: dict[str, Any] | None = None
    """Its parameters: values, or templates such as "{{ result.value.id }}". Without them, those of the same names."""

    def follow(self) -> FollowUp:
        """Return what this means."""
        return FollowUp(alias=self.alias, parameters=self.parameters)


class TargetKeys(Entry):
    """What `targets` says besides what names them."""

    of: str | None = None
    """A template of a list, such as "{{ hosts }}", instead of something that runs."""
    select: str = ""
    """A JMESPath expression that finds the targets in the output: `instances[].{id: id, name: name}`."""
    on_change: Annotated[OnChange, Field(strict=False)] = OnChange.REFUSE
    """What happens if there are others at the last moment: `refuse`, or `intersect` for those that are still there."""


class PreviewKeys(Entry):
    """What `preview` says besides what runs."""

    again: bool = False
    """`true` runs it once more at the last moment: if it says something else then, nothing runs."""


def _alone(key: str, entry: type[Entry]) -> BeforeValidator:
    """Take a text alone for the mapping that has only this key."""
    return BeforeValidator(
        lambda value: {key: value} if isinstance(value, str) else value, json_schema_input_type=str | entry
    )


_FollowUp = Annotated[FollowEntry, _alone("alias", FollowEntry)]


class Conducted(Keys):
    """The keys of an action besides its parameters and what runs."""

    targets: str | dict[str, Any] | None = None
    """What it is done to, one after the other: what names them and runs before anybody is asked, or "{{ hosts }}"."""
    preview: dict[str, Any] | None = None
    """A dry run before anybody is asked, whose output is in the prompt."""
    rate: RateEntry = RateEntry()
    """How fast it goes over its targets. Without it: one after the other, until one fails."""
    lock: Annotated[LockEntry, _alone("name", LockEntry)] | None = None
    """A name under which only one execution runs at a time: "{{ host }}"."""
    remote: Annotated[RemoteEntry, _alone("queue", RemoteEntry)] | None = None
    """The queue of the workers that run it, on whatever machine they are."""
    on_lost: Literal["retry"] | None = None
    """`retry` starts it again when whoever ran it is gone: only for what does no harm the second time."""
    output: Literal["text", "json"] = "text"
    """`json` parses what it writes, for what follows and for what is said of it."""

    @model_validator(mode="after")
    def _has_targets(self) -> "Conducted":
        if self.targets is None and "rate" in self.model_fields_set:
            raise ValueError('"rate" is for actions with targets; add targets, or remove it')
        return self


class Following(Keys):
    """The keys of an alias that say what is started afterwards."""

    then: _FollowUp | None = None
    """What is started after it succeeded: an alias, or {alias: …, parameters: …}."""
    else_: Annotated[_FollowUp | None, Field(alias="else")] = None
    """What is started after it failed or was aborted."""
    finally_: Annotated[_FollowUp | None, Field(alias="finally")] = None
    """What is started after it ran, however that ended."""
    on: dict[str, _FollowUp] = Field(default={})
    """What is started after something else: failed, aborted, lost, denied, expired, canceled, or a choice by name."""

    def follow(self) -> Mapping[str, FollowUp]:
        """Return what this means."""
        named = {THEN: self.then, ELSE: self.else_, FINALLY: self.finally_, **self.on}
        return {name: entry.follow() for name, entry in named.items() if entry is not None}
