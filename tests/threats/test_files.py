"""Files and texts that would execute, explode or mean something else are refused, each by name."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from builders import a_policy
from err_confirm.catalog import Catalog, load
from err_confirm.errors import ErrConfirmError
from err_confirm.people import People
from err_confirm.plan import plan
from err_confirm.plan.index import Index
from hostile import BOMBS, ESCAPES
from talk import Talk, a_bot, write_files

ALIAS = """
name: {name}
formats: ["{name} {{{{host=web1}}}}"]
parameters:
  host: {{type: string, default: web1}}
  hosts: {{type: array, default: [web1, web2]}}
run: {{command: [echo, {template}]}}
"""
TELL = """#!/usr/bin/python3 -IS
import json, sys
with open("ran", "a") as file: print(json.dumps(sys.argv[1:]), file=file)
"""
FREE = {
    "tell": TELL,
    "actions/tell.yaml": """
name: tell
parameters: {what: {type: string, required: true, free: true, dash: true}}
run: {command: [./tell, "{{ what }}"], env: {WHAT: "{{ what }}"}}
""",
    "aliases/tell.yaml": "{name: tell, formats: ['tell {{what}}'], action_ref: tell, confirm: {within: 10m}}",
    "aliases/matched.yaml": """
name: matched
formats: ['matched {{what}}']
parameters: {what: {type: string, pattern: "(a+)+(a|aa)*b"}}
run: {command: [./tell, "{{ what }}"]}
""",
}


def loaded(folder: Path) -> Catalog:
    people = People({"alice": ["text:alice"], "bob": ["text:bob"]})
    return load([folder / "aliases"], [folder / "actions"], people=people, default=a_policy())


def outcome(folder: Path, files: dict[str, str | bytes], text: str) -> str:
    """Return what becomes of a file: what is found in it, or why nothing runs when it is said, or what would run."""
    for path in folder.rglob("*.yaml"):
        path.unlink()
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    catalog = loaded(folder)
    if catalog.errors:
        assert all(problem.source.line >= 1 and problem.message for problem in catalog.errors)
        return f"refused: {catalog.errors[0]}"
    try:
        plans = [plan(catalog, match) for match in Index(catalog.aliases.values()).matches(text)]
    except ErrConfirmError as error:
        return f"refused: {error}"
    return f"accepted: {[each.invocation.spec for each in plans]}"


def accepted(outcomes: dict[str, str]) -> dict[str, str]:
    return {name: said for name, said in outcomes.items() if not said.startswith("refused: ")}


def test_a_template_that_reaches_out_or_grows_without_end_never_gives_a_command(tmp_path: Path) -> None:
    """In an action's command: refused when the file is read, or when it is said."""
    corpus = [*ESCAPES, *BOMBS]
    outcomes = {}
    for number, template in enumerate(corpus):
        # `big` of the corpus is not there: an undefined name is refused as well
        file = ALIAS.format(name=f"t{number}", template=json.dumps(template))
        outcomes[template] = outcome(tmp_path, {f"aliases/t{number}.yaml": file}, f"t{number} web1")
    print(f"\ntemplates {len(corpus)}, accepted {len(accepted(outcomes))}")
    assert accepted(outcomes) == {}
    fine = ALIAS.format(name="fine", template=json.dumps("{{ host }}{{ hosts | length }}"))
    assert "web12" in outcome(tmp_path, {"aliases/fine.yaml": fine}, "fine web1")


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    write_files(tmp_path, FREE)
    with a_bot(tmp_path, MESSAGE_SIZE_LIMIT=100_000) as talk:
        yield talk


def test_a_template_from_chat_is_a_text(talk: Talk, tmp_path: Path) -> None:
    """All the same templates, typed: what runs gets them letter by letter, and so does what is shown."""
    typed = [
        each
        for each in [*ESCAPES, *BOMBS, "{~}", "{{ 7 * 7 }}", "${HOME}", "$(id)", "`id`", "%(what)s", "{what}"]
        if each == each.strip() and len(each) < 8_000 and "\t" not in each
    ]
    before = len(talk.executions())
    for each in typed:
        talk.alice.says(f"!tell {each}")
        talk.alice.says(f"!confirm {talk.prompt()}")
        talk.hears("succeeded")
    ran = [json.loads(line)[0] for line in (tmp_path / "ran").read_text().splitlines()]
    rendered = [(each, got) for each, got in zip(typed, ran, strict=True) if each != got]
    print(f"\ntyped {len(typed)}, rendered {len(rendered)}, executions {len(talk.executions()) - before}")
    assert rendered == []


