"""Which guard stands over a command of another plugin, whatever way its arguments are said."""

import argparse
from argparse import ArgumentParser
from contextlib import redirect_stderr
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import a_policy
from err_confirm.errors import GuardsDifferError
from err_confirm.guards import BotCommand, Guards
from err_confirm.guards.readings import MOST_OPTIONS, readings
from err_confirm.model.files import Guard, Source
from err_confirm.model.policies import AllOf, Policy, Seat, Stage, Times, When

OTHERS = a_policy(by=("others",))
REQUESTER = a_policy()


def a_guard(*patterns: str, name: str = "g", policy: Policy | None = OTHERS, **facts: object) -> Guard:
    return Guard(name=name, commands=patterns, source=Source(Path(f"aliases/{name}.yaml")), policy=policy, **facts)


def a_command(name: str, function: str = "", **facts: object) -> BotCommand:
    plugin, _, said = name.partition(":")
    return BotCommand(plugin=plugin, name=said, function=function or said, **facts)


def never(value: str) -> str:
    """Stand for the `type=` of an option: it could do anything, and is not called."""
    raise AssertionError(f"the parser was run, for {value}")


def a_parser() -> ArgumentParser:
    """Return what an `arg_botcmd` would have: `deploy [-v] [-f] [--env ENV] [--tag TAG …] app …`."""
    parser = ArgumentParser(prog="deploy")
    parser.add_argument("app", type=never, nargs="+")
    parser.add_argument("-e", "--env", "--environment", type=never)
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("-f", "--force", action="store_true")
    parser.add_argument("--tag", type=never, nargs="*")
    parser.add_argument("--pair", type=never, nargs=2)
    parser.add_argument("--rest", type=never, nargs=argparse.REMAINDER)
    return parser


def decides(
    guards: list[Guard], command: str | BotCommand, text: str = "", parser: ArgumentParser | None = None
) -> str:
    """Return the name of the guard that decides, or nothing."""
    command = a_command(command) if isinstance(command, str) else command
    guard = Guards(guards).guarding(command, text, parser)
    return guard.name if guard else ""


# Commands


@pytest.mark.parametrize(
    "pattern",
    [
        "Plugins:plugin_reload",
        "Plugins:plugin reload",
        "plugins:PLUGIN  reload",
        " Plugins : plugin_reload ",
        "plugin_reload",
        "plugin reload",
        "*:plugin_reload",
        "Plug*:plugin_re?oad",
        "Plugins:*",
        "Plugins:* *",
        "*",
    ],
)
def test_a_pattern_names_a_command_as_people_say_it_or_as_errbot_does(pattern):
    """Case and blanks do not count, and the plugin need not be said."""
    assert decides([a_guard(pattern)], "Plugins:plugin_reload", "Confirm") == "g"


@pytest.mark.parametrize(
    "pattern", ["Plugin:plugin_reload", "Plugins:plugin", "Plugins:reload", "plugin_reload x", "reload", "?"]
)
def test_a_pattern_names_nothing_else(pattern):
    """A part of a name is another name."""
    assert decides([a_guard(pattern)], "Plugins:plugin_reload", "Confirm") == ""


def test_brackets_are_what_they_are():
    """Only `*` and `?` stand for other letters."""
    assert decides([a_guard("Deploy:say [ab]")], "Deploy:say", "a") == ""
    assert decides([a_guard("Deploy:say [ab]")], "Deploy:say", "[ab]") == "g"


@pytest.mark.parametrize("pattern", ["Deploy:reload", "Deploy:deploy-reload"])
def test_a_command_that_errbot_has_renamed_is_known_by_both_names(pattern):
    """Else a second plugin with a command of that name would take the guard away."""
    assert decides([a_guard(pattern)], a_command("Deploy:deploy-reload", "reload")) == "g"


def test_our_own_commands_have_no_guard_but_the_one_that_loads_files():
    """To confirm must not need a confirmation."""
    guards = [a_guard("*")]
    assert decides(guards, a_command("Confirm:confirm")) == ""
    assert decides(guards, a_command("Confirm:confirm-deny", "deny")) == ""
    assert decides(guards, a_command("Aliases:aliases_reload")) == "g"
    assert decides(guards, a_command("Aliases:aliases-aliases_reload", "aliases_reload")) == "g"
    assert decides(guards, a_command("Other:confirm")) == "g"


