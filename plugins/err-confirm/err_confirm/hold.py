"""Hold guarded commands on every way by which Errbot can be given one, from the moment that our plugins are loaded.

There are three ways. A message goes through the filters: ours is the last of them. An automatic step of a flow goes
through none, so the flow stops before it. And whoever has the plugin, a webhook for one, may call the method of a
command: that of a guarded one is replaced by one that asks first.

What holds is there before any plugin is activated, and stays when ours are switched off: then it refuses.
"""

import functools
import inspect
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MethodType
from typing import Any

from err_confirm.backends import backend_for
from err_confirm.catalog import load
from err_confirm.chat import without_prefix
from err_confirm.errors import ErrConfirmError, GuardsDifferError, NobodyError
from err_confirm.guards import BotCommand, Guards, everything
from err_confirm.model import Guard, Invocation, Place, Reply, Source
from err_confirm.plan import Plan
from err_confirm.runners.bot_runner import BotRunner
from err_confirm.settings import read_settings
from err_confirm.wording import Wording

log = logging.getLogger(__name__)

OWN = frozenset({"Confirm", "Aliases", "Guards", "Alias commands"})
"""The names of our plugins."""
ASKING = 4
"""How many threads ask: the one that receives messages must never wait for the store."""
OFF = "the plugin Confirm is switched off or could not start"
_HELD = "_err_confirm_held"


@dataclass(frozen=True, slots=True)
class Held:
    """A command that must not run yet: as Errbot knows it, its method, its arguments as text, and its guard."""

    command: BotCommand
    method: Any
    args: str | None
    guard: Guard

    def plan(self, place: Place, prefix: str) -> Plan:
        """Return what its execution would be: this very command, said by who stands at this place."""
        pattern = self.method._err_command_re_pattern.pattern if self.command.regex else None
        words = self.args or ""
        if pattern is None:
            words = f"{self.command.name.replace('_', ' ')} {words}".strip()
        prefixed = pattern is None or self.method._err_command_prefix_required
        spec = {
            "plugin": self.command.plugin,
            "command": self.command.name,
            "pattern": pattern,
            "args": self.args,
            "said": f"{prefix}{words}" if prefixed else words,
            "person": place.person,
            "room": place.room,
            "thread": place.thread,
        }
        return Plan(
            alias=self.guard.name,
            action=str(self.command),
            policy=self.guard.policy,
            invocation=Invocation(runner=BotRunner.key, spec=spec),
            result=Reply(enabled=False),  # its replies are said by the bot itself
        )


@dataclass(slots=True)
class Ticket:
    """Lets one command through once, on the thread that was given it; and notes how that went."""

    command: str
    args: str | None
    plugin: Any
    passed: bool = False
    entered: bool = False
    ended: bool = False
    failure: str = ""
    replies: list[str] = field(default_factory=list)


Ask = Callable[[Any, Held], str]
"""Asks for a held command as the sender of a message; returns why that cannot be, nothing if it was asked for."""


