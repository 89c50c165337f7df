"""What a policy says in words: who must confirm, who is missing, what an answer must bring, when it is another one."""

from dataclasses import replace
from typing import Any

import pytest

from builders import NOW, a_policy, an_execution
from err_confirm.errors import GroupError
from err_confirm.model.executions import Execution, State, Verdict, Vote
from err_confirm.model.policies import (
    AllOf,
    AnyOf,
    Choice,
    Effect,
    Freeze,
    Policy,
    Question,
    QuestionType,
    Quorum,
    ReasonRule,
    Seat,
    Stage,
    Times,
    When,
)
from err_confirm.policy.openings import Rosters, waits_for
from err_confirm.policy.seating import Roster
from err_confirm.policy_words.missing import missing_words, waiting_words
from err_confirm.policy_words.quorums import quorum_words, waits, who_confirms
from err_confirm.policy_words.reasons import reason_words
from err_confirm.policy_words.rules import rule_words
from err_confirm.policy_words.terms import terms

SRE, LEADS, BOB = Seat(by=("@sre",)), Seat(by=("@leads",)), Seat(by=("bob",))
OTHERS = Seat(by=("others",))
ROSTER: Roster = {"@sre": frozenset({"alice", "bob", "carol", "dave"}), "@leads": frozenset({"carol", "erin"})}


def both(*parts: Quorum) -> AllOf:
    return AllOf(all=parts)


def each(*people: str) -> AllOf:
    return both(*(Seat(by=(person,)) for person in people))


def in_stages(*quorums: Quorum, deny: Quorum = SRE, **changes: Any) -> Policy:
    return Policy(stages=tuple(Stage(quorum=quorum) for quorum in quorums), deny=deny, **changes)


def added(*quorums: Quorum, polls: int = 0) -> Policy:
    """Return what a rule adds: seats, and a time of so many polls."""
    return Policy(stages=tuple(Stage(quorum=quorum, retry_count=polls) for quorum in quorums), deny=SRE)


def yes(person: str, **changes: Any) -> Vote:
    vote = Vote(person=person, verdict=Verdict.APPROVE, at=NOW, expires_at=NOW + 60, digest=an_execution().digest)
    return replace(vote, **changes)


def no(person: str) -> Vote:
    return yes(person, verdict=Verdict.DENY)


def waiting(*quorums: Quorum, votes: tuple[Vote, ...] = (), stage: int = 0, **changes: Any) -> Execution:
    """Return what alice asked for, which waits in a stage."""
    return an_execution(in_stages(*quorums, **changes), votes=votes, stage=stage)


def missing(*quorums: Quorum, votes: tuple[Vote, ...] = (), stage: int = 0, **changes: Any) -> str:
    return missing_words(waiting(*quorums, votes=votes, stage=stage, **changes), ROSTER, NOW)


# Who must confirm


@pytest.mark.parametrize(
    ("quorum", "words"),
    [
        (Seat(by=("requester",)), "whoever asked"),
        (OTHERS, "anyone but who asked"),
        (Seat(by=("anyone",)), "anyone"),
        (SRE, "1 of @sre"),
        (Seat(by=("bob", "carol", "dave")), "bob, carol or dave"),
        (Seat(by=("bob", "@sre")), "bob or 1 of @sre"),
        (both(SRE, SRE), "2 of @sre"),
        (both(both(SRE, SRE), LEADS), "2 of @sre and 1 of @leads"),
        (both(OTHERS, OTHERS), "2 people other than who asked"),
        (both(*[Seat(by=("bob", "carol", "dave"))] * 2), "2 of bob, carol or dave"),
        (each("bob", "carol", "dave"), "bob, carol and dave, each of them"),
        (both(SRE, Seat(by=("bob", "@leads"))), "1 of @sre and (bob or 1 of @leads)"),
        (AnyOf(any=(both(SRE, SRE), BOB)), "2 of @sre or bob"),
        (AnyOf(any=(both(SRE, LEADS), BOB)), "(1 of @sre and 1 of @leads) or bob"),
        (both(AnyOf(any=(SRE, BOB)), LEADS), "(1 of @sre or bob) and 1 of @leads"),
    ],
)
def test_a_quorum_can_be_read_in_one_way_only(quorum: Quorum, words: str) -> None:
    assert quorum_words(quorum) == words


