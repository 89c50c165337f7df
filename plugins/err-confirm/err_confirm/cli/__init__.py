"""The command `err-confirm`: look at files, settings, store and journal without a bot."""

import argparse
import os
import sys
from collections.abc import Sequence

from err_confirm import __version__
from err_confirm.cli.command import CommandParser, Parser
from err_confirm.cli.console import complain
from err_confirm.cli.exits import Exit
from err_confirm.errors import ErrConfirmError, LineError, StoreUnavailableError

__all__ = ["COMMANDS", "Exit", "main"]

COMMANDS = {
    "lint": "check alias, guard and action files",
    "match": "see what a text would start",
    "draw": "draw who must answer, what runs and what follows",
    "pending": "list what waits for an answer, and what runs",
    "show": "say all that is known of one execution",
    "executions": "find executions, also those of long ago",
    "verify": "say whether the journal is as it was written, and whole",
    "export": "hand the journal over as CSV or JSON",
    "schema": "print the JSON Schema of alias and guard files, action files or policies",
    "doctor": "say what is wrong with how the bot is set up",
    "completion": "print what lets a shell complete commands and options",
}
"""All commands, each the name of its module, with what it is for; `--help` lists them in this order."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; what goes wrong is one line on standard error."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a terminal may know few letters
    try:
        options = _parser().parse_args(arguments)
        code: Exit = options.run(options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # who read this, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.BROKEN_PIPE
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except StoreUnavailableError as error:
        complain(error)
        return Exit.UNAVAILABLE
    except LineError as error:
        complain(f"a line of the journal {error}; see: err-confirm verify")
        return Exit.NO
    except ErrConfirmError as error:
        complain(error)
        return Exit.USAGE
    except OSError as error:
        complain(f"this could not be written: {error.strerror}")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left is not written at the end, too
        return Exit.NO


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="err-confirm",
        description="Look at err-confirm's files, settings, store and journal. Nothing here starts or confirms "
        "anything.",
        epilog="err-confirm COMMAND --help says more about each. Exit codes: 0 yes, 1 no or something is wrong, "
        "64 wrong usage or settings, 69 the store does not answer.",
    )
    parser.add_argument("--version", action="version", version=f"err-confirm {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=CommandParser)
    for name, help_ in COMMANDS.items():
        commands.add_parser(name, help=help_, command=name).set_defaults(commands=commands.choices)
    return parser
