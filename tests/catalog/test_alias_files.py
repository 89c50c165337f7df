"""What an alias file may say, and what is said about one that says something else."""

from pathlib import Path

import pytest

from builders import a_policy
from err_confirm.catalog import Severity
from err_confirm.catalog.entries import ActionFile, AliasFile
from err_confirm.model.files import Format, Reply, Source
from err_confirm.runners import RUNNERS

HEAD = "name: reboot\nformats: ['reboot {{host}}']\n"
RUN = "run: {command: [echo, '{{host}}']}\n"

STACKSTORM = """\
---
name: "uptime"
pack: "linux"
description: "Ask a host for how long it has been up."
enabled: true
action_ref: "linux.uptime"
formats:
  - "uptime {{host}}"
  - display: "how long is <host> up"
    representation:
      - "how long is {{ host }} up( now)?"
      - "since when is {{ host }} up"
    match_multiple: false
  - display: "only help"
ack:
  enabled: yes
  format: "Asking {{ execution.parameters.host }}."
  append_url: false
  extra: {slack: {color: good}}
result:
  format: |
    {% if execution.status == 'succeeded' %}
    {{ execution.result.stdout }}{~}took {{ execution.elapsed_seconds }} s
    {% else %}
    {% for key, value in execution.result.items() %}{{ key }}: {{ value | to_yaml_string }}{% endfor %}
    {% endif %}
  extra: {slack: {color: "{% if execution.status == 'succeeded' %}good{% else %}danger{% endif %}"}}
extra: {anything: [goes, {here: 1}]}
immutable_parameters: {user: root}
metadata_file: aliases/uptime.yaml
"""

WRONG = {
    # keys
    HEAD + RUN + "fromats: [x]": '4: unknown key "fromats" (did you mean "formats"?)',
    HEAD + RUN + "ack:\n  formt: hi": '5: unknown key "formt" (did you mean "format"?)',
    HEAD + RUN + "xyzzy: 1": '4: unknown key "xyzzy"',
    "name: x\nrun: {command: [a]}\nformats:\n - display: x\n   dispay: y": (
        '5: unknown key "dispay" (did you mean "display"?)'
    ),
    HEAD + RUN + "parameters:\n  host:\n    typ: string": '6: unknown key "typ" (did you mean "type"?)',
    "formats: [x]\n" + RUN: '1: "name" is missing',
    "name: x\n" + RUN: '1: "formats" is missing',
    HEAD: "1: starts nothing; give it action_ref (an action's name) or run (an action of its own)",
    HEAD + RUN + "action_ref: x": "1: has both action_ref and run; keep one of them",
    HEAD + "action_ref: x\nparameters: {host: {}}": (
        '1: "parameters" belong to an action: move them to its file, or write run here'
    ),
    # types
    HEAD + RUN + "enabled: maybe": '4: "enabled" must be true or false, not "maybe"',
    HEAD + RUN + "enabled: 1": '4: "enabled" must be true or false, not 1',
    HEAD + RUN + "ack: hello": '4: "ack" must be a mapping (lines of "key: value"), not "hello"',
    HEAD + RUN + "description: no": '4: "description" must be text; YAML does not read no as text; put it in quotes',
    HEAD + RUN + "result:\n  format: 12": ('5: "format" must be text; YAML does not read 12 as text; put it in quotes'),
    "name: ''\nformats: [x]\n" + RUN: "1: a name has at least one character, on one line",
    "name: x\nformats: []\n" + RUN: '2: "formats" must not be empty',
    "name: x\nformats: [1]\n" + RUN: '2: item 1 of "formats" must be a mapping (lines of "key: value"), not 1',
    "name: x\nformats: [{representation: [a, no]}]\n" + RUN: (
        '2: item 2 of "representation" must be text; YAML does not read no as text; put it in quotes'
    ),
    # formats
    "name: x\nformats:\n - fine\n - 'broken ('\n" + RUN: "4: ",
    # templates
    HEAD + "run: {command: [echo, '{{ host | version_bump_major }}']}": (
        '3: the template `{{ host | version_bump_major }}` fails: there is no filter "version_bump_major"'
    ),
    HEAD + RUN + "immutable_parameters: {x: '{{ host | decrypt_kv }}'}": (
        '4: the template `{{ host | decrypt_kv }}` fails: there is no filter "decrypt_kv"'
    ),
    HEAD + RUN + "confirm: {typed: '{{ host is newer }}', within: 5m}": "4: ",
    HEAD + RUN + "confirm: {prompt: '{{ host | decrypt_kv }}', within: 5m}": "4: ",
    HEAD + "run: {command: [echo, '{% if %}']}": "3: the template `{% if %}` fails: ",
    HEAD + "run: {command: [echo, '{{ hsot }}']}": '3: unknown parameter "hsot" (did you mean "host"?)',
    # parameters and run
    HEAD + RUN + "parameters:\n  hsot: {}": '3: unknown parameter "host" (did you mean "hsot"?)',
    HEAD + RUN + "parameters:\n  host: {type: strin}": "5: \"type\" must be 'string', 'integer'",
    HEAD + RUN + "parameters:\n  9host: {}": '5: "9host" cannot name a parameter; use letters, digits and _',
    HEAD + RUN + "parameters:\n  host: {enum: [on, off]}": (
        '5: the enum of "host" must be text; YAML does not read on as text; put it in quotes'
    ),
    HEAD + RUN + "parameters:\n  host: {default: 5}": (
        '5: the default of "host" must be text; YAML does not read 5 as text; put it in quotes'
    ),
    HEAD + RUN + "parameters:\n  host: {enum: [a, b], default: c}": '5: the default of "host" must be one of a, b',
    HEAD + RUN + "parameters:\n  host: {type: integer, max: 3, default: 4}": (
        '5: the default of "host" must be at most 3'
    ),
    HEAD + RUN + "parameters:\n  host: {pattern: '('}": '5: the pattern "(" is no RE2 expression: ',
    HEAD + RUN + "parameters:\n  host: {min: 3}": (
        '5: "min" means nothing for the type string, only for integer or number; remove it'
    ),
    HEAD + RUN + "parameters:\n  host: {max_length: 0}": '5: "max_length" must be at least 1',
    HEAD + "run: {comand: [x]}": f'3: "run" has exactly one of the keys {", ".join(RUNNERS)} (did you mean "command"?)',
    HEAD + "run: {command: [x], python: 'a:b'}": '3: "run" has exactly one of the keys command, python',
    HEAD + "run:\n  command: [x]\n  timout: 5s": '5: unknown key "timout" (did you mean "timeout"?)',
    HEAD + "run:\n  command: [x]\n  timeout: 25h": '5: "timeout" must be at most 1d',
    HEAD + "run:\n  command: [x]\n  output_cap: 2MiB": '5: "output_cap" must be at least 1 and at most 1MiB',
    HEAD + "run:\n  command: echo": '4: "command" must be a list ([a, b], or lines of "- a"), not "echo"',
}


