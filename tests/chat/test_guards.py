"""Commands of other plugins that ask first: on every way by which Errbot can be given one, and run as Errbot would."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from err_confirm.model.executions import State
from talk import ROOT, Talk, a_bot, write_files

PLUG = "[Core]\nName = {name}\nModule = {module}\n\n[Python]\nVersion = 3\n\n[Errbot]\nMin = 6.0.0\n"
DEPLOY = '''
from errbot import BotPlugin, CommandError, arg_botcmd, botcmd, re_botcmd, webhook

class Deploy(BotPlugin):
    """What it runs is said, and kept in the file `ran` of the data folder."""

    def _ran(self, msg, what):
        with open(f"{self.bot_config.BOT_DATA_DIR}/ran", "a") as file:
            file.write(f"{what} as {msg.frm} to {msg.to}: {msg.body}\\n")

    @botcmd
    def deploy(self, msg, args):
        """Deploy something."""
        self._ran(msg, f"deploy {args}")
        return f"deployed {args}"

    @botcmd
    def deploy_all(self, msg, args):
        for host in ("web1", "web2"):
            self.deploy(msg, host)
        return "deployed all"

    @botcmd
    def rollback(self, msg, args):
        return self.deploy(msg, "the last one")

    @arg_botcmd("where")
    @arg_botcmd("--force", action="store_true")
    def ship(self, msg, where, force):
        """Ship it."""
        self._ran(msg, f"ship {where} {force}")
        yield f"shipping {where}"
        yield "shipped"

    @botcmd(admin_only=True, split_args_with=None)
    def wipe(self, msg, args):
        self._ran(msg, f"wipe {args}")
        return f"wiped {'+'.join(args)}"

    @re_botcmd(pattern=r"^launch (\\w+)", prefixed=False)
    def launch(self, msg, match):
        self._ran(msg, f"launch {match[1]}")
        return f"launched {match[1]}"

    @re_botcmd(pattern=r"host-(\\d+)", matchall=True)
    def reboot_hosts(self, msg, matches):
        self._ran(msg, f"reboot {[match[1] for match in matches]}")
        return "rebooted"

    @botcmd(template="nowhere")
    def fails(self, msg, args):
        raise CommandError("no such place")

    @botcmd
    def breaks(self, msg, args):
        yield "so far so good"
        raise ValueError("out of bricks")

    @botcmd
    def look(self, msg, args):
        return f"looked at {args}"

    @botcmd
    def meddle(self, msg, args):
        return self._bot.commands["echo"](msg, args)

    @botcmd
    def begin(self, msg, args):
        return "begun"

    @webhook
    def hook(self, payload):
        msg = self._bot.build_message("")
        msg.frm = self.build_identifier("@alice")
        msg.to = self.bot_identifier
        return self.deploy(msg, payload["what"])
'''
FLOW_PLUG = PLUG.format(name="DeployFlow", module="deploy_flow")
FLOW = '''
from errbot import BotFlow, FlowRoot, botflow

class DeployFlow(BotFlow):
    @botflow
    def release(self, flow: FlowRoot):
        """Begin, deploy without a word, and then perhaps roll back."""
        first = flow.connect("begin", auto_trigger=True)
        deployed = first.connect("deploy", predicate=lambda _: True)
        deployed.connect("rollback")
'''
GUARDS = """
commands: ["Deploy:deploy", "Deploy:ship", "Deploy:wipe", "Deploy:launch", "Deploy:reboot_hosts", "Deploy:fails",
  "Deploy:breaks", "Deploy:meddle", "Utils:echo"]
confirm: {by: [alice, bob], self: true, within: 1h}
"""


def the_plugins(folder: Path) -> str:
    """Put our plugins and one of somebody else into one folder; return that."""
    write_files(
        folder / "plugins",
        {
            "deploy/deploy.plug": PLUG.format(name="Deploy", module="deploy"),
            "deploy/deploy.py": DEPLOY,
            "deploy/deploy_flow.flow": FLOW_PLUG,
            "deploy/deploy_flow.py": FLOW,
        },
    )
    ours = folder / "plugins/err-confirm"
    if not ours.exists():
        ours.symlink_to(ROOT / "plugins/err-confirm")
    return str(folder / "plugins")


@contextmanager
def the_bot(folder: Path, guards: str = GUARDS, **config: Any) -> Iterator[Talk]:
    write_files(folder, {"aliases/deploy.yaml": guards})
    with a_bot(folder, BOT_EXTRA_PLUGIN_DIR=the_plugins(folder), **config) as talk:
        yield talk


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("guards")


@pytest.fixture(scope="module")
def talk(folder: Path) -> Iterator[Talk]:
    with the_bot(folder, BOT_ALT_PREFIXES=("bot", "@errbot"), BOT_ALT_PREFIX_SEPARATORS=(":", ",")) as talk:
        yield talk


@pytest.fixture
def ran(talk: Talk, folder: Path) -> "Ran":
    talk.quiet()
    (folder / "data/ran").unlink(missing_ok=True)
    return Ran(folder / "data/ran")


class Ran:
    """What the plugin ran since the test began."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self) -> list[str]:
        return self._path.read_text().splitlines() if self._path.exists() else []


