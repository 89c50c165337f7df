"""Plugins of other people run beside ours as ever; what a guard covers of them asks first, on each of their ways."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from err_confirm.model.executions import State
from servers import eventually
from talk import Talk
from third_party import a_bot_with, posted, ran


@pytest.fixture(scope="module")
def one_bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    with a_bot_with(tmp_path_factory.mktemp("third_party")) as talk:
        yield talk


@pytest.fixture
def talk(one_bot: Talk) -> Talk:
    one_bot.quiet()
    vars(one_bot.bot)["ran"] = []
    return one_bot


@pytest.mark.parametrize(
    ("said", "command", "args"),
    [
        ("!merge check", "merge_check", ""),
        ("!merge  config err/bot  #ops", "merge_config", ["err/bot", "#ops"]),
        ("!merge depth 3", "merge_depth", 3),
        ("!merge status -v", "merge_status", True),
        ("!merge ask #12", "merge_ask", "#12"),
        ("!merge statsplugin datadog k3y", "merge_statsplugin", ("datadog", "k3y")),
        ("!amtool status", "amtool_status", ""),
        ("!amtool silences", "amtool_silences", ""),
        ("!amtool alert describe f00", "amtool_alert_describe", "f00"),
        ("!amtool alert query --silenced a=b c", "amtool_alert_query", (["a=b", "c"], False, True, "")),
        (
            '!amtool suppress f00 --hours 2 --comment "new disk"',
            "amtool_suppress",
            (["f00"], 0, 0, 2, 0, "errbot", "new disk"),
        ),
        ("!amtool silence expire 7", "amtool_silence_expire", "7"),
        ("!invite bob to developers", "invite_cmd", ("bob", "developers")),
        ("!new issue shop It is down", "create_issut_cmd", ("shop", "It is down", None)),
        ("!assign https://github.com/a/b/issues/3", "assign_cmd", ("github", "a", "b", "3")),
        ("!jenkins token t0k", "jenkins_token", ["t0k"]),
        ("!jenkins clear --confirm bob", "jenkins_clear", "bob"),
        ("!vmware migrate  web01 esx2", "vmware_migrate", ["web01", "esx2"]),
        ("!vmware reboot vm web01", "vmware_reboot_vm", "web01"),
        ("!vmware clone --cpu=2 web02", "vmware_clone", ["--cpu=2", "web02"]),
        ("!st2 restart web01", "st2", "st2 restart web01"),
        ("!st2help --pack linux", "st2help", ("linux", None, None, None)),
        ("!st2session start secret", "st2session_start", "secret"),
        ("!st2enquiry list", "st2enquiry_list", ""),
        ("!a cookie please", "gracefull", ["a cookie please"]),
        ("!getinfo service mngmt web01 --command stop", "getinfo_service_mngmt", ("web01", "stop", "portal")),
        ("!alias list", "alias_list", ""),
    ],
)
def test_each_kind_of_command_runs_at_once_and_answers(talk: Talk, said: str, command: str, args: Any) -> None:
    talk.bob.says(said)
    told = "f00 is an alert" if command.endswith("describe") else f"{command} ran with {args}".strip()
    assert told in " ".join(" ".join(talk.quiet()).split())
    assert (command, args, "#ops/bob") in ran(talk)


@pytest.mark.parametrize("said", ["!ban carol", "!st2session list", "!debug settings carol", "!alias add x merge rm"])
def test_an_admins_command_is_refused_to_others(talk: Talk, said: str) -> None:
    talk.bob.says(said, None)
    assert talk.quiet() == ["This command requires bot-admin privileges"]
    assert ran(talk) == []
    talk.alice.says(said, None)
    talk.quiet()
    assert [who for _, _, who in ran(talk)] == ["@alice"]


def test_what_has_no_prefix_is_heard_by_those_that_listen(talk: Talk) -> None:
    talk.bob.says("some tea", None)
    eventually(lambda: len(ran(talk)) == 3)
    assert {command for command, _, _ in ran(talk)} == {
        "send_all_messages_to_elasticsearch",
        "parse_input",
        "timepassing_tea",
    }
    talk.hears("timepassing_tea ran with None", "@bob")


def test_a_command_calls_another_of_its_plugin_or_of_another(talk: Talk) -> None:
    talk.bob.says("!alias")
    talk.bob.says("!merge help")
    talk.bob.says("!please restart karaf on web01")
    told = "\n".join(talk.quiet())
    assert "alias_list ran with" in told
    assert "merge ask" in told
    assert ("getinfo_service_mngmt", ("web01", "restart", "karaf"), "#ops/bob") in ran(talk)


def test_a_stored_command_is_said_again_for_whoever_says_its_alias(talk: Talk) -> None:
    talk.alice.says("!alias add reboot vmware reboot vm", None)
    talk.bob.says("!reboot web01")
    talk.quiet()
    assert ("vmware_reboot_vm", "web01", "#ops/bob") in ran(talk)


def test_a_flow_takes_its_automatic_steps(talk: Talk) -> None:
    talk.carol.says("!jenkins find shop")
    eventually(lambda: len(ran(talk)) == 3)
    assert ran(talk) == [
        ("jenkins_find", ["shop"], "#ops/carol"),
        ("jenkins_build", None, "#ops/carol"),
        ("jenkins_history", None, "#ops/carol"),
    ]


def test_a_webhook_calls_a_command(talk: Talk) -> None:
    assert posted("/jenkins", {"event": "started"}) == "noted"
    assert posted("/jenkins/again", {"user": "@bob", "jobs": ["shop"]}) == "jenkins_build ran with ['shop']"
    assert posted("/chatops/message", {"channel": "#ops", "message": "hello"}) == "told"
    talk.hears("^hello$", "#ops")
    assert ran(talk) == [("/jenkins", {"event": "started"}, ""), ("jenkins_build", ["shop"], "@bob")]


GUARDED = [
    "Summit:merge_rm",
    "SaAmtool:amtool status",
    "SaAmtool:amtool_suppress",
    "LabHub:assign_cmd",
    "Ban:*",
    "JenkinsBot:jenkins build",
    "TimePass:timepassing_coffee",
    "Alias:alias_list",
    "VMware:vmware reboot *",
    "VMware:vmware_clone",
    "St2:st2*",
    "GetInfo:getinfo_service_mngmt *",
]
"""All that is guarded of the nine, in one file."""
WAYS: dict[str, tuple[Callable[[Talk], object], str, Any, str]] = {
    "parsed arguments": (lambda talk: talk.bob.says("!merge rm #12"), "merge_rm", "#12", "#ops/bob"),
    "a template": (lambda talk: talk.bob.says("!amtool status"), "amtool_status", "", "#ops/bob"),
    "options": (
        lambda talk: talk.bob.says("!amtool suppress f00 --hours 2"),
        "amtool_suppress",
        (["f00"], 0, 0, 2, 0, "errbot", ""),
        "#ops/bob",
    ),
    "a regular expression": (
        lambda talk: talk.bob.says("!assign https://github.com/a/b/issues/3"),
        "assign_cmd",
        ("github", "a", "b", "3"),
        "#ops/bob",
    ),
    "an admin's command": (lambda talk: talk.alice.says("!ban carol", None), "ban", ["carol"], "@alice"),
    "a direct message": (lambda talk: talk.bob.says("!jenkins build shop", None), "jenkins_build", ["shop"], "@bob"),
    "bit by bit": (
        lambda talk: talk.bob.says("!vmware clone --cpu=2 web02"),
        "vmware_clone",
        ["--cpu=2", "web02"],
        "#ops/bob",
    ),
    "a dynamic command": (
        lambda talk: talk.bob.says("!st2session start secret"),
        "st2session_start",
        "secret",
        "#ops/bob",
    ),
    "a dynamic regular expression": (
        lambda talk: talk.bob.says("!st2 restart web01"),
        "st2",
        "st2 restart web01",
        "#ops/bob",
    ),
    "an admin's dynamic command": (
        lambda talk: talk.alice.says("!st2session cancel 7", None),
        "st2session_cancel",
        "7",
        "@alice",
    ),
    "another command of the plugin": (lambda talk: talk.bob.says("!alias"), "alias_list", "", "#ops/bob"),
    "a command of another plugin": (
        lambda talk: talk.bob.says("!please restart karaf on web01"),
        "getinfo_service_mngmt",
        ("web01", "restart", "karaf"),
        "#ops/bob",
    ),
    "a message that a plugin says again": (
        lambda talk: talk.bob.says("!boot web01"),
        "vmware_reboot_vm",
        "web01",
        "#ops/bob",
    ),
    "an automatic step": (lambda talk: talk.bob.says("!jenkins find shop"), "jenkins_build", None, "#ops/bob"),
    "an automatic step that runs in flows only": (
        lambda talk: talk.bob.says("some coffee", None),
        "timepassing_coffee",
        None,
        "@bob",
    ),
    "a webhook": (
        lambda _: posted("/jenkins/again", {"user": "@bob", "jobs": ["shop", "site"]}),
        "jenkins_build",
        ["shop", "site"],
        "@bob",
    ),
}


@pytest.fixture
def guarded(talk: Talk) -> Iterator[Talk]:
    """Give the bot while the file holds; the others need it without."""
    file = talk.bot.bot_config.CONFIRM_ALIASES / "third_party.yaml"
    file.write_text(json.dumps({"commands": GUARDED, "confirm": {"by": ["carol"], "within": "1h"}}))
    talk.alice.says("!alias add boot vmware reboot vm", None)
    talk.alice.says("!aliases reload", None)
    talk.hears("are in use", "@alice")
    vars(talk.bot)["ran"] = []
    yield talk
    file.unlink()
    talk.alice.says("!aliases reload", None)
    talk.hears("are in use", "@alice")


@pytest.mark.parametrize("answer", ["confirm", "deny"])
@pytest.mark.parametrize("way", WAYS)
def test_a_command_of_theirs_that_is_guarded_runs_only_after_a_yes(guarded: Talk, way: str, answer: str) -> None:
    """16 ways, each as the plugins have it: nothing before, then once, with the same arguments, for who asked."""
    says, command, args, who = WAYS[way]

    def runs() -> list[tuple[str, Any, str]]:
        return [each for each in ran(guarded) if each[0] == command]

    says(guarded)
    asked = guarded.prompt()
    assert runs() == []
    guarded.carol.says(f"!{answer} {asked}", None)
    ended = guarded.ended(asked).state
    guarded.carol.says(f"!confirm {asked}", None)
    guarded.quiet()
    expected = [(command, args, who)] if answer == "confirm" else []
    assert (ended, runs()) == (State.SUCCEEDED if expected else State.DENIED, expected)
    for flow in list(guarded.bot.flow_executor.in_flight):
        guarded.bot.flow_executor.stop_flow(flow.name, flow.requestor)


def test_what_they_have_without_a_guard_goes_on_beside_it(guarded: Talk) -> None:
    """Also other commands of the same plugins."""
    for said, command, args in (
        ("!merge ask #12", "merge_ask", "#12"),
        ("!amtool silences", "amtool_silences", ""),
        ("!jenkins token t0k", "jenkins_token", ["t0k"]),
        ("!vmware migrate web01 esx2", "vmware_migrate", ["web01", "esx2"]),
        ("!tail catalina x", "tail_catalina", "x"),
    ):
        guarded.bob.says(said)
        guarded.quiet()
        assert (command, args, "#ops/bob") in ran(guarded)
