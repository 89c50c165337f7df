"""Say what the guards cover of the commands that there are, and which dangerous ones none of them does."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from err_confirm.errors import GuardsDifferError
from err_confirm.guards import BotCommand, Covering, Guards
from err_confirm.guards.dangers import Danger, why_dangerous
from err_confirm.model.files import Guard
from err_confirm.text.spelling import did_you_mean


@dataclass(frozen=True, slots=True)
class Overruled:
    """A command that a pattern names, but about which another guard's pattern says more."""

    command: BotCommand
    by: Guard


@dataclass(frozen=True, slots=True)
class PatternCoverage:
    """The commands that one pattern of a guard names.

    Attributes:
        whole: its guard stands over them, whatever their arguments, save those of which another guard says more.
        in_part: its guard stands over them for some arguments.
        tied: another guard says as much about them, so that they are refused.
        overruled: another guard stands over them instead.
        hint: what was perhaps meant, where it names none.
    """

    pattern: str
    whole: tuple[BotCommand, ...] = ()
    in_part: tuple[BotCommand, ...] = ()
    tied: tuple[BotCommand, ...] = ()
    overruled: tuple[Overruled, ...] = ()
    hint: str = ""

    @property
    def names_nothing(self) -> bool:
        """Whether there is no such command now."""
        return not (self.whole or self.in_part or self.tied or self.overruled)


@dataclass(frozen=True, slots=True)
class GuardCoverage:
    """What a guard covers, pattern by pattern in the order of its file."""

    guard: Guard
    patterns: tuple[PatternCoverage, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What all guards cover, the user's before the shipped ones, and the dangerous commands that none does."""

    guards: tuple[GuardCoverage, ...]
    unguarded: tuple[Danger, ...]

    def naming_nothing(self) -> list[PatternCoverage]:
        """Return the user's patterns that name no command: they are misspelled, or their plugin is not there."""
        return [
            pattern
            for each in self.guards
            for pattern in each.patterns
            if pattern.names_nothing and not each.guard.shipped and not each.guard.unreadable
        ]

    def of_what_is_there(self) -> "Coverage":
        """Return the same without the patterns that name nothing, and the guards that have no others."""
        kept = [
            replace(each, patterns=tuple(pattern for pattern in each.patterns if not pattern.names_nothing))
            for each in self.guards
        ]
        return replace(self, guards=tuple(each for each in kept if each.patterns))


def coverage(guards: Iterable[Guard], commands: Iterable[BotCommand]) -> Coverage:
    """Return what the guards cover of some commands."""
    ready = Guards(guards)
    known = sorted(set(commands), key=lambda command: (str(command).casefold(), str(command), command.regex))
    named = [(command, _Named(ready, command)) for command in known]
    dangers = [
        Danger(command, why)
        for command, found in named
        if not found.is_settled and command.guardable and (why := why_dangerous(command))
    ]
    ordered = sorted(ready.guards, key=lambda guard: (guard.shipped, guard.name))
    return Coverage(tuple(_of_guard(guard, named) for guard in ordered), tuple(dangers))


class _Named:
    """The patterns that name one command, as they compare with one another."""

    def __init__(self, guards: Guards, command: BotCommand) -> None:
        self._covering = guards.covering(command)
        self._tied: Sequence[str] = ()
        whole = [each.guard for each in self._covering if not each.arguments]
        self._deciding = whole[0] if whole else None
        # patterns from here on say less than what decides
        self._from = next((index for index, each in enumerate(self._covering) if not each.arguments), 0)
        try:
            without = guards.guarding(command, "")
        except GuardsDifferError as error:
            self._tied = error.sources
        else:  # of two that say as much, one that is wrong decides
            self._deciding = without if without in whole else self._deciding

    @property
    def is_settled(self) -> bool:
        """Whether somebody has said how it may run; that some arguments run at once says nothing of the others."""
        return any(not each.arguments or each.guard.policy or each.guard.error for each in self._covering)

    def by(self, guard: Guard, pattern: str) -> tuple[str, Guard] | None:
        """Return how a guard's pattern covers it (a field of PatternCoverage), and which guard decides."""
        found = [
            (index, each)
            for index, each in enumerate(self._covering)
            if each.guard == guard and each.pattern == pattern
        ]
        if not found:
            return None
        index, covering = min(found, key=lambda each: each[1].arguments)
        return self._how(index, covering)

    def _how(self, index: int, covering: Covering) -> tuple[str, Guard]:
        guard = covering.guard
        if not covering.arguments and str(guard.source) in self._tied:
            return "tied", guard
        if self._deciding and self._deciding != guard and (index > self._from or not covering.arguments):
            return "overruled", self._deciding
        return ("in_part" if covering.arguments else "whole"), guard


def _of_guard(guard: Guard, named: Sequence[tuple[BotCommand, _Named]]) -> GuardCoverage:
    patterns = []
    for pattern in guard.commands:
        found = [(command, how) for command, each in named if (how := each.by(guard, pattern))]
        whole, in_part, tied = (
            tuple(command for command, (how, _) in found if how == kind) for kind in ("whole", "in_part", "tied")
        )
        overruled = tuple(Overruled(command, by) for command, (how, by) in found if how == "overruled")
        hint = "" if found else did_you_mean(pattern, (str(command) for command, _ in named))
        patterns.append(PatternCoverage(pattern, whole, in_part, tied, overruled, hint))
    return GuardCoverage(guard, tuple(patterns))
