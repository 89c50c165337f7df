"""Say which guard stands over a command of another plugin: patterns such as `Deploy:deploy prod*`."""

import fnmatch
import re
import shlex
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from err_confirm.errors import GuardsDifferError
from err_confirm.model import Guard

GUARDABLE = frozenset({"aliases_reload"})
"""Which of our own commands may be guarded; to confirm must not need a confirmation."""
_TYPED = str.maketrans({"\u2014": "--", "\u201c": '"', "\u201d": '"', "\u2019": "'", "\u2018": "'"})
"""What phones make of dashes and quotes, and Errbot's `arg_botcmd` takes back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BotCommand:
    """A chat command as Errbot knows it.

    `plugin` is the name in its `.plug` file, `name` the one in Errbot's table (`plugin_reload`), `function` that of its
    method, which differs where Errbot has renamed it; `own` tells one of ours.
    """

    plugin: str
    name: str
    function: str = ""
    admin_only: bool = False
    regex: bool = False
    own: bool = False

    def __str__(self) -> str:
        return f"{self.plugin}:{self.name}"


@dataclass(frozen=True, slots=True)
class Covering:
    """A guard with its pattern that covers a command; `arguments` tells whether it does so for some arguments only."""

    guard: Guard
    pattern: str
    arguments: bool


@dataclass(frozen=True)
class _Way:
    """One way to read a pattern: its first words name the command, the others begin its arguments."""

    guard: Guard
    pattern: str
    name: str
    arguments: str

    @cached_property
    def _name(self) -> re.Pattern[str]:
        return re.compile(fnmatch.translate(self.name))

    @cached_property
    def _arguments(self) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(fnmatch.translate(glob)) for glob in (self.arguments, f"{self.arguments} *"))

    @property
    def rank(self) -> tuple[bool, bool, int]:
        """How it compares with others: what could be read, what the user wrote, what says most."""
        letters = len(re.sub(r"[*?\s]", "", self.pattern))
        return not self.guard.unreadable, not self.guard.shipped, letters

    def names(self, command: BotCommand) -> bool:
        return any(self._name.match(f"{command.plugin}:{name}".casefold()) for name in {command.name, command.function})

    def matches(self, readings: Iterable[str]) -> bool:
        return not self.arguments or any(each.match(reading) for reading in readings for each in self._arguments)


class Guards:
    """All guards, ready to be asked about a command."""

    def __init__(self, guards: Iterable[Guard]) -> None:
        self.guards = tuple(guards)
        self._ways = [way for guard in self.guards for pattern in guard.commands for way in _ways(guard, pattern)]

    def covering(self, command: BotCommand) -> list[Covering]:
        """Return the guards that may stand over a command, whatever its arguments, the deciding one first."""
        ways = sorted(self._naming(command), key=lambda way: way.rank, reverse=True)
        return [Covering(way.guard, way.pattern, way.arguments not in ("", "*")) for way in ways]

    def guarding(self, command: BotCommand, text: str, parser: ArgumentParser | None = None) -> Guard | None:
        """Return the guard that stands over a command with these arguments; None if nothing does.

        Of several patterns, the one with the most letters decides; the user's before those that are shipped.

        Args:
            command: as Errbot knows it.
            text: its arguments as they were said; for a regex command the whole text.
            parser: what an `arg_botcmd` parses them with. It is only looked at: to run it could do anything.

        Raises:
            GuardsDifferError: two guards say equally much about it.
        """
        naming = list(self._naming(command))
        if not naming:
            return None
        readings = {_plain(reading) for reading in _readings(text, parser)}
        ways = [way for way in naming if way.matches(readings)]
        best = max((way.rank for way in ways), default=None)
        deciding = list(dict.fromkeys(way.guard for way in ways if way.rank == best))
        if len(deciding) > 1:
            raise GuardsDifferError(str(command), [str(guard.source) for guard in deciding])
        return deciding[0] if deciding else None

    def _naming(self, command: BotCommand) -> Iterator[_Way]:
        if not command.own or command.name in GUARDABLE:
            yield from (way for way in self._ways if way.names(command))


def divided(pattern: str) -> tuple[str, str]:
    """Return a pattern's plugin and what follows, as patterns are compared; without a plugin it means any."""
    plugin, colon, said = pattern.casefold().partition(":")
    if not colon:
        plugin, said = "*", plugin
    return plugin.strip(), " ".join(said.split())


def _ways(guard: Guard, pattern: str) -> Iterator[_Way]:
    """Yield how a pattern can be read: `Plugins:plugin reload` is plugin_reload, or plugin with an argument."""
    plugin, said = divided(pattern)
    words = said.split()
    for count in range(1, len(words) + 1):
        yield _Way(guard, pattern, f"{plugin}:{'_'.join(words[:count])}", " ".join(words[count:]))


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _readings(text: str, parser: ArgumentParser | None) -> Iterator[str]:
    """Yield what a command may take its arguments for: as said, as a shell splits them, and without its options."""
    yield text
    try:
        words = shlex.split(text.translate(_TYPED))
    except ValueError:  # a quote is missing
        words = text.translate(_TYPED).split()
    yield " ".join(words)
    if parser is None:
        return
    yield " ".join(word for word in words if not word.startswith("-"))
    values: set[int] = set()
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        for option, action in parser._option_string_actions.items():
            if name.startswith("-") and (option.startswith(name) or (name[1:2] != "-" and name[:2] == option)):
                glued = value if equals else name[2:] if name[1:2] != "-" and name[:2] == option else ""
                following = [glued] if glued else words[place + 1 :]
                yield " ".join([option, *following])
                yield from (" ".join([other, *following]) for other in action.option_strings)
                if action.nargs != 0 and not glued:
                    values.add(place + 1)
    yield " ".join(word for place, word in enumerate(words) if place not in values and not word.startswith("-"))
