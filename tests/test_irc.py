"""On a real chat network: Errbot's IRC backend and an IRC server on loopback; everybody has a client of their own."""

import re
import shlex
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from errbot.backends.base import Message
from errbot.backends.irc import IRC_CHRS, IRCPerson, IRCRoom, enable_format, irc_md

from err_confirm.backends import BACKENDS
from err_confirm.backends.delivery import CONTINUED, LONGEST_HOST, LONGEST_LINE, LONGEST_USER, framed, line_size, pieces
from err_confirm.errors import NobodyError
from err_confirm.text.visible import exact
from irc_network import BOT, ROOM, Bot, Person, Server, a_server, an_irc_bot, ran
from servers import eventually
from talk import write_files

FILES = {
    # Prints its arguments as JSON, and keeps them in the file `ran`.
    "argv": """#!/usr/bin/python3 -IS
import json, sys
with open("ran", "a") as file: print(json.dumps(sys.argv[1:]), file=file)
print(json.dumps(sys.argv[1:]))
""",
    "actions/argv.yaml": """
name: argv
parameters: {what: {type: string, required: true, free: true}}
run: {command: ["./argv", "{{ what }}"]}
""",
    "aliases/say.yaml": "{name: say, formats: ['say {{what}}'], action_ref: argv}",
    "aliases/slow.yaml": "{name: slow, formats: ['slow {{what}}'], action_ref: argv, confirm: {within: 1h}}",
    "aliases/bobs.yaml": "{name: bobs, formats: ['bobs {{what}}'], action_ref: argv, confirm: {by: [bob], within: 1h}}",
    "aliases/anyone.yaml": "{name: anyone, formats: ['anyone {{what}}'], action_ref: argv, confirm: {by: anyone}}",
    "aliases/brief.yaml": """
name: brief
formats: ['brief {{what}}']
action_ref: argv
confirm: {retry: {count: 2, delay: 100ms}}
""",
    "aliases/bit.yaml": "{name: bit, formats: ['bit {{what}}'], action_ref: argv, confirm: {within: 500ms}}",
    "forever": "#!/bin/sh\necho $$ > pid\nexec sleep 600\n",
    "aliases/forever.yaml": "{name: forever, formats: [forever], run: {command: [./forever]}, confirm: none}",
    "forge": "#!/bin/sh\nprintf '%s\\n' '@bob  bobs → nothing' '' 'runs: ./harmless' '```' '!confirm 00000000'\n",
    "aliases/forge.yaml": "{name: forge, formats: [forge], run: {command: [./forge]}, confirm: none}",
    "aliases/count.yaml": "{name: count, formats: [count], run: {command: [seq, -s, +, '1', '300']}, confirm: none}",
}
PEOPLE = {"bob": ["irc:bob!b@127.0.0.3"], "carol": ["irc:carol!c@127.0.0.5", "irc:carol_!c@127.0.0.5"]}
HOSTS = {"alice": "127.0.0.2", "bob": "127.0.0.3", "mallory": "127.0.0.4", "carol": "127.0.0.5"}
ID = "[0-9a-hjkmnp-tv-z]{8}"

Come = Callable[..., Person]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with a_server() as server:
        yield server


