"""Bring a text to where it belongs on one chat network, or say why it did not get there."""

import logging
from collections.abc import Iterable
from typing import Any

from err_confirm.backends import Backend
from err_confirm.errors import PostError
from err_confirm.model.executions import Execution, Place
from err_confirm.people import People
from err_confirm.text.inert import Inert
from err_confirm.text.pages import pages

log = logging.getLogger(__name__)


class Posting:
    """Where messages go.

    Args:
        bot: Errbot's bot object; this module never imports Errbot.
        backend: what is known of its network.
        people: who is who.
        inert: divides long texts.
    """

    def __init__(self, bot: Any, backend: Backend, people: People, inert: Inert) -> None:
        self._bot = bot
        self._backend = backend
        self._people = people
        self._inert = inert

    def identities(self, person: str) -> list[str]:
        """Return the ids that a person has on this network."""
        scheme = f"{self._backend.scheme}:"
        every = self._people.identities(person)
        return [identity.removeprefix(scheme) for identity in every if identity.startswith(scheme)]

    def direct(self, person: str) -> list[Place]:
        """Return where a person can be told something directly; nothing if they have no identity here."""
        return [Place(person=self._backend.address(each)) for each in self.identities(person)]

    def rooms(self, execution: Execution) -> list[Place]:
        """Return where its policy wants it said besides, if it was not asked for right there. Raises PostError."""
        if execution.policy is None or not execution.policy.room:
            return []
        try:
            room = self._backend.room(self._bot.build_identifier(execution.policy.room))
        except Exception as error:  # each backend raises its own kinds
            raise PostError(f"the room {execution.policy.room} cannot be found: {error}") from error
        place = Place(person=execution.place.person, room=room)
        return [] if place.same_as(execution.place) else [place]

    def other_rooms(self, execution: Execution) -> list[Place]:
        """Return that room, if it can be found."""
        try:
            return self.rooms(execution)
        except PostError as error:
            log.warning("%s of %s", error, execution.id)
            return []

    def check(self, place: Place, text: str) -> None:
        """Raise PostError for a prompt that nobody would see whole there."""
        if why := self._backend.too_long(self._bot, place.room or place.person, text):
            raise PostError(f"{why}; nobody may confirm what they cannot read, so say it shorter")

    def send(self, place: Place, text: str) -> None:
        """Post a text, in parts where it is too long. Raises PostError."""
        for part in pages(text, self._bot.message_size_limit, self._inert):
            self.post(place, part)

    @property
    def edits(self) -> bool:
        """Whether what was posted can be changed."""
        return self._backend.edits

    def there(self, place: Place, text: str) -> None:
        """Post a text where something was asked for; if that fails, to who asked. Raises PostError."""
        try:
            self.send(place, text)
        except PostError:
            if not place.room:
                raise
            self.send(Place(person=place.person), text)

    def each(self, places: Iterable[Place], text: str) -> None:
        """Post a text in several places; one that cannot be reached takes it from nobody else."""
        for place in places:
            try:
                self.send(place, text)
            except PostError as error:
                log.warning("%s", error)

    def post(self, place: Place, text: str, instead: Any = None) -> Any:
        """Post a short text, in the place of `instead`, which this has returned before. Raises PostError."""
        message = self._bot.build_message(text)
        try:
            message.to = self._bot.build_identifier(place.room or place.person)
            message.frm = self._bot.bot_identifier
            if place.thread:
                self._backend.put_in_thread(message, place.thread)
            if not self._backend.reachable(self._bot, message):
                raise ConnectionError("the bot is not there")
            if instead is None:
                self._bot.send_message(message)
            else:
                self._backend.edit(self._bot, message, instead)
        except Exception as error:  # each backend raises its own kinds
            raise PostError(f"a message to {place.room or place.person} could not be posted: {error}") from error
        if not self._backend.posted(self._bot, message):
            raise PostError(f"a message to {place.room or place.person} could not be posted; see the bot's log")
        return message
