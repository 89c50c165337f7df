"""The key `confirm:`, in every form that it has and in the ones that it has not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import a_policy
from err_confirm.catalog import parse_policy
from err_confirm.catalog.entries import AliasFile
from err_confirm.errors import SettingError
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

WRONG = {
    "[alice, bob]": "people stand under the key by: write confirm: {by: [alice, bob]}",
    "alice": "people stand under the key by: write confirm: {by: alice}",
    "no": "confirm is requester, none (runs at once) or a mapping such as {by: others, within: 5m}",
    "": "confirm is requester, none (runs at once) or a mapping such as {by: others, within: 5m}",
    "3": "confirm is requester, none (runs at once) or a mapping such as {by: others, within: 5m}",
    "{by: []}": '"by" must not be empty',
    "{by: no}": 'item 1 of "by" must be text; YAML does not read no as text; put it in quotes',
    "{by: alcie}": 'unknown person "alcie" (did you mean "alice"?); name them in CONFIRM_PEOPLE',
    "{by: [alice, '@sre']}": 'unknown person "@sre"; name them in CONFIRM_PEOPLE',
    "{by: 'slak:U024'}": 'unknown person "slak:U024" (did you mean "slack:U024"?); name them in CONFIRM_PEOPLE',
    "{by: '@sre:x'}": 'unknown person "@sre:x"',
    "{deny: dave}": 'unknown person "dave"; name them in CONFIRM_PEOPLE',
    "{deny: [alice]}": "a list of people needs the key by: write deny: {by: [alice]}",
    "{by: same}": 'unknown person "same"; name them in CONFIRM_PEOPLE',
    "{deny: {need: 1}}": 'unknown key "need"',
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
    "{need: 2}": 'unknown key "need"',
    "{typed: x}": 'unknown key "typed"',
    "{reason: required}": 'unknown key "reason"',
    "{via: [chat]}": 'unknown key "via"',
    "{all: []}": 'unknown key "all"',
    "{withn: 4h}": 'unknown key "withn" (did you mean "within"?)',
}


@pytest.mark.parametrize(("text", "policy"), MEANINGS.items())
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
    assert policy.retry_delay <= 60.5
    assert policy.retry_delay >= 1.5 or policy.retry_count == 1
    assert 1 <= policy.retry_count <= 10_000


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
