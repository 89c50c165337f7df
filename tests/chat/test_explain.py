"""`!explain`, `!pending mine` and `!show`: what a text means and who is missing, said without asking or running."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from talk import Talk, a_bot, write_files

DEPLOY = '''
from errbot import BotPlugin, arg_botcmd, botcmd, re_botcmd

class Deploy(BotPlugin):
    """What it runs is kept in the file `ran` of the data folder."""

    def _ran(self):
        open(f"{self.bot_config.BOT_DATA_DIR}/ran", "a").write("ran")
        return "deployed"

    @botcmd
    def deploy(self, msg, args):
        return self._ran()

    @botcmd
    def look(self, msg, args):
        return self._ran()

    @re_botcmd(pattern=r"^launch ")
    def launch(self, msg, match):
        return self._ran()
'''
FILES = {
    "plugins/deploy/deploy.plug": "[Core]\nName = Deploy\nModule = deploy\n\n[Python]\nVersion = 3\n",
    "plugins/deploy/deploy.py": DEPLOY,
    "aliases/deploy.yaml": "{commands: ['Deploy:deploy prod*'], confirm: {by: [bob, carol], within: 10m}}",
    "aliases/free.yaml": "{commands: ['Deploy:deploy test*'], confirm: none}",
    "aliases/one.yaml": "{commands: ['Deploy:launch'], confirm: {by: others}}",
    "aliases/wrong.yaml": "{commands: ['Deploy:deploy lab*'], confirm: {by: nobody-there}}",
    "aliases/reboot.yaml": """
name: reboot
formats: ["reboot {{host}}"]
parameters: {host: {type: string}, times: {type: integer, max: 3, default: 1}}
run: {command: [touch, ran, "{{ host }}", "{{ times }}"]}
confirm: {by: [bob, carol], deny: anyone, within: 10m}
""",
    "aliases/again.yaml": """
name: again
formats: ["reboot twice {{host}}", "reboot {{host}} twice"]
run: {command: [touch, ran, "{{ host }}"]}
confirm: none
""",
    "aliases/mine.yaml": "{name: mine, formats: [mine], run: {command: [touch, ran]}, confirm: {within: 10m}}",
    "aliases/ship.yaml": """
name: ship
formats: ["ship to {{env}}"]
run: {command: [touch, ran, "{{ env }}"]}
confirm:
  by: others
  within: 10m
  when:
    - {parameters: {env: [prod, dr]}, need: 2, reason: "^OPS-[0-9]+"}
    - {room: "#ops", by: bob}
    - {parameters: {env: lab}, refuse: "the lab is closed"}
    - {room: "#sandbox", loosen: true, by: requester}
""",
    "aliases/night.yaml": """
