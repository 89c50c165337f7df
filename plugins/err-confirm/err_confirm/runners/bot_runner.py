"""Run a command of another plugin of the bot, which was held until it was confirmed."""

from collections.abc import Callable
from typing import Any

from err_confirm.errors import StartError
from err_confirm.model.runs import BOT_RUNNER, Invocation
from err_confirm.runners.base import Context, Running
from err_confirm.runners.said_runner import Say
from err_confirm.text.visible import exact


class BotRunner:
    """Hands a held command back to the bot; without one, as on the command line, it can only describe it.

    Args:
        call: starts the command that a `spec` names; the bot gives it, because only the bot knows its commands.
        say: starts the command that a text means, for the same reason.
    """

    key = BOT_RUNNER

    def __init__(self, call: Callable[[dict[str, Any]], Running] | None = None, say: Say | None = None) -> None:
        self._call = call
        self.say = say

    def describe(self, invocation: Invocation) -> str:
        """Return what was said, with the name of the command where the text alone may mean another one."""
        spec = invocation.spec
        name = f" ({spec['plugin']}:{spec['command']})" if spec.get("named") else ""
        return exact(f"{spec['said']}{name}")

    def start(self, invocation: Invocation, context: Context) -> Running:
        """Start it; a chat command has no variables to be told in. Raises StartError."""
        if self._call is None:
            raise StartError("this is a command of a bot, and here is none")
        return self._call(dict(invocation.spec))
