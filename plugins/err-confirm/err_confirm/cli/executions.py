"""`err-confirm executions`: find executions, also those of long ago."""

import argparse
import sys
from dataclasses import asdict

from err_confirm.cli.books import opened
from err_confirm.cli.command import Command
from err_confirm.cli.console import report
from err_confirm.cli.exits import Exit
from err_confirm.cli.filters import add_filters, read_filters
from err_confirm.cli.moments import Progress, shown
from err_confirm.journal.history import Asked, search
from err_confirm.store.base import clock
from err_confirm.text.visible import visible

LIMIT = 100


def executions(options: argparse.Namespace) -> Exit:
    """Print the executions that the options mean, newest first."""
    with opened(options) as books, Progress("lines read") as progress:
        wanted = read_filters(options, clock(books.store))
        found = search(books.store, books.records, wanted, options.limit, on_line=progress.step)
    report(options, [asdict(each) for each in found.executions], map(_line, found.executions))
    if found.more:
        print(f"… and more; the newest {options.limit} are shown, --limit says how many", file=sys.stderr)
    elif not found.executions:
        print("the journal has no such execution", file=sys.stderr)
    return Exit.OK


def _line(found: Asked) -> str:
    words = f"{found.state} · {visible(found.text)} by {visible(found.requester)}"
    after = f" · follows {found.parent} ({visible(found.cause)})" if found.parent else ""
    return f"{shown(found.at)} {found.id} {words}{after}"


def positive(text: str) -> int:
    """Return a whole number above zero; argparse says so where it is none."""
    if not text.isdecimal() or not 0 < len(text) < 10 or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text} is no number above zero")
    return int(text)


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_filters(parser, "asked for by this person")
    parser.add_argument(
        "--limit", metavar="N", type=positive, default=LIMIT, help=f"at most so many (default: {LIMIT})"
    )


COMMAND = Command(
    description="List executions, newest first: all that the journal has, or those that the options mean, each of "
    "which narrows it further. Reads the store that config.py names, and needs to be able to read the bot's key file.",
    run=executions,
    arguments=_arguments,
)
