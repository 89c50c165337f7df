"""Keep for later what happened, in lines that cannot be changed, moved or left out without being noticed.

Each line holds the seal of the line before it, and is sealed itself with a key that only our processes have. The store
appends a line in the same swap as the step that it tells of. What a chain cannot show by itself is that its end was cut
off: that takes a head (number and seal of a line) which was kept elsewhere.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from err_confirm.errors import LineError
from err_confirm.model.executions import Execution, Notice, State, Verdict, Vote
from err_confirm.model.policies import Policy
from err_confirm.model.runs import Conduct, Invocation, Outcome, PartState
from err_confirm.store.base import Append, Head, Store
from err_confirm.store.seal import Seal, same
from err_confirm.transition.events import Abort, Cancel, Event

PAGE = 500
"""How many lines are read at once."""
RELOADED = "reloaded"
"""What a line tells that says which files were taken into use."""
LOCKED = "locked"
"""What a line tells that says what was locked, and why."""
UNLOCKED = "unlocked"
"""What a line tells that says whose locks on something were taken off."""
ENROLLED = "enrolled"
"""What a line tells that says who has set up their second factor, or set it up anew."""
RESET = "reset"
"""What a line tells that says whose second factor a bot admin has taken away."""
NOT_FOLLOWED = "not followed"
"""What a line tells that says what was to follow an execution and could not be asked for, and why."""
PRUNED = "pruned"
"""What a line tells that was written when older ones were forgotten; `through` is the number of the last of these."""
NOTES = (RELOADED, LOCKED, UNLOCKED, ENROLLED, RESET, NOT_FOLLOWED, PRUNED)
"""All that belongs to no execution."""
STOPPING = "stopping"
"""What a line tells that says who wants stopped what runs."""
OBJECTED = "objected"
"""What a line tells that says of a no that more of them are needed."""
CALLED = {
    Notice.SNOOZE: "snoozed",
    Notice.REMINDER: "reminded",
    Notice.ESCALATION: "escalated",
    Notice.AGAIN: "asked again",
}
"""What lines tell that say how people were called while it waits, or that it is to wait."""
_POLICY: TypeAdapter[Policy | None] = TypeAdapter(Policy | None)
_CONDUCT: TypeAdapter[Conduct] = TypeAdapter(Conduct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a line tells: a step of an execution, or what was done to the journal itself.

    `what` is `asked`, `posted`, `confirmed`, one of those above, or the state that the execution has come to; `at` is
    in seconds since 1970 on the store's clock; `who`, `identity` and `room` say who did it and from where, empty where
    nobody did. `record` marks the very record that was written with it.
    """

    at: float
    what: str
    execution: str = ""
    version: int = 0
    who: str = ""
    identity: str = ""
    room: str = ""
    record: str = ""
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: its number, from 1 on, what it tells, the seal of the line before it, its own, and its text."""

    number: int
    entry: Entry
    before: str
    seal: str
    text: str

    @property
    def head(self) -> Head:
        """What proves later that this line was there."""
        return Head(self.number, self.seal)


def entry(before: Execution | None, after: Execution, at: float, event: Event | None = None) -> Entry | None:
    """Return what is to be kept of a step, and of the event that led to it; None where nothing else has come of it."""
    common: dict[str, Any] = {"at": at, "execution": after.id, "version": after.version}
    if isinstance(event, Cancel | Abort):
        common |= {"who": event.person, "identity": event.identity, "room": event.room}
    if before is None:
        common |= {"who": after.requester, "identity": after.identity, "room": after.place.room}
        return Entry(what="asked", facts=_asked(after), **common)
    if new := new_votes(before, after):
        (vote,) = new
        yes, ended = vote.verdict is Verdict.APPROVE, after.state is State.DENIED
        what = "confirmed" if yes else str(State.DENIED) if ended else OBJECTED
        facts = {"reason": vote.reason, "digest": vote.digest, "choice": vote.choice, "answer": vote.answer}
        return Entry(what=what, who=vote.person, identity=vote.identity, room=vote.room, facts=facts, **common)
    if after.posted and not before.posted:
        return Entry(what="posted", facts={"expires_at": after.expires_at}, **common)
    if after.aborted_by != before.aborted_by:
        return Entry(what=STOPPING, facts={"reason": after.abort_reason}, **common)
    if (after.state, after.fence) != (before.state, before.fence):
        return Entry(what=str(after.state), facts=_facts(after), **common)
    if after.notices != before.notices and after.notice in CALLED and after.tells <= 1:
        until = {"expires_at": after.expires_at, "ask_again_at": after.ask_again_at}
        return Entry(what=CALLED[after.notice], who=after.notice_by, facts=until, **common)
    return None


def new_votes(before: Execution | None, after: Execution) -> tuple[Vote, ...]:
    """Return the votes that a step adds."""
    return tuple(vote for vote in after.votes if before is None or vote not in before.votes)


def _asked(execution: Execution) -> dict[str, Any]:
    return {
        "text": execution.text,
        "alias": execution.alias,
        "action": execution.action,
        "parameters": dict(execution.parameters),
        "policy": _policy(execution.policy),
        "others": {name: _runs(each) for name, each in execution.others.items()},
        "conduct": _CONDUCT.dump_python(execution.conduct, mode="json", exclude_defaults=True),
        **({"parent": execution.parent, "cause": execution.cause} if execution.parent else {}),
        **_runs(execution.invocation),
    }


def _facts(execution: Execution) -> dict[str, Any]:
    match execution:
        case Execution(state=State.RUNNING):
            started = {"process": execution.process, "fence": execution.fence, "confirmed_by": execution.decided_by}
            gone = [place for place, part in enumerate(execution.parts) if part.state is PartState.GONE]
            runs = {**_runs(execution.runs), **({"gone": gone} if gone else {})}
            if execution.parts:
                del runs["spec"]  # as long as there are targets, and in the line that says what was asked for
            return {**started, "choice": execution.choice, **runs}
        case Execution(outcome=Outcome() as outcome):
            ended = {"exit_code": outcome.exit_code, "error": outcome.error, "fence": execution.fence}
            return {**ended, **({"parts": Counter(part.state for part in execution.parts)} if execution.parts else {})}
        case _:
            return {"reason": execution.reason}


def _runs(invocation: Invocation) -> dict[str, Any]:
    return {"runner": invocation.runner, "spec": dict(invocation.spec), "digest": invocation.digest}


def _policy(policy: Policy | None) -> dict[str, Any] | None:
    dumped: dict[str, Any] | None = _POLICY.dump_python(policy, mode="json", exclude_defaults=True)
    return dumped


def append(seal: Seal, told: Entry) -> Append:
    """Return what makes of an entry the line that follows a head."""

    def line(head: Head) -> tuple[str, Head]:
        body = {"number": head.number + 1, **_fields(told), "before": head.seal}
        sealed = seal.line(_canonical(body))
        return _json({**body, "seal": sealed}), Head(head.number + 1, sealed)

    return line


def read_line(text: str, seal: Seal | None = None) -> Line:
    """Return the line in a text; without a seal it is taken as it stands.

    Raises:
        LineError: it is no line, or not as we wrote it.
    """
    try:
        fields = json.loads(text)
        number, before, sealed = fields.pop("number"), fields.pop("before"), fields.pop("seal")
        line = Line(number=number, entry=Entry(**fields), before=before, seal=sealed, text=text)
        body = {"number": number, **_fields(line.entry), "before": before}
        # Not a character more, either: of a key that stands twice, one program reads the first and one the last.
        right = seal is None or (same(sealed, seal.line(_canonical(body))) and text == _json({**body, "seal": sealed}))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise LineError("is no line of a journal") from error
    if not right:
        raise LineError("was changed, or was sealed with another key")
    return line


def lines(store: Store, seal: Seal | None = None, after: int = 0) -> Iterator[Line]:
    """Yield the lines of a store's journal with a number above `after`. Raises LineError."""
    return (read_line(text, seal) for _, text in texts(store, after))


