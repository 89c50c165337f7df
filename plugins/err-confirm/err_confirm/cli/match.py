"""`err-confirm match`: say what a text would start, and start nothing."""

import argparse
import json
import sys
import time
from typing import Any

from err_confirm.catalog import Catalog
from err_confirm.cli import policies
from err_confirm.cli.command import Command
from err_confirm.cli.configuration import read_catalog, read_configuration
from err_confirm.cli.console import complain, print_json
from err_confirm.cli.exits import Exit
from err_confirm.cli.folders import folder, parts
from err_confirm.errors import ActionMissingError, AmbiguousMatchError, NoMatchError, TemplateError, TextError
from err_confirm.index import Index, Match
from err_confirm.model import Plan
from err_confirm.plan import describe, plan
from err_confirm.templating import render_value
from err_confirm.terms import terms
from err_confirm.visible import visible


def match(options: argparse.Namespace) -> Exit:
    """Say what a text would start."""
    catalog = _catalog(options)
    for problem in catalog.errors:
        print(f"{problem} (skipped)", file=sys.stderr)
    found: list[dict[str, Any]] = []
    code = Exit.OK
    try:
        found = [_explained(catalog, each) for each in Index(catalog.aliases.values()).matches(options.text)]
    except NoMatchError:
        code = Exit.NO
        complain(f"no alias matches {options.text!r}")
    except AmbiguousMatchError as error:
        code = Exit.AMBIGUOUS
        complain(error)
    except (TextError, TemplateError) as error:
        code = Exit.REFUSED
        complain(error)
    if options.json:
        print_json(found)
    else:
        print("\n\n".join(map(_worded, found)), end="\n" if found else "")
    return code


def _catalog(options: argparse.Namespace) -> Catalog:
    settings = read_configuration(options.config).settings
    aliases, actions = settings.aliases, settings.actions
    if options.aliases:
        aliases = tuple(options.aliases)
        actions = tuple(part for given in aliases for part in parts(given.resolve().parent, "actions"))
    return read_catalog(settings, aliases, tuple(options.actions or actions))


def _explained(catalog: Catalog, found: Match) -> dict[str, Any]:
    alias = found.alias
    explained: dict[str, Any] = {
        "alias": alias.name,
        "action": alias.action_ref,
        "representation": found.representation,
    }
    planned: Plan | None = None
    try:
        planned = plan(catalog, found, at=time.time())
        explained |= {"parameters": planned.parameters, "runs": describe(planned.invocation)}
    except ActionMissingError as error:
        complain(f"warning: {error}")
        fixed = {
            name: render_value(value, found.values) if isinstance(value, str) else value
            for name, value in alias.immutable_parameters.items()
        }
        explained |= {"parameters": {**found.values, **fixed}, "runs": None}
    policy = planned.policy if planned else alias.policy
    return {**explained, "policy": policies.facts(policy), "words": terms(policy, visible, visible)}


def _worded(explained: dict[str, Any]) -> str:
    lines = [explained["alias"], *(f"  {name}: {_value(value)}" for name, value in explained["parameters"].items())]
    lines.append(f"  runs: {explained['runs'] or 'nothing: its action has no file here'}")
    lines += [f"  {term}" for term in explained["words"]]
    return "\n".join(lines)


def _value(value: Any) -> str:
    return visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--aliases",
        metavar="DIR",
        type=folder,
        action="append",
        help="a folder of alias files (default: CONFIRM_ALIASES)",
    )
    parser.add_argument(
        "--actions",
        metavar="DIR",
        type=folder,
        action="append",
        help="a folder of action files (default: actions beside those aliases, or CONFIRM_ACTIONS)",
    )
    parser.add_argument("text", metavar="TEXT", help="what would be said in chat, without the bot's prefix")


COMMAND = Command(
    name="match",
    help="see what a text would start",
    description="See which alias a text means, its parameters, what would run and who must confirm. Starts nothing. "
    "Exit code 0; 1 no match; 2 ambiguous; 3 the text is refused.",
    run=match,
    arguments=_arguments,
)
