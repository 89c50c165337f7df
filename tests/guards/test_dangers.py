"""Which commands look dangerous, and what the guards cover of those that there are."""

from pathlib import Path

import pytest

from builders import a_policy
from err_confirm.guards import BotCommand
from err_confirm.guards.cover import Coverage, GuardCoverage, PatternCoverage, coverage
from err_confirm.guards.dangers import why_dangerous
from err_confirm.model.files import Guard, Source
from err_confirm.model.policies import Policy


def a_command(spelled: str, *, admin_only: bool = False, function: str = "") -> BotCommand:
    plugin, _, name = spelled.partition(":")
    return BotCommand(plugin=plugin, name=name, function=function or name, admin_only=admin_only)


def a_guard(name: str, *commands: str, policy: Policy | None = a_policy(), **more: object) -> Guard:
    return Guard(name=name, commands=commands, source=Source(Path(f"aliases/{name}.yaml")), policy=policy, **more)  # type: ignore[arg-type]


def covered(*guards: Guard, commands: tuple[str, ...]) -> Coverage:
    return coverage(guards, [a_command(each) for each in commands])


def of(found: Coverage, name: str) -> GuardCoverage:
    return next(each for each in found.guards if each.guard.name == name)


def spelled(commands: tuple[BotCommand, ...]) -> list[str]:
    return [str(command) for command in commands]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("delete_user", ["delete"]),
        ("host-reboot", ["reboot"]),
        ("killAll", ["kill"]),
        ("dropTable", ["drop"]),
        ("DB_wipe", ["wipe"]),
        ("DBWipe2", ["wipe"]),
        ("vm2_terminate", ["terminate"]),
        ("deploy", ["deploy"]),
        ("run_all", ["run"]),
        ("deploy_rollback", ["deploy", "rollback"]),
        ("plugin_deactivate", ["deactivate"]),
        ("delete_logs", ["delete"]),
        ("status_reset", ["reset"]),
    ],
)
def test_a_name_that_says_what_cannot_be_undone_looks_dangerous(name: str, words: list[str]) -> None:
    """Its words are told apart at underscores, dashes, digits and capitals."""
    said = " and ".join(f'"{word}"' for word in words)
    assert why_dangerous(a_command(f"Ops:{name}")) == f"its name says {said}"


@pytest.mark.parametrize(
    "name",
    [
        "format_help", "runbook", "runbook_show", "deploy_status", "last_deploy", "list_deploys", "scale_info",
        "skill_list", "dropbox", "formatter", "evaluate_me", "status", "help", "uptime", "log_tail", "release_notes",
        "stopwatch", "granted", "sql_stats", "render_test", "echo", "whoami", "executions", "",
    ],
)  # fmt: skip
def test_whole_words_only_and_none_that_name_what_is_looked_at(name: str) -> None:
    assert why_dangerous(a_command(f"Ops:{name}")) == ""


def test_what_is_for_admins_looks_dangerous_whatever_its_name() -> None:
    assert why_dangerous(a_command("Backup:backup", admin_only=True)) == "only for admins"
    both = 'only for admins, its name says "restart"'
    assert why_dangerous(a_command("Health:restart", admin_only=True)) == both


def test_the_name_of_the_method_counts_too() -> None:
    """A plugin may give it a name that says less."""
    assert why_dangerous(a_command("Db:tidy", function="drop_tables")) == 'its name says "drop"'


def test_each_pattern_has_what_it_covers_in_whole_and_in_part() -> None:
    """Sorted by plugin and name, in the order of the guard's file."""
    guard = a_guard("prod", "Deploy:deploy prod*", "Jenkins:*", "Health:shutdown", "Nagios:ack")
    found = covered(guard, commands=("Jenkins:stop", "Deploy:deploy", "Health:shutdown", "Jenkins:build"))
    (only,) = found.guards
    assert only.guard is guard
    in_part, jenkins, shutdown, nothing = only.patterns
    assert (in_part.pattern, spelled(in_part.in_part), in_part.whole) == ("Deploy:deploy prod*", ["Deploy:deploy"], ())
    assert spelled(jenkins.whole) == ["Jenkins:build", "Jenkins:stop"]
    assert spelled(shutdown.whole) == ["Health:shutdown"]
    assert nothing == PatternCoverage("Nagios:ack")
    assert [each.names_nothing for each in only.patterns] == [False, False, False, True]


def test_any_arguments_are_no_part() -> None:
    """`Deploy:deploy *` covers `!deploy` without arguments, too."""
    found = covered(a_guard("prod", "Deploy:deploy *"), commands=("Deploy:deploy",))
    (pattern,) = of(found, "prod").patterns
    assert (spelled(pattern.whole), pattern.in_part) == (["Deploy:deploy"], ())


def test_a_pattern_of_another_guard_that_says_more_decides_instead() -> None:
    found = covered(
        a_guard("wide", "Jenkins:*"), a_guard("narrow", "Jenkins:stop"), commands=("Jenkins:build", "Jenkins:stop")
    )
    (wide,), (narrow,) = of(found, "wide").patterns, of(found, "narrow").patterns
    assert spelled(wide.whole) == ["Jenkins:build"]
    assert [(str(each.command), each.by.name) for each in wide.overruled] == [("Jenkins:stop", "narrow")]
    assert spelled(narrow.whole) == ["Jenkins:stop"]