commands: ['Deploy:deploy night*']
confirm: {by: none, when: [{room: "#ops", by: carol, within: 30s}]}
""",
    "aliases/restart.yaml": "{name: restart, formats: ['restart host {{host}}'], run: {command: [touch, ran]}}",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("explain")


@pytest.fixture(scope="module")
def one_bot(folder: Path) -> Iterator[Talk]:
    write_files(folder, FILES)
    plugins = folder / "plugins"
    (plugins / "err-confirm").symlink_to(Path(__file__).resolve().parents[2] / "plugins/err-confirm")
    access = {"Deploy:look": {"denyusers": ("*mallory",)}, "*:alias.mine": {"denyusers": ("*mallory",)}}
    with a_bot(folder, BOT_EXTRA_PLUGIN_DIR=str(plugins), ACCESS_CONTROLS=access) as talk:
        yield talk


def explained(talk: Talk, text: str, person: str = "alice", room: str = "#ops") -> str:
    """Let somebody ask what a text means; return the answer, if nothing was asked and nothing ran."""
    before = len(talk.executions())
    getattr(talk, person).says(f"!explain {text}", room)
    (said,) = talk.quiet()
    assert len(talk.executions()) == before
    assert not list(Path(talk.bot.bot_config.BOT_DATA_DIR).parent.rglob("ran"))
    return said


def test_an_alias_is_said_with_its_values_what_runs_and_who_must_confirm(talk: Talk) -> None:
    assert explained(talk, "reboot web01") == (
        "reboot\nhost: web01\ntimes: 1\nruns: touch ran web01 1\n"
        "must confirm: bob or carol within 10 min · may deny: anyone"
    )


@pytest.mark.parametrize("text", ["!reboot web01", " reboot  web01 ", "`reboot web01`"])
def test_a_text_may_begin_as_it_is_said(talk: Talk, text: str) -> None:
    said = explained(talk, text)
    assert said.startswith("reboot\n") is not text.startswith("`")


def test_what_runs_at_once_says_so(talk: Talk) -> None:
    assert explained(talk, "deploy test web01").endswith(
        "Deploy:deploy, guarded by free\nruns: !deploy test web01\nruns at once, without confirmation"
    )
    assert explained(talk, "look here") == "Deploy:look: nothing guards it, it runs at once"


def test_a_guarded_command_is_said_with_its_guard(talk: Talk) -> None:
    assert explained(talk, "deploy prod web01") == (
        "Deploy:deploy, guarded by deploy\nruns: !deploy prod web01\n"
        "must confirm: bob or carol within 10 min · may deny: bob or carol"
    )
    assert explained(talk, "launch rocket").startswith("Deploy:launch, guarded by one\nruns: !launch rocket (")


def test_the_rules_that_hold_here_and_those_that_do_not_are_said(talk: Talk) -> None:
    assert explained(talk, "ship to prod") == (
        "ship\nenv: prod\nruns: touch ran prod\n"
        "must confirm: 2 people other than who asked and bob within 10 min · may deny: anyone but who asked or bob\n"
        "a yes needs a reason such as OPS-123 …\n"
        "because env is prod or dr: at least 2, a yes needs a reason such as OPS-123 …\nbecause in #ops: also bob\n"
        "does not apply: env is lab: nothing runs (the lab is closed)\n"
        "does not apply: in #sandbox: whoever asked is enough"
    )
    said = explained(talk, "ship to test", room="#sandbox")
    assert "\nmust confirm: whoever asked within " in said
    assert "\nbecause in #sandbox: whoever asked is enough\n" in said
    assert "\ndoes not apply: in #ops: also bob\n" in said


def test_what_a_rule_refuses_here_is_said(talk: Talk) -> None:
    assert explained(talk, "ship to lab").endswith("\nenv: lab\nnothing runs: the lab is closed")


def test_a_rule_can_hold_for_a_guarded_command_too(talk: Talk) -> None:
    assert explained(talk, "deploy night 1").endswith(
        "must confirm: carol within 30 s · may deny: carol\nbecause in #ops: also carol, within 30 s"
    )
    assert explained(talk, "deploy night 1", room="#dev").endswith(
        "runs at once, without confirmation\ndoes not apply: in #ops: also carol, within 30 s"
    )


def test_what_a_wrong_file_refuses_is_said(talk: Talk) -> None:
    assert re.match(r"Deploy:deploy, guarded by wrong\nnothing runs: .*nobody-there", explained(talk, "deploy lab 1"))


def test_a_value_that_does_not_fit_is_said(talk: Talk) -> None:
    said = explained(talk, "reboot web01 times=9")
    assert re.match(r'reboot\n.*nothing runs: "times" must be at most 3', said, re.DOTALL)


def test_a_text_that_is_given_twice_or_means_two_things_is_said(talk: Talk) -> None:
    assert explained(talk, "reboot web01 host=web02").endswith('nothing runs: "host" is given twice; say it once')
    said = explained(talk, "reboot web01 twice")
    assert "nothing runs: 2 aliases match this text: again, reboot; say it more precisely" in said


def test_a_slip_that_must_not_become_the_bots_own_command_is_said(talk: Talk) -> None:
    said = explained(talk, "restart web 01")
    assert "\nnothing runs: restart is not said so, and the command restart stands alone" in said


@pytest.mark.parametrize("text", ["no such thing", "rebooot web01", "@everybody"])
def test_a_text_that_means_nothing_is_said(talk: Talk, text: str) -> None:
    assert explained(talk, text) == f"nothing here means {text}"


def test_without_a_text_it_says_how(talk: Talk) -> None:
    assert explained(talk, "") == "say what: !explain <text>"


@pytest.mark.parametrize("text", ["confirm 7f3kq2xa", "Show 7f3k", "explain reboot web01"])
def test_our_own_commands_ask_nothing(talk: Talk, text: str) -> None:
    assert re.match(r"(Confirm|Aliases):\w+ is our own: nothing guards it, it runs at once$", explained(talk, text))


def test_it_is_understood_in_any_case(talk: Talk) -> None:
    talk.alice.says("!Explain reboot web01")
    talk.hears(r"\Areboot\nhost: web01\n")


def test_what_access_control_refuses_is_said(talk: Talk) -> None:
    for text in ("look here", "mine"):
        assert explained(talk, text, "mallory").endswith("\naccess control refuses it to you here")
        assert "access control" not in explained(talk, text)


def test_what_is_hidden_from_somebody_is_neither_explained_nor_listed(talk: Talk) -> None:
    talk.bot.bot_config.HIDE_RESTRICTED_COMMANDS = True
    try:
        for text in ("look here", "mine"):
            assert explained(talk, text, "mallory") == f"nothing here means {text}"
        for person, listed in ((talk.mallory, False), (talk.alice, True)):
            person.says("!aliases")
            assert ("!mine" in talk.hears("waits for", "#ops").string) is listed
    finally:
        talk.bot.bot_config.HIDE_RESTRICTED_COMMANDS = False


def test_pending_mine_lists_only_what_waits_for_who_asks(talk: Talk) -> None:
    talk.alice.says("!reboot web01")
    asked = talk.prompt()
    talk.bob.says("!pending mine")
    talk.hears(rf"\A{asked} reboot asked by alice · .* left · reboot web01\nneeds bob or carol\nsee what would run")
    for person in (talk.alice, talk.mallory):
        person.says("!Pending Mine")
        talk.hears(r"\Anothing waits for you\Z")
    talk.carol.says("!pending")
    talk.hears(rf"{asked} reboot asked by alice · .* left · reboot web01\nneeds bob or carol\n")
    talk.carol.says("!pending Web01 alice")
    talk.hears(rf"\A{asked} reboot asked by alice")
    talk.carol.says("!pending web01 bob")
    talk.hears(r"\Anothing that waits has web01 bob in it; see !pending\Z")
    talk.alice.says(f"!cancel {asked}")
    talk.hears("canceled")


def test_show_says_where_it_was_asked_and_who_is_missing(talk: Talk) -> None:
    talk.alice.says("!reboot web01", "#dev")
    asked = talk.prompt("#dev")
    talk.bob.says(f"!show {asked}")
    talk.hears(
        rf"\A{asked} pending · reboot asked by alice at .* in #dev\nsaid: reboot web01\n.*"
        r"^must confirm: bob or carol within 10 min · may deny: anyone\n.*^needs bob or carol\n"
    )
    talk.alice.says(f"!cancel {asked}")
    talk.hears("canceled")
    talk.alice.says("!mine", None)
    asked = talk.prompt("@alice")
    talk.alice.says(f"!show {asked}", None)
    talk.hears(rf"\A{asked} pending · mine asked by alice at .* in a direct message\n.*^needs alice, who asked\n")
    talk.alice.says(f"!cancel {asked}", None)
    talk.hears("canceled")
