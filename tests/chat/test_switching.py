"""Plugins reloaded, switched off and on in the middle of things: what waits stays, what runs ends, nothing is left."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from err_confirm.runners.processes.group import group_is_alive
from servers import RedisServer, eventually
from talk import Talk, a_bot, write_files

OFF = r"\Anothing runs: the plugin Confirm is switched off here; a bot admin can say !plugin activate Confirm\Z"
FILES = {
    # Writes its process group into the file `group`, and ends as soon as there is a file `go`.
    "linger": "#!/bin/sh\necho $$ > group.new; mv group.new group\nuntil [ -e go ]; do sleep 0.05; done\necho went\n",
    "aliases/linger.yaml": "{name: linger, formats: [linger], run: {command: [./linger], timeout: 1h}}",
    "aliases/say.yaml": """
name: say
formats: ["say {{what}}"]
run: {command: [echo, "{{ what }}"]}
confirm: {by: [alice, bob], self: true, within: 1h}
""",
    # Errbot's own `restart` would end the whole test run.
    "aliases/restart.yaml": "{name: restart, formats: ['restart {{host}} now'], run: {command: [echo, now]}}",
}
SWITCHES = {
    "reload Confirm": ["reload Confirm"],
    "reload Aliases": ["reload Aliases"],
    "Confirm off and on": ["deactivate Confirm", "activate Confirm"],
    "Aliases off and on": ["deactivate Aliases", "activate Aliases"],
    "both off and on": ["deactivate Confirm", "deactivate Aliases", "activate Aliases"],
}
ERRBOTS_OWN = re.compile(r"MainThread|bot|Thread-\d+ \((worker|_handle_(workers|tasks|results))\)")
"""Threads of the test, and of the pools in which Errbot runs commands."""
POLLER = "Poller thread"
POLLERS = 2
"""How many pollers a plugin of ours has at most."""


@contextmanager
def the_bot(folder: Path, grace: str = "200ms", **settings: str) -> Iterator[Talk]:
    write_files(folder, FILES)
    with a_bot(folder, CONFIRM_STOP_GRACE=grace, **settings) as talk:
        yield talk


def plugin(talk: Talk, command: str) -> None:
    """Let alice, a bot admin, say a command about a plugin, and wait until that is done."""
    verb, name = command.split()
    talk.alice.says(f"!plugin {command}", None)
    talk.hears(rf"\APlugin {name} {verb.removesuffix('e')}ed\.\Z", "@alice")


def waits(talk: Talk) -> str:
    talk.alice.says("!say it")
    return talk.prompt("#ops")


def runs(talk: Talk, folder: Path) -> tuple[str, int]:
    """Let alice start what ends when it is let go; return its id and its process group."""
    for name in ("go", "group"):
        (folder / name).unlink(missing_ok=True)
    talk.alice.says("!linger")
    asked = talk.prompt("#ops")
    talk.alice.says(f"!confirm {asked}")
    talk.hears(f"^{asked} confirmed by alice, running$", "#ops")
    eventually((folder / "group").exists)
    return asked, int((folder / "group").read_text())


def told(talk: Talk, pattern: str) -> list[str]:
    """Return all messages so far that match, after the bot has answered everything."""
    talk.quiet()
    return [text for text in talk.texts() if re.search(pattern, text)]


def is_confirmed_as_ever(talk: Talk, waiting: str) -> None:
    talk.bob.says(f"!confirm {waiting}")
    talk.hears(rf"\A{waiting} confirmed by bob, running\Z", "#ops")
    talk.hears(rf"\A@alice {waiting} succeeded in [0-9.]+ s: it\Z", "#ops")


def is_aborted(talk: Talk, running: tuple[str, int]) -> None:
    asked, group = running
    assert not group_is_alive(group)
    (end,) = told(talk, rf"^@alice {asked} ")
    assert re.fullmatch(rf"@alice {asked} aborted after [0-9.]+ s: stopped, because the bot was stopped", end)
    assert talk.execution(asked).fence == 1


def ends_by_itself(talk: Talk, folder: Path, running: tuple[str, int]) -> None:
    asked, group = running
    assert group_is_alive(group)
    (folder / "go").touch()
    talk.hears(rf"\A@alice {asked} succeeded in [0-9.]+ s: went\Z", "#ops")
    assert len(told(talk, rf"^@alice {asked} ")) == 1
    assert talk.execution(asked).fence == 1


@pytest.mark.parametrize("switch", SWITCHES)
def test_what_waits_can_be_confirmed_after_and_what_runs_is_told_once(tmp_path: Path, switch: str) -> None:
    """While one waits, while one runs, and while both; what runs is none of the plugin Aliases' business."""
    with the_bot(tmp_path) as talk:

        def switched(running: tuple[str, int] | None = None) -> None:
            for command in SWITCHES[switch]:
                plugin(talk, command)
            if running and "Aliases" in switch:
                ends_by_itself(talk, tmp_path, running)
            elif running:
                is_aborted(talk, running)

        waiting = waits(talk)
        switched()
        is_confirmed_as_ever(talk, waiting)
        switched(runs(talk, tmp_path))
        waiting = waits(talk)
        switched(runs(talk, tmp_path))
        is_confirmed_as_ever(talk, waiting)
        is_confirmed_as_ever(talk, waits(talk))


