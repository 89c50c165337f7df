"""`err-confirm lint`: say what is wrong with alias and action files."""

import argparse

from err_confirm.catalog import Problem, Severity
from err_confirm.cli.command import Command
from err_confirm.cli.configuration import read_catalog, read_configuration
from err_confirm.cli.console import CYAN, RED, YELLOW, colored, print_json
from err_confirm.cli.exits import Exit
from err_confirm.cli.folders import folder, parts

COLORS = {Severity.ERROR: RED, Severity.WARNING: YELLOW, Severity.NOTE: CYAN}


def lint(options: argparse.Namespace) -> Exit:
    """Say what is wrong with alias and action files; 1 if anything is an error."""
    aliases = tuple(part for given in options.folders for part in parts(given, "aliases"))
    actions = tuple(part for given in options.folders for part in parts(given, "actions"))
    catalog = read_catalog(read_configuration(options.config).settings, aliases, actions)
    if options.json:
        counts = {"aliases": len(catalog.aliases), "actions": len(catalog.actions)}
        print_json({**counts, "problems": [_facts(problem) for problem in catalog.problems]})
    else:
        for problem in catalog.problems:
            print(colored(str(problem), COLORS[problem.severity]))
        counted = f"{len(catalog.errors)} errors, {len(catalog.warnings)} warnings"
        print(f"{len(catalog.aliases)} aliases and {len(catalog.actions)} actions can be used: {counted}")
    return Exit.NO if catalog.errors else Exit.OK


def _facts(problem: Problem) -> dict[str, str | int]:
    source = problem.source
    return {"severity": problem.severity, "file": str(source.path), "line": source.line, "message": problem.message}


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", metavar="DIR", nargs="*", type=folder, help="folders of files, or packs of both")


COMMAND = Command(
    name="lint",
    help="check alias and action files",
    description="Check alias and action files: every error and warning with its file and line, and every alias that "
    "runs without confirmation. Exit code 1 if there is an error.",
    run=lint,
    arguments=_arguments,
)
