"""Read what somebody typed as a value of a type, and tell which texts are safe as they are.

Everything here raises ValueError with the end of a sentence that begins with the parameter's name.
"""

import json
import math
import re
import unicodedata
from collections.abc import Callable
from typing import Any

from err_confirm.model.files import ParameterType

_WORD = re.compile(r"(?:[^\W\u115f\u1160\u3164\uffa0]|[.:/@%+,=-])+")
"""Letters and digits of every script but the four fillers, which show nothing, and marks that no shell reads."""

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?")
_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_DEEPEST = 20


def parse(text: str, type_: ParameterType) -> Any:
    """Return the value of a type that a text stands for; text stays as it is."""
    return _PARSERS[type_](text)


def check_word(text: str) -> None:
    """Refuse a text that is more than one plain word."""
    if not _WORD.fullmatch(text):
        raise ValueError("must be one word of letters, digits and . _ - : / @ % + , =")


def check_text(value: Any) -> None:
    """Refuse a text that no process or terminal should get, also inside a list or a mapping."""
    if isinstance(value, str):
        for character in value:
            if character not in "\n\t" and unicodedata.category(character) in ("Cc", "Cs"):
                raise ValueError(f"has the control character U+{ord(character):04X}; leave it out")
    elif isinstance(value, list):
        for item in value:
            check_text(item)
    elif isinstance(value, dict):
        check_text([*value, *value.values()])


def check_type(value: Any, type_: ParameterType) -> None:
    """Refuse a value of another type. A list holds texts, numbers and booleans."""
    if not _FITS[type_](value):
        raise ValueError(f"must be {_SHOULD[type_]}")


def _parse_integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"must be {_SHOULD[ParameterType.INTEGER]}")
    return int(text)


def _parse_number(text: str) -> int | float:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"must be {_SHOULD[ParameterType.NUMBER]}")
    return float(text) if "." in text else int(text)


def _parse_boolean(text: str) -> bool:
    value = _BOOLEANS.get(text.lower())
    if value is None:
        raise ValueError("must be true or false (also yes, no, on, off)")
    return value


def _parse_array(text: str) -> list[Any]:
    if text.lstrip().startswith("["):
        return list(_parse_json(text, ParameterType.ARRAY))
    items = [item.strip() for item in text.split(",")]
    if not all(items):
        raise ValueError("has an empty item; write words divided by commas, or a JSON list")
    return items


def _parse_object(text: str) -> dict[str, Any]:
    return dict(_parse_json(text, ParameterType.OBJECT))


def _parse_json(text: str, type_: ParameterType) -> Any:
    try:
        value = json.loads(text, object_pairs_hook=_distinct, parse_float=_finite, parse_constant=_finite)
        _check_depth(value)
    except json.JSONDecodeError as error:
        raise ValueError(f"must be {_SHOULD[type_]} ({error.msg} at character {error.pos + 1})") from error
    except RecursionError as error:
        raise ValueError("must be JSON (it is nested too deeply)") from error
    except ValueError as error:
        raise ValueError(f"must be JSON ({error})") from error
    check_type(value, type_)
    return value


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key is in it twice")
    return result


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no number")
    return value


def _check_depth(value: Any, depth: int = 0) -> None:
    if depth > _DEEPEST:
        raise ValueError("it is nested too deeply")
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _check_depth(item, depth + 1)


def _is_number(value: Any) -> bool:
    return type(value) is int or (isinstance(value, float) and math.isfinite(value))


_PARSERS: dict[ParameterType, Callable[[str], Any]] = {
    ParameterType.STRING: str,
    ParameterType.INTEGER: _parse_integer,
    ParameterType.NUMBER: _parse_number,
    ParameterType.BOOLEAN: _parse_boolean,
    ParameterType.ARRAY: _parse_array,
    ParameterType.OBJECT: _parse_object,
}
_FITS: dict[ParameterType, Callable[[Any], bool]] = {
    ParameterType.STRING: lambda value: isinstance(value, str),
    ParameterType.INTEGER: lambda value: type(value) is int,
    ParameterType.NUMBER: _is_number,
    ParameterType.BOOLEAN: lambda value: isinstance(value, bool),
    ParameterType.ARRAY: lambda value: (
        isinstance(value, list) and all(isinstance(item, str | bool) or _is_number(item) for item in value)
    ),
    ParameterType.OBJECT: lambda value: isinstance(value, dict),
}
_SHOULD = {
    ParameterType.STRING: "text",
    ParameterType.INTEGER: "a whole number, such as 3, of at most 18 digits",
    ParameterType.NUMBER: "a number, such as 3 or 0.5, of at most 18 digits",
    ParameterType.BOOLEAN: "true or false",
    ParameterType.ARRAY: 'a list of words or numbers, such as a,b or ["a", "b"]',
    ParameterType.OBJECT: 'a JSON object, such as {"key": 1}',
}
