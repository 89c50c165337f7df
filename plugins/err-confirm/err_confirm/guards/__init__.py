"""Say which guard stands over a command of another plugin: patterns such as `Deploy:deploy prod*`."""

import fnmatch
import inspect
import re
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from err_confirm.conditions.strictness import REFUSES, Strictness, least, most
from err_confirm.errors import GuardsDifferError
from err_confirm.guards.readings import readings
from err_confirm.model.files import Guard, Source

ALIAS_COMMANDS = "Alias commands"
"""The dynamic plugin that has the commands of the aliases."""
OWN = frozenset({"Aliases", "Confirm", "Guards", "Locks", ALIAS_COMMANDS})
"""The names of our plugins."""
_FOLDER = Path(__file__).resolve().parents[2]
_OUR_FOLDERS = (_FOLDER, _FOLDER / "err_confirm_plugins")
"""Where the code of our plugins is, in a checkout and in a wheel."""
GUARDABLE = frozenset({"aliases_reload"})
"""Which of our own commands may be guarded; to confirm must not need a confirmation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BotCommand:
    """A chat command as Errbot knows it.

    `plugin` is the name in its `.plug` file, `name` the one in Errbot's table (`plugin_reload`), `function` that of its
    method; `stranger` tells that its plugin is called like one of ours, but has other code. Where nobody knows the
    plugin, it is empty, and may be any.
    """

    plugin: str
    name: str
    function: str = ""
    admin_only: bool = False
    regex: bool = False
    stranger: bool = False

    @property
    def own(self) -> bool:
        """Whether it is one of ours."""
        return self.plugin in OWN and not self.stranger

    @property
    def guardable(self) -> bool:
        """Whether a guard may stand over it."""
        return not self.own or not GUARDABLE.isdisjoint(self.names)

    def __str__(self) -> str:
        return f"{self.plugin}:{self.name}"

    @property
    def names(self) -> set[str]:
        """Under which names a pattern may mean it: Errbot renames `status` to `deploy-status` if there is one."""
        return {self.name, self.function, self.name.removeprefix(f"{self.plugin}-".lower())}


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
        return _compiled(self.name)

    @cached_property
    def _arguments(self) -> tuple[re.Pattern[str], ...]:
        return _compiled(self.arguments), _compiled(f"{self.arguments} *")

    @cached_property
    def rank(self) -> tuple[bool, bool, bool, int]:
        """How it compares: what could be read, what stands for an alias, what the user wrote, what says most."""
        letters = len(re.sub(r"[*?:_\s]", "", self.pattern))
        return not self.guard.unreadable, self.guard.instead, not self.guard.shipped, letters

    def names(self, command: BotCommand) -> bool:
        plugin = command.plugin or self.name.partition(":")[0]
        return any(self._name.match(f"{plugin}:{name}".casefold()) for name in command.names)

    def matches(self, reading: str) -> bool:
        return not self.arguments or any(each.match(reading) for each in self._arguments)


class Guards:
    """All guards, ready to be asked about a command."""

    def __init__(self, guards: Iterable[Guard]) -> None:
        self.guards = tuple(guards)
        self._naming: dict[BotCommand, tuple[_Way, ...]] = {}  # a bot looks with each message, and has few commands
        self._ways = [way for guard in self.guards for pattern in guard.commands for way in _ways(guard, pattern)]

    def covering(self, command: BotCommand) -> list[Covering]:
        """Return the guards that may stand over a command, whatever its arguments, the deciding one first."""
        ways = sorted(self._ways_to(command), key=lambda way: way.rank, reverse=True)
        return [Covering(way.guard, way.pattern, way.arguments not in ("", "*")) for way in ways]

    def guarding(self, command: BotCommand, text: str, parser: ArgumentParser | None = None) -> Guard | None:
        """Return the guard that stands over a command with these arguments; None if nothing does.

        Of several patterns, the one with the most letters decides; the user's before those that are shipped. Where
        the arguments can be read in several ways, and those have different guards, the strictest of them decides.

        Args:
            command: as Errbot knows it.
            text: its arguments as they were said; for a regex command the whole text.
            parser: what an `arg_botcmd` parses them with. It is only looked at: to run it could do anything.

        Raises:
            GuardsDifferError: two guards say equally much about it.
        """
        naming = self._ways_to(command)
        read = readings(text, parser) if any(way.arguments for way in naming) else {""}
        if read is None:
            groups = [[way] for way in naming]
        else:
            groups = [[way for way in naming if way.matches(reading)] for reading in read]
        found = [_first(command, group, lambda way: way.rank) for group in groups if group]
        return _strictest(command, found) if found else None

    def _ways_to(self, command: BotCommand) -> tuple[_Way, ...]:
        """Return the ways that name a command; no mistake in a file refuses our own, which are to mend it."""
        if command not in self._naming:
            ways = [way for way in self._ways if command.guardable and way.names(command)]
            self._naming[command] = tuple(way for way in ways if not (command.own and way.guard.error))
        return self._naming[command]


def bot_command(name: str, method: Any) -> BotCommand:
    """Return what a command is, by its name in Errbot's table and its method."""
    named = getattr(method.__self__, "name", None)  # of a class method, that is the property itself
    plugin = named if isinstance(named, str) else ""
    return BotCommand(
        plugin=plugin,
        name=name,
        function=getattr(method, "__name__", name),
        admin_only=bool(method._err_command_admin_only),
        regex=bool(method._err_re_command),
        stranger=plugin in OWN and not _is_ours(inspect.unwrap(method.__func__)),
    )


