"""Show a text so that no two different texts look the same because a character cannot be seen."""

import json
import re
import unicodedata
from typing import Any

_HIDDEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})
"""Unicode categories: control, format, unassigned, private, surrogate, separators, blanks."""

_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks that show nothing: fillers, joiners, variation selectors, the empty braille cell."""

_ESCAPE = re.compile(r"\\(?=u[0-9a-f]{4}|U[0-9a-f]{8})")


def visible(text: str) -> str:
    r"""Return the text on one line, each hidden character as an escape such as `\u202e`.

    Letters of every script stay as they are, and so does what is visible already: twice does no more than once.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(char) if _is_hidden(char) else char for char in text)


def exact(text: str) -> str:
    r"""Return the visible text, a backslash that only seems to begin an escape as `\u005c`; no two are the same."""
    return visible(_ESCAPE.sub(r"\\u005c", text))


def exact_json(value: Any) -> str:
    """Return a JSON value as visible text; JSON doubles every backslash, so no two are the same."""
    return visible(json.dumps(value, ensure_ascii=False))


def _is_hidden(char: str) -> bool:
    return char != " " and (unicodedata.category(char) in _HIDDEN or _BLANK.match(char) is not None)


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
