"""`err-confirm show`: say all that is known of one execution."""

import argparse
from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter

from err_confirm.cli.books import Books, opened
from err_confirm.cli.command import Command
from err_confirm.cli.console import complain, report
from err_confirm.cli.exits import Exit
from err_confirm.cli.moments import shown
from err_confirm.cli.output import print_output
from err_confirm.cli.pending import snoozed
from err_confirm.engine.meant import Unclear, resolve
from err_confirm.errors import RecordError
from err_confirm.ids import read_id
from err_confirm.journal import Line
from err_confirm.journal.history import newest_first
from err_confirm.model.executions import Execution, Verdict, Vote
from err_confirm.model.runs import BOT_RUNNER
from err_confirm.plan import describe
from err_confirm.policy.openings import Rosters
from err_confirm.policy_words.follow_ups import follow_words
from err_confirm.policy_words.missing import waiting_words
from err_confirm.policy_words.terms import terms
from err_confirm.tally import Kind, counts, kinds
from err_confirm.text.visible import visible

_EXECUTION = TypeAdapter(Execution)


def show(options: argparse.Namespace) -> Exit:
    """Print an execution as it is kept, and what the journal has of it; or all that it has written."""
    if options.id is None and options.output:
        options.id, options.output = options.output, ""  # as in `show --output ID`
    if options.id is None:
        complain("say which execution: err-confirm show ID; err-confirm executions lists them")
        return Exit.USAGE
    with opened(options) as books:
        found = resolve(books.store, options.id)
        if isinstance(found, Unclear) and found.candidates:
            complain(f"{options.id} could be {', '.join(found.candidates)}; say more of it")
            return Exit.AMBIGUOUS
        start = read_id(options.id)
        lines = _lines(books, start if isinstance(found, Unclear) else found) if start else []
        try:
            execution, now = (None, 0.0) if isinstance(found, Unclear) else books.engine.read(found)
            needs = waiting_words(execution, Rosters(books.engine.roster), now, visible) if execution else ""
            needs += snoozed(execution, now) if needs and execution else ""
            sequels = books.engine.sequels(execution) if execution else {}
        except RecordError as error:
            complain(error)
            execution, needs, sequels = None, "", {}
    if options.output is not None and execution is not None:
        return print_output(books.outputs, execution, options.output)
    if execution is None and not lines:
        complain(f"there is no execution {options.id}; see: err-confirm executions")
        return Exit.NO
    kept = None if execution is None else _EXECUTION.dump_python(execution, mode="json")
    followed = {cause: each.id for cause, each in sequels.items()}
    facts = {"execution": kept, "needs": needs, "followed_by": followed, "journal": [_facts(line) for line in lines]}
    if execution is None:
        said = [f"{lines[0].entry.execution} is no longer kept; the journal has of it:"]
    else:
        said = [*worded(execution, needs), *(f"  {visible(name)}: {e.id} {e.state}" for name, e in sequels.items())]
    report(options, facts, [*said, *(f"  {shown(line.entry.at)}  {_step(line)}" for line in lines)])
    return Exit.OK


def _lines(books: Books, start: str) -> list[Line]:
    """Return the lines about the newest execution whose id begins so, oldest first."""
    lines: list[Line] = []
    for line in newest_first(books.store, books.seal):
        if line.entry.execution.startswith(start):
            start = line.entry.execution
            lines.insert(0, line)
            if line.entry.what == "asked":
                break
    return lines


def _facts(line: Line) -> dict[str, Any]:
    told = line.entry
    return {name: getattr(told, name) for name in ("at", "what", "who", "identity", "room", "facts")}


def worded(execution: Execution, needs: str) -> Iterator[str]:
    """Yield the lines that say what is kept of an execution."""
    where = visible(execution.place.room) or "a direct message"
    yield f"{execution.id} {execution.state} · {execution.alias} asked by {visible(execution.requester)} in {where}"
    yield f"  said: {visible(execution.text)}"
    if execution.parent:
        yield f"  follows {execution.parent} ({visible(execution.cause)})"
    yield f"  runs: {describe(execution.invocation)}"
    if targets := execution.conduct.targets:
        yield f"  on: {', '.join(visible(str(target)) for target in targets)}"
    if preview := execution.conduct.preview:
        yield f"  its dry run says{':' if preview.output.strip() else ' nothing'}"
        yield from (f"  | {visible(line.expandtabs())}" for line in preview.output.splitlines())
    if mutex := execution.conduct.mutex:
        yield f"  alone under {visible(mutex.name)}"
    for name, other in execution.others.items():
        yield f"  after {visible(name)} runs: {describe(other)}"
    if execution.conduct.follow and not execution.state.ended:
        yield f"  {follow_words(execution.conduct.follow, shown=visible)}"
    yield from (f"  {term}" for term in terms(execution.policy, visible, visible))
    yield from (f"  because {visible(sentence)}" for sentence in (execution.policy.because if execution.policy else ()))
    yield from map(_vote, execution.votes)
    if needs:
        yield f"  {needs}"
    yield f"  bound to: {execution.digest[:16]}"
    if execution.parts:
        yield f"  targets: {counts(execution)}"
        yield from (line for kind in kinds(execution) for line in _targets(kind))
    outcome = execution.outcome
    if outcome:
        code = "came to its end" if execution.invocation.runner == BOT_RUNNER else f"exit code {outcome.exit_code}"
        ended = "was stopped" if outcome.exit_code is None else code
        yield f"  {visible(outcome.error) or ended}"
        if not execution.parts:  # what each has said stands there already
            yield from (f"  | {visible(line.expandtabs())}" for line in outcome.output.splitlines())


def _targets(kind: Kind) -> Iterator[str]:
    more = f"{kind.more:,} more" if kind.more else ""
    if not kind.told:
        names = ", ".join(map(visible, kind.names))
        yield f"  {kind.word}: {names}{f' and {more}' if more else ''}"
        return
    for target, part in kind.some:
        how = "".join(f" {about}" for about in (kind.about(part),) if about)
        yield f"  {kind.word}: {visible(str(target))}{how}{f': {visible(part.said)}' if part.said else ''}"
    if more:
        yield f"  {kind.word}: {more}"


def _vote(vote: Vote) -> str:
    said = "confirmed" if vote.verdict is Verdict.APPROVE else "denied"
    choice = f", {visible(vote.choice)}" if vote.choice else ""
    reason = f": {visible(vote.reason)}" if vote.reason else ""
    answer = f" · answered {visible(vote.answer)}" if vote.answer else ""
    return f"  {said} by {visible(vote.person)}{choice}{reason}{answer}"


def _step(line: Line) -> str:
    told = line.entry
    by = f" by {visible(told.who)}" if told.who else ""
    reason = told.facts.get("reason") or told.facts.get("error") or ""
    after = f" after {told.facts['parent']} ({visible(told.facts['cause'])})" if told.facts.get("parent") else ""
    return f"{told.what}{by}{after}{f': {visible(str(reason))}' if reason else ''}"


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", nargs="?", help="its id, or at least its first 4 characters")
    parser.add_argument(
        "--output",
        nargs="?",
        const="",
        metavar="TARGET",
        help="print all that it has written, or that it has for one of its targets; on a terminal made visible",
    )


COMMAND = Command(
    description="Say all that is known of one execution: what was said, what runs, its output, and each step that the "
    "journal has of it, also long after it has ended. Exit code 1 if there is none, 2 if several begin so.",
    run=show,
    arguments=_arguments,
)