def test_a_regex_command_is_known_by_its_name_and_the_whole_text():
    """There are no arguments."""
    command = a_command("Deploy:on_deploy", regex=True)
    assert decides([a_guard("Deploy:on_deploy")], command, "please deploy prod") == "g"
    assert decides([a_guard("Deploy:on_deploy please deploy prod")], command, "please  deploy prod now") == "g"
    assert decides([a_guard("Deploy:on_deploy deploy")], command, "please deploy prod") == ""


# Arguments


@pytest.mark.parametrize("text", ["prod", "prod web", "PROD", "  prod\n", "prod\nweb", "prod\tweb"])
def test_a_pattern_is_the_beginning_of_the_arguments(text):
    """Word by word: case and blanks do not count."""
    guards = [a_guard("Deploy:deploy prod")]
    assert decides(guards, "Deploy:deploy", text) == "g"


@pytest.mark.parametrize("text", ["", "production", "staging prod", "prod-2", "-- prod"])
def test_other_arguments_are_not_covered(text):
    """`prod*` would cover `production`, too."""
    assert decides([a_guard("Deploy:deploy prod")], "Deploy:deploy", text) == ""


def test_a_glob_reaches_over_blanks():
    """Also over the end of a line."""
    guards = [a_guard("Deploy:deploy * prod*")]
    assert decides(guards, "Deploy:deploy", "web\nnow production") == "g"


@pytest.mark.parametrize(
    "text", ['"prod" web', "'prod' web", 'pr"o"d web', r"pr\od web", "\u201cprod\u201d web", "\u2018prod\u2019 web"]
)
def test_quotes_hide_nothing(text):
    """Neither those of a shell nor those of a phone."""
    assert decides([a_guard("Deploy:deploy prod web")], "Deploy:deploy", text) == "g"


@pytest.mark.parametrize("text", ['prod "web', "prod \u201cweb", "prod it's"])
def test_a_quote_that_is_missing_hides_nothing(text):
    """What a shell would not take, a plugin may."""
    assert decides([a_guard("Deploy:deploy prod")], "Deploy:deploy", text) == "g"


@pytest.mark.parametrize(
    "text",
    [
        "prod",
        "-v prod",
        "-- prod",
        "\u2014 prod",
        "-v -- prod",
        "-vf prod",
        "--verb prod",
        "--env x prod",
        "--env=x prod",
        "-ex prod",
        "-e x -v prod",
        "-vex prod",
        "-ve x prod",
        "--pair a b prod",
        "--tag a b -- prod",
        "--tag a b --env x prod",
        "--tag a b --pair a b prod",
        "--tag -v prod",
        "\u2014env x 'prod'",
        "prod --tag a b",
        "prod --rest -v",
        "-v prod --rest staging",
    ],
)
def test_options_before_an_argument_hide_nothing(text):
    """Where the plugin declares them, it is known how many words each of them takes."""
    guards = [a_guard("Deploy:deploy prod", name="prod")]
    assert decides(guards, "Deploy:deploy", text, a_parser()) == "prod"
    assert decides(guards, "Deploy:deploy", f"{text} web", a_parser()) == "prod"


@pytest.mark.parametrize("pattern", ["--env prod", "-e prod", "--environment=prod", "-e=pro?", "web --env prod"])
@pytest.mark.parametrize(
    "text",
    [
        "web --env prod",
        "web --env=prod",
        "--env prod web",
        "--en prod web",
        "--en=prod web",
        "--environment prod web",
        "-e prod web",
        "-eprod web",
        "-e=prod web",
        "-ve prod web",
        "-vfeprod web",
        "-ve=prod web",
        "web -v --env prod",
        "--env staging web --env prod",
        "--env 'prod' web",
        "\u2014env prod web",
    ],
)
def test_an_option_is_found_wherever_and_however_it_stands(pattern, text):
    """Short, long, shortened, glued, together with others, or given twice."""
    assert decides([a_guard(f"Deploy:deploy {pattern}")], "Deploy:deploy", text, a_parser()) == "g"


@pytest.mark.parametrize(
    "text", ["web", "web --env staging", "--env staging --tag prod", "-vv prod", "-e staging prod"]
)
def test_another_value_is_not_covered(text):
    """It is the value of this option that counts."""
    assert decides([a_guard("Deploy:deploy --env prod")], "Deploy:deploy", text, a_parser()) == ""


