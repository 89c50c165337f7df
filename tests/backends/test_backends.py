"""Who speaks on each chat network, by objects shaped as Errbot's own backends make them."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from errbot.backends.base import Message
from errbot.backends.irc import IRCPerson, IRCRoomOccupant
from errbot.backends.test import TestOccupant, TestPerson
from errbot.backends.text import TextOccupant, TextPerson, TextRoom

from err_confirm.backends import BACKENDS, Backend, backend_for
from err_confirm.errors import NobodyError

SLACK, IRC, TELEGRAM, TEXT = (BACKENDS[mode] for mode in ("slackv3", "irc", "telegram", "text"))


# err-backend-slackv3, src/slackv3/person.py and room.py


@dataclass
class SlackRoom:
    id: str

    def __str__(self) -> str:
        return f"<#{self.id}|ops>"


@dataclass
class SlackPerson:
    userid: str | None
    channelid: str = "D024"
    username: str = "alice"


@dataclass
class SlackRoomOccupant(SlackPerson):
    room: SlackRoom = field(default_factory=lambda: SlackRoom("C024"))


# Errbot 6.2.1, errbot/backends/telegram_messenger.py, which needs a package that is not installed here


@dataclass
class TelegramPerson:
    id: str
    username: str = "alice"


@dataclass
class TelegramMUCOccupant(TelegramPerson):
    room: Any = None


def irc_people() -> tuple[Any, Any]:
    mask = "alice!al@example.org"
    return IRCPerson(mask), IRCRoomOccupant(mask, "#ops")


def text_people() -> tuple[Any, Any]:
    bot = SimpleNamespace(bot_config=SimpleNamespace(BOT_ADMINS=("@root",)))
    alice = TextPerson("alice")
    return alice, TextOccupant(alice, TextRoom("ops", bot))


def slack_people() -> tuple[Any, Any]:
    return SlackPerson("U024"), SlackRoomOccupant("U024", "C024")


PEOPLE = [
    (TEXT, text_people(), "alice"),
    (BACKENDS["test"], (TestPerson("@alice"), TestOccupant("@alice", "#ops")), "alice"),
    (SLACK, slack_people(), "U024"),
    (SLACK, (SlackPerson("W024"), SlackRoomOccupant("W024", "C024")), "W024"),
    (IRC, irc_people(), "alice!al@example.org"),
    (TELEGRAM, (TelegramPerson("5"), TelegramMUCOccupant("5", room=TelegramPerson("-7"))), "5"),
]


@pytest.mark.parametrize(("backend", "people", "person_id"), PEOPLE)
def test_a_person_is_the_same_in_a_room_and_directly(backend: Backend, people: Any, person_id: str) -> None:
    """By the id that the network keeps, which a restart finds again."""
    assert [backend.person_id(frm) for frm in people] == [person_id, person_id]


@pytest.mark.parametrize(
    ("backend", "person_id", "address", "mention"),
    [
        (TEXT, "alice", "@alice", "@alice"),
        (SLACK, "U024", "<@U024>", "<@U024>"),
        (IRC, "alice!al@example.org", "alice!al@example.org", "alice"),
        (TELEGRAM, "5", "5", "5"),
    ],
)
def test_a_person_is_addressed_and_called_as_the_network_understands_it(
    backend: Backend, person_id: str, address: str, mention: str
) -> None:
    assert (backend.address(person_id), backend.mention(person_id)) == (address, mention)


def test_a_room_is_named_so_that_it_is_found_again() -> None:
    assert TEXT.room(text_people()[1].room) == "#ops"
    assert SLACK.room(SlackRoom("C024")) == "<#C024>"
    assert IRC.room("#ops") == "#ops"


@pytest.mark.parametrize(
    "frm",
    [
        SlackPerson("B024"),
        SlackRoomOccupant("B024", "C024"),
        SlackPerson(None),
        SlackPerson(""),
        SimpleNamespace(userid="U024", bot_id="B024"),
        SimpleNamespace(username="alice", person="@alice"),
    ],
)
def test_on_slack_bots_webhooks_and_senders_without_an_id_are_nobody(frm: Any) -> None:
    """A name alone is never enough, as anybody may give themselves one."""
    with pytest.raises(NobodyError):
        SLACK.person_id(frm)


@pytest.mark.parametrize("backend", [IRC, TELEGRAM])
def test_a_sender_without_the_id_of_the_network_is_never_known_by_a_name(backend: Backend) -> None:
    with pytest.raises(AttributeError):
        backend.person_id(TextPerson("@alice"))


def test_a_backend_that_forgets_who_speaks_lets_nobody_in() -> None:
    """Regression: it took over the text backend's way, which trusts typed names."""
    with pytest.raises(TypeError, match="person_id"):
        type("Forgetful", (Backend,), {})()
    assert not any(isinstance(BACKENDS[mode], type(TEXT)) for mode in ("slack", "slackv3", "irc", "telegram"))


