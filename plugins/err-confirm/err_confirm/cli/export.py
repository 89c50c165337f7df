"""`err-confirm export`: hand the journal over as CSV or JSON."""

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from err_confirm.cli.books import opened
from err_confirm.cli.command import Command
from err_confirm.cli.exits import Exit
from err_confirm.cli.filters import add_filters, read_filters
from err_confirm.cli.moments import Progress, shown
from err_confirm.errors import SettingError
from err_confirm.journal import NOTES, STOPPING, Line, lines
from err_confirm.journal.history import Search
from err_confirm.model.executions import State
from err_confirm.store.base import clock

COLUMNS = (
    *("number", "at", "what", "execution", "version", "who", "identity", "room", "alias", "text", "facts"),
    *("before", "seal"),
)
STEPS = tuple(dict.fromkeys(["asked", "posted", "confirmed", *map(str, State), STOPPING, *NOTES]))
"""What a line may tell."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With what a cell begins that a spreadsheet computes
(https://owasp.org/www-community/attacks/CSV_Injection)."""


def export(options: argparse.Namespace) -> Exit:
    """Write the lines that the options mean, oldest first."""
    with opened(options) as books, Progress("lines read") as progress, _output(options.output) as file:
        rows = _rows(lines(books.store, books.seal), read_filters(options, clock(books.store)), progress)
        write = _write_json if options.json or options.format == "json" else _write_csv
        write(file, rows)
    return Exit.OK


def _rows(found: Iterator[Line], wanted: Search, progress: Progress) -> Iterator[dict[str, Any]]:
    """Yield the lines that are meant as rows; each has the alias and the text of its execution."""
    asked: dict[str, tuple[str, str]] = {}
    for line in found:
        progress.step()
        told = line.entry
        if told.what == "asked":
            asked[told.execution] = (told.facts["alias"], told.facts["text"])
        alias, text = asked.get(told.execution, ("", ""))
        if _takes(wanted, line, alias, text):
            step = (line.number, shown(told.at), told.what, told.execution, told.version)
            values = (*step, told.who, told.identity, told.room, alias, text, told.facts, line.before, line.seal)
            yield dict(zip(COLUMNS, values, strict=True))


def _takes(wanted: Search, line: Line, alias: str, text: str) -> bool:
    told = line.entry
    return (
        wanted.person in ("", told.who)
        and wanted.alias in ("", alias)
        and wanted.state in ("", told.what)
        and wanted.since <= told.at < wanted.until
        and wanted.text.lower() in text.lower()
    )


def _write_csv(file: TextIO, rows: Iterator[dict[str, Any]]) -> None:
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for row in rows:
        facts = json.dumps(row["facts"], ensure_ascii=False)
        writer.writerow([_inert(str(value)) for value in {**row, "facts": facts}.values()])


def _inert(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _write_json(file: TextIO, rows: Iterator[dict[str, Any]]) -> None:
    """Write a JSON list, a row a line, without holding all of it."""
    separator = "["
    for row in rows:
        file.write(f"{separator}\n{json.dumps(row, ensure_ascii=False)}")
        separator = ","
    file.write("[]\n" if separator == "[" else "\n]\n")


@contextmanager
def _output(path: Path | None) -> Iterator[TextIO]:
    """Open a file that nobody else may read, or lend standard output."""
    if path is None:
        yield sys.stdout
        return
    try:
        path.touch(mode=0o600)
        if path.is_file():  # not /dev/stdout and its like
            path.chmod(0o600)
        with path.open("w", encoding="utf-8", newline="") as file:
            yield file
    except OSError as error:
        raise SettingError(f"{path} cannot be written: {error.strerror}") from error


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_filters(parser, "lines of what this person did", STEPS)
    parser.add_argument("--format", choices=("csv", "json"), default="csv", help="default: csv")
    parser.add_argument("--output", metavar="FILE", type=Path, help="write there, and not to standard output")


COMMAND = Command(
    description="Write the journal, a row for each line, oldest first: all of it, or the lines that the options mean. "
    "In CSV, a cell that a spreadsheet would take for a formula has a ' before it. Every line is checked on the way; "
    "one that is not as it was written ends it with exit code 1: see verify.",
    run=export,
    arguments=_arguments,
)
