"""Whoever tries to run a guarded command without the yes that it needs, or another than the one that was shown."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from talk import ROOT, Talk, a_bot, write_files

PLUG = "[Core]\nName = {name}\nModule = {module}\n"
SITE = """
from types import MethodType

from errbot import BotPlugin, botcmd


def ran(plugin, msg, what):
    with open(f"{plugin.bot_config.BOT_DATA_DIR}/ran", "a") as file:
        print(what, file=file)
    return f"ran {what}"


@botcmd
def drain(plugin, msg, args):
    return ran(plugin, msg, f"drain {args}")


class Site(BotPlugin):
    def activate(self):
        self.drain = MethodType(drain, self)
        super().activate()
        self.kept = self.drop

    @botcmd
    def drop(self, msg, args, really=None):
        return ran(self, msg, f"drop {args}{really or ''}")

    @botcmd
    def wipe(self, msg, args):
        return ran(self, msg, f"wipe {args}")

    @botcmd
    def restock(self, msg, args):
        yield "begun"
        ran(self, msg, f"restock {args}")
        yield "restocked"

    @botcmd(name="status")
    def _show_status(self, msg, args):
        return ran(self, msg, f"status {args}")

    @botcmd
    def by_keyword(self, msg, args):
        return self.drop(msg, args=args)

    @botcmd
    def by_two(self, msg, args):
        return self.drop(msg, "a", args)

    @botcmd
    def by_instance(self, msg, args):
        return self.drain(msg, args)

    @botcmd
    def by_reference(self, msg, args):
        return self.kept(msg, args)

    @botcmd
    def wipes(self, msg, args):
        return self.wipe(msg, args)
"""
CALLER = """
from errbot import BotPlugin, botcmd


class Caller(BotPlugin):
    @botcmd
    def indirectly(self, msg, args):
        return self.get_plugin("Site").drop(msg, args)

    def callback_botmessage(self, msg):
        if msg.body == "begun":
            self.get_plugin("Site").wipe(msg.parent, "all")
"""


def guard(*commands: str, by: str = "[alice, bob]") -> str:
    return f"{{commands: {[*commands]}, confirm: {{by: {by}, within: 1h}}}}"


@contextmanager
def the_bot(folder: Path, guards: dict[str, str], **config: Any) -> Iterator[Talk]:
    write_files(
        folder,
        {
            "plugins/site/site.plug": PLUG.format(name="Site", module="site_plugin"),
            "plugins/site/site_plugin.py": SITE,
            "plugins/site/caller.plug": PLUG.format(name="Caller", module="caller") + "DependsOn = Site\n",
            "plugins/site/caller.py": CALLER,
            **{f"aliases/{name}.yaml": text for name, text in guards.items()},
        },
    )
    if not (folder / "plugins/err-confirm").exists():
        (folder / "plugins/err-confirm").symlink_to(ROOT / "plugins/err-confirm")
    with a_bot(folder, BOT_EXTRA_PLUGIN_DIR=str(folder / "plugins"), **config) as talk:
        yield talk


def ran(folder: Path) -> list[str]:
    path = folder / "data/ran"
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.parametrize("said", ["!by keyword prod", "!by two prod", "!by reference prod"])
def test_a_method_asks_in_whatever_form_it_gets_its_arguments(tmp_path: Path, said: str) -> None:
    """A guard over some arguments sees them all, by position and by name."""
    with the_bot(tmp_path, {"site": guard("Site:drop prod*")}) as talk:
        talk.alice.says(said)
        talk.hears("drop does not run yet|Site:drop is guarded, and its arguments cannot be kept")
        talk.quiet()
        assert ran(tmp_path) == []
