"""Who fills which seat, held to trying everything; until when votes suffice; and that it never takes long."""

import math
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from builders import NOW, a_policy, an_execution
from err_confirm.model.executions import Execution, State, Verdict, Vote
from err_confirm.model.policies import AllOf, AnyOf, Policy, Quorum, Seat, Stage
from err_confirm.policy import electorate, groups, met_until, quorum_until
from err_confirm.policy.seating import Electorate, Roster, met, names, nearest, seats, ways
from ledger import GUESTS, LEADS, PEOPLE, ROSTERS, SRE, filled, opened, people_of, seat_lists, several


@dataclass(frozen=True)
class Somebody:
    """Somebody who answers."""

    person: str
    stage: int = 0

    @property
    def guest(self) -> bool:
        return self.person in GUESTS


def who(by: tuple[str, ...], *, own: bool = False, counts: bool = False, deny: bool = False) -> list[str]:
    """Return all people who can fill a seat of what alice asks for."""
    those = Electorate("alice", ROSTERS[0], counts, deny)
    return [each for each in PEOPLE if those.fills(Seat(by=by, own=own), Somebody(each))]


NAMED = ["alice", "bob", "carol", "dave"]


@pytest.mark.parametrize(
    ("by", "own", "allowed"),
    [
        ((), False, []),
        (("requester",), False, ["alice"]),
        (("others",), False, ["bob", "carol", "dave", "slack:U7"]),
        (("anyone",), False, [*NAMED, "slack:U7", "irc:eve!e@host"]),
        (("bob",), False, ["bob"]),
        (("alice", "bob"), False, ["bob"]),
        (("alice", "bob"), True, ["alice", "bob"]),
        ((SRE,), False, ["bob", "carol"]),
        ((SRE,), True, ["alice", "bob", "carol"]),
        ((SRE, "requester"), False, ["alice", "bob", "carol"]),
        (("@nobody",), True, []),
        (("slack:U7", "irc:eve!e@host"), False, ["slack:U7", "irc:eve!e@host"]),
        (("mallory",), False, ["mallory"]),
        (("requester", "others"), False, [*NAMED, "slack:U7"]),
        (("Bob", "bo", "bobb", "sre"), False, []),
    ],
)
def test_who_may_is_said_by_name_by_group_or_by_what_they_are_to_the_request(
    by: tuple[str, ...], own: bool, allowed: list[str]
) -> None:
    """Mallory is a guest, who only counts by name; the one who asks counts by name only where that is said."""
    assert who(by, own=own) == allowed


def test_where_more_than_one_is_needed_who_is_on_nobodys_list_counts_only_by_name() -> None:
    """One human must not fill two seats with two accounts."""
    assert who(("anyone",), counts=True) == NAMED
    assert who(("anyone", "slack:U7"), counts=True) == [*NAMED, "slack:U7"]
    assert who(("others",), counts=True, deny=True) == ["bob", "carol", "dave"]
    assert who(("others",), deny=True) == ["bob", "carol", "dave", "slack:U7", "irc:eve!e@host"], "one no, from anybody"


def need(count: int, *by: str) -> AllOf:
    return AllOf(all=(Seat(by=by),) * count)


@pytest.mark.parametrize(
    ("quorum", "people", "enough"),
    [
        (need(2, SRE), ["bob", "carol"], True),
        (need(2, SRE), ["alice", "bob"], False),
        (need(2, SRE), ["bob", "bob"], False),
        (AllOf(all=(Seat(by=(SRE,)), Seat(by=(LEADS,)))), ["carol"], False),
        (AllOf(all=(Seat(by=(SRE,)), Seat(by=(LEADS,)))), ["carol", "dave"], True),
        (AllOf(all=(Seat(by=(SRE,)), Seat(by=(LEADS,)))), ["carol", "bob"], True),
        (AllOf(all=(need(2, SRE), Seat(by=(LEADS,)))), ["bob", "carol"], False),
        (AllOf(all=(need(2, SRE), Seat(by=(LEADS,)))), ["carol", "bob", "dave"], True),
        (AnyOf(any=(need(2, SRE), Seat(by=("dave",)))), ["dave"], True),
        (AnyOf(any=(need(2, SRE), Seat(by=("dave",)))), ["bob"], False),
    ],
)
def test_one_person_fills_one_seat_also_across_groups(quorum: Quorum, people: list[str], enough: bool) -> None:
    several_of_them = several([quorum])
    voters = [Somebody(each) for each in dict.fromkeys(people)]
    assert met(quorum, voters, Electorate("alice", ROSTERS[0], several_of_them)) is enough


