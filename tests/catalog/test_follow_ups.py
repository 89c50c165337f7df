"""What may follow an alias, and what is said where that could not be asked for, or would never end."""

import pytest

from err_confirm.model.runs import FollowUp

HEAD = "formats: ['x {{host}} {{id=1}}']\nrun: {command: [echo, '{{host}}']}\n"
CHILD = """\
name: child
formats: [{display: only afterwards}]
parameters: {host: {required: true}, n: {type: integer, max: 9}, fixed: {}, path: {}}
run: {command: [echo, '{{host}}']}
immutable_parameters: {fixed: x}
"""
BARE = "name: bare\nformats: [bare]\nrun: {command: [date]}\n"
OFF = "name: resting\nformats: [{display: only afterwards}]\nenabled: false\nrun: {command: [date]}\n"
NEEDY = """\
name: needy
formats: [{display: only afterwards}]
parameters: {path: {required: true}}
run: {command: [echo, '{{path}}']}
"""
CHOICES = (
    "confirm: {choices: {approve: {}, half: {}, later: {after: 1h}}, "
    "when: [{days: mon, loosen: true, by: bob, choices: {approve: {}, two: {}}}]}\n"
)


@pytest.fixture
def problems(folders):
    """Return what is wrong with an alias `a`, beside which there are some others."""

    def check(text: str) -> list[str]:
        for other in (CHILD, BARE, OFF, NEEDY):
            folders.alias(other, f"{other.split()[1]}.yaml")
        folders.alias("name: a\n" + HEAD + text, "a.yaml")
        catalog = folders.load()
        return [str(problem).removeprefix("aliases/a.yaml:") for problem in (*catalog.errors, *catalog.warnings)]

    return check


@pytest.mark.parametrize(
    "text",
    [
        "then: child\nelse: {alias: bare}\nfinally: bare\n",
        "then: {alias: child, parameters: {host: web1, n: 3, path: '{{ result.value.path }}'}}\n",
        "on: {failed: bare, aborted: bare, lost: bare, denied: bare, expired: bare, canceled: bare}\n",
        "'on': {failed: {alias: child, parameters: {host: '{{ parameters.id }}-{{ answers }}{{ reason }}'}}}\n",
        f"{CHOICES}on: {{half: bare, two: bare, approve: bare}}\n",
    ],
)
def test_another_alias_that_takes_what_it_is_given_may_follow(problems, text):
    assert problems(text) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("then: chidl\n", '4: there is no alias "chidl" (did you mean "child"?)'),
        ("then: resting\n", '4: the alias "resting" is switched off, so nothing will follow'),
        ("else: needy\n", '4: "needy" needs "path", which is not given to it'),
        ("else:\n  alias: child\n  parameters: {n: 1}\n", '4: "child" needs "host", which is not given to it'),
        (
            "then:\n  alias: child\n  parameters:\n    hsot: x\n",
            '7: unknown parameter "hsot" of "child" (did you mean "host"?)',
        ),
        ("then:\n  alias: child\n  parameters:\n    fixed: x\n", '7: "fixed" is fixed by "child"; leave it out'),
        ("then:\n  alias: child\n  parameters: {host: x, n: 12}\n", '6: "n" must be at most 9'),
        ("then:\n  alias: child\n  parameters: {host: -x}\n", '6: "host" must not start with "-"'),
        ("then:\n  alias: child\n  parameters: {host: null}\n", '6: "host" has no value'),
        (
            "then:\n  alias: child\n  parameters: {host: '{{ hots }}'}\n",
            '6: unknown parameter "hots" (did you mean "host"?)',
        ),
        ("then:\n  alias: child\n  parameters: {host: '{{ hots'}\n", "6: the template `{{ hots` fails: "),
        (
            "then:\n  alias: child\n  parameters: {host: '{{ id }}'}\n",
            '6: "id" is a parameter, too, and means the other here; say parameters.id',
        ),
        ("on:\n  fialed: bare\n", '5: "fialed" is neither an end nor a choice of this alias (did you mean "failed"?)'),
        (
            "on:\n  xyzzy: bare\n",
            '5: "xyzzy" is neither an end nor a choice of this alias; there are failed, aborted, ',
        ),
        ("on:\n  succeeded: bare\n", '5: "succeeded" is none of the keys of on: say then'),
        ("on:\n  finally: bare\n", '5: "finally" is none of the keys of on: it is a key beside on'),
        (f"{CHOICES}on: {{later: bare}}\n", '5: "later" only asks again later, which ends nothing; remove it'),
        (
            "confirm: {choices: {lost: {}}}\nthen: bare\n",
            '4: the choice "lost" is called like an end; call it otherwise',
        ),
        ("then: [bare]\n", '4: "then" must be '),
        ("then: {alias: bare, whit: {}}\n", '4: unknown key "whit"'),
    ],
)
def test_any_other_follow_up_is_said_with_its_line(problems, text, message):
    assert [each for each in problems(text) if each.startswith(message)] != [], problems(text)


def test_what_would_never_end_is_an_error_that_names_the_circle(folders):
    """Whichever way it goes, and each of them once."""
    following = {
        "a": "then: b",
        "b": "else: c",
        "c": "on: {denied: a}\nfinally: d",
        "d": "then: e",
        "e": "",
        "f": "then: f",
    }
    for name, text in following.items():
        folders.alias(f"name: {name}\nformats: [{name}]\nrun: {{command: [date]}}\n{text}\n", f"{name}.yaml")
    assert [str(problem) for problem in folders.load().errors] == [
        "aliases/a.yaml:4: would never end: a → b → c → a; leave one of them out",
        "aliases/b.yaml:4: would never end: b → c → a → b; leave one of them out",
        "aliases/c.yaml:4: would never end: c → a → b → c; leave one of them out",
        "aliases/f.yaml:4: would never end: f → f; leave one of them out",
    ]


@pytest.mark.parametrize("key", ["on", "'on'", '"on"'])
def test_on_is_a_key_with_quotes_and_without(folders, key):
    """YAML 1.1 takes it for a switch."""
    folders.alias(BARE, "bare.yaml")
    folders.alias(f"name: a\n{HEAD}{key}: {{lost: bare}}\n", "a.yaml")
    assert folders.load().aliases["a"].follow == {"lost": FollowUp(alias="bare")}
