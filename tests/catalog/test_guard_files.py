"""What a guard file may say, and that one that is wrong never lets a command through."""

from pathlib import Path

import pytest

from builders import a_policy
from err_confirm.catalog import SHIPPED, Catalog, Severity, load
from err_confirm.catalog.stand_in import LONGEST_ERROR
from err_confirm.catalog.yaml_source import LARGEST
from err_confirm.guards import BotCommand, Guards
from err_confirm.model.files import Guard, Source
from err_confirm.people import People
from err_confirm.policy.seating import names

PROD = """
    # what touches production
    commands: ["Deploy:deploy", "Health:shutdown"]
    confirm: {by: others, within: 10m}
"""
ALIAS = "name: prod\nformats: [reboot]\nrun: {command: [id]}\n"


def written(catalog: Catalog) -> list[Guard]:
    """Return the guards that are not shipped."""
    return [guard for guard in catalog.guards.values() if not guard.shipped]


def the_guard(catalog: Catalog) -> Guard:
    (guard,) = written(catalog)
    return guard


def command(name: str) -> BotCommand:
    plugin, _, said = name.partition(":")
    return BotCommand(plugin=plugin, name=said)


def guarding(catalog: Catalog, name: str) -> Guard | None:
    return Guards(catalog.guards.values()).guarding(command(name), "")


# Files that are sound


def test_a_file_with_commands_is_a_guard_named_like_the_file(folders):
    """It stands among the aliases, and is none."""
    folders.alias(PROD, "prod.yaml")
    catalog = folders.load()
    assert the_guard(catalog) == Guard(
        name="prod",
        commands=("Deploy:deploy", "Health:shutdown"),
        source=Source(Path("aliases/prod.yaml"), 2),
        policy=a_policy(by=("others",), deny_by=("others",), retry_count=100, retry_delay=6.0),
    )
    assert (catalog.problems, dict(catalog.aliases)) == ((), {})


def test_one_pattern_needs_no_list_and_all_other_keys_may_be_said(folders):
    """A pack is a word of StackStorm's and is not looked at."""
    folders.alias("name: p\npack: q\ndescription: d\nenabled: true\ncommands: Deploy:deploy\nconfirm: requester\n")
    guard = the_guard(folders.load())
    assert (guard.name, guard.description, guard.commands) == ("p", "d", ("Deploy:deploy",))


@pytest.mark.parametrize("default", [None, a_policy(by=("anyone",))])
def test_without_confirm_the_default_holds(folders, default):
    """As for aliases."""
    folders.alias("commands: Deploy:deploy\n")
    assert the_guard(folders.load(default)).policy == default


def test_commands_that_run_at_once_are_noted(folders):
    """That is how an exception is written: it is no warning."""
    folders.alias("commands: Health:status*\nconfirm: none\n", "prod.yaml")
    catalog = folders.load()
    (problem,) = catalog.problems
    assert str(problem) == 'aliases/prod.yaml:2: the commands of "prod" run at once, without confirmation'
    assert problem.severity is Severity.NOTE
    assert the_guard(catalog).policy is None


@pytest.mark.parametrize("pattern", ["Deploy:deploy prod*", "deploy prod", "*:d* p"])
def test_a_pattern_with_arguments_is_noted(folders, pattern):
    """What is said otherwise may mean the same."""
    folders.alias(f"commands:\n - Health:shutdown\n - '{pattern}'\n", "prod.yaml")
    (problem,) = folders.load().problems
    assert str(problem) == (
        f'aliases/prod.yaml:3: "{pattern}" guards only some arguments, unless a command has this name; '
        "another way to say them may avoid it"
    )
    assert problem.severity is Severity.NOTE


@pytest.mark.parametrize("pattern", ["Deploy:deploy*", "Deploy:deploy *", "Deploy : deploy", "?eploy:*", "x", "*"])
def test_a_pattern_for_all_arguments_needs_no_note(folders, pattern):
    """Also if it says `*` for them."""
    folders.alias(f"commands: '{pattern}'\n")
    catalog = folders.load()
    assert (the_guard(catalog).commands, catalog.problems) == ((pattern,), ())


