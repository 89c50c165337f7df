"""The key `when`: what its rules mean, what they cannot say, and what of them `lint` lists."""

from typing import Any

import pytest

from err_confirm.conditions import NOTHING
from err_confirm.model.policies import AllOf, Policy, ReasonRule, Seat, Stage, Times, When

HEAD = "name: x\naction_ref: a\nformats: ['x {{env}}']\n"
ACTION = "name: a\nparameters: {env: {enum: [prod, dr, dev]}, host: {}, n: {type: integer}}\nrun: {command: [echo]}\n"
SRE = Seat(by=("@sre",))
NOBODY = Seat(by=(), own=True)


def added(*stages: Stage, deny: Seat = NOBODY, **changes: Any) -> Policy:
    return Policy(stages=stages, deny=deny, **changes)


def seat(*by: str) -> Stage:
    return Stage(quorum=Seat(by=by), retry_count=0)


PROD = {"parameters": {"env": ("prod",)}}
MEANINGS = {
    "{parameters: {env: [prod, dr]}, need: 3}": When(policy=added(), need=3, parameters={"env": ("prod", "dr")}),
    "{parameters: {env: prod}, by: '@leads'}": When(
        policy=added(seat("@leads"), deny=Seat(by=("@leads",), own=True)), **PROD
    ),
    "{room: '#prod', by: '@leads', need: 2, within: 10s}": When(
        policy=added(
            Stage(quorum=AllOf(all=(Seat(by=("@leads",)),) * 2), retry_count=4, retry_delay=2.5),
            deny=Seat(by=("@leads",), own=True),
        ),
        rooms=("#prod",),
    ),
    "{parameters: {n: 3}, within: 10s}": When(
        policy=added(Stage(quorum=NOTHING, retry_count=4, retry_delay=2.5)), parameters={"n": (3,)}
    ),
    "{hours: '22:00-06:00', days: [sun, sat], zone: Europe/Berlin, reason: required, typed: x, otp: true}": When(
        policy=added(reason=ReasonRule.REQUIRED, typed=("x",), otp=True),
        times=Times(days=(5, 6), hours=((1320, 360),), zone="Europe/Berlin"),
    ),
    "{dates: [2026-12-20 to 2027-01-02, '2027-05-01'], refuse: ask @leads}": When(
        policy=added(), refuse="ask @leads", times=Times(dates=(("2026-12-20", "2027-01-02"), ("2027-05-01",) * 2))
    ),
    "{hours: '00:00-24:00', via: slack}": When(policy=added(via=("slack",)), times=Times(hours=((0, 1440),))),
}


@pytest.mark.parametrize(("text", "rule"), MEANINGS.items())
def test_each_rule_means_what_is_added(folders, text, rule):
    """Whoever may confirm besides may also refuse."""
    folders.action(ACTION)
    folders.alias(f"{HEAD}confirm: {{by: '@sre', when: [{text}]}}\n")
    catalog = folders.load()
    assert catalog.errors == ()
    assert catalog.aliases["x"].policy.when == (rule,)


def test_who_may_refuse_is_left_as_it_is_said(folders):
    """Only `same` grows with whom a rule names."""
    folders.action(ACTION)
    folders.alias(f"{HEAD}confirm: {{by: '@sre', deny: bob, when: [{{days: sat, by: '@leads'}}]}}\n")
    (rule,) = folders.load().aliases["x"].policy.when
    assert rule.policy.deny == NOBODY


def test_a_policy_without_anybody_waits_as_it_says_itself(folders):
    """Or shorter, if a rule says so."""
    folders.action(ACTION)
    rules = "[{days: sat, by: bob}, {days: sun, by: bob, within: 3s}]"
    folders.alias(f"{HEAD}confirm: {{by: none, within: 10s, when: {rules}}}\n")
    policy = folders.load().aliases["x"].policy
    assert policy.stages == ()
    assert [rule.policy.stages[0].within for rule in policy.when] == [10.0, 3.0]