def _is_ours(function: Any) -> bool:
    """Tell whether the code of a function is in a file of our plugins."""
    code = getattr(function, "__code__", None)
    return code is not None and Path(code.co_filename).resolve().parent in _OUR_FOLDERS


def everything(source: Source, error: str) -> Guard:
    """Return a guard that refuses all commands of other plugins: nobody knows which of them are guarded."""
    return Guard(name=source.path.stem, commands=("*",), source=source, policy=None, error=error, unreadable=True)


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
        arguments = " ".join(words[count:])
        yield _Way(guard, pattern, f"{plugin}:{'_'.join(words[:count])}", "" if arguments == "*" else arguments)


def _compiled(glob: str) -> re.Pattern[str]:
    """Return what matches a pattern of `*` and `?`; for `fnmatch`, a bracket would begin a set of letters."""
    return re.compile(fnmatch.translate(glob.replace("[", "[[]")))


def _strictest(command: BotCommand, ways: Sequence[_Way]) -> Guard:
    """Return the guard that asks for most, whether the rules of its policy hold or not.

    Raises:
        GuardsDifferError: two ask for as much, or which of them asks for more depends on their rules.
    """
    guard = _first(command, ways, lambda way: (_least(way.guard), way.rank)).guard
    stricter = [way.guard for way in ways if _most(way.guard) > _most(guard)]
    if stricter:
        raise GuardsDifferError(str(command), sorted({str(each.source) for each in (guard, *stricter)}))
    return guard


def _least(guard: Guard) -> Strictness:
    return REFUSES if guard.error else least(guard.policy)


def _most(guard: Guard) -> Strictness:
    return REFUSES if guard.error else most(guard.policy)


def _first(command: BotCommand, ways: Sequence[_Way], rank: Callable[[_Way], Any]) -> _Way:
    """Return the way that ranks highest: of several, one that refuses. Raises GuardsDifferError."""
    highest = max(map(rank, ways))
    ways = [way for way in ways if rank(way) == highest]
    guards = dict.fromkeys(way.guard for way in ways)
    refusing = [way for way in ways if way.guard.error]
    if len(guards) > 1 and not refusing:
        raise GuardsDifferError(str(command), sorted(str(guard.source) for guard in guards))
    return (refusing or ways)[0]
