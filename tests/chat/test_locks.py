"""`!lock` stops an alias, a guard or everything; `!unlock` is for who locked it and for bot admins."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from err_confirm.journal import LOCKED, UNLOCKED, lines
from err_confirm.model.executions import State
from err_confirm.store import open_store
from err_confirm.store.base import Swap
from talk import Talk, a_bot, write_files

FILES = {
    "aliases/restart.yaml": """
name: restart
formats: ["restart {{host}}"]
run: {command: [echo, "{{ host }}"]}
confirm: {by: anyone, within: 10m}
""",
    "aliases/look.yaml": "{name: look, formats: [look], run: {command: [echo, seen]}, confirm: none}",
    "aliases/echo.yaml": "{name: echoes, commands: 'TextCmds:nothing', confirm: none}",
    "aliases/status.yaml": "{name: health, commands: 'Health:status*', confirm: {by: anyone}}",
}
LOCKED_BY_BOB = r"is locked by bob since [0-9:]+ UTC: db migration; bob or a bot admin can say !unlock"


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    write_files(tmp_path, FILES)
    with a_bot(tmp_path, shipped=True) as talk:
        yield talk


def locks(talk: Talk, what: str = "restart", who: str = "bob") -> None:
    getattr(talk, who).says(f"!lock {what} db migration")
    talk.hears(r"is locked(?: for 2 h)?: db migration\nnothing of it starts.*!unlock ", "#ops")


def test_what_is_locked_cannot_be_asked_for_until_it_is_unlocked(talk: Talk) -> None:
    """Other aliases go on."""
    locks(talk)
    talk.alice.says("!restart web01")
    talk.hears(rf"\Anothing runs: restart {LOCKED_BY_BOB} restart\Z", "#ops")
    assert talk.executions() == []
    talk.alice.says("!look")
    talk.hears("seen")
    talk.bob.says("!unlock restart")
    talk.hears(r"\Arestart can be asked for again\Z", "#ops")
    talk.alice.says("!restart web01")
    talk.alice.says(f"!confirm {talk.prompt()}")
    talk.hears("succeeded in .*web01")
    talk.bob.says("!lock look \ud83d")  # half an emoji, as JSON can bring it
    talk.hears(r"\Alook is locked: \?\n", "#ops")


def test_what_is_confirmed_while_it_is_locked_expires_with_the_reason(talk: Talk) -> None:
    talk.alice.says("!restart web01")
    asked = talk.prompt()
    locks(talk)
    talk.carol.says(f"!confirm {asked}")
    talk.hears(rf"@alice {asked} expired after it was confirmed: restart {LOCKED_BY_BOB} restart; nothing ran", "#ops")
    assert (talk.ended(asked).state, talk.ended(asked).fence) == (State.EXPIRED, 0)


def test_a_star_stops_all_aliases_and_guarded_commands_and_never_unlock(talk: Talk) -> None:
    """Also our own guards, and what runs without a confirmation; a lock on everything can be taken off."""
    locks(talk, "* 2h")
    for person, said, room in [
        ("alice", "!restart web01", "#ops"),
        ("alice", "!look", "#ops"),
        ("alice", "!status", "#ops"),
        ("alice", "!aliases reload", None),
        ("root", "!plugin deactivate Locks", None),
    ]:
        getattr(talk, person).says(said, room)
        talk.hears(r"\Anothing runs: everything is locked by bob since .* UTC, for (2 h|1 h 59 min) more: db", room)
    assert talk.executions() == []
    talk.bob.says("!unlock *")
    talk.hears(r"\Aeverything that is not locked by itself can be asked for again\Z", "#ops")
    talk.alice.says("!look")
    talk.hears("seen")


@pytest.mark.parametrize(("name", "said"), [("health", "!status"), ("err-confirm-reload", "!aliases reload")])
def test_a_guard_is_locked_by_its_name_also_one_of_ours(talk: Talk, name: str, said: str) -> None:
    """What was asked for before does not start either."""
    talk.alice.says(said, None)
    asked = talk.prompt("@alice")
    locks(talk, name)
    talk.alice.says(said, None)
    talk.hears(rf"\Anothing runs: {name} {LOCKED_BY_BOB} {name}\Z", "@alice")
    talk.alice.says(f"!confirm {asked}", None)
    talk.hears(rf"{asked} expired after it was confirmed: {name} {LOCKED_BY_BOB} {name}; nothing ran")


def test_only_people_of_the_list_lock_and_only_who_did_or_an_admin_unlocks(talk: Talk) -> None:
    """In any room: alice and root are bot admins, dave is on nobody's list."""
    talk.dave.says("!lock restart because")
    talk.hears(r"\Anothing is locked: only who is in CONFIRM_PEOPLE can lock; you are text:dave here", "#ops")
    locks(talk)
    for person in ("carol", "dave"):
        getattr(talk, person).says("!unlock restart")
        talk.hears(r"\Arestart was locked by bob: only they or a bot admin can unlock it\Z", "#ops")
    for person, room, heard in (("alice", "#ops", "#ops"), ("root", None, "@root")):
        getattr(talk, person).says("!unlock restart", room)
        talk.hears(r"\Arestart can be asked for again\Z", heard)
        locks(talk)
    locks(talk, who="carol")
    talk.bob.says("!Unlock RESTART")
    talk.hears(r"\Ayour lock is off, and restart is still locked by carol\Z", "#ops")
    seal = talk.service.archive._seal
    told = [line.entry for line in lines(talk.service.store, seal)]
    assert [(entry.what, entry.who) for entry in told] == [
        (LOCKED, "bob"),
        (UNLOCKED, "alice"),
        (LOCKED, "bob"),
        (UNLOCKED, "text:root"),
        (LOCKED, "bob"),
        (LOCKED, "carol"),
        (UNLOCKED, "bob"),
    ]


