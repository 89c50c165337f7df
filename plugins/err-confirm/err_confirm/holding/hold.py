"""Hold guarded commands on every way by which Errbot can be given one, from the moment that our plugins are loaded.

There are three ways. A message goes through the filters: ours is the last of them. An automatic step of a flow goes
through none (`flows`). And whoever has the plugin, a webhook for one, may call the method of a command (`methods`).

What holds is there before any plugin is activated, and stays when ours are switched off: then it refuses.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from err_confirm.guards import Guards
from err_confirm.holding.flows import Flows
from err_confirm.holding.held import Held
from err_confirm.holding.judge import Ask, Judge
from err_confirm.holding.methods import Methods

ASKING = 4
"""How many threads ask: the one that receives messages must never wait for the store."""
MOST_WAIT = 100
"""How many held commands may wait for these threads: while the store hangs, more are refused at once."""
BUSY = "too many others are just being asked for; say it again in a moment"


class Hold:
    """What stands between one bot and its guarded commands.

    Args:
        bot: Errbot's bot object; this module never imports Errbot.
        refusal: what a method that is called raises instead of running: Errbot's CommandError.
    """

    def __init__(self, bot: Any, refusal: type[Exception]) -> None:
        self._bot = bot
        self._threads: ThreadPoolExecutor | None = None
        self._covering = threading.Lock()
        self._room = threading.BoundedSemaphore(MOST_WAIT)
        self.judge = Judge(bot)
        self.methods = Methods(bot, self.judge, refusal)
        self.ready = threading.Event()
        """Set as soon as all plugins of the bot are active: before that, filters may be missing."""
        if bot.plugin_manager.get_all_active_plugin_names():  # we were installed into a bot that runs
            self.ready.set()
        Flows(bot, self.methods, self.judge)
        self._connected, bot.signal_connect_to_all_plugins = bot.signal_connect_to_all_plugins, self._on_connected
        self._inject_commands, bot.inject_commands_from = bot.inject_commands_from, self._on_commands
        self._inject_filters, bot.inject_command_filters_from = bot.inject_command_filters_from, self._on_filters
        self._remove_filters, bot.remove_command_filters_from = bot.remove_command_filters_from, self._on_filters_gone
        self._stay_last()

    def open(self, rules: Callable[[], Guards], ask: Ask) -> None:
        """Ask from now on, under the rules of each moment."""
        self.close()
        self._threads = ThreadPoolExecutor(ASKING, "err-confirm ask")
        self.judge.open(rules, ask)
        self.cover()

    def close(self) -> None:
        """Refuse from now on, under the last rules."""
        self.judge.close()
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False)

    def cover(self) -> None:
        """Let the methods of guarded commands ask first, and no others."""
        with self._covering:  # who covers last has the newest rules
            self.methods.cover(self.judge.guards)

    def hold_guarded(self, msg: Any, cmd: str, args: Any, dry_run: bool) -> tuple[Any, Any, Any]:
        """Hold what is guarded, as one of Errbot's command filters. Never waits."""
        ticket = self.methods.ticket
        if ticket is not None and not ticket.passed and (ticket.command, ticket.args) == (cmd, args):
            ticket.passed = True
            return msg, cmd, args
        method = None if dry_run else self._method(msg, cmd, args)
        held = None if method is None else self.judge.judge(method, cmd, args)
        if held is None:
            return msg, cmd, args
        if isinstance(held, Held):
            self._remember(msg, held)
            if not self._room.acquire(blocking=False):
                self.judge.answer(msg, self.judge.refusal(held.command, BUSY))
                return None, None, None
            with suppress(AttributeError, RuntimeError):  # closed, perhaps at this very moment
                asked = self._threads.submit(self.judge.answer, msg, held)  # type: ignore[union-attr]
                asked.add_done_callback(lambda _: self._room.release())
                return None, None, None
            self._room.release()
        self.judge.answer(msg, held)
        return None, None, None

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

    def _on_connected(self) -> None:
        self._connected()
        self.cover()
        self.ready.set()

    def _on_commands(self, plugin: Any) -> None:
        self.methods.restore(plugin)
        self._inject_commands(plugin)
        if self.judge.knows:
            self.cover()
        else:  # what is guarded is read once, by Confirm: until then each call is judged
            self.methods.replace_all()

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


def active(bot: Any, name: str) -> Any:
    """Return one of our plugins if it is on, else None; a plugin is a mapping, too, which may be empty."""
    plugin = bot.plugin_manager.get_plugin_obj_by_name(name)
    return plugin if plugin is not None and plugin.is_activated else None


def without_prefix(msg: Any, bot: Any) -> str:
    """Return what was said without the bot's prefix, as Errbot's `process_message` (6.2.1) takes it off."""
    text: str = msg.body
    config = bot.bot_config
    lowered = text.lower() if config.BOT_ALT_PREFIX_CASEINSENSITIVE else text
    called = [prefix for prefix in bot.bot_alt_prefixes if lowered.startswith(prefix)]
    if called:
        text = text[len(max(called, key=len)) :]
        for separator in config.BOT_ALT_PREFIX_SEPARATORS:
            text = text.removeprefix(separator)
    return text.removeprefix(config.BOT_PREFIX).strip()


def attach(bot: Any, refusal: type[Exception]) -> Hold:
    """Return what holds the guarded commands of a bot; the first call puts it there."""
    owners = (getattr(each, "__self__", None) for each in bot.command_filters)
    there = next((owner for owner in owners if isinstance(owner, Hold)), None)
    return there or Hold(bot, refusal)
