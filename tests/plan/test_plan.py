"""What a text would start is made once: what runs, what runs instead, what must be typed, and under which policy."""

from pathlib import Path
from typing import Any

import pytest

from builders import a_policy
from err_confirm.catalog import Catalog, load
from err_confirm.catalog.changes import changes
from err_confirm.conditions import Situation
from err_confirm.errors import ActionMissingError, ParameterError, RefusedError, TemplateError, TextError
from err_confirm.model.executions import Plan
from err_confirm.model.policies import AllOf, Seat, Times, When
from err_confirm.model.runs import Invocation, bound
from err_confirm.people import People
from err_confirm.plan import decided, plan
from err_confirm.plan.index import Index

NOON, NIGHT = 1_795_262_400.0, 1_795_302_000.0
"""12:00 and 23:00 UTC on 21 November 2026."""
FLUSH = """
name: flush
formats: ["flush {{queue}} {{mode=soft}}", "flush everything in {{hosts}}"]
immutable_parameters: {site: eu}
action_ref: flush
confirm:
"""
ACTION = """
name: flush
parameters:
  queue: {default: mails}
  mode: {enum: [soft, hard], default: soft}
  hosts: {type: array}
  site: {}
  depth: {type: integer, default: 3}
run: {command: [flush, "{{ queue }}", "{{ mode }}", "{{ depth }}"]}
"""
SCALE = """
name: scale
parameters:
  queue: {}
  mode: {}
  hosts: {type: array}
  site: {}
  depth: {type: integer, default: 4, max: 5}
run: {command: [scale, "{{ queue }}", "{{ site }}", "{{ depth }}"]}
"""


class Files:
    """Alias and action files, and what a text would start with them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in ("aliases", "actions"):
            (folder / name).mkdir()
        self.write("actions/flush.yaml", ACTION)
        self.write("actions/scale.yaml", SCALE)

    def write(self, name: str, text: str) -> None:
        (self._folder / name).write_text(text)

    def policy(self, text: str) -> Catalog:
        self.write("aliases/flush.yaml", f"{FLUSH}  {text}\n")
        catalog = self.load()
        assert catalog.errors == ()
        return catalog

    def load(self) -> Catalog:
        folder = self._folder
        return load([folder / "aliases"], [folder / "actions"], people=People(None), default=a_policy(), shipped=None)


def planned(catalog: Catalog, text: str = "flush mails", room: str = "#ops", at: float = NOON) -> Plan:
    (match,) = Index(catalog.aliases.values()).matches(text)
    return plan(catalog, match, room=room, at=at)


def argv(invocation: Invocation) -> Any:
    return invocation.spec["argv"]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_what_must_be_typed_is_made_of_the_parameters(files):
    """Each text once, also where two templates give the same."""
    catalog = files.policy("{typed: ['{{ queue }}', ' {{ queue }}', 'really {{ mode }}']}")
    assert planned(catalog).policy.typed == ("mails", "really soft")


@pytest.mark.parametrize(
    "template", ["{{ hosts }}", "{{ hosts | join }}", "{% if false %}x{% endif %}", "{{ 'a\\\\nb' }}"]
)
def test_what_could_not_be_typed_refuses_the_request(files, template):
    """A parameter that is missing, nothing at all, or several lines."""
    catalog = files.policy(f'{{typed: "{template}"}}')
    with pytest.raises(TemplateError):
        planned(catalog)


def test_what_must_be_typed_is_no_template_of_what_was_said(files):
    """A value from chat is data."""
    files.write("actions/flush.yaml", ACTION.replace("queue: {default: mails}", "queue: {free: true}"))
    catalog = files.policy("{typed: '{{ queue }}'}")
    assert planned(catalog, "flush '{{ site }}'").policy.typed == ("{{ site }}",)


def test_what_runs_instead_has_the_same_parameters(files):
    """Those that were typed, the fixed ones, and the defaults that are shown: not those of the other action."""
    catalog = files.policy("{choices: {approve: {}, more: {run: scale}}}")
    made = planned(catalog)
    assert argv(made.invocation) == ["flush", "mails", "soft", "3"]
    assert {name: argv(other) for name, other in made.others.items()} == {"more": ["scale", "mails", "eu", "3"]}
    assert bound(made.invocation, made.others) != made.invocation.digest


def test_what_runs_instead_takes_only_what_it_declares(files):
    """Its own rules count for it, too: nothing at all is asked for then."""
    catalog = files.policy("{choices: {approve: {}, more: {run: scale}}}")
    with pytest.raises(ParameterError, match='"depth" must be at most 5'):
        planned(catalog, "flush mails depth=7")


def test_what_runs_instead_must_be_there(files):
    """Also if its file has gone since the policy was read."""
    catalog = files.policy("{choices: {approve: {}, more: {run: scale}}}")
    gone = Catalog(catalog.aliases, catalog.guards, {"flush": catalog.actions["flush"]}, ())
    with pytest.raises(ActionMissingError, match="scale"):
        planned(gone)


def test_the_policy_is_decided_by_parameters_room_and_time(files):
    """It has no rules any more, and says why it is as it is."""
    catalog = files.policy(
        "{by: others, when: [{parameters: {mode: hard}, need: 2}, {room: '#prod', otp: true},"
        " {hours: '22:00-06:00', by: bob}]}"
    )
    others, bob = Seat(by=("others",)), Seat(by=("bob",))
    assert planned(catalog).policy == a_policy(by=("others",), deny_by=("others",))
    hard = planned(catalog, "flush mails hard").policy
    assert (hard.stages[0].quorum, hard.because) == (AllOf(all=(others, others)), ("mode is hard: at least 2",))
    assert planned(catalog, room="#prod").policy.otp
    assert planned(catalog, at=NIGHT).policy.stages[0].quorum == AllOf(all=(others, bob))


def test_without_a_room_and_a_time_the_policy_is_the_strictest(files):
    """Whoever does not say where and when gains nothing."""
    catalog = files.policy("{by: others, when: [{room: '#prod', otp: true}, {hours: '22:00-06:00', by: bob}]}")
    (match,) = Index(catalog.aliases.values()).matches("flush mails")
    policy = plan(catalog, match).policy
    assert policy.otp
    assert policy.stages[0].quorum == AllOf(all=(Seat(by=("others",)), Seat(by=("bob",))))


def test_nobody_has_to_where_no_rule_holds(files):
    """Then it runs at once."""
    catalog = files.policy("{by: none, when: [{parameters: {mode: hard}, by: bob}]}")
    assert planned(catalog).policy is None
    assert planned(catalog, "flush mails hard").policy is not None


@pytest.mark.parametrize(
    ("base", "rule", "seconds"),
    [("", "", 60), ("", ", within: 5m", 300), (", within: 10m", "", 600), (", within: 2m", ", within: 5m", 120)],
)
def test_where_nobody_else_has_to_a_rule_says_for_how_long_it_waits(files, base, rule, seconds):
    """What nobody has said is no shorter time."""
    catalog = files.policy(f"{{by: none{base}, when: [{{parameters: {{mode: hard}}, by: bob{rule}}}]}}")
    assert planned(catalog, "flush mails hard").policy.within == seconds


def test_what_is_refused_starts_nothing(files):
    """The reason is the policy's own, and fit for chat."""
    catalog = files.policy("{when: [{hours: '22:00-06:00', refuse: 'not at night; ask @leads'}]}")
    with pytest.raises(RefusedError, match="not at night; ask @leads") as refused:
        planned(catalog, at=NIGHT)
    assert isinstance(refused.value, TextError)
    assert [freeze.reason for freeze in planned(catalog).policy.freezes] == ["not at night; ask @leads"]


