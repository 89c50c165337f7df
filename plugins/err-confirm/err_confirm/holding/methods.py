"""Replace the methods of guarded commands by ones that ask first: whoever calls a command finds these.

That is Errbot itself, and a webhook or another command that calls it as a method of its plugin.
"""

import functools
import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import MethodType
from typing import Any

from err_confirm.guards import BotCommand, Guards, bot_command
from err_confirm.holding.held import Held, Refused, Ticket
from err_confirm.holding.judge import Judge

UNKEPT = "its arguments cannot be kept until it is confirmed"
_REPLACED = "_err_confirm_replaced"
_OF_CLASS = "_err_confirm_class"


class Methods:
    """The methods of one bot's commands.

    Args:
        bot: Errbot's bot object.
        judge: decides about each call.
        refusal: is raised by a method that must not run: Errbot's CommandError.
    """

    def __init__(self, bot: Any, judge: Judge, refusal: type[Exception]) -> None:
        self._bot = bot
        self._judge = judge
        self._refusal = refusal
        self._local = threading.local()

    def all(self) -> list[tuple[BotCommand, Any]]:
        """Return all commands that the bot has now, each with its method."""
        with self._bot._gbl:
            found = [*self._bot.commands.items(), *self._bot.re_commands.items()]
        return [(bot_command(name, method), method) for name, method in found if hasattr(method, "__self__")]

    def find(self, name: str, *, regex: bool) -> Any:
        """Return the method of a command; None if the bot has none of this name now."""
        with self._bot._gbl:
            return (self._bot.re_commands if regex else self._bot.commands).get(name)

    def meant(self, text: str) -> tuple[str, Any, str]:
        """Return the plain command that Errbot 6.2.1 takes a text for, the one with the most words: name, method, rest.

        The method is None if there is no such command.
        """
        for count in range(len(text.split()), 0, -1):
            words = text.split(maxsplit=count)
            name = "_".join(words[:count])
            if (method := self.find(name, regex=False)) is not None:
                return name, method, "".join(words[count:])
        return "", None, ""

    def cover(self, guards: Guards) -> None:
        """Replace the methods of guarded commands, and give all others theirs back."""
        for command, method in self.all():
            if guards.covering(command):
                self.replace(command.name, method)
            elif hasattr(method, _REPLACED):
                self._put(command.name, method, getattr(method, _REPLACED))

    def replace_all(self) -> None:
        """Replace the methods of all commands but ours."""
        for command, method in self.all():
            if not command.own:
                self.replace(command.name, method)

    def replace(self, name: str, method: Any) -> None:
        """Make a command's method one that asks first, or takes a ticket; twice does no more."""
        if not hasattr(method, _REPLACED):
            self._put(name, method, MethodType(self._replacement(name, method), method.__self__))

    def restore(self, plugin: Any) -> None:
        """Give a plugin all its own methods back: after a reload, these are others."""
        with self._bot._gbl:
            for attribute, value in list(vars(plugin).items()):
                if hasattr(value, _REPLACED):
                    _restore(plugin, attribute, value)

    @contextmanager
    def admitting(self, ticket: Ticket) -> Iterator[None]:
        """Let a ticket count on this thread."""
        self._local.ticket = ticket
        try:
            yield
        finally:
            del self._local.ticket

    @property
    def ticket(self) -> Ticket | None:
        """The ticket that this thread has."""
        return getattr(self._local, "ticket", None)

    def _put(self, name: str, method: Any, replacement: Any) -> None:
        plugin = method.__self__
        with self._bot._gbl:
            table = self._bot.re_commands if method._err_re_command else self._bot.commands
            if table.get(name) != method:
                return
            table[name] = replacement
            for attribute in _attributes(plugin, method.__func__):
                if hasattr(method, _REPLACED):
                    _restore(plugin, attribute, method)
                else:
                    vars(plugin)[attribute] = replacement

    def _replacement(self, name: str, method: Any) -> Callable[..., Any]:
        """Return what stands for a method: the same to look at, and it runs only what may run."""
        function = method.__func__

        @functools.wraps(function)
        def ask_first(*args: Any, **more: Any) -> Any:
            with self._entering(name, method, *_given(function, args, more)) as ticket:
                reply = function(*args, **more)
                _note(ticket, reply)
            return reply

        @functools.wraps(function)
        def ask_first_and_yield(*args: Any, **more: Any) -> Any:
            with self._entering(name, method, *_given(function, args, more)) as ticket:
                for reply in function(*args, **more):
                    _note(ticket, reply)
                    with _outside(ticket):
                        yield reply

        chosen = ask_first_and_yield if inspect.isgeneratorfunction(function) else ask_first
        setattr(chosen, _REPLACED, method)
        setattr(chosen, _OF_CLASS, type(method.__self__))
        return chosen

    @contextmanager
    def _entering(self, name: str, method: Any, msg: Any, *args: Any) -> Iterator[Ticket | None]:
        """Let a call go on if it may, and note in its ticket how it ended. Raises the refusal."""
        ticket = self._admission(name, method, msg, args)
        try:
            yield ticket
        except Exception as error:
            if ticket is not None:
                ticket.failure = str(getattr(error, "reason", error)) or type(error).__name__
            raise
        else:
            if ticket is not None:
                ticket.ended = True
        finally:
            if ticket is not None:
                ticket.inside = False

    def _admission(self, name: str, method: Any, msg: Any, args: tuple[Any, ...]) -> Ticket | None:
        """Return the ticket that this call uses up, None where it needs none. Raises the refusal."""
        ticket = self.ticket
        if ticket is not None and ticket.passed and not ticket.entered and ticket.command == name:
            ticket.entered = ticket.inside = True
            return ticket
        given = args[0] if args else None
        text = _said(method, given)
        held: Held | Refused | None
        if len(args) > 1 or (text is None and given is not None):
            held = self._judge.refusal(bot_command(name, method), UNKEPT)
        else:
            held = self._judge.judge(method, name, text)
        if held is None or (ticket is not None and isinstance(held, Held) and ticket.includes(held)):
            return None
        if not _can_be_split_again(method, given):
            held = self._judge.refusal(bot_command(name, method), UNKEPT)
        if isinstance(held, Refused):
            raise self._refusal(held.said)
        said = held.command.name.replace("_", " ")
        raise self._refusal(self._judge.ask(msg, replace(held, called=True)) or self._judge.say("held", said=said))