@pytest.mark.parametrize(("text", "message"), WRONG.items())
def test_a_wrong_file_is_left_out_and_said_with_its_line(folders, text, message):
    """The sentence names the key, what would be right, and the nearest word that is known."""
    folders.alias(text)
    catalog = folders.load()
    assert not catalog.aliases
    assert any(str(problem).startswith(f"aliases/reboot.yaml:{message}") for problem in catalog.errors), catalog.errors


@pytest.mark.parametrize(
    ("formats", "line", "word"),
    [("\n - 'confirm {{ id }}'", 3, "confirm"), (" [{representation: [a, 'DENY it']}]", 2, "deny")],
)
def test_an_alias_that_would_hide_our_own_command_is_left_out_with_a_warning(folders, formats, line, word):
    """A warning, so that a pack that brings one (as the idea's origin does) can be used for the rest of it."""
    folders.alias(f"name: x\nformats:{formats}\naction_ref: y\n")
    catalog = folders.load()
    assert (dict(catalog.aliases), catalog.errors) == ({}, ())
    (warning,) = catalog.warnings
    assert str(warning).startswith(f'aliases/reboot.yaml:{line}: "{word}" is our own command and always wins')


@pytest.mark.parametrize("text", WRONG)
def test_no_message_speaks_like_the_library_that_checks(folders, text):
    """A person who writes YAML need not know what it is checked with."""
    jargon = ("pydantic", "Input", "validat", "dict", "_type", "jinja", "re2.", "Error")
    for problem in folders.problems(text):
        assert not any(word in problem for word in jargon)


def test_several_mistakes_are_all_said_at_once(folders):
    """In the order of the lines."""
    assert folders.problems("name: x\nenabled: maybe\nformats: [x]\nfoo: 1\naction_ref: 3\n") == [
        'aliases/reboot.yaml:2: "enabled" must be true or false, not "maybe"',
        'aliases/reboot.yaml:4: unknown key "foo"',
        'aliases/reboot.yaml:5: "action_ref" must be text; YAML does not read 3 as text; put it in quotes',
    ]


