"""Who can fill which seat of a quorum, and which seats stay empty.

One person fills one seat: that is a matching of people to seats, which exists where Hall's condition holds
(https://en.wikipedia.org/wiki/Hall%27s_marriage_theorem). It is found by augmenting paths.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Protocol, assert_never

from err_confirm.backends import WEAK
from err_confirm.model.policies import AllOf, AnyOf, Quorum, Seat

Roster = Mapping[str, frozenset[str]]
"""The people of each group at one moment, by the group's name with its `@`."""
NOBODY: Roster = {}


class Voter(Protocol):
    """Somebody who answers: a person, who may be a guest from outside."""

    @property
    def person(self) -> str:
        """A name of CONFIRM_PEOPLE, or an identity that is on nobody's list."""
        ...

    @property
    def guest(self) -> bool:
        """Whether it is somebody from outside."""
        ...

    @property
    def stage(self) -> float:
        """In which stage they answer."""
        ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who may answer now, whichever stage it is; whom a policy names is no guest as far as anybody knows."""

    person: str
    guest: bool = False
    stage: float = math.inf


@dataclass(frozen=True)
class Electorate:
    """Who can fill which seat of one request.

    `counts` tells that more than one answer is needed: then nobody may answer twice under two names, and only who is
    named in CONFIRM_PEOPLE or in the policy is known not to. One who may `deny` alone needs to prove nothing.
    """

    requester: str
    roster: Roster
    counts: bool = False
    deny: bool = False

    def may(self, seat: Seat, voter: Voter) -> bool:
        """Tell whether somebody is among those of whom a seat needs one."""
        named = self._named(seat, voter.person)
        if voter.person == self.requester:
            return "requester" in seat.by or (named and seat.own) or ("anyone" in seat.by and not voter.guest)
        return named or (not voter.guest and bool({"others", "anyone"} & {*seat.by}))

    def proves(self, seat: Seat, voter: Voter) -> bool:
        """Tell whether somebody who may is also proved to be another person than all others that count.

        On a network where anybody may take one more name, only those are whom CONFIRM_PEOPLE names.
        """
        if self._named(seat, voter.person):
            return self.deny or self._may_ask(seat)
        if self.deny and not self.counts:
            return True
        if self.counts and _is_identity(voter.person):
            return False
        if "others" not in seat.by or "anyone" in seat.by:
            return True
        return not any(who.startswith(_WEAK) for who in (voter.person, self.requester))

    def fills(self, seat: Seat, voter: Voter) -> bool:
        """Tell whether somebody's answer can fill a seat."""
        return seat.since <= voter.stage and self.may(seat, voter) and self.proves(seat, voter)

    def _may_ask(self, seat: Seat) -> bool:
        """Tell whether those who are named can fill a seat of this request: they could have asked under another name.

        That matters nothing where who asked may fill it.
        """
        if seat.own or {"requester", "anyone"} & {*seat.by} or self._named(seat, self.requester):
            return True
        return not self.requester.startswith(_WEAK)

    def _named(self, seat: Seat, person: str) -> bool:
        return person in seat.by or any(person in self.roster.get(name, ()) for name in seat.by if name[:1] == "@")


@dataclass(frozen=True)
class Seating:
    """How votes fill one way to meet a quorum: who sits where (seat number → person), and the seats that are empty."""

    seats: tuple[Seat, ...]
    taken: Mapping[int, str]

    @cached_property
    def empty(self) -> tuple[Seat, ...]:
        """The seats that nobody fills."""
        return tuple(seat for number, seat in enumerate(self.seats) if number not in self.taken)


def ways(quorum: Quorum) -> Iterator[tuple[Seat, ...]]:
    """Yield each way to meet a quorum, as the seats that must all be filled."""
    match quorum:
        case Seat():
            yield (quorum,)
        case AllOf(all=parts):
            for chosen in product(*(tuple(ways(part)) for part in parts)):
                yield tuple(seat for seats in chosen for seat in seats)
        case AnyOf(any=parts):
            for part in parts:
                yield from ways(part)
        case _:
            assert_never(quorum)


