"""A held command runs with a message that access control and plugins cannot tell from the one that was held."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from err_confirm.model.executions import State
from talk import ROOT, Talk, a_bot, on_networks, write_files

SITE = """
import json

from errbot import BotPlugin, botcmd

FACTS = ("aclattr", "userid", "id", "nick", "email")


def facts(identifier):
    found = {name: str(getattr(identifier, name)) for name in FACTS if hasattr(identifier, name)}
    return [type(identifier).__name__, str(identifier), str(identifier.person), found]


def place(room):
    return [type(room).__name__, str(room), getattr(room, "id", ""), getattr(room, "aclattr", "")]


class Site(BotPlugin):
    def _ran(self, msg, command):
        room = getattr(msg.frm, "room", None)
        to = facts(msg.to) if hasattr(msg.to, "person") else place(msg.to)
        seen = [facts(msg.frm), room and place(room), room == msg.to, to, msg.is_direct, msg.is_group]
        with open(f"{self.bot_config.BOT_DATA_DIR}/ran", "a") as file:
            print(json.dumps([command, seen]), file=file)
        return f"{command} ran"

    @botcmd
    def look(self, msg, args):
        return self._ran(msg, "look")

    @botcmd
    def drop(self, msg, args):
        return self._ran(msg, "drop")

    @botcmd(admin_only=True)
    def wipe(self, msg, args):
        return self._ran(msg, "wipe")
"""
GUARD = {"commands": ["Site:drop", "Site:wipe"], "confirm": {"by": ["bob"], "within": "1h"}}
NETWORKS = ["text", "slackv3", "telegram"]
PLACES = ["#ops", None]


def identity(network: str, name: str) -> str:
    slack, telegram = on_networks(name)
    return {"text": f"text:{name}", "slackv3": f"slack:{slack}", "telegram": f"telegram:{telegram}"}[network]


def aclattr(network: str, name: str, room: str | None) -> str:
    slack, telegram = on_networks(name)
    called = f"{room}/{name}" if room else f"@{name}"
    return {"text": called, "slackv3": slack, "telegram": telegram}[network]


def room_aclattr(network: str) -> str:
    return {"text": "#ops", "slackv3": "Cops", "telegram": str(-int.from_bytes(b"ops"))}[network]


@contextmanager
def the_bot(folder: Path, network: str, **config: Any) -> Iterator[Talk]:
    plug = "[Core]\nName = Site\nModule = site_plugin\n"
    files = {"aliases/site.yaml": json.dumps(GUARD), "plugins/site.plug": plug, "plugins/site_plugin.py": SITE}
    write_files(folder, files)
    if not (folder / "plugins/err-confirm").exists():
        (folder / "plugins/err-confirm").symlink_to(ROOT / "plugins/err-confirm")
    people = {name: [identity(network, name)] for name in ("alice", "bob")}
    config = {"LOOPBACK_NETWORK": network, "CONFIRM_PEOPLE": people, **config}
    with a_bot(folder, BOT_EXTRA_PLUGIN_DIR=str(folder / "plugins"), **config) as talk:
        yield talk


def asked(talk: Talk, said: str, room: str | None) -> str:
    talk.alice.says(said, room)
    return talk.prompt(room or "@alice" if talk.bot.mode == "text" else None)


def confirmed(talk: Talk, execution_id: str) -> State:
    talk.bob.says(f"!confirm {execution_id}", None)
    return talk.ended(execution_id).state


def seen(folder: Path) -> dict[str, Any]:
    """Return what each command saw, by its name."""
    path = folder / "data/ran"
    found = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    assert len(found) == len(dict(found))
    return dict(found)


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("room", PLACES)
@pytest.mark.parametrize("network", NETWORKS)
def test_who_speaks_and_where_is_the_same_as_before(
    tmp_path: Path, network: str, room: str | None, restarted: bool
) -> None:
    """Kind, ids and access attributes of sender and room, seen by a command that was held and by one that was not."""
    with the_bot(tmp_path, network) as talk:
        talk.alice.says("!look", room)
        talk.hears(r"\Alook ran\Z", room or "@alice")
        waiting = asked(talk, "!drop", room)
        if not restarted:
            assert confirmed(talk, waiting) is State.SUCCEEDED
            talk.hears(r"\Adrop ran\Z", room or "@alice")
    if restarted:
        with the_bot(tmp_path, network) as talk:
            assert confirmed(talk, waiting) is State.SUCCEEDED
            talk.hears(r"\Adrop ran\Z", room or "@alice")
    ran = seen(tmp_path)
    assert ran["drop"] == ran["look"]
    (_, called, _, facts), *_ = ran["look"]
    assert (called, facts["aclattr"]) == (f"{room}/alice" if room else "@alice", aclattr(network, "alice", room))


@pytest.mark.parametrize("room", PLACES)
@pytest.mark.parametrize("network", NETWORKS)
def test_access_control_lets_through_whom_it_let_ask_and_nobody_else(
    tmp_path: Path, network: str, room: str | None
) -> None:
    """By ACCESS_CONTROLS of users and rooms; whose right is taken away meanwhile runs nothing with an old yes."""
    only_alice = {"allowusers": (aclattr(network, "alice", room),), "allowrooms": (room_aclattr(network),)}
    with the_bot(tmp_path, network, ACCESS_CONTROLS={"Site:drop": only_alice}) as talk:
        talk.mallory.says("!drop", room)
        talk.hears("You're not allowed to access this command from this user")
        if room:
            talk.alice.says("!drop", "#elsewhere")
            talk.hears("not allowed to access this command from this (room|user)")
        assert talk.executions() == []
        first, second = (asked(talk, said, room) for said in ("!drop", "!drop it"))
        assert confirmed(talk, first) is State.SUCCEEDED
        talk.bot.bot_config.ACCESS_CONTROLS["Site:drop"] = {"denyusers": only_alice["allowusers"]}
        assert confirmed(talk, second) is State.FAILED
        talk.hears(rf"{second} \*?failed\*? .*the bot's access control")
    assert list(seen(tmp_path)) == ["drop"]


@pytest.mark.parametrize("network", NETWORKS)
def test_an_admins_command_runs_for_who_is_an_admin_still(tmp_path: Path, network: str) -> None:
    """BOT_ADMINS names the ids of the network; who is none any more runs nothing."""
    admins = tuple(f"@{name}" if network == "text" else aclattr(network, name, None) for name in ("alice", "root"))
    with the_bot(tmp_path, network, BOT_ADMINS=("@nobody", *admins)) as talk:
        talk.mallory.says("!wipe", None)
        talk.hears("requires bot-admin privileges", "@mallory")
        assert talk.executions() == []
        first, second = (asked(talk, said, None) for said in ("!wipe", "!wipe it"))
        assert confirmed(talk, first) is State.SUCCEEDED
        talk.bot.bot_config.BOT_ADMINS = ("@nobody", admins[1])
        assert confirmed(talk, second) is State.FAILED
        talk.hears(rf"{second} \*?failed\*? .*the bot's access control")
    assert list(seen(tmp_path)) == ["wipe"]
