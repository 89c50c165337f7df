"""Guarded commands that end the bot, in a real process: each does what it says, once, and is accounted for."""

from pathlib import Path

import pytest

from err_confirm.journal import lines
from err_confirm.store import open_store
from err_confirm.store.seal import Seal, load_key
from talk import write_files
from terminal import Terminal, a_terminal

GUARD = "{commands: ['Health:restart', 'Health:shutdown', 'Plugins:plugin_reload'], confirm: requester}"


def confirmed(terminal: Terminal, said: str) -> str:
    """Say a guarded command and confirm it; return its id."""
    terminal.types(said)
    asked = terminal.shows(r"^!confirm (\w{8})$")[1]
    terminal.types(f"!confirm {asked}")
    terminal.shows(f"{asked} confirmed by alice, running")
    return asked


def kept(folder: Path) -> list[tuple[str, str]]:
    """Return what the journal tells, as (execution, what)."""
    store = open_store(f"sqlite:///{folder}/data/err-confirm.db", namespace="err-confirm")
    seal = Seal(load_key(folder / "data/err-confirm.key"), "err-confirm")
    found = [(line.entry.execution, line.entry.what) for line in lines(store, seal)]
    store.close()
    return found


@pytest.fixture
def aliases(tmp_path: Path) -> Path:
    write_files(tmp_path, {"aliases/stop.yaml": GUARD})
    return tmp_path / "aliases"


def test_a_guarded_restart_restarts_the_bot_once(tmp_path: Path, aliases: Path) -> None:
    """The bot that comes back has nothing left to do, and knows how it went."""
    with a_terminal(tmp_path, CONFIRM_ALIASES=str(aliases)) as terminal:
        asked = confirmed(terminal, "!restart")
        terminal.shows("Deactivating all the plugins")
        terminal.shows(f"{asked} succeeded")
        terminal.shows("Restarting")
        terminal.shows(">>> ")
        terminal.types(f"!show {asked}")
        terminal.shows(f"{asked} succeeded")
        assert terminal.seen.count("Restarting") == 1
        assert terminal.ends() == 0
    assert [what for execution, what in kept(tmp_path) if execution == asked] == [
        "asked",
        "posted",
        "confirmed",
        "running",
        "succeeded",
    ]


def test_a_guarded_shutdown_ends_the_bot(tmp_path: Path, aliases: Path) -> None:
    """With exit status 0, and the end told before that."""
    with a_terminal(tmp_path, CONFIRM_ALIASES=str(aliases)) as terminal:
        asked = confirmed(terminal, "!shutdown --confirm")
        terminal.shows("Roger that")
        assert terminal.wait() == 0
        assert f"{asked} succeeded" in terminal.seen


def test_a_guarded_kill_is_lost_and_never_done_again(tmp_path: Path, aliases: Path) -> None:
    """The next bot says that nobody knows how it ended, and goes on."""
    with a_terminal(tmp_path, CONFIRM_ALIASES=str(aliases)) as terminal:
        asked = confirmed(terminal, "!shutdown --confirm --kill")
        assert terminal.wait() == -9
    with a_terminal(tmp_path, CONFIRM_ALIASES=str(aliases)) as terminal:
        terminal.shows(f"{asked} lost")
        terminal.types("!whoami")
        terminal.shows("alice")
        assert terminal.ends() == 0


def test_a_guarded_reload_of_our_own_plugin_reloads_it(tmp_path: Path, aliases: Path) -> None:
    """What runs it is reloaded under it; its own words still come, and the next command asks."""
    with a_terminal(tmp_path, CONFIRM_ALIASES=str(aliases)) as terminal:
        for name in ("Confirm", "Aliases", "Guards", "Locks"):
            asked = confirmed(terminal, f"!plugin reload {name}")
            terminal.shows(f"Plugin {name} reloaded")
            terminal.types(f"!show {asked}")
            terminal.shows(f"{asked} succeeded")
        assert terminal.ends() == 0
