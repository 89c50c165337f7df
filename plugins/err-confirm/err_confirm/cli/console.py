"""Print what a command found: for people, with colours where a terminal shows them, or as JSON."""

import argparse
import json
import os
import sys
from collections.abc import Iterable
from typing import Any, TextIO

RED, GREEN, YELLOW, CYAN = 31, 32, 33, 36
"""Colours, as ECMA-48 (SGR) numbers them."""


def colored(text: str, color: int) -> str:
    """Return a text for standard output in a colour, if that is a terminal and nobody has said NO_COLOR."""
    return f"\033[{color}m{text}\033[0m" if shows_colors(sys.stdout) else text


def shows_colors(stream: TextIO) -> bool:
    """Tell whether colours may be written (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def print_json(value: Any) -> None:
    """Print a value for programs."""
    print(json.dumps(value, ensure_ascii=False, indent=2))


def report(options: argparse.Namespace, facts: Any, lines: Iterable[str]) -> None:
    """Print what was found: a value for programs if they want that, lines for people else."""
    if options.json:
        print_json(facts)
    else:
        for line in lines:
            print(line)


def complain(message: object) -> None:
    """Say on standard error what is wrong."""
    print(f"err-confirm: {message}", file=sys.stderr)