def test_a_guard_that_is_switched_off_is_left_out(folders):
    """Also if more is wrong with it, which is said all the same."""
    folders.alias(PROD + "    enabled: false\n", "a.yaml")
    folders.alias(PROD + "    enabled: false\n    nmae: x\n", "b.yaml")
    catalog = folders.load()
    assert written(catalog) == []
    assert [str(problem) for problem in catalog.problems] == [
        'aliases/b.yaml:5: unknown key "nmae" (did you mean "name"?)'
    ]


# What is wrong

WRONG = {
    "commands: [Deploy:deploy]\nconfrm: none": '2: unknown key "confrm" (did you mean "confirm"?)',
    "commands: [Deploy:deploy]\nack: {}": '2: unknown key "ack"',
    "commands: [Deploy:deploy]\nenabled: 1": '2: "enabled" must be true or false, not 1',
    "commands: [Deploy:deploy]\nname: ' '": "2: a name has at least one character, on one line",
    "commands: [Deploy:deploy]\nconfirm: {by: mallory}": ('2: unknown person "mallory"; name them in CONFIRM_PEOPLE'),
    "commands: [Deploy:deploy]\nconfirm: {by: others, within: soon}": "2: ",
    "confirm: none\nformats: [x]\ncommands: Deploy:deploy": (
        '2: has "commands" (a guard) and "formats" (an alias); keep one of them, or make two files'
    ),
    "commands: Deploy:deploy\nrun: {command: [id]}": (
        '2: has "commands" (a guard) and "run" (an alias); keep one of them, or make two files'
    ),
    "commands: Deploy:deploy\naction_ref: null": (
        '2: has "commands" (a guard) and "action_ref" (an alias); keep one of them, or make two files'
    ),
    f"commands:\n - Deploy:deploy\n - Deploy:{'x' * 194}": '3: item 2 of "commands" must have at most 200 characters',
    f"commands: [{'Deploy:deploy, ' * 1001}]": '1: "commands" must have at most 1,000 items',
    **{
        f"commands: [Deploy:deploy, '{pattern}']": (
            f'1: "{pattern}" is our own, and to confirm must not need a confirmation; remove it'
        )
        for pattern in (
            "Confirm:confirm",
            "confirm:*",
            "confirm",
            "*:DENY",
            "Aliases:aliases",
            "aliases",
            "Guards:guards*",
            "Confirm:cancel now",
        )
    },
}
"""Files of which it is clear what they cover."""

UNCLEAR = {
    "commands:": '1: "commands" must not be empty',
    "commands: []": '1: "commands" must not be empty',
    "commands: [Deploy: deploy]": '1: item 1 of "commands" must be text, not a mapping; text with ": " in it is put in',
    "commands: {a: b}": '1: "commands" must be a list ([a, b], or lines of "- a"), not a mapping',
    "commands:\n - Deploy:deploy\n - 5": '3: item 2 of "commands" must be text; YAML does not read 5 as text; put',
    "commands:\n - [Deploy:deploy]": '2: item 1 of "commands" must be text, not a list',
    "commands: ['']": '1: a pattern names a command, on one line: "Deploy:deploy", "Deploy:*"',
    'commands: "Deploy:deploy\\nx"': '1: a pattern names a command, on one line: "Deploy:deploy", "Deploy:*"',
    'commands: "Deploy:dep\\u200bloy"': '1: a pattern names a command, on one line: "Deploy:deploy", "Deploy:*"',
    "commands: ':deploy'": '1: ":deploy" names no plugin; write "*:deploy" for any',
    "commands: 'Deploy: '": '1: "Deploy: " names no command; write "Deploy:*" for all of the plugin',
    "commands: deploy env:prod": (
        '1: "deploy env:prod" would be of a plugin "deploy env"; write "*:deploy env:prod" for any plugin'
    ),
    "commands: 'Deploy:[a-z]*'": '1: only * and ? stand for other letters; "Deploy:[a-z]*" has brackets',
    "comands: [Deploy:deploy]": '1: unknown key "comands" (did you mean "commands"?)',
    "Commands: [Deploy:deploy]\nconfirm: none": '1: unknown key "Commands" (did you mean "commands"?)',
    "command: Deploy:deploy": '1: unknown key "command" (did you mean "commands"?)',
}
"""Files of which nobody can tell what they should cover."""


