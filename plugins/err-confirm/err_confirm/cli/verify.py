"""`err-confirm verify`: say whether the journal is as it was written, and whole."""

import argparse
import json
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

from err_confirm.cli.books import opened
from err_confirm.cli.command import Command
from err_confirm.cli.console import report
from err_confirm.cli.exits import Exit
from err_confirm.cli.moments import Progress
from err_confirm.errors import SettingError
from err_confirm.journal import check, texts
from err_confirm.store.base import Head
from err_confirm.store.seal import SEAL_CHARACTERS

Numbered = tuple[int, str]


def verify(options: argparse.Namespace) -> Exit:
    """Print what is wrong with the journal, or its copy; 1 if anything is."""
    with opened(options) as books, Progress("lines checked") as progress:
        counted = Counted(progress)
        if options.file:
            kept: dict[int, bytes] = {}
            copy = counted.each(_remembered(_of_file(options.file), kept))
            findings = [f"{options.file}: {finding}" for finding in check(copy, books.seal, options.head)]
            findings += [f"the store: {finding}" for finding in check(texts(books.store), books.seal, options.head)]
            findings += _differences(kept, texts(books.store))
        else:
            findings = list(check(counted.each(texts(books.store)), books.seal, options.head))
    facts = {"lines": counted.lines, "last": counted.last, "findings": findings}
    well = f"{counted.lines:,} lines are as they were written, the last is line {counted.last}"
    report(options, facts, findings or [well])
    return Exit.NO if findings else Exit.OK


class Counted:
    """How many lines were checked, and the number of the last one."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.lines = 0
        self.last = 0

    def each(self, lines: Iterator[Numbered]) -> Iterator[Numbered]:
        """Yield lines, and count them."""
        for number, text in lines:
            self._progress.step()
            self.lines, self.last = self.lines + 1, number
            yield number, text


def _of_file(path: Path) -> Iterator[Numbered]:
    """Yield the lines of a copy with the number that each gives itself, or else the one after the last."""
    number = 0
    try:
        with path.open(encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                text = line.rstrip("\n")
                number = _number(text) or number + 1
                yield number, text
    except OSError as error:
        raise SettingError(f"{path} cannot be read: {error.strerror}") from error


def _number(text: str) -> int:
    try:
        number = json.loads(text)["number"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return 0
    return number if isinstance(number, int) else 0


def _remembered(lines: Iterator[Numbered], kept: dict[int, bytes]) -> Iterator[Numbered]:
    for number, text in lines:
        kept[number] = _digest(text)
        yield number, text


def _differences(copy: dict[int, bytes], store: Iterator[Numbered]) -> list[str]:
    """Return where a copy and the store's journal are not the same; each may have lines that the other has not."""
    findings, last = [], 0
    for last, text in store:
        if last in copy and copy[last] != _digest(text):
            findings.append(f"line {last} is another one in the store than in the copy")
    if copy and max(copy) > last:
        findings.append(
            f"the end of the store's journal is cut off: it ends with line {last}, the copy with {max(copy)}"
        )
    return findings


def _digest(text: str) -> bytes:
    return blake2b(text.encode(errors="surrogateescape"), digest_size=16).digest()


def head(text: str) -> Head:
    """Return what `N:SEAL` says; argparse says so where it says nothing."""
    number, _, seal = text.partition(":")
    right = set(seal) <= set("0123456789abcdef") and len(seal) == SEAL_CHARACTERS
    if not (number.isdecimal() and len(number) < 20 and right):
        raise argparse.ArgumentTypeError(f"{text} is no head; write it as it was posted, N:SEAL")
    return Head(int(number), seal)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--head",
        metavar="N:SEAL",
        type=head,
        action="append",
        default=[],
        help="a head that was kept elsewhere, such as in CONFIRM_JOURNAL_ROOM; any number of times",
    )
    parser.add_argument(
        "--file", metavar="JSONL", type=Path, help="check this copy, too, and compare it with the store"
    )


COMMAND = Command(
    description="Check each line of the store's journal: one that was changed, moved or left out is named by its "
    "number. That its end was cut off shows only by a head that was kept elsewhere, or by a copy. Exit code 1 if "
    "something is wrong.",
    run=verify,
    arguments=_arguments,
)