@pytest.mark.parametrize("text", ["-v " * 5_000 + "web", "-" + "v" * 10_000, "--e " * 5_000])
def test_who_gives_too_many_options_is_held_by_the_strictest_guard(text):
    """To look at all of them would take too long."""
    guards = [
        a_guard("Deploy:deploy", name="all", policy=REQUESTER),
        a_guard("Deploy:deploy staging*", name="staging", policy=None),
        a_guard("Deploy:deploy prod*", name="prod"),
    ]
    assert decides(guards, "Deploy:deploy", text, a_parser()) == "prod"
    assert decides(guards, "Deploy:deploy", "-v " * MOST_OPTIONS + "web", a_parser()) == "all"


MANY = "-v " * 5_000 + "web"
"""Arguments that could be those of any pattern."""
SRE, TWO = (
    a_policy(by=("@sre",)),
    Policy(stages=(Stage(quorum=AllOf(all=(Seat(by=("others",)),) * 2)),), deny=Seat(by=())),
)
NIGHT = When(policy=SRE, times=Times(hours=((1320, 360),)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (OTHERS, SRE),
        (SRE, TWO),
        (OTHERS, replace(OTHERS, otp=True)),
        (REQUESTER, replace(OTHERS, when=(NIGHT,))),
        (replace(OTHERS, when=(replace(NIGHT, loosen=True, policy=REQUESTER),)), OTHERS),
    ],
)
def test_of_two_guards_that_may_be_meant_the_more_demanding_one_decides(one, other):
    """Although its pattern says less."""
    guards = [
        a_guard("Deploy:deploy staging*", name="one", policy=one),
        a_guard("Deploy:deploy x*", name="other", policy=other),
    ]
    assert decides(guards, "Deploy:deploy", MANY, a_parser()) == "other"


def test_where_it_depends_on_rules_which_guard_is_more_demanding_none_decides():
    """By day the one would be easier, by night the other: whoever could choose would."""
    by_night = replace(REQUESTER, when=(NIGHT,))
    guards = [a_guard("Deploy:deploy x*", name="one", policy=by_night), a_guard("Deploy:deploy y*", name="other")]
    with pytest.raises(GuardsDifferError, match=r"one\.yaml:1, aliases/other\.yaml:1; keep one of them"):
        decides(guards, "Deploy:deploy", MANY, a_parser())


def test_guards_with_rules_that_say_as_much_of_one_command_are_told_apart():
    """A rule about parameters, for example, is no reason for an error of ours."""
    rule = replace(NIGHT, parameters={"env": ("prod",)})
    guards = [a_guard("Deploy:deploy x*", name=name, policy=replace(OTHERS, when=(rule,))) for name in ("a", "b")]
    with pytest.raises(GuardsDifferError):
        decides(guards, "Deploy:deploy", "x")


WORDS = ["prod", "x", "-", "-5", "--", "-e", "-eprod", "-e=prod", "--env", "--env=prod", "--en", "--environment=prod"]
WORDS += ["-v", "-vf", "-ve", "-veprod", "--verb", "--tag", "--pair", "--opt", "-o", "-oprod", "-vo"]


@settings(max_examples=2_000)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=6))
def test_what_argparse_makes_of_the_arguments_is_one_of_the_ways_in_which_they_are_read(words):
    """However options and other words are mixed."""
    parser = ArgumentParser(exit_on_error=False, add_help=False)
    parser.add_argument("app")
    parser.add_argument("more", nargs="*")
    parser.add_argument("-e", "--env", "--environment")
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("-f", "--force", action="store_true")
    parser.add_argument("-o", "--opt", nargs="?")
    parser.add_argument("--tag", nargs="*")
    parser.add_argument("--pair", nargs=2)
    try:
        with redirect_stderr(StringIO()):
            parsed = parser.parse_args(words)
    except (argparse.ArgumentError, SystemExit):
        return
    found = readings(" ".join(words), parser)
    said = " ".join([parsed.app, *parsed.more])
    meant = [said] if parsed.env is None else [said, f"--env {parsed.env}", f"{said} --env {parsed.env}"]
    for value in meant if "--" not in [parsed.app, *parsed.more, parsed.env] else ():
        beginning = " ".join(value.split())
        assert any(reading == beginning or reading.startswith(f"{beginning} ") for reading in found), (value, found)


