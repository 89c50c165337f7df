"""Who may answer, what that is called, and until when the votes that are there suffice."""

import math
from dataclasses import replace

import pytest

from builders import NOW, a_policy, an_execution
from err_confirm.model import Verdict, Vote
from err_confirm.policy import may, met_until, whom

PEOPLE = ("alice", "bob", "slack:U2")


@pytest.mark.parametrize(
    ("by", "allowed"),
    [
        ((), ()),
        (("requester",), ("alice",)),
        (("others",), ("bob", "slack:U2")),
        (("anyone",), PEOPLE),
        (("bob",), ("bob",)),
        (("slack:U2",), ("slack:U2",)),
        (("bob", "requester"), ("alice", "bob")),
        (("carol",), ()),
        (("requester", "others"), PEOPLE),
        (("Bob", "bo", "bobb"), ()),
    ],
)
def test_who_may_is_said_by_name_or_by_what_they_are_to_the_request(
    by: tuple[str, ...], allowed: tuple[str, ...]
) -> None:
    assert tuple(person for person in PEOPLE if may(by, person, requester="alice")) == allowed


def test_who_may_is_said_in_words() -> None:
    assert whom(("requester",)) == "whoever asked"
    assert whom(("others",)) == "anyone but who asked"
    assert whom(("bob", "anyone")) == "bob or anyone"


def a_vote(person: str = "bob", seconds: float = 60, verdict: Verdict = Verdict.APPROVE, digest: str = "") -> Vote:
    digest = digest or an_execution().digest
    return Vote(person=person, verdict=verdict, at=NOW, expires_at=NOW + seconds, digest=digest)


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
    ],
)
def test_a_vote_counts_while_its_ttl_lasts_if_its_person_may_and_it_is_for_what_was_shown(
    votes: tuple[Vote, ...], seconds: float, until: float | None
) -> None:
    execution = replace(an_execution(a_policy(by=("bob", "carol"))), votes=votes)
    assert met_until(execution, NOW + seconds) == (None if until is None else NOW + until)


def test_without_a_policy_nothing_is_missing() -> None:
    assert met_until(an_execution(None), NOW) == math.inf
