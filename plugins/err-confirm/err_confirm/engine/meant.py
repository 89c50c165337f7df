"""Find the execution that somebody means: by its id, by the start of one, or because it is their newest prompt here."""

from dataclasses import dataclass
from itertools import islice

from err_confirm import ids
from err_confirm.engine import Engine
from err_confirm.model.executions import Execution, Place, State, Verdict
from err_confirm.policy import electorate, quorum_until
from err_confirm.policy.seating import Candidate, Roster, seats
from err_confirm.store.base import Store, clock
from err_confirm.transition.events import Answer

LOOKED_AT = 5_000
"""How many of the newest executions are looked at for somebody who names none; one takes about 0.2 ms."""
CANDIDATES = 5
"""How many executions are offered to who has named none of them clearly."""
JUST_ENDED = 120.0
"""Seconds after an execution's end in which a bare `confirm` could be meant for it, and so names nothing."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """A text that names no execution: none, or several, start like this."""

    reference: str
    candidates: tuple[str, ...] = ()


def resolve(store: Store, reference: str) -> str | Unclear:
    """Return the id that a person means by an id, or by the start of one."""
    start = ids.read_id(reference)
    if start is None:
        return Unclear(reference)
    if len(start) == ids.LENGTH:
        return start
    found = store.find(start, limit=CANDIDATES)
    return found[0] if len(found) == 1 else Unclear(reference, tuple(found))


def implied(
    engine: Engine,
    person: str,
    place: Place,
    *,
    verdict: Verdict | None = Verdict.APPROVE,
    guest: bool = False,
    most: int = LOOKED_AT,
) -> str | Unclear:
    """Return the execution that a person means who names none: their newest prompt in this room and thread.

    It is one that is also theirs to answer so, whatever may still be missing; without a verdict, any is. It is unclear
    when there is none, or when one of theirs ended here in the last two minutes: that one may be what they have in
    mind. It is also where the `most` newest executions may not be all that are kept.

    Raises:
        GroupError: nobody knows whether it is theirs.
    """
    now = clock(engine.store)
    newest = list(islice(engine.recent(), most))
    own = [each for each in newest if each.requester == person and each.place.same_as(place)]
    waiting = [each for each in own if each.state is State.PENDING and each.posted]
    if verdict is not None:
        voter = Answer(person, verdict, guest=guest)
        waiting = [each for each in waiting if _is_theirs(each, voter, engine.roster(each))]
    just_ended = any(each.ended_at is not None and now - each.ended_at < JUST_ENDED for each in own)
    candidates = tuple(each.id for each in waiting[:CANDIDATES])
    return candidates[0] if candidates and not just_ended and len(newest) < most else Unclear("", candidates)


def running(engine: Engine, person: str, place: Place) -> Unclear:
    """Offer what runs and was asked for in a place, or by a person, or was answered by them, the newest first."""
    offered = (
        each.id
        for each in islice(engine.recent(), LOOKED_AT)
        if each.state is State.RUNNING
        and (each.place.same_as(place) or person in (each.requester, *(vote.person for vote in each.votes)))
    )
    return Unclear("", tuple(islice(offered, CANDIDATES)))


def _is_theirs(execution: Execution, voter: Answer, roster: Roster) -> bool:
    """Tell whether somebody can fill a seat that is wanted now."""
    assert execution.policy is not None
    deny = voter.verdict is Verdict.DENY
    who = electorate(execution, roster, deny=deny)
    quorum = execution.policy.deny if deny else quorum_until(execution, execution.stage + 1)
    return any(who.fills(seat, Candidate(voter.person, voter.guest)) for seat in seats(quorum))
