"""Read a text the way that people type it: blanks, quotes, and the pairs at its end."""

import json
import re
from itertools import islice
from typing import NamedTuple

from err_confirm.errors import NoMatchError, TextTooLongError

MAX_TEXT_BYTES = 8192
"""How long a text may be, in bytes of UTF-8; a longer one is refused before anything looks at it."""

MAX_PAIRS = 100
"""How many pairs at its end a text may have; of one that has more, one more than these is known."""

QUOTES = "\"'"

_TYPED = {
    '"': "\u201c\u201d\u201e\u201f",
    "'": "\u2018\u2019\u201a\u201b",
    " ": "\t\n\r\f\v\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000"
    + "".join(map(chr, range(0x2000, 0x200B))),
}
_PLAIN = {ord(character): plain for plain, typed in _TYPED.items() for character in typed}

# All repetition is possessive: what one attempt has read is not read again, so a text is scanned in linear time.
# Five deep, more than in expression.py: a level costs nothing here, and there is no other way to find a deeper end.
_OBJECT = r"\{[^{}]*+\}"
for _ in range(4):
    _OBJECT = rf"\{{(?:[^{{}}]++|{_OBJECT})*+\}}"
_CLOSED = rf"""(?:"[^"]*+"|'[^']*+'|{_OBJECT})(?=\s)"""
_PAIR = re.compile(rf"\s++([A-Za-z_]\w*+)\s*+=({_CLOSED}|\S++)")
_BEFORE_PAIRS = re.compile(rf"(?:(?:{_PAIR.pattern})*+\s++(?:{_CLOSED}|\S++))*+")
"""Everything up to the last word that is no pair."""

# A quote inside closes nothing where a letter follows it, as in 'it's fine', or a backslash stands before it.
_QUOTED = re.compile(r"""(["'])[^"']*+(?:(?!(?<!\\)\1(?!\w))["'][^"']*+)*\1""")


_BEGIN = re.compile(r"(?<=[\s=])\{")
_JSON = json.JSONDecoder()
_MOST_OBJECTS = 4
_INNER = str.maketrans("{}", "__")


class Pair(NamedTuple):
    """A `name=value` at the end of a text; `start` is where it begins, with the blanks before it."""

    start: int
    name: str
    value: str


class Text:
    """One text, ready to be matched.

    `typed` is the text with exactly one blank on either side; `plain` is the same, character by character, with
    curly quotes as straight ones, all sorts of blanks as blanks, and JSON objects without braces in them. Expressions
    look at `plain`, values come from `typed`. `pairs` are those at the end, in order.

    Raises:
        TextTooLongError: the text has more than MAX_TEXT_BYTES.
        NoMatchError: the text is not Unicode (it holds half of a surrogate pair).
    """

    __slots__ = ("pairs", "plain", "typed")

    def __init__(self, text: str) -> None:
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            raise NoMatchError("this text holds half a character, as broken clients send; type it again") from None
        if size > MAX_TEXT_BYTES:
            raise TextTooLongError(size, MAX_TEXT_BYTES)
        self.typed = f" {text.strip()} "
        self.plain = _without_inner_braces(plain(self.typed))
        self.pairs = self._trailing_pairs() if "=" in self.plain else ()

    def _trailing_pairs(self) -> tuple[Pair, ...]:
        pairs: list[Pair] = []
        before = _BEFORE_PAIRS.match(self.plain)
        for word in islice(_PAIR.finditer(self.plain, before.end() if before else 0), MAX_PAIRS + 1):
            start, end = word.span(2)
            if self.plain[start] in QUOTES and end - start > 1 and self.plain[end - 1] == self.plain[start]:
                start, end = start + 1, end - 1
            pairs.append(Pair(word.start(), word[1], self.typed[start:end]))
        return tuple(pairs)

    def before(self, pair: int) -> str:
        """Return the plain text up to the pair with this index, or all of it when there is none."""
        return self.plain[: self.pairs[pair].start] + " " if pair < len(self.pairs) else self.plain

    def value(self, start: int, end: int) -> str:
        """Return what stands between two places, without blanks around it and without the quotes around all of it."""
        while start < end and self.plain[end - 1].isspace():
            end -= 1
        quoted = _QUOTED.fullmatch(self.plain, start, end) is not None
        return self.typed[start + quoted : end - quoted]


def plain(text: str) -> str:
    """Write curly quotes as straight ones and all sorts of blanks as blanks, character by character."""
    return text.translate(_PLAIN)


def _without_inner_braces(text: str) -> str:
    """Hide the braces in the first JSON objects, so that one in a string, as in `{"a": "}"}`, ends none of them."""
    start = 0
    for _ in range(_MOST_OBJECTS if '"' in text else 0):
        if not (begin := _BEGIN.search(text, start)):
            break
        start = begin.end()
        try:
            _, end = _JSON.raw_decode(text, begin.start())
        except (RecursionError, ValueError):
            continue
        text = text[:start] + text[start : end - 1].translate(_INNER) + text[end - 1 :]
        start = end
    return text