WRONG = {
    "{need: 2}": "does not say when; write one of parameters, room, hours, days, dates",
    "{loosen: true, by: requester}": "does not say when",
    "{days: sat}": "asks for nothing; write what is needed then, such as need: 2, or refuse with a reason",
    "{days: sat, loosen: true}": "asks for nothing",
    "{days: sat, loosen: true, otp: true}": "loosen: true does not say who confirms then; write by",
    "{days: sat, by: none}": "by: none asks for less; say loosen: true, if it is meant so",
    "{days: sat, need: all}": "need: all is for people by name; write by, or a number",
    "{days: sat, prompt: x}": "prompt adds nothing to a policy; say it there, or with loosen: true",
    "{days: sat, stages: [{by: bob}]}": "stages adds nothing to a policy",
    "{days: sat, deny: bob}": "deny adds nothing to a policy",
    "{days: sat, choices: default}": "choices adds nothing to a policy",
    "{days: sat, refuse: no work, need: 2}": "refuse stands alone",
    "{days: sat, refuse: no work, loosen: true}": "refuse stands alone",
    "{days: sat, refuse: ''}": "a text has at least one character, on one line",
    "{days: saturday, need: 2}": '"saturday" is no day of the week; write mon, tue',
    "{days: [], need: 2}": '"days" must not be empty',
    "{hours: 22-6, need: 2}": '"22-6" is no part of a day; write it like 22:00-06:00',
    "{hours: '22:00-22:00', need: 2}": '"22:00-22:00" is no part of a day',
    "{hours: '22:00-25:00', need: 2}": '"22:00-25:00" is no part of a day',
    "{dates: 24.12., need: 2}": '"24.12." is no day or days; write it like 2026-12-24, or 2026-12-20 to 2027-01-02',
    "{dates: '2026-02-30', need: 2}": '"2026-02-30" is no day or days',
    "{dates: 2027-01-02 to 2026-12-20, need: 2}": '"2027-01-02 to 2026-12-20" is no day or days',
    "{dates: 2026-12-24, need: 2}": '2026-12-24 means a date in YAML; write "2026-12-24", with quotes',
    "{days: sat, zone: Europe/Berln, need: 2}": 'unknown time zone "Europe/Berln" (did you mean "Europe/Berlin"?)',
    "{days: sat, zone: ../etc/passwd, need: 2}": 'unknown time zone "../etc/passwd"',
    "{room: '#ops', zone: Europe/Berlin, need: 2}": "zone is for hours, days and dates",
    "{parameters: {}, need: 2}": '"parameters" must not be empty',
    "{parameters: {env: }, need: 2}": "each parameter has one value or a list of values",
    "{parameters: {env: {a: b}}, need: 2}": '"env" must be a list',
    "{parameters: {evn: prod}, need: 2}": 'unknown parameter "evn" (did you mean "env"?)',
    "{parameters: {env: prdo}, need: 2}": '"env" must be one of prod, dr, dev',
    "{parameters: {n: '3'}, need: 2}": '"n" must be a whole number',
    "{days: sat, typed: '{{ evn }}'}": 'unknown parameter "evn" (did you mean "env"?)',
    "{days: sat, when: []}": 'unknown key "when"',
    "{days: sat, by: alcie}": 'unknown person "alcie"',
    "{days: sat, by: '@sre', need: 20}": "it would need 21 people",
    "{days: sat, need: 2, by: requester}": "need is 2, but requester is one person",
    "{days: sat, loosen: true, by: bob, within: 5m, remind: 6m}": "remind comes before the end",
    "[]": "must be a mapping",
}


@pytest.mark.parametrize(("text", "message"), WRONG.items())
def test_any_other_rule_is_an_error_with_its_line(folders, text, message):
    """A rule that never holds would be a policy that looks stricter than it is."""
    folders.action(ACTION)
    folders.alias(f"{HEAD}confirm:\n  by: '@sre'\n  when:\n    - {text}\n")
    catalog = folders.load()
    assert not catalog.aliases
    said = str(catalog.errors[0])
    assert message in said
    assert said.startswith(
        ("aliases/reboot.yaml:7:", "aliases/reboot.yaml:4: item 1 of when: ", "aliases/reboot.yaml:4: it would")
    )


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("{by: bob, when: [{days: sat, by: bob}]}", "item 1 of when: it could never be confirmed"),
        ("{by: bob, when: [{days: sat, need: 2}]}", "item 1 of when: it could never be confirmed"),
        (
            "{by: none, when: [{days: sat, otp: true}]}",
            "item 1 of when: nobody confirms here, so there is nothing to add",
        ),
        ("{via: slack, when: [{days: sat, via: irc}]}", "item 1 of when: no answer comes both from slack and irc"),
        ("{by: bob, ask: {dm: true}, when: [{days: sat, by: others}]}", "item 1 of when: dm reaches people by name"),
    ],
)
def test_a_rule_that_nobody_could_meet_is_an_error(folders, policy, message):
    """It is found when the file is read, and not in the night in which it matters."""
    (said,) = folders.problems(f"{HEAD}confirm: {policy}\n")[:1]
    assert said.startswith(f"aliases/reboot.yaml:4: {message}")


