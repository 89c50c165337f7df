"""A bot admin alone cannot switch the confirmations off: what could is guarded by files that are shipped."""

import gc
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from errbot.core_plugins.wsview import reset_app

from err_confirm.model.executions import State
from servers import eventually
from talk import ROOT, Talk, a_bot, write_files

PLUG = "[Core]\nName = {name}\nModule = {module}\n"
SITE = """
from errbot import BotFlow, BotPlugin, botcmd, botflow, webhook


class Site(BotPlugin):
    def get_configuration_template(self):
        return {"host": "web1"}

    def _ran(self, command):
        with open(f"{self.bot_config.BOT_DATA_DIR}/ran", "a") as file:
            print(command, file=file)
        return f"{command} ran"

    @botcmd
    def drop(self, msg, args):
        return self._ran("drop")

    @botcmd(admin_only=True)
    def begin(self, msg, args):
        return "begun"

    @webhook
    def hook(self, payload):
        msg = self._bot.build_message("")
        msg.frm, msg.to = self.build_identifier("@alice"), self.bot_identifier
        return self.drop(msg, payload["what"])

    @webhook
    def again(self, payload):
        msg = self._bot.build_message(payload["text"])
        msg.frm, msg.to = self.build_identifier("@alice"), self.bot_identifier
        self._bot.process_message(msg)
        return "said"
"""
FLOW = """
from errbot import BotFlow, botflow


class SiteFlow(BotFlow):
    @botflow
    def cleaning(self, flow):
        begun = flow.connect("begin", auto_trigger=True)
        begun.connect("drop", predicate=lambda ctx: True)
"""
TOY = """
from errbot import BotPlugin, botcmd


class {name}(BotPlugin):
    @botcmd
    def {command}(self, msg, args):
        return "toy"
"""
GUARD = "{commands: ['Site:drop'], confirm: {by: [bob], within: 1h}}"
WEAKER = "{commands: ['Site:drop'], confirm: {by: requester, within: 1h}}"
GIT = ("git", "-c", "user.name=toy", "-c", "user.email=toy@example.org")
REMOTE = "toys"
"""A folder with two repositories: `old` is installed and has something new since, `new` is not installed."""


def a_repository(folder: Path, name: str) -> None:
    """Make a repository with one plugin."""
    plug, code = PLUG.format(name=name.title(), module=name), TOY.format(name=name.title(), command=f"{name}_toy")
    write_files(folder, {f"{name}.plug": plug, f"{name}.py": code})
    for command in (["init", "-q", "-b", "master"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*GIT, "-C", str(folder), *command], check=True)


@contextmanager
def the_bot(folder: Path) -> Iterator[Talk]:
    files = {
        "aliases/site.yaml": GUARD,
        "plugins/site/site.plug": PLUG.format(name="Site", module="site_plugin"),
        "plugins/site/site_plugin.py": SITE,
        "plugins/site/flow.flow": PLUG.format(name="SiteFlow", module="site_flow"),
        "plugins/site/site_flow.py": FLOW,
        "index.json": "{}",
    }
    write_files(folder, files)
    (folder / "plugins/err-confirm").symlink_to(ROOT / "plugins/err-confirm")
    reset_app()  # Errbot keeps the webhooks of all bots of a process in one table
    config = {
        "BOT_EXTRA_PLUGIN_DIR": str(folder / "plugins"),
        "BOT_PLUGIN_INDEXES": (str(folder / "index.json"),),
    }
    with a_bot(folder, shipped=True, **config) as talk:
        yield talk


@dataclass(frozen=True, slots=True)
class Command:
    """An admin's command, who may confirm it, and what of a bot it changes."""

    said: str
    changes: set[str]
    by: str = "bob"


FREE = [
    "!plugin info Site",
    "!flows list",
    "!flows show cleaning",
    "!flows start cleaning",
    "!flows status",
    "!begin",
    "!echo !drop it",
    "!render test",
    "!whoami",
    "!help drop",
    "!apropos drop",
    "!status plugins",
    "!repos",
    "!guards",
    "!pending",
    "!backup",
    "!webhook test /echo {{}}",
    '!webhook test /hook {{"what": "it"}}',
    '!webhook test /again {{"text": "!drop it"}}',
    '!webhook test /again {{"text": "!plugin deactivate Confirm"}}',
    '!webhook test /again {{"text": "!confirm {asked}"}}',
    "!drop it",
    "!!",
    "!1",
    "!confirm",
    "!confirm {asked}",
    "!flows stop cleaning",
    *(f"!plugin {verb} {name}" for verb in ("activate", "unblacklist") for name in ("Site", "Guards", "Confirm")),
    "!drop it",
]
"""What an admin can say that has no guard, with `{asked}` for what waits already."""
COMMANDS = {
    "plugin deactivate": Command("!plugin deactivate Guards", {"active"}),
    "plugin blacklist": Command("!plugin blacklist Guards", {"active", "blacklist"}),
    "plugin reload": Command("!plugin reload Guards", {"code"}),
    "plugin config": Command("!plugin config Site {'host': 'web2'}", {"config"}),
    "repos install": Command("!repos install {folder}/new", {"active", "code", "repos", "files"}),
    "repos uninstall": Command("!repos uninstall toys/old", {"active", "code", "repos", "files"}),
    "repos update": Command("!repos update all", {"code", "files"}),
    "aliases reload": Command("!aliases reload", {"guards"}, by="alice"),
}
ANSWERS = {"alone": None, "confirmed by self": "alice", "confirmed by another": "bob"}


