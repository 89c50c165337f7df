"""An Errbot backend for tests: Errbot's own text backend, with its console replaced by two queues.

Several people, rooms and direct messages; no network and no terminal. `talk.py` copies this file beside a `.plug` file
in a temporary folder, from where Errbot loads it as it loads any backend.

With `LOOPBACK_NETWORK = "slackv3"` or `"telegram"` people and rooms have the ids of that network, and what is heard is
what that network's backend hands over to it.
"""

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


class Person(text_backend.TextPerson):
    """Somebody with an id on each network."""

    @property
    def userid(self):
        return f"U{self.person.removeprefix('@').upper()}"

    @property
    def id(self):
        return int.from_bytes(self.person.removeprefix("@").encode())


class Occupant(text_backend.TextOccupant):
    """The same in a room."""

    userid = property(lambda self: self.person.userid)
    id = property(lambda self: self.person.id)


class Loopback(text_backend.TextBackend):
    """Messages come from `inbox` as (person, room or None, text), None ends; what is sent lands in `heard`.

    `event` is what Slack says of each message that comes.
    """

    def __init__(self, config):
        self._network = getattr(config, "LOOPBACK_NETWORK", "text")
        super().__init__(config)
        self.inbox = queue.SimpleQueue()
        self.heard = queue.SimpleQueue()
        self.event = {}
        self.broken_rooms = set()
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
                message = Message(body, extras={"slack_event": self.event} if self._network == "slackv3" else {})
                message.frm = Person(person)
                message.to = self.bot_identifier
                if room:
                    message.to = self._room(room)
                    message.frm = Occupant(message.frm, message.to)
                self.callback_message(message)
        finally:
            self.disconnect_callback()
            self.shutdown()

    def build_identifier(self, text_representation):
        match self._network, text_representation[:3]:
            case "slackv3", "<@U":
                return Person(text_representation[3:-1].lower())
            case "slackv3", "<#C":
                return self._room(f"#{text_representation[3:-1]}")
            case "telegram", _ if text_representation.isdigit():
                number = int(text_representation)
                return Person(number.to_bytes((number.bit_length() + 7) // 8).decode())
        return super().build_identifier(text_representation)

    def send_message(self, msg):
        if str(msg.to) in self.broken_rooms:
            raise ConnectionError(f"{msg.to} is gone")
        ErrBot.send_message(self, msg)
        msg.extras["ts"] = ["1.1"]
        with self._one_at_a_time:
            self.heard.put((str(msg.to), self._converter.convert(msg.body).strip()))

    def _room(self, name):
        room = self.query_room(name)
        room.id = f"C{name.removeprefix('#')}"
        return room