NESTED = "[" * 21 + "]" * 21
YAML_BOMBS: dict[str, str | bytes] = {
    "nine levels of nine": b"a: &a [x, x, x, x, x, x, x, x, x]\n"
    + b"".join(
        b"%c: &%c [%s]\n" % (letter, letter, b", ".join([b"*%c" % (letter - 1)] * 9)) for letter in range(98, 107)
    ),
    "one anchor": "name: &n bomb\nformats: [bomb]\nrun: {command: [*n]}\n",
    "itself": "a: &a [*a]\n",
    "merged": "name: bomb\n<<: {formats: [bomb]}\nrun: {command: [id]}\n",
    "too deep": f"name: bomb\nformats: {NESTED}\n",
    "far too deep": "name: bomb\nformats: " + "[" * 100_000,
    "deep mappings": "name: bomb\nextra: " + "{a: " * 50_000,
    "deep by lines": "\n".join(" " * number + "a:" for number in range(500)),
    "too large": "name: bomb\nformats: [bomb]\nrun: {command: [id]}\n#" + "x" * 262_144,
    "a large text": "name: bomb\nformats: [bomb]\nrun: {command: ['" + "x" * 262_000 + "']}\n" + "#" * 200,
    "a large number": "name: bomb\nformats: [bomb]\nrun: {command: [id], timeout: " + "9" * 100_000 + "}\n",
    "many documents": "name: bomb\n" + "--- {}\n" * 20_000,
}
PATTERNS = {
    "counted twice": "(x{1000}){1000}",
    "counted too often": "x{100000}",
    "nested": "(((((x{30}){30}){30}){30}){30})",
    "looks ahead": "(?=(a+)+$)a",
    "looks behind": "(?<=(a+)+)a",
    "refers back": r"(a+)\1+$",
    "atomic": "(?>a+)+$",
    "open": "(" * 5_000,
    "possessive": "(a++)++",
    "recursive": "(?R)",
    "conditional": "(?(1)a|b)",
}


def test_a_file_that_would_grow_without_end_is_refused(tmp_path: Path) -> None:
    """YAML, and regular expressions as a parameter's pattern and as what is said."""
    outcomes = {name: outcome(tmp_path, {"aliases/bomb.yaml": content}, "bomb") for name, content in YAML_BOMBS.items()}
    for name, pattern in PATTERNS.items():
        written = json.dumps(pattern)
        said = f"name: bomb\nformats: [{json.dumps('bomb ' + pattern)}]\nrun: {{command: [id]}}\n"
        typed = (
            "name: bomb\nformats: ['bomb {{a}}']\nrun: {command: [id, '{{ a }}']}\n"
            f"parameters: {{a: {{type: string, pattern: {written}}}}}\n"
        )
        outcomes[f"{name}, said"] = outcome(tmp_path, {"aliases/bomb.yaml": said}, "bomb " + "a" * 41)
        outcomes[f"{name}, typed"] = outcome(tmp_path, {"aliases/bomb.yaml": typed}, "bomb " + "a" * 41)
    left = accepted(outcomes)
    print(f"\nbombs {len(outcomes)}, accepted {len(left)}")
    assert left == {}


def test_a_text_that_would_hold_the_bot_is_answered(talk: Talk) -> None:
    """The bot still answers after each, and none of them asks for anything."""
    texts = [
        *("matched " + "a" * size for size in (41, 1_000, 8_000)),
        *("tell " + "x" * size for size in (8_190, 50_000)),
        *("tell " + word * 2_500 for word in ("a=1 ", "{ ", '" ', "'a' ", "{{ ", "[[ ")),
        *(word * 1_500 for word in ("tell ", "matched a ", "tell x\n")),
    ]
    for text in texts:
        talk.mallory.says(f"!{text}")
    talk.alice.says("!confirm me")
    talk.hears("you are text:alice")
    waiting = [each for each in talk.executions() if len(each.text.encode()) > 8_192 or each.alias == "matched"]
    print(f"\ntexts {len(texts)}, asked for beyond the limits {len(waiting)}")
    assert waiting == []


