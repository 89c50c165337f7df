"""`err-confirm pending`: say what waits for an answer, and what runs."""

import argparse

from err_confirm.cli.books import opened
from err_confirm.cli.command import Command
from err_confirm.cli.console import print_json
from err_confirm.cli.exits import Exit
from err_confirm.durations import format_duration
from err_confirm.model import Execution, State
from err_confirm.policy_words import who_confirms
from err_confirm.visible import visible

MOST = 10_000


def pending(options: argparse.Namespace) -> Exit:
    """Print what has not ended, the soonest due first."""
    with opened(options) as books:
        waiting, now = books.engine.waiting(MOST)
    if options.json:
        print_json([_facts(execution) for execution in waiting])
        return Exit.OK
    for each in waiting:
        print(f"{each.id} {each.alias} asked by {visible(each.requester)} · {_standing(each, now)}")
        print(f"         {visible(each.text)}")
    if not waiting:
        print("nothing waits")
    return Exit.OK


def _standing(execution: Execution, now: float) -> str:
    if execution.state is not State.PENDING or execution.policy is None:
        return str(execution.state)
    return f"{format_duration(execution.expires_at - now)} left · waits for {who_confirms(execution.policy)}"


def _facts(execution: Execution) -> dict[str, object]:
    return {
        "id": execution.id,
        "state": execution.state,
        "alias": execution.alias,
        "requester": execution.requester,
        "text": execution.text,
        "created_at": execution.created_at,
        "expires_at": execution.expires_at,
    }


COMMAND = Command(
    name="pending",
    help="list what waits for an answer, and what runs",
    description="List what waits for an answer, and what runs, the soonest due first. Reads the store that config.py "
    "names, and needs to be able to read the bot's key file.",
    run=pending,
)
