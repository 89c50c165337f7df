"""An alias starts a command of another plugin: as who asked, through all filters, under one confirmation."""

from collections.abc import Iterator

import pytest

from err_confirm.errors import StartError
from err_confirm.model.runs import Invocation
from err_confirm.runners import STARTERS
from err_confirm.runners.base import Context
from talk import ROOT, Talk, a_bot, write_files

PLUG = "[Core]\nName = Deploy\nModule = deploy\n\n[Python]\nVersion = 3\n\n[Errbot]\nMin = 6.0.0\n"
DEPLOY = '''
from errbot import BotPlugin, botcmd

class Deploy(BotPlugin):
    """Says what it does, and for whom."""

    @botcmd
    def deploy(self, msg, args):
        return f"deployed {args} for {msg.frm}"

    @botcmd
    def deploy_all(self, msg, args):
        return f"deployed all {args}"

    @botcmd(admin_only=True)
    def wipe(self, msg, args):
        return f"wiped {args}"

    @botcmd
    def strict(self, msg, args):
        return f"strictly {args}"
'''
BY_BOB = "{by: bob, within: 1h}"


def said(name: str, text: str, confirm: str = BY_BOB) -> str:
    return f"""
name: {name}
formats: ["{name} {{{{what}}}}"]
parameters: {{what: {{required: true, free: true}}}}
run: {{bot: "{text}"}}
confirm: {confirm}
"""


FILES = {
    "aliases/rollout.yaml": said("rollout", "deploy {{ what }}"),
    "aliases/erase.yaml": said("erase", "wipe {{ what }}"),
    "aliases/hard.yaml": said("hard", "strict {{ what }}"),
    "aliases/soft.yaml": said("soft", "strict {{ what }}", "requester"),
    "aliases/answer.yaml": said("answer", "confirm {{ what }}"),
    "aliases/unknown.yaml": said("unknown", "nothing of this {{ what }}"),
    "aliases/strict.yaml": f"name: strict-guard\ncommands: 'Deploy:strict'\nconfirm: {BY_BOB}\n",
    "plugins/deploy/deploy.plug": PLUG,
    "plugins/deploy/deploy.py": DEPLOY,
}


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    folder = tmp_path_factory.mktemp("said")
    write_files(folder, FILES)
    (folder / "plugins/err-confirm").symlink_to(ROOT / "plugins/err-confirm")
    with a_bot(folder, BOT_EXTRA_PLUGIN_DIR=str(folder / "plugins"), BOT_ADMINS=("@root",)) as talk:
        yield talk


def confirmed(talk: Talk, text: str) -> str:
    """Ask for something as Alice in #ops, let Bob confirm it, return its id."""
    talk.alice.says(text, "#ops")
    asked = talk.prompt("#ops")
    talk.bob.says(f"!confirm {asked}", "#ops")
    return asked


def outcome(talk: Talk, asked: str) -> str:
    """Return how it ended."""
    return talk.hears(rf"{asked} ((?:failed|succeeded).*)", "#ops")[1]


def test_it_runs_as_who_asked_where_they_asked(talk: Talk) -> None:
    """The prompt shows what is said, and the plugin answers as if she had said it."""
    talk.alice.says("!rollout web1", "#ops")
    asked = talk.prompt("#ops")
    assert any("runs: (bot) deploy web1" in text.replace("`", "") for text in talk.texts())
    talk.bob.says(f"!confirm {asked}", "#ops")
    talk.hears("deployed web1 for #ops/alice", "#ops")
    assert outcome(talk, asked).startswith("succeeded")
    assert talk.execution(asked).outcome.output == "deployed web1 for #ops/alice"


def test_the_text_means_what_it_would_mean_if_it_was_said(talk: Talk) -> None:
    """The command with the most words."""
    asked = confirmed(talk, "!rollout all now")
    talk.hears("deployed all now", "#ops")
    assert outcome(talk, asked).startswith("succeeded")


def test_who_may_not_say_it_gets_nothing_by_an_alias(talk: Talk) -> None:
    """The bot's access control holds for the command, too."""
    assert "does not let it through" in outcome(talk, confirmed(talk, "!erase all"))


def test_a_guard_that_asks_for_the_same_does_not_ask_again(talk: Talk) -> None:
    """One confirmation is enough."""
    asked = confirmed(talk, "!hard x")
    talk.hears("strictly x", "#ops")
    assert outcome(talk, asked).startswith("succeeded")


def test_a_guard_that_asks_for_something_else_is_not_gone_around(talk: Talk) -> None:
    """Nothing runs, and it says what to do."""
    talk.alice.says("!soft x", "#ops")
    asked = talk.prompt("#ops")
    talk.alice.says(f"!confirm {asked}", "#ops")
    ended = outcome(talk, asked)
    assert "strict-guard over Deploy:strict asks for something else than this alias" in ended
    assert "or say !strict x" in ended


def test_a_lock_on_the_guard_holds(talk: Talk) -> None:
    """What may not be asked for is not started by another name."""
    talk.bob.says("!lock strict-guard we move", "#ops")
    talk.hears("strict-guard", "#ops")
    assert "we move" in outcome(talk, confirmed(talk, "!hard x"))
    talk.bob.says("!unlock strict-guard", "#ops")
    talk.hears("strict-guard", "#ops")


def test_no_alias_says_our_own_commands_or_what_nobody_knows(talk: Talk) -> None:
    """Nobody confirms by one."""
    assert "is a command of err-confirm, which no alias may say" in outcome(talk, confirmed(talk, "!answer 7f3kq2xa"))
    assert 'the bot has no command for "nothing of this x"' in outcome(talk, confirmed(talk, "!unknown x"))


def test_what_is_shown_looks_unlike_a_program() -> None:
    """And the command line has no bot."""
    invocation = Invocation(runner="said", spec={"said": "deploy\n\u202ex"})
    assert STARTERS["said"].describe(invocation) == r"(bot) deploy\u000a\u202ex"
    with pytest.raises(StartError, match="here is none"):
        STARTERS["said"].start(invocation, Context())
