"""What err-confirm must know about a chat network, and what holds where one has nothing of its own."""

import re
import sys
from abc import ABC, abstractmethod
from typing import Any

from err_confirm.backends.delivery import unmix
from err_confirm.model.executions import Place
from err_confirm.text.inert import Network
from err_confirm.text.visible import visible

_CALL = re.compile(r"(?<!\w)@(?=\w)")
"""An `@` that may call somebody; not that of an address."""


class Backend(Network, ABC):
    """A chat network; without more, one that has no threads, edits, guests and files, and raises what goes wrong.

    Who speaks has no default: a class that forgets it cannot be used.
    """

    scheme: str
    edits = False
    """Whether the bot can change what it has sent."""

    @abstractmethod
    def person_id(self, frm: Any) -> str:
        """Return the lasting id of the sender `frm`, the same in rooms and direct messages. Raises NobodyError."""

    @abstractmethod
    def address(self, person_id: str) -> str:
        """Return the text from which `build_identifier` makes this person again after a restart."""

    @abstractmethod
    def mention(self, person_id: str) -> str:
        """Return the text in a message that makes this person's phone ring."""

    @abstractmethod
    def occupant(self, bot: Any, place: Place) -> Any:
        """Return the person of this place as somebody in its room."""

    def prepare(self, bot: Any) -> None:
        """Make the bot's messages arrive unmixed and whole, as far as it takes something; twice does no more."""
        unmix(bot)

    def room(self, room: Any) -> str:
        """Return the text from which `build_identifier` makes this room again after a restart."""
        return str(room)

    def thread(self, msg: Any) -> str:
        """Return the mark of the thread that a message belongs to; empty for none."""
        return ""

    def put_in_thread(self, msg: Any, thread: str) -> None:
        """Make a message that is to be sent an answer in the thread with this mark."""
        return

    def speak_as(self, bot: Any, msg: Any, place: Place) -> None:
        """Make a message one that the person of this place says there, as if it had just been received."""
        msg.to = bot.build_identifier(place.room) if place.room else bot.bot_identifier
        msg.frm = self.occupant(bot, place) if place.room else bot.build_identifier(place.person)

    def edited(self, msg: Any) -> bool:
        """Tell whether a message is one from before, changed: it must start and confirm nothing."""
        return False

    def automatic(self, msg: Any) -> bool:
        """Tell whether a program sent a message, also under a person's id: nobody can be held to it."""
        return False

    def guest(self, bot: Any, msg: Any) -> bool:
        """Tell whether the sender is somebody from outside, as far as the network knows guests; in doubt, they are."""
        return False

    def message_id(self, msg: Any) -> str:
        """Return what names a message in all of the network, also when it comes once more; empty if nothing does."""
        return ""

    def too_long(self, bot: Any, to: str, text: str) -> str:
        """Return why a prompt would not be seen whole in one message there; nothing if it would."""
        size, most = len(text.encode()), bot.message_size_limit
        return f"its prompt would have {size:,} bytes, and a message here has at most {most:,}" if size > most else ""

    def file_to(self, msg: Any) -> Any:
        """Return to whom a file is sent that belongs where a message was said; None where the backend sends none."""
        return None

    def reachable(self, bot: Any, msg: Any) -> bool:
        """Tell whether a message that is to be sent can arrive, as far as the backend knows; may wait a little."""
        return True

    def posted(self, bot: Any, msg: Any) -> bool:
        """Tell whether a message that was sent has really arrived, as far as the backend knows."""
        return True

    def edit(self, bot: Any, msg: Any, sent: Any) -> None:
        """Put a message in the place of one that was sent; where the network does not `edit`, send it anew."""
        bot.send_message(msg)


def without_calls(text: str) -> str:
    """Return a text with the `@` of names escaped."""
    return _CALL.sub(r"\\u0040", text)


def class_of(bot: Any, name: str) -> Any:
    """Return a class of the backend that runs."""
    return getattr(sys.modules[type(bot).__module__], name)


def escaped(name: str) -> str:
    """Return a name with what Markdown would take for its own escaped: a nick may hold a back-tick."""
    return re.sub(r"([\\`*_{}\[\]()#+!-])", r"\\\1", visible(name))