def state_of(talk: Talk, folder: Path) -> dict[str, Any]:
    """Return what these commands could change."""
    manager, repos = talk.bot.plugin_manager, talk.bot.repo_manager
    plugins = Path(repos.plugin_dir)
    return {
        "active": sorted(manager.get_all_active_plugin_names()),
        "blacklist": sorted(manager.get_blacklisted_plugin()),
        "code": {name: type(manager.get_plugin_obj_by_name(name)) for name in manager.get_all_plugin_names()},
        "config": manager.get_plugin_configuration("Site"),
        "repos": dict(repos.get_installed_plugin_repos()),
        "files": {str(path): path.read_text() for path in plugins.rglob("*.py")},
        "guards": str(talk.service.catalog.guards),
    }


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("command", COMMANDS)
def test_an_admin_alone_changes_nothing_that_could_switch_the_confirmations_off(tmp_path: Path, command: str) -> None:
    """24 cells: alone nothing; confirmed by oneself only the reload; by somebody else each does what it says, once."""
    toys = tmp_path / REMOTE
    for name in ("old", "new"):
        a_repository(toys / name, name)
    with the_bot(tmp_path) as talk:
        repos = talk.bot.repo_manager
        subprocess.run([*GIT, "clone", "-q", toys / "old", Path(repos.plugin_dir) / "toys/old"], check=True)
        repos.add_plugin_repo("toys/old", str(toys / "old"))
        talk.bot.plugin_manager.update_plugin_places(repos.get_all_repos_paths())
        talk.bot.plugin_manager.activate_non_started_plugins()
        write_files(toys / "old", {"old.py": (toys / "old/old.py").read_text().replace('"toy"', '"new toy"')})
        subprocess.run([*GIT, "-C", str(toys / "old"), "commit", "-qam", "two"], check=True)
        write_files(tmp_path, {"aliases/site.yaml": WEAKER})
        does = COMMANDS[command]
        for answer, who in ANSWERS.items():
            before = state_of(talk, tmp_path)
            talk.alice.says(does.said.format(folder=toys) if "{folder}" in does.said else does.said, None)
            asked = talk.prompt("@alice")
            runs = who == does.by
            if who:
                getattr(talk, who).says(f"!confirm {asked}", None)
            if runs:
                assert talk.ended(asked).state is State.SUCCEEDED
            talk.quiet()
            assert talk.execution(asked).state is (State.SUCCEEDED if runs else State.PENDING), answer
            assert changed(before, state_of(talk, tmp_path)) == (does.changes if runs else set()), answer
    gc.collect()  # while it is ignored that dulwich, with which Errbot clones, closes no file


def test_the_matrix_has_no_hole() -> None:
    """How many cells are asserted."""
    assert len(COMMANDS) * len(ANSWERS) == 24


def test_no_chain_of_commands_that_are_free_frees_one_that_is_guarded(tmp_path: Path) -> None:
    """Flows, webhooks, what repeats and what restores: each ends in a prompt, and after all it asks as before."""
    with the_bot(tmp_path) as talk:
        talk.alice.says("!drop this", None)
        asked = talk.prompt("@alice")
        webserver = {"HOST": "127.0.0.1", "PORT": 0, "SSL": None}
        talk.bot.plugin_manager.set_plugin_configuration("Webserver", webserver)
        talk.bot.plugin_manager.activate_plugin("Webserver")
        eventually(lambda: talk.bot.plugin_manager.get_plugin_obj_by_name("Webserver").server)
        before = state_of(talk, tmp_path)
        for said in FREE:
            talk.alice.says(said.format(asked=asked), None)
            talk.hears(".", "@alice")  # for an admin's command Errbot closes its pool, whoever still needs it
            talk.quiet()
            for each in talk.executions():
                if each.id != asked and not each.state.ended:  # while it waits, the same is asked for only once
                    assert each.state is State.PENDING
                    talk.alice.says(f"!cancel {each.id}", None)
                    talk.ended(each.id)
        eventually(lambda: len(talk.executions()) == 9)
        assert changed(before, state_of(talk, tmp_path)) == set()
        assert not (tmp_path / "data/ran").exists()
        assert {each.requester for each in talk.executions()} == {"alice"}
        assert [each.state for each in talk.executions()] == [State.CANCELED] * 8 + [State.PENDING]
        assert sorted(each.text for each in talk.executions()) == [
            "!drop",
            *["!drop it"] * 6,
            "!drop this",
            "!plugin deactivate Confirm",
        ]
        talk.bob.says(f"!confirm {asked}", None)
        assert talk.ended(asked).state is State.SUCCEEDED
    assert (tmp_path / "data/ran").read_text() == "drop\n"
