"""Say in words what an execution still waits for, and who has answered."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from err_confirm.errors import GroupError
from err_confirm.model.executions import Execution, State, Verdict, Vote
from err_confirm.model.policies import Effect
from err_confirm.policy import electorate, quorum_until
from err_confirm.policy.openings import Opening, answers, open_ways, people
from err_confirm.policy.seating import Roster
from err_confirm.policy_words.quorums import WIDE, Shown, is_group, listed, name_words, quorum_words

NAMED = 5
"""How many people are named at most."""
MOST_WAYS = 3
"""How many ways to go on are said at most."""


def missing_words(execution: Execution, roster: Roster, now: float, shown: Shown = str) -> str:
    """Return on one line what an execution waits for: `needs 1 more of @sre (alice, bob; carol has answered)`.

    Nothing for one that does not wait. Whose answer cannot count any more is not named.
    """
    if execution.policy is None or execution.state is not State.PENDING:
        return ""
    ways = open_ways(execution, roster, now)
    if not ways[0].openings:
        return "needs nothing more"
    missing = _Missing(execution, roster, now, shown)
    said = [missing.way(way.openings) for way in ways]
    if ways[0].choice and sum(each.effect is Effect.APPROVE for each in execution.policy.choices) > 1:
        said = [f"{words} for {shown(way.choice)}" for words, way in zip(said, ways, strict=True)]
    said = list(dict.fromkeys(said))
    more = [f"{len(said) - MOST_WAYS} other ways"] if len(said) > MOST_WAYS else []
    return f"needs {', or '.join([*said[:MOST_WAYS], *more])}"


def waiting_words(execution: Execution, look_up: Callable[[Execution], Roster], now: float, shown: Shown = str) -> str:
    """Return the same with the stage that waits, where `look_up` says who is in the groups; also if that fails."""
    if execution.policy is None or execution.state is not State.PENDING:
        return ""
    stages = len(execution.policy.stages)
    stage = f"stage {execution.stage + 1} of {stages} " if stages > 1 else ""
    try:
        return f"{stage}{missing_words(execution, look_up(execution), now, shown)}"
    except GroupError as error:
        quorum = quorum_until(execution, execution.stage + 1)
        return f"{stage}needs {quorum_words(quorum, shown)}; {shown(str(error))}"


@dataclass(frozen=True, slots=True)
class _Missing:
    """What is missing of one execution, in words."""

    execution: Execution
    roster: Roster
    now: float
    shown: Shown

    def way(self, openings: Sequence[Opening]) -> str:
        """Return what one way lacks: `1 more of @sre (alice) and 1 of @leads (dave)`."""
        counted = Counter(openings)
        return " and ".join(self._opening(opening, count) for opening, count in counted.items())

    def _opening(self, opening: Opening, count: int) -> str:
        """Return how many answers of a kind are missing, of whom, and who has given one already."""
        who = electorate(self.execution, self.roster)
        given = [vote for vote in answers(self.execution, self.now) if any(who.may(seat, vote) for seat in opening)]
        more = " more" if any(vote.verdict is Verdict.APPROVE for vote in given) else ""
        free = people(self.execution, opening, self.roster, self.now)
        named = dict.fromkeys(name for seat in opening for name in seat.by)
        by = [name for name in named if self._is_open(name, free)]
        if not by:
            return f"{count}{more}, but nobody who may is left"
        words, groups = self._of(by), any(map(is_group, by))
        if not groups and {*by} & {*WIDE}:
            one = count == 1 and not more
            words = words if one else f"{count}{more or ' people'}, {words}"
        elif groups or count > 1:
            words = f"{count}{more} of {words}"
        beside = [self._answered(given)]
        if any(name in self.roster for name in by):
            members = [person for person in free if not {person, self._as_named(person)} & {*by}]
            beside.insert(0, self._few(members) if members else "nobody else is in it")
        said = "; ".join(filter(None, beside))
        return f"{words} ({said})" if said else words

    def _is_open(self, name: str, free: Sequence[str]) -> bool:
        """Tell whether somebody whom a name of a policy means may still answer."""
        return is_group(name) or name in WIDE or (self.execution.requester if name == "requester" else name) in free

    def _as_named(self, person: str) -> str:
        return "requester" if person == self.execution.requester else person

    def _of(self, by: Sequence[str]) -> str:
        asked = self.shown(self.execution.requester)
        own = {"requester": f"{asked}, who asked" if len(by) == 1 else asked, "others": f"anyone but {asked}"}
        return listed([own.get(name) or name_words(name, self.shown) for name in by], "or")

    def _answered(self, votes: Sequence[Vote]) -> str:
        """Return who has answered: `carol and dave have answered, erin said no`."""
        yes, no = ([vote.person for vote in votes if vote.verdict is each] for each in (Verdict.APPROVE, Verdict.DENY))
        parts = [f"{self._few(yes, 'and')} {'has' if len(yes) == 1 else 'have'} answered"] if yes else []
        return ", ".join([*parts, f"{self._few(no, 'and')} said no"] if no else parts)

    def _few(self, names: Sequence[str], conjunction: str = "") -> str:
        """Return some of many people: `alice, bob and 7 others`."""
        if len(names) > NAMED + 1:
            return f"{', '.join(map(self.shown, names[:NAMED]))} and {len(names) - NAMED} others"
        words = list(map(self.shown, names))
        return listed(words, conjunction) if conjunction else ", ".join(words)
