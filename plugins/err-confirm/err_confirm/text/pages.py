"""Divide a message that is too long for one, so that all that was code stays code."""

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

from err_confirm.text.inert import SPAN, Inert, blocks

_BACKTICK = r"\u0060"
"""How a back-tick is shown in what was cut: one fence then fits all pieces."""
_CONTINUED = "… "
"""With what each piece of a line begins but the first: a long value must not make its middle look like a message."""

Piece = tuple[str, bool]
"""A line or a piece of one, and whether it stands in a code block."""


def pages(markdown: str, limit: int, inert: Inert) -> list[str]:
    """Return a message as several of at most `limit` bytes; cut are lines, and such as are too long themselves."""
    if len(markdown.encode()) <= limit:
        return [markdown]
    edges = 2 * len(inert.around("").encode())
    done: list[list[Piece]] = [[]]
    room = limit
    for text, fenced in _pieces(markdown, limit - edges, inert):
        continues = bool(done[-1]) and done[-1][-1][1]
        cost = len(text.encode()) + 1 + (edges if fenced and not continues else 0)
        if cost > room and done[-1]:
            done.append([])
            room, cost = limit, len(text.encode()) + 1 + (edges if fenced else 0)
        done[-1].append((text, fenced))
        room -= cost
    return [_page(page, inert) for page in done]


def _page(pieces: list[Piece], inert: Inert) -> str:
    groups = [(fenced, "\n".join(text for text, _ in group)) for fenced, group in groupby(pieces, itemgetter(1))]
    return "\n".join(inert.around(text) if fenced else text for fenced, text in groups).strip("\n")


def _pieces(markdown: str, size: int, inert: Inert) -> Iterator[Piece]:
    mark = f"{inert.block_mark}\n" if inert.block_mark else ""
    for before, block in blocks(markdown):
        yield from ((piece, False) for piece in _cut_lines(before.strip("\n"), size))
        inside = block["text"].removeprefix(mark).removesuffix(mark).rstrip("\n").split("\n") if block else []
        for each in inside:
            yield from ((piece, True) for piece in _cut(each.replace("`", _BACKTICK), size))


def _cut_lines(markdown: str, size: int) -> Iterator[str]:
    """Yield lines of Markdown, one that is too long in several, each with its own code spans whole."""
    most = size - 2 - len(_CONTINUED.encode())
    for each in markdown.split("\n"):
        if len(each.encode()) <= size:
            yield each
            continue
        shown = ""
        for number, part in enumerate(SPAN.split(each)):
            if number % 3 == 1:
                continue  # the fence of the span that follows
            mark = "`" if number % 3 else ""
            for piece in filter(None, _cut(part.replace("`", _BACKTICK) if mark else part, most)):
                if len(shown.encode()) + len(piece.encode()) + 2 > size:
                    yield shown
                    shown = _CONTINUED
                shown += f"{mark}{piece}{mark}"
        yield shown


def _cut(text: str, size: int) -> list[str]:
    """Return a text in pieces of at most `size` bytes."""
    pieces = list[str]()
    while len(text.encode()) > size:
        pieces.append(text.encode()[:size].decode(errors="ignore"))
        text = text[len(pieces[-1]) :]
    return [*pieces, text]
