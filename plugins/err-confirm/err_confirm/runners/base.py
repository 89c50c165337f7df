"""What a runner promises: it renders once, describes what it rendered, and runs exactly that.

A new kind of action is one module with a class like this, and one line in `runners/__init__.py`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from pydantic import BaseModel

from err_confirm.model import Action, Invocation, Outcome

Render = Callable[[str], Any]
"""Renders one template string with the parameters; a string that is one lone `{{ name }}` keeps its value's type."""


class Running(Protocol):
    """Something that was started. `wait` and `stop` may be called from different threads."""

    def wait(self, timeout: float) -> Outcome | None:
        """Return how it ended, or None if it still runs after `timeout` seconds."""
        ...

    def stop(self, error: str, grace: float = 2.0) -> None:
        """Ask all its processes to end, kill them after `grace` seconds; `wait` then says aborted, with `error`."""
        ...


class Runner(Protocol):
    """One kind of action."""

    key: str
    """The key under `run:` that chooses this runner; its value is checked by `Settings`."""

    Settings: type[BaseModel]
    """The pydantic model of `run:` as a whole (this runner's key and its companions)."""

    def render(self, action: Action, render: Render, parameters: Mapping[str, Any]) -> Invocation:
        """Return exactly what will run. Raises TemplateError or ParameterError."""
        ...

    def describe(self, invocation: Invocation) -> str:
        """Return on one line what runs, complete, as a person would type it in a terminal."""
        ...

    def start(self, invocation: Invocation) -> Running:
        """Start it, exactly as rendered. Raises StartError when it cannot be started."""
        ...
