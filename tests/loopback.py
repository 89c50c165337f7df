"""An Errbot backend for tests: Errbot's own text backend, with its console replaced by two queues.

Several people, rooms and direct messages; no network and no terminal. `talk.py` copies this file beside a `.plug` file
in a temporary folder, from where Errbot loads it as it loads any backend.

With `LOOPBACK_NETWORK = "slackv3"` or `"telegram"` people and rooms are as that network's backend makes them, with its
ids, also for access control, and what is heard is what that backend hands over to the network. All are called as on
the text backend: `@alice`, `#ops`, `#ops/alice`. Only on that Slack what was sent can be changed, by its time stamp.
"""

import itertools
import queue
import re
import threading

import errbot.backends.text as text_backend
from errbot.backends.base import Message
from errbot.core import ErrBot
from errbot.rendering import imtext, text
from markdown.preprocessors import Preprocessor


class SlackLinks(Preprocessor):
    """Transcribed from errbot-backend-slackv3 0.3.2, slackv3/markdown.py: it needs 12 packages that no test needs."""

    LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]+?)\]\((?P<uri>[a-zA-Z0-9]+?:\S+?)\)")

    def run(self, lines):
        return [self.LINK.sub(r"&lt;\2|\1&gt;", line) for line in lines]


def slack():
    """Return the converter of errbot-backend-slackv3 0.3.2: Errbot's own for messengers, and the links."""
    converter = imtext()
    converter.preprocessors.register(SlackLinks(converter), "LinkPreProcessor", 30)
    return converter


CONVERTERS = {"text": text, "slackv3": slack, "telegram": text}


class SlackPerson(text_backend.TextPerson):
    """As errbot-backend-slackv3 0.3.2 knows somebody."""

    @property
    def userid(self):
        return f"U{self.person.removeprefix('@').upper()}"

    @property
    def aclattr(self):
        return self.userid


class SlackRoomOccupant(text_backend.TextOccupant):
    """The same in a room, from both ids; a client of the network is needed for it, too."""

    def __init__(self, webclient, userid, channelid, bot):
        if userid[0] not in "UWB" or channelid[0] not in "DCG" or webclient is not bot.slack_web:
            raise ValueError(f"{userid} in {channelid} is nobody")
        super().__init__(SlackPerson(userid[1:].lower()), bot.query_room(f"#{channelid[1:]}"))

    userid = property(lambda self: self.person.userid)
    aclattr = property(lambda self: self.userid)


class TelegramPerson(text_backend.TextPerson):
    """As Errbot 6.2.1 knows somebody on Telegram: the number is a text."""

    @property
    def id(self):
        return str(int.from_bytes(self.person.removeprefix("@").encode()))

    @property
    def aclattr(self):
        return self.id