def test_what_is_easier_than_it_looks_is_listed(folders):
    """A rule that loosens, a policy without anybody, and what is said or done another way."""
    folders.action(ACTION)
    problems = folders.problems(
        f"""{HEAD}confirm:
  by: none
  when:
    - {{parameters: {{host: db1}}, by: "@leads"}}
    - {{room: "#prod", by: bob}}
    - room: "#sandbox"
      by: requester
      loosen: true
"""
    )
    assert problems == [
        'aliases/reboot.yaml:5: "x" runs at once, without confirmation, but where a rule of when holds',
        'aliases/reboot.yaml:7: "host" has no enum: another way to say db1 avoids this, if what runs knows one',
        "aliases/reboot.yaml:8: this rule is avoided by asking elsewhere",
        "aliases/reboot.yaml:11: loosened: in #sandbox: whoever asked is enough",
    ]


GUARD = "commands: ['Deploy:deploy']\n"


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (
            "{when: [{parameters: {env: prod}, need: 2, by: '@sre'}]}",
            "there are no parameters here; a rule can be about room",
        ),
        ("{typed: '{{ env }}'}", 'unknown parameter "env"; there are no parameters here'),
        ("{prompt: '{{ env }}'}", 'unknown parameter "env"; there are no parameters here'),
        ("{choices: {go: {run: a}}}", "there are no parameters here with which another action could run; remove it"),
    ],
)
def test_a_guard_has_no_parameters(folders, policy, message):
    """What is wrong with it makes it refuse what it covers."""
    folders.action(ACTION)
    folders.alias(f"{GUARD}confirm: {policy}\n")
    catalog = folders.load()
    assert str(catalog.errors[0]).startswith(f"aliases/reboot.yaml:2: {message}")
    assert catalog.guards["reboot"].error


def test_a_guard_can_have_rules_about_time_and_room(folders):
    """Those that loosen are listed."""
    folders.alias(f"{GUARD}confirm:\n  by: bob\n  when:\n    - {{days: sat, by: requester, loosen: true}}\n")
    catalog = folders.load()
    assert len(catalog.guards["reboot"].policy.when) == 1
    assert "aliases/reboot.yaml:5: loosened: on Sat UTC: whoever asked is enough" in map(str, catalog.problems)


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ("b", None),
        ("bb", 'unknown action "bb" (did you mean "b"?)'),
        ("other", '"other" has no parameter "env", which this alias gives'),
        ("more", 'no format gives "count", which "more" needs'),
    ],
)
def test_a_choice_runs_an_action_that_takes_the_same_parameters(folders, run, message):
    """As for `action_ref`."""
    folders.action(ACTION)
    folders.action("name: b\nparameters: {env: {}}\nrun: {command: [echo]}\n", "b.yaml")
    folders.action("name: other\nparameters: {count: {}}\nrun: {command: [echo]}\n", "other.yaml")
    folders.action("name: more\nparameters: {env: {}, count: {required: true}}\nrun: {command: [echo]}\n", "more.yaml")
    problems = folders.problems(f"{HEAD}confirm:\n  choices:\n    approve: {{}}\n    scale:\n      run: {run}\n")
    assert problems == ([f"aliases/reboot.yaml:8: {message}"] if message else [])


@pytest.mark.parametrize(
    ("own", "other", "key"),
    [
        ("", "lock: '{{ env }}'", "lock"),
        ("", "preview: {command: [echo]}", "preview"),
        ("", "targets: '{{ [env] }}'", "targets"),
        ("", "output: json", "output"),
        ("on_lost: retry", "", "on_lost"),
        ("lock: '{{ env }}'", "lock: '{{ env }}'", ""),
        ("lock: '{{ env }}'", "on_lost: retry", ""),
    ],
)
def test_a_choice_runs_nothing_that_must_run_otherwise_than_the_aliass_own_action(folders, own, other, key):
    """Nobody would see its dry run or keep to its lock, and what does harm the second time would be started again."""
    folders.action(f"{ACTION}{own}\n")
    folders.action(f"name: b\nparameters: {{env: {{}}}}\nrun: {{python: 'b:run'}}\n{other}\n", "b.yaml")
    folders.alias(f"{HEAD}confirm:\n  choices:\n    approve: {{}}\n    scale:\n      run: b\n")
    errors = [str(error) for error in folders.load().errors]
    held = [error.partition(":8: ")[2].partition(" would not hold")[0] for error in errors]
    assert held == ([f'"{key}" of "b"'] if key else [])
