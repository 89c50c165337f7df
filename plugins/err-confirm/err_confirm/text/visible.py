"""Show a text so that no two different texts look the same because of a character that cannot be seen."""

import json
import re
import unicodedata
from typing import Any

_HIDDEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Me", "Zl", "Zp", "Zs"})
"""Unicode categories: control, format, unassigned, private, surrogate, enclosing marks, separators, blanks."""

_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U00016fe4\U0001d159"
    "\U000e0100-\U000e01ef]"
)
"""Letters, marks and signs that show nothing: fillers, joiners, variation selectors, empty cells and note heads."""

_OVERLAY = 1
"""The combining class of marks that are struck through a letter (Unicode, section 4.3)."""
MOST_MARKS = 4
"""How many marks one letter may carry; more of them cover what stands around it."""

_ESCAPE = re.compile(r"\\(?=u[0-9a-f]{4}|U[0-9a-f]{8})")


def visible(text: str) -> str:
    r"""Return the text on one line, each hidden character as an escape such as `\u202e`.

    Escaped is also what hides others (marks that strike letters out, pile up or stand on no letter), and what looks
    the same as its canonical form: a letter and its accent as two characters, the Kelvin sign.

    Letters of every script stay as they are, and so does what is visible already: twice does no more than once.
    """
    if text.isascii() and text.isprintable():
        return text
    shown, cluster = list[str](), ""  # a cluster is a letter with its marks
    for char in text:
        is_mark = unicodedata.category(char) == "Mn"
        if _is_hidden(char) or (is_mark and not _carries(cluster)) or not _is_canonical(cluster + char):
            shown.append(escaped(char))
            cluster = ""
        else:
            shown.append(char)
            cluster = cluster + char if is_mark else char
    return "".join(shown)


def exact(text: str) -> str:
    r"""Return the visible text, a backslash that only seems to begin an escape as `\u005c`; no two are the same."""
    return visible(_ESCAPE.sub(r"\\u005c", text))


def exact_json(value: Any) -> str:
    """Return a JSON value as visible text; JSON doubles every backslash, so no two are the same."""
    return visible(json.dumps(value, ensure_ascii=False))


def writable(text: str) -> str:
    """Return a text without half characters, which chat, plugins and names of files may hold, and no store can keep."""
    return text.encode(errors="replace").decode()


def shortened(text: str, most: int) -> str:
    """Return a text of at most `most` characters; of a longer one the beginning, and a mark that it is no more."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def escaped(char: str) -> str:
    r"""Return a character as its escape, `\u202e`."""
    code = ord(char)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _is_hidden(char: str) -> bool:
    if char == " " or char.isascii():
        return not char.isprintable()
    return (
        unicodedata.category(char) in _HIDDEN
        or _BLANK.match(char) is not None
        or unicodedata.combining(char) == _OVERLAY
    )


def _carries(cluster: str) -> bool:
    """Tell whether one more mark may stand here: on a letter or a digit that has not too many."""
    return unicodedata.category(cluster[:1] or " ")[0] in "LNM" and len(cluster) <= MOST_MARKS


def _is_canonical(cluster: str) -> bool:
    return cluster.isascii() or unicodedata.is_normalized("NFC", cluster)
