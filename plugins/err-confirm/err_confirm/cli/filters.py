"""Take the options that say which executions or lines are meant."""

import argparse
import math

from err_confirm.journal.history import Search
from err_confirm.journal.question import read_moment
from err_confirm.model.executions import State


def add_filters(parser: argparse.ArgumentParser, person: str, states: tuple[str, ...] = tuple(map(str, State))) -> None:
    """Add the options; `person` says what `--person` means here, `states` what `--state` may be."""
    parser.add_argument("--person", metavar="NAME", default="", help=person)
    parser.add_argument("--alias", metavar="NAME", default="", help="of this alias")
    parser.add_argument("--state", metavar="STATE", default="", choices=states, help=f"one of {', '.join(states)}")
    parser.add_argument("--since", metavar="WHEN", help="since 2d (ago), 2026-11-20 or 2026-11-20T14:00 (UTC)")
    parser.add_argument("--until", metavar="WHEN", help="before then")
    parser.add_argument("--text", metavar="PART", default="", help="with this in what was said")


def read_filters(options: argparse.Namespace, now: float) -> Search:
    """Return what they mean. Raises QuestionError."""
    return Search(
        person=options.person,
        alias=options.alias,
        state=options.state,
        since=read_moment(options.since, now) if options.since is not None else -math.inf,
        until=read_moment(options.until, now) if options.until is not None else math.inf,
        text=options.text,
    )
