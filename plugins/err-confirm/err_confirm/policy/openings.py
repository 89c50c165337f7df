"""Find the seats that are still open, and whose answers would fill them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from err_confirm.errors import GroupError
from err_confirm.model.executions import Execution, State, Verdict, Vote
from err_confirm.model.policies import Seat
from err_confirm.policy import counting, electorate, groups, quorum_until
from err_confirm.policy.seating import Candidate, Electorate, Roster, Seating, nearest

Opening = tuple[Seat, ...]
"""One answer that is missing, as the seats of which one must be filled: others move up where that helps."""


@dataclass(frozen=True, slots=True)
class Way:
    """One of the shortest ways to go on: a choice, if one was taken, and the answers that it lacks."""

    choice: str
    openings: tuple[Opening, ...]


def open_ways(execution: Execution, roster: Roster, now: float) -> list[Way]:
    """Return the ways to satisfy the stage that waits for which the fewest answers are missing.

    Answers count together only where they take the same choice.
    """
    quorum, who = quorum_until(execution, execution.stage + 1), electorate(execution, roster)
    taken = dict.fromkeys(vote.choice for vote in counting(execution, now)) or {execution.choice: None}
    ways = list[Way]()
    for choice in taken:
        votes = counting(replace(execution, choice=choice), now)
        seatings = nearest(quorum, votes, who)
        ways += [Way(choice, tuple(_openings(seating, votes, who))) for seating in seatings]
    fewest = min(len(way.openings) for way in ways)
    return list(dict.fromkeys(way for way in ways if len(way.openings) == fewest))


def people(execution: Execution, opening: Opening, roster: Roster, now: float) -> list[str]:
    """Return the people who are known by name or group, have not answered, and could fill an opening."""
    who, answered = electorate(execution, roster), {vote.person for vote in answers(execution, now)}
    named = dict.fromkeys(person for seat in opening for name in seat.by for person in known(name, execution, roster))
    return [person for person in named if person not in answered and _fills(who, opening, person)]


def answers(execution: Execution, now: float) -> list[Vote]:
    """Return the votes that count, the approvals before the denials."""
    return [*counting(execution, now), *counting(execution, now, Verdict.DENY)]


class Rosters:
    """Who is in the groups of several executions; each set of groups is looked up once, also one that cannot be."""

    def __init__(self, look_up: Callable[[Execution], Roster]) -> None:
        self._look_up = look_up
        self._found: dict[tuple[str, ...], Roster | GroupError] = {}

    def __call__(self, execution: Execution) -> Roster:
        """Return who is in the groups of an execution's policy. Raises GroupError."""
        key = tuple(groups(execution.policy)) if execution.policy else ()
        if key not in self._found:
            try:
                self._found[key] = self._look_up(execution)
            except GroupError as error:
                self._found[key] = error
        found = self._found[key]
        if isinstance(found, GroupError):
            raise found
        return found


def waits_for(execution: Execution, person: str, rosters: Rosters, now: float) -> bool:
    """Tell whether an execution waits for this person: they have not answered, and their answer would help.

    Where nobody can tell who is in a group, it may well.
    """
    if execution.policy is None or execution.state is not State.PENDING:
        return False
    if any(vote.person == person for vote in answers(execution, now)):
        return False
    try:
        roster = rosters(execution)
    except GroupError:
        return True
    who, ways = electorate(execution, roster), open_ways(execution, roster, now)
    return any(_fills(who, opening, person) for way in ways for opening in way.openings)


def _fills(who: Electorate, opening: Opening, person: str) -> bool:
    return any(who.fills(seat, Candidate(person)) for seat in opening)


def known(name: str, execution: Execution, roster: Roster) -> Sequence[str]:
    """Return the people that a name of a policy means, as far as they are known."""
    if name.startswith("@"):
        return sorted(roster.get(name, ()))
    if name in ("requester", "others", "anyone"):
        return [execution.requester] if name == "requester" else []
    return [name]


def _openings(seating: Seating, votes: Sequence[Vote], who: Electorate) -> Iterator[Opening]:
    """Yield for each empty seat all seats of which filling one lets it be filled, if those who sit move up."""
    sits = {person: seating.seats[number] for number, person in seating.taken.items()}
    for empty in seating.empty:
        found = {empty: None}
        waiting = [empty]
        while waiting:
            seat = waiting.pop()
            freed = [sits[vote.person] for vote in votes if vote.person in sits and who.fills(seat, vote)]
            waiting += [each for each in dict.fromkeys(freed) if each not in found]
            found |= dict.fromkeys(freed)
        yield tuple(found)