def test_stages_are_said_in_their_order() -> None:
    assert who_confirms(in_stages(both(SRE, SRE), LEADS)) == "2 of @sre, then 1 of @leads"


def test_a_list_of_aliases_says_what_waits_and_what_rules_change() -> None:
    rule = When(policy=in_stages())
    assert waits(None) == "runs at once"
    assert waits(in_stages(SRE)) == "waits for 1 of @sre"
    assert waits(in_stages(when=(rule,))) == "runs at once (1 rule changes that)"
    assert waits(in_stages(BOB, when=(rule, rule))) == "waits for bob (2 rules change that)"


# Who is missing


def test_before_anybody_answers_all_who_may_are_named_but_never_who_asked() -> None:
    assert missing(both(SRE, SRE)) == "needs 2 of @sre (bob, carol, dave)"


def test_who_has_answered_stands_apart_and_who_said_no_too() -> None:
    assert missing(both(SRE, SRE), votes=(yes("carol"),)) == "needs 1 more of @sre (bob, dave; carol has answered)"
    said = missing(both(SRE, SRE), votes=(yes("carol"), no("dave")), deny=both(SRE, SRE))
    assert said == "needs 1 more of @sre (bob; carol has answered, dave said no)"


@pytest.mark.parametrize(
    "changes", [{"expires_at": NOW}, {"digest": "another"}], ids=["which is over", "for something else"]
)
def test_an_answer_that_does_not_count_is_missing_again(changes: dict[str, Any]) -> None:
    assert missing(both(SRE, SRE), votes=(yes("carol", **changes),)) == "needs 2 of @sre (bob, carol, dave)"


@pytest.mark.parametrize(
    ("quorum", "votes", "words"),
    [
        (Seat(by=("requester",)), (), "needs alice, who asked"),
        (OTHERS, (), "needs anyone but alice"),
        (both(OTHERS, OTHERS), (), "needs 2 people, anyone but alice"),
        (both(OTHERS, OTHERS), (yes("bob"),), "needs 1 more, anyone but alice (bob has answered)"),
        (Seat(by=("anyone",)), (), "needs anyone"),
        (Seat(by=("bob", "alice")), (), "needs bob"),
        (Seat(by=("bob", "alice"), own=True), (), "needs bob or alice"),
        (Seat(by=("bob", "@leads")), (), "needs 1 of bob or @leads (carol, erin)"),
        (each("bob", "carol", "dave"), (yes("carol"),), "needs bob and dave"),
        (Seat(by=("alice",)), (), "needs 1, but nobody who may is left"),
        (Seat(by=("@nobody",)), (), "needs 1 of @nobody (nobody else is in it)"),
    ],
)
def test_whoever_may_is_said_in_words(quorum: Quorum, votes: tuple[Vote, ...], words: str) -> None:
    execution = waiting(quorum, votes=votes)
    assert missing_words(execution, {**ROSTER, "@nobody": frozenset()}, NOW) == words


def test_several_seats_are_joined_with_and_several_ways_with_or() -> None:
    assert missing(both(SRE, LEADS)) == "needs 1 of @sre (bob, carol, dave) and 1 of @leads (carol, erin)"
    two = AnyOf(any=(both(SRE, SRE), both(LEADS, LEADS)))
    assert missing(two) == "needs 2 of @sre (bob, carol, dave), or 2 of @leads (carol, erin)"
    assert missing(two, votes=(yes("bob"),)) == "needs 1 more of @sre (carol, dave; bob has answered)"


def test_whose_answer_lets_another_one_move_up_is_named_too() -> None:
    """Carol is in both groups: as soon as one of @sre answers, she counts for the leads."""
    assert missing(both(SRE, LEADS), votes=(yes("carol"),)) == (
        "needs 1 more of @leads or @sre (erin, bob, dave; carol has answered)"
    )