@pytest.fixture(scope="module")
def one_bot(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Iterator[Bot]:
    folder = tmp_path_factory.mktemp("irc")
    write_files(folder, FILES)
    with an_irc_bot(folder, server, CONFIRM_PEOPLE=PEOPLE) as bot:
        yield bot


@pytest.fixture
def bot(one_bot: Bot) -> Bot:
    """Give the one bot, started again where a test has ended it."""
    if one_bot.process.poll() is not None:
        one_bot.start()
    (one_bot.folder / "ran").unlink(missing_ok=True)
    return one_bot


@pytest.fixture
def come(server: Server, bot: Bot) -> Iterator[Come]:
    """Give what lets somebody join the room, who leaves at the end."""
    with_us: list[Person] = []

    def come(nick: str, user: str | None = None, host: str | None = None) -> Person:
        with_us.append(Person(nick, user or nick[0], host or HOSTS[nick], server))
        return with_us[-1]

    yield come
    for person in with_us:
        person.leaves()


@pytest.fixture
def alice(come: Come) -> Person:
    return come("alice")


# Asking and answering


@pytest.mark.parametrize(("said_to", "told_to"), [(ROOM, ROOM), (BOT, "alice")])
def test_it_asks_runs_and_tells_where_it_was_asked(alice: Person, bot: Bot, said_to: str, told_to: str) -> None:
    """In a room and in direct messages; each line to answer with stands alone, without a colour code or a blank."""
    alice.says("!say hello", said_to)
    asked, lines = alice.prompt(told_to)
    assert (lines[0], lines[1]) == ("alice  say → hello", "runs: ./argv hello")
    assert re.fullmatch(r"1 min left \(until \d\d:\d\d:\d\d UTC\)", lines[2])
    assert [line.partition(" :")[2] for line in alice.raw[-2:]] == [f"!confirm {asked}", f"!deny {asked}"]
    assert ran(bot) == []
    alice.says(f"!confirm {asked}", said_to)
    alice.hears(f"^{asked} confirmed by irc:alice!a@127.0.0.2, running$", told_to)
    alice.hears(rf'^alice {asked} succeeded in [0-9.]+ s: \["hello"\]$', told_to)
    assert ran(bot) == [["hello"]]


def test_everybody_in_the_room_sees_the_prompt_and_how_it_ends(come: Come, alice: Person) -> None:
    bob = come("bob")
    alice.says("!say hello")
    asked, lines = bob.prompt()
    assert (asked, lines) == alice.prompt()
    alice.says(f"!confirm {asked}")
    bob.hears(f"^alice {asked} succeeded")


def test_a_direct_message_confirms_what_was_asked_in_the_room(alice: Person, bot: Bot) -> None:
    alice.says("!say hello")
    asked, _ = alice.prompt()
    alice.says(f"!confirm {asked}", BOT)
    alice.hears(f"^{asked} confirmed; see !show {asked}$", "alice")
    alice.says("!executions", BOT)
    alice.hears(f"{asked} succeeded", ROOM)
    assert ran(bot) == [["hello"]]


def test_who_is_named_may_deny_and_is_called(come: Come, bot: Bot) -> None:
    bob, carol = come("bob"), come("carol")
    carol.says("!bobs hello")
    asked, lines = bob.prompt()
    assert lines[0] == "bob  bobs → hello"
    bob.says(f"!deny {asked} not *now*")
    carol.hears(rf"^carol {asked} denied by bob: not \*now\*; nothing ran$")
    assert ran(bot) == []


def test_what_a_nick_without_a_name_asks_of_others_is_not_asked(alice: Person, bot: Bot) -> None:
    """It could be a second nick of the very one who may confirm it."""
    alice.says("!bobs hello")
    alice.hears(
        r"^alice \w{8} canceled, nothing ran: too few people .* it needs bob, and irc:alice!\S+ .* CONFIRM_PEOPLE$"
    )
    assert ran(bot) == []


def test_at_expiry_nothing_runs_and_the_line_to_ask_again_is_said(alice: Person, bot: Bot) -> None:
    alice.says("!brief a `b`  c")
    asked, _ = alice.prompt()
    alice.hears(rf"^alice {asked} expired: nobody who may confirm did in 0\.2 s; nothing ran$")
    alice.hears("^ask again: !brief a `b`  c$")
    assert ran(bot) == []


# Who is who


@pytest.mark.parametrize(
    "mask",
    [
        ("mallory", "m", "127.0.0.4"),
        ("alice", "a", "127.0.0.4"),  # her nick and user name, from elsewhere
        ("alice", "m", "127.0.0.2"),  # her nick and host, as another user of it
        ("al1ce", "a", "127.0.0.2"),  # a nick that looks alike, and all else the same
        ("Alice", "a", "127.0.0.2"),
    ],
)
def test_nobody_else_answers_for_who_asked_whatever_their_nick(
    come: Come, alice: Person, bot: Bot, mask: tuple[str, str, str]
) -> None:
    """Also once alice has left and her nick is free; she herself may again when she is back."""
    alice.says("!slow hello")
    asked, _ = alice.prompt()
    alice.leaves()
    mallory = come(*mask)
    for verb in ("confirm", "deny"):
        mallory.says(f"!{verb} {asked}")
        mallory.hears(f"^{asked} is not yours to {verb}: whoever asked may; see !show {asked}$")
    mallory.says(f"!cancel {asked}")
    mallory.hears(f"^only irc:alice!a@127.0.0.2, who asked for {asked}, may cancel it")
    mallory.says("!confirm")
    mallory.hears("^say which one: ")
    mallory.leaves()
    alice.arrives()
    alice.says(f"!confirm {asked}")
    alice.hears(f"^alice {asked} succeeded")
    assert ran(bot) == [["hello"]]


def test_who_changes_their_nick_is_somebody_else_until_they_change_it_back(alice: Person, bot: Bot) -> None:
    """The network promises nothing about who has a nick next."""
    alice.says("!slow hello")
    asked, _ = alice.prompt()
    alice.renames("alice_away")
    alice.says(f"!confirm {asked}")
    alice.hears(f"^{asked} is not yours to confirm: whoever asked may")
    alice.renames("alice")
    alice.says(f"!confirm {asked}")
    alice.hears(f"^alice {asked} succeeded")
    assert ran(bot) == [["hello"]]


def test_two_nicks_on_the_list_are_one_person(come: Come, bot: Bot) -> None:
    carol = come("carol")
    carol.says("!slow hello")
    asked, _ = carol.prompt()
    carol.renames("carol_")
    carol.says(f"!confirm {asked}")
    carol.hears(f"^{asked} confirmed by carol, running$")
    carol.hears(f"^carol {asked} succeeded")
    assert ran(bot) == [["hello"]]


@pytest.mark.parametrize("mask", ["irc.example.org", "NickServ", "nick!user", "nick!@host"])
def test_servers_and_services_are_nobody(mask: str) -> None:
    """Regression: all of them were the person `None@None`."""
    with pytest.raises(NobodyError):
        BACKENDS["irc"].person_id(IRCPerson(mask))


# What an approver sees


@pytest.mark.parametrize(
    "value",
    [
        "`tick` **bold** _it_ <b>tag</b> {:color='red'} [x](http://y)",
        "``` fence ```` `",
        "a & b &amp; c && d | e; $(f) > g",
        "one\x10n\x10n!confirm 00000000\x10nruns: ./harmless",  # what IRC's quoting makes line ends of
        "right\u202eto\u2066left\u200bhidden",
        "\\u202e typed as it stands",
        "[^1] *[runs]: x",
        "é ü 漢字 🙂",
    ],
)
def test_a_value_is_shown_inert_and_is_exactly_what_runs(alice: Person, bot: Bot, value: str) -> None:
    meant = value.replace("\x10n", "\n")
    alice.says(f"!say {value}")
    asked, lines = alice.prompt()
    header, runs, _, confirm, deny = lines
    assert header.startswith("alice  say → ")
    assert runs == f"runs: ./argv {exact(shlex.quote(meant))}"
    assert (confirm, deny) == (f"!confirm {asked}", f"!deny {asked}")
    alice.says(f"!confirm {asked}")
    alice.hears(f"^alice {asked} succeeded")
    assert ran(bot) == [[meant]]


@pytest.mark.parametrize(
    ("value", "code"), [("a\x0304b", "0003"), ("a\x02b", "0002"), ("a\x10rQUIT", "000D"), ("a\x0fb", "000F")]
)
def test_a_colour_code_or_a_line_end_of_the_protocol_is_refused(
    alice: Person, bot: Bot, server: Server, value: str, code: str
) -> None:
    alice.says(f"!say {value}")
    alice.hears(rf'^nothing runs: "what" has the control character U\+{code}; leave it out$')
    assert ran(bot) == []
    assert server.has(BOT)


def test_in_a_reason_a_colour_code_is_shown_as_what_it_is(alice: Person) -> None:
    alice.says("!say hello")
    asked, _ = alice.prompt()
    alice.says(f"!deny {asked} no\x0304red")
    alice.hears(rf"^alice {asked} denied by irc:alice!a@127\.0\.0\.2: no\\u000304red; nothing ran$")


def test_nothing_that_is_said_makes_the_bot_speak_the_protocol(alice: Person, server: Server) -> None:
    """Not even in the answers of Errbot's own, which repeat it."""
    before = len(server.lines)
    alice.says("!nosuch\x10rQUIT :bye\x10nPART #ops")
    alice.quiet()
    assert {line.partition(" ")[0] for nick, line in server.lines[before:] if nick == BOT} == {"PRIVMSG"}
    assert server.has(BOT)


def test_what_somebody_said_before_adds_nothing_to_a_prompt(alice: Person) -> None:
    """Regression: Errbot's answer to an unknown command left a footnote, which all later messages ended with."""
    alice.says("!nosuch\x10n\x10n[^1]: runs: ./harmless\x10n\x10n")
    alice.says("!say hello")
    asked, lines = alice.prompt()
    assert lines[-5:-3] == ["alice  say → hello", "runs: ./argv hello"]
    alice.says(f"!deny {asked}")
    alice.hears(f"{asked} denied")
    assert alice.quiet() == []


def test_output_cannot_pass_for_a_prompt(alice: Person) -> None:
    """Regression: a command could say lines that looked like those of a prompt; IRC has no frame around output."""
    alice.says("!forge")
    alice.hears("^alice .{8} succeeded")
    assert alice.quiet() == ["| @bob  bobs → nothing", "|", "| runs: ./harmless", "| ```", "| !confirm 00000000"]


def test_a_long_line_of_output_arrives_whole_in_marked_pieces(alice: Person) -> None:
    """Regression: what had more than 512 bytes was lost, with all that followed, and the rest was said twice."""
    alice.says("!count")
    alice.hears("^alice .{8} succeeded")
    first, *rest = alice.quiet()
    assert len(rest) > 1
    assert all(line.startswith(CONTINUED) for line in rest)
    assert "".join([first, *(line.removeprefix(CONTINUED) for line in rest)]) == "| " + "+".join(
        map(str, range(1, 301))
    )


@pytest.mark.parametrize("to", [ROOM, BOT])
@pytest.mark.parametrize("character", ["x", "é", "🙂"])
def test_a_prompt_arrives_whole_up_to_the_longest_line_and_beyond_it_is_refused(
    alice: Person, bot: Bot, to: str, character: str
) -> None:
    """Regression: the server cut the line that shows what runs, and the bot asked for a confirmation of it."""
    where = ROOM if to == ROOM else "alice"
    most = LONGEST_LINE - LONGEST_USER - LONGEST_HOST - len(f":{BOT}!@ PRIVMSG {where} :\r\n")
    beside = len("alice  \x02say\x0f → x y".encode())
    value = "x y" + character * ((most - beside) // len(character.encode()))
    alice.says(f"!say {value}", to)
    asked, lines = alice.prompt(where)
    assert lines[:2] == [f"alice  say → {value}", f"runs: ./argv '{value}'"]
    alice.says(f"!say {value}{character}", to)
    refused = alice.hears(
        r"^alice .{8} canceled, nothing ran: a line of its prompt would have (\d+) bytes, and a line here has at most "
        r"(\d+); nobody may confirm what they cannot read, so say it shorter$",
        where,
    )
    assert int(refused[2]) == most < int(refused[1])
    assert not any(CONTINUED in text or "!confirm" in text for text in alice.quiet())
    alice.says(f"!confirm {asked}", to)
    alice.hears(f"^alice {asked} succeeded", where)
    assert ran(bot) == [[value]]


def test_what_is_shown_again_is_whole_too(alice: Person) -> None:
    """Regression: a reply of more than 510 characters was split in the middle of a code span, which then was none."""
    value = "*a* " * 70
    alice.says(f"!say {value}")
    asked, _ = alice.prompt()
    alice.says(f"!show {asked}")
    assert alice.hears("^runs: (.*)$")[1] == f"./argv '{value.strip()}'"
    assert alice.hears("^what: (.*)$")[1] == value.strip()
    alice.hears(f"^!deny {asked}$")


def test_prompts_of_several_people_never_mix(come: Come) -> None:
    """Regression: Errbot's threads share one converter, which showed one's id with another's command."""
    people = [come(nick) for nick in ("alice", "bob", "mallory")]
    for number in range(6):
        for person in people:
            person.says(f"!anyone {person.nick}-{number}")
    whole = []
    while len(whole) < 18:
        asked, lines = people[0].prompt()
        assert len(lines) == 5
        assert lines[1].partition("./argv ")[2] == lines[0].partition("→ ")[2]
        assert lines[3:] == [f"!confirm {asked}", f"!deny {asked}"]
        whole.append(lines[1])
    assert len(set(whole)) == 18


def test_a_converter_is_used_by_one_thread_at_a_time() -> None:
    """The same without a network, for thousands of messages, with threads that take turns as often as they can."""
    enable_format("irc", IRC_CHRS, borders=False)
    bot = SimpleNamespace(md=irc_md())
    BACKENDS["text"].prepare(bot)  # any backend's
    BACKENDS["text"].prepare(bot)
    wrong: list[str] = []

    def convert(thread: int) -> None:
        for number in range(300):
            text = bot.md.convert(
                f"**x** `{number}-{thread}`\n\nruns: `./{number}-{thread}`\n!confirm {number}x{thread}"
            )
            if text != f"\x02x\x0f {number}-{thread}\n runs: ./{number}-{thread}\n!confirm {number}x{thread}\x03":
                wrong.append(text)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=convert, args=(number,)) for number in range(4)]
    try:
        for thread in threads:
            thread.start()
    finally:
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
    assert wrong == []


