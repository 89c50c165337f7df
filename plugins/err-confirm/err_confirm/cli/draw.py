"""`err-confirm draw`: draw the way of a command, from what is said to what follows."""

import argparse
from dataclasses import asdict
from pathlib import Path

from err_confirm.cli.command import Command
from err_confirm.cli.configuration import read_catalog, read_configuration
from err_confirm.cli.console import complain, print_json
from err_confirm.cli.exits import Exit
from err_confirm.drawing import chart, mermaid, svg
from err_confirm.text.spelling import did_you_mean


def draw(options: argparse.Namespace) -> Exit:
    """Print a drawing, or write it into a file."""
    catalog = read_catalog(read_configuration(options.config).settings)
    made = chart(catalog, options.name)
    if made is None:
        known = [*catalog.aliases, *catalog.guards]
        complain(f"no alias and no guard is called {options.name!r}{did_you_mean(options.name, known)}")
        return Exit.NO
    drawing = svg(made) if options.svg or (options.output and options.output.suffix == ".svg") else f"{mermaid(made)}\n"
    if options.json:
        print_json(asdict(made))
    elif options.output:
        options.output.write_text(drawing, "utf-8")
    else:
        print(drawing, end="")
    return Exit.OK


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--svg", action="store_true", help="a picture (SVG) instead of Mermaid text")
    parser.add_argument("--output", metavar="FILE", type=Path, help="a file to write; one named .svg gets a picture")
    parser.add_argument("name", metavar="ALIAS", help="the name of an alias, or of a guard")


COMMAND = Command(
    description="Draw the way of an alias or of a guarded command: what is looked up, who must answer, what runs, what "
    "follows. Mermaid text, or a picture. Looks nothing up and starts nothing. Exit code 0; 1 no such alias.",
    run=draw,
    arguments=_arguments,
)
