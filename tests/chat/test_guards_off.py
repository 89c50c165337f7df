"""What is guarded and cannot be asked for does not run: whatever of ours is switched off, broken or missing."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from err_confirm.journal import RELOADED, lines
from talk import ROOT, Talk, a_bot, write_files

PLUG = "[Core]\nName = Site\nModule = site_plugin\n\n[Python]\nVersion = 3\n\n[Errbot]\nMin = 6.0.0\n"
SITE = """
from errbot import BotFlow, BotPlugin, botcmd

class Site(BotPlugin):
    @botcmd
    def drop(self, msg, args):
        return f"dropped {args}"

    @botcmd
    def lift(self, msg, args):
        return f"lifted {args}"

    @botcmd
    def indirectly(self, msg, args):
        return self.drop(msg, args)
"""
GUARD = "{commands: ['Site:drop'], confirm: {by: [alice, bob], self: true, within: 1h}}"
REFUSED = r"\Anothing runs: Site:drop is guarded: "


@contextmanager
def the_bot(folder: Path, files: dict[str, str], **config: Any) -> Iterator[Talk]:
    write_files(folder, {"plugins/site/site.plug": PLUG, "plugins/site/site_plugin.py": SITE, **files})
    if not (folder / "plugins/err-confirm").exists():
        (folder / "plugins/err-confirm").symlink_to(ROOT / "plugins/err-confirm")
    with a_bot(folder, BOT_EXTRA_PLUGIN_DIR=str(folder / "plugins"), **config) as talk:
        yield talk


def is_refused(talk: Talk, why: str = "", said: str = "!drop it") -> None:
    talk.alice.says(said)
    talk.hears(REFUSED + why, "#ops")
    assert not any("dropped" in text for text in talk.quiet())


def runs(talk: Talk, said: str = "!lift it", reply: str = "lifted it") -> None:
    talk.alice.says(said)
    talk.hears(rf"\A{reply}\Z", "#ops")


@pytest.mark.parametrize("name", ["Confirm", "Aliases", "Guards", "Locks"])
def test_a_plugin_of_ours_that_is_switched_off_frees_nothing(tmp_path: Path, name: str) -> None:
    """Without Confirm, what is guarded is refused; the others are not needed to guard it."""
    with the_bot(tmp_path, {"aliases/drop.yaml": GUARD}) as talk:
        talk.alice.says(f"!plugin deactivate {name}", None)
        talk.hears(f"Plugin {name} deactivated", "@alice")
        if name == "Confirm":
            is_refused(talk, "the plugin Confirm is switched off")
            is_refused(talk, "the plugin Confirm is switched off", said="!indirectly it")
        else:
            talk.alice.says("!drop it")
            asked = talk.prompt()
            talk.alice.says(f"!deny {asked}")
            talk.ended(asked)
        runs(talk)
        talk.alice.says(f"!plugin activate {name}", None)
        talk.hears(f"Plugin {name} activated", "@alice")
        talk.alice.says("!drop it")
        talk.alice.says(f"!confirm {talk.prompt()}")
        talk.hears(r"\Adropped it\Z")


@pytest.mark.parametrize("names", [["Confirm", "Aliases"], ["Guards"]])
def test_plugins_of_ours_that_are_blacklisted_free_nothing_after_a_restart(tmp_path: Path, names: list[str]) -> None:
    """Errbot loads a blacklisted plugin and does not activate it: to be loaded is enough to hold."""
    with the_bot(tmp_path, {"aliases/drop.yaml": GUARD}) as talk:
        for name in names:
            talk.alice.says(f"!plugin blacklist {name}", None)
            talk.hears("is now blacklisted", "@alice")
    with the_bot(tmp_path, {}) as talk:
        if "Confirm" in names:
            is_refused(talk, "the plugin Confirm is switched off")
            is_refused(talk, "the plugin Confirm is switched off", said="!indirectly it")
        else:
            talk.alice.says("!drop it")
            assert talk.prompt()
        runs(talk)


def test_a_setting_that_stops_our_plugin_frees_nothing(tmp_path: Path) -> None:
    """The files can still be read, so that only what they guard is refused."""
    with the_bot(tmp_path, {"aliases/drop.yaml": GUARD}, CONFIRM_STORE="nosuch://store") as talk:
        is_refused(talk, "the plugin Confirm is switched off, or could not start; .* say !plugin activate Confirm")
        is_refused(talk, said="!indirectly it")
        runs(talk)


def test_a_setting_that_hides_the_files_leaves_nothing_free(tmp_path: Path) -> None:
    """Nobody can tell what is guarded, so that nothing of other plugins runs, and the reason is named."""
    with the_bot(tmp_path, {"aliases/drop.yaml": GUARD}, CONFIRM_ALIASES=7) as talk:
        talk.alice.says("!lift it")
        talk.hears(r"\Anothing runs: Site:lift is guarded: CONFIRM_ALIASES must be a folder")


def test_a_guard_file_with_a_mistake_refuses_what_it_names(tmp_path: Path) -> None:
    """File and line of the mistake are said, and everything else runs."""
    broken = "commands: ['Site:drop']\nconfirm: {by: nobody-knows}\n"
    with the_bot(tmp_path, {"aliases/drop.yaml": broken}) as talk:
        is_refused(talk, r".*aliases/drop\.yaml:2: ")
        is_refused(talk, r".*aliases/drop\.yaml:2: ", said="!indirectly it")
        runs(talk)
        (tmp_path / "aliases/drop.yaml").write_text(GUARD)
        talk.alice.says("!aliases reload", None)
        talk.hears("are in use", "@alice")
        talk.alice.says("!drop it")
        assert talk.prompt()


def test_a_guard_file_that_cannot_be_read_refuses_all_until_it_can(tmp_path: Path) -> None:
    """What it guards is not known; our own commands go on, so that it can be mended."""
    with the_bot(tmp_path, {"aliases/drop.yaml": "commands: ['Site:drop'\nconfirm: requester\n"}) as talk:
        talk.alice.says("!lift it")
        talk.hears(r"\Anothing runs: Site:lift is guarded: .*aliases/drop\.yaml:")
        talk.alice.says("!guards")
        talk.hears(r"covers \d+ commands that no other guard covers")
        (tmp_path / "aliases/drop.yaml").write_text(GUARD)
        talk.alice.says("!aliases reload", None)
        talk.hears("are in use", "@alice")
        runs(talk)
        talk.alice.says("!drop it")
        assert talk.prompt()


def test_a_reload_of_a_guard_file_with_a_mistake_keeps_the_guard(tmp_path: Path) -> None:
    """The last good files count."""
    with the_bot(tmp_path, {"aliases/drop.yaml": GUARD}) as talk:
        (tmp_path / "aliases/drop.yaml").write_text("commands: [")
        talk.alice.says("!aliases reload", None)
        talk.hears("nothing was changed", "@alice")
        talk.alice.says("!drop it")
        assert talk.prompt()
        runs(talk)


def test_a_reload_takes_and_frees_commands_at_once(tmp_path: Path) -> None:
    """Also where they are called as methods."""
    with the_bot(tmp_path, {}) as talk:
        runs(talk, "!indirectly it", "dropped it")
        for guard, held in ((GUARD, True), (GUARD.replace("drop", "lift"), False)):
            (tmp_path / "aliases/drop.yaml").write_text(guard)
            talk.alice.says("!aliases reload", None)
            talk.hears("are in use", "@alice")
            if held:
                talk.alice.says("!indirectly it")
                assert talk.prompt()
                talk.hears("drop does not run yet")
            else:
                runs(talk, "!indirectly it", "dropped it")


@pytest.mark.parametrize("library", ["pydantic", "yaml"])
def test_a_missing_library_leaves_no_command_of_anybody_free(tmp_path: Path, library: str) -> None:
    """Our other plugins do not load then; what holds does, and says what is missing."""
    write_files(
        tmp_path,
        {
            "plugins/site/site.plug": PLUG,
            "plugins/site/site_plugin.py": SITE,
            "aliases/drop.yaml": GUARD,
            "data/.keep": "",
        },
    )
    (tmp_path / "plugins/err-confirm").symlink_to(ROOT / "plugins/err-confirm")
    missing = f"\nimport sys\nsys.modules[{library!r}] = None\n"
    (tmp_path / "config.py").write_text((ROOT / "config.py").read_text() + missing)
    bot = subprocess.run(
        [Path(sys.executable).with_name("errbot"), "-c", str(tmp_path / "config.py"), "-T"],
        input="!lift it\n!indirectly it\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert re.search(rf"nothing runs: Site:lift is guarded: .*{library}", bot.stdout), bot.stdout
    assert re.search(rf"nothing runs: Site:indirectly is guarded: .*{library}", bot.stdout)
    assert "lifted" not in bot.stdout
    assert "dropped" not in bot.stdout


def test_the_journal_keeps_what_a_reload_changed_and_who_wanted_it(tmp_path: Path) -> None:
    """A weaker policy is taken into use only after it was noted, and one that changes nothing is not."""
    with the_bot(tmp_path, {"aliases/drop.yaml": GUARD}) as talk:
        (tmp_path / "aliases/drop.yaml").write_text(GUARD.replace("[alice, bob], self: true", "anyone"))
        write_files(tmp_path, {"aliases/say.yaml": "{name: say, formats: [say], run: {command: [id]}}"})
        for _ in range(2):
            talk.alice.says("!aliases reload", None)
            talk.hears("are in use", "@alice")
        seal = talk.service.archive._seal
        found = [line.entry for line in lines(talk.service.store, seal) if line.entry.what == RELOADED]
    assert [(entry.who, entry.identity, entry.room) for entry in found] == [("alice", "text:alice", "")]
    assert found[0].facts == {
        "aliases": {"added": ["say"]},
        "guards": {"changed": ["drop"], "policies": {"drop": ["alice or bob within 1 h", "anyone within 1 h"]}},
        "actions": {"added": ["say"]},
    }


@pytest.mark.parametrize(
    "broken",
    [
        "{name: site, formats: ['drop {{what}} now'], run: {command: [id]}, confirm: {by: nobody-knows}}",
        "name: site\nformats:\n\t- drop {{what}} now\n",
        "name: site\nformats:\n  - drop {{what}} now\nrun: {command: [id\n",
    ],
)
def test_the_texts_of_a_broken_alias_do_not_become_another_plugins_command(tmp_path: Path, broken: str) -> None:
    """`!restart web01` would else restart the bot, after a mistake in the file of the alias `restart`."""
    with the_bot(tmp_path, {"aliases/site.yaml": broken}) as talk:
        is_refused(talk, r".*aliases/site\.yaml:", said="!drop it now")
        talk.alice.says("!drop")
        talk.hears(r"\Adropped\Z", "#ops")
        runs(talk)


def test_a_guard_over_the_other_plugins_command_does_not_stand_over_the_texts_of_a_broken_alias(tmp_path: Path) -> None:
    """Whoever says `!restart web01` wants a host restarted: a yes to the guarded `!restart` is none to that."""
    broken = "{name: site, formats: ['drop {{what}} now'], rnu: {command: [id]}}"
    for policy in ("none", "requester"):
        files = {"aliases/site.yaml": broken, "aliases/own.yaml": f"commands: Site:drop\nconfirm: {policy}\n"}
        with the_bot(tmp_path / policy, files) as talk:
            is_refused(talk, r".*aliases/site\.yaml:", said="!drop it now")


def test_the_text_of_an_alias_becomes_nobody_elses_while_its_plugin_is_off(tmp_path: Path) -> None:
    """It is refused until the plugin is on again."""
    alias = "{name: site, formats: ['drop {{what}} now'], run: {command: [echo, done]}, confirm: none}"
    with the_bot(tmp_path, {"aliases/site.yaml": alias}) as talk:
        talk.alice.says("!plugin deactivate Aliases", None)
        talk.hears("Plugin Aliases deactivated", "@alice")
        is_refused(talk, "the plugin Aliases, whose command this may be, is off", said="!drop it now")
        talk.alice.says("!plugin activate Aliases", None)
        talk.hears("Plugin Aliases activated", "@alice")
        talk.alice.says("!drop it now")
        talk.hears("succeeded in .*done")


def test_a_reload_names_the_patterns_that_cover_nothing(tmp_path: Path) -> None:
    """A misspelled guard guards nothing, and would look as if all were well."""
    with the_bot(tmp_path, {}) as talk:
        (tmp_path / "aliases/drop.yaml").write_text(GUARD.replace("Site:drop", "Sight:drop"))
        talk.alice.says("!aliases reload", None)
        talk.hears(r"Sight:drop covers nothing: no active plugin .* \(did you mean .Site:drop.\?\)", "@alice")


def test_two_guards_that_say_equally_much_refuse(tmp_path: Path) -> None:
    """Nobody could tell which of their policies counts; both places are named."""
    guards = {
        "aliases/a.yaml": GUARD.replace("Site:drop", "Site:dro?"),
        "aliases/b.yaml": GUARD.replace("drop", "?rop"),
    }
    with the_bot(tmp_path, guards) as talk:
        is_refused(talk, r".*aliases/a\.yaml:1, .*aliases/b\.yaml:1; keep one of them")
        is_refused(talk, r".*keep one of them", said="!indirectly it")
        runs(talk)