def test_a_line_in_pieces_is_the_line_again() -> None:
    line = "".join(map(chr, range(0x20, 0x250))) + "🙂" * 50
    for size in (10, 11, 12, 100, 5_000):
        parts = list(pieces(line, size))
        assert all(len(part.encode()) <= size for part in parts)
        assert "".join([parts[0], *(part.removeprefix(CONTINUED) for part in parts[1:])]) == line
    assert list(pieces(" \t", 10)) == []


def test_a_bar_stands_before_what_is_in_a_block_and_nothing_else() -> None:
    assert framed("a\n````\nb\n```\nc\n````\nd\n~~~\ne") == "a\n````\n| b\n| ```\n| c\n````\nd\n~~~\n| e"


def test_the_longest_line_leaves_room_for_what_servers_put_in_front() -> None:
    """The bot's mask, the command, the target and the line's end, in 512 bytes."""
    connection = SimpleNamespace(get_nickname=lambda: BOT)
    bot: Any = SimpleNamespace(conn=SimpleNamespace(connection=connection))
    line = f":{BOT}!{'u' * 20}@{'h' * 64} PRIVMSG {ROOM} :{'x' * line_size(bot, ROOM)}\r\n"
    assert len(line) == LONGEST_LINE


# Losing the connection, and flood control


