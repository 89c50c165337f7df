"""What is not guarded stays as it was: Errbot answers each message as it does without our plugins, word by word."""

import logging
import queue
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from errbot.core_plugins.wsview import reset_app

from servers import eventually
from talk import Talk, a_bot, write_files
from third_party import plugins_folder, ran

OURS = ("Confirm", "Aliases", "Alias commands", "Guards", "Locks")
"""Our plugins: Errbot lists them beside its own."""
ROOM = "#ops"


class Said(NamedTuple):
    """One message."""

    person: str
    room: str | None
    text: str


def by_all(*texts: str) -> list[Said]:
    """Let an admin and somebody else say each, in a room and to the bot alone."""
    return [Said(person, room, text) for text in texts for person in ("alice", "bob") for room in (ROOM, None)]


def directly(person: str, *texts: str) -> list[Said]:
    return [Said(person, None, text) for text in texts]


LOOKING = by_all(
    *("!help", "!help Help", "!help plugins", "!help flows", "!help whoami", "!help vmware clone", "!help nosuch"),
    *("!help LabHub", "!help St2", "!help merge ask", "!help_x", "!apropos", "!apropos chatroom", "!apropos merge"),
    *("!about", "!whoami", '!whoami "@carol"', "!whoami nobody", "!uptime", "!status", "!status plugins"),
    *("!status load", "!status gc", "!status nosuch", "!echo hello", "!echo two\nlines", "!echo  a   b ", "!echo"),
    *("!echo `*_x_*` & <b> [l](http://x/)", "!echo へようこそ", "!history", "!render test", "!repos", "!repos search"),
    *("!repos search jenkins", "!flows list", "!flows show rebuild", "!flows show nosuch", "!flows show"),
    *("!flows status", "!room list", "!room occupants #ops", "!room occupants", "!room topic #ops", "!room topic"),
)
PREFIXED = by_all(
    *("!", "! ", "! uptime", "!  echo far", "!Echo hello", "!ECHO hello", "! !echo x", "!!", "!1", "!2", "!99", "!0"),
    *("robot echo one", "robot: echo two", "Robot, echo three", "robot:!echo four", "robot", "roboter echo five"),
    *("@errbot echo six", "@errbot: whoami", "echo seven", "uptime", "hello everybody", "?", "what is !echo eight"),
    *("!ehco nine", "!nosuch", "!nosuch command at all", "!run", "!plugin", "!room", "!repos nosuch", "!a_b c"),
    *("!flows_list", "!status_load", "!render_test", "!merge_ask 3", "!merge_ask_3", "!vmware_reboot vm web01"),
)
WORK = by_all(
    *("!merge check", "!merge status -v", "!merge ask #12", "!merge ask", "!merge ask 1 2", "!merge depth three"),
    *('!merge ask "12', "!merge ask —help", "!merge config err/bot  #ops", "!merge config", "!merge help"),
    *("!amtool status", "!amtool silences", "!amtool alert describe f00", "!amtool alert query --silenced a=b c"),
    *('!amtool suppress f00 --hours 2 --comment "new disk"', "!amtool suppress f00 --hours two", "!amtool silence"),
    *("!invite bob to developers", "!new issue shop It is\ndown", "!assign https://github.com/a/b/issues/3"),
    *("!INVITE bob to developers", "invite bob to developers", "!unassign https://github.com/a/b/issues/3 !echo x"),
    *("!jenkins token t0k", "!jenkins clear bob", "!jenkins clear --confirm bob", "!jenkins build", "!jenkins history"),
    *("!vmware migrate  web01 esx2", "!vmware reboot vm web01", "!vmware clone --cpu=2 web02", "!vmware"),
    *("!st2 restart web01", "!st2", "!st2help --pack linux --limit x", "!st2session start s3cret", "!st2enquiry list"),
    *("!alias", "!alias list", "!reboot web01"),
)
FLOWS = [
    *by_all("!jenkins find shop", "!flows status", "!flows stop", "!jenkins find shop cart", "!flows stop rebuild"),
    *by_all("!flows start rebuild", "!flows status", "!flows start rebuild", "!jenkins find", "!flows stop"),
    *by_all("!flows start nosuch", "!flows start rebuild {", '!flows start rebuild {"job": "shop"}', "!flows stop"),
    *by_all("!flows kill @bob rebuild", "!flows kill nobody rebuild"),
]
ROOMS = [
    *by_all("!room create #war", "!room join #war", "!room join '#war room'", "!room list", "!room topic #war 'Red'"),
    *by_all("!room topic #war", "!room occupants #war #ops", "!room invite #war @carol", "!room invite #war"),
    *by_all("!room leave #war", "!room destroy #war", "!room list", "!room create 'x", "!room create"),
]
SWITCHING = [
    *by_all("!plugin reload LabHub", "!plugin info LabHub", "!log tail", "!plugin deactivate Ban", "!backup"),
    *by_all("!ban carol", "!debug settings carol", "!st2session list", "!alias add reboot vmware reboot vm"),
    *by_all("!shutdown", "!plugin config Summit", "!repos install", "!repos uninstall nosuch", "!repos update nosuch"),
    *by_all("!reboot web02", "!unban carol", "!generate_certificate x", "!alias remove reboot"),
    *directly("alice", "!plugin reload", "!plugin reload nosuch", "!plugin reload LabHub", "!plugin reload VMware"),
    *directly("alice", "!plugin activate", "!plugin activate VMware", "!plugin deactivate VMware", "!vmware clone x"),
    *directly("alice", "!plugin reload VMware", "!status plugins", "!help vmware", "!plugin activate VMware"),
    *directly("alice", "!vmware clone x", "!plugin blacklist VMware", "!vmware clone x", "!plugin blacklist VMware"),
    *directly("alice", "!status plugins", "!plugin unblacklist VMware", "!vmware clone x", "!plugin blacklist no"),
    *directly("alice", "!plugin config Summit {'github-token': 'x'}", "!plugin config Summit", "!merge check"),
    *directly(
        "alice", "!plugin config Summit [", "!plugin config Summit []", "!plugin config Health", "!plugin config"
    ),
    *directly("alice", "!plugin info Help", "!plugin info nosuch", "!plugin deactivate CommandNotFoundFilter", "!nope"),
    *directly("alice", "!plugin activate CommandNotFoundFilter", "!nope", "!plugin reload ACLs", "!whoami"),
    *directly("alice", "!repos install /nowhere/at/all", "!repos update all", "!plugin deactivate St2", "!st2 run"),
    *directly("alice", "!plugin config Webserver {'HOST': '127.0.0.1', 'PORT': 0, 'SSL': None}", "!webstatus"),
    *directly("bob", "!webhook test /echo {}", '!webhook test /echo {"a": 1}', "!webhook test /echo a=%7B%7D"),
    *directly("bob", '!webhook test /jenkins/again {"user": "@bob", "jobs": ["shop"]}', "!webhook test /echo plain"),
    *directly("bob", '!webhook test /jenkins {"event": "started"}', "!webhook test /nosuch x", "!webstatus"),
    *directly("alice", "!plugin deactivate Webserver", "!webstatus", "!history", "!!", "!3"),
    *directly(
        "bob", "!restart", "!restart now", "!shutdown --confirm", "!shutdown --kill", "!plugin reload", "!history"
    ),
    *directly("mallory", "!echo a secret", "!whoami", "!uptime", "!vmware clone x", "!restart", "!help", "!history"),
    *directly("alice", "!inroom #war", "!inperson", "!asuser bob", "!asadmin", "!ml", "!ml", "!whoami"),
    *by_all("!uptime", "!whoami", "!help", "!history"),
]
LISTENING = by_all(
    *("some tea", "some coffee please", "!some tea", "nothing of it", "!flows stop", "!tail catalina", "1 number"),
    *("!please restart karaf on web01", "please restart karaf on web01", "!stop portal on web02, now?", "!start it"),
    *("!getinfo service mngmt web01 --command stop", "!timepassing tea", "!echo some tea", "!nosuch", "a\nb", "!help"),
)
CONFIG: Mapping[str, Any] = {
    "BOT_ALT_PREFIXES": ("robot", "@errbot"),
    "BOT_ALT_PREFIX_SEPARATORS": (":", ","),
    "ACCESS_CONTROLS": {
        "whoami": {"denyusers": ("@mallory",)},
        "Utils:echo": {"denyargs": ("*secret*",)},
        "VMware:vmware_clone": {"allowrooms": (ROOM,), "denyusers": ("@mallory",)},
        "uptime": {"allowprivate": False},
        "status_gc": {"allowmuc": False},
    },
}
OTHERWISE: Mapping[str, Any] = {
    **CONFIG,
    "ACCESS_CONTROLS_DEFAULT": {"denyusers": ("@mallory",)},
    "BOT_ADMINS": ("@alice", "@root", "#ops/alice"),
    "ACCESS_CONTROLS": {**CONFIG["ACCESS_CONTROLS"], "Plugins:*": {"allowmuc": True}},
    "BOT_PREFIX_OPTIONAL_ON_CHAT": True,
    "DIVERT_TO_PRIVATE": ("help", "vmware_clone"),
    "DIVERT_TO_THREAD": ("echo",),
    "GROUPCHAT_NICK_PREFIXED": True,
    "HIDE_RESTRICTED_COMMANDS": True,
    "HIDE_RESTRICTED_ACCESS": True,
}
ELSEWHERE = """
commands:
  - Summit:merge rm
  - Summit:merge config prod*
  - VMware:vmware clone prod*
  - JenkinsBot:jenkins build prod*
  - JenkinsBot:jenkins clear --confirm prod*
  - LabHub:invite_cmd invite mallory*
  - St2:st2 st2 stop*
  - GetInfo:getinfo service mngmt prod*
  - MessageParser:parse_msg stop the bot*
  - Utils:echo prod*
  - Plugins:plugin config prod*
  - Health:restart
confirm: {by: others}
"""
"""Covers other arguments of what is said, and commands that nobody says who may."""
LISTENERS = ("errbot-getinfo", "ramukaka")
COMMANDS = (
    *("corobo", "err-jenkins", "err-mergequeue", "err-vmware", "err-stackstorm", "err-alias"),
    "errbot-prometheus-alertmanager",
)
ALL = [*LOOKING, *PREFIXED, *WORK, *FLOWS, *ROOMS, *SWITCHING]


