"""The schemas for editors say of a file what the loader says, as far as JSON Schema can."""

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from docs_pages import PAGES, ROOT, Block, blocks
from docs_walk import FILE, PART, REFUSED, completed, problems_of
from err_confirm.catalog import load, parse_policy
from err_confirm.catalog.entries import (
    AckEntry,
    ActionFile,
    AliasFile,
    FormatEntry,
    GuardFile,
    ParameterEntry,
    ResultEntry,
)
from err_confirm.catalog.json_schema import KINDS, json_schema
from err_confirm.catalog.policy import PolicyEntry
from err_confirm.catalog.policy.answer_keys import AskEntry, QuestionEntry
from err_confirm.catalog.policy.choices import ChoiceEntry
from err_confirm.catalog.policy.conditions_key import WhenEntry
from err_confirm.catalog.policy.keys import DenyEntry
from err_confirm.catalog.policy.quorums import QuorumEntry
from err_confirm.catalog.policy.stages import EscalateEntry, RetryEntry, StageEntry
from err_confirm.catalog.run_keys import AFTER, FollowEntry, RateEntry
from err_confirm.catalog.stackstorm.metadata import MetadataFile, MetadataParameter
from err_confirm.cli import main
from err_confirm.errors import SettingError
from err_confirm.people import People
from err_confirm.runners.class_runner import ClassSettings
from err_confirm.runners.command_runner import CommandSettings
from err_confirm.runners.http_settings import HttpRequest, HttpSettings
from err_confirm.runners.processes.acting import ProfileEntry
from err_confirm.runners.python_runner import PythonSettings
from err_confirm.runners.said_runner import BotSettings
from err_confirm.runners.stackstorm_runner import StackStormSettings

SCHEMAS = {kind: Draft202012Validator(json_schema(kind)) for kind in KINDS}
NAMES = ["alice", "bob", "x", "a b", "5m", "2 h", "0s", "{{ x }}", "4KiB"]
PEOPLE = People({name: [f"text:{number}"] for number, name in enumerate(NAMES)})


def keys_of(model: type[BaseModel]) -> set[str]:
    """Return the keys of a model as files have them."""
    return {field.alias or name for name, field in model.model_fields.items()}


def of_schema(kind: str, text: str) -> bool:
    """Tell whether an editor takes a file."""
    return SCHEMAS[kind].is_valid(yaml.safe_load(text))