def test_a_later_stage_does_not_take_who_sits_in_an_earlier_one() -> None:
    assert missing(SRE, both(SRE, SRE), votes=(yes("bob"),), stage=1) == (
        "needs 2 more of @sre (carol, dave; bob has answered)"
    )


def test_nobody_of_a_stage_that_has_not_begun_is_missing() -> None:
    assert missing(BOB, LEADS) == "needs bob"


def test_who_was_called_because_nobody_answered_is_named() -> None:
    policy = in_stages(SRE)
    policy = replace(policy, stages=(replace(policy.stages[0], escalate_after=60.0, escalate_to=("@leads",)),))
    execution = an_execution(policy)
    assert missing_words(execution, ROSTER, NOW) == "needs 1 of @sre (bob, carol, dave)"
    called = replace(execution, escalated=(0,))
    assert missing_words(called, ROSTER, NOW) == "needs 1 of @sre or @leads (bob, carol, dave, erin)"


def test_answers_with_different_choices_do_not_count_together() -> None:
    choices = (Choice(name="approve"), Choice(name="scale_down", run="other"))
    votes = (yes("bob", choice="approve"), yes("carol", choice="scale_down"))
    assert missing(both(SRE, SRE), votes=votes, choices=choices) == (
        "needs 1 more of @sre (dave; bob and carol have answered) for approve, or "
        "1 more of @sre (dave; bob and carol have answered) for scale_down"
    )


def test_of_very_many_people_five_are_named() -> None:
    roster = {"@sre": frozenset(f"p{number}" for number in range(9))}
    assert missing_words(waiting(SRE), roster, NOW) == "needs 1 of @sre (p0, p1, p2, p3, p4 and 4 others)"


def test_nothing_is_missing_where_nothing_waits() -> None:
    assert missing(SRE, votes=(yes("bob"),)) == "needs nothing more"
    assert missing_words(an_execution(None), ROSTER, NOW) == ""
    assert missing_words(replace(waiting(SRE), state=State.RUNNING), ROSTER, NOW) == ""


def test_a_name_is_shown_as_the_network_wants_it() -> None:
    execution = waiting(both(SRE, SRE), votes=(yes("carol"),))
    words = missing_words(execution, ROSTER, NOW, lambda name: f"<{name}>")
    assert words == "needs 1 more of <@sre> (<bob>, <dave>; <carol> has answered)"


def test_groups_that_cannot_be_looked_up_are_said_and_looked_up_once() -> None:
    asked = []

    def fails(execution: Execution) -> Roster:
        asked.append(execution)
        raise GroupError("@sre", "the directory is down")

    rosters = Rosters(fails)
    said = "stage 1 of 2 needs 1 of @sre; who is in @sre cannot be looked up: the directory is down"
    assert waiting_words(waiting(SRE, BOB), rosters, NOW) == said
    assert waits_for(waiting(SRE, BOB), "mallory", rosters, NOW), "nobody knows, so it may well wait for them"
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("person", "votes", "waits"),
    [
        ("bob", (), True),
        ("alice", (), False),
        ("mallory", (), False),
        ("bob", (yes("bob"),), False),
        ("bob", (no("bob"),), False),
        ("bob", (yes("carol"), yes("dave")), False),
    ],
)
def test_it_waits_for_those_whose_answer_would_help(person: str, votes: tuple[Vote, ...], waits: bool) -> None:
    execution = waiting(both(SRE, SRE), LEADS, votes=votes, deny=both(SRE, SRE))
    assert waits_for(execution, person, Rosters(lambda _: ROSTER), NOW) is waits


@pytest.mark.parametrize("execution", [an_execution(None), replace(waiting(BOB), state=State.APPROVED)])
def test_what_no_answer_helps_waits_for_nobody(execution: Execution) -> None:
    assert not waits_for(execution, "bob", Rosters(lambda _: ROSTER), NOW)


