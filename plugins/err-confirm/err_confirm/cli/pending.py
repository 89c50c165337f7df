"""`err-confirm pending`: say what waits for an answer, and what runs."""

import argparse

from err_confirm.cli.books import opened
from err_confirm.cli.command import Command
from err_confirm.cli.console import report
from err_confirm.cli.exits import Exit
from err_confirm.cli.moments import shown
from err_confirm.durations import format_duration
from err_confirm.model.executions import Execution, State
from err_confirm.policy.openings import Rosters
from err_confirm.policy_words.missing import waiting_words
from err_confirm.text.visible import visible

MOST = 10_000


def pending(options: argparse.Namespace) -> Exit:
    """Print what has not ended, the soonest due first."""
    with opened(options) as books:
        waiting, now = books.engine.waiting(MOST)
        rosters = Rosters(books.engine.roster)
        needs = {each.id: waiting_words(each, rosters, now, visible) for each in waiting}
    lines = [
        f"{each.id} {each.alias} asked by {visible(each.requester)} · {_standing(each, now, needs[each.id])}\n"
        f"         {visible(each.text)}"
        for each in waiting
    ]
    report(options, [{**_facts(each), "needs": needs[each.id]} for each in waiting], lines or ["nothing waits"])
    return Exit.OK


def _standing(execution: Execution, now: float, needs: str) -> str:
    if execution.state is not State.PENDING or execution.policy is None:
        return str(execution.state)
    return f"{format_duration(execution.expires_at - now)} left · {needs}{snoozed(execution, now)}"


def snoozed(execution: Execution, now: float) -> str:
    """Return until when nobody is asked again; nothing if nobody has snoozed it."""
    again = execution.ask_again_at
    return f" · snoozed until {shown(again)}" if again is not None and again > now else ""


def _facts(execution: Execution) -> dict[str, object]:
    return {
        "id": execution.id,
        "state": execution.state,
        "alias": execution.alias,
        "requester": execution.requester,
        "text": execution.text,
        "created_at": execution.created_at,
        "expires_at": execution.expires_at,
        "stage": execution.stage + 1,
        "stages": len(execution.policy.stages) if execution.policy else 0,
        "snoozed_until": execution.ask_again_at,
    }


COMMAND = Command(
    description="List what waits for an answer, and what runs, the soonest due first. Reads the store that config.py "
    "names, and needs to be able to read the bot's key file.",
    run=pending,
)
