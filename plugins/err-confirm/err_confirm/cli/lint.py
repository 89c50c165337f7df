"""`err-confirm lint`: say what is wrong with alias, guard and action files, and what the guards cover."""

import argparse
from dataclasses import replace

from err_confirm.catalog import Problem, Severity
from err_confirm.cli.command import Command
from err_confirm.cli.configuration import read_catalog, read_configuration
from err_confirm.cli.console import CYAN, RED, YELLOW, colored, report
from err_confirm.cli.exits import Exit
from err_confirm.cli.folders import folder, sorted_out
from err_confirm.cli.guarded import coverage_facts, coverage_lines, guarded
from err_confirm.cli.queues import unreachable
from err_confirm.text.spelling import number

COLORS = {Severity.ERROR: RED, Severity.WARNING: YELLOW, Severity.NOTE: CYAN}


def lint(options: argparse.Namespace) -> Exit:
    """Say what is wrong with alias, guard and action files, and what the guards cover; 1 if anything is an error."""
    configuration = read_configuration(options.config)
    given = sorted_out(options.folders, configuration.settings.packs)
    catalog = read_catalog(configuration.settings, given.aliases, given.actions, given.packs)
    catalog = replace(catalog, problems=(*catalog.problems, *unreachable(catalog, configuration)))
    found = guarded(catalog, configuration, complete=not options.folders)
    guards = sum(not guard.error for guard in catalog.guards.values())
    counts = {"aliases": len(catalog.aliases), "guards": guards, "actions": len(catalog.actions)}
    facts = {**counts, "problems": [_facts(problem) for problem in catalog.problems], **coverage_facts(found)}
    found_so = f"{number(len(catalog.errors), 'error')}, {number(len(catalog.warnings), 'warning')}"
    usable = f"{number(len(catalog.aliases), 'alias')}, {number(guards, 'guard')}"
    last = f"{usable} and {number(len(catalog.actions), 'action')} can be used: {found_so}"
    problems = [colored(_line(problem), COLORS[problem.severity]) for problem in catalog.problems]
    report(options, facts, [*problems, *coverage_lines(found), last])
    return Exit.NO if catalog.errors else Exit.OK


def _line(problem: Problem) -> str:
    """Return a problem with what it is, unless it is an error: colours are gone where the output is kept."""
    kind = "" if problem.severity is Severity.ERROR else f"{problem.severity}: "
    return f"{problem.source}: {kind}{problem.message}"


def _facts(problem: Problem) -> dict[str, str | int]:
    source = problem.source
    return {"severity": problem.severity, "file": str(source.path), "line": source.line, "message": problem.message}


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", metavar="DIR", nargs="*", type=folder, help="folders of files, or packs of both")


COMMAND = Command(
    description="Check alias, guard and action files: every error and warning with its file and line, and every alias "
    "that runs without confirmation. With a config.py also which commands of the bot's plugins each guard covers, and "
    "which look dangerous and have none; plugins are read, not run. Exit code 1 if there is an error.",
    run=lint,
    arguments=_arguments,
)