# What an answer must bring


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("^OPS-[0-9]+", "a reason such as OPS-123 …"),
        ("^OPS-[0-9]+$", "a reason such as OPS-123"),
        (r"CHG\d{7}", "a reason such as CHG1234567 …"),
        ("[A-Z]{3}-[0-9]+", "a reason such as ABC-123 …"),
        ("(OPS|DEV)-[0-9]+", "a reason in which (OPS|DEV)-[0-9]+ is found"),
        (r"\bfoo", r"a reason in which \bfoo is found"),
    ],
)
def test_a_pattern_is_shown_by_an_example_that_it_really_finds(pattern: str, words: str) -> None:
    assert reason_words(pattern) == words


def test_all_that_a_policy_asks_for_is_said_a_line_for_each_thing() -> None:
    stage = Stage(quorum=both(SRE, SRE), remind=300.0, escalate_after=600.0, escalate_to=("@leads",))
    policy = Policy(
        stages=(stage, Stage(quorum=Seat(by=("@leads",), own=True))),
        deny=both(SRE, SRE),
        reason=ReasonRule.REQUIRED,
        typed=("web01",),
        otp=True,
        question=Question(text="How many?", type=QuestionType.NUMBER, required=False),
        choices=(
            Choice(name="approve", caption="Do it"),
            Choice(name="dismiss", effect=Effect.DENY),
            Choice(name="snooze", effect=Effect.SNOOZE, after=3_600.0),
            Choice(name="scale_down", run="other", question=Question(text="To what?"), sure=True),
        ),
        via=("slack", "irc"),
        room="#ops",
        dm=True,
        freezes=(Freeze(times=Times(days=(0, 1, 2, 3, 4)), reason="a sale"),),
    )
    assert terms(policy) == [
        "must confirm: 2 of @sre within 1 min, then 1 of @leads within 1 min · may deny: 2 of @sre",
        "whoever asked counts, too, where they are named",
        "stage 1: a reminder 5 min before the end, after 10 min also 1 of @leads may confirm",
        "a yes needs a reason, the text web01 typed, a code and an answer to How many? (a number, may be left out)",
        "choices: approve (Do it), dismiss (a no), snooze (asks again in 1 h), "
        "scale_down (runs other, asks To what?, asks if you are sure)",
        "a yes counts only from slack or irc",
        "also asked in #ops and each person named is asked directly, and answers with a token of their own",
        "on Mon–Fri UTC: nothing runs (a sale)",
    ]


def test_what_runs_at_once_says_so() -> None:
    assert terms(None) == ["runs at once, without confirmation"]
    assert terms(in_stages()) == ["runs at once, without confirmation, unless a rule says otherwise"]


# When it is another one


@pytest.mark.parametrize(
    ("when", "words"),
    [
        (
            When(policy=added(LEADS), times=Times(days=(5, 6), hours=((1_320, 360),), zone="Europe/Berlin")),
            "22:00–06:00 Europe/Berlin on Sat and Sun: also 1 of @leads",
        ),
        (
            When(policy=in_stages(), refuse="wait", times=Times(dates=(("2026-12-20", "2027-01-02"),))),
            "2026-12-20 to 2027-01-02 UTC: nothing runs (wait)",
        ),
        (
            When(policy=in_stages(otp=True), need=3, parameters={"env": ("prod", "dr"), "dry": (False,)}),
            "env is prod or dr, dry is false: at least 3, a yes needs a code",
        ),
        (
            When(policy=in_stages(Seat(by=("requester",))), rooms=("#sandbox",), loosen=True),
            "in #sandbox: whoever asked is enough",
        ),
        (When(policy=in_stages(), rooms=("#sandbox",), loosen=True), "in #sandbox: runs at once"),
        (When(policy=added(AllOf(all=()), polls=20), rooms=("#ops",)), "in #ops: within 1 min"),
    ],
)
def test_a_rule_says_when_it_holds_and_what_then(when: When, words: str) -> None:
    assert rule_words(when) == words
    assert terms(a_policy(when=(when,)))[-1] == words
