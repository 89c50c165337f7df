"""`err-confirm schema`: print the JSON Schema of alias and guard files, action files or policies."""

import argparse

from err_confirm.catalog.json_schema import KINDS, json_schema
from err_confirm.cli.command import Command
from err_confirm.cli.console import print_json
from err_confirm.cli.exits import Exit


def schema(options: argparse.Namespace) -> Exit:
    """Print a schema."""
    print_json(json_schema(options.kind))
    return Exit.OK


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "kind", choices=tuple(KINDS), help="what is written: an alias or guard file, an action file, a policy"
    )


COMMAND = Command(
    description="Print a JSON Schema (draft 2020-12), with which an editor completes the keys of a file, explains them "
    "and marks mistakes. Always JSON; reads no config.py.",
    run=schema,
    arguments=_arguments,
)
