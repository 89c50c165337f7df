"""Rules of a policy make it stricter, whatever was typed, wherever and whenever; only one that loosens does not."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import a_policy
from err_confirm.conditions import NOTHING, Situation, decide
from err_confirm.errors import RefusedError
from err_confirm.model.policies import (
    AllOf,
    AnyOf,
    Choice,
    Freeze,
    Policy,
    Quorum,
    ReasonRule,
    Seat,
    Stage,
    Times,
    When,
)
from err_confirm.policy.seating import Electorate, met, ways

SRE, LEADS = Seat(by=("@sre",)), Seat(by=("@leads",))
NOBODY = Seat(by=(), own=True)
ROSTER = {"@sre": frozenset({"alice", "bob", "carol"}), "@leads": frozenset({"carol"})}
NIGHT = Times(hours=((22 * 60, 6 * 60),))


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def asked(room: str | None = "#ops", when: str | None = "2026-11-21T12:00", **parameters: Any) -> Situation:
    return Situation(parameters=parameters, room=room, at=None if when is None else at(when))


def added(*quorums: Quorum, **changes: Any) -> Policy:
    return Policy(stages=tuple(Stage(quorum=each, retry_count=0) for each in quorums), deny=NOBODY, **changes)


def policy(*when: When, by: Quorum = SRE, **changes: Any) -> Policy:
    return Policy(stages=(Stage(quorum=by),), deny=Seat(by=("@sre",), own=True), when=when, **changes)


PROD = {"env": ("prod", "dr")}


def quorum(decided: Policy | None) -> Quorum:
    assert decided is not None
    (stage,) = decided.stages
    return stage.quorum


# When a rule holds


@pytest.mark.parametrize("value", ["prod", "dr", "PROD", " Prod ", "ｐrod", ["prod"], ["dev", "prod"], [], None, {}])
def test_a_rule_holds_unless_it_surely_does_not(value):
    """What only looks like a value, is one of several, or is missing, makes it as strict."""
    rule = When(policy=added(LEADS), parameters=PROD)
    assert quorum(decide(policy(rule), asked(env=value))) == AllOf(all=(SRE, LEADS))
    assert quorum(decide(policy(rule), asked())) == AllOf(all=(SRE, LEADS))


@pytest.mark.parametrize("value", ["dev", "production", ["dev", "test"], 3, True])
def test_a_rule_about_other_values_adds_nothing(value):
    """The policy stays as it is, but for its rules."""
    rule = When(policy=added(LEADS), parameters=PROD)
    assert decide(policy(rule), asked(env=value)) == policy()


@pytest.mark.parametrize(("value", "holds"), [(3, True), (3.0, True), ("3", True), (True, False), (4, False)])
def test_numbers_are_the_same_however_they_are_written(value, holds):
    """True is no number, although Python takes it for one."""
    rule = When(policy=added(LEADS), parameters={"n": (3,)})
    assert (decide(policy(rule), asked(n=value)) != policy()) is holds
    assert decide(policy(replace(rule, parameters={"n": (1,)})), asked(n=True)) == policy()


@pytest.mark.parametrize("value", ["PROD", ["dev", "prod"], [], None, "dev"])
def test_a_rule_that_loosens_holds_only_where_that_is_sure(value):
    """In doubt, the policy itself holds."""
    rule = When(policy=a_policy(), parameters=PROD, loosen=True)
    assert decide(policy(rule), asked(env=value)) == policy()
    assert decide(policy(rule), asked()) == policy()


@pytest.mark.parametrize("value", ["prod", "dr", ["prod", "dr"]])
def test_a_rule_that_loosens_holds_instead(value):
    """All of the policy gives way to it."""
    rule = When(policy=a_policy(), parameters=PROD, loosen=True)
    decided = decide(policy(rule, otp=True), asked(env=value))
    assert quorum(decided) == Seat(by=("requester",))
    assert not decided.otp


@pytest.mark.parametrize(
    ("room", "holds"), [("#prod", True), ("prod", True), ("#PROD", True), ("<#prod>", True), (None, True), ("", False)]
)
def test_a_rule_about_a_room_knows_it_by_its_name_or_id(room, holds):
    """However the network writes it; a direct message is no room."""
    rule = When(policy=added(LEADS), rooms=("#prod",))
    assert (decide(policy(rule), asked(room)) != policy()) is holds


@pytest.mark.parametrize(
    ("when", "holds"),
    [("2026-11-21T23:00", True), ("2026-11-22T05:59", True), ("2026-11-22T06:00", False), (None, True)],
)
def test_a_rule_about_the_time_holds_at_that_time(when, holds):
    """Also where nobody knows the time."""
    rule = When(policy=added(LEADS), times=NIGHT)
    assert (decide(policy(rule), asked(when=when)) != policy()) is holds


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../x", "Europe", ""])
def test_an_unknown_time_zone_is_every_time_for_what_is_stricter_and_never_for_what_is_not(zone):
    """It is known where the file was read, but perhaps not where the bot runs."""
    times = Times(hours=((0, 1),), zone=zone)
    assert quorum(decide(policy(When(policy=added(LEADS), times=times)), asked())) == AllOf(all=(SRE, LEADS))
    assert decide(policy(When(policy=a_policy(), times=times, loosen=True)), asked()) == policy()
    with pytest.raises(RefusedError):
        decide(policy(When(policy=added(), times=times, refuse="no")), asked())


def test_all_that_a_rule_is_about_must_hold():
    """One that surely does not is enough for it not to."""
    rule = When(policy=added(LEADS), parameters=PROD, rooms=("#prod",), times=NIGHT)
    assert decide(policy(rule), asked("#prod", None, env="prod")) != policy()
    assert decide(policy(rule), asked("#ops", None, env="prod")) == policy()
    assert decide(policy(rule), asked("#prod", None, env="dev")) == policy()


# What it adds


def test_rules_add_up():
    """Each that holds, whatever the others say."""
    many = When(policy=added(), need=3, parameters=PROD)
    few = When(policy=added(), need=2, parameters=PROD)
    leads = When(policy=added(LEADS), parameters=PROD)
    assert quorum(decide(policy(few, leads, many), asked())) == AllOf(all=(SRE, SRE, SRE, LEADS))


def test_what_is_needed_already_is_not_needed_twice():
    """`need` is at least so many in all."""
    rule = When(policy=added(), need=2, parameters=PROD)
    either = AnyOf(any=(LEADS, AllOf(all=(SRE, SRE))))
    assert quorum(decide(policy(rule, by=AllOf(all=(SRE, LEADS))), asked())) == AllOf(all=(SRE, LEADS))
    assert quorum(decide(policy(rule, by=either), asked())) == AllOf(all=(either, Seat(by=("@leads", "@sre"))))


def test_proofs_add_up():
    """The stricter of two rules about a reason, all expressions, all texts, and the second factor."""
    one = When(policy=added(reason=ReasonRule.REQUIRED, patterns=("^A",), typed=("a",), otp=True), parameters=PROD)
    other = When(policy=added(reason=ReasonRule.NONE, patterns=("B$",), typed=("b", "a")), parameters=PROD)
    decided = decide(policy(one, other, patterns=("x",), typed=("c",)), asked())
    assert (decided.reason, decided.patterns) == (ReasonRule.REQUIRED, ("x", "^A", "B$"))
    assert (decided.typed, decided.otp) == (("c", "a", "b"), True)


@pytest.mark.parametrize(
    ("base", "rule", "both"),
    [
        (("chat",), ("slack",), ("slack",)),
        (("slack", "irc"), ("chat",), ("slack", "irc")),
        (("slack", "irc"), ("irc", "text"), ("irc",)),
    ],
)
def test_an_answer_comes_from_where_both_allow(base, rule, both):
    """`chat` stands for every network."""
    decided = decide(policy(When(policy=added(via=rule), parameters=PROD), via=base), asked())
    assert decided.via == both


def test_where_no_answer_could_come_from_nothing_is_asked():
    """Two rules may leave no place between them."""
    rules = [When(policy=added(via=(each,)), parameters=PROD) for each in ("slack", "irc")]
    with pytest.raises(RefusedError, match="leaves no place where it could be answered"):
        decide(policy(*rules), asked())


def test_the_shorter_time_counts_for_each_stage():
    """And what would come after its end never comes."""
    short = Policy(stages=(Stage(quorum=NOTHING, retry_count=10, retry_delay=1.0),), deny=NOBODY)
    stages = (Stage(quorum=SRE, remind=20.0), Stage(quorum=LEADS, retry_count=2, retry_delay=2.0, remind=1.0))
    base = Policy(stages=stages, deny=NOBODY, when=(When(policy=short, parameters=PROD),))
    decided = decide(base, asked())
    assert [(stage.within, stage.remind) for stage in decided.stages] == [(10.0, 0.0), (4.0, 1.0)]


def test_who_is_called_when_nobody_answers_fills_no_seat_that_a_rule_adds():
    """That one gets a stage of its own, or, where there are choices, nobody is called."""
    stage = Stage(quorum=SRE, escalate_after=10.0, escalate_to=("carol",))
    base = Policy(stages=(stage,), deny=NOBODY, when=(When(policy=added(LEADS), parameters=PROD),))
    decided = decide(base, asked())
    assert decided.stages == (stage, Stage(quorum=LEADS))
    chosen = decide(Policy(stages=(stage,), deny=NOBODY, when=base.when, choices=(Choice(name="go"),)), asked())
    assert chosen.stages == (Stage(quorum=AllOf(all=(SRE, LEADS))),)


def test_who_confirms_besides_may_refuse():
    """As `deny: same` says."""
    rule = When(policy=Policy(stages=(Stage(quorum=LEADS, retry_count=0),), deny=LEADS), parameters=PROD)
    assert decide(policy(rule), asked()).deny == Seat(by=("@sre", "@leads"), own=True)


# Nobody, and never


def test_a_policy_without_anybody_runs_at_once_until_a_rule_holds():
    """The rule then says who, and how long."""
    wait = Stage(quorum=LEADS, retry_count=2, retry_delay=5.0)
    rule = When(policy=Policy(stages=(wait,), deny=LEADS), parameters=PROD)
    base = Policy(stages=(), deny=NOBODY, when=(rule,), otp=True)
    assert decide(base, asked(env="dev")) is None
    assert decide(base, asked(env="prod")).stages == (wait,)
    assert decide(base, asked(env="prod")).otp
    short, any_time = replace(wait, retry_count=1), replace(wait, retry_count=0)
    for stages, decided in (((wait, short, any_time), short), ((any_time,), Stage(quorum=LEADS))):
        rules = tuple(When(policy=Policy(stages=(stage,), deny=LEADS)) for stage in stages)
        (stage,) = decide(replace(base, when=rules), asked()).stages
        assert (stage.retry_count, stage.retry_delay) == (decided.retry_count, decided.retry_delay)
    assert decide(None, asked()) is None


def test_nothing_runs_at_once_where_a_rule_asks_for_something():
    """One that loosens gives way to one that does not; and without anybody to ask, it is refused."""
    free = When(policy=Policy(stages=(), deny=NOBODY), rooms=("#ops",), loosen=True)
    code = When(policy=added(otp=True), parameters=PROD)
    assert decide(policy(free, code), asked(env="dev")) is None
    assert quorum(decide(policy(free, code), asked(env="prod"))) == SRE
    with pytest.raises(RefusedError, match="nobody is named who could confirm this"):
        decide(Policy(stages=(), deny=NOBODY, when=(code,)), asked())


def test_a_freeze_refuses_and_holds_at_the_claim_too():
    """Also for what was asked for before it began; of other parameters, not."""
    times = Times(dates=(("2026-12-20", "2027-01-02"),))
    base = policy(When(policy=added(), times=times, refuse="freeze; ask @leads", parameters=PROD))
    with pytest.raises(RefusedError, match="freeze; ask @leads"):
        decide(base, asked(when="2026-12-24T12:00", env="prod"))
    assert decide(base, asked(when="2026-12-19T23:59", env="prod")).freezes == (
        Freeze(times=times, reason="freeze; ask @leads"),
    )
    assert decide(base, asked(when="2026-12-24T12:00", env="dev")).freezes == ()


def test_a_freeze_holds_where_another_rule_loosens():
    """Nothing loosens it."""
    free = When(policy=a_policy(), rooms=("#ops",), loosen=True)
    frozen = When(policy=added(), times=NIGHT, refuse="not at night")
    assert decide(policy(free, frozen), asked()).freezes == (Freeze(times=NIGHT, reason="not at night"),)
    with pytest.raises(RefusedError):
        decide(policy(free, frozen), asked(when="2026-12-24T23:00"))


def test_what_was_decided_is_said_a_sentence_each():
    """Whoever confirms can see why it needs so much."""
    prod = When(policy=added(LEADS, reason=ReasonRule.REQUIRED), parameters=PROD)
    night = When(policy=added(otp=True), need=3, times=Times(days=(5, 6), hours=((1320, 360),), zone="Europe/Berlin"))
    assert decide(policy(prod, night), asked(when=None)).because == (
        "env is prod or dr: also 1 of @leads, a yes needs a reason",
        "22:00–06:00 Europe/Berlin on Sat and Sun: at least 3, a yes needs a code",
    )


# Whatever the policy, whatever the situation

BY = st.sampled_from(["requester", "others", "anyone", "alice", "bob", "carol", "@sre", "@leads", "irc:x!y@z"])
SEATS = st.builds(Seat, by=st.lists(BY, min_size=1, max_size=2).map(tuple), own=st.booleans())
QUORUMS = st.recursive(
    SEATS,
    lambda each: (
        st.lists(each, min_size=1, max_size=2)
        .map(tuple)
        .flatmap(lambda parts: st.sampled_from([AllOf(all=parts), AnyOf(any=parts)]))
    ),
    max_leaves=3,
)
STAGES = st.builds(
    Stage,
    quorum=QUORUMS,
    retry_count=st.sampled_from([5, 20]),
    escalate_to=st.sampled_from([(), ("@leads",)]),
    escalate_after=st.sampled_from([1.0, 50.0]),
)
ADDED = st.builds(
    Policy,
    stages=st.lists(
        st.builds(Stage, quorum=st.one_of(QUORUMS, st.just(NOTHING)), retry_count=st.sampled_from([0, 3])), max_size=1
    ).map(tuple),
    deny=SEATS,
    reason=st.sampled_from(ReasonRule),
    patterns=st.sampled_from([(), ("^A",)]),
    typed=st.sampled_from([(), ("x",)]),
    otp=st.booleans(),
    via=st.sampled_from([("chat",), ("slack",), ("slack", "irc")]),
)
RULES = st.builds(
    When,
    policy=ADDED,
    need=st.integers(0, 4),
    parameters=st.sampled_from([{}, PROD, {"n": (1,), "env": ("dev",)}]),
    rooms=st.sampled_from([(), ("#ops",)]),
    times=st.sampled_from([None, NIGHT, Times(days=(5,), zone="Mars/Olympus")]),
)
POLICIES = st.builds(
    Policy,
    stages=st.lists(STAGES, min_size=1, max_size=2).map(tuple),
    deny=SEATS,
    reason=st.sampled_from(ReasonRule),
    patterns=st.sampled_from([(), ("B$",)]),
    typed=st.sampled_from([(), ("y",)]),
    otp=st.booleans(),
    via=st.sampled_from([("chat",), ("slack",)]),
    choices=st.sampled_from([(), (Choice(name="go"),)]),
    when=st.lists(RULES, max_size=3).map(tuple),
)
SITUATIONS = st.builds(
    Situation,
    parameters=st.dictionaries(
        st.sampled_from(["env", "n"]), st.sampled_from(["prod", "PROD", "dev", 1, 2, ["dev", "prod"], None]), max_size=2
    ),
    room=st.sampled_from([None, "", "#ops", "#dev"]),
    at=st.sampled_from([None, at("2026-11-21T12:00"), at("2026-11-21T23:00")]),
)


class Voter:
    def __init__(self, person: str, *, guest: bool) -> None:
        self.person, self.guest, self.stage = person, guest, 0


VOTERS = st.lists(
    st.builds(
        Voter, st.sampled_from(["alice", "bob", "carol", "mallory", "irc:x!y@z", "slack:U1"]), guest=st.booleans()
    ),
    max_size=5,
    unique_by=lambda voter: voter.person,
)


def satisfied(policy: Policy, voters: list[Voter], stages: int) -> bool:
    whole = AllOf(all=tuple(stage.quorum for stage in policy.stages[:stages]))
    counts = any(len(way) > 1 for way in ways(AllOf(all=tuple(stage.quorum for stage in policy.stages))))
    return met(whole, voters, Electorate("alice", ROSTER, counts))


@settings(max_examples=400)
@given(POLICIES, SITUATIONS, VOTERS)
def test_whatever_is_enough_for_what_was_decided_is_enough_for_the_policy_itself(policy, situation, voters):
    """No value, room or moment makes it easier: neither who, nor what an answer brings, nor how long it waits."""
    try:
        decided = decide(policy, situation)
    except RefusedError:
        return
    assert decided is not None
    if satisfied(decided, voters, len(decided.stages)):
        assert satisfied(policy, voters, len(policy.stages))
    assert {*policy.patterns} <= {*decided.patterns}
    assert {*policy.typed} <= {*decided.typed}
    assert decided.otp >= policy.otp
    assert [*ReasonRule].index(decided.reason) >= [*ReasonRule].index(policy.reason)
    assert "chat" in policy.via or {*decided.via} <= {*policy.via}
    for before, after in zip(policy.stages, decided.stages, strict=False):
        assert after.within <= before.within
        assert after.escalate_to in ((), before.escalate_to)


@settings(max_examples=400)
@given(POLICIES, SITUATIONS, SITUATIONS, VOTERS)
def test_what_cannot_be_told_is_never_easier_than_what_can(policy, situation, other, voters):
    """Whoever leaves a value out, or hides a room or the time, gains nothing by it."""
    hidden = Situation(
        parameters={name: value for name, value in situation.parameters.items() if name not in other.parameters},
        room=None if other.room is None else situation.room,
        at=None if other.at is None else situation.at,
    )
    try:
        strict = decide(policy, hidden)
    except RefusedError:
        return
    told = decide(policy, situation)  # is not refused either
    assert strict is not None
    assert told is not None
    if satisfied(strict, voters, len(strict.stages)):
        assert satisfied(told, voters, len(told.stages))
    assert {*told.typed} <= {*strict.typed}
    assert {*told.patterns} <= {*strict.patterns}
    assert strict.otp >= told.otp