class _StepHeldError(Exception):
    """Raised to stop a flow before a guarded step."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Hold:
    """What stands between one bot and its guarded commands.

    Args:
        bot: Errbot's bot object; this module never imports Errbot.
        refusal: what a method that is called raises instead of running: Errbot's CommandError.
    """

    def __init__(self, bot: Any, refusal: type[Exception]) -> None:
        self._bot = bot
        self._refusal = refusal
        self._rules: Callable[[], Guards] | None = None
        self._ask: Ask | None = None
        self._local = threading.local()
        try:
            self._wording = Wording(bot.prefix, backend_for(bot.mode))
        except NobodyError:  # then Confirm does not start, and all that is guarded is refused
            self._wording = Wording(bot.prefix)
        self._threads = ThreadPoolExecutor(ASKING, "err-confirm ask")
        self.ready = threading.Event()
        """Set as soon as all plugins of the bot are active: before that, filters may be missing."""
        if bot.plugin_manager.get_all_active_plugin_names():  # we were installed into a bot that runs
            self.ready.set()
        self._connected, bot.signal_connect_to_all_plugins = bot.signal_connect_to_all_plugins, self._on_connected
        self._inject_commands, bot.inject_commands_from = bot.inject_commands_from, self._on_commands
        self._inject_filters, bot.inject_command_filters_from = bot.inject_command_filters_from, self._on_filters
        flows = bot.flow_executor
        self._execute, flows.execute = flows.execute, self._on_flow
        self._stay_last()

    def open(self, rules: Callable[[], Guards], ask: Ask) -> None:
        """Ask from now on, under the rules of each moment."""
        self._rules, self._ask = rules, ask
        self.cover()

    def close(self) -> None:
        """Refuse from now on, under the last rules."""
        if self._rules is not None:
            last = self._rules()
            self._rules, self._ask = lambda: last, None

    def commands(self) -> Iterator[tuple[BotCommand, Any]]:
        """Yield all commands that the bot has now, each with its method."""
        with self._bot._gbl:
            found = [*self._bot.commands.items(), *self._bot.re_commands.items()]
        yield from ((_command(name, method), method) for name, method in found)

    def method(self, name: str, *, regex: bool) -> Any:
        """Return the method of a command; None if the bot has none of this name now."""
        with self._bot._gbl:
            return (self._bot.re_commands if regex else self._bot.commands).get(name)

    def cover(self) -> None:
        """Replace the methods of guarded commands, and give all others theirs back."""
        rules = self._known_rules()
        for command, method in list(self.commands()):
            if rules.covering(command):
                self.replace(command.name, method)
            elif hasattr(method, _HELD):
                self._put(command.name, method, getattr(method, _HELD))

    def replace(self, name: str, method: Any) -> None:
        """Make a command's method one that asks first, or goes through with a ticket; twice does no more."""
        if not hasattr(method, _HELD):
            self._put(name, method, MethodType(self._holding(name, method), method.__self__))

    @contextmanager
    def admitting(self, ticket: Ticket) -> Iterator[None]:
        """Let a ticket count on this thread."""
        self._local.ticket = ticket
        try:
            yield
        finally:
            del self._local.ticket

    def __call__(self, msg: Any, cmd: str, args: Any, dry_run: bool) -> tuple[Any, Any, Any]:
        """Hold what is guarded, as one of Errbot's command filters. Never waits."""
        ticket = self._ticket()
        if ticket is not None and not ticket.passed and (ticket.command, ticket.args) == (cmd, args):
            ticket.passed = True
            return msg, cmd, args
        if dry_run:
            return msg, cmd, args
        method = self._method(msg, cmd, args)
        held = None if method is None else self._judge(cmd, method, args)
        if held is None:
            return msg, cmd, args
        if isinstance(held, Held):
            self._remember(msg, held)
        self._threads.submit(self._ask_here, msg, held)
        return None, None, None

    def _known_rules(self) -> Guards:
        if self._rules is None:
            rules = self._read_rules()
            self._rules = lambda: rules
        return self._rules()

    def _read_rules(self) -> Guards:
        """Return what the files say, for as long as the plugin that knows is not there."""
        try:
            settings = read_settings(self._bot.bot_config)
            catalog = load(settings.aliases, settings.actions, people=settings.people, default=None)
        except ErrConfirmError as error:
            return Guards([everything(Source(Path("config.py")), str(error))])
        return Guards(catalog.guards.values())

    def _ticket(self) -> Ticket | None:
        return getattr(self._local, "ticket", None)

    def _method(self, msg: Any, cmd: str, args: Any) -> Any:
        """Return the method that Errbot would call; a regex command has the whole text as its arguments."""
        plain, regex = self.method(cmd, regex=False), self.method(cmd, regex=True)
        whole = plain is None or (regex is not None and args == without_prefix(msg, self._bot))
        return regex if whole else plain

    def _judge(self, name: str, method: Any, args: Any) -> Held | str | None:
        """Return what is held, or why it is refused; None if it may run."""
        command = _command(name, method)
        parser = getattr(method, "_err_command_parser", None)
        try:
            guard = self._known_rules().guarding(command, args or "", parser)
        except GuardsDifferError as error:
            return self._refused(command, str(error))
        if guard is None:
            return None
        if guard.error:
            return self._refused(command, guard.error)
        if guard.policy is None:
            return None
        return Held(command, method, args, guard)

    def _ask_here(self, msg: Any, held: Held | str) -> None:
        """Ask, and answer a message with why that cannot be."""
        why = self._asked(msg, held)
        if why:
            self._bot.send_simple_reply(msg, why)

    def _asked(self, msg: Any, held: Held | str) -> str:
        if isinstance(held, str):
            return held
        ask = self._ask
        if ask is None:
            return self._refused(held.command, OFF)
        log.info("%s is held by %s", held.command, held.guard.source)
        try:
            return ask(msg, held)
        except Exception as error:  # who asks is Errbot's and the chat network's code, too
            log.exception("%s could not be asked for", held.command)
            return self._refused(held.command, f"it could not be asked for: {error}")

    def _refused(self, command: BotCommand, why: str) -> str:
        return self._wording.say("refused_guarded", command=command, why=why)

    def _remember(self, msg: Any, held: Held) -> None:
        """Let `!!` mean it, as it would had it run; Errbot 6.2.1 cannot do that with regex commands."""
        if not held.command.regex and held.method._err_command_historize:
            history = self._bot.cmd_history[msg.frm.person]
            said = (held.command.name, held.args)
            if said in history:
                history.remove(said)
            history.append(said)

    def _holding(self, name: str, method: Any) -> Callable[..., Any]:
        """Return what stands for a method: the same to look at, and it runs only what may run."""
        function = method.__func__

        @functools.wraps(function)
        def hold(plugin: Any, msg: Any, *args: Any, **more: Any) -> Any:
            ticket = self._enter(name, method, msg, args)
            with _noting(ticket):
                reply = function(plugin, msg, *args, **more)
                _note_reply(ticket, reply)
            return reply

        @functools.wraps(function)
        def hold_generator(plugin: Any, msg: Any, *args: Any, **more: Any) -> Any:
            ticket = self._enter(name, method, msg, args)
            with _noting(ticket):
                for reply in function(plugin, msg, *args, **more):
                    _note_reply(ticket, reply)
                    yield reply

        chosen = hold_generator if inspect.isgeneratorfunction(function) else hold
        setattr(chosen, _HELD, method)
        return chosen

    def _enter(self, name: str, method: Any, msg: Any, args: tuple[Any, ...]) -> Ticket | None:
        """Return the ticket that this call uses up, None where it needs none. Raises the refusal."""
        ticket = self._ticket()
        if ticket is not None and ticket.passed and not ticket.entered and ticket.command == name:
            ticket.entered = True
            return ticket
        if ticket is not None and ticket.entered and ticket.plugin is method.__self__:
            return None  # what was confirmed calls another command of its own plugin
        text = _text(method, args[0] if args else None)
        held: Held | str | None
        if text is None and args and args[0] is not None:
            held = self._refused(_command(name, method), "its arguments cannot be kept until it is confirmed")
        else:
            held = self._judge(name, method, text)
        if held is None:
            return None
        raise self._refusal(self._asked(msg, held) or self._wording.say("held", command=name.replace("_", " ")))

    def _put(self, name: str, method: Any, replacement: Any) -> None:
        plugin = method.__self__
        with self._bot._gbl:
            table = self._bot.re_commands if method._err_re_command else self._bot.commands
            if table.get(name) != method:
                return
            table[name] = replacement
            original = getattr(method, _HELD, method).__func__
            for attribute in _attributes(plugin, original):
                if replacement.__func__ is original:
                    vars(plugin).pop(attribute, None)
                else:
                    setattr(plugin, attribute, replacement)

    def _on_connected(self) -> None:
        self._connected()
        self.ready.set()

    def _on_commands(self, plugin: Any) -> None:
        self._inject_commands(plugin)
        if self._rules is not None:
            self.cover()

    def _on_filters(self, plugin: Any) -> None:
        self._inject_filters(plugin)
        self._stay_last()

    def _stay_last(self) -> None:
        """Be the last filter, in a list of its own: a message that is on its way through the old one skips none."""
        with self._bot._gbl:
            self._bot.command_filters = [each for each in self._bot.command_filters if each is not self] + [self]

    def _on_flow(self, flow: Any) -> None:
        """Let a flow go on until a step that would run by itself is guarded; then ask for that."""
        steps = flow.next_autosteps

        def next_autosteps() -> Any:
            found = steps()
            for step in found:
                method = self.method(getattr(step, "command", ""), regex=False)
                if method is not None and self._judge(step.command, method, None) is not None:
                    raise _StepHeldError(step.command)
            return found

        flow.next_autosteps = next_autosteps
        try:
            self._execute(flow)
        except _StepHeldError as held:
            self._hold_step(flow, held.name)
        finally:
            del flow.next_autosteps

    def _hold_step(self, flow: Any, name: str) -> None:
        """Ask for the step of a flow as who it belongs to; a room's flow belongs to nobody, and waits for somebody."""
        said = f"{self._bot.prefix}{name.replace('_', ' ')}"
        if not hasattr(flow.requestor, "person"):
            self._bot.send(flow.requestor, self._wording.say("flow_waits", flow=flow.name, said=said))
            return
        msg = self._bot.build_message(said)
        msg.frm = flow.requestor
        msg.to = getattr(flow.requestor, "room", self._bot.bot_identifier)
        held = self._judge(name, self.method(name, regex=False), None)
        if held is not None:
            self._ask_here(msg, held)