def test_a_lock_needs_a_name_that_there_is_and_a_reason(talk: Talk) -> None:
    for said, answer in {
        "!lock": "say what, and why: !lock <alias, guard or *> [2h] <reason>",
        "!lock restrat x": r'"restrat" is no alias and no guard (did you mean "restart"?); or say * for all',
        "!lock restart 2h": "say why, at the end: !lock restart 2h <reason>",
        "!lock echoes x": "echoes lets its commands run at once, without being asked; change its file",
        "!unlock restart": "restart is not locked; see !locks",
        "!unlock": "say what: !unlock <name>; see !locks",
    }.items():
        talk.bob.says(said)
        talk.hears(rf"\A{re.escape(answer)}", "#ops")
    talk.bob.says("!locks")
    talk.hears(r"\Anothing is locked\Z", "#ops")


def test_the_list_says_what_is_locked_by_whom_and_why_and_values_are_inert(talk: Talk) -> None:
    talk.bob.says("!lock restart 2h **now** `@here`")
    talk.hears("is locked for 2 h")
    talk.carol.says("!LOCK * x")
    talk.hears("everything is locked: x")
    talk.dave.says("!locks")
    said = talk.hears(r"\A.*\Z", "#ops")[0]
    assert re.search(r"everything locked by carol since [0-9:]+ UTC: x", said)
    assert re.search(r"restart locked by bob since [0-9:]+ UTC, (2 h|1 h 59 min) left: \*\*now\*\* `@here`", said)


def test_a_record_of_the_locks_that_somebody_has_changed_stops_everything(talk: Talk, tmp_path: Path) -> None:
    """Whoever can write to the store cannot unlock so."""
    locks(talk)
    talk.alice.says("!look")
    talk.hears("seen")
    store = open_store(f"sqlite:///{tmp_path / 'data/test.db'}", namespace="err-confirm.shelf")
    (record,) = store.recent()
    store.swap(Swap(record=replace(record, version=2, token="theirs", body=record.body[:-9])))
    store.close()
    talk.alice.says("!look")
    talk.hears(r"\Anothing runs: what the store says of locks cannot be used \(it is not sealed with our key\)", "#ops")


def test_a_lock_holds_also_while_the_plugin_of_the_locks_is_off_and_after_a_restart(tmp_path: Path) -> None:
    """It is a fact in the store, not in a plugin."""
    write_files(tmp_path, FILES)
    with a_bot(tmp_path) as talk:
        locks(talk)
        talk.alice.says("!plugin deactivate Locks", None)
        talk.hears("Plugin Locks deactivated", "@alice")
        talk.alice.says("!restart web01")
        talk.hears(rf"\Anothing runs: restart {LOCKED_BY_BOB} restart\Z", "#ops")
    with a_bot(tmp_path) as talk:
        talk.alice.says("!restart web01")
        talk.hears(rf"\Anothing runs: restart {LOCKED_BY_BOB} restart\Z", "#ops")
        assert talk.executions() == []


def test_without_the_plugin_confirm_the_commands_say_so(talk: Talk) -> None:
    talk.alice.says("!plugin deactivate Confirm", None)
    talk.bob.says(f"!confirm {talk.prompt('@alice')}")
    talk.hears("Plugin Confirm deactivated", "@alice")
    for said in ("!locks", "!lock restart x", "!unlock restart"):
        talk.bob.says(said)
        talk.hears(r"\Anothing runs: the plugin Confirm is switched off here", "#ops")
