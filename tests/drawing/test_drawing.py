"""Drawings: every step of a command is in them, nothing in a file can become markup, and nothing is started."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from err_confirm.catalog import Catalog, load, parse_policy
from err_confirm.cli import Exit, main
from err_confirm.drawing import Chart, Kind, chart, mermaid, svg
from err_confirm.people import People
from talk import ROOT, write_files

DEFAULT = parse_policy("requester", People({}))
DEPLOY = """\
name: deploy
formats: ["deploy {{version}} to {{env=staging}}"]
parameters: {version: {}, env: {enum: [staging, prod], default: staging}}
targets: {command: [./inventory, "{{ env }}"], select: "hosts[].{id: id, name: name}"}
preview: {command: [./plan, "{{ version }}"]}
run: {command: [./deploy, "{{ target }}", "{{ version }}"]}
rate: {concurrency: 25%, max_errors: 1}
lock: "{{ env }}"
remote: web
confirm:
  - {by: ["@sre"], need: 2}
  - {by: ["@lead"], within: 2h}
then: verify
else: rollback
"on": {expired: page}
"""
SMALL = """\
name: NAME
formats: ["NAME {{version}}"]
confirm: POLICY
run: {command: [echo, "{{ version }}"]}
"""
HOSTILE = 'x"]; click run "javascript:alert(1)" <script>alert(1)</script> `id` %%{init}%% \u202e #quot; --> y'


def _catalog(folder: Path, files: dict[str, str]) -> Catalog:
    write_files(folder, {"actions/.keep": "", **files})
    return load([folder / "aliases"], [folder / "actions"], people=People({}), default=None)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    small = {
        f"aliases/{name}.yaml": SMALL.replace("NAME", name).replace("POLICY", policy)
        for name, policy in {"verify": "none", "rollback": "{by: others}", "page": "none"}.items()
    }
    return _catalog(tmp_path, {"aliases/deploy.yaml": DEPLOY, **small})


def _drawn(catalog: Catalog, name: str) -> Chart:
    made = chart(catalog, name)
    assert made is not None
    return made


def test_all_that_happens_is_drawn_in_its_order(catalog: Catalog) -> None:
    """From what is said, over what is looked up and who answers, to what runs, how it ends and what follows."""
    made = _drawn(catalog, "deploy")
    kinds = [box.kind for box in made.boxes if box.kind not in (Kind.END, Kind.FOLLOW)]
    assert kinds == [Kind.SAID, Kind.LOOK, Kind.LOOK, Kind.ASK, Kind.ASK, Kind.RUN]
    run = next(box for box in made.boxes if box.kind is Kind.RUN)
    assert run.lines == (
        "alone under {{ env }}",
        "for each target, 25% at once, until more than 1 fail",
        "on a worker of web",
        "./deploy {{ target }} {{ version }}",
    )
    lines = {box.id: box.lines for box in made.boxes}
    led = {(lines[arrow.start][0], arrow.label, lines[arrow.end]) for arrow in made.arrows}
    assert {
        ("succeeded", "then", ("verify", "runs at once")),
        ("failed", "else", ("rollback", "waits for anyone but who asked")),
        ("expired", "", ("page", "runs at once")),
        ("stage 2: 1 of @lead", "no", ("denied",)),
    } <= led


@pytest.mark.parametrize(
    ("run", "drawn"),
    [
        ("[./deploy, '{{ target }}']", ("for each target, 1 at once, until one fails", "./deploy {{ target }}")),
        ("[./deploy, '{{ targets }}']", ("./deploy {{ targets }}",)),
    ],
)
def test_only_what_runs_for_each_target_is_drawn_as_such(tmp_path: Path, run: str, drawn: tuple[str, ...]) -> None:
    """A command that takes all targets runs once."""
    text = f"name: deploy\nformats: [deploy]\ntargets: {{command: [./inventory]}}\nrun: {{command: {run}}}\n"
    made = _drawn(_catalog(tmp_path, {"aliases/deploy.yaml": text}), "deploy")
    assert [box.lines for box in made.boxes if box.kind is Kind.RUN] == [drawn]


def test_each_box_but_the_first_has_one_arrow_that_leads_to_it(catalog: Catalog) -> None:
    """So it can be laid out without a line that crosses another."""
    for name in catalog.aliases:
        made = _drawn(catalog, name)
        assert sorted(arrow.end for arrow in made.arrows) == sorted(box.id for box in made.boxes[1:])


def test_no_two_boxes_of_the_picture_touch(catalog: Catalog) -> None:
    """Each is at its own place, inside the picture."""
    root = ET.fromstring(svg(_drawn(catalog, "deploy")))
    names = ("x", "y", "width", "height")
    found = [[float(each.get(name, "")) for name in names] for each in root.iter() if each.get("rx")]
    width, height = float(root.get("width", "")), float(root.get("height", ""))
    assert len(found) == len(_drawn(catalog, "deploy").boxes)
    for number, (x, y, w, h) in enumerate(found):
        assert 0 <= x <= x + w <= width
        assert 0 <= y <= y + h <= height
        assert all(x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y for x2, y2, w2, h2 in found[:number])


def test_what_a_file_says_is_no_markup_in_a_drawing(tmp_path: Path) -> None:
    """Mermaid and SVG show it, and do nothing with it."""
    quoted = json.dumps(HOSTILE)
    alias = f"name: bad\nformats: ['x {{{{v}}}}']\nrun: {{command: [echo, {quoted}]}}\n"
    made = _drawn(_catalog(tmp_path, {"aliases/bad.yaml": alias}), "bad")
    labels = re.findall(r'"(.*)"', mermaid(made))
    assert len(labels) == len(made.boxes)
    assert all(re.fullmatch(r"(?:[\w .,:@{}=/+-]|#\d+;|<br>)*", label) for label in labels)
    root = ET.fromstring(svg(made))
    assert {each.tag.rpartition("}")[2] for each in root.iter()} <= {
        *("svg", "title", "defs", "marker", "path", "rect", "text"),
    }
    assert not [name for each in root.iter() for name in each.attrib if name.startswith("on") or "href" in name]
    assert "\u202e" not in svg(made)


def test_the_picture_in_the_docs_is_what_is_drawn_of_the_example() -> None:
    example = load([ROOT / "aliases"], [ROOT / "actions"], people=People({}), default=DEFAULT)
    assert (ROOT / "docs/ship.svg").read_text() == svg(_drawn(example, "ship"))


def test_a_guarded_command_can_be_drawn_too(tmp_path: Path) -> None:
    """Its patterns are what is said."""
    guard = 'name: care\ncommands: ["Deploy:*"]\nconfirm: {by: others}\n'
    made = _drawn(_catalog(tmp_path, {"aliases/care.yaml": guard}), "care")
    assert [box.lines[0] for box in made.boxes if box.kind in (Kind.SAID, Kind.ASK, Kind.RUN)] == [
        "Deploy:*",
        "anyone but who asked",
        "the command itself",
    ]


def test_the_command_prints_or_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str], catalog: Catalog) -> None:
    """Mermaid on the terminal, a picture into a file, facts for programs; what is not there gets a hint."""
    config = tmp_path / "config.py"
    folders = f"CONFIRM_ALIASES = {str(tmp_path / 'aliases')!r}\nCONFIRM_ACTIONS = {str(tmp_path / 'actions')!r}\n"
    groups = 'CONFIRM_GROUPS = {"sre": ["text:a"], "lead": ["text:b"]}'
    config.write_text(f"{groups}\nBOT_DATA_DIR = {str(tmp_path)!r}\n{folders}")
    shared = ["draw", "--config", str(config)]

    def run(*arguments: str) -> tuple[int, str]:
        code = main([*shared, *arguments])
        return code, capsys.readouterr().out

    code, out = run("deploy")
    assert (code, out.splitlines()[0]) == (Exit.OK, "flowchart TD")
    picture = tmp_path / "deploy.svg"
    assert run("deploy", "--output", str(picture)) == (Exit.OK, "")
    assert ET.fromstring(picture.read_text()).tag.endswith("svg")
    facts: Any = json.loads(run("deploy", "--json")[1])
    assert facts["title"] == "deploy"
    assert main([*shared, "deplyo"]) == Exit.NO
    assert 'did you mean "deploy"?' in capsys.readouterr().err


def test_what_is_masked_in_a_prompt_is_masked_in_a_drawing(tmp_path: Path) -> None:
    """A secret that stands in the URL of a file."""
    request = '{http: {url: "https://h.example/x?token=canary&q={{ q }}"}}'
    alias = f"name: hook\nformats: ['hook {{{{q}}}}']\nparameters: {{q: {{}}}}\nrun: {request}\npreview: {request}\n"
    made = _drawn(_catalog(tmp_path, {"aliases/hook.yaml": alias}), "hook")
    drawn = [svg(made), mermaid(made), json.dumps([box.lines for box in made.boxes])]
    assert not any("canary" in each for each in drawn)
    assert drawn[-1].count("token=***&q={{ q }}") == 2
