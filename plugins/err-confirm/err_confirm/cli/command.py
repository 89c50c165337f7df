"""Describe one command: what it takes, and what it does."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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