def test_what_two_patterns_of_one_guard_name_is_covered_by_both() -> None:
    (wide, narrow) = of(covered(a_guard("ci", "Jenkins:*", "Jenkins:stop"), commands=("Jenkins:stop",)), "ci").patterns
    assert spelled(wide.whole) == spelled(narrow.whole) == ["Jenkins:stop"]
    assert wide.overruled == ()


def test_a_pattern_for_some_arguments_of_which_another_says_less_leaves_it_the_rest() -> None:
    found = covered(a_guard("all", "Deploy:*"), a_guard("prod", "Deploy:deploy prod"), commands=("Deploy:deploy",))
    assert spelled(of(found, "all").patterns[0].whole) == ["Deploy:deploy"]
    assert spelled(of(found, "prod").patterns[0].in_part) == ["Deploy:deploy"]


def test_a_pattern_for_some_arguments_of_which_another_says_more_is_overruled() -> None:
    found = covered(a_guard("some", "De*:* a*"), a_guard("all", "Deploy:deploy"), commands=("Deploy:deploy",))
    assert [each.by.name for each in of(found, "some").patterns[0].overruled] == ["all"]


def test_two_guards_that_say_as_much_are_tied() -> None:
    """A command that they both name is refused."""
    found = covered(a_guard("one", "Deploy:d*y"), a_guard("two", "Deploy:*dy"), commands=("Deploy:ddy", "Deploy:dy"))
    for name in ("one", "two"):
        assert spelled(of(found, name).patterns[0].tied) == ["Deploy:ddy", "Deploy:dy"]


def test_of_two_guards_that_say_as_much_one_that_is_wrong_decides() -> None:
    """What it covers is refused, whatever the other one says."""
    wrong = a_guard("wrong", "Deploy:*dy", policy=None, error="aliases/wrong.yaml:2: unknown key")
    found = covered(a_guard("right", "Deploy:d*y"), wrong, commands=("Deploy:ddy",))
    assert spelled(of(found, "wrong").patterns[0].whole) == ["Deploy:ddy"]
    assert [each.by.name for each in of(found, "right").patterns[0].overruled] == ["wrong"]


def test_the_guards_of_the_user_come_before_those_that_are_shipped() -> None:
    guards = [a_guard("a", "Plugins:*", shipped=True), a_guard("z", "Plugins:plugin_reload"), a_guard("b", "X:*")]
    found = covered(*guards, commands=("Plugins:plugin_reload",))
    assert [each.guard.name for each in found.guards] == ["b", "z", "a"]
    assert [each.by.name for each in of(found, "a").patterns[0].overruled] == ["z"]


def test_a_guard_whose_file_cannot_be_read_covers_what_no_other_does() -> None:
    broken = a_guard("broken", "*", policy=None, error="aliases/broken.yaml:1: no YAML", unreadable=True)
    found = covered(broken, a_guard("ci", "Jenkins:*"), commands=("Jenkins:stop", "Health:restart"))
    (everything,) = of(found, "broken").patterns
    assert spelled(everything.whole) == ["Health:restart"]
    assert [each.by.name for each in everything.overruled] == ["ci"]
    assert found.unguarded == ()


def test_dangerous_commands_that_nothing_guards_are_named_with_the_reason() -> None:
    commands = [
        a_command("Health:restart", admin_only=True),
        a_command("Health:status"),
        a_command("Health:shutdown", admin_only=True),
        a_command("Deploy:deploy"),
    ]
    found = coverage([a_guard("prod", "Health:shutdown")], commands)
    assert [(str(each.command), each.why) for each in found.unguarded] == [
        ("Deploy:deploy", 'its name says "deploy"'),
        ("Health:restart", 'only for admins, its name says "restart"'),
    ]


def test_what_is_meant_to_run_at_once_is_not_named() -> None:
    """`confirm: none` over all of a command says so; over some of its arguments it says nothing of the others."""
    commands = ("Deploy:deploy",)
    assert covered(a_guard("free", "Deploy:deploy", policy=None), commands=commands).unguarded == ()
    assert covered(a_guard("prod", "Deploy:deploy prod*"), commands=commands).unguarded == ()
    some = covered(a_guard("free", "Deploy:deploy test*", policy=None), commands=commands)
    assert spelled(tuple(each.command for each in some.unguarded)) == ["Deploy:deploy"]


def test_our_own_commands_are_covered_only_where_they_may_be() -> None:
    """To confirm must not need a confirmation, and is not dangerous; to reload the aliases may be guarded."""
    commands = [
        a_command("Confirm:confirm", admin_only=True),
        a_command("Aliases:aliases_reload", admin_only=True),
    ]
    found = coverage([a_guard("all", "*")], commands)
    assert spelled(found.guards[0].patterns[0].whole) == ["Aliases:aliases_reload"]
    without = coverage([], commands)
    assert [str(each.command) for each in without.unguarded] == ["Aliases:aliases_reload"]