@pytest.mark.parametrize(("text", "message"), [*WRONG.items(), *UNCLEAR.items()])
def test_a_wrong_file_is_said_with_its_line_and_its_guard_says_the_same(folders, text, message):
    """The sentence names what would be right."""
    folders.alias(text, "prod.yaml")
    catalog = folders.load()
    errors = [str(problem) for problem in catalog.errors]
    assert any(error.startswith(f"aliases/prod.yaml:{message}") for error in errors), errors
    assert the_guard(catalog).error in errors
    assert not catalog.aliases


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_file_refuses_what_it_covers_and_nothing_else(folders, text):
    """Whatever policy it has, nothing runs under one that may not be meant."""
    folders.alias(text, "prod.yaml")
    catalog = folders.load()
    refusing = guarding(catalog, "Deploy:deploy")
    assert refusing.error.startswith("aliases/prod.yaml:")
    assert (refusing.policy, refusing.unreadable) == (None, False)
    assert guarding(catalog, "Deploy:status") is None


@pytest.mark.parametrize("text", UNCLEAR)
def test_a_file_that_may_cover_anything_refuses_all_that_nothing_else_guards(folders, text):
    """Any of the commands may be the one that it was written for."""
    folders.alias(text, "prod.yaml")
    folders.alias("commands: Health:shutdown\nconfirm: requester\n", "sound.yaml")
    catalog = folders.load()
    assert guarding(catalog, "Deploy:deploy").unreadable
    assert guarding(catalog, "Anything:else").unreadable
    assert guarding(catalog, "Health:shutdown").name == "sound"


@pytest.mark.parametrize("text", [*WRONG, *UNCLEAR])
def test_no_message_speaks_like_the_library_that_checks(folders, text):
    """A person who writes YAML need not know what it is checked with."""
    for problem in folders.problems(text):
        assert not any(word in problem for word in ("pydantic", "Input", "validat", "dict", "_type", "Error"))


def test_an_error_is_one_short_line_for_the_chat(folders):
    """A file may have any key."""
    folders.alias('commands: Deploy:deploy\n"a\\u202e\\nb' + "x" * 900 + '": 1\n', "prod.yaml")
    error = the_guard(folders.load()).error
    assert error.startswith(r'aliases/prod.yaml:2: unknown key "a\u202e\u000abxxx')
    assert len(error) == LONGEST_ERROR


def test_an_alias_whose_formats_are_misspelt_is_told_the_right_word(folders):
    """It might have been a guard, and refuses as one; what else an alias may say is not said to be wrong."""
    folders.alias("name: x\nformat: [x]\nack: {format: hi}\nconfirm: {by: others, within: 5m}\n", "x.yaml")
    catalog = folders.load()
    misspelt = 'aliases/x.yaml:2: unknown key "format" (did you mean "formats"?)'
    assert the_guard(catalog).error == misspelt
    assert [*map(str, catalog.problems)] == ['aliases/x.yaml:1: "formats" is missing', misspelt]


def test_an_alias_that_is_wrong_is_no_guard(folders):
    """It refuses itself only."""
    folders.alias("name: x\nrun: {}\ndescription: 'commands: none'\n")
    folders.alias("formats: [x]\ncommand: [id]\n", "y.yaml")
    assert written(folders.load()) == []


# Files that cannot be read