def test_a_stackstorm_alias_loads_unchanged(folders):
    """Keys that mean nothing here are accepted."""
    folders.alias(STACKSTORM, "uptime.yaml")
    catalog = folders.load()
    assert [str(problem) for problem in catalog.problems] == [
        'aliases/uptime.yaml:6: alias "uptime" starts the action "linux.uptime", '
        "which has no file here that can be used"
    ]
    alias = catalog.aliases["uptime"]
    assert alias.formats == (
        Format(display="uptime {{host}}", representations=("uptime {{host}}",)),
        Format(
            display="how long is <host> up",
            representations=("how long is {{ host }} up( now)?", "since when is {{ host }} up"),
        ),
        Format(display="only help"),
    )
    assert (alias.pack, alias.action_ref, alias.policy) == ("linux", "linux.uptime", a_policy())
    assert alias.ack == Reply(format="Asking {{ execution.parameters.host }}.", extra={"slack": {"color": "good"}})
    assert alias.immutable_parameters == {"user": "root"}
    assert alias.extra == {"anything": ["goes", {"here": 1}]}
    assert alias.source == Source(Path("aliases/uptime.yaml"), 2)


@pytest.mark.parametrize("action", [RUN, "action_ref: other\n"])
@pytest.mark.parametrize(
    ("words", "warning"),
    [
        (
            "ack:\n  format: '{{ hello'",
            "5: the template `{{ hello` fails: unexpected end of template, expected 'end of print statement'.; "
            "that is said instead",
        ),
        (
            "result:\n  format: |\n    it is\n    {{ execution.result | jsonpath_query('a') }}",
            "5: the template `it is {{ execution.result | jsonpath_query('a') }}` fails: "
            'there is no filter "jsonpath_query" in its line 2; the result is shown as it is',
        ),
        (
            "result:\n  extra:\n    slack: {text: '{% if host is version_ok %}{% endif %}'}",
            '6: the template `{% if host is version_ok %}{% endif %}` fails: there is no test "version_ok"; '
            "the result is shown as it is",
        ),
        (
            "result: {format: '{% macro m() %}{% endmacro %}'}",
            '4: the template `{% macro m() %}{% endmacro %}` fails: templates here have no "macro"; '
            "the result is shown as it is",
        ),
    ],
)
def test_an_alias_whose_words_use_what_is_not_known_here_is_usable_with_a_warning(folders, words, warning, action):
    """They are no part of what runs. A warning, so that packs with filters of StackStorm's can be used."""
    folders.action("name: other\nparameters: {host: {}}\n" + RUN)
    folders.alias(HEAD + action + words)
    catalog = folders.load()
    assert list(catalog.aliases) == ["reboot"]
    assert f"aliases/reboot.yaml:{warning}" in map(str, catalog.warnings)


def test_one_text_as_representation_is_one_representation(folders):
    """As in StackStorm, where some packs write it so."""
    folders.alias("name: x\naction_ref: x\nformats: [{representation: 'say hello', match_multiple: true}]\n")
    assert folders.load().aliases["x"].formats == (Format(representations=("say hello",), match_multiple=True),)


def test_an_alias_with_run_brings_an_action_of_its_own_name(folders):
    """Without `parameters`, the words of its formats are the parameters; it runs in the folder above `aliases/`."""
    folders.alias(HEAD + "pack: ops\n" + RUN)
    catalog = folders.load()
    action = catalog.action(catalog.aliases["reboot"])
    assert action is catalog.actions["reboot"]
    assert (action.name, action.pack, action.runner) == ("reboot", "ops", "command")
    assert action.run == {"command": ["echo", "{{host}}"]}
    assert list(action.parameters) == ["host"]
    assert action.base == Path.cwd()
    assert action.source == Source(Path("aliases/reboot.yaml"), 1)


def test_parameters_that_are_declared_are_all_there_are(folders):
    """Then a word of a format that is none of them is a mistake."""
    folders.alias(HEAD + RUN + "parameters: {}\n")
    assert [str(problem) for problem in folders.load().errors] == [
        'aliases/reboot.yaml:3: unknown parameter "host"',
    ]


@pytest.mark.parametrize("model", [AliasFile, ActionFile])
def test_both_kinds_of_file_have_a_json_schema(model):
    """It knows every key, and that there are no others."""
    schema = model.model_json_schema()
    assert schema["additionalProperties"] is False
    assert {"name", "run", "parameters"} <= schema["properties"].keys()


def test_an_alias_that_runs_at_once_is_noted_and_no_warning(folders):
    """So that they can be listed without failing anything."""
    folders.alias(HEAD + RUN + "confirm: none\n")
    (problem,) = folders.load().problems
    assert str(problem) == 'aliases/reboot.yaml:4: "reboot" runs at once, without confirmation'
    assert problem.severity is Severity.NOTE


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("remote: {queue: q}", "runs in the bot, and no worker has one"),
        ("preview: {bot: look}", "runs only when it was confirmed"),
        ("targets: {bot: look}", "runs only when it was confirmed"),
    ],
)
def test_a_command_of_the_bot_runs_there_and_only_after_the_yes(folders, more, expected):
    """It is none for a worker, and none to look with."""
    problems = folders.problems(f"name: x\nformats: [x]\nrun: {{bot: 'deploy {{{{ target }}}}'}}\n{more}\n")
    assert any(expected in problem for problem in problems)
