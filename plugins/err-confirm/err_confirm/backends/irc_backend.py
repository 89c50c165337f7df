"""IRC: masks as identities, lines that a server cuts, and rooms that the bot must be in."""

import time
from typing import Any

from err_confirm.backends.base import Backend, escaped
from err_confirm.backends.delivery import carry_lines, line_size
from err_confirm.errors import NobodyError
from err_confirm.model.executions import Place

JOINED_WITHIN = 15.0
"""Seconds that a message waits for the bot to be in its room: Errbot joins while plugins start, and after a kick."""
SOCKET = "err-confirm socket"
"""Where an IRC message notes over which connection it is sent."""


class IrcBackend(Backend):
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
        return escaped(person_id.partition("!")[0])

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