BASE = "name: odd\nformats: [odd]\nrun: {command: [id]}\n"
SURPRISES = [
    *(
        "confirm: {by: bob, by: anyone}",
        "confirm: {within: 2h, within: 1m}",
        "confirm: no",
        "confirm: off",
        "confirm: ~",
    ),
    *(
        "confirm: {within: 1:30}",
        "confirm: {within: ~}",
        "confirm: {retry: }",
        "confirm: {within: 90 }s",
        "confirm: true",
    ),
    *(
        "confirm: [alice, bob]",
        "confirm: bob",
        "confirm: {by: }",
        "confirm: {by: []}",
        "confirm: {by: no}",
        "confirm: {by: 1}",
    ),
    *(
        "confirm: {need: 2}",
        "confirm: {by: alcie}",
        "confirm: {By: bob}",
        "confirm: {by: '@'}",
        "confirm: {by: '@sre', need: all}",
        "confirm: {by: 'slack:'}",
    ),
    *(
        "confirm: {retry: {count: 1.5, delay: 3s}}",
        "confirm: {retry: {count: '10', delay: 3s}}",
        "confirm: {retry: 10}",
    ),
    *("confirm: {retry: {count: yes, delay: 3s}}", "confirm: {retry: {count: -1, delay: 3s}}", "confirm: {deny: no}"),
    *("confirm: {within: 1m, retry: {count: 1, delay: 3s}}", "confirm: {within: .inf}", "confirm: {within: 1e9d}"),
    *("confirm: {within: -5m}", "confirm: {within: 0s}", "confirm: {within: 8d}", "confirm: 'None'", "confirm: ''"),
    *("confrim: none", "Confirm: none", "confirm : {by: bob}\nconfirm: none", "confirm: none\n'confirm': {by: bob}"),
    *("enabled: 'no'", "enabled: 0", "enabled: 'false'", "enabled: n", "enabled: ~", "enabled: nope"),
    *(
        "description: no",
        "description: 1",
        "description: 2024-01-31",
        "description: 0x1F",
        "description: [a]",
        "pack: 1.10",
    ),
    *(
        "on: 1",
        "yes: {by: bob}",
        "404: x",
        "~: x",
        "[a]: b",
        "{a: b}: c",
        "? a\n: b",
        "2024-01-31: x",
        "!!str confirm: none",
    ),
    *(
        "confirm: !!str none",
        "confirm: !none x",
        "confirm: &a none",
        "confirm: *a",
        "<<: {confirm: none}",
        "--- {}",
    ),
    *(
        "\tconfirm: none",
        "confirm: none\x00",
        "confirm: none\x1b[2K",
        "confirm: {by: bob",
        "confirm: 'none",
        "confirm: none: x",
    ),
    *(
        "parameters: {a: {type: text}}",
        "parameters: {a: {type: no}}",
        "parameters: {a: {required: 'yes'}}",
        "parameters: [a]",
    ),
    *(
        "parameters: {a: {min: 1}}",
        "parameters: {a: {max_length: 0}}",
        "parameters: {a: {type: integer, default: '5'}}",
    ),
    *("parameters: {a: {enum: []}}", "parameters: {a: {enum: [x], default: y}}", "parameters: {a: {free: 1}}"),
    *(
        "parameters: {a: {type: boolean, default: 'no'}}",
        "parameters: {no: {}}",
        "parameters: {a-b: {}}",
        "parameters: {a: 5}",
    ),
    *("parameters: {a: {type: integer, default: 1e3}}", "parameters: {a: {type: number, default: .nan}}"),
    *("immutable_parameters: {b: 1}", "ack: no", "result: {enabled: 'no'}", "extra: 1", "action_ref: other", "run: {}"),
]
RUNS = [
    *(
        "command: id",
        "command: []",
        "command: [id, 1]",
        "command: [id, no]",
        "command: [id, ~]",
        "command: [[id]]",
        "command: {a: b}",
    ),
    *(
        "command: [id], timeout: 1:30",
        "command: [id], timeout: no",
        "command: [id], timeout: 0s",
    ),
    *(
        "command: [id], env: [A]",
        "command: [id], env: {A: no}",
        "command: [id], env: {A: 1}",
        "command: [id], env: {A=B: x}",
    ),
    *(
        "command: [id], env: {A: 'env:'}",
        "command: [id], env: {A: 'env:{{ b }}'}",
        "command: [id], cwd: 5",
        "command: [id], shell: yes",
    ),
    *(
        "command: [id], output_cap: lots",
        "command: [id], python: 'os:getcwd'",
        "comand: [id]",
        "python: os.system",
        "python: 'os:'",
    ),
    *("command: [id], command: [rm]", "command: ['{{ undeclared }}']", "command: ['{{ ']", "command: ['{% if %}']"),
]


def test_what_yaml_makes_something_else_of_is_refused_with_its_line(tmp_path: Path) -> None:
    """Keys that are there twice, values of another type, odd numbers, and what no file of ours says."""
    files = {extra: f"{BASE}{extra}\n" for extra in SURPRISES}
    files |= {run: f"name: odd\nformats: [odd]\nrun: {{{run}}}\n" for run in RUNS}
    outcomes = {name: outcome(tmp_path, {"aliases/odd.yaml": content}, "odd") for name, content in files.items()}
    left = accepted(outcomes)
    print(f"\nsurprises {len(outcomes)}, accepted {len(left)}")
    assert left == {}
    assert [said for said in outcomes.values() if "odd.yaml:" not in said] == []
    assert accepted({"base": outcome(tmp_path, {"aliases/odd.yaml": BASE}, "odd")}) != {}