def seats(quorum: Quorum) -> list[Seat]:
    """Return all seats of a quorum, whichever way it is met."""
    match quorum:
        case Seat():
            return [quorum]
        case AllOf(all=parts) | AnyOf(any=parts):
            return list(dict.fromkeys(seat for part in parts for seat in seats(part)))
        case _:
            assert_never(quorum)


def names(quorum: Quorum) -> list[str]:
    """Return all that a quorum names: people, `@groups`, `requester`, `others`, `anyone`."""
    return list(dict.fromkeys(name for seat in seats(quorum) for name in seat.by))


def seat_people(way: Sequence[Seat], able: Mapping[Seat, Sequence[int]]) -> dict[int, int]:
    """Seat as many people as possible, one each, in the order of the seats.

    Args:
        way: the seats.
        able: which people can fill a seat, by number.

    Returns:
        The number of a person by that of their seat.
    """
    choices = [able[seat] for seat in way]
    seat_of: dict[int, int] = {}

    def sit(number: int, tried: set[int]) -> bool:
        for who in sorted(choices[number], key=seat_of.__contains__):  # whoever sits nowhere yet comes first
            if who not in tried:
                tried.add(who)
                if who not in seat_of or sit(seat_of[who], tried):
                    seat_of[who] = number
                    return True
        return False

    for number in range(len(way)):
        sit(number, set())
    return {number: who for who, number in seat_of.items()}


def seatings(quorum: Quorum, voters: Sequence[Voter], electorate: Electorate) -> list[Seating]:
    """Return for each way to meet a quorum how voters fill it."""
    able = _able(quorum, voters, electorate)
    taken = [(way, seat_people(way, able)) for way in ways(quorum)]
    return [Seating(way, {number: voters[who].person for number, who in seated.items()}) for way, seated in taken]


def nearest(quorum: Quorum, voters: Sequence[Voter], electorate: Electorate) -> list[Seating]:
    """Return the ways to meet a quorum for which the fewest answers are missing; nothing is if the first has none."""
    found = seatings(quorum, voters, electorate)
    fewest = min(len(seating.empty) for seating in found)
    return [seating for seating in found if len(seating.empty) == fewest]


def met(quorum: Quorum, voters: Sequence[Voter], electorate: Electorate) -> bool:
    """Tell whether nothing is missing."""
    able = _able(quorum, voters, electorate)
    return any(len(seat_people(way, able)) == len(way) for way in ways(quorum) if len(way) <= len(voters))


def _able(quorum: Quorum, voters: Sequence[Voter], electorate: Electorate) -> dict[Seat, list[int]]:
    """Return for each seat who can fill it, as numbers of voters."""
    everybody = [*enumerate(voters)]
    return {seat: [who for who, voter in everybody if electorate.fills(seat, voter)] for seat in seats(quorum)}


def widened(quorum: Quorum, to: Iterable[str]) -> Quorum:
    """Return a quorum whose seats others may fill, too."""
    match quorum:
        case Seat():
            return replace(quorum, by=tuple(dict.fromkeys((*quorum.by, *to))))
        case _:
            return _each(quorum, lambda part: widened(part, to))


def begun(quorum: Quorum, stage: int) -> Quorum:
    """Return a quorum for which only answers count that are given from a stage on."""
    match quorum:
        case Seat():
            return replace(quorum, since=stage)
        case _:
            return _each(quorum, lambda part: begun(part, stage))


def _each(quorum: AllOf | AnyOf, change: Callable[[Quorum], Quorum]) -> Quorum:
    """Return a quorum with each of its parts changed."""
    match quorum:
        case AllOf(all=parts):
            return AllOf(all=tuple(map(change, parts)))
        case AnyOf(any=parts):
            return AnyOf(any=tuple(map(change, parts)))


def _is_identity(person: str) -> bool:
    """Tell whether a person is one that CONFIRM_PEOPLE does not name."""
    return ":" in person


_WEAK = tuple(f"{scheme}:" for scheme in WEAK)