def of_loader(kind: str, text: str) -> list[str]:
    """Return the errors of the loader."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("alias", "action"):
            (Path(folder) / name).mkdir()
        (Path(folder) / kind / "file.yaml").write_text(text)
        default = parse_policy("requester", PEOPLE)
        catalog = load([Path(folder) / "alias"], [Path(folder) / "action"], people=PEOPLE, default=default)
        return [problem.message for problem in catalog.errors]


# What an editor shows


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_one_of_the_draft_that_it_names(kind: str) -> None:
    schema = json_schema(kind)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(schema)
    assert schema["title"].startswith("err-confirm: ")


def definitions(kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    schema = json_schema(kind)
    yield kind, schema
    yield from schema["$defs"].items()


def test_an_editor_completes_the_keys_of_aliases_and_of_guards() -> None:
    """Which of them a file is, only its keys tell."""
    schema = json_schema("alias")
    offered = [set(schema["$defs"][each["$ref"].rpartition("/")[2]]["properties"]) for each in schema["anyOf"]]
    assert offered == [keys_of(AliasFile), keys_of(GuardFile)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_has_a_sentence(kind: str) -> None:
    for name, schema in definitions(kind):
        for key, value in schema.get("properties", {}).items():
            assert len(value.get("description", "").split()) > 1, f"{name}.{key}"


def test_the_keys_are_those_of_the_models_and_no_others_are_taken() -> None:
    models: list[type[BaseModel]] = [AckEntry, CommandSettings, DenyEntry, FormatEntry, ParameterEntry, PolicyEntry]
    models += [AliasFile, GuardFile, PythonSettings, RateEntry, ResultEntry, RetryEntry]
    models += [BotSettings, HttpRequest, HttpSettings, ProfileEntry, StackStormSettings]
    models += [AskEntry, ChoiceEntry, EscalateEntry, FollowEntry, QuestionEntry, QuorumEntry, StageEntry, WhenEntry]
    models += [ActionFile, ClassSettings, MetadataFile, MetadataParameter]
    known: dict[str, type[BaseModel]] = {**{model.__name__: model for model in models}}
    seen = set()
    for kind in KINDS:
        for name, schema in definitions(kind):
            if name in known:
                seen.add(name)
                assert set(schema["properties"]) == keys_of(known[name]), name
                assert schema["additionalProperties"] is False, name
    assert seen == set(known)


def test_an_editor_completes_what_may_follow_and_on_which_end() -> None:
    """Choices, too, whose names only the file knows."""
    keys = json_schema("alias")["$defs"]["AliasFile"]["properties"]
    assert {"then", "else", "finally", "on"} <= set(keys)
    assert set(keys["on"]["properties"]) == set(AFTER)
    entry = {"alias": "y", "parameters": {"a": "{{ result.value }}", "b": [1]}}
    sound = {"then": "y", "else": entry, "finally": "y", "on": {"lost": "y", "half": entry}}
    wrong = [{"then": ["y"]}, {"else": {"parameters": {}}}, {"finally": {**entry, "x": 1}}, {"on": {"lost": 1}}]
    for follow, taken in [(sound, True), *((each, False) for each in wrong)]:
        file = {"name": "x", "formats": ["x"], "run": {"command": ["a"]}, **follow}
        assert SCHEMAS["alias"].is_valid(file) is taken, follow


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "action"]) == 0
    assert json.loads(capsys.readouterr().out) == json_schema("action")


# The examples and the pages

EXAMPLES = [*(ROOT / "aliases").glob("*.yaml"), *(ROOT / "actions").glob("*.yaml")]
KIND_OF = {"aliases": "alias", "actions": "action"}
EXTENDED = "extend.md"
"""The page whose files are for a library with more in it."""
YAML_BLOCKS = [block for page in PAGES if page.name != EXTENDED for block in blocks(page) if block.language == "yaml"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_taken(path: Path) -> None:
    SCHEMAS[KIND_OF[path.parent.name]].validate(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize("block", YAML_BLOCKS, ids=lambda block: block.where)
def test_a_block_of_a_page_is_taken_if_the_loader_takes_it(block: Block) -> None:
    """A refused one is refused here, too, unless what is wrong with it is for `lint` alone."""
    if part := PART.search(block.text):
        SCHEMAS[part[1]].validate(yaml.safe_load(completed(part[1], block.text)))
    elif refused := REFUSED.search(block.text):
        if of_schema(KIND_OF[refused[2]], block.text):
            errors = problems_of(block.text, refused[1].partition("/")[2], ROOT, refused[2])
            assert errors
            assert all(FOR_LINT.search(error) for error in errors)
    elif named := FILE.search(block.text):
        SCHEMAS[KIND_OF[named[1].split("/")[0]]].validate(yaml.safe_load(block.text))


# A corpus of files

FOR_LINT = re.compile(
    r"unknown (parameter|person)|a format cannot give it|the template|must be at most|means an unusual|fixed secret"
    r"|a representation is empty|the host of url"
    r"|need is (\d+, but|for somebody)|need: all cannot count|self is for people|could (never )?be confirmed|would need"
    r"|comes before the end|RE2 expression|nobody to (tell|call)|two choices differ|would (not )?(approve|ask again)"
    r"|none of these choices|means something else|are two effects|is no (part of a day|day or days)"
    r"|deny needs"
    r"|none is nobody|by: none|item \d+ of when|unknown time zone|zone is for|loosen: true does not|choices are for one"
    r"|there are no parameters here|unknown action|an execution waits|is at most 7 days|one line|somebody must be able"
    r"|at most 20s|runs the same for each|JMESPath|intersect is for|with targets,"
    r"|the default of .* must be one of|^.x. must be (a |true|text|JSON)"  # the last: a value of immutable_parameters
)
"""What the loader says of a file that is wrong in a way that JSON Schema has no words for."""

ALIAS = "name: x\nformats: [x]\n"
RUN = "run: {command: [echo]}\n"
LOOP = "run: {command: [echo, '{{ target }}']}\nparameters: {h: {type: array}}\ntargets: '{{ h }}'\n"
SOUND = {
    "alias": [
        ALIAS + RUN,
        ALIAS + "action_ref: y\n",
        ALIAS + "action_ref: y\nrun: null\nparameters: {}\n",
        ALIAS + RUN + "action_ref: null\n",
        ALIAS + "run: {python: 'a.b:c', timeout: 90, output_cap: 4096, env: {A: b}}\n",
        ALIAS + "run: {python: 'módulo:función'}\n",
        ALIAS + "run: {http: {url: 'https://h/', method: PUT, json: null, expect: [200], hosts: ['*.h', h]}}\n",
        ALIAS + "run: {stackstorm: a.b, url: 'https://h/api', key: 'env:K', parameters: {a: [1]}, timeout: 3s}\n",
        ALIAS + "run: {command: [echo], as: deploy}\n",
        ALIAS + "run: {bot: 'deploy {{ a }}'}\nparameters: {a: {}}\n",
        ALIAS + "run: {python: 'a:b', as: {profile: x}}\n",
        ALIAS
        + "run: {command: [echo], cwd: '{{ a }}', timeout: 1.5m, output_cap: 64KiB}\nparameters: {a: {default: .}}\n",
        "name: x\nformats: [{display: d}, {representation: r}, {representation: [s, t], match_multiple: true}]\n" + RUN,
        ALIAS + RUN + "parameters: {a: {}, b_2: {type: integer, min: -3, max: 3.5, default: 0, enum: [0]}, café: {}}\n",
        ALIAS + RUN + "parameters: {a: {type: array, default: [a, true], max_length: 9, pattern: '.*', free: true}}\n",
        ALIAS + RUN + "parameters: {a: {type: object, default: {k: []}, dash: true}}\n",
        ALIAS + RUN + "parameters: {a: {type: boolean, default: false, required: true, pattern: null}}\n",
        *(
            ALIAS + RUN + f"confirm: {policy}\n"
            for policy in (
                "requester",
                "none",
                "{}",
                "{by: bob}",
                "{by: [bob, 'slack:U024', others], within: 4h}",
                "{within: 0.05}",
                "{within: 604800}",
                "{retry: {count: 1, delay: 50ms}}",
                "{retry: {count: 10}, deny: anyone}",
                "{deny: {by: [same, 'irc:a!b@c']}}",
                "{deny: same}",
                "{by: '@sre', need: 2, self: true}",
                "{by: [bob, x], need: all}",
                "{by: [none], when: [{days: mon, by: bob}]}",
                "{all: [{by: others, need: 2}, {any: [{by: bob}, {all: [{by: '@a'}]}]}]}",
                "[{by: '@qa'}, {any: [{by: bob}, {by: x}], within: 2h, remind: 5m}]",
                "{stages: [{by: bob, retry: {count: 3}}, {by: x, escalate: {after: 5s, to: ['@a', alice]}}]}",
                "{by: bob, within: 5m, remind: 10, escalate: {after: 1m, to: 'slack:U024'}}",
                "{deny: {by: others, need: 2}}",
                "{reason: none}",
                "{reason: '^OPS-[0-9]+'}",
                "{typed: ['a b', '{{ 1 }}'], otp: false, via: [slack, chat], prompt: ''}",
                "{by: '@sre', ask: {room: '#ops', dm: true}}",
                "{ask: '#ops', question: q}",
                "{question: {text: q, type: json, required: false}}",
                "{choices: default}",
                "{choices: {approve: {}, No-go: {deny: true, sure: true}}}",
                "{choices: {later: {after: 5m}, go: {caption: c, question: q}}}",
                "{by: '@a', when: [{room: ['#a', b], days: [mon, sun], need: 3}]}",
                "{by: '@a', when: [{hours: '22:00-24:00', zone: Asia/Tokyo, otp: true}]}",
                "{when: [{dates: '2026-12-20 to 2027-01-02', refuse: x}, {days: mon, loosen: true, by: none}]}",
                "{when: [{hours: ['00:00-01:00', '23:00-01:00'], by: bob, reason: required, typed: x}]}",
                "{when: [{hours: '00:00-01:00', within: 9, via: irc}]}",
                "{when: [{dates: ['2026-12-24'], loosen: true, by: bob, ask: '#a', deny: x, prompt: p}]}",
            )
        ),
        *(
            ALIAS + LOOP + f"rate: {rate}\n"
            for rate in (
                "{}",
                "{concurrency: 1, max_errors: 0, delay: 0.5}",
                "{concurrency: 100, max_errors: 1000, delay: 5s}",
                "{concurrency: 1%, max_errors: 0%}",
                "{concurrency: 100%, max_errors: 100%}",
            )
        ),
        ALIAS + RUN + "ack: {enabled: false, format: null, extra: {a: {}}, append_url: true}\nresult: {format: f}\n",
        ALIAS + RUN + "extra: {a: 1}\nmetadata_file: m\nenabled: false\npack: p\ndescription: d\n",
        "name: x\npack: p\ndescription: d\nenabled: false\ncommands: [a]\nconfirm: none\n",
        "name: null\ncommands: 'Deploy:deploy'\n",
        *(
            f"commands: ['{pattern}', d]\n"
            for pattern in (
                *("a", " a ", "a b  c", "*", "a [b]", "A:b", "A:b c:d", " A : b ", "A:*", "?:b [c]", "a:b:c", "é:ö"),
                *("A:x" + "y" * 197, "a -b", "A:b --c=d e"),
            )
        ),
    ],
    "action": [
        "name: x\n" + RUN,
        "name: x\npack: p\ndescription: d\nparameters: {a: {description: d}}\n" + RUN,
        *(
            f"name: x\nparameters: {{a: {{type: array}}}}\n{keys}run: {{command: [echo, '{{{{ target }}}}']}}\n"
            for keys in (
                "targets: '{{ a }}'\n",
                "targets: {of: '{{ a }}', on_change: intersect}\n",
                "targets: {command: [./i, '{{ a }}'], select: 'h[].id', timeout: 20, cwd: c, env: {A: b}}\n",
                "targets: {python: 'a:b', on_change: refuse, output_cap: 1KiB}\npreview: null\n",
                "targets: {command: [./i]}\npreview: {command: [./p, '{{ targets }}'], again: true, timeout: 5s}\n",
            )
        ),
        "name: x\ntargets: null\npreview: {python: 'a:b'}\n" + RUN,
        "name: x\nrun: {python_class: lib/disk.py, env: {A: b}}\n",
        "name: x\nrunner_type: orquesta\nentry_point: workflows/x.yaml\nenabled: true\ntags: [{name: a, value: b}]\n",
        "name: x\nrunner_type: run-local\nparameters: {cmd: {default: date, immutable: true}, sudo: {type: boolean}}\n",
        "name: x\nrunner_type: noop\nentry_point: null\nparameters: {a: {type: integer, default: '{{ st2kv.a }}'}}\n",
        "name: x\nrunner_type: noop\nnotify: {on-complete: {routes: [slack]}}\noutput_schema: {a: {type: string}}\n",
        "name: x\nrunner_type: noop\nparameters: {a: {secret: true, position: 0, maxLength: 3, items: {}}}\n",
    ],
}
WRONG = {
    "alias": [
        "{}",
        "name: x\n" + RUN,
        "formats: [x]\n" + RUN,
        "name: ' '\nformats: [x]\n" + RUN,
        'name: "a\\nb"\nformats: [x]\n' + RUN,
        "name: 5\nformats: [x]\n" + RUN,
        "name: x\nformats: []\n" + RUN,
        "name: x\nformats: x\n" + RUN,
        "name: x\nformats: [5]\n" + RUN,
        "name: x\nformats: [{text: x}]\n" + RUN,
        "name: x\nformats: [{representation: 5}]\n" + RUN,
        "name: x\nformats: [{representation: [null]}]\n" + RUN,
        ALIAS,
        ALIAS + RUN + "action_ref: y\n",
        ALIAS + "action_ref: ''\n",
        ALIAS + "action_ref: y\nparameters: {a: {}}\n",
        ALIAS + "action_ref: y\npreview: {command: [a]}\n",
        ALIAS + "run: {}\n",
        ALIAS + "run: echo\n",
        ALIAS + "run: {command: echo}\n",
        ALIAS + "run: {command: []}\n",
        ALIAS + "run: {command: [5]}\n",
        ALIAS + "run: {command: [echo], python: 'a:b'}\n",
        ALIAS + "run: {command: [echo], shell: true}\n",
        ALIAS + "run: {python: 'a:b', cwd: /}\n",
        ALIAS + "run: {python: a}\n",
        ALIAS + "run: {http: 'https://h/'}\n",
        ALIAS + "run: {bot: ''}\n",
        ALIAS + "run: {bot: deploy, timeout: 3s}\n",
        ALIAS + "run: {http: {method: GET}}\n",
        ALIAS + "run: {http: {url: 'https://h/', method: TRACE}}\n",
        ALIAS + "run: {http: {url: 'https://h/', expect: [99]}}\n",
        ALIAS + "run: {http: {url: 'https://h/'}, env: {A: b}}\n",
        ALIAS + "run: {stackstorm: a, url: 'https://h/api', key: 'env:K'}\n",
        ALIAS + "run: {stackstorm: a.b, url: 'https://h/api'}\n",
        ALIAS + "run: {command: [echo], as: {user: x}}\n",
        ALIAS + "run: {command: [echo], as: '{{ x }}'}\n",
        ALIAS + "run: {command: [echo], timeout: 0}\n",
        ALIAS + "run: {command: [echo], timeout: 0s}\n",
        ALIAS + "run: {command: [echo], timeout: 100000}\n",
        ALIAS + "run: {command: [echo], timeout: true}\n",
        ALIAS + "run: {command: [echo], timeout: 2 minutes}\n",
        ALIAS + "run: {command: [echo], output_cap: 0KiB}\n",
        ALIAS + "run: {command: [echo], output_cap: 2000000}\n",
        ALIAS + "run: {command: [echo], output_cap: 64kb}\n",
        ALIAS + "run: {command: [echo], env: {A-B: x}}\n",
        ALIAS + "run: {command: [echo], env: {A: 5}}\n",
        ALIAS + RUN + "fromats: [x]\n",
        ALIAS + RUN + "enabled: 'yes'\n",
        ALIAS + RUN + "extra: []\n",
        ALIAS + RUN + "immutable_parameters: {a-b: x}\n",
        ALIAS + RUN + "parameters: {2a: {}}\n",
        ALIAS + RUN + "parameters: {a: string}\n",
        ALIAS + RUN + "parameters: {a: {type: text}}\n",
        ALIAS + RUN + "parameters: {a: {required: 1}}\n",
        ALIAS + RUN + "parameters: {a: {patern: x}}\n",
        ALIAS + RUN + "parameters: {a: {min: 3}}\n",
        ALIAS + RUN + "parameters: {a: {type: integer, pattern: x}}\n",
        ALIAS + RUN + "parameters: {a: {type: boolean, free: false}}\n",
        ALIAS + RUN + "parameters: {a: {type: object, max_length: 3}}\n",
        ALIAS + RUN + "parameters: {a: {max_length: 0}}\n",
        ALIAS + RUN + "parameters: {a: {enum: []}}\n",
        ALIAS + RUN + "parameters: {a: {enum: [1]}}\n",
        ALIAS + RUN + "parameters: {a: {default: 5}}\n",
        ALIAS + RUN + "parameters: {a: {type: boolean, default: 'no'}}\n",
        ALIAS + RUN + "parameters: {a: {type: array, default: [[]]}}\n",
        ALIAS + RUN + "parameters: {a: {type: array, enum: [null]}}\n",
        *(
            ALIAS + RUN + f"confirm: {policy}\n"
            for policy in (
                "null",
                "others",
                "[alice]",
                "true",
                "{by: []}",
                "{by: 5}",
                "{by: '@'}",
                "{by: '@a b'}",
                "{by: '@@a'}",
                "{need: 0}",
                "{need: 21}",
                "{need: some}",
                "{need: 1.5}",
                "{self: yes please}",
                "{all: []}",
                "{all: [bob]}",
                "{any: [{}]}",
                "{any: [{need: 1}]}",
                "{all: [{by: bob, within: 5m}]}",
                "{by: bob, all: [{by: x}]}",
                "{all: [{by: x}], any: [{by: bob}]}",
                "{all: [{by: x}, {by: bob}], need: 1}",
                "[]",
                "[{}]",
                "[{within: 5m}]",
                "[{by: bob, otp: true}]",
                "{stages: []}",
                "{stages: [{by: bob}], within: 5m}",
                "{stages: [{by: bob}], remind: 5s}",
                "{stages: [{by: bob}], need: 1}",
                "{remind: 0}",
                "{escalate: {to: bob}}",
                "{escalate: {after: 1s, to: others}}",
                "{deny: none}",
                "{deny: {need: 0}}",
                "{reason: maybe}",
                "{reason: []}",
                "{typed: []}",
                "{typed: ' '}",
                "{typed: 5}",
                "{otp: 'yes'}",
                "{via: pager}",
                "{via: []}",
                "{ask: {}}",
                "{ask: {dm: false}}",
                "{ask: {rom: x}}",
                "{ask: ''}",
                "{question: ''}",
                "{question: {type: text}}",
                "{question: {text: q, type: date}}",
                "{choices: standard}",
                "{choices: {}}",
                "{choices: {two words: {}}}",
                "{choices: {9a: {}}}",
                "{choices: {go: null}}",
                "{choices: {go: Do it}}",
                "{choices: {go: {}, x: {after: 0}}}",
                "{choices: {go: {}, x: {after: 1h, run: y}}}",
                "{when: []}",
                "{when: {need: 2}}",
                "{when: [{by: bob}]}",
                "{when: [{days: mon}]}",
                "{when: [{days: monday, by: bob}]}",
                "{when: [{days: [], by: bob}]}",
                "{when: [{hours: '9-17', by: bob}]}",
                "{when: [{hours: '09:00-25:00', by: bob}]}",
                "{when: [{dates: 24.12., by: bob}]}",
                "{when: [{days: mon, loosen: true}]}",
                "{when: [{days: mon, loosen: true, otp: true}]}",
                "{when: [{days: mon, refuse: x, need: 2}]}",
                "{when: [{days: mon, refuse: x, loosen: true, by: bob}]}",
                "{when: [{days: mon, refuse: ''}]}",
                "{when: [{days: mon, deny: bob}]}",
                "{when: [{days: mon, stages: [{by: bob}]}]}",
                "{when: [{days: mon, by: bob, when: []}]}",
                "{when: [{parameters: {}, by: bob}]}",
                "{when: [{parameters: {a: []}, by: bob}]}",
                "{when: [{parameters: {a: {b: c}}, by: bob}]}",
                "{when: [{parameters: {a: [[x]]}, by: bob}]}",
                "{by: ['pager:bob']}",
                "{within: 5m, retry: {count: 1}}",
                "{within: soon}",
                "{within: 0.01}",
                "{within: 604801}",
                "{retry: {count: 0}}",
                "{retry: {count: 10001}}",
                "{retry: {count: 2.5}}",
                "{retry: {delay: 0.01}}",
                "{retry: {times: 3}}",
                "{deny: [bob]}",
                "{deny: {by: []}}",
                "{deny: {by: 'slack:@bob'}}",
                "{deny: null}",
                "{within: null, retry: {count: 1}}",
                "{retry: null}",
            )
        ),
        *(
            ALIAS + LOOP + f"rate: {rate}\n"
            for rate in (
                "2",
                "{concurrency: 0}",
                "{concurrency: 0%}",
                "{concurrency: -1}",
                "{concurrency: 101}",
                "{concurrency: 101%}",
                "{concurrency: 25 %}",
                "{concurrency: 2.5}",
                "{concurrency: true}",
                "{concurrency: '2'}",
                "{concurrency: many}",
                "{concurrency: null}",
                "{max_errors: -1}",
                "{max_errors: 101%}",
                "{max_errors: 1.5}",
                "{delay: soon}",
                "{delay: -1}",
                "{delay: 0}",
                "{delay: 3601}",
                "{at_once: 2}",
            )
        ),
        ALIAS + RUN + "ack: text\n",
        ALIAS + RUN + "commands: d\n",
        "commands: d\nrun: null\n",
        "commands: d\nformats: [x]\n",
        "commands: d\nconfrm: none\n",
        "commands: d\nconfirm: null\n",
        "commands: d\nname: ''\n",
        "commands: d\nextra: {}\n",
        "commands: null\n",
        "commands: []\n",
        "commands: 5\n",
        "commands: {a: b}\n",
        "commands: [[d]]\n",
        "commands: [d, null]\n",
        f"commands: {['d'] * 1001}\n",
        *(
            f"commands: ['{pattern}']\n"
            for pattern in (
                "",
                " ",
                ":",
                ":a",
                "a:",
                " : a",
                "a b:c",
                "a b: c",
                "[a]:b",
                "A:[b]",
                "A: [b",
                "b] c",
                "y" * 201,
            )
        ),
        ALIAS + RUN + "result: {append_url: true}\n",
        ALIAS + RUN + "result: {format: 5}\n",
    ],
    "action": [
        "name: x\n",
        "name: x\nrun: null\n",
        "name: x\nformats: [x]\n" + RUN,
        "name: x\naction_ref: y\n" + RUN,
        *(
            f"name: x\n{keys}\nrun: {{command: [echo, '{{{{ target }}}}']}}\n"
            for keys in (
                "targets: [a, b]",
                "targets: {}",
                "targets: {of: a, command: [b]}",
                "targets: {of: null}",
                "targets: {command: [a], python: 'a:b'}",
                "targets: {command: [a], timeout: 21}",
                "targets: {command: [a], on_change: ask}",
                "targets: {command: [a], again: true}",
                "targets: {command: [a], select: 5}",
                "preview: plan",
                "preview: {command: [a], again: 'yes'}",
                "preview: {command: [a], select: b}",
                "preview: {again: true}",
            )
        ),
    ],
}
ONLY_FOR_LINT = {
    "a command of our own": "commands: 'Confirm:*'\n",
    "a pattern with what cannot be seen": 'commands: "a\\u200b"\n',
    "a template that is none": ALIAS + "run: {command: ['{{']}\n",
    "a parameter that there is not": ALIAS + "run: {command: ['{{ y }}']}\n",
    "a representation that is none": "name: x\nformats: ['(']\n" + RUN,
    "a pattern that is none": ALIAS + RUN + "parameters: {a: {pattern: '('}}\n",
    "a default that is not in the enum": ALIAS + RUN + "parameters: {a: {enum: [b], default: c}}\n",
    "a whole number with a point": ALIAS + RUN + "confirm: {retry: {count: 3.0}}\n",
    "a length of time out of bounds, said with its unit": ALIAS + RUN + "confirm: {within: 8d}\n",
    "more people than are named": ALIAS + RUN + "confirm: {by: [bob, x], need: 3}\n",
    "seats that nobody could fill": ALIAS + RUN + "confirm: [{by: bob}, {by: bob}]\n",
    "what comes after the end": ALIAS + RUN + "confirm: {within: 5m, remind: 6m}\n",
    "an expression that is none": ALIAS + RUN + "confirm: {reason: '(?=x)'}\n",
    "a text to type that is no template": ALIAS + RUN + "confirm: {typed: '{{ x'}\n",
    "whom nobody can tell": ALIAS + RUN + "confirm: {by: others, ask: {dm: true}}\n",
    "choices that let nothing run": ALIAS + RUN + "confirm: {choices: {dismiss: {deny: true}}}\n",
    "a time zone that is none": ALIAS + RUN + "confirm: {when: [{days: mon, zone: Mars, by: bob}]}\n",
    "an action that is not there": ALIAS + RUN + "confirm: {choices: {go: {run: nothing}}}\n",
    "polls that are too long together": ALIAS + RUN + "confirm: {retry: {count: 9000, delay: 5m}}\n",
    "a secret with a template": ALIAS + "run: {command: [echo], env: {A: 'env:{{ b }}'}}\n",
    "a name with what cannot be seen": ALIAS.replace("x", "'a\\u00ad'".replace("'", '"')) + RUN,
}
"""What JSON Schema cannot say; docs/cli.md lists it."""


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in SOUND.items() for text in texts])
def test_what_the_loader_takes_an_editor_takes(kind: str, text: str) -> None:
    assert of_loader(kind, text) == []
    SCHEMAS[kind].validate(yaml.safe_load(text))


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in WRONG.items() for text in texts])
def test_what_is_wrong_is_wrong_for_both(kind: str, text: str) -> None:
    assert of_loader(kind, text) != []
    assert not of_schema(kind, text)


@pytest.mark.parametrize("text", ONLY_FOR_LINT.values(), ids=ONLY_FOR_LINT)
def test_what_only_lint_can_say_is_known(text: str) -> None:
    assert of_loader("alias", text) != []
    assert of_schema("alias", text)


@pytest.mark.parametrize("text", [text for text in (*SOUND["alias"], *WRONG["alias"]) if "confirm:" in text])
def test_a_policy_of_its_own_is_taken_as_under_confirm(text: str) -> None:
    policy = yaml.safe_load(text)["confirm"]
    try:
        parse_policy(policy, PEOPLE)
    except SettingError:
        assert not SCHEMAS["policy"].is_valid(policy)
    else:
        SCHEMAS["policy"].validate(policy)


# Files that nobody has thought of

WORDS = st.sampled_from([*NAMES, "", "slack:U1", "@bob", "same", "others"])
NUMBERS = st.sampled_from([0, 1, 3, -2, 0.01, 0.5, 20_000, 700_000, 2_000_000])
ANYTHING = st.one_of(WORDS, NUMBERS, st.booleans(), st.none(), st.lists(WORDS, max_size=2), st.just({}), st.just([5]))
LENGTHS = st.sampled_from(["5m", "90s", "0.5s", 3, 0.5, "1h"])
WHO = st.sampled_from(["x", "others", "anyone", "slack:U1", ["bob", "requester"]])
TYPES = st.sampled_from(["string", "integer", "number", "boolean", "array", "object"])
FITTING: dict[str, st.SearchStrategy[Any]] = {
    "string": st.sampled_from(["x", "a b"]),
    "integer": st.sampled_from([0, 3]),
    "number": st.sampled_from([1, 0.5]),
    "boolean": st.booleans(),
    "array": st.sampled_from([[], ["a", 1]]),
    "object": st.sampled_from([{}, {"a": []}]),
}


@st.composite
def mappings(draw: st.DrawFn, **values: st.SearchStrategy[Any]) -> dict[str, Any]:
    """Return a mapping with some of these keys, one time in five with anything at one of them, or at an unknown one."""
    made: dict[str, Any] = draw(st.fixed_dictionaries({}, optional=values))
    if draw(st.integers(0, 4)) == 4:
        made[draw(st.sampled_from([*values, "patern"]))] = draw(ANYTHING)
    return made


@st.composite
def parameters(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(TYPES)
    fitting = {"default": FITTING[kind], "enum": st.lists(FITTING[kind], min_size=1, max_size=2)}
    keys = {
        "description": WORDS,
        "required": st.booleans(),
        "pattern": st.just(".*"),
        "min": st.sampled_from([-2, 0, None]),
        "max": st.sampled_from([5, 5.5]),
        "max_length": st.just(9),
        "free": st.booleans(),
        "dash": st.booleans(),
    }
    few = draw(st.sets(st.sampled_from(sorted(keys)), max_size=2))
    made = draw(mappings(**fitting, **{key: keys[key] for key in few}))
    return made if kind == "string" and draw(st.booleans()) else {"type": kind, **made}


TEXTS = st.sampled_from(["x", "y z", None])
RETRIES = mappings(count=st.sampled_from([1, 20]), delay=LENGTHS)
DENIALS = st.one_of(WHO.filter(lambda who: isinstance(who, str)), mappings(by=st.one_of(WHO, st.just("same"))))
SEATS = mappings(by=WHO, need=st.sampled_from([1, 2, "all"]), self=st.booleans())
PARTS = st.lists(SEATS, min_size=1, max_size=2)
CALLS = mappings(after=LENGTHS, to=st.sampled_from(["x", "@sre", "others", ["bob", "@sre"]]))
ASKED = st.one_of(st.just("Why?"), mappings(text=st.just("Why?"), type=st.sampled_from(["text", "json", "date"])))
STAGE = mappings(by=WHO, any=PARTS, within=LENGTHS, remind=LENGTHS, escalate=CALLS)
BROUGHT = {
    "reason": st.sampled_from(["required", "none", "maybe", "^x", "("]),
    "typed": st.sampled_from(["x", ["x", "{{ y }}"], []]),
    "otp": st.booleans(),
    "via": st.sampled_from(["chat", ["slack", "irc"], "pager"]),
}
SAID = {
    "ask": st.one_of(st.just("#ops"), mappings(room=st.just("#ops"), dm=st.booleans())),
    "prompt": TEXTS.filter(lambda text: text is not None),
    "question": ASKED,
    "choices": st.one_of(
        st.just("default"),
        st.dictionaries(
            st.sampled_from(["approve", "dismiss", "go", "yes", "two words"]),
            mappings(deny=st.booleans(), after=LENGTHS, run=st.just("y"), caption=WORDS, question=ASKED),
            min_size=1,
            max_size=2,
        ),
    ),
}
RULE = mappings(
    parameters=st.sampled_from([{"x": "a"}, {"x": ["a", 1]}, {}]),
    days=st.sampled_from(["mon", ["sat", "sun"], "monday"]),
    hours=st.sampled_from(["22:00-06:00", "22-6"]),
    by=WHO,
    need=st.sampled_from([1, 2, "all"]),
    refuse=st.just("no work"),
    loosen=st.booleans(),
    **BROUGHT,
)
RULES = st.lists(RULE, min_size=1, max_size=2)
POLICIES = st.one_of(
    st.sampled_from(["requester", "none"]),
    mappings(by=WHO, retry=RETRIES, deny=DENIALS),
    mappings(by=WHO, within=st.one_of(LENGTHS, st.none())),
    mappings(by=WHO, need=st.sampled_from([1, 2, "all"]), all=PARTS, any=PARTS, deny=DENIALS),
    mappings(by=WHO, within=LENGTHS, remind=LENGTHS, escalate=CALLS),
    mappings(by=WHO, **BROUGHT),
    mappings(by=WHO, **SAID),
    mappings(stages=st.lists(STAGE, max_size=2), by=WHO),
    st.lists(STAGE, min_size=1, max_size=2),
    mappings(by=WHO, within=LENGTHS, when=RULES),
)
SHARED = {
    "env": st.dictionaries(st.sampled_from(["A", "B_2", "C-3"]), WORDS, max_size=2),
    "timeout": LENGTHS,
    "output_cap": st.sampled_from(["4KiB", 4096, "1MiB"]),
}
COMMANDS = st.one_of(
    mappings(**SHARED, cwd=WORDS).map(lambda rest: {"command": ["echo", "{{ x }}"], **rest}),
    mappings(**SHARED).map(lambda rest: {"python": "a.b:c", **rest}),
)
LOOKUPS = st.one_of(
    st.just("{{ x }}"),
    st.tuples(
        COMMANDS, mappings(select=st.just("a[].b"), on_change=st.sampled_from(["refuse", "intersect", "ask"]))
    ).map(lambda parts: {**parts[0], **parts[1]}),
    mappings(of=st.just("{{ x }}"), select=WORDS),
)
FORMATS = mappings(
    display=WORDS, representation=st.sampled_from(["x", ["x", "y {{x}}"], []]), match_multiple=st.booleans()
)
REPLIES = {"enabled": st.booleans(), "format": TEXTS, "extra": st.just({"a": 1})}
KEYS = {
    "confirm": POLICIES,
    "parameters": st.dictionaries(st.sampled_from(["x", "y_1", "é2", "1z"]), parameters(), max_size=2),
    "formats": st.lists(st.one_of(st.just("x {{x}}"), FORMATS), min_size=1, max_size=2),
    "ack": mappings(**REPLIES, append_url=st.booleans()),
    "result": mappings(**REPLIES),
    "immutable_parameters": st.dictionaries(st.sampled_from(["x", "z"]), WORDS, max_size=1),
    "enabled": st.booleans(),
    "pack": WORDS,
    "extra": st.just({"a": [1]}),
    "targets": LOOKUPS,
    "preview": st.tuples(COMMANDS, mappings(again=st.booleans())).map(lambda parts: {**parts[0], **parts[1]}),
}
ACTIONS = st.one_of(
    COMMANDS.map(lambda run: {"run": run}),
    COMMANDS.map(lambda run: {"run": run, "action_ref": None}),
    st.just({"action_ref": "y"}),
    ANYTHING.map(lambda name: {"action_ref": name}),
    st.just({"action_ref": "y", "run": {"command": ["echo"]}}),
    st.just({}),
)


@st.composite
def aliases(draw: st.DrawFn) -> dict[str, Any]:
    few = draw(st.sets(st.sampled_from(sorted(KEYS)), max_size=3))
    made = {"name": "x", "formats": ["x {{x}}"], **draw(mappings(**{key: KEYS[key] for key in few}))}
    return {**made, **(draw(COMMANDS.map(lambda run: {"run": run})) if draw(st.booleans()) else draw(ACTIONS))}


@settings(max_examples=400)
@given(aliases())
def test_whatever_the_loader_takes_an_editor_takes_and_the_other_way_round(alias: dict[str, Any]) -> None:
    """What the loader alone refuses, it refuses for a reason that JSON Schema has no words for."""
    errors = of_loader("alias", json.dumps(alias))
    taken = SCHEMAS["alias"].is_valid(alias)
    if not errors:
        SCHEMAS["alias"].validate(alias)
    elif taken:
        assert all(FOR_LINT.search(error) for error in errors), errors
