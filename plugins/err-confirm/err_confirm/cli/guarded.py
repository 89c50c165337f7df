"""Show what the guards cover of a bot's commands, and which dangerous ones nothing guards."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from err_confirm.catalog import Catalog
from err_confirm.cli import policies
from err_confirm.cli.configuration import Configuration
from err_confirm.cli.console import RED, YELLOW, colored
from err_confirm.cli.plugin_files import scan
from err_confirm.guards import BotCommand
from err_confirm.guards.cover import Coverage, GuardCoverage, PatternCoverage, coverage
from err_confirm.model.files import Guard
from err_confirm.text.visible import visible

_WIDEST = 40
"""The most characters of the first column; what is longer moves what stands behind it."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """What is known of guards and commands.

    Attributes:
        coverage: what each guard covers; nothing where no plugins are known.
        scanned: whether plugins are known, as there is a config.py that says where they are.
        complete: whether these are all guards that the bot has, so that what none of them covers is unguarded.
        unread: what could not be read of the plugins.
    """

    coverage: Coverage
    scanned: bool
    complete: bool
    unread: tuple[str, ...] = ()


def guarded(catalog: Catalog, configuration: Configuration, *, complete: bool) -> Guarded:
    """Look at the plugins of a configuration, and compare their commands with the guards.

    Args:
        catalog: the guards.
        configuration: says where plugins are, if it has a file.
        complete: whether the catalog has all files of the bot; if not, only the user's guards in it are looked at.
    """
    scanned = configuration.path is not None
    guards = [guard for guard in catalog.guards.values() if (complete and scanned) or not guard.shipped]
    if not scanned or not (guards or complete):
        return Guarded(coverage(guards, ()), scanned=scanned, complete=False)
    found = scan(configuration.module)
    return Guarded(coverage(guards, found.commands), scanned=True, complete=complete, unread=found.unread)


def coverage_facts(found: Guarded) -> dict[str, Any]:
    """Return it for programs; what is not known is None."""
    unguarded = [
        {"command": str(danger.command), "admin_only": danger.command.admin_only, "why": danger.why}
        for danger in found.coverage.unguarded
    ]
    return {
        "coverage": [_guard_facts(each, found.scanned) for each in found.coverage.guards],
        "unguarded": unguarded if found.complete else None,
        "unread": list(found.unread),
    }


def _guard_facts(covered: GuardCoverage, scanned: bool) -> dict[str, Any]:
    guard = covered.guard
    return {
        "guard": guard.name,
        "file": str(guard.source.path),
        "line": guard.source.line,
        "shipped": guard.shipped,
        "error": guard.error or None,
        "policy": policies.facts(guard.policy),
        "patterns": [_pattern_facts(each, scanned) for each in covered.patterns],
    }


def _pattern_facts(covered: PatternCoverage, scanned: bool) -> dict[str, Any]:
    return {
        "pattern": covered.pattern,
        "whole": _names(covered.whole) if scanned else None,
        "in_part": _names(covered.in_part) if scanned else None,
        "tied": _names(covered.tied) if scanned else None,
        "overruled": {str(each.command): each.by.name for each in covered.overruled} if scanned else None,
    }


def _names(commands: tuple[BotCommand, ...]) -> list[str]:
    return [str(command) for command in commands]


def coverage_lines(found: Guarded) -> Iterator[str]:
    """Yield it for people, in colours where the terminal shows them."""
    for covered in found.coverage.guards:
        guard = covered.guard
        source = "shipped" if guard.shipped else str(guard.source)
        what = "no other guard covers" if guard.unreadable else "it covers"
        ending = f"refuses what {what}: {guard.error}" if guard.error else policies.worded(guard.policy)
        heading = visible(f'guard "{guard.name}" ({source}): {ending}')
        yield colored(heading, RED) if guard.error else heading
        rows = [row for pattern in covered.patterns for row in _rows(pattern, found.scanned, guard)]
        yield from _aligned(rows)
    if found.complete and found.coverage.unguarded:
        yield "not guarded, and look dangerous:"
        yield from _aligned([(str(danger.command), danger.why, True) for danger in found.coverage.unguarded])
    if found.unread:
        yield "plugins that cannot be read, whose commands are not known here:"
        yield from (colored(f"  {visible(line)}", YELLOW) for line in found.unread)


def _aligned(rows: list[tuple[str, str, bool]]) -> Iterator[str]:
    """Yield rows of two columns; a third tells whether a row is worth a second look."""
    shown = [(visible(first), visible(second), doubtful) for first, second, doubtful in rows]
    width = min(_WIDEST, max((len(first) for first, _, _ in shown), default=0))
    for first, second, doubtful in shown:
        line = f"  {first:{width}}  {second}".rstrip()
        yield colored(line, YELLOW) if doubtful else line


def _rows(covered: PatternCoverage, scanned: bool, guard: Guard) -> Iterator[tuple[str, str, bool]]:
    first = covered.pattern
    for text, doubtful in _said(covered, guard) if scanned else [("", False)]:
        yield first, text, doubtful
        first = ""


def _said(covered: PatternCoverage, guard: Guard) -> Iterator[tuple[str, bool]]:
    """Yield what a pattern covers, and whether it is doubtful that it is meant so.

    Args:
        covered: what it covers.
        guard: whose pattern it is; of one for a file that cannot be read, commands need not be told apart.
    """
    if guard.unreadable:
        yield f"covers {len(covered.whole)} commands that no other guard covers", True
        return
    if covered.names_nothing:
        yield f"covers nothing: no plugin found here has such a command{covered.hint}", True
    yield from ((f"covers {command}", False) for command in covered.whole)
    yield from ((f"covers {command} for some arguments", False) for command in covered.in_part)
    for command in covered.tied:
        yield f"covers {command}, and another guard as much: it is refused", True
    for each in covered.overruled:
        replaced = guard.shipped and not each.by.shipped
        why = "as your own files come first" if replaced else "which says more of it"
        yield f'leaves {each.command} to "{each.by.name}", {why}', replaced
