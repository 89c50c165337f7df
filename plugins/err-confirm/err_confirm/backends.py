"""Who is speaking and where, by backend: lasting ids, and how to address and mention people.

An identity is `<scheme>:<id>` with the id that the chat network itself keeps: never a nick or a display name.
The identifier objects are Errbot's; nothing here imports it. A new backend is one class and one line in `BACKENDS`.
"""

import re
import sys
import time
from typing import Any, Protocol

from err_confirm.delivery import carry_lines, line_size, unmix
from err_confirm.errors import NobodyError
from err_confirm.model import Place
from err_confirm.visible import visible

_CALL = re.compile(r"(?<!\w)@(?=\w)")
"""An `@` that may call somebody; not that of an address."""

JOINED_WITHIN = 15.0
"""Seconds that a message waits for the bot to be in its room: Errbot joins while plugins start, and after a kick."""
WEAK = frozenset({"irc"})
"""Schemes of networks where anybody may take one more name."""
SOCKET = "err-confirm socket"
"""Where an IRC message notes over which connection it is sent."""


class Backend(Protocol):
    """What err-confirm must know about a chat network."""

    scheme: str
    block_mark: str
    """What begins and ends a block of code on the network, where Errbot's converter leaves that away."""

    def inert(self, text: str) -> str:
        """Return a visible text as it must stand inside code so that the network makes nothing of it."""
        ...

    def prepare(self, bot: Any) -> None:
        """Make the bot's messages arrive unmixed and whole, as far as it takes something; twice does no more."""
        ...

    def person_id(self, frm: Any) -> str:
        """Return the lasting id of the sender `frm`, the same in rooms and direct messages. Raises NobodyError."""
        ...

    def address(self, person_id: str) -> str:
        """Return the text from which `build_identifier` makes this person again after a restart."""
        ...

    def mention(self, person_id: str) -> str:
        """Return the text in a message that makes this person's phone ring."""
        ...

    def room(self, room: Any) -> str:
        """Return the text from which `build_identifier` makes this room again after a restart."""
        ...

    def thread(self, msg: Any) -> str:
        """Return the mark of the thread that a message belongs to; empty for none."""
        ...

    def put_in_thread(self, msg: Any, thread: str) -> None:
        """Make a message that is to be sent an answer in the thread with this mark."""
        ...

    def speak_as(self, bot: Any, msg: Any, place: Place) -> None:
        """Make a message one that the person of this place says there, as if it had just been received."""
        ...

    def edited(self, msg: Any) -> bool:
        """Tell whether a message is one from before, changed: it must start and confirm nothing."""
        ...

    def automatic(self, msg: Any) -> bool:
        """Tell whether a program sent a message, also under a person's id: nobody can be held to it."""
        ...

    def too_long(self, bot: Any, to: str, text: str) -> str:
        """Return why a prompt would not be seen whole in one message there; nothing if it would."""
        ...

    def reachable(self, bot: Any, msg: Any) -> bool:
        """Tell whether a message that is to be sent can arrive, as far as the backend knows; may wait a little."""
        ...

    def posted(self, bot: Any, msg: Any) -> bool:
        """Tell whether a message that was sent has really arrived, as far as the backend knows."""
        ...


class PlainBackend:
    """A network without threads and edits. Who speaks has no default: a class that forgets it lets nobody in."""

    block_mark = ""

    def inert(self, text: str) -> str:
        """Return the text as it is: Errbot's converter to plain text takes code for what it is."""
        return text

    def prepare(self, bot: Any) -> None:
        """Keep the Markdown of one message out of another."""
        unmix(bot)

    def room(self, room: Any) -> str:
        """Return the room's own text, such as `#ops`."""
        return str(room)

    def thread(self, msg: Any) -> str:
        """Return nothing: there are no threads."""
        return ""

    def put_in_thread(self, msg: Any, thread: str) -> None:
        """Do nothing: there are no threads."""

    def speak_as(self, bot: Any, msg: Any, place: Place) -> None:
        """Set who speaks and to whom: to the room, or to the bot itself."""
        msg.to = bot.build_identifier(place.room) if place.room else bot.bot_identifier
        msg.frm = self.occupant(bot, place) if place.room else bot.build_identifier(place.person)

    def occupant(self, bot: Any, place: Place) -> Any:
        """Return the person of this place as somebody in its room. A class that forgets it lets nobody speak there."""
        raise NobodyError("who speaks in a room cannot be said again here")

    def edited(self, msg: Any) -> bool:
        """Return False: there are no edits."""
        return False

    def automatic(self, msg: Any) -> bool:
        """Return False: nobody can tell."""
        return False

    def too_long(self, bot: Any, to: str, text: str) -> str:
        """Return what to say about a text that is longer than the bot's messages are."""
        size, most = len(text.encode()), bot.message_size_limit
        return f"its prompt would have {size:,} bytes, and a message here has at most {most:,}" if size > most else ""

    def reachable(self, bot: Any, msg: Any) -> bool:
        """Return True: a failure is raised."""
        return True

    def posted(self, bot: Any, msg: Any) -> bool:
        """Return True: a failure is raised."""
        return True


