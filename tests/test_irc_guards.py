"""On a real chat network: commands of Errbot itself that are guarded, asked for by one and confirmed by another."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from irc_network import BOT, ROOM, Bot, Person, Server, a_server, an_irc_bot
from talk import write_files

GUARD = "{commands: ['Utils:whoami', 'Utils:echo'], confirm: {by: [bob], within: 1h}}"
CORE = ("ACLs", "ChatRoom", "CommandNotFoundFilter", "Help", "Utils")
PEOPLE = {"alice": ["irc:alice!a@127.0.0.2"], "bob": ["irc:bob!b@127.0.0.3"]}
PLACES = [(ROOM, ROOM), (BOT, "alice")]
"""Where it is said, and where that is answered."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with a_server() as server:
        yield server


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Iterator[Bot]:
    folder = tmp_path_factory.mktemp("irc_guards")
    write_files(folder, {"aliases/who.yaml": GUARD})
    with an_irc_bot(folder, server, CONFIRM_PEOPLE=PEOPLE, CORE_PLUGINS=CORE) as bot:
        yield bot


@pytest.fixture
def people(server: Server, bot: Bot) -> Iterator[tuple[Person, Person]]:
    """Give alice and bob, who leave at the end."""
    with ExitStack() as leaving:
        found = []
        for nick, host in (("alice", "127.0.0.2"), ("bob", "127.0.0.3")):
            found.append(Person(nick, nick[0], host, server))
            leaving.callback(found[-1].leaves)
        yield found[0], found[1]


def is_told_who_she_is(alice: Person, asked: str, told_to: str) -> None:
    """Hear that it runs, what it says about who it runs as, and how it ended."""
    alice.hears(f"^{asked} confirmed by bob, running$", told_to)
    alice.hears("string representation is 'alice!a@127.0.0.2'$", told_to)
    alice.hears(f"class is '{'IRCRoomOccupant' if told_to == ROOM else 'IRCPerson'}'$", told_to)
    alice.hears(rf"^alice {asked} succeeded in [0-9.]+ s$", told_to)


@pytest.mark.parametrize(("said_to", "told_to"), PLACES)
def test_a_command_runs_as_who_asked_after_somebody_else_has_confirmed(
    people: tuple[Person, Person], said_to: str, told_to: str
) -> None:
    """Not before, and not by a yes of who asked."""
    alice, bob = people
    alice.says("!whoami", said_to)
    asked, lines = alice.prompt(told_to)
    assert lines[:2] == ["bob  who", "runs: !whoami"]
    alice.says(f"!confirm {asked}", said_to)
    alice.hears(f"^{asked} is not yours to confirm", told_to)
    assert not any("127.0.0.2" in line for line in alice.quiet())
    bob.says(f"!confirm {asked}", BOT)
    bob.hears(f"^{asked} confirmed; see !show {asked}$", "bob")
    is_told_who_she_is(alice, asked, told_to)


@pytest.mark.parametrize(("said_to", "told_to"), PLACES)
def test_a_command_that_is_denied_says_nothing(people: tuple[Person, Person], said_to: str, told_to: str) -> None:
    alice, bob = people
    alice.says("!echo hello world", said_to)
    asked, lines = alice.prompt(told_to)
    assert lines[1] == "runs: !echo hello world"
    bob.says(f"!deny {asked}", BOT)
    alice.hears(f"^alice {asked} denied by bob; nothing ran$", told_to)
    assert "hello world" not in alice.quiet()


def test_after_a_restart_each_runs_where_and_as_who_had_asked(people: tuple[Person, Person], bot: Bot) -> None:
    """The bot makes the sender anew of what it has kept: a mask, and the room."""
    alice, bob = people
    waiting = []
    for said_to, told_to in PLACES:
        alice.says("!whoami", said_to)
        waiting.append((alice.prompt(told_to)[0], told_to))
    bot.stop()
    bot.start()
    for asked, told_to in waiting:
        bob.says(f"!confirm {asked}", BOT)
        is_told_who_she_is(alice, asked, told_to)