def slack_message(**event: Any) -> Message:
    return Message("go", extras={"attachments": None, "slack_event": {"type": "message", "ts": "1.1", **event}})


def test_a_slack_thread_goes_from_a_message_to_its_answer() -> None:
    assert SLACK.thread(slack_message()) == ""
    mark = SLACK.thread(slack_message(thread_ts="1.0"))
    answer = Message("done")
    SLACK.put_in_thread(answer, mark)
    assert answer.extras["thread_ts"] == "1.0"


@pytest.mark.parametrize(
    ("event", "edited"),
    [
        ({}, False),
        ({"subtype": "thread_broadcast"}, False),
        ({"subtype": "message_changed", "message": {"user": "U024", "text": "go"}}, True),
        ({"edited": {"user": "U024", "ts": "2.0"}}, True),
    ],
)
def test_an_edited_slack_message_is_told_from_a_new_one(event: dict[str, Any], edited: bool) -> None:
    assert SLACK.edited(slack_message(**event)) is edited


@pytest.mark.parametrize(
    ("event", "automatic"),
    [
        ({"user": "U024"}, False),
        ({"user": "U024", "bot_id": ""}, False),
        ({"user": "U024", "bot_id": "B024", "app_id": "A024"}, True),
        ({"user": "U024", "subtype": "bot_message"}, True),
        ({"subtype": "message_changed", "message": {"user": "U024", "bot_id": "B024"}}, True),
    ],
)
def test_a_slack_app_is_told_from_the_person_under_whose_id_it_posts(event: dict[str, Any], automatic: bool) -> None:
    """An app with somebody's token posts with the id of that person, and with a `bot_id`."""
    assert SLACK.automatic(slack_message(**event)) is automatic
    assert not any(backend.automatic(Message("go")) for backend in (TEXT, IRC, TELEGRAM))


@pytest.mark.parametrize(
    ("text", "slack", "telegram"),
    [
        ("a & b <@U024>", r"a &amp; b &lt;\u0040U024&gt;", r"a & b <\u0040U024>"),
        ("`x` [a](http://b)", r"\u0060x\u0060 [a]\u0028http://b)", "`x` [a](http://b)"),
        ("@here al@example.org @ @-", r"\u0040here al@example.org @ @-", r"\u0040here al@example.org @ @-"),
    ],
)
def test_what_a_network_would_read_inside_code_is_escaped(text: str, slack: str, telegram: str) -> None:
    """On Slack and Telegram; the others take code as it is."""
    assert (SLACK.inert(text), TELEGRAM.inert(text)) == (slack, telegram)
    assert (TEXT.inert(text), IRC.inert(text)) == (text, text)


@pytest.mark.parametrize(("extras", "posted"), [({"ts": ["1.1", "1.2"]}, True), ({"ts": []}, False), ({}, False)])
def test_a_slack_message_was_posted_if_slack_gave_it_a_time(extras: dict[str, Any], posted: bool) -> None:
    """The backend logs what went wrong, and raises nothing."""
    assert SLACK.posted(None, Message("done", extras=extras)) is posted


@pytest.mark.parametrize("backend", [TEXT, IRC, TELEGRAM])
def test_other_networks_have_no_threads_and_no_edits(backend: Backend) -> None:
    message = Message("go")
    backend.put_in_thread(message, "1.0")
    assert message.extras == {}
    assert (backend.thread(message), backend.edited(message)) == ("", False)
    assert (SLACK.edits, backend.edits) == (True, False)


@pytest.mark.parametrize("backend", [TEXT, TELEGRAM])
def test_where_the_network_raises_what_went_wrong_all_else_was_posted(backend: Backend) -> None:
    message = Message("go")
    assert (backend.reachable(None, message), backend.posted(None, message)) == (True, True)


def test_on_any_other_network_nobody_can_be_told_apart() -> None:
    with pytest.raises(NobodyError, match='"xmpp" backend cannot be told for sure; known are irc, slack'):
        backend_for("xmpp")


def test_a_name_that_holds_markdown_is_mentioned_as_plain_text() -> None:
    """Else a back-tick in a nick would open a span that ends inside the command that is shown."""
    assert BACKENDS["text"].mention("mal`lo_ry") == "@mal\\`lo\\_ry"
    assert BACKENDS["irc"].mention("a[b]`!user@host") == "a\\[b\\]\\`"


# Guests, and what names a message

MEMBER = {"id": "U024", "team_id": "T024", "is_restricted": False, "is_ultra_restricted": False, "deleted": False}
"""The part of what `users.info` says of a member that tells guests apart."""
GRID = {key: value for key, value in MEMBER.items() if key != "team_id"}
"""A member of an organisation of several workspaces, as slackv3 0.3.2 knows them: without a team."""


