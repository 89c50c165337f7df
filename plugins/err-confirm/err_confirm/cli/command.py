"""Describe one command: what it takes, and what it does."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from err_confirm.cli.exits import Exit


def _nothing(_: argparse.ArgumentParser) -> None:
    """Add no argument."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One word after `err-confirm`.

    Args:
        description: what `--help` says: what it does, and what its exit codes mean.
        run: does it.
        arguments: adds what it takes besides the options that all commands share.
    """

    description: str
    run: Callable[[argparse.Namespace], Exit]
    arguments: Callable[[argparse.ArgumentParser], None] = _nothing


def add_shared_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of every command."""
    parser.add_argument("--config", metavar="FILE", type=Path, help="Errbot's config.py (default: ./config.py)")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


class Parser(argparse.ArgumentParser):
    """Says on one line what is wrong with the arguments."""

    def error(self, message: str) -> NoReturn:
        """End with what is wrong."""
        self.print_usage(sys.stderr)
        self.exit(Exit.USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


class CommandParser(Parser):
    """Reads what follows the name of a command, whose module is imported only then."""

    def __init__(self, *, command: str, **options: Any) -> None:
        super().__init__(**options)
        self._command, self._knows = command, False

    def know(self) -> None:
        """Learn from the command's module which arguments there are."""
        if self._knows:
            return
        self._knows = True
        command: Command = import_module(f"err_confirm.cli.{self._command}").COMMAND
        self.description = command.description
        command.arguments(self)
        add_shared_options(self)
        self.set_defaults(run=command.run)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Read the arguments, once they are known."""
        self.know()
        return super().parse_known_args(args, namespace)
