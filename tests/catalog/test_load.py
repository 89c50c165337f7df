"""Whole folders: what fits together, and what does not."""

from pathlib import Path

import pytest

from err_confirm.catalog import Severity
from err_confirm.errors import ActionMissingError
from err_confirm.model.files import Alias, Source

ACTION = """
    name: reboot
    parameters:
      host: {required: true}
      env: {enum: [staging, prod], default: staging}
      force: {type: boolean}
    run: {command: [echo, "{{ host }}", "{{ env }}"]}
"""
ALIAS = """
    name: reboot
    action_ref: reboot
    formats: ["reboot {{ host }}"]
"""


def test_aliases_and_actions_are_found_in_their_folders_by_name(folders):
    """In order of their names; other files and folders inside are not looked at."""
    folders.action(ACTION)
    folders.alias(ALIAS.replace("name: reboot", "name: zz"), "1.yaml")
    folders.alias(ALIAS.replace("name: reboot", "name: aa").replace("reboot {{", "restart {{"), "2.yml")
    folders.alias("not: [an alias", "notes.txt")
    (folders.aliases / "inner.yaml").mkdir()
    catalog = folders.load()
    assert list(catalog.aliases) == ["aa", "zz"]
    assert list(catalog.actions) == ["reboot"]
    assert catalog.problems == ()


def test_one_wrong_file_keeps_no_other_from_being_loaded(folders):
    """Each error stands at its own file, and they are sorted by file and line."""
    folders.action(ACTION)
    folders.alias(ALIAS)
    folders.alias("name: [", "a.yaml")
    folders.alias("name: z\nformats: [x]\n", "z.yaml")
    catalog = folders.load()
    assert list(catalog.aliases) == ["reboot"]
    assert [str(problem.source) for problem in catalog.problems] == ["aliases/a.yaml:1", "aliases/z.yaml:1"]


def test_a_folder_that_is_not_there_is_noted(folders):
    """A bot without actions of its own needs no folder for them."""
    folders.actions.rmdir()
    (problem,) = folders.load().problems
    assert str(problem) == "actions: there is no such folder"
    assert problem.severity is Severity.NOTE


@pytest.mark.parametrize("said", ["reboot", "ops.reboot"])
@pytest.mark.parametrize("pack", ["", "pack: ops"])
def test_an_action_is_found_by_its_name_with_or_without_its_pack(folders, said, pack):
    """StackStorm's aliases say both, and its actions' files often say no pack."""
    folders.action(ACTION + f"    {pack}\n")
    folders.alias(ALIAS.replace("action_ref: reboot", f"action_ref: {said}"))
    catalog = folders.load()
    assert catalog.action(catalog.aliases["reboot"]) is catalog.actions["reboot"]


def test_an_action_of_another_pack_is_not_taken_for_the_one_that_is_meant(folders):
    """`prod.reboot` never starts `staging.reboot`."""
    folders.action(ACTION + "    pack: staging\n")
    folders.alias(ALIAS.replace("action_ref: reboot", "action_ref: prod.reboot"))
    catalog = folders.load()
    with pytest.raises(ActionMissingError, match=r'alias "reboot" starts the action "prod\.reboot"'):
        catalog.action(catalog.aliases["reboot"])


def test_a_missing_action_is_a_warning_and_the_alias_stays(folders):
    """A later runner may bring the action; until then, starting it is refused."""
    folders.alias(ALIAS)
    catalog = folders.load()
    assert [str(problem) for problem in catalog.warnings] == [
        'aliases/reboot.yaml:2: alias "reboot" starts the action "reboot", which has no file here that can be used'
    ]
    with pytest.raises(ActionMissingError):
        catalog.action(catalog.aliases["reboot"])


def test_a_second_alias_of_a_name_is_refused_and_names_the_first(folders):
    """The first by file name stays."""
    folders.action(ACTION)
    folders.alias(ALIAS, "a.yaml")
    folders.alias("# again\n" + ALIAS.replace("    ", ""), "b.yaml")
    catalog = folders.load()
    assert [str(problem) for problem in catalog.errors] == [
        'aliases/b.yaml:3: there is an alias "reboot" already: aliases/a.yaml:1'
    ]
    assert catalog.aliases["reboot"].source == Source(Path("aliases/a.yaml"), 1)