class Slack:
    """A bot on Slack, of which only what says who is a guest is there."""

    def __init__(self, answer: Any, **auth: Any) -> None:
        self.slack_web = self
        self.auth = {"ok": True, "team_id": "T024", "enterprise_id": "E024", **auth}
        self._answer = answer

    def users_info(self, user: str) -> Any:
        assert user == "U024"
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def says(frm: Any, **extras: Any) -> Message:
    return Message("go", frm=frm, extras=extras)


@pytest.mark.parametrize(
    "user",
    [
        MEMBER,
        MEMBER | {"team_id": "T999", "enterprise_user": {"enterprise_id": "E024"}},
        GRID | {"enterprise_user": {"enterprise_id": "E024", "teams": ["T999"]}},
        MEMBER | {"is_stranger": False},
    ],
)
def test_a_full_member_of_where_the_bot_is_is_no_guest(user: dict[str, Any]) -> None:
    for frm in slack_people():
        assert not SLACK.guest(Slack({"ok": True, "user": user}), says(frm))


@pytest.mark.parametrize(
    "answer",
    [
        {"user": MEMBER | {"is_restricted": True}},
        {"user": MEMBER | {"is_restricted": True, "is_ultra_restricted": True}},
        {"user": MEMBER | {"is_stranger": True}},
        {"user": MEMBER | {"team_id": "T999"}},
        {"user": MEMBER | {"team_id": "T999", "enterprise_user": {"enterprise_id": "E999"}}},
        {"user": MEMBER | {"team_id": "T999", "enterprise_user": {"enterprise_id": ""}}},
        {"user": MEMBER | {"team_id": "T999", "enterprise_user": None}},
        {"user": MEMBER | {"team_id": ""}},
        {"user": MEMBER | {"deleted": True}},
        {"user": MEMBER | {"is_restricted": None}},
        {"user": {"id": "U024", "team_id": "T024"}},
        {"user": GRID},
        {"user": None},
        {"ok": False, "error": "user_not_found"},
        {},
        None,
        ConnectionError("Slack is away"),
    ],
)
def test_on_slack_whoever_is_not_known_to_be_a_full_member_is_a_guest(answer: Any) -> None:
    """Guests, people of other workspaces in a shared channel, and all of whom nobody can tell."""
    for frm in slack_people():
        assert SLACK.guest(Slack(answer), says(frm))


def test_two_workspaces_without_an_organisation_share_none() -> None:
    stranger = MEMBER | {"team_id": "T999", "enterprise_user": {"enterprise_id": None}}
    assert SLACK.guest(Slack({"user": stranger}, enterprise_id=None), says(SlackPerson("U024")))
    assert SLACK.guest(Slack({"user": MEMBER | {"team_id": None}}, team_id=None), says(SlackPerson("U024")))


def test_where_the_bot_does_not_know_where_it_is_all_are_guests() -> None:
    assert SLACK.guest(SimpleNamespace(), says(SlackPerson("U024")))
    assert SLACK.guest(SimpleNamespace(slack_web=Slack({"user": MEMBER}), auth=None), says(SlackPerson("U024")))


def test_a_bot_is_a_guest_if_anything() -> None:
    assert SLACK.guest(Slack({"user": MEMBER}), says(SlackPerson("B024")))


@pytest.mark.parametrize(("backend", "people", "_"), [row for row in PEOPLE if row[0] is not SLACK])
def test_other_networks_know_no_guests(backend: Backend, people: Any, _: str) -> None:
    assert [backend.guest(None, says(frm)) for frm in people] == [False, False]


def test_a_message_is_named_so_that_no_other_of_its_network_is() -> None:
    """Slack's time stamps and Telegram's numbers name a message in its channel or chat alone."""
    event = {"channel": "C024", "ts": "1.1"}
    assert SLACK.message_id(says(None, slack_event=event)) == "C024/1.1"
    edit = {"channel": "C024", "ts": "2.2", "message": {"ts": "1.1"}}
    assert SLACK.message_id(says(None, slack_event=edit)) == "C024/1.1"
    person, occupant = TelegramPerson("5"), TelegramMUCOccupant("5", room=TelegramPerson("-7"))
    assert TELEGRAM.message_id(says(person, message_id=3)) == "5/3"
    assert TELEGRAM.message_id(says(occupant, message_id=3)) == "-7/3"


@pytest.mark.parametrize(
    ("backend", "frm"), [(TEXT, "alice"), (IRC, "alice"), (SLACK, SlackPerson("U024")), (TELEGRAM, TelegramPerson("5"))]
)
def test_a_message_without_a_name_has_none(backend: Backend, frm: Any) -> None:
    assert backend.message_id(says(frm)) == ""
