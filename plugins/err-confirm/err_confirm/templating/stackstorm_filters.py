"""Filters that StackStorm has beside Jinja's, as its packs' alias files use them; expressions are RE2's."""

import json
import posixpath
from functools import lru_cache
from typing import Any

import re2

from err_confirm.templating.budget import spend

_LONGEST_EXPRESSION = 500
_SHARE = 64
"""How many instructions of an expression cost as much, for each character that it looks at, as one that is made."""
_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def regex_match(value: Any, pattern: str, ignorecase: bool = False) -> bool:
    """Tell whether a text begins as an expression says."""
    return _search(rf"\A(?:{pattern})", str(value), ignorecase) is not None


def regex_search(value: Any, pattern: str, ignorecase: bool = False) -> bool:
    """Tell whether an expression is found in a text."""
    return _search(pattern, str(value), ignorecase) is not None


def regex_substring(value: Any, pattern: str, result_index: int = 0, ignorecase: bool = False) -> Any:
    """Return what an expression finds in a text, the first or another place: its group, if it has one, or all."""
    return _compiled(pattern, str(value), ignorecase).findall(str(value))[result_index]


def regex_replace(value: Any, pattern: str, replacement: str, ignorecase: bool = False) -> str:
    """Replace each place that an expression finds; `\\1` in the replacement is its first group."""

    def replaced(match: "re2._Match") -> str:
        text: str = match.expand(replacement)
        spend(len(text))
        return text

    text: str = _compiled(pattern, str(value), ignorecase).sub(replaced, str(value))
    return text


def to_human_time_from_seconds(seconds: float) -> str:
    """Return a length of time such as `1h3m5s`."""
    left, parts = round(seconds), list[str]()
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count or parts or unit == "s":
            parts.append(f"{count}{unit}")
    return "".join(parts)


def basename(path: Any) -> str:
    """Return the last part of a path."""
    return posixpath.basename(str(path))


def dirname(path: Any) -> str:
    """Return a path without its last part."""
    return posixpath.dirname(str(path))


def path_join(parts: list[Any]) -> str:
    """Join the parts of a path."""
    return posixpath.join(*map(str, parts))


def use_none(value: Any) -> Any:
    """Return a value as it is: there, a mark stands for none; here, none is none."""
    return value


def to_complex(value: Any) -> str:
    """Return a value as JSON."""
    return json.dumps(value, ensure_ascii=False)


def json_escape(value: Any) -> str:
    """Return a text as it stands between the quotes of JSON."""
    return json.dumps(str(value), ensure_ascii=False)[1:-1]


def from_json_string(value: str) -> Any:
    """Return the value that a text is the JSON of."""
    return json.loads(value)


def _search(pattern: str, text: str, ignorecase: bool) -> Any:
    return _compiled(pattern, text, ignorecase).search(text)


def _compiled(pattern: str, text: str, ignorecase: bool) -> "re2._Regexp":
    """Compile an expression, and pay for what it is about to look at."""
    expression = _expression(pattern, ignorecase)
    spend(len(text) * expression.programsize // _SHARE)
    return expression


@lru_cache(maxsize=128)
def _expression(pattern: str, ignorecase: bool) -> "re2._Regexp":
    if len(pattern) > _LONGEST_EXPRESSION:
        raise ValueError(f"an expression has at most {_LONGEST_EXPRESSION} characters")
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not ignorecase
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise ValueError(f"an expression cannot be understood: {error.args[0].decode(errors='replace')}") from None