class TelegramMUCOccupant(text_backend.TextOccupant):
    """The same in a group; the names are not known where a bot makes one of a number."""

    def __init__(self, id, room, first_name=None, last_name=None, username=None):
        number = int(id)
        super().__init__(TelegramPerson(number.to_bytes((number.bit_length() + 7) // 8).decode()), room)

    id = property(lambda self: self.person.id)
    aclattr = property(lambda self: self.id)


class SlackRoom(text_backend.TextRoom):
    """A channel, which access control knows by its id."""

    id = property(lambda self: f"C{self.name}")
    aclattr = property(lambda self: self.id)


class TelegramRoom(text_backend.TextRoom):
    """A group: its number is below zero."""

    id = property(lambda self: str(-int.from_bytes(self.name.encode())))
    aclattr = property(lambda self: self.id)


class SlackWeb:
    """What slack_sdk 3.33's client answers about people; who is in `guests` is one of a single channel."""

    def __init__(self):
        self.guests = set()

    def users_info(self, user):
        restricted = user in self.guests
        return {
            "ok": True,
            "user": {"id": user, "team_id": "T024", "is_restricted": restricted, "is_ultra_restricted": restricted},
        }


PEOPLE = {"text": text_backend.TextPerson, "slackv3": SlackPerson, "telegram": TelegramPerson}
ROOMS = {"text": text_backend.TextRoom, "slackv3": SlackRoom, "telegram": TelegramRoom}


class Loopback(text_backend.TextBackend):
    """Messages come from `inbox` as (person, room or None, text), None ends; what is sent lands in `heard`.

    `event` is what Slack says of each message that comes, beside where and when it was said. `looks` are the texts that
    each message has had, by its time stamp, one after the other.
    """

    def __init__(self, config):
        self._network = getattr(config, "LOOPBACK_NETWORK", "text")
        super().__init__(config)
        self.inbox = queue.SimpleQueue()
        self.heard = queue.SimpleQueue()
        self.event = {}
        self.slack_web = SlackWeb()
        self.auth = {"ok": True, "team_id": "T024", "enterprise_id": None}
        self._stamps = itertools.count(1)
        self._sent = itertools.count(1)
        self.looks = {}
        self.broken_rooms = set()
        self.files = []  # what Slack and Telegram would be sent
        self.broken_files = False
        self._converter = CONVERTERS[self._network]()
        self._one_at_a_time = threading.Lock()  # the converter mixes up messages of different threads

    @property
    def mode(self):
        return self._network

    def serve_forever(self):
        try:
            self.connect_callback()
            while (said := self.inbox.get()) is not None:
                person, room, body = said
                message = Message(body, extras=self._extras(room))
                message.frm = self.person(person)
                message.to = self.bot_identifier
                if room:
                    message.to = self.query_room(room)
                    message.frm = self._occupant(message.frm, message.to)
                self.callback_message(message)
        finally:
            self.disconnect_callback()
            self.shutdown()

    def build_identifier(self, text_representation):
        match self._network, text_representation[:3]:
            case "slackv3", "<@U":
                return SlackPerson(text_representation[3:-1].lower())
            case "slackv3", "<#C":
                return self.query_room(f"#{text_representation[3:-1]}")
            case "telegram", _ if text_representation.isdigit():
                number = int(text_representation)
                return TelegramPerson(number.to_bytes((number.bit_length() + 7) // 8).decode())
        return super().build_identifier(text_representation)

    def person(self, name):
        """Return somebody as the network knows them."""
        return PEOPLE[self._network](name)

    def query_room(self, room):
        """Return a room with its id, the same one each time."""
        found = next((each for each in self._rooms if str(each) == room), None)
        if found is None:
            found = ROOMS[self._network](room.removeprefix("#"), self)
            self._rooms.insert(0, found)
        return found

    def send_message(self, msg):
        if str(msg.to) in self.broken_rooms:
            raise ConnectionError(f"{msg.to} is gone")
        ErrBot.send_message(self, msg)
        msg.extras["ts"] = [f"{next(self._sent)}.1"]
        self._show(msg)

    def update_message(self, msg):
        """Change a message as slackv3 does."""
        assert self._network == "slackv3", "nothing can be changed here"
        assert msg.extras["ts"][0] in self.looks
        self._show(msg)

    def _show(self, msg):
        with self._one_at_a_time:
            text = self._converter.convert(msg.body).strip()
            self.looks.setdefault(msg.extras["ts"][0], []).append(text)
            self.heard.put((str(msg.to), text))

    def send_stream_request(self, identifier, fsource, name=None, size=None, stream_type=None):
        if self.broken_files:
            raise ConnectionError("no files today")
        self.files.append((str(identifier), name, fsource.read()))

    def _extras(self, room):
        number = next(self._stamps)
        match self._network:
            case "slackv3":
                channel = f"C{room.removeprefix('#')}" if room else "D024"
                return {"slack_event": {"channel": channel, "ts": f"{number}.0", **self.event}}
            case "telegram":
                return {"message_id": number}
        return {}

    def _occupant(self, person, room):
        match self._network:
            case "slackv3":
                return SlackRoomOccupant(self.slack_web, person.userid, room.id, self)
            case "telegram":
                return TelegramMUCOccupant(person.id, room)
        return text_backend.TextOccupant(person, room)
