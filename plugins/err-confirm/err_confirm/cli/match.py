"""`err-confirm match`: say what a text would start, and start nothing."""

import argparse
import json
import sys
import time
from dataclasses import asdict
from typing import Any

from err_confirm.catalog import Catalog, own_command
from err_confirm.cli import policies
from err_confirm.cli.command import Command
from err_confirm.cli.configuration import read_catalog, read_configuration
from err_confirm.cli.console import complain, report
from err_confirm.cli.exits import Exit
from err_confirm.cli.folders import folder, parts
from err_confirm.conditions import Situation
from err_confirm.conditions.rulings import ruling
from err_confirm.errors import (
    ActionMissingError,
    AmbiguousMatchError,
    NoMatchError,
    QuestionError,
    TargetsError,
    TemplateError,
    TextError,
)
from err_confirm.journal.question import read_moment
from err_confirm.model.runs import NOTHING
from err_confirm.plan import describe, looks_ahead, plan
from err_confirm.plan.index import Index, Match
from err_confirm.policy_words.rules import rule_words
from err_confirm.policy_words.terms import terms
from err_confirm.runners.json_values import with_texts
from err_confirm.settings import Settings
from err_confirm.templating import render_value
from err_confirm.text.visible import visible

MOST_WAYS = 5
"""How many ways to say something are shown where a text is none of them."""
_AHEAD = {"targets": "looks up its targets", "preview": "does a dry run"}
"""What `match` says of what it leaves undone."""


def match(options: argparse.Namespace) -> Exit:
    """Say what a text would start."""
    configuration = read_configuration(options.config)
    catalog = _catalog(options, configuration.settings)
    for problem in catalog.errors:
        print(f"{problem} (skipped)", file=sys.stderr)
    found: list[dict[str, Any]] = []
    code, index, text = Exit.OK, Index(catalog.aliases.values()), " ".join(options.text)
    try:
        if own_command(text):
            raise NoMatchError
        found = [_explained(catalog, each, options.room, options.at) for each in index.matches(text)]
    except NoMatchError:
        code, prefix = Exit.NO, getattr(configuration.module, "BOT_PREFIX", "!")
        complain(f"no alias matches {text!r}{_hint(index, text, prefix)}")
    except AmbiguousMatchError as error:
        code = Exit.AMBIGUOUS
        complain(error)
    except (TextError, TargetsError, TemplateError) as error:
        code = Exit.REFUSED
        complain(error)
    report(options, found, ["\n\n".join(map(_worded, found))] if found else [])
    return code


def _hint(index: Index, text: str, prefix: str) -> str:
    """Return why an alias that people had in mind does not match, if that can be told."""
    if own := own_command(text):
        return f'; "{own}" is our own command and always wins'
    if index.winner(text.removeprefix(prefix)):
        return f"; leave out the bot's prefix {prefix}"
    near = index.near(text.removeprefix(prefix))
    more = " or in another way" if len(near) > MOST_WAYS else ""
    return f"; say it as {' or '.join(visible(way.display) for way in near[:MOST_WAYS])}{more}" if near else ""


def _catalog(options: argparse.Namespace, settings: Settings) -> Catalog:
    if not (options.aliases or options.actions or options.pack):
        return read_catalog(settings)
    packs = tuple(options.pack or ())
    aliases, actions = settings.aliases, settings.actions
    if options.aliases:
        aliases = tuple(each / "aliases" if (each / "aliases").is_dir() else each for each in options.aliases)
        actions = tuple(part for given in aliases for part in parts(given.resolve().parent, "actions"))
    elif packs:
        aliases = actions = ()
    return read_catalog(settings, aliases, tuple(options.actions or actions), packs)


def _explained(catalog: Catalog, found: Match, room: str | None, at: float | None) -> dict[str, Any]:
    alias = found.alias
    explained: dict[str, Any] = {
        "alias": alias.name,
        "action": alias.action_ref,
        "representation": found.representation,
    }
    policy, lines, at = alias.policy, list[str](), time.time() if at is None else at
    try:
        planned = plan(catalog, found, room=room, at=at)
        known = planned.invocation != NOTHING
        explained |= {"parameters": planned.parameters, "runs": describe(planned.invocation) if known else None}
        explained |= {"targets": [asdict(each) for each in planned.conduct.targets], "ahead": looks_ahead(planned)}
        explained["others"] = {name: describe(other) for name, other in planned.others.items()}
        situation, policy = Situation(parameters=planned.parameters, room=room, at=at), planned.policy
        found_so = ruling(alias.policy, situation, policy)
        lines = [f"because {visible(each)}" for each in found_so.because]
        lines += [f"does not apply: {rule_words(each, visible, visible)}" for each in found_so.idle]
    except ActionMissingError as error:
        complain(f"warning: {error}")
        fixed = with_texts(alias.immutable_parameters, lambda text: render_value(text, found.values))
        explained |= {"parameters": {**found.values, **fixed}, "runs": None, "targets": [], "ahead": {}, "others": {}}
    words = [*terms(policy, visible, visible), *lines]
    return {**explained, "policy": policies.facts(policy), "words": words}


def _worded(explained: dict[str, Any]) -> str:
    lines = [explained["alias"], *(f"  {name}: {_value(value)}" for name, value in explained["parameters"].items())]
    lines += [f"  {_AHEAD[key]} first, before anybody is asked: {runs}" for key, runs in explained["ahead"].items()]
    if explained["targets"]:
        lines.append(f"  on: {', '.join(visible(each['name'] or each['id']) for each in explained['targets'])}")
    if explained["runs"] or not explained["ahead"]:
        lines.append(f"  runs: {explained['runs'] or 'nothing: its action has no file here'}")
    lines += [f"  after {visible(name)} runs: {runs}" for name, runs in explained["others"].items()]
    lines += [f"  {each}" for each in explained["words"]]
    return "\n".join(lines)


def _value(value: Any) -> str:
    return visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _moment(text: str) -> float:
    """Return a moment; argparse says so where it is none."""
    try:
        return read_moment(text, time.time())
    except QuestionError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _arguments(parser: argparse.ArgumentParser) -> None:
    for option, what in (
        ("--aliases", "a folder of alias files, or one that has them in aliases (default: CONFIRM_ALIASES)"),
        ("--actions", "a folder of action files (default: actions beside those aliases, or CONFIRM_ACTIONS)"),
        ("--pack", "a pack: a folder with aliases and actions below it (default: CONFIRM_PACKS)"),
    ):
        parser.add_argument(option, metavar="DIR", type=folder, action="append", help=what)
    parser.add_argument(
        "--room", metavar="ROOM", help="where it would be said; rules about rooms hold if it is left out"
    )
    parser.add_argument(
        "--at", metavar="WHEN", type=_moment, help="when: 2026-11-21T23:00 (UTC), or 2d (ago); without it, now"
    )
    parser.add_argument(
        "text", metavar="TEXT", nargs="+", help="what would be said in chat, without the bot's prefix; best in quotes"
    )


COMMAND = Command(
    description="See which alias a text means, its parameters, what would run and who must confirm. Starts nothing. "
    "Exit code 0; 1 no match; 2 ambiguous; 3 the text is refused.",
    run=match,
    arguments=_arguments,
)