def _given(function: Any, args: tuple[Any, ...], more: dict[str, Any]) -> tuple[Any, ...]:
    """Return what a method is called with, its message first, in the order in which it takes it."""
    bound = inspect.signature(function, follow_wrapped=False).bind(*args, **more)
    return (*bound.args, *bound.kwargs.values())[1:]


def _said(method: Any, args: Any) -> str | None:
    """Return a method's arguments as they were said before Errbot split them; None if that cannot be known."""
    if isinstance(args, str):
        return args
    if hasattr(args, "string"):
        return str(args.string)
    if isinstance(args, list) and args and all(hasattr(each, "string") for each in args):
        return str(args[0].string)
    if isinstance(args, list) and all(isinstance(each, str) for each in args):
        separator = method._err_command_split_args_with
        return (separator if isinstance(separator, str) and separator else " ").join(args)
    return None


def _can_be_split_again(method: Any, args: Any) -> bool:
    """Tell whether Errbot, given what a method's arguments were said as, would split it into the same."""
    separator = method._err_command_split_args_with
    return not isinstance(args, list) or separator is None or isinstance(separator, str) or method._err_re_command


def _attributes(plugin: Any, function: Any) -> set[str]:
    """Return under which names a plugin, or its class, has a function; nothing can be set in a class itself."""
    if isinstance(plugin, type):
        return set()
    own = {name for name, value in vars(plugin).items() if getattr(value, "__func__", None) is function}
    return own | {name for cls in type(plugin).__mro__ for name, value in vars(cls).items() if value is function}


def _restore(plugin: Any, attribute: str, replacement: Any) -> None:
    """Take a replacement away; what it replaced comes from the plugin's class, unless the plugin itself had it."""
    original = getattr(replacement, _REPLACED)
    del vars(plugin)[attribute]
    if inspect.getattr_static(getattr(replacement, _OF_CLASS), attribute, None) is not original.__func__:
        vars(plugin)[attribute] = original


@contextmanager
def _outside(ticket: Ticket | None) -> Iterator[None]:
    """Let a ticket count for nothing while its command has yielded: what runs then may be anybody's code."""
    inside = ticket is not None and ticket.inside
    try:
        if ticket is not None:
            ticket.inside = False
        yield
    finally:
        if ticket is not None:
            ticket.inside = inside


def _note(ticket: Ticket | None, reply: Any) -> None:
    if ticket is not None and isinstance(reply, str):
        ticket.replies.append(reply)