def test_what_waits_outlives_the_bot_and_its_end_is_told_in_the_room(alice: Person, bot: Bot) -> None:
    """Through SIGTERM and a new start; what expired meanwhile is told as soon as the bot is in the room again."""
    alice.says("!slow hello")
    asked, _ = alice.prompt()
    alice.says("!bit late")
    late, _ = alice.prompt()
    bot.stop()
    bot.start()
    alice.hears(f"^alice {late} expired: nobody who may confirm did in ")
    alice.says("!pending")
    alice.hears(f"^{asked} slow asked by irc:alice!a@127.0.0.2 · ")
    alice.says(f"!confirm {asked}")
    alice.hears(f"^alice {asked} succeeded")
    assert ran(bot) == [["hello"]]


def test_sigterm_ends_what_the_bot_runs_and_tells_it_in_the_room(alice: Person, bot: Bot) -> None:
    """Regression: on IRC, plugins start on a thread that cannot take signals, so SIGTERM left all of it running.

    And Errbot hangs up before its plugins end.
    """
    alice.says("!forever")
    asked = alice.hears(f"^({ID}) running")[1]
    kept = bot.folder / "pid"
    eventually(lambda: kept.exists() and kept.read_text().endswith("\n"))
    bot.stop()
    eventually(lambda: not Path(f"/proc/{kept.read_text().strip()}").exists())
    alice.hears(f"^alice {asked} aborted after ")


