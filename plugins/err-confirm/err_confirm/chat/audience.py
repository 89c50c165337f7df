"""Say whom an execution waits for at a moment: the names in the seats that are empty, and the people behind them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from err_confirm.model.executions import Execution, Vote
from err_confirm.model.policies import Quorum, Seat
from err_confirm.policy import counting, electorate, quorum_until
from err_confirm.policy.openings import known
from err_confirm.policy.seating import Candidate, Electorate, Roster, met, names, seatings, seats, ways


@dataclass(frozen=True)
class Audience:
    """Whom to ask about an execution.

    `roster` holds who is in its groups, and `now` is the moment at which its votes are counted.
    """

    execution: Execution
    roster: Roster
    now: float

    @cached_property
    def names(self) -> list[str]:
        """What the seats name that are still empty, whichever way it is met."""
        return list(dict.fromkeys(name for seat in self._empty for name in seat.by))

    @cached_property
    def people(self) -> list[str]:
        """All people who could fill one of them; nobody who can only be described, as `others`."""
        return list(dict.fromkeys(person for name in self.names for person in self.behind(name)))

    @cached_property
    def asked(self) -> list[str]:
        """All people who may have been asked until now, also those who have answered."""
        every = seats(self._quorum)
        named = (person for seat in every for name in seat.by for person in self._members(name))
        return [person for person in dict.fromkeys(named) if self._fills(person, every)]

    def behind(self, name: str) -> list[str]:
        """Return the people whom a name means: those who could fill an empty seat, and have not answered."""
        answered = {vote.person for vote in self._votes}
        return [each for each in self._members(name) if each not in answered and self._fills(each, self._empty)]

    def size(self, name: str) -> int:
        """Return how many people a name means, whoever of them can answer."""
        return len(self._members(name))

    def enough(self, people: Iterable[str]) -> bool:
        """Tell whether nothing would be missing if all of these people answered."""
        return met(self._quorum, [*self._votes, *map(Candidate, people)], self._electorate)

    @property
    def possible(self) -> bool:
        """Whether all stages could be met by the people who are known now, and by whoever is only described."""
        assert self.execution.policy is not None
        whole = quorum_until(self.execution, len(self.execution.policy.stages))
        people = {person for name in names(whole) for person in self._members(name)}
        others = (f"somebody {number}" for number in range(max(len(way) for way in ways(whole))))
        return met(whole, [Candidate(person) for person in (*people, *others)], self._electorate)

    @cached_property
    def _quorum(self) -> Quorum:
        return quorum_until(self.execution, self.execution.stage + 1)

    @cached_property
    def _electorate(self) -> Electorate:
        return electorate(self.execution, self.roster)

    @cached_property
    def _votes(self) -> list[Vote]:
        return counting(self.execution, self.now)

    @cached_property
    def _empty(self) -> list[Seat]:
        found = seatings(self._quorum, self._votes, self._electorate)
        return list(dict.fromkeys(seat for seating in found for seat in seating.empty))

    def _members(self, name: str) -> Sequence[str]:
        return known(name, self.execution, self.roster)

    def _fills(self, person: str, among: Iterable[Seat]) -> bool:
        return any(self._electorate.fills(seat, Candidate(person)) for seat in among)
