"""Ask again, at the claim, whether who asked may still give the command: who has lost that runs nothing any more."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import MethodType, SimpleNamespace
from typing import Any

from err_confirm.chat import Chat
from err_confirm.errors import NotReadyError
from err_confirm.guards import ALIAS_COMMANDS
from err_confirm.model.executions import Execution
from err_confirm.model.runs import BOT_RUNNER
from err_confirm.people.aside import Aside

WITHIN = 5.0
"""Seconds that making a message anew and all filters may take."""
AT_ONCE = 8
"""How many may be at work at once, those that hang among them."""
NOT_NOW = "the bot's access control, or another of its filters, does not let {} ask for it any more"


class Permission:
    """Runs all filters of the bot, Errbot's access control among them, without a word and without the command.

    A held command goes through them once more when it runs, and what nobody had to confirm has just done so.

    Args:
        bot: Errbot's bot object; this module never imports Errbot.
        chat: says where people are.
        ready: is set as soon as all plugins of the bot are active: before that, filters may be missing.
        within: seconds that it may take.
    """

    def __init__(self, bot: Any, chat: Chat, ready: threading.Event, within: float = WITHIN) -> None:
        self._bot = bot
        self._chat = chat
        self._ready = ready
        self._aside = Aside("err-confirm permission", within, AT_ONCE)

    def __call__(self, execution: Execution) -> str:
        """Return why an execution must not run, nothing if it may.

        Raises:
            NotReadyError: this bot cannot tell: it is just starting, or is on another network.
        """
        just_passed = execution.policy is None and not execution.parent
        if just_passed or execution.runs.runner == BOT_RUNNER:
            return ""
        if not self._ready.is_set():
            raise NotReadyError("the bot's plugins are not all there yet")
        if not execution.identity.startswith(f"{self._chat.scheme}:"):
            raise NotReadyError(f"{execution.requester} is not on this chat network")
        try:
            return self._aside.begin(partial(self._why_not, execution)).result()
        except Exception as error:  # noqa: BLE001  # the chat network's own, and whoever cannot tell says no
            return f"whether {execution.requester} may still ask for it cannot be told: {error or type(error).__name__}"

    def _why_not(self, execution: Execution) -> str:
        name, args = f"alias.{execution.alias}", execution.text
        if execution.invocation.runner == BOT_RUNNER:  # which had a choice to run something else
            name, args = execution.invocation.spec["command"], execution.invocation.spec["args"]
        message = self._chat.message(execution.place, f"{self._bot.prefix}{execution.text}")
        with self._known(name):
            found, command, given = self._bot._process_command_filters(message, name, args, True)
        passed = found is not None and (command, given) == (name, args)
        return "" if passed else NOT_NOW.format(execution.requester)

    @contextmanager
    def _known(self, name: str) -> Iterator[None]:
        """Let the filters know an alias, by its name, whose command is not there any more: what waits outlives it."""
        if name in self._bot.all_commands or not name.startswith("alias."):
            yield
            return
        stand_in = _stand_in(name)
        self._change({name: stand_in}, without=None)
        try:
            yield
        finally:
            self._change({}, without=stand_in)

    def _change(self, more: dict[str, Any], without: Any) -> None:
        """Put a changed copy in place of the table of commands, which others may be walking through."""
        with self._bot._gbl:
            kept = {name: method for name, method in self._bot.commands.items() if method is not without}
            self._bot.commands = more | kept


class _StandIn(SimpleNamespace):
    """Where the method of a stand-in belongs."""


def _stand_in(name: str) -> Any:
    """Return what looks to Errbot 6.2.1 like a command that is hidden, and only for flows: nobody can say it."""

    def nothing(*_: Any) -> str:
        """Do nothing."""
        return ""

    nothing.__dict__.update(
        _err_command=True,
        _err_command_name=name,
        _err_command_split_args_with=None,
        _err_command_admin_only=False,
        _err_command_historize=False,
        _err_command_template=None,
        _err_command_syntax=None,
        _err_command_flow_only=True,
        _err_command_hidden=True,
        _err_re_command=False,
        _err_arg_command=False,
    )
    return MethodType(nothing, _StandIn(name=ALIAS_COMMANDS))
