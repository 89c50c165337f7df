"""Which of two policies asks for more, as far as one can be put above the other."""

from itertools import pairwise

from builders import a_policy
from err_confirm.conditions.strictness import REFUSES, least, most
from err_confirm.model.policies import AllOf, AnyOf, Policy, Quorum, Seat, Stage, Times, When

SRE, OTHERS, REQUESTER = Seat(by=("@sre",)), Seat(by=("others",)), Seat(by=("requester",))
NIGHT = Times(hours=((1320, 360),))


def of(*quorums: Quorum, **changes: object) -> Policy:
    return Policy(stages=tuple(Stage(quorum=each) for each in quorums), deny=SRE, **changes)


FROM_LEAST_TO_MOST: list[Policy | None] = [
    None,
    of(REQUESTER),
    of(REQUESTER, typed=("x",)),
    of(Seat(by=("@sre",), own=True)),
    of(OTHERS),
    of(OTHERS, otp=True),
    of(SRE),
    of(SRE, patterns=("x",)),
    of(AnyOf(any=(AllOf(all=(OTHERS, OTHERS)), AllOf(all=(SRE, SRE))))),
    of(SRE, OTHERS),
    of(AllOf(all=(SRE, SRE))),
    of(AllOf(all=(OTHERS,) * 3)),
]


def test_more_people_ask_for_more_and_then_who_they_are_and_what_they_bring():
    """Nobody, oneself, somebody else, one of few, several; whichever way is the easiest counts."""
    for easier, stricter in pairwise(FROM_LEAST_TO_MOST):
        assert least(easier) < least(stricter), stricter
        assert most(easier) < most(stricter), stricter
    assert all(least(each) < REFUSES for each in FROM_LEAST_TO_MOST)


def test_rules_count_for_what_can_be_asked_for_at_most():
    """One that loosens, for what is asked for at least; one that refuses asks for most."""
    rule = When(policy=of(SRE), times=NIGHT)
    loose = When(policy=a_policy(), rooms=("#ops",), loosen=True)
    frozen = When(policy=of(), times=NIGHT, refuse="no")
    assert least(of(OTHERS, when=(rule, loose))) == least(of(REQUESTER))
    assert most(of(OTHERS, when=(rule, loose))) == most(of(AllOf(all=(OTHERS, SRE))))
    assert most(of(OTHERS, when=(frozen,))) == REFUSES
    assert least(of(when=(rule,))) == least(None)