def test_what_runs_may_end_within_the_grace_of_a_plugin_that_is_switched_off(tmp_path: Path) -> None:
    """It is told before the admin is, and nothing is left of the plugin then but what waits."""
    with the_bot(tmp_path, grace="10m") as talk:
        asked, _ = runs(talk, tmp_path)
        talk.alice.says("!plugin deactivate Confirm", None)
        eventually(lambda: "confirm" not in talk.bot.commands)
        (tmp_path / "go").touch()
        talk.hears(rf"\A@alice {asked} succeeded in [0-9.]+ s: went\Z", "#ops")
        talk.hears("Plugin Confirm deactivated", "@alice")
        eventually(nothing_is_left)


def test_while_confirm_is_off_aliases_refuse_in_a_plain_sentence_and_all_else_goes_on(tmp_path: Path) -> None:
    """Also the alias that is named like a command of Errbot's, which must not run in its place."""
    with the_bot(tmp_path) as talk:
        waiting = waits(talk)
        plugin(talk, "deactivate Confirm")
        for text in ("!say it", "!restart web01 now", "!aliases", "!linger"):
            talk.bob.says(text)
            talk.hears(OFF, "#ops")
        talk.alice.says("!restart web01 now", None)  # who could restart the bot
        talk.hears(OFF, "@alice")
        talk.alice.says("!restart web01", None)
        talk.hears("^nothing runs: restart web01 is not how restart is said", "@alice")
        talk.alice.says("!aliases reload", None)
        talk.hears(OFF, "@alice")
        talk.bob.says(f"!confirm {waiting}")
        talk.hears(f'^Command "confirm" / "confirm {waiting}" not found', "#ops")
        talk.bob.says("!echo still here")
        talk.hears("^still here$", "#ops")
        plugin(talk, "activate Confirm")
        assert [(each.id, each.state) for each in talk.executions()] == [(waiting, "pending")]
        is_confirmed_as_ever(talk, waiting)


def test_a_confirm_that_cannot_be_switched_on_again_leaves_the_aliases_refusing(tmp_path: Path) -> None:
    """The admin is told why, a text is refused as while it is off, and nothing is left half started."""
    with the_bot(tmp_path) as talk:
        waiting = waits(talk)
        talk.bot.bot_config.CONFIRM_STOP_GRACE = "soon"
        talk.alice.says("!plugin reload Confirm", None)
        talk.hears(r"\AError activating plugin Confirm: .*CONFIRM_STOP_GRACE: [^\n]*\Z", "@alice")
        talk.bob.says("!say it")
        talk.hears(OFF, "#ops")
        eventually(nothing_is_left)
        talk.bot.bot_config.CONFIRM_STOP_GRACE = "1s"
        plugin(talk, "activate Confirm")
        is_confirmed_as_ever(talk, waiting)


def test_while_aliases_is_off_what_waits_can_be_confirmed_and_nothing_can_be_asked_for(tmp_path: Path) -> None:
    with the_bot(tmp_path) as talk:
        waiting = waits(talk)
        plugin(talk, "deactivate Aliases")
        talk.bob.says("!say it")
        talk.hears(r'^Command "say" / "say it" not found', "#ops")
        is_confirmed_as_ever(talk, waiting)
        assert [name for name in talk.bot.re_commands if name.startswith("alias.")] == []


@pytest.mark.parametrize("store", ["sqlite", "redis"])
def test_a_plugin_that_is_off_leaves_no_thread_and_changes_nothing_of_the_bot(
    tmp_path: Path, redis_server: RedisServer, store: str
) -> None:
    settings = {"CONFIRM_STORE": redis_server.url} if store == "redis" else {}
    with the_bot(tmp_path, **settings) as talk:
        runs(talk, tmp_path)
        waits(talk)
        plugin(talk, "deactivate Aliases")
        plugin(talk, "deactivate Confirm")
        eventually(nothing_is_left)
        functions = [*talk.bot.commands.values(), *talk.bot.re_commands.values(), *talk.bot.command_filters]
        assert {getattr(each.__self__, "name", "") for each in functions} & {"Confirm", "Aliases"} == set()
        assert talk.bot.process_message.__func__ is type(talk.bot).process_message


def test_after_ten_reloads_everything_is_there_once(tmp_path: Path) -> None:
    """Commands, filters, threads, and what is said about one execution."""
    with the_bot(tmp_path) as talk:
        before = inventory(talk)
        for _ in range(10):
            plugin(talk, "reload Confirm")
            plugin(talk, "reload Aliases")
        assert inventory(talk) == before
        eventually(lambda: sum(name.startswith(POLLER) for name in left_behind()) <= POLLERS)
        waiting = waits(talk)
        is_confirmed_as_ever(talk, waiting)
        assert len(told(talk, f"(?m)^!confirm {waiting}$")) == 1
        assert len(told(talk, f"^@alice {waiting} ")) == 1


def inventory(talk: Talk) -> dict[str, list[str]]:
    """Return what plugins add to a bot, by name, and the threads that are ours."""
    return {
        "commands": sorted(talk.bot.commands),
        "regex commands": sorted(talk.bot.re_commands),
        "filters": [each.__name__ for each in talk.bot.command_filters],
        "threads": [name for name in left_behind() if not name.startswith(POLLER)],
    }


def nothing_is_left() -> bool:
    """Tell whether there is no thread of ours; Errbot does not wait for a poller that it has stopped."""
    return left_behind() == []


def left_behind() -> list[str]:
    """Return the names of all threads that are neither the test's nor Errbot's own."""
    names = [thread.name for thread in threading.enumerate()]
    return sorted(name for name in names if not ERRBOTS_OWN.fullmatch(name))
