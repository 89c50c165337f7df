"""Hold guarded commands on every way by which Errbot can be given one, from the moment that our plugins are loaded.

There are three ways. A message goes through the filters: ours is the last of them. An automatic step of a flow goes
through none (`flows`). And whoever has the plugin, a webhook for one, may call the method of a command (`methods`).

What holds is there before any plugin is activated, and stays when ours are switched off: then it refuses.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from err_confirm.backends import backend_for
from err_confirm.errors import GuardsDifferError, NobodyError
from err_confirm.flows import Flows
from err_confirm.guards import Guards, everything
from err_confirm.held import Held
from err_confirm.methods import Methods, bot_command
from err_confirm.model import Policy, Source
from err_confirm.prefix import without_prefix
from err_confirm.wording import Wording

log = logging.getLogger(__name__)

ASKING = 4
"""How many threads ask: the one that receives messages must never wait for the store."""
OFF = "the plugin Confirm is switched off, or could not start; a bot admin can say {}plugin activate Confirm"

Ask = Callable[[Any, Held], str]
"""Asks for a held command as the sender of a message; returns why that cannot be, nothing if it was asked for."""


class Hold:
    """What stands between one bot and its guarded commands.

    Args:
        bot: Errbot's bot object; this module never imports Errbot.
        refusal: what a method that is called raises instead of running: Errbot's CommandError.
    """

    def __init__(self, bot: Any, refusal: type[Exception]) -> None:
        self._bot = bot
        self._rules: Callable[[], Guards] | None = None
        self._ask: Ask | None = None
        self._threads: ThreadPoolExecutor | None = None
        try:
            self._wording = Wording(bot.prefix, backend_for(bot.mode))
        except NobodyError:  # then Confirm does not start, and all that is guarded is refused
            self._wording = Wording(bot.prefix)
        self._off = OFF.format(bot.prefix)
        self.methods = Methods(bot, self, refusal)
        self.ready = threading.Event()
        """Set as soon as all plugins of the bot are active: before that, filters may be missing."""
        if bot.plugin_manager.get_all_active_plugin_names():  # we were installed into a bot that runs
            self.ready.set()
        Flows(bot, self.methods, self._holds_step, self._ask_for_step, self._say_waits)
        self._connected, bot.signal_connect_to_all_plugins = bot.signal_connect_to_all_plugins, self._on_connected
        self._inject_commands, bot.inject_commands_from = bot.inject_commands_from, self._on_commands
        self._inject_filters, bot.inject_command_filters_from = bot.inject_command_filters_from, self._on_filters
        self._remove_filters, bot.remove_command_filters_from = bot.remove_command_filters_from, self._on_filters_gone
        self._stay_last()

    def open(self, rules: Callable[[], Guards], ask: Ask) -> None:
        """Ask from now on, under the rules of each moment."""
        self.close()
        self._rules, self._ask = rules, ask
        self._threads = ThreadPoolExecutor(ASKING, "err-confirm ask")
        self.cover()

    def close(self) -> None:
        """Refuse from now on, under the last rules."""
        threads, self._threads, self._ask = self._threads, None, None
        if threads is not None:
            threads.shutdown(wait=False)
        if self._rules is not None:
            last = self._rules()
            self._rules = lambda: last

    def say_off(self) -> str:
        """Return what to say while nothing can be asked for."""
        return self._wording.say("off")

    def cover(self) -> None:
        """Let the methods of guarded commands ask first, and no others."""
        self.methods.cover(self._known_rules())

    def hold_guarded(self, msg: Any, cmd: str, args: Any, dry_run: bool) -> tuple[Any, Any, Any]:
        """Hold what is guarded, as one of Errbot's command filters. Never waits."""
        ticket = self.methods.ticket
        if ticket is not None and not ticket.passed and (ticket.command, ticket.args) == (cmd, args):
            ticket.passed = True
            return msg, cmd, args
        method = None if dry_run else self._method(msg, cmd, args)
        held = None if method is None else self.judge(method, cmd, args)
        if held is None:
            return msg, cmd, args
        threads = self._threads
        if isinstance(held, str) or threads is None:
            self._ask_here(msg, held)
        else:
            self._remember(msg, held)
            threads.submit(self._ask_here, msg, held)
        return None, None, None

    def judge(self, method: Any, name: str, args: str | None) -> Held | str | None:
        """Return what is held, or why it is refused; None if it may run."""
        command = bot_command(name, method)
        parser = getattr(method, "_err_command_parser", None)
        try:
            guard = self._known_rules().guarding(command, args or "", parser)
        except GuardsDifferError as error:
            return self.refuse(name, method, str(error))
        if guard is None:
            return None
        if guard.error:
            return self.refuse(name, method, guard.error)
        return None if guard.policy is None else Held(command, method, args, guard)

    def refuse(self, name: str, method: Any, why: str) -> str:
        """Return what to say about a command that is refused."""
        return self._wording.say("refused_guarded", command=bot_command(name, method), why=why)

    def ask(self, msg: Any, held: Held | str) -> str:
        """Ask for what is held as the sender of a message; return what to say where it does not run."""
        if isinstance(held, str):
            return held
        return self._refused(msg, held) or self._wording.say("held", said=held.command.name.replace("_", " "))

    def _refused(self, msg: Any, held: Held | str) -> str:
        """Ask for what is held; return why that cannot be, nothing if it was asked for."""
        if isinstance(held, str):
            return held
        name, ask = held.command.name, self._ask
        if ask is None:
            return self.refuse(name, held.method, self._off)
        log.info("%s is held by %s", held.command, held.guard.source)
        try:
            return ask(msg, held)
        except Exception as error:  # who asks is Errbot's and the chat network's code, too
            log.exception("%s could not be asked for", held.command)
            return self.refuse(name, held.method, f"it could not be asked for: {error}")

    def _ask_here(self, msg: Any, held: Held | str) -> None:
        """Ask for what is held, and answer the message with why that cannot be."""
        try:
            if why := self._refused(msg, held):
                self._bot.send_simple_reply(msg, why)
        except Exception:  # nobody else would hear of it on this thread
            log.exception("that something is refused could not be said")

    def _method(self, msg: Any, cmd: str, args: Any) -> Any:
        """Return the method that Errbot would call: a regex command has the whole text as its arguments."""
        plain, regex = (self.methods.find(cmd, regex=each) for each in (False, True))
        whole = plain is None or (regex is not None and args == without_prefix(msg, self._bot))
        return regex if whole else plain

    def _remember(self, msg: Any, held: Held) -> None:
        """Let `!!` mean it, as it would had it run; Errbot 6.2.1 cannot do that with regex commands."""
        if not held.command.regex and held.method._err_command_historize:
            history = self._bot.cmd_history[msg.frm.person]
            said = (held.command.name, held.args)
            if said in history:
                history.remove(said)
            history.append(said)

    def _known_rules(self) -> Guards:
        if self._rules is None:  # the plugin that knows is not there, or not yet
            rules = self._read_rules()
            self._rules = lambda: rules
        return self._rules()

    def _read_rules(self) -> Guards:
        try:
            # A library that these need may be missing: then Confirm is not there, but we are.
            from err_confirm.catalog import load  # noqa: PLC0415
            from err_confirm.settings import read_settings  # noqa: PLC0415

            settings = read_settings(self._bot.bot_config)
            catalog = load(settings.aliases, settings.actions, people=settings.people, default=Policy())
        except Exception as error:  # whatever it is, nobody knows what is guarded
            log.exception("nobody knows what is guarded")
            return Guards([everything(Source(Path("config.py")), str(error))])
        return Guards([*catalog.all_guards(), *catalog.instead_of_aliases(self._off)])

    def _holds_step(self, name: str, method: Any) -> bool:
        return self.judge(method, name, None) is not None

    def _ask_for_step(self, msg: Any, name: str, method: Any) -> None:
        held = self.judge(method, name, None)
        if held is not None:
            self._ask_here(msg, held)

    def _say_waits(self, flow: str, said: str) -> str:
        return self._wording.say("flow_waits", flow=flow, said=said)

    def _on_connected(self) -> None:
        self._connected()
        self.cover()
        self.ready.set()

    def _on_commands(self, plugin: Any) -> None:
        self.methods.restore(plugin)
        self._inject_commands(plugin)
        if self._rules is None:  # what is guarded is read once, by Confirm: until then each call is judged
            self.methods.replace_all()
        else:
            self.cover()

    def _on_filters(self, plugin: Any) -> None:
        self._change_filters(self._inject_filters, plugin)

    def _on_filters_gone(self, plugin: Any) -> None:
        self._change_filters(self._remove_filters, plugin)

    def _change_filters(self, change: Callable[[Any], None], plugin: Any) -> None:
        """Let Errbot change a new list of filters: a message that is on its way through the old one skips none."""
        with self._bot._gbl:
            self._stay_last()
            change(plugin)
            self._stay_last()

    def _stay_last(self) -> None:
        """Be the last filter, in a list of its own."""
        with self._bot._gbl:
            others = [each for each in self._bot.command_filters if each != self.hold_guarded]
            self._bot.command_filters = [*others, self.hold_guarded]


def attach(bot: Any, refusal: type[Exception]) -> Hold:
    """Return what holds the guarded commands of a bot; the first call puts it there."""
    owners = (getattr(each, "__self__", None) for each in bot.command_filters)
    there = next((owner for owner in owners if isinstance(owner, Hold)), None)
    return there or Hold(bot, refusal)
