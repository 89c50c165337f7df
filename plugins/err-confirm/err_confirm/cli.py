"""The command `err-confirm`: check alias and action files, and see what a text would start."""

import argparse
import json
import os
import runpy
import sys
from collections.abc import Sequence
from dataclasses import replace
from enum import IntEnum
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

from err_confirm import __version__
from err_confirm.catalog import Catalog, Severity, load, parse_policy
from err_confirm.durations import format_duration
from err_confirm.errors import (
    ActionMissingError,
    AmbiguousMatchError,
    ErrConfirmError,
    NoMatchError,
    SettingError,
    TemplateError,
    TextError,
)
from err_confirm.index import Index, Match
from err_confirm.model import Policy
from err_confirm.people import People
from err_confirm.plan import describe, plan
from err_confirm.policy import whom
from err_confirm.settings import Settings, read_settings
from err_confirm.templating import render_value
from err_confirm.visible import visible

COLORS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.NOTE: "36"}
"""ANSI colours of severities (ECMA-48 SGR): red, yellow, cyan."""


class Exit(IntEnum):
    """What the command says to scripts."""

    OK = 0
    NO_MATCH = 1
    LINT_ERRORS = 1  # the same number, said by `lint`
    AMBIGUOUS = 2
    REFUSED = 3
    USAGE = 64  # EX_USAGE of sysexits.h


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(Exit.USAGE, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except ErrConfirmError as error:
        print(f"err-confirm: {error}", file=sys.stderr)
        return Exit.USAGE


def lint(options: argparse.Namespace) -> int:
    """Say what is wrong with alias and action files; 1 if anything is an error."""
    settings = _settings(options.config)
    aliases, actions = settings.aliases, settings.actions
    if options.folders:
        aliases = tuple(folder for given in options.folders for folder in _parts(given, "aliases"))
        actions = tuple(folder for given in options.folders for folder in _parts(given, "actions"))
    catalog = _load(aliases, actions, settings)
    for problem in catalog.problems:
        text = str(problem)
        print(f"\033[{COLORS[problem.severity]}m{text}\033[0m" if _colored() else text)
    counts = f"{len(catalog.errors)} errors, {len(catalog.warnings)} warnings"
    print(f"{len(catalog.aliases)} aliases and {len(catalog.actions)} actions can be used: {counts}")
    return Exit.LINT_ERRORS if catalog.errors else Exit.OK


def match(options: argparse.Namespace) -> int:
    """Say what a text would start, without starting it."""
    settings = _settings(options.config)
    aliases, actions = settings.aliases, settings.actions
    if options.aliases:
        aliases = tuple(options.aliases)
        actions = tuple(folder for given in aliases for folder in _parts(given.resolve().parent, "actions"))
    if options.actions:
        actions = tuple(options.actions)
    catalog = _load(aliases, actions, settings)
    for problem in catalog.errors:
        print(f"{problem} (skipped)", file=sys.stderr)
    found: list[dict[str, Any]] = []
    try:
        code, message = Exit.OK, ""
        found = [_explained(catalog, each) for each in Index(catalog.aliases.values()).matches(options.text)]
    except NoMatchError:
        code, message = Exit.NO_MATCH, f"no alias matches {options.text!r}"
    except AmbiguousMatchError as error:
        code, message = Exit.AMBIGUOUS, str(error)
    except (TextError, TemplateError) as error:
        code, message = Exit.REFUSED, str(error)
    if message:
        print(f"err-confirm: {message}", file=sys.stderr)
    if options.json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        print("\n\n".join(map(_worded, found)), end="\n" if found else "")
    return code


def _explained(catalog: Catalog, found: Match) -> dict[str, Any]:
    alias = found.alias
    explained: dict[str, Any] = {
        "alias": alias.name,
        "action": alias.action_ref,
        "representation": found.representation,
    }
    try:
        planned = plan(catalog, found)
        explained |= {"parameters": planned.parameters, "runs": describe(planned.invocation)}
    except ActionMissingError as error:
        print(f"err-confirm: warning: {error}", file=sys.stderr)
        fixed = {
            name: render_value(value, found.values) if isinstance(value, str) else value
            for name, value in alias.immutable_parameters.items()
        }
        explained |= {"parameters": {**found.values, **fixed}, "runs": None}
    return {**explained, "policy": _policy(alias.policy)}


def _policy(policy: Policy | None) -> dict[str, Any] | None:
    if policy is None:
        return None
    return {
        "by": list(policy.by),
        "deny_by": list(policy.deny_by),
        "retry": {"count": policy.retry_count, "delay": policy.retry_delay},
        "within": policy.within,
    }


def _worded(explained: dict[str, Any]) -> str:
    policy = explained["policy"]
    lines = [explained["alias"], *(f"  {name}: {_value(value)}" for name, value in explained["parameters"].items())]
    lines.append(f"  runs: {explained['runs'] or 'nothing: its action has no file here'}")
    if policy is None:
        lines.append("  policy: runs at once, without confirmation")
    else:
        wait = format_duration(policy["within"])
        lines.append(f"  policy: {whom(tuple(policy['by']))} confirms within {wait}, or nothing runs")
    return "\n".join(lines)


def _value(value: Any) -> str:
    return visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _settings(config: Path | None) -> Settings:
    """Read CONFIRM_* from a config.py; without one, every name of a policy is taken to be somebody's."""
    path = config or Path("config.py")
    if config is None and not path.is_file():
        return replace(read_settings(SimpleNamespace()), people=People(None))
    try:
        module = runpy.run_path(str(path))
    except (Exception, SystemExit) as error:  # it is a program of its own, and may raise anything
        raise SettingError(f"{path} cannot be read: {type(error).__name__}: {error}") from error
    return read_settings(SimpleNamespace(**module))


def _load(aliases: tuple[Path, ...], actions: tuple[Path, ...], settings: Settings) -> Catalog:
    return load(
        [_shown(folder) for folder in aliases],
        [_shown(folder) for folder in actions],
        people=settings.people,
        default=parse_policy(settings.default, settings.people),
    )


def _shown(folder: Path) -> Path:
    """Return a folder as people name it: below the current one without the path to that."""
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder


def _parts(folder: Path, kind: str) -> list[Path]:
    """Return the folders of alias or action files that a given folder is, or has."""
    if (folder / "aliases").is_dir() or (folder / "actions").is_dir():
        return [folder / kind] if (folder / kind).is_dir() else []
    return [folder] if (folder.name == "actions") is (kind == "actions") else []


def _colored() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def _folder(text: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is not a folder")
    return path


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="err-confirm", description="Check alias and action files, and see what a text would start.")
    parser.add_argument("--version", action="version", version=f"err-confirm {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    linting = commands.add_parser(
        "lint",
        help="check alias and action files",
        description="Check alias and action files: every error and warning with its file and line, and every alias "
        "that runs without confirmation. Exit code 1 if there is an error.",
    )
    linting.add_argument("folders", metavar="DIR", nargs="*", type=_folder, help="folders of files, or packs of both")
    linting.set_defaults(run=lint)

    matching = commands.add_parser(
        "match",
        help="see what a text would start",
        description="See which alias a text means, its parameters, what would run and who must confirm. Starts "
        "nothing. Exit code 0; 1 no match; 2 ambiguous; 3 the text is refused.",
    )
    matching.add_argument(
        "--aliases",
        metavar="DIR",
        type=_folder,
        action="append",
        help="a folder of alias files (default: CONFIRM_ALIASES)",
    )
    matching.add_argument(
        "--actions",
        metavar="DIR",
        type=_folder,
        action="append",
        help="a folder of action files (default: actions beside those aliases, or CONFIRM_ACTIONS)",
    )
    matching.add_argument("--json", action="store_true", help="print a list, an object for each execution")
    matching.add_argument("text", metavar="TEXT", help="what would be said in chat, without the bot's prefix")
    matching.set_defaults(run=match)

    for each in (linting, matching):
        each.add_argument("--config", metavar="FILE", type=Path, help="Errbot's config.py (default: ./config.py)")
    return parser