# Several guards


def test_the_pattern_with_the_most_letters_decides():
    """Whatever stands first; stars and blanks are no letters."""
    guards = [
        a_guard("*", name="everything"),
        a_guard("Deploy:deploy prod*", name="prod"),
        a_guard("Deploy:deploy prod web*", name="web", policy=None),
        a_guard("Deploy: deploy", name="all", policy=REQUESTER),
        a_guard("Deploy:******************", name="plugin"),
    ]
    for order in (guards, guards[::-1]):
        assert decides(order, "Deploy:deploy", "prod web1") == "web"
        assert decides(order, "Deploy:deploy", "prod db") == "prod"
        assert decides(order, "Deploy:deploy", "staging") == "all"
        assert decides(order, "Deploy:status") == "plugin"
        assert decides(order, "Health:status") == "everything"


def test_what_the_user_writes_is_preferred_to_what_is_shipped():
    """However little it says."""
    guards = [a_guard("Plugins:plugin_reload", name="shipped", shipped=True), a_guard("Plugins:*", name="own")]
    assert decides(guards, "Plugins:plugin_reload") == "own"


def test_a_file_that_cannot_be_read_decides_where_nothing_else_does():
    """Also not where one does that is shipped."""
    unreadable = a_guard("*", name="unreadable", policy=None, error="aliases/x.yaml:1: no", unreadable=True)
    guards = [unreadable, a_guard("Plugins:*", name="shipped", shipped=True), a_guard("Health:*", policy=None)]
    assert decides(guards, "Plugins:plugin_reload") == "shipped"
    assert decides(guards, "Health:status") == "g"
    assert decides(guards, "Deploy:deploy") == "unreadable"
    assert decides([*guards, unreadable, a_guard("*", name="b", policy=None, error="b", unreadable=True)], "x:y")


def test_two_guards_that_say_equally_much_are_refused():
    """With both places; a glob says as much as its letters."""
    guards = [a_guard("Deploy:deploy", name="b"), a_guard("Depl?oy:deploy*", "Deploy:*deploy", name="a")]
    with pytest.raises(GuardsDifferError) as raised:
        decides(guards, "Deploy:deploy")
    assert str(raised.value) == "Deploy:deploy has 2 guards: aliases/a.yaml:1, aliases/b.yaml:1; keep one of them"
    assert decides([guards[0], guards[0]], "Deploy:deploy") == "b"


def test_of_two_that_say_equally_much_the_one_that_is_wrong_refuses():
    """Its reason says more than that there are two."""
    guards = [a_guard("Deploy:deploy"), a_guard("*:deploydeploy", "Deploy:deploy*", name="wrong", error="no")]
    assert decides(guards, "Deploy:deploy") == "wrong"


def test_an_exception_is_none_for_what_could_mean_something_else():
    """Of several ways to read the arguments, the one that asks for most is taken."""
    guards = [
        a_guard("Deploy:deploy", name="all"),
        a_guard("Deploy:deploy staging*", "Deploy:deploy --env staging*", name="free", policy=None),
        a_guard("Deploy:deploy test*", name="soft", policy=REQUESTER),
    ]
    parser = a_parser()
    assert decides(guards, "Deploy:deploy", "staging", parser) == "free"
    assert decides(guards, "Deploy:deploy", "staging web", parser) == "free"
    assert decides(guards, "Deploy:deploy", "test", parser) == "soft"
    for text in (
        "--env staging --env prod web",
        "--tag staging -- prod",
        "--tag test -- prod",
        "staging -v",
        "'staging'",
    ):
        assert decides(guards, "Deploy:deploy", text, parser) == "all"


def test_all_guards_over_a_command_are_told_the_deciding_one_first():
    """Each with its pattern, and whether it is for some arguments only."""
    guards = Guards([a_guard("*"), a_guard("Deploy:deploy prod*", "Deploy:deploy *", name="prod")])
    covering = guards.covering(a_command("Deploy:deploy"))
    assert [(each.guard.name, each.pattern, each.arguments) for each in covering] == [
        ("prod", "Deploy:deploy prod*", True),
        ("prod", "Deploy:deploy *", False),
        ("g", "*", False),
    ]
    assert guards.covering(a_command("Confirm:confirm")) == []
