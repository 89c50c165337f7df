"""Packs: several folders of aliases and actions, each with a name of its own."""

from pathlib import Path

import pytest

from builders import a_policy
from err_confirm.catalog import Catalog, Severity, load
from err_confirm.guards import BotCommand, Guards
from err_confirm.model.files import Source
from err_confirm.people import People
from talk import write_files

RUN = "run: {command: [echo, here]}\n"


def action(name: str, rest: str = "") -> str:
    return f"name: {name}\n{rest}{RUN}"


def alias(name: str, ref: str, rest: str = "") -> str:
    return f"name: {name}\nformats: ['{name} now']\naction_ref: {ref}\n{rest}"


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path, {"aliases/.keep": "", "actions/.keep": ""})


def loaded(files: dict[str, str], *packs: str) -> Catalog:
    write_files(Path(), files)
    return load(
        [Path("aliases")],
        [Path("actions")],
        packs=[Path(each) for each in packs],
        people=People({"alice": ["text:1"]}),
        default=a_policy(),
        shipped=None,
    )


def said(catalog: Catalog) -> list[str]:
    return [str(problem) for problem in catalog.problems]


def pack_of(catalog: Catalog, name: str) -> str:
    """Return the pack of the action that an alias starts."""
    return catalog.action(catalog.aliases[name]).pack


def test_a_pack_brings_aliases_and_actions_that_know_its_name():
    """Its python functions are those of its own actions folder, because that is where it runs."""
    files = {
        "packs/web/aliases/restart.yaml": alias("restart", "restart"),
        "packs/web/actions/r.yaml": action("restart"),
    }
    catalog = loaded(files, "packs/web")
    found = catalog.action(catalog.aliases["restart"])
    assert (said(catalog), catalog.aliases["restart"].pack, found.pack) == ([], "web", "web")
    assert (found.base, found.source) == (Path("packs/web").absolute(), Source(Path("packs/web/actions/r.yaml"), 1))


@pytest.mark.parametrize(
    ("of_pack", "of_file", "name"),
    [
        ("", "", "folder"),
        ("name: named\n", "", "named"),
        ("name: N\nref: ref\n", "", "ref"),
        ("ref: r\n", "own", "own"),
    ],
)
def test_the_name_is_that_of_the_file_else_of_pack_yaml_else_of_the_folder(of_pack, of_file, name):
    files = {"folder/actions/a.yaml": action("a", f"pack: {of_file}\n" if of_file else "")}
    catalog = loaded({**files, **({"folder/pack.yaml": of_pack} if of_pack else {})}, "folder")
    assert catalog.actions["a"].pack == name


def test_a_pack_yaml_that_cannot_be_read_leaves_the_name_of_the_folder():
    catalog = loaded({"web/pack.yaml": "name: &x other\n", "web/actions/a.yaml": action("a")}, "web")
    assert catalog.actions["a"].pack == "web"
    assert said(catalog) == ["web/pack.yaml:1: has a YAML anchor (&x); remove it; so the pack is web"]
    assert not catalog.errors


def test_each_pack_may_have_an_action_of_one_name():
    """A name alone means that of the alias's own pack, then the one of no pack; else it must be the only one."""
    files = {f"{each}/actions/a.yaml": action("restart") for each in ("web", "db")}
    files |= {f"{each}/aliases/a.yaml": alias(f"go_{each}", "restart") for each in ("web", "db")}
    files |= {"aliases/one.yaml": alias("one", "db.restart"), "aliases/other.yaml": alias("other", "restart")}
    catalog = loaded(files, "web", "db")
    assert [pack_of(catalog, name) for name in ("go_web", "go_db", "one")] == ["web", "db", "db"]
    assert said(catalog) == [
        'aliases/other.yaml:3: "restart" may be web.restart (web/actions/a.yaml:1) '
        "and db.restart (db/actions/a.yaml:1); name its pack"
    ]
    assert "other" not in catalog.aliases
    catalog = loaded({"actions/mine.yaml": action("restart")}, "web", "db")
    assert [pack_of(catalog, name) for name in ("go_web", "go_db", "one", "other")] == ["web", "db", "db", ""]


def test_a_choice_runs_the_action_of_the_pack_of_its_alias():
    choice = "confirm: {by: others, choices: {approve: {}, safe: {run: stop}}}\n"
    files = {f"{each}/actions/stop.yaml": action("stop") for each in ("web", "db")}
    files |= {"web/actions/a.yaml": action("a"), "web/aliases/a.yaml": alias("a", "a", choice)}
    assert said(loaded(files, "web", "db")) == []
    catalog = loaded({"aliases/b.yaml": alias("b", "a", choice)}, "web", "db")
    assert said(catalog) == ['aliases/b.yaml:4: unknown action "stop" (did you mean "db.stop"?)']


@pytest.mark.parametrize("kind", ["aliases", "actions"])
def test_two_files_of_one_name_are_an_error_with_both_places(kind):
    """For actions: within one pack."""
    first = alias("x", "y") if kind == "aliases" else action("x", "pack: p\n")
    second = alias("x", "z") if kind == "aliases" else action("x", "pack: p\n")
    catalog = loaded({f"web/{kind}/a.yaml": first, f"db/{kind}/b.yaml": second}, "web", "db")
    what, name = ("an alias", "x") if kind == "aliases" else ("an action", "p.x")
    assert [str(problem) for problem in catalog.errors] == [
        f'db/{kind}/b.yaml:1: there is {what} "{name}" already: web/{kind}/a.yaml:1'
    ]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "is no pack that can be read: No such file or directory; correct CONFIRM_PACKS"),
        ({"web/x.yaml": "a: b"}, "is no pack: it has neither aliases/ nor actions/; correct CONFIRM_PACKS"),
        ({"web": "a file"}, "is no pack that can be read: Not a directory; correct CONFIRM_PACKS"),
    ],
)
def test_a_pack_that_is_not_there_refuses_all_that_nothing_else_guards(files, message):
    """Nobody can tell what it would have guarded."""
    catalog = loaded(files, "web")
    assert [(str(each), each.severity) for each in catalog.problems] == [(f"web:1: {message}", Severity.ERROR)]
    guard = Guards(catalog.all_guards()).guarding(BotCommand(plugin="Deploy", name="deploy"), "")
    assert guard is not None
    assert guard.unreadable


def test_the_guards_of_a_pack_hold():
    catalog = loaded({"web/aliases/g.yaml": "commands: ['Deploy:*']\nconfirm: {by: others}\n"}, "web")
    guard = Guards(catalog.all_guards()).guarding(BotCommand(plugin="Deploy", name="deploy"), "")
    assert guard is not None
    assert (guard.source.path, guard.error) == (Path("web/aliases/g.yaml"), "")
