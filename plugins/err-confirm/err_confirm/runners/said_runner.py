"""Say a command of another plugin to the bot, in the name of who asked."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field

from err_confirm.errors import StartError, TemplateError
from err_confirm.file_keys import Keys
from err_confirm.model.executions import Place
from err_confirm.model.files import Action
from err_confirm.model.runs import SAID_RUNNER, Invocation
from err_confirm.runners.base import Context, Render, Running, to_text
from err_confirm.text.visible import exact

Say = Callable[[str, Place, str], Running]
"""Says a text at a place; the last is the fingerprint of the policy under which that was confirmed."""


class BotSettings(Keys):
    """What stands under `run:`."""

    bot: Annotated[str, Field(min_length=1)] = Field(
        description="a command of another plugin with its arguments, without prefix, a template"
    )


class SaidRunner:
    """Lets the bot do what a text says; without a bot, as on the command line, it can only describe it.

    Args:
        say: starts the command that a text means; the bot gives it, because only the bot knows its commands.
    """

    key = "bot"
    Settings: type[BaseModel] = BotSettings

    def __init__(self, say: Say | None = None) -> None:
        self._say = say

    def render(self, action: Action, render: Render, parameters: Mapping[str, Any]) -> Invocation:
        """Return the exact text. Raises TemplateError."""
        said = to_text(render(BotSettings.model_validate(dict(action.run)).bot), "bot").strip()
        if not said:
            raise TemplateError(f'the command of action "{action.name}" is empty')
        return Invocation(runner=SAID_RUNNER, spec={"said": said})

    def describe(self, invocation: Invocation) -> str:
        """Return what is said, so that it looks unlike a program."""
        return f"(bot) {exact(invocation.spec['said'])}"

    def start(self, invocation: Invocation, context: Context) -> Running:
        """Start it. Raises StartError."""
        if self._say is None or context.place is None:
            raise StartError("this is a command of a bot, and here is none")
        return self._say(invocation.spec["said"], context.place, context.policy)
