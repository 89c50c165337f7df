"""The key `confirm:`, in every form that it has and in the ones that it has not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import a_policy
from err_confirm.catalog import parse_policy
from err_confirm.catalog.entries import AliasFile
from err_confirm.errors import SettingError
from err_confirm.model.policies import (
    AllOf,
    AnyOf,
    Choice,
    Effect,
    Policy,
    Question,
    QuestionType,
    Quorum,
    ReasonRule,
    Seat,
    Stage,
)
from err_confirm.people import People

PEOPLE = People({"alice": ["text:1"], "bob": ["text:2"], "carol": ["text:3"]})
HEAD = "name: x\naction_ref: x\nformats: [x]\n"
DEFAULT = a_policy(by=("others",), deny_by=("others",))

MEANINGS = {
    "requester": a_policy(),
    "none": None,
    "{}": a_policy(),
    "{by: others}": a_policy(by=("others",), deny_by=("others",)),
    "{by: anyone}": a_policy(by=("anyone",), deny_by=("anyone",)),
    "{by: alice}": a_policy(by=("alice",), deny_by=("alice",)),
    "{by: [alice, bob, alice]}": a_policy(by=("alice", "bob"), deny_by=("alice", "bob")),
    "{by: ['slack:U024']}": a_policy(by=("slack:U024",), deny_by=("slack:U024",)),
    "{by: [requester, carol]}": a_policy(by=("requester", "carol"), deny_by=("requester", "carol")),
    "{by: alice, deny: same}": a_policy(by=("alice",), deny_by=("alice",)),
    "{by: alice, deny: anyone}": a_policy(by=("alice",), deny_by=("anyone",)),
    "{by: alice, deny: {by: anyone}}": a_policy(by=("alice",), deny_by=("anyone",)),
    "{by: alice, deny: {by: [same, bob]}}": a_policy(by=("alice",), deny_by=("alice", "bob")),
    "{by: alice, deny: {}}": a_policy(by=("alice",), deny_by=("alice",)),
    "{retry: {count: 10, delay: 500ms}}": a_policy(retry_count=10, retry_delay=0.5),
    "{retry: {count: 10}}": a_policy(retry_count=10),
    "{retry: {delay: 0.5}}": a_policy(retry_delay=0.5),
    "{within: 1}": a_policy(retry_count=1, retry_delay=1.0),
    "{within: 5m}": a_policy(retry_count=100, retry_delay=3.0),
    "{within: 4h}": a_policy(retry_count=240, retry_delay=60.0),
    "{within: 10s}": a_policy(retry_count=4, retry_delay=2.5),
}

EITHER = "{any: [{by: '@sre'}, {by: '@leads'}]}"
WRONG = {
    "[alice, bob]": "people stand under the key by: write confirm: {by: [alice, bob]}",
    "requestor": 'confirm is requester, none (runs at once) or a mapping, not "requestor" (did you mean "requester"?)',
    "alice": "people stand under the key by: write confirm: {by: alice}",
    "no": "confirm is requester, none (runs at once) or a mapping such as {by: others, within: 5m}",
    "": "confirm is requester, none (runs at once) or a mapping such as {by: others, within: 5m}",
    "3": "confirm is requester, none (runs at once) or a mapping such as {by: others, within: 5m}",
    "{by: []}": '"by" must not be empty',
    "{by: no}": 'item 1 of "by" must be text; YAML does not read no as text; put it in quotes',
    "{by: alcie}": 'unknown person "alcie" (did you mean "alice"?); name them in CONFIRM_PEOPLE',
    "{by: [alice, '@srs']}": 'unknown group "@srs" (did you mean "@sre"?); name it in CONFIRM_GROUPS',
    "{by: '@'}": '"@" cannot name a group; write it like @sre',
    "{by: '@@sre'}": '"@@sre" cannot name a group; write it like @sre',
    "{by: [none, alice]}": "none is nobody; name people, or write by: none",
    "{by: none}": "by: none is for a policy with when; to let it run at once, write confirm: none",
    "{by: none, need: 2, when: [{hours: '09:00-17:00', by: bob}]}": "need is for somebody who confirms",
    "{by: 'slak:U024'}": 'unknown person "slak:U024" (did you mean "slack:U024"?); name them in CONFIRM_PEOPLE',
    "{by: '@sre:x'}": 'unknown person "@sre:x"',
    "{deny: dave}": 'unknown person "dave"; name them in CONFIRM_PEOPLE',
    "{deny: [alice]}": "a list of people needs the key by: write deny: {by: [alice]}",
    "{by: same}": 'unknown person "same"; name them in CONFIRM_PEOPLE',
    "{deny: none}": "somebody must be able to refuse; write who, or leave deny out",
    "{deny: {by: alice, need: 2}}": "deny needs 2, but only alice may; name more, or need fewer",
    "{by: alice, deny: {need: 2}}": "deny needs 2, but only alice may; name more, or need fewer",
    "{deny: {need: 0}}": '"need" must be at least 1',
    "{retry: {count: 3}, within: 4h}": "retry and within both say how long to wait; keep one of them",
    "{retry: {count: 0}}": '"count" must be at least 1',
    "{retry: {count: 10001}}": '"count" must be at most 10000',
    "{retry: {count: 2.5}}": '"count" must be a whole number, not 2.5',
    "{retry: {count: true}}": '"count" must be a whole number, not true',
    "{retry: {delay: 10ms}}": "polls are at least 0.05 s apart",
    "{retry: {delay: -3}}": "a length of time is longer than zero",
    "{retry: {delay: soon}}": '"soon" is not a length of time; say it like 500ms, 3s, 5m, 4h or 1d',
    "{retry: {count: 10000, delay: 1h}}": "an execution waits between 0.05 s and 7 days",
    "{retry: 3}": '"retry" must be a mapping (lines of "key: value"), not 3',
    "{within: 8d}": "an execution waits between 0.05 s and 7 days",
    "{within: 1ms}": "an execution waits between 0.05 s and 7 days",
    "{need: 2}": "need is 2, but requester is one person; name more, or need fewer",
    "{by: [bob, carol], need: 3}": "need is 3, but bob, carol are 2; name more, or need fewer",
    "{by: [bob, 'text:2'], need: 2}": "need is 2, but bob is one person; name more, or need fewer",
    "{by: others, need: 0}": "need is a number from 1 to 20, or all (each of the people by name)",
    "{by: others, need: yes}": "need is a number from 1 to 20, or all",
    "{by: others, need: 21}": "need is a number from 1 to 20, or all",
    "{by: others, need: many}": "need is a number from 1 to 20, or all",
    "{by: '@sre', need: all}": "need: all cannot count @sre; name the people, or a number",
    "{by: [alice, requester], need: all}": "need: all cannot count requester; name the people, or a number",
    "{by: others, self: true}": "self is for people by name and @groups; to let whoever asked confirm, write by:",
    "{all: []}": '"all" must not be empty',
    "{all: [alice]}": "people stand under the key by: write {by: alice}",
    "{any: [[alice]]}": "people stand under the key by: write {by: [alice]}",
    "{all: [{need: 2}]}": "does not say who; write by, all or any",
    "{all: [{by: none}]}": "none is nobody; it stands alone",
    "{all: [{by: alice, within: 3m}]}": 'unknown key "within"',
    "{all: [{by: alcie}]}": 'unknown person "alcie" (did you mean "alice"?)',
    "{by: alice, all: [{by: bob}]}": "by and all both say who must answer; keep one of them",
    "{all: [{by: bob}], any: [{by: bob}]}": "all and any both say who must answer; keep one of them",
    "{all: [{by: bob}], self: true}": "self belongs to by; write it there",
    "{any: [{by: bob}, {by: carol}], need: 2}": "need belongs to by; write it there",
    "{by: bob, ask: dm}": "dm is no room; to tell people directly, write ask: {dm: true}",
    "{all: [{by: bob}, {by: bob}]}": "it could never be confirmed: one person fills one seat",
    "[{by: bob}, {by: bob}]": "it could never be confirmed: one person fills one seat",
    "{all: [{by: others, need: 20}, {by: '@sre'}]}": "it would need 21 people, at most 20 are counted; need fewer",
    f"{{all: [{', '.join([EITHER] * 7)}]}}": "it could be confirmed in 128 ways, at most 64 are tried",
    "[]": "people stand under the key by: write confirm: {by: []}",
    "[alice, {by: bob}]": "people stand under the key by: write {by: alice}",
    "[{within: 3m}]": "does not say who; write by, all or any",
    "[{by: none}]": "none is nobody; leave this stage out",
    "[{by: bob, deny: alice}]": 'unknown key "deny"',
    "{stages: [{by: bob}], within: 5m}": "within belongs to a stage; write it in each of them",
    "{stages: [{by: bob}], by: alice}": "by and stages both say who must answer; keep one of them",
    "[{by: bob, within: 4d}, {by: carol, within: 4d}]": "an execution waits between 0.05 s and 7 days",
    "{within: 5m, remind: 5m}": "remind comes before the end, and it waits only 5 min",
    "{remind: 2m}": "remind comes before the end, and it waits only 1 min",
    "{within: 5m, escalate: {after: 5m, to: bob}}": "escalate comes before the end, and it waits only 5 min",
    "{within: 5m, escalate: {after: 1m, to: others}}": "escalate calls people or @groups, and others is nobody to call",
    "{within: 5m, escalate: {after: 1m}}": '"to" is missing',
    "{reason: requried}": 'reason is none, optional, required or an RE2 expression (did you mean "required"?)',
    "{reason: OPS}": 'reason is none, optional, required or an RE2 expression; "^OPS" would look for this word',
    "{reason: '(?=x)'}": 'the pattern "(?=x)" is no RE2 expression',
    "{reason: no}": '"reason" must be text',
    "{typed: []}": '"typed" must not be empty',
    "{typed: ' '}": "a text has at least one character, on one line",
    "{typed: '{{ x'}": "the template `{{ x` fails",
    "{prompt: '{% if %}'}": "the template `{% if %}` fails",
    "{via: pager}": '"pager" is no way to answer; write chat, or a chat network',
    "{via: [slak]}": '"slak" is no way to answer (did you mean "slack"?); write chat, or a chat network',
    "{via: []}": '"via" must not be empty',
    "{ask: {}}": "ask says nowhere; write a room, or dm: true",
    "{by: others, ask: {dm: true}}": "dm reaches people by name and @groups, and others is nobody to tell",
    "{question: {type: text}}": '"text" is missing',
    "{question: {text: why, type: date}}": "\"type\" must be 'text', 'email', 'number' or 'json'",
    "{choices: standard}": '"choices" must be a mapping',
    "{choices: {}}": '"choices" must not be empty',
    "{choices: {dismiss: {deny: true}}}": "none of these choices lets anything run; add approve: {}",
    "{choices: {yes: {}}}": 'has a key that is not text; write "yes", with quotes',
    "{choices: {'Yes': {}}}": '"Yes" means something else in an answer; call the choice otherwise',
    "{choices: {'123456': {}}}": '"123456" cannot name a choice; it is one word that begins with a letter',
    "{choices: {scale down: {}}}": '"scale down" cannot name a choice',
    "{choices: {approve: {deny: true}, go: {}}}": "approve would not approve; call the choice otherwise",
    "{choices: {approve: {}, dismiss: {}}}": "dismiss would approve; write dismiss: {deny: true}",
    "{choices: {approve: {}, snooze: {}}}": "snooze would not ask again; write snooze: {after: 1h}",
    "{choices: {approve: {}, Approve: {}}}": "two choices differ only in case; call one of them otherwise",
    "{choices: {approve: {}, x: {deny: true, after: 1h}}}": "deny and after are two effects; keep one of them",
    "{choices: {approve: {}, x: {after: 8d}}}": "after is at most 7 days",
    "{choices: {approve: {}, x: {denny: true}}}": 'unknown key "denny" (did you mean "deny"?)',
    "{choices: {approve: }}": '"approve" must be a mapping',
    "{choices: default, stages: [{by: bob}, {by: carol}]}": "choices are for one stage",
    "{within: }": "within has no value; write one, or remove the key",
    "{withn: 4h}": 'unknown key "withn" (did you mean "within"?)',
}


SRE, LEADS = Seat(by=("@sre",)), Seat(by=("@leads",))


def of(*stages: Stage, deny: Quorum, **changes: Any) -> Policy:
    return Policy(stages=stages, deny=deny, **changes)


def deny(*by: str) -> Seat:
    return Seat(by=by, own=True)


LONGER_MEANINGS = {
    "{by: '@sre', need: 2}": of(Stage(quorum=AllOf(all=(SRE, SRE))), deny=deny("@sre")),
    "{by: [alice, 'text:2'], self: true}": of(
        Stage(quorum=Seat(by=("alice", "bob"), own=True)), deny=deny("alice", "bob")
    ),
    "{by: [alice, bob], need: all}": of(
        Stage(quorum=AllOf(all=(Seat(by=("alice",)), Seat(by=("bob",))))), deny=deny("alice", "bob")
    ),
    "{all: [{by: '@sre', need: 2}, {any: [{by: '@leads'}, {by: bob}]}]}": of(
        Stage(quorum=AllOf(all=(SRE, SRE, AnyOf(any=(LEADS, Seat(by=("bob",))))))), deny=deny("@sre", "@leads", "bob")
    ),
    "[{by: '@sre', within: 10s}, {by: '@leads'}]": of(
        Stage(quorum=SRE, retry_count=4, retry_delay=2.5), Stage(quorum=LEADS), deny=deny("@sre", "@leads")
    ),
    "{by: '@sre', within: 10s, remind: 2s, escalate: {after: 5s, to: '@leads'}, deny: {need: 2}}": of(
        Stage(quorum=SRE, retry_count=4, retry_delay=2.5, remind=2.0, escalate_after=5.0, escalate_to=("@leads",)),
        deny=AllOf(all=(deny("@sre", "@leads"),) * 2),
    ),
    "{reason: required, typed: [a, b, a], otp: true, via: [slack, irc], prompt: p}": a_policy(
        reason=ReasonRule.REQUIRED, typed=("a", "b"), otp=True, via=("slack", "irc"), prompt="p"
    ),
    "{reason: '^OPS-[0-9]+'}": a_policy(reason=ReasonRule.REQUIRED, patterns=("^OPS-[0-9]+",)),
    "{ask: '#ops'}": a_policy(room="#ops"),
    "{ask: {room: '#ops', dm: true}, question: why}": a_policy(room="#ops", dm=True, question=Question(text="why")),
    "{question: {text: who, type: email, required: false}}": a_policy(
        question=Question(text="who", type=QuestionType.EMAIL, required=False)
    ),
    "{choices: default}": a_policy(
        choices=(
            Choice(name="approve"),
            Choice(name="dismiss", effect=Effect.DENY),
            Choice(name="snooze", effect=Effect.SNOOZE, after=3600.0),
        )
    ),
    "{choices: {go: {caption: Do it, question: how many, sure: true}}}": a_policy(
        choices=(Choice(name="go", caption="Do it", question=Question(text="how many"), sure=True),)
    ),
}


@pytest.mark.parametrize(("text", "policy"), [*MEANINGS.items(), *LONGER_MEANINGS.items()])
def test_each_form_means_one_policy(folders, text, policy):
    """Who may deny follows from who may confirm, unless it is said."""
    folders.alias(f"{HEAD}confirm: {text}\n")
    assert folders.load(default=DEFAULT).aliases["x"].policy == policy


@pytest.mark.parametrize(("text", "message"), WRONG.items())
def test_any_other_form_is_an_error_with_its_line(folders, text, message):
    """Above all, nothing that is unclear runs without confirmation."""
    folders.alias(f"{HEAD}confirm: {text}\n")
    catalog = folders.load()
    assert not catalog.aliases
    assert str(catalog.errors[0]).startswith(f"aliases/reboot.yaml:4: {message}")


def test_the_line_is_the_one_of_the_wrong_key(folders):
    """Also deep inside."""
    folders.alias(f"{HEAD}confirm:\n  by:\n    - alice\n    - bbo\n  retry:\n    delay: 1ms\n")
    assert [str(problem) for problem in folders.load().errors] == [
        'aliases/reboot.yaml:7: unknown person "bbo" (did you mean "bob"?); name them in CONFIRM_PEOPLE',
        "aliases/reboot.yaml:9: polls are at least 0.05 s apart",
    ]


@pytest.mark.parametrize("default", [DEFAULT, None])
def test_without_the_key_the_setting_decides(folders, default):
    """What it decides is noted if nobody is asked."""
    folders.alias(HEAD)
    catalog = folders.load(default=default)
    assert catalog.aliases["x"].policy == default
    noted = [problem for problem in catalog.problems if "runs at once" in problem.message]
    assert len(noted) == (default is None)


def test_a_file_without_the_key_asks_by_itself():
    """Even where the setting is not looked at, nothing that is left out runs at once."""
    file = AliasFile.model_validate({"name": "x", "action_ref": "x", "formats": ["x"]}, context={"people": PEOPLE})
    assert file.confirm.policy() == a_policy()


@given(st.floats(0.05, 7 * 86_400))
def test_within_is_kept_to_the_letter_whatever_it_is(seconds):
    """The polls are 3 to 60 s apart where there is room for that, about a hundred, and end at that very time."""
    policy = parse_policy({"within": seconds}, PEOPLE)
    assert policy.within == pytest.approx(seconds)
    (stage,) = policy.stages
    assert stage.retry_delay <= 60.5
    assert stage.retry_delay >= 1.5 or stage.retry_count == 1
    assert 1 <= stage.retry_count <= 10_000


def test_the_setting_is_read_like_the_key():
    """It is a Python value there."""
    assert parse_policy("none", PEOPLE) is None
    assert parse_policy({"by": "bob"}, PEOPLE) == a_policy(by=("bob",), deny_by=("bob",))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (["alice"], r"CONFIRM_DEFAULT: people stand under the key by: write confirm: \{by: \[alice\]\}"),
        (None, "CONFIRM_DEFAULT: confirm is requester, none"),
        ({"by": "mallory"}, 'CONFIRM_DEFAULT: unknown person "mallory"'),
        ({"withn": 3}, r'CONFIRM_DEFAULT: unknown key "withn" \(did you mean "within"\?\)'),
        ({"retry": {"cuont": 3}}, r'CONFIRM_DEFAULT: unknown key "cuont" \(did you mean "count"\?\)'),
    ],
)
def test_a_wrong_setting_is_refused(value, message):
    """The error names the setting."""
    with pytest.raises(SettingError, match=message):
        parse_policy(value, PEOPLE)
