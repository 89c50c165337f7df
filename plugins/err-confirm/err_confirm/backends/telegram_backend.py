"""Telegram: numbers as identities, and plain text in which names call people."""

from typing import Any

from err_confirm.backends.base import Backend, class_of, without_calls
from err_confirm.model.executions import Place


class TelegramBackend(Backend):
    """Telegram: the numeric user id."""

    scheme = "telegram"

    def inert(self, text: str) -> str:
        """Return the text with the `@` of names escaped: Telegram gets plain text, in which it calls people."""
        return without_calls(text)

    def person_id(self, frm: Any) -> str:
        """Return the number as text, the person's also in a group."""
        return str(frm.id)

    def address(self, person_id: str) -> str:
        """Return the number as text."""
        return person_id

    def mention(self, person_id: str) -> str:
        """Return the number: Errbot's Telegram backend has no text form that rings a phone."""
        return person_id

    def occupant(self, bot: Any, place: Place) -> Any:
        """Return the backend's own object: no text stands for both numbers."""
        return class_of(bot, "TelegramMUCOccupant")(id=place.person, room=bot.build_identifier(place.room))

    def file_to(self, msg: Any) -> Any:
        """Return the group: of a person in one, Errbot 6.2.1 would take the number of the person."""
        return getattr(msg.frm, "room", msg.frm)

    def message_id(self, msg: Any) -> str:
        """Return the chat and the number that the message has in it."""
        number = msg.extras.get("message_id")
        return "" if number is None else f"{getattr(msg.frm, 'room', msg.frm).id}/{number}"