def test_a_second_action_of_a_name_is_refused_and_names_the_first(folders):
    """Also if an alias file brings it along, which is then refused as a whole."""
    folders.action(ACTION, "a.yaml")
    folders.action(ACTION, "b.yaml")
    folders.alias("name: reboot\nformats: [x]\nrun: {command: [id]}\n")
    catalog = folders.load()
    assert [str(problem) for problem in catalog.errors] == [
        'actions/b.yaml:1: there is an action "reboot" already: actions/a.yaml:1',
        'aliases/reboot.yaml:1: there is an action "reboot" already: actions/a.yaml:1',
    ]
    assert not catalog.aliases
    assert catalog.actions["reboot"].run != {"command": ["id"]}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("formats: ['reboot {{ hsot }}']", '3: unknown parameter "hsot" of "reboot" (did you mean "host"?)'),
        ("formats: ['reboot (?P<hsot>x)']", '3: unknown parameter "hsot" of "reboot" (did you mean "host"?)'),
        (
            "formats: ['reboot {{ host }}']\nimmutable_parameters: {frce: true}",
            '4: unknown parameter "frce" of "reboot" (did you mean "force"?)',
        ),
        (
            "formats: ['reboot {{ host }}']\nimmutable_parameters: {env: '{{ hots }}'}",
            '4: unknown parameter "hots" of "reboot" (did you mean "host"?)',
        ),
        (
            "formats: ['reboot {{ host }}']\nimmutable_parameters: {env: [{of: '{{ host }} {{ hots }}'}]}",
            '4: unknown parameter "hots" of "reboot" (did you mean "host"?)',
        ),
        (
            "formats: ['reboot {{ host }}']\nimmutable_parameters: {env: dev}",
            '4: "env" must be one of staging, prod',
        ),
        ("formats: ['reboot {{ host }}']\nimmutable_parameters: {force: 3}", '4: "force" must be true or false'),
        (
            "formats: ['reboot {{ host }} {{ force }}']\nimmutable_parameters: {force: true}",
            '3: "force" is in immutable_parameters, too; a format cannot give it',
        ),
        (
            "formats: ['reboot {{ host }} in {{ env = dev }}']",
            '3: the default of "env" must be one of staging, prod',
        ),
    ],
)
def test_what_an_alias_gives_must_be_what_its_action_takes(folders, lines, message):
    """Otherwise it would fail each time that somebody says it."""
    folders.action(ACTION)
    folders.alias(f"name: reboot\naction_ref: reboot\n{lines}\n")
    catalog = folders.load()
    assert [str(problem) for problem in catalog.errors] == [f"aliases/reboot.yaml:{message}"]
    assert not catalog.aliases


@pytest.mark.parametrize(
    ("lines", "warnings"),
    [
        ("formats: [reboot everything]", 1),
        ("formats: [reboot everything, 'reboot {{ host }}']", 0),
        ("formats: [reboot db1]\nimmutable_parameters: {host: db1}", 0),
    ],
)
def test_a_parameter_that_the_action_needs_and_no_format_gives_is_a_warning(folders, lines, warnings):
    """It can still be said as a pair at the end."""
    folders.action(ACTION)
    folders.alias(f"name: reboot\naction_ref: reboot\n{lines}\n")
    assert [str(problem) for problem in folders.load().problems] == [
        'aliases/reboot.yaml:3: no format gives "host", which "reboot" needs'
    ] * warnings


def test_two_aliases_with_one_text_are_a_warning_that_names_both(folders):
    """Blanks inside the braces do not matter; an alias that is switched off does not count."""
    folders.action(ACTION)
    folders.alias(ALIAS, "a.yaml")
    folders.alias(ALIAS.replace("{{ host }}", "{{host}}").replace("name: reboot", "name: again"), "b.yaml")
    folders.alias(ALIAS.replace("name: reboot", "enabled: false\n    name: off"), "c.yaml")
    assert [str(problem) for problem in folders.load().warnings] == [
        'aliases/b.yaml:3: two aliases for one text: "reboot" (aliases/a.yaml:1) and "again"'
    ]


def test_loading_gives_the_model_and_nothing_of_the_files_form(folders):
    """What else reads YAML can make the same."""
    folders.action(ACTION)
    folders.alias(ALIAS)
    alias = folders.load().aliases["reboot"]
    assert isinstance(alias, Alias)
    assert hash(alias.source)