class TextBackend(PlainBackend):
    """Errbot's text and test backends: the name that was typed, without its `@`."""

    scheme = "text"

    def person_id(self, frm: Any) -> str:
        """Return the name; in a room `frm.person` is an object, directly it is a string."""
        return str(frm.person).removeprefix("@")

    def address(self, person_id: str) -> str:
        """Return `@alice`."""
        return f"@{person_id}"

    def occupant(self, bot: Any, place: Place) -> Any:
        """Return who `#ops/alice` is."""
        return bot.build_identifier(f"{place.room}/{place.person.removeprefix('@')}")

    def mention(self, person_id: str) -> str:
        """Return `@alice`."""
        return f"@{_escaped(person_id)}"


class SlackBackend(PlainBackend):
    """errbot-backend-slackv3: user ids (`U…`, `W…`), channel ids, and thread time stamps; bots are refused."""

    scheme = "slack"
    block_mark = "```"  # slackv3 0.3.2 takes Markdown's own fences away, and all in them would be live

    def inert(self, text: str) -> str:
        """Return the text with all that Slack reads inside code, too, escaped.

        Those are `<`, `>`, `&` (https://api.slack.com/reference/surfaces/formatting#escaping), the back-tick that ends
        code, names behind an `@` (slackv3 asks for `link_names`), and `](`, which slackv3 0.3.2 makes a link of.
        """
        text = _CALL.sub(r"\\u0040", text.replace("`", r"\u0060").replace("](", r"]\u0028"))
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    def person_id(self, frm: Any) -> str:
        """Return the user id."""
        user = getattr(frm, "userid", None)
        if not isinstance(user, str) or not user.startswith(("U", "W")) or getattr(frm, "bot_id", None):
            raise NobodyError("bots and webhooks cannot ask or answer here")
        return user

    def address(self, person_id: str) -> str:
        """Return `<@U024>`."""
        return f"<@{person_id}>"

    def mention(self, person_id: str) -> str:
        """Return `<@U024>`, which Slack shows as the current name."""
        return f"<@{person_id}>"

    def room(self, room: Any) -> str:
        """Return `<#C024>`."""
        return f"<#{room.id}>"

    def thread(self, msg: Any) -> str:
        """Return the `thread_ts` of the event (https://api.slack.com/messaging/retrieving#finding_threads)."""
        return str(msg.extras.get("slack_event", {}).get("thread_ts", ""))

    def put_in_thread(self, msg: Any, thread: str) -> None:
        """Set `thread_ts`, which slackv3 hands on to Slack."""
        msg.extras["thread_ts"] = thread

    def speak_as(self, bot: Any, msg: Any, place: Place) -> None:
        """Set also the event from which slackv3 takes the thread of its replies."""
        super().speak_as(bot, msg, place)
        msg.extras["slack_event"] = {"thread_ts": place.thread} if place.thread else {}

    def occupant(self, bot: Any, place: Place) -> Any:
        """Return slackv3's own object: no text stands for both ids."""
        user, channel = place.person.strip("<@>"), place.room.strip("<#>")
        return _class(bot, "SlackRoomOccupant")(bot.slack_web, user, channel, bot=bot)

    def edited(self, msg: Any) -> bool:
        """Return whether the event is an edit, which Errbot takes for a command again."""
        event = msg.extras.get("slack_event", {})
        return event.get("subtype") == "message_changed" or "edited" in event

    def automatic(self, msg: Any) -> bool:
        """Return whether an app sent it: one may post under the id of a person, but never without its `bot_id`."""
        event = msg.extras.get("slack_event", {})
        return any(
            part.get("bot_id") or part.get("subtype") == "bot_message" for part in (event, event.get("message", {}))
        )

    def posted(self, bot: Any, msg: Any) -> bool:
        """Return whether Slack gave it a time stamp; the backend logs a failure and returns as if all were well."""
        return bool(msg.extras.get("ts"))


