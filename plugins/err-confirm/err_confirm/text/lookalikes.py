r"""Find words whose letters may be taken for other letters, as in `p\u0430ypal`, which has a Cyrillic one."""

import unicodedata
from collections.abc import Iterator
from itertools import groupby

from err_confirm.text.visible import escaped

_EAST_ASIAN = frozenset({"BOPOMOFO", "CJK", "HANGUL", "HIRAGANA", "IDEOGRAPHIC", "KATAKANA", "KATAKANA-HIRAGANA"})
"""Scripts that one word mixes, also with Latin letters (https://www.unicode.org/reports/tr39/#Restriction_Level)."""

_LIKE_LATIN = frozenset("АВЕЅІЈКМНОРСТУХԌԚԜаеѕіјорсухһԁԛԝӏΑΒΕΖΗΙΚΜΝΟΡΤΥΧανικορυχϲϳ")
"""Cyrillic and Greek letters that a Latin letter looks like."""


def lookalikes(text: str) -> list[str]:
    r"""Return the words of a text that mix scripts or only seem to be Latin, once each, as `p\u0430ypal`."""
    return [] if text.isascii() else list(dict.fromkeys(_named(word) for word in _words(text) if _is_doubtful(word)))


def _words(text: str) -> Iterator[str]:
    """Yield the words; a mark belongs to the letter before it."""
    letters = (char for char in text if unicodedata.category(char)[0] != "M")
    for within, word in groupby(letters, lambda char: char.isalnum() or _is_variant(char)):
        if within:
            yield "".join(word)


def _is_doubtful(word: str) -> bool:
    if word.isascii():
        return False
    letters = [char for char in word if not (char.isascii() and char.isdigit())]
    scripts = {_script(char) for char in letters}
    if len(scripts) > 1 and not scripts <= _EAST_ASIAN | {"LATIN"}:
        return True
    return all(char in _LIKE_LATIN for char in letters) or any(_is_variant(char) for char in letters)


def _script(char: str) -> str:
    return unicodedata.name(char, "?").partition(" ")[0]


def _is_variant(char: str) -> bool:
    """Tell whether a character is another form of a plain letter or digit: a full-width or mathematical one."""
    plain = unicodedata.normalize("NFKC", char)
    return plain != char and plain.isascii() and plain.isalnum()


def _named(word: str) -> str:
    return "".join(char if char.isascii() else escaped(char) for char in word)
