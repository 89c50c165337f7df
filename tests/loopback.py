"""An Errbot backend for tests: Errbot's own text backend, with its console replaced by two queues.

Several people, rooms and direct messages; no network and no terminal. `talk.py` copies this file beside a `.plug` file
in a temporary folder, from where Errbot loads it as it loads any backend.
"""

import queue
import threading

import errbot.backends.text as text_backend
from errbot.backends.base import Message
from errbot.core import ErrBot
from errbot.rendering import text


class Loopback(text_backend.TextBackend):
    """Messages come from `inbox` as (person, room or None, text), None ends; what is sent lands in `heard`."""

    def __init__(self, config):
        super().__init__(config)
        self.inbox = queue.SimpleQueue()
        self.heard = queue.SimpleQueue()
        self.broken_rooms = set()
        self._plain = text()
        self._one_at_a_time = threading.Lock()  # the converter mixes up messages of different threads

    def serve_forever(self):
        try:
            self.connect_callback()
            while (said := self.inbox.get()) is not None:
                person, room, body = said
                message = Message(body)
                message.frm = text_backend.TextPerson(person)
                message.to = self.bot_identifier
                if room:
                    message.to = self.query_room(room)
                    message.frm = text_backend.TextOccupant(message.frm, message.to)
                self.callback_message(message)
        finally:
            self.disconnect_callback()
            self.shutdown()

    def send_message(self, msg):
        if str(msg.to) in self.broken_rooms:
            raise ConnectionError(f"{msg.to} is gone")
        ErrBot.send_message(self, msg)
        with self._one_at_a_time:
            self.heard.put((str(msg.to), self._plain.convert(msg.body).strip()))