class IrcBackend(PlainBackend):
    """IRC: nick!user@host, a weak identity; a policy that needs more must ask for it."""

    scheme = "irc"

    def prepare(self, bot: Any) -> None:
        """Send one message after the other, no line of which a server cuts."""
        super().prepare(bot)
        carry_lines(bot)

    def person_id(self, frm: Any) -> str:
        """Return `nick!user@host`, which a server or a service does not have."""
        if not frm.user or not frm.host:
            raise NobodyError("bots and webhooks cannot ask or answer here")
        return f"{frm.nick}!{frm.user}@{frm.host}"

    def address(self, person_id: str) -> str:
        """Return the full mask."""
        return person_id

    def occupant(self, bot: Any, place: Place) -> Any:
        """Return who a mask and a room on two lines are."""
        return bot.build_identifier(f"{place.person}\n{place.room}")

    def mention(self, person_id: str) -> str:
        """Return the nick, which clients highlight."""
        return _escaped(person_id.partition("!")[0])

    def too_long(self, bot: Any, to: str, text: str) -> str:
        """Return what to say about a prompt with a line that would come in pieces."""
        size = max(len(line.encode()) for line in bot.md.convert(text).split("\n"))
        most = line_size(bot, to if to.startswith("#") else to.partition("!")[0])
        if size > most:
            return f"a line of its prompt would have {size:,} bytes, and a line here has at most {most:,}"
        return super().too_long(bot, to, text)

    def reachable(self, bot: Any, msg: Any) -> bool:
        """Return whether the bot is connected and in the room: Errbot loses in silence what it cannot send."""
        deadline = time.monotonic() + JOINED_WITHIN
        while (socket := bot.conn.connection.socket) is not None:
            if msg.is_direct or msg.to.room in bot.conn.channels:
                msg.extras[SOCKET] = socket
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return False

    def posted(self, bot: Any, msg: Any) -> bool:
        """Return whether the connection is still the one from before it was sent: its first line may be all."""
        return bot.conn.connection.socket is msg.extras[SOCKET]


class TelegramBackend(PlainBackend):
    """Telegram: the numeric user id."""

    scheme = "telegram"

    def inert(self, text: str) -> str:
        """Return the text with the `@` of names escaped: Telegram gets plain text, in which it calls people."""
        return _CALL.sub(r"\\u0040", text)

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
        return _class(bot, "TelegramMUCOccupant")(id=place.person, room=bot.build_identifier(place.room))


def _class(bot: Any, name: str) -> Any:
    """Return a class of the backend that runs."""
    return getattr(sys.modules[type(bot).__module__], name)


def _escaped(name: str) -> str:
    """Return a name with what Markdown would take for its own escaped: a nick may hold a back-tick."""
    return re.sub(r"([\\`*_{}\[\]()#+!-])", r"\\\1", visible(name))


BACKENDS: dict[str, Backend] = {
    "text": TextBackend(),
    "test": TextBackend(),
    "slackv3": SlackBackend(),
    "slack": SlackBackend(),
    "irc": IrcBackend(),
    "telegram": TelegramBackend(),
}
"""By Errbot's `bot.mode`."""

SCHEMES = frozenset(backend.scheme for backend in BACKENDS.values())
"""With what an identity begins."""


def backend_for(mode: str) -> Backend:
    """Return what is known of a chat network. Raises NobodyError for one on which nobody can be told apart."""
    try:
        return BACKENDS[mode]
    except KeyError:
        known = ", ".join(sorted(BACKENDS))
        raise NobodyError(f'who speaks on the "{mode}" backend cannot be told for sure; known are {known}') from None