WAYS = {
    "prefix": ("!deploy prod", "#ops", "deploy prod as #ops/alice to #ops: !deploy prod"),
    "prefix and blank": ("! deploy prod", "#ops", "deploy prod as #ops/alice to #ops: !deploy prod"),
    "direct message": ("!deploy prod", None, "deploy prod as @alice to @errbot: !deploy prod"),
    "alternative prefix": ("bot, deploy prod", "#ops", "deploy prod as #ops/alice to #ops: !deploy prod"),
    "mention": ("@errbot: deploy prod", "#ops", "deploy prod as #ops/alice to #ops: !deploy prod"),
    "many blanks": ("!deploy   prod", "#ops", "deploy prod as #ops/alice to #ops: !deploy prod"),
    "parsed arguments": ("!ship --force prod", "#ops", "ship prod True as #ops/alice to #ops: !ship --force prod"),
    "split arguments": ("!wipe a  b", None, "wipe ['a', 'b'] as @alice to @errbot: !wipe a  b"),
    "regex without prefix": ("launch moon", "#ops", "launch moon as #ops/alice to #ops: launch moon"),
    "regex with prefix": ("!launch moon", "#ops", "launch moon as #ops/alice to #ops: launch moon"),
    "regex many times": (
        "!now host-1 host-2",
        "#ops",
        "reboot ['1', '2'] as #ops/alice to #ops: !now host-1 host-2",
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_guarded_command_runs_only_after_yes_and_as_who_asked(talk: Talk, ran: Ran, way: str) -> None:
    """It runs once, with the arguments that were shown, in the name of alice where she said it."""
    said, room, trace = WAYS[way]
    talk.alice.says(said, room)
    asked = talk.prompt(room or "@alice")
    assert ran() == []
    talk.bob.says(f"!confirm {asked}", room)
    assert talk.ended(asked).state is State.SUCCEEDED
    talk.bob.says(f"!confirm {asked}", room)
    talk.quiet()
    assert ran() == [trace]


@pytest.mark.parametrize("way", WAYS)
def test_a_guarded_command_that_is_denied_never_runs(talk: Talk, ran: Ran, way: str) -> None:
    """A no is the end of it."""
    said, room, _ = WAYS[way]
    talk.alice.says(said, room)
    asked = talk.prompt(room or "@alice")
    talk.bob.says(f"!deny {asked}", room)
    assert talk.ended(asked).state is State.DENIED
    talk.quiet()
    assert ran() == []


def test_the_last_command_said_again_asks_again(talk: Talk, ran: Ran) -> None:
    """`!!` and `!1` mean the held command, and the new prompt shows it, not the exclamation marks."""
    talk.alice.says("!deploy prod")
    asked = talk.prompt()
    for again in ("!!", "!1"):
        before = asked
        talk.alice.says(f"!cancel {before}")
        talk.ended(before)
        talk.alice.says(again)
        asked = talk.prompt()
        assert asked != before
        assert talk.execution(asked).text == "!deploy prod"
    talk.alice.says(f"!confirm {asked}")
    assert talk.ended(asked).state is State.SUCCEEDED
    assert ran() == ["deploy prod as #ops/alice to #ops: !deploy prod"]


def test_replies_come_where_it_was_asked_after_the_word_that_it_runs(talk: Talk, ran: Ran) -> None:
    """First that it runs, then its own words, then how it ended; each once."""
    talk.alice.says("!ship prod", "#elsewhere")
    asked = talk.prompt("#elsewhere")
    talk.bob.says(f"!confirm {asked}", None)
    talk.hears(f"^{asked} confirmed by bob, running$", to="#elsewhere")
    talk.hears("^shipping prod$", to="#elsewhere")
    talk.hears("^shipped$", to="#elsewhere")
    talk.hears(rf"\A@alice {asked} succeeded in [\d.]+ m?s\Z", to="#elsewhere")
    talk.alice.says(f"!show {asked}")
    talk.hears("^shipped$")


def test_how_a_command_fails_is_said_and_kept(talk: Talk) -> None:
    """A refusal of the plugin and an error of its code are no success."""
    for said, why in (("!fails", "no such place"), ("!breaks", "out of bricks")):
        talk.alice.says(said)
        asked = talk.prompt()
        talk.alice.says(f"!confirm {asked}")
        talk.hears(why)
        talk.hears(rf"\A@alice {asked} failed after .*: {why}; see !show {asked}\Z")
        assert talk.ended(asked).state is State.FAILED


def test_what_is_not_guarded_runs_as_before(talk: Talk) -> None:
    """At once, without a word of ours."""
    talk.alice.says("!look here")
    assert "looked at here" in talk.quiet()


def test_one_command_of_a_plugin_cannot_call_a_guarded_one(talk: Talk, ran: Ran) -> None:
    """The guarded one asks; the caller is told that it has not run."""
    talk.alice.says("!rollback")
    asked = talk.prompt()
    talk.hears("deploy does not run yet")
    assert ran() == []
    talk.alice.says(f"!confirm {asked}")
    assert talk.ended(asked).state is State.SUCCEEDED
    assert ran() == ["deploy the last one as #ops/alice to #ops: !deploy the last one"]


def test_a_confirmed_command_cannot_lend_its_yes_to_another_plugin(talk: Talk) -> None:
    """What that one's command does was in no prompt."""
    talk.alice.says("!meddle with it")
    asked = talk.prompt()
    talk.alice.says(f"!confirm {asked}")
    inner = talk.prompt()
    assert talk.execution(inner).action == "Utils:echo"
    talk.hears("echo does not run yet")
    talk.hears(f"{asked} failed")
    talk.alice.says(f"!deny {inner}")
    assert talk.ended(inner).state is State.DENIED


def test_the_prompt_of_a_regex_command_names_it(talk: Talk) -> None:
    """One text may be said to several; a plain command is its own name."""
    for said, runs in (("launch moon", r"launch moon \(Deploy:launch\)"), ("!deploy moon", "!deploy moon")):
        talk.alice.says(said)
        talk.hears(rf"^runs: {runs}$")


def test_a_webhook_cannot_call_a_guarded_command(talk: Talk, ran: Ran, folder: Path) -> None:
    """Who calls is told no, and the person in whose name it came is asked."""
    web = talk.bot.plugin_manager.get_plugin_obj_by_name("Webserver").test_app.app
    assert web.test_client().post("/hook", json={"what": "prod"}).status_code == 500
    asked = talk.prompt("@alice")
    assert ran() == []
    talk.alice.says(f"!confirm {asked}", None)
    assert talk.ended(asked).state is State.SUCCEEDED
    assert ran() == ["deploy prod as @alice to @errbot: !deploy prod"]


def test_a_flow_stops_before_an_automatic_step_that_is_guarded(talk: Talk, ran: Ran) -> None:
    """It asks for the step, and goes on after it has run."""
    flows = talk.bot.flow_executor.in_flight
    talk.alice.says("!begin", None)
    asked = talk.prompt("@alice")
    assert ran() == []
    assert [str(flow.current_step) for flow in flows] == ["begin"]
    talk.alice.says(f"!confirm {asked}", None)
    assert talk.ended(asked).state is State.SUCCEEDED
    assert ran() == ["deploy None as @alice to @errbot: !deploy"]
    talk.hears("you can continue with", "@alice")
    assert [str(flow.current_step) for flow in flows] == ["deploy"]
    talk.alice.says("!flows stop", None)
    talk.hears("release stopped", "@alice")


def test_help_posts_no_prompt_and_says_what_it_always_said(talk: Talk) -> None:
    """`!help` asks every filter about every command."""
    before = len(talk.executions())
    talk.alice.says("!help Deploy")
    assert "Deploy something." in "".join(talk.quiet())
    talk.alice.says("!help deploy")
    assert "Deploy something." in "".join(talk.quiet())
    assert len(talk.executions()) == before


def test_access_control_is_asked_again_when_it_runs(talk: Talk, ran: Ran) -> None:
    """Who lost the right to a command meanwhile does not run it with an old yes."""
    talk.alice.says("!deploy prod")
    asked = talk.prompt()
    talk.bot.bot_config.ACCESS_CONTROLS["Deploy:deploy"] = {"denyusers": ("*alice",)}
    try:
        talk.alice.says(f"!confirm {asked}")
        assert talk.ended(asked).state is State.FAILED
        talk.hears("You're not allowed to access this command from this user")
        talk.hears(f"{asked} failed .*the bot's access control")
        assert ran() == []
    finally:
        del talk.bot.bot_config.ACCESS_CONTROLS["Deploy:deploy"]


def test_who_may_not_use_a_command_is_not_asked_to_confirm_it(talk: Talk, ran: Ran) -> None:
    """Errbot's own refusal comes first: no prompt for what could never run."""
    before = len(talk.executions())
    talk.mallory.says("!wipe all", None)
    talk.hears("requires bot-admin privileges", "@mallory")
    talk.quiet()
    assert len(talk.executions()) == before


def test_an_admins_command_leaves_the_pool_of_threads_alone(talk: Talk, ran: Ran) -> None:
    """Errbot would close the pool for it, under whoever works in there."""
    pool = talk.bot.thread_pool
    talk.alice.says("!wipe a", None)
    asked = talk.prompt("@alice")
    pool = talk.bot.thread_pool
    talk.bob.says(f"!confirm {asked}", None)
    assert talk.ended(asked).state is State.SUCCEEDED
    assert talk.bot.thread_pool is pool


def test_the_thread_that_receives_messages_never_waits_for_the_store(talk: Talk) -> None:
    """Who reads the chat asks nothing of the store; others do."""
    threads: set[str] = set()
    create = talk.service.engine.create

    def noting(*args: Any, **more: Any) -> Any:
        threads.add(threading.current_thread().name)
        return create(*args, **more)

    talk.service.engine.create = noting
    talk.alice.says("!deploy prod")
    talk.prompt()
    assert "bot" not in threads
    assert len(threads) == 1
    del talk.service.engine.create


def test_a_plugin_that_is_reloaded_is_guarded_as_before(talk: Talk, ran: Ran) -> None:
    """The new object's methods ask, too, and what waited runs on it."""
    talk.alice.says("!deploy prod")
    waiting = talk.prompt()
    talk.alice.says("!plugin reload Deploy", None)
    talk.hears("Plugin Deploy reloaded", "@alice")
    talk.alice.says("!rollback")
    called = talk.prompt()
    assert ran() == []
    for asked in (waiting, called):
        talk.alice.says(f"!confirm {asked}")
        assert talk.ended(asked).state is State.SUCCEEDED
    assert len(ran()) == 2


def test_a_command_whose_plugin_is_gone_does_not_run(talk: Talk, ran: Ran) -> None:
    """It fails, and says why."""
    talk.alice.says("!deploy prod")
    asked = talk.prompt()
    talk.alice.says("!plugin deactivate Deploy", None)
    talk.hears("Plugin Deploy deactivated", "@alice")
    talk.alice.says(f"!confirm {asked}")
    talk.hears(f"{asked} failed .*the plugin Deploy has no command deploy here now")
    talk.alice.says("!plugin activate Deploy", None)
    talk.hears("Plugin Deploy activated", "@alice")
    assert ran() == []


def test_what_expired_is_asked_for_again_with_the_line_that_is_shown(tmp_path: Path) -> None:
    """A held command's text has the prefix already, or needs none: the hint shows what was said, and it asks anew."""
    with the_bot(tmp_path, GUARDS.replace("1h", "100ms")) as talk:
        for said in ("!deploy prod", "launch moon"):
            talk.alice.says(said)
            asked = talk.prompt()
            talk.hears(rf"\A@alice {asked} expired: .*; nothing ran\nask again: {said}\Z")
            talk.alice.says(f"!confirm {asked}")
            talk.hears(rf"\A{asked} expired at [0-9:]+ UTC and nothing ran; ask again: {said}\Z")


def test_a_held_command_survives_a_restart(tmp_path: Path) -> None:
    """The next bot finds what waits, and what was confirmed while none was there, and runs each once."""
    with the_bot(tmp_path) as talk:
        asked = []
        for said, room in (("!ship --force prod", "#ops"), ("launch moon", "#ops"), ("!wipe a b", None)):
            talk.alice.says(said, room)
            asked.append(talk.prompt())
    with the_bot(tmp_path) as talk:
        for each in asked:
            talk.alice.says(f"!confirm {each}", None)
            assert talk.ended(each).state is State.SUCCEEDED
        talk.hears("^wiped a", "@alice")
    assert (tmp_path / "data/ran").read_text().splitlines() == [
        "ship prod True as #ops/alice to #ops: !ship --force prod",
        "launch moon as #ops/alice to #ops: launch moon",
        "wipe ['a', 'b'] as @alice to @errbot: !wipe a b",
    ]
