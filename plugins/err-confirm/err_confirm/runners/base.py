"""What a runner promises: it renders once, describes what it rendered, and runs exactly that.

A new kind of action is one module with a class like this, named in `runners/__init__.py`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel

from err_confirm.errors import StartError, TemplateError
from err_confirm.model.executions import Place
from err_confirm.model.files import Action
from err_confirm.model.runs import Invocation, Outcome, Part

Render = Callable[[str], Any]
"""Renders one template string with the parameters; a string that is one lone `{{ name }}` keeps its value's type."""


def _nobody_asks(_: Sequence[Part]) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a run is given besides what was shown.

    `told` are variables about its execution, which what runs may read. All output goes into the file `keep`, if that is
    set. `report` takes the parts of a run that has some, and returns whether that was written and nobody wants it
    stopped: else no part may begin. It raises StaleError when this run is nobody's any more. `parts` are those of an
    earlier run that was lost, and `names` what people call them. `name` is unlike that of any other run, this one's
    repetition included. `tidy` ends what it has started in the background, too, as soon as it ends itself. `place` is
    where it was asked for, and `policy` the fingerprint of the one under which it was confirmed.
    """

    name: str = ""
    told: Mapping[str, str] = field(default_factory=dict)
    keep: Path | None = None
    report: Callable[[Sequence[Part]], bool] = _nobody_asks
    parts: tuple[Part, ...] = ()
    names: tuple[str, ...] = ()
    tidy: bool = False
    place: Place | None = None
    policy: str = ""


class Running(Protocol):
    """Something that was started. `wait` and `stop` may be called from different threads."""

    def wait(self, timeout: float) -> Outcome | None:
        """Return how it ended, or None if it still runs after `timeout` seconds."""
        ...

    def stop(self, error: str) -> None:
        """Ask all its processes to end, soon kill them; return at once. `wait` then says aborted, with `error`."""
        ...


class Starter(Protocol):
    """One kind of invocation."""

    key: str
    """What stands in `Invocation.runner`."""

    def describe(self, invocation: Invocation) -> str:
        """Return on one line what runs, complete, as a person would type it in a terminal."""
        ...

    def start(self, invocation: Invocation, context: Context) -> Running:
        """Start it, exactly as rendered. Raises StartError when it cannot be started."""
        ...


def starter_of(starters: Mapping[str, Starter], runner: str) -> Starter:
    """Return what starts invocations of a runner. Raises StartError where nothing here does."""
    if runner not in starters:
        raise StartError(f'there is no runner "{runner}" here')
    return starters[runner]


class Runner(Starter, Protocol):
    """One kind of action; `key` is what chooses it under `run:`."""

    Settings: type[BaseModel]
    """The pydantic model of `run:` as a whole (this runner's key and its companions)."""

    def render(self, action: Action, render: Render, parameters: Mapping[str, Any]) -> Invocation:
        """Return exactly what will run. Raises TemplateError or ParameterError."""
        ...


def to_text(value: Any, where: str) -> str:
    """Return a value as one argument. Raises TemplateError, naming `where`, if it has none.

    Text stays as it is, a boolean is `true` or `false`, all else is JSON.
    """
    if value is None:
        raise TemplateError(f"{where} has no value; give its parameter, or a default in the action")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    for char in text:
        if char == "\0" or "\ud800" <= char <= "\udfff":
            raise TemplateError(f"{where} contains U+{ord(char):04X}, which no process can be given; leave it out")
    return text