seat = st.builds(
    Seat,
    by=st.lists(
        st.sampled_from((SRE, LEADS, "bob", "carol", "alice", "slack:U7", "requester", "others", "anyone", "mallory")),
        min_size=1,
        max_size=2,
        unique=True,
    ).map(tuple),
    own=st.booleans(),
)
some_needed = st.builds(lambda each, count: AllOf(all=(each,) * count), seat, st.integers(1, 3))
trees: st.SearchStrategy[Quorum] = st.recursive(
    st.one_of(seat, some_needed),
    lambda parts: st.one_of(
        st.builds(AllOf, all=st.lists(parts, min_size=1, max_size=2).map(tuple)),
        st.builds(AnyOf, any=st.lists(parts, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=3,
)
voters = st.lists(st.sampled_from(PEOPLE), unique=True, max_size=6)
often = settings(max_examples=1500, phases=[Phase.generate], suppress_health_check=list(HealthCheck))


def test_whatever_the_quorum_it_is_met_where_trying_everything_finds_a_way() -> None:
    """And what is missing is as little as it can be, and in Hall's words: no seats want more people than there are."""
    seen: Counter = Counter()

    @given(trees, voters, st.sampled_from(ROSTERS), st.booleans())
    @often
    def every_quorum(quorum: Quorum, people: list[str], roster: Roster, deny: bool) -> None:
        count = several([quorum])
        those = Electorate("alice", roster, count, deny)
        someone = [Somebody(each) for each in people]
        enough = met(quorum, someone, those)
        assert enough is filled([quorum], people, roster, count=count, deny=deny)
        found = nearest(quorum, someone, those)
        fewest = min(missing(way, people, roster, count, deny) for way in seat_lists(quorum))
        assert {len(seating.empty) for seating in found} == {fewest}
        for seating in found:
            sitting = list(seating.taken.values())
            assert len(set(sitting)) == len(sitting), "one person, one seat"
            assert set(sitting) <= set(people)
            assert all(
                person in people_of(seating.seats[number], roster, count=count, deny=deny)
                for number, person in seating.taken.items()
            )
        seen["met" if enough else "not met"] += 1
        seen["several seats"] += enough and count
        seen["several ways"] += enough and len(list(ways(quorum))) > 1

    every_quorum()
    assert min(seen["met"], seen["not met"], seen["several seats"], seen["several ways"]) > 100, seen


def missing(way: list[Seat], people: list[str], roster: Roster, count: bool, deny: bool) -> int:
    """Return how many seats stay empty by Hall's theorem: the most by which some seats outnumber their people."""
    able = [people_of(seat, roster, count=count, deny=deny) & set(people) for seat in way]
    numbers = range(len(way))
    choices = [some for size in range(len(way) + 1) for some in combinations(numbers, size)]
    return max(len(some) - len(set().union(*(able[number] for number in some))) for some in choices)


def test_votes_suffice_until_the_last_moment_at_which_trying_everything_finds_a_way() -> None:
    seen: Counter = Counter()
    stage = st.builds(Stage, quorum=trees, escalate_to=st.sampled_from(((), ("dave",), (LEADS,))))
    said = st.tuples(st.sampled_from(PEOPLE), st.integers(1, 5), st.integers(0, 1))
    moments = st.lists(said, unique_by=lambda each: each[0])

    @given(st.lists(stage, min_size=1, max_size=2), moments, st.sampled_from(ROSTERS), st.booleans())
    @often
    def every_policy(stages: list[Stage], ends: list[tuple[str, int, int]], roster: Roster, late: bool) -> None:
        policy = Policy(stages=tuple(stages), deny=Seat(by=("requester",)))
        votes = tuple(a_vote(person, end, stage=stage) for person, end, stage in ends)
        since = {person: stage for person, _, stage in ends}
        execution = replace(an_execution(policy), votes=votes, escalated=(0,) if late else ())
        quorums = [stage.quorum for stage in stages]
        if late:
            quorums[0] = opened(quorums[0], stages[0].escalate_to)
        left = {moment: [person for person, end, _ in ends if end >= moment] for moment in range(1, 6)}
        count = several(quorums)
        good = [each for each, people in left.items() if filled(quorums, people, roster, count=count, since=since)]
        until = met_until(execution, NOW, roster)
        assert until == (NOW + max(good) if good else None)
        seen["two stages" if until and len(stages) > 1 else "one stage" if until else "not met"] += 1
        seen["not for as long as there are votes"] += until is not None and until < NOW + max(end for _, end, _ in ends)

    every_policy()
    assert min(seen.values()) > 50, seen
    assert len(seen) == 4


def a_vote(person: str = "bob", seconds: float = 60, verdict: Verdict = Verdict.APPROVE, **changes: Any) -> Vote:
    vote = Vote(
        person=person,
        verdict=verdict,
        at=NOW,
        expires_at=NOW + seconds,
        digest=an_execution().digest,
        guest=person in GUESTS,
    )
    return replace(vote, **changes)


@pytest.mark.parametrize(
    ("votes", "seconds", "until"),
    [
        ((), 0, None),
        ((a_vote(),), 0, 60),
        ((a_vote(),), 59, 60),
        ((a_vote(),), 60, None),
        ((a_vote(), a_vote("carol", 90)), 0, 90),
        ((a_vote("carol", 90), a_vote()), 60, 90),
        ((a_vote("mallory"),), 0, None),
        ((a_vote("alice"),), 0, None),
        ((a_vote("mallory", 90), a_vote()), 0, 60),
        ((a_vote(verdict=Verdict.DENY),), 0, None),
        ((a_vote(digest="of something else"),), 0, None),
        ((a_vote(choice="another"),), 0, None),
    ],
)
def test_a_vote_counts_while_its_ttl_lasts_if_its_person_may_and_it_is_for_what_was_shown(
    votes: tuple[Vote, ...], seconds: float, until: float | None
) -> None:
    policy = a_policy(by=("bob", "carol"))
    choice = "this one" if any(vote.choice for vote in votes) else ""
    execution = replace(an_execution(policy), votes=votes, choice=choice, state=State.APPROVED)
    assert met_until(execution, NOW + seconds) == (None if until is None else NOW + until)


def test_without_a_policy_nothing_is_missing() -> None:
    assert met_until(an_execution(None), NOW) == math.inf


def test_an_answer_in_one_stage_does_not_count_in_the_next_one() -> None:
    """Given carol, who is in both groups, then somebody else has to say yes, too."""
    stages = (Stage(quorum=Seat(by=(SRE,))), Stage(quorum=Seat(by=(LEADS,))))
    execution = an_execution(Policy(stages=stages, deny=Seat(by=("requester",))))
    carol = replace(execution, votes=(a_vote("carol"),))
    assert met_until(carol, NOW, ROSTERS[0], stages=1) == NOW + 60
    assert met_until(carol, NOW, ROSTERS[0]) is None
    assert met_until(replace(carol, votes=(a_vote("carol"), a_vote("dave", 50))), NOW, ROSTERS[0]) is None
    dave = a_vote("dave", 50, stage=1)
    assert met_until(replace(carol, votes=(a_vote("carol"), dave)), NOW, ROSTERS[0]) == NOW + 50


def test_who_answered_in_one_stage_is_not_moved_to_the_next_by_another_answer() -> None:
    """carol is in both groups, and answered as the first; a second one of the first group is no lead."""
    policy = Policy(stages=(Stage(quorum=Seat(by=(SRE,))), Stage(quorum=Seat(by=(LEADS,)))), deny=Seat(by=(SRE,)))
    both = (a_vote("carol"), a_vote("bob", stage=1))
    assert met_until(replace(an_execution(policy), votes=both), NOW, ROSTERS[0]) is None


def test_that_one_person_counts_once_is_asked_where_all_stages_together_need_more_than_one() -> None:
    one = an_execution(a_policy(by=("anyone",), deny_by=("anyone",)))
    two = replace(one, policy=Policy(stages=(*one.policy.stages, *one.policy.stages), deny=need(2, "anyone")))
    assert [electorate(each, {}).counts for each in (one, two)] == [False, True]
    assert [electorate(each, {}, deny=True).counts for each in (one, two)] == [False, True]


def test_all_that_a_policy_names_is_found() -> None:
    quorum = AllOf(all=(AnyOf(any=(Seat(by=(SRE, "bob")), need(2, LEADS))), Seat(by=("bob",))))
    assert [each.by for each in seats(quorum)] == [(SRE, "bob"), (LEADS,), ("bob",)]
    assert names(quorum) == [SRE, "bob", LEADS]
    stage = Stage(quorum=quorum, escalate_to=("@boss", "dave"))
    policy = Policy(stages=(stage,), deny=Seat(by=("@deny", "requester")))
    assert groups(policy) == ["@deny", SRE, LEADS, "@boss"]
    late = replace(an_execution(policy), escalated=(0,))
    assert names(quorum_until(late, 1)) == [SRE, "bob", "@boss", "dave", LEADS]


# ---- the worst that there is ----

SEATS, WAYS, VOTERS = 20, 64, 50


@pytest.mark.parametrize(
    ("able", "enough"),
    [
        (lambda seat, voter: True, True),
        (lambda seat, voter: voter < SEATS - 1, False),
        (lambda seat, voter: voter < (SEATS - 2 if seat % 2 else VOTERS), True),
        (lambda seat, voter: voter in (seat, seat + 1), True),
        (lambda seat, voter: (voter * 7 + seat * 3) % 5 < 3, True),
        (lambda seat, voter: seat != 25, False),
        (lambda seat, voter: voter < (SEATS - 8 if seat > 12 else VOTERS), False),
    ],
)
def test_the_largest_quorum_is_counted_with_few_operations(able: Callable[[int, int], bool], enough: bool) -> None:
    """Operations are calls of functions: 200 for each seat of each way, however many have answered."""
    roster = {f"@{seat}": frozenset(f"p{voter}" for voter in range(VOTERS) if able(seat, voter)) for seat in range(26)}
    pairs = tuple(AnyOf(any=(Seat(by=(f"@{seat}",)), Seat(by=(f"@{seat + 1}",)))) for seat in range(0, 12, 2))
    quorum = AllOf(all=(*pairs, *(Seat(by=(f"@{seat}",)) for seat in range(12, 26))))
    assert (len(list(ways(quorum))), {len(way) for way in ways(quorum)}) == (WAYS, {SEATS})
    votes = tuple(a_vote(f"p{voter}", voter + 1) for voter in range(VOTERS))
    execution = an_execution(Policy(stages=(Stage(quorum=quorum),), deny=Seat(by=("anyone",))), votes=votes)
    found, operations = counted(execution, roster)
    assert (found is not None) is enough
    assert operations < 200 * WAYS * SEATS


def counted(execution: Execution, roster: Mapping[str, frozenset[str]]) -> tuple[float | None, int]:
    calls = 0

    def count(_frame: object, event: str, _what: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        found = met_until(execution, NOW, roster)
    finally:
        sys.setprofile(before)
    return found, calls
