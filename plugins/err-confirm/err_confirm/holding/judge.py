"""Decide whether a command may run now; ask for one that must not, or say why nobody can be asked."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from err_confirm.backends import backend_for
from err_confirm.errors import GuardsDifferError, NobodyError
from err_confirm.guards import BotCommand, Guards, bot_command, everything
from err_confirm.guards.readings import LONGEST
from err_confirm.holding.held import Held, Refused
from err_confirm.model.files import Source
from err_confirm.wording import Wording

log = logging.getLogger(__name__)

OFF = "the plugin Confirm is switched off, or could not start; a bot admin can say {}plugin activate Confirm"

Ask = Callable[[Any, Held], str]
"""Asks for a held command as the sender of a message; returns why that cannot be, nothing if it was asked for."""


class Judge:
    """Knows the guards of one bot, also while the plugin that reads them is not there: then it refuses.

    Args:
        bot: Errbot's bot object; this module never imports Errbot.
    """

    def __init__(self, bot: Any) -> None:
        self._bot = bot
        self._rules: Callable[[], Guards] | None = None
        self._ask: Ask | None = None
        self._off = OFF.format(bot.prefix)
        try:
            self._wording = Wording(bot.prefix, backend_for(bot.mode))
        except NobodyError:  # then Confirm does not start, and all that is guarded is refused
            self._wording = Wording(bot.prefix)

    def open(self, rules: Callable[[], Guards], ask: Ask) -> None:
        """Ask from now on, under the rules of each moment."""
        self._rules, self._ask = rules, ask

    def close(self) -> None:
        """Refuse from now on, under the last rules."""
        self._ask = None
        if self._rules is not None:
            last = self._rules()
            self._rules = lambda: last

    @property
    def knows(self) -> bool:
        """Whether it has rules, so that asking for them reads no file."""
        return self._rules is not None

    @property
    def guards(self) -> Guards:
        """The guards of this moment."""
        if self._rules is None:  # the plugin that knows is not there, or not yet
            read = self._read()
            self._rules = lambda: read
        return self._rules()

    def judge(self, method: Any, name: str, args: str | None) -> Held | Refused | None:
        """Return what is held, or that it is refused; None if it may run.

        Args:
            method: of the command.
            name: of the command, as Errbot knows it.
            args: its arguments as they were said; for a regex command the whole text.
        """
        command = bot_command(name, method)
        try:
            guard = self.guards.guarding(command, args or "", getattr(method, "_err_command_parser", None))
        except GuardsDifferError as error:
            return self.refusal(command, str(error))
        if guard is None:
            return None
        if guard.error:
            return self.refusal(command, guard.error)
        return None if guard.policy is None else Held(command, method, args, guard)

    def refusal(self, command: BotCommand, why: str) -> Refused:
        """Return that a command is refused."""
        return Refused(self.say("refused_guarded", command=command, why=why))

    def ask(self, msg: Any, held: Held) -> str:
        """Ask for what is held as the sender of a message; return why that cannot be, nothing if it was asked for."""
        ask = self._ask
        if ask is None:
            return self.refusal(held.command, self._off).said
        if (size := len(held.args or "")) > LONGEST:  # no prompt could show it, and it would fill the store
            why = f"{size:,} characters of arguments are too many; say it shorter"
            return self.refusal(held.command, why).said
        log.info("%s is held by %s", held.command, held.guard.source)
        try:
            return ask(msg, held)
        except Exception as error:  # who asks is Errbot's and the chat network's code, too
            log.exception("%s could not be asked for", held.command)
            return self.refusal(held.command, f"it could not be asked for: {error}").said

    def answer(self, msg: Any, held: Held | Refused) -> None:
        """Ask for what is held, or answer the message with why it does not run."""
        try:
            if why := held.said if isinstance(held, Refused) else self.ask(msg, held):
                self._bot.send_simple_reply(msg, why)
        except Exception:  # nobody else would hear of it on this thread
            log.exception("that something is refused could not be said")

    def say(self, message: str, **facts: Any) -> str:
        """Return one message of the templates, also while the plugin that says all others is off."""
        return self._wording.say(message, **facts)

    def _read(self) -> Guards:
        try:
            # A library that these need may be missing: then Confirm is not there, but we are.
            from err_confirm.settings import read_settings  # noqa: PLC0415

            catalog = read_settings(self._bot.bot_config).load()
        except Exception as error:  # whatever it is, nobody knows what is guarded
            log.exception("nobody knows what is guarded")
            return Guards([everything(Source(Path("config.py")), str(error))])
        return Guards([*catalog.all_guards(), *catalog.instead_of_aliases(self._off)])
