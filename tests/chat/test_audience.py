"""Only those are called who can fill a seat that is still empty."""

from typing import Any

import pytest

from builders import NOW, RECORDS, an_execution
from err_confirm.answers.tokens import Tokens
from err_confirm.chat.audience import Audience
from err_confirm.chat.prompts import MOST_MENTIONED, Prompts
from err_confirm.model.executions import Execution, Verdict, Vote
from err_confirm.model.policies import AllOf, AnyOf, Policy, Seat, Stage
from err_confirm.wording import Wording

SRE, LEADS = Seat(by=("@sre",)), Seat(by=("@leads",))
ROSTER = {"@sre": frozenset({"bob", "carol", "alice"}), "@leads": frozenset({"erin", "carol"})}
PROMPTS = Prompts(
    Wording("!"),
    lambda person: f"@{person}",
    Tokens(RECORDS.seal),
    "!",
    in_use=lambda _: "",
    policy_of=dict[str, Policy | None]().__getitem__,
)


def asked(*quorums: Any, votes: tuple[str, ...] = (), **changes: Any) -> Execution:
    """Return an execution that waits for these stages, and has these approvals."""
    policy = Policy(stages=tuple(Stage(quorum=quorum) for quorum in quorums), deny=Seat(by=("requester",)))
    execution = an_execution(policy, **changes)
    given = [
        Vote(person=who, verdict=Verdict.APPROVE, at=NOW, expires_at=NOW + 60, digest=execution.digest) for who in votes
    ]
    return an_execution(policy, votes=tuple(given), **changes)


def called(execution: Execution, roster: Any = ROSTER) -> str:
    return PROMPTS.called(Audience(execution, roster, NOW))


@pytest.mark.parametrize(
    ("quorum", "who"),
    [
        (Seat(by=("requester",)), "@alice"),
        (Seat(by=("anyone",)), "anyone"),
        (Seat(by=("others",)), "anyone but `alice`"),
        (Seat(by=("bob", "alice")), "@bob"),
        (Seat(by=("bob", "alice"), own=True), "@bob @alice"),
        (SRE, "@bob @carol"),
        (AllOf(all=(SRE, LEADS)), "@bob @carol @erin"),
        (AnyOf(any=(LEADS, SRE)), "@carol @erin @bob"),
        (AnyOf(any=(AllOf(all=(SRE, SRE)), LEADS)), "@bob @carol @erin"),
        (Seat(by=("@nobody",)), "`@nobody`"),
        (Seat(by=("alice",)), "`alice`"),
    ],
)
def test_whoever_can_answer_is_called_once(quorum: Any, who: str) -> None:
    """Who asked is not, where their answer would not count; a group without people has its name."""
    assert called(asked(quorum)) == who


def test_who_has_answered_and_whose_seats_are_filled_are_not_called_again() -> None:
    assert called(asked(AllOf(all=(SRE, SRE)), votes=("bob",))) == "@carol"
    assert called(asked(AllOf(all=(SRE, LEADS)), votes=("bob",))) == "@carol @erin"
    assert called(asked(AllOf(all=(SRE, LEADS)), votes=("erin",))) == "@bob @carol"


def test_an_answer_that_is_too_old_leaves_its_seat_empty() -> None:
    execution = asked(AllOf(all=(SRE, SRE)), votes=("bob",))
    assert Audience(execution, ROSTER, NOW + 60).people == ["bob", "carol"]


def test_the_next_stage_calls_its_own_people_alone() -> None:
    """One person fills one seat of all stages."""
    assert called(asked(SRE, LEADS, votes=("carol",), stage=1)) == "@erin"


def test_a_large_group_is_only_named() -> None:
    people = [f"person{number:02}" for number in range(MOST_MENTIONED)]
    small, large = frozenset(people), frozenset([*people, "one more"])
    assert called(asked(SRE), {"@sre": small}) == " ".join(f"@{person}" for person in people)
    assert called(asked(SRE), {"@sre": large}) == f"`@sre` ({MOST_MENTIONED + 1} people)"


def test_those_who_were_reached_are_enough_if_one_each_can_fill_the_seats() -> None:
    audience = Audience(asked(AllOf(all=(SRE, LEADS))), ROSTER, NOW)
    enough = {names: audience.enough(names) for names in [("bob",), ("carol",), ("bob", "carol"), ("alice", "erin")]}
    assert enough == {("bob",): False, ("carol",): False, ("bob", "carol"): True, ("alice", "erin"): False}


def test_all_who_may_have_been_asked_are_known_afterwards() -> None:
    """Those of the stages before, too, and who has answered; nobody of the stages to come."""
    first, later = Seat(by=("bob", "alice")), Seat(by=("mallory",))
    assert Audience(asked(first, LEADS, later, votes=("bob",), stage=1), ROSTER, NOW).asked == ["bob", "carol", "erin"]


@pytest.mark.parametrize(
    ("quorums", "possible"),
    [
        ([Seat(by=("bob",))], True),
        ([Seat(by=("alice",))], False),
        ([Seat(by=("alice",), own=True)], True),
        ([Seat(by=("requester",))], True),
        ([Seat(by=("@nobody",))], False),
        ([AllOf(all=(LEADS, LEADS))], True),
        ([AllOf(all=(LEADS, LEADS, LEADS))], False),
        ([AllOf(all=(Seat(by=("others",)),) * 3)], True),
        ([AnyOf(any=(Seat(by=("@nobody",)), Seat(by=("bob",))))], True),
        ([SRE, Seat(by=("bob",))], True),
        ([Seat(by=("bob",)), Seat(by=("bob",))], False),
        ([SRE, Seat(by=("@nobody",))], False),
    ],
)
def test_what_the_people_who_are_known_could_never_confirm_is_told(quorums: list[Any], possible: bool) -> None:
    """In any of its stages; whoever is only described may be there."""
    assert Audience(asked(*quorums), ROSTER, NOW).possible is possible
