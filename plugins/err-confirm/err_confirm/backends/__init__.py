"""Who is speaking and where, by backend: lasting ids, and how to address and mention people.

An identity is `<scheme>:<id>` with the id that the chat network itself keeps: never a nick or a display name.
The identifier objects are Errbot's; nothing here imports it. A new backend is one file and one line in `BACKENDS`.
"""

from err_confirm.backends.base import Backend
from err_confirm.backends.irc_backend import JOINED_WITHIN, IrcBackend
from err_confirm.backends.slack_backend import SlackBackend
from err_confirm.backends.telegram_backend import TelegramBackend
from err_confirm.backends.text_backend import TextBackend
from err_confirm.errors import NobodyError

__all__ = ["BACKENDS", "JOINED_WITHIN", "SCHEMES", "WEAK", "Backend", "backend_for"]

WEAK = frozenset({"irc"})
"""Schemes of networks where anybody may take one more name."""

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