def test_what_waits_outlives_a_lost_connection(alice: Person, bot: Bot) -> None:
    """The bot connects again by itself, and joins its room."""
    alice.says("!slow hello")
    asked, _ = alice.prompt()
    bot.loses_its_connection()
    alice.says(f"!confirm {asked}")
    alice.hears(f"^{asked} confirmed by irc:alice!a@127.0.0.2, running$")
    alice.hears(f"^alice {asked} succeeded")
    alice.says("!slow again")
    _, lines = alice.prompt()
    assert lines[-4] == "runs: ./argv again"  # the bot's messages are carried as before
    assert ran(bot) == [["hello"]]


def test_a_bot_that_was_kicked_tells_in_the_room_when_it_is_back(alice: Person, bot: Bot) -> None:
    """Regression: what it said meanwhile was lost, without a word in its log."""
    alice.says("!slow hello")
    asked, _ = alice.prompt()
    alice.sends(f"KICK {ROOM} {BOT} :out")
    eventually(lambda: not bot.server.has(BOT))
    alice.says(f"!confirm {asked}", BOT)
    alice.hears(f"^alice {asked} succeeded", ROOM)
    assert ran(bot) == [["hello"]]


def test_a_message_was_posted_if_the_connection_was_the_same_to_the_end() -> None:
    """Its lines take seconds; Errbot says nothing of those that found no connection, or one that was in no room yet."""
    irc = BACKENDS["irc"]
    bot: Any = SimpleNamespace(conn=SimpleNamespace(connection=SimpleNamespace(socket=object()), channels={ROOM: 1}))
    for to in (IRCPerson("alice!a@127.0.0.2"), IRCRoom(ROOM, bot)):
        message = Message("go")
        message.to = to
        assert irc.reachable(bot, message)
        assert irc.posted(bot, message)
        bot.conn.connection.socket = None
        assert not irc.posted(bot, message)
        assert not irc.reachable(bot, message)
        bot.conn.connection.socket = object()
        assert not irc.posted(bot, message)


def test_flood_control_delays_and_loses_nothing(tmp_path: Path) -> None:
    """Each line waits for its turn; what was asked at once is whole, and nothing expires before it was shown."""
    write_files(tmp_path, FILES)
    slowly = {"IRC_CHANNEL_RATE": 0.1, "IRC_PRIVATE_RATE": 0.1}
    with a_server() as server, an_irc_bot(tmp_path, server, CONFIRM_PEOPLE=PEOPLE, **slowly) as bot:
        alice = Person("alice", "a", HOSTS["alice"], server)
        for number in range(3):
            alice.says(f"!say {number}")
        prompts = [alice.prompt() for _ in range(3)]
        assert sorted(lines[1] for _, lines in prompts) == [f"runs: ./argv {number}" for number in range(3)]
        alice.says("!brief never")
        asked, lines = alice.prompt()
        assert lines[1] == "runs: ./argv never"
        alice.hears(f"^alice {asked} expired")
        for each, _ in prompts:
            alice.says(f"!confirm {each}")
        succeeded = {alice.hears(rf"^alice ({ID}) succeeded")[1] for _ in prompts}
        assert succeeded == {each for each, _ in prompts}
        assert sorted(ran(bot)) == [["0"], ["1"], ["2"]]
        alice.leaves()