class Heard(NamedTuple):
    """What came of a message: who was told what, and which commands of others ran, on whatever thread."""

    told: list[tuple[str, str]]
    ran: list[str]


def heard(
    folder: Path,
    names: tuple[str, ...],
    script: list[Said],
    *,
    ours: bool,
    config: Mapping[str, Any],
    guards: str | None = None,
    held: str = "no text is",
) -> list[Heard]:
    """Say all to a bot, each as soon as all before it is answered; what is `held` gets one answer, if late."""
    reset_app()
    write_files(folder, {"aliases/guards.yaml": guards} if guards else {})
    plugins = plugins_folder(folder / "plugins", *names, ours=ours)
    (folder / "index.json").write_text('{"err-jenkins": {"J": {"repo": "x", "documentation": "jobs", "name": "J"}}}')
    config = {
        "BOT_LOG_LEVEL": logging.ERROR,
        "BOT_EXTRA_PLUGIN_DIR": plugins,
        "BOT_PLUGIN_INDEXES": str(folder / "index.json"),
        **config,
    }
    with a_bot(folder, **config) as talk:
        hidden = our_lines(talk) if ours else set()
        answers = []
        for person, room, text in script:
            before = len(ran(talk))
            getattr(talk, person).says(text, room)
            told = [(to, masked(told, folder, hidden)) for to, told in all_of(talk, 1 if re.match(held, text) else 0)]
            answers.append(Heard(told, sorted(map(repr, ran(talk)[before:]))))
        return answers