UNREADABLE = {
    "nothing at all": "",
    "the beginning of anything": "name: [",
    "no YAML": "commands: [Deploy:deploy",
    "a key in quotes": "'commands': [Deploy:deploy",
    "behind another key": "{name: x, commands: [Deploy:deploy]",
    "a key twice": "commands: Deploy:deploy\nname: x\nname: y\n",
    "an anchor": "name: &x prod\ncommands: Deploy:deploy\n",
    "a second document": "commands: Deploy:deploy\n---\nname: x\n",
    "a list": "- commands: Deploy:deploy\n",
    "a control character": "commands: Deploy:deploy\x07\n",
    "Latin 1": "commands: Dépl:deploy\n".encode("latin-1"),
    "UTF-16": "commands: Deploy:deploy\n".encode("utf-16"),
    "UTF-16 without its mark": "commands: Deploy:deploy\n".encode("utf-16-le"),
    "a file that is too large": "# " + "x" * LARGEST + "\ncommands: Deploy:deploy\n",
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_cannot_be_read_and_may_be_a_guard_refuses_everything_else(folders, text):
    """Its error is the one that `lint` says."""
    folders.alias(text, "prod.yaml")
    catalog = folders.load()
    (error,) = catalog.errors
    guard = the_guard(catalog)
    assert (guard.name, guard.commands, guard.error) == ("prod", ("*",), str(error))
    assert guard.unreadable


@pytest.mark.parametrize("text", ["name: x\n", "name: x\nconfirm: requester\n", "comands: [Deploy:deploy]\n"])
def test_a_file_that_was_cut_off_may_have_been_a_guard(folders, text):
    """It says nothing of an alias."""
    folders.alias(text)
    assert the_guard(folders.load()).unreadable


@pytest.mark.parametrize("text", ["name: x\nrun: {command: [id]\n", "# commands: x\nformats: ["])
def test_a_file_that_cannot_be_read_and_is_no_guard_refuses_nothing(folders, text):
    """An alias that is not there does nothing."""
    folders.alias(text)
    catalog = folders.load()
    assert (len(catalog.errors), written(catalog)) == (1, [])


def test_a_link_that_leads_nowhere_may_have_been_a_guard(folders):
    """But not those that editors leave beside a file while it is open."""
    (folders.aliases / "prod.yaml").symlink_to("missing.yaml")
    (folders.aliases / ".#prod.yaml").symlink_to("alice@laptop.4711")
    catalog = folders.load()
    assert the_guard(catalog).unreadable
    assert the_guard(catalog).error == "aliases/prod.yaml:1: cannot be read: No such file or directory"


def test_a_folder_that_cannot_be_read_refuses_everything(folders):
    """Whatever guards it holds."""
    (folders.aliases / "file").touch()
    for folder in (folders.aliases / "file", Path("elsewhere")):
        catalog = load([folder], [], people=People({}), default=a_policy())
        assert the_guard(catalog).unreadable
        assert str(folder) in the_guard(catalog).error


def test_the_default_folder_need_not_be_there(folders):
    """A bot without a single file guards what is shipped."""
    folders.aliases.rmdir()
    assert written(folders.load()) == []


# Files together


@pytest.mark.parametrize(
    ("first", "second", "error"),
    [
        (ALIAS, PROD, 'b.yaml:1: there is an alias "prod" already: aliases/a.yaml:1'),
        (PROD, ALIAS, 'b.yaml:1: there is a guard "prod" already: aliases/a.yaml:2'),
        (PROD, "commands: Jenkins:*\n", 'b.yaml:1: there is a guard "prod" already: aliases/a.yaml:2'),
    ],
)
def test_aliases_and_guards_share_their_names(folders, first, second, error):
    """An execution says one of them."""
    folders.alias(first if first is ALIAS else first + "    name: prod\n", "a.yaml")
    folders.alias(second if second is ALIAS else second.replace("    ", "") + "name: prod\n", "b.yaml")
    catalog = folders.load()
    (problem,) = catalog.errors
    assert str(problem).startswith("aliases/b.yaml:")
    assert str(problem).endswith(error.partition(": ")[2])
    for guard in written(catalog):
        assert guard.error == (str(problem) if guard.source.path.name == "b.yaml" else "")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Plugins:plugin_reload", "plugins : Plugin  reload"),
        ("deploy", "*:deploy"),
        ("Deploy:deploy prod*", "Deploy:deploy  PROD*"),
    ],
)
def test_a_pattern_that_another_file_has_is_refused(folders, first, second):
    """Nobody could say which of them decides; until then, neither does."""
    folders.alias(f"commands: [Health:shutdown, '{first}']\n", "a.yaml")
    folders.alias(f"commands:\n - Jenkins:build\n - '{second}'\n", "b.yaml")
    catalog = folders.load()
    message = f'aliases/b.yaml:3: "{second}" has a guard already: aliases/a.yaml:1; keep one of them'
    assert [str(problem) for problem in catalog.errors] == [message]
    assert {guard.name: guard.error for guard in written(catalog)} == {"a": "", "b": message}