def texts(store: Store, after: int = 0) -> Iterator[tuple[int, str]]:
    """Yield number and text of the lines of a store's journal with a number above `after`, read a page at a time."""
    while page := store.journal(after, PAGE):
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1][0]


def check(found: Iterable[tuple[int, str]], seal: Seal, heads: Iterable[Head] = ()) -> Iterator[str]:
    """Yield what is wrong with a journal, in words: a line that was changed, moved, left out or cut off.

    Args:
        found: number and text of each line, as they stand.
        heads: of lines that were there, kept elsewhere.
    """
    expected = {head.number: head.seal for head in heads}
    first, last, pruned, before = 0, 0, 0, ""
    for number, text in found:
        try:
            line = read_line(text, seal)
        except LineError as error:
            yield f"line {number} {error}"
            before = ""
        else:
            if line.number != number:
                yield f"line {number} stands in the wrong place: it is line {line.number}"
            elif last and before and line.before != before:
                yield f"line {number} does not follow what stands before it"
            if line.entry.what == PRUNED:
                pruned = max(pruned, int(line.entry.facts["through"]))
            if number in expected and not same(expected[number], line.seal):
                yield f"line {number} is not the one whose head was kept"
            before = line.seal
        if last and number != last + 1:
            yield f"{_between(last + 1, number - 1)} missing"
        first, last = first or number, number
    if first > 1 and pruned < first - 1:
        yield f"{_between(pruned + 1, first - 1)} missing at the beginning"
    if expected and max(expected) > last:
        yield f"the end is cut off: it ends with line {last}, and a head of line {max(expected)} was kept"


def _between(first: int, last: int) -> str:
    return f"line {first} is" if first >= last else f"lines {first} to {last} are"


def _fields(told: Entry) -> dict[str, Any]:
    """Return what stands in a line; without a mark where there is none, as in those that are older than marks."""
    fields = {name: getattr(told, name) for name in Entry.__slots__}
    return fields if told.record else {name: value for name, value in fields.items() if name != "record"}


def _canonical(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def _json(body: Mapping[str, Any]) -> str:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False)