def all_of(talk: Talk, least: int) -> list[tuple[str, str]]:
    """Wait until commands and flows have come to rest, and for so many messages, and return what was told meanwhile."""
    before = talk._read
    for _ in range(least):
        talk.hears("")
    talk.quiet()
    eventually(lambda: not talk.bot.flow_executor._pool._cache)
    while True:
        try:
            talk.heard.append(talk.bot.heard.get_nowait())
        except queue.Empty:
            break
    told = [(to, text) for to, text in talk.heard[before:] if to != "@root"]
    talk._read = len(talk.heard)
    return told


def our_lines(talk: Talk) -> set[str]:
    """Return the lines of help that are about our own commands."""
    lines = set()
    for name in OURS:
        talk.root.says(f"!help {name}", None)
        lines |= {line.strip() for text in talk.quiet() for line in text.splitlines()}
    return lines - {"That command is not defined."}


def masked(text: str, folder: Path, hidden: set[str]) -> str:
    """Leave out what no two bots have in common, and that our plugins are there."""
    text = text.replace(str(folder), "<folder>")
    text = re.sub(r"(?<=0x)[0-9a-f]+|((?<=Load )|(?<=GC )|(?<=been up for )).*", "<n>", text)
    listed = re.compile(
        rf"^(\W*([ABCD,]+\s*│\s*)?({'|'.join(OURS)})\W*|[├─┼┤]+)$"
    )  # a row of theirs, a line between two
    lines = [line.strip() for line in text.splitlines()]
    return "\n".join(line for line in lines if line and line not in hidden and not listed.match(line))


def test_much_is_said() -> None:
    assert len(ALL) > 750
    assert len({said.text for said in ALL}) > 200


@pytest.mark.parametrize(
    ("names", "script", "config", "guards"),
    [
        (COMMANDS, ALL, CONFIG, None),
        (COMMANDS, ALL, OTHERWISE, ELSEWHERE),
        (LISTENERS, LISTENING, CONFIG, None),
        (LISTENERS, LISTENING, CONFIG, ELSEWHERE),
    ],
    ids=["no guard", "other settings, guards elsewhere", "listeners", "listeners, guards elsewhere"],
)
def test_what_is_not_guarded_answers_as_it_does_without_us(
    tmp_path: Path, names: tuple[str, ...], script: list[Said], config: Mapping[str, Any], guards: str | None
) -> None:
    alone = heard(tmp_path / "alone", names, script, ours=False, config=config)
    beside = heard(tmp_path / "beside", names, script, ours=True, config=config, guards=guards)
    different = [
        (said, expected, answered)
        for said, expected, answered in zip(script, alone, beside, strict=True)
        if answered != expected
    ]
    assert different == []


def test_a_guard_changes_what_it_covers_and_nothing_else(tmp_path: Path) -> None:
    guard = "{commands: ['Summit:merge ask', 'VMware:vmware_clone --cpu*', 'LabHub:unassign*'], confirm: {by: others}}"
    held = "!(merge ask|vmware clone --cpu|unassign)"
    alone = heard(tmp_path / "alone", COMMANDS, WORK, ours=False, config={})
    beside = heard(tmp_path / "beside", COMMANDS, WORK, ours=True, config={}, guards=guard, held=held)
    changed = {said.text for said, expected, answered in zip(WORK, alone, beside, strict=True) if answered != expected}
    assert changed == {said.text for said in WORK if re.match(held, said.text)}