def test_a_pattern_may_stand_twice_where_that_changes_nothing(folders):
    """In one file, in one that is switched off, or beside one that is shipped."""
    folders.alias("commands: [Deploy:deploy, deploy:Deploy]\n", "a.yaml")
    folders.alias("commands: Deploy:deploy\nenabled: false\n", "b.yaml")
    folders.alias("commands: Plugins:plugin_reload\nconfirm: requester\n", "c.yaml")
    catalog = folders.load()
    assert catalog.errors == ()
    assert guarding(catalog, "Plugins:plugin_reload").name == "c"


# What is shipped


def test_what_is_shipped_needs_nothing_but_itself():
    """No folder, no CONFIRM_PEOPLE, and no CONFIRM_DEFAULT that asks."""
    catalog = load([], [], people=People({}), default=None)
    assert catalog.problems == ()
    assert {guard.name: names(guard.policy.stages[0].quorum) for guard in catalog.guards.values()} == {
        "err-confirm": ["others"],
        "err-confirm-reload": ["requester"],
    }
    assert all(guard.shipped and guard.source.path.parent == SHIPPED for guard in catalog.guards.values())


def test_what_could_switch_the_confirmations_off_is_guarded():
    """Errbot's own commands, and our own that loads files."""
    catalog = load([], [], people=People({}), default=None)
    names = ["plugin_deactivate", "plugin_blacklist", "plugin_reload", "plugin_config"]
    names += ["repos_install", "repos_uninstall", "repos_update"]
    assert {guarding(catalog, f"Plugins:{name}").name for name in names} == {"err-confirm"}
    reload = BotCommand(plugin="Aliases", name="aliases_reload")
    assert Guards(catalog.guards.values()).guarding(reload, "").name == "err-confirm-reload"


@pytest.mark.parametrize("how", ["enabled: false", "confirm: none", "confirm: requester"])
def test_a_file_of_the_same_name_stands_instead_of_one_that_is_shipped(folders, how):
    """All of it."""
    folders.alias(f"name: err-confirm\ncommands: Plugins:repos_install\n{how}\n")
    catalog = folders.load()
    assert guarding(catalog, "Plugins:plugin_reload") is None
    assert [guard.name for guard in written(catalog)] == ["err-confirm"] * ("enabled" not in how)


@pytest.mark.parametrize("how", ["enabled: false\nnmae: x", "confirm: nobody", "enabled: no\ncommand: x"])
def test_a_wrong_file_of_the_same_name_stands_beside_what_is_shipped(folders, how):
    """It cannot be told what it should change."""
    folders.alias(f"name: err-confirm\ncommands: Deploy:deploy\n{how}\n")
    catalog = folders.load()
    assert catalog.guards["err-confirm"].shipped
    assert guarding(catalog, "Plugins:plugin_reload").error == ""


def test_an_alias_cannot_have_the_name_of_what_is_shipped(folders):
    """It would hide whose execution it is."""
    folders.alias(ALIAS.replace("prod", "err-confirm"))
    catalog = folders.load()
    (problem,) = catalog.errors
    assert "there is a guard" in str(problem)
    assert (dict(catalog.aliases), catalog.guards["err-confirm"].error) == ({}, "")
