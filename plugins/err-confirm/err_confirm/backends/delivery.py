"""Bring each message into the chat unmixed, and over IRC in whole lines.

Errbot's bot object is changed for this, so that it holds for Errbot's own messages, too: who approves reads them all.
"""

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

LONGEST_LINE = 512
"""Bytes, with the sender in front and the line's end: https://www.rfc-editor.org/rfc/rfc1459#section-2.3."""
LONGEST_USER, LONGEST_HOST = 20, 64
"""How long a server may let the bot's user and host name be: only the server knows them, and puts them in front."""
LONGEST_MESSAGE = 10_000
"""Characters. Errbot's 510 for IRC are those of a line, and it would split there, in the middle of the Markdown."""
CONTINUED = "… "
"""With what each piece of a line begins but the first."""
COLOUR = "\x03"
"""With what Errbot ends each message on IRC: back to the client's own colours."""

_FENCE = re.compile(r"(`{3,}|~{3,})")


class Unmixed:
    """A function in which only one thread is at a time: Errbot's threads share those that were not made for it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._turn = threading.RLock()

    def __call__(self, *args: Any) -> Any:
        """Call the function when it is free."""
        with self._turn:
            return self._function(*args)


def unmix(bot: Any) -> None:
    """Let the bot's Markdown converters begin anew with each message, one thread at a time; twice does no more.

    Else a prompt may show the command of another one, and the footnotes of what somebody said before.
    """
    for converter in [each for each in vars(bot).values() if hasattr(each, "convert") and hasattr(each, "reset")]:
        if not isinstance(converter.convert, Unmixed):
            converter.convert = Unmixed(_anew(converter))


def carry_lines(bot: Any) -> None:
    """Let an IRC bot say one message after the other, each line in pieces that arrive whole; twice does no more.

    And let its plugins end before it hangs up, so that they can say what became of what they ran.
    """
    if isinstance(bot.send_message, Unmixed):
        return
    bot.send_message = Unmixed(bot.send_message)  # Errbot sends line by line: those of two prompts would alternate
    bot.bot_config.MESSAGE_SIZE_LIMIT = max(LONGEST_MESSAGE, bot.message_size_limit)
    convert = bot.md.convert
    bot.md.convert = Unmixed(lambda markdown: convert(framed(markdown)).removesuffix(COLOUR))
    bot.conn.send_public_message = _whole(bot, bot.conn.send_public_message)
    bot.conn.send_private_message = _whole(bot, bot.conn.send_private_message)
    bot.conn.disconnect = _at_last(bot, bot.conn.disconnect)


def line_size(bot: Any, to: str) -> int:
    """Return how many bytes of text a line from an IRC bot may have that arrives whole in a room or at a nick."""
    front = f":{bot.conn.connection.get_nickname()}!@ PRIVMSG {to} :\r\n"
    return LONGEST_LINE - LONGEST_USER - LONGEST_HOST - len(front.encode())


def pieces(line: str, size: int) -> Iterator[str]:
    """Yield a line in pieces of at most `size` bytes, each but the first marked as one; nothing if it is blank."""
    mark = ""
    while line.strip():
        piece = f"{mark}{line}".encode()[:size].decode(errors="ignore")
        yield piece
        line, mark = line[len(piece) - len(mark) :], CONTINUED


def framed(markdown: str) -> str:
    """Return Markdown with a bar before each line in a code block: on IRC, nothing else tells output from a prompt."""
    lines, fence = [], ""
    for line in markdown.split("\n"):
        if fence and line != fence:
            lines.append(f"| {line}")
            continue
        lines.append(line)
        opening = _FENCE.match(line)
        fence = "" if fence or opening is None else opening[1]
    return "\n".join(lines)


def _anew(converter: Any) -> Callable[[str], Any]:
    convert = converter.convert

    def convert_anew(markdown: str) -> Any:
        converter.reset()
        return convert(markdown)

    return convert_anew


def _whole(bot: Any, send: Callable[[str, str], None]) -> Callable[[str, str], None]:
    def send_whole(to: str, line: str) -> None:
        for piece in pieces(line, line_size(bot, to)):
            send(to, piece)

    return send_whole


def _at_last(bot: Any, hang_up: Callable[[str], None]) -> Callable[[str], None]:
    def hang_up_at_last(why: str) -> None:
        try:
            bot.plugin_manager.deactivate_all_plugins()
        finally:
            hang_up(why)

    return hang_up_at_last