def test_a_policy_without_parameters_is_decided_by_its_room_and_time():
    """That of a guard."""
    rule = When(policy=a_policy(("bob",), retry_count=0), times=Times(hours=((1320, 360),)))
    refused = When(policy=a_policy(), rooms=("#prod",), refuse="not here")
    policy = a_policy(by=("others",), when=(rule, refused), typed=("really",))
    by_day = decided(policy, Situation(parameters={}, room="#ops", at=NOON))
    assert by_day == a_policy(by=("others",), typed=("really",))
    by_night = decided(policy, Situation(parameters={}, room="#ops", at=NIGHT))
    assert by_night.stages[0].quorum == AllOf(all=(Seat(by=("others",)), Seat(by=("bob",))))
    with pytest.raises(RefusedError, match="not here"):
        decided(policy, Situation(parameters={}, room="#prod", at=NOON))


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("{by: bob}", ["bob within 1 min", "bob within 1 min; what differs: typed"]),
        ("{by: carol, typed: x}", ["carol within 1 min", "bob within 1 min"]),
        ("none", ["none", "bob within 1 min"]),
        ("{by: none, when: [{days: mon, by: bob}]}", ["nobody but for 1 rule", "bob within 1 min"]),
        (
            "{by: bob, typed: x, when: [{days: mon, need: 1}]}",
            ["bob within 1 min", "bob within 1 min; what differs: when"],
        ),
    ],
)
def test_the_journal_keeps_each_change_of_a_policy(files, policy, said):
    """Whatever key it is: if it reads the same in words, what differs is named."""
    before = files.policy(policy)
    after = files.policy("{by: bob, typed: x}")
    assert changes(before, after) == {"aliases": {"changed": ["flush"], "policies": {"flush": said}}}