def attach(bot: Any, refusal: type[Exception]) -> Hold:
    """Return what holds the guarded commands of a bot; the first call puts it there."""
    there = next((each for each in bot.command_filters if isinstance(each, Hold)), None)
    return there or Hold(bot, refusal)


def _command(name: str, method: Any) -> BotCommand:
    plugin = method.__self__.name
    return BotCommand(
        plugin=plugin,
        name=name,
        function=method.__name__,
        admin_only=bool(method._err_command_admin_only),
        regex=bool(method._err_re_command),
        own=plugin in OWN,
    )


def _text(method: Any, args: Any) -> str | None:
    """Return a method's arguments as they were said before Errbot split them; None if that cannot be known."""
    if isinstance(args, str):
        return args
    if hasattr(args, "string"):
        return str(args.string)
    if isinstance(args, list) and all(isinstance(each, str) for each in args):
        separator = method._err_command_split_args_with
        if separator is None or isinstance(separator, str):
            return (separator or " ").join(args)
    if isinstance(args, list) and args and all(hasattr(each, "string") for each in args):
        return str(args[0].string)
    return None


def _attributes(plugin: Any, function: Any) -> list[str]:
    """Return under which names a plugin's class has a function."""
    return [name for cls in type(plugin).__mro__ for name, value in vars(cls).items() if value is function]


@contextmanager
def _noting(ticket: Ticket | None) -> Iterator[None]:
    """Note in a ticket how what it let through has ended."""
    try:
        yield
    except Exception as error:
        if ticket is not None:
            ticket.failure = str(getattr(error, "reason", error)) or type(error).__name__
        raise
    if ticket is not None:
        ticket.ended = True


def _note_reply(ticket: Ticket | None, reply: Any) -> None:
    if ticket is not None and isinstance(reply, str):
        ticket.replies.append(reply)
