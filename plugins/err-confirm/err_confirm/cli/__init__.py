"""The command `err-confirm`: look at files, settings, store and journal without a bot."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from err_confirm import __version__
from err_confirm.cli import doctor, draw, executions, export, lint, match, pending, schema_command, show, verify
from err_confirm.cli.command import add_shared_options
from err_confirm.cli.console import complain
from err_confirm.cli.exits import Exit
from err_confirm.errors import ErrConfirmError, LineError, StoreUnavailableError

__all__ = ["COMMANDS", "Exit", "main"]

COMMANDS = (
    lint.COMMAND,
    match.COMMAND,
    draw.COMMAND,
    pending.COMMAND,
    show.COMMAND,
    executions.COMMAND,
    verify.COMMAND,
    export.COMMAND,
    schema_command.COMMAND,
    doctor.COMMAND,
)
"""All commands, in the order in which `--help` lists them."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(Exit.USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


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
    parser = _Parser(
        prog="err-confirm",
        description="Look at err-confirm's files, settings, store and journal. Nothing here starts or confirms "
        "anything.",
        epilog="err-confirm COMMAND --help says more about each. Exit codes: 0 yes, 1 no or something is wrong, "
        "64 wrong usage or settings, 69 the store does not answer.",
    )
    parser.add_argument("--version", action="version", version=f"err-confirm {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        each = commands.add_parser(command.name, help=command.help, description=command.description)
        command.arguments(each)
        add_shared_options(each)
        each.set_defaults(run=command.run)
    return parser
