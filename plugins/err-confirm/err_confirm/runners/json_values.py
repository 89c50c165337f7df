"""Work on JSON values: change each text in one, write one down, take one from outside."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from err_confirm.errors import ParameterError, TemplateError


def with_texts(value: Any, change: Callable[[str], Any]) -> Any:
    """Return a value with each of its texts changed, at any depth; names of keys stay."""
    match value:
        case str():
            return change(value)
        case Mapping():
            return {str(key): with_texts(item, change) for key, item in value.items()}
        case list() | tuple():
            return [with_texts(item, change) for item in value]
    return value


def to_json(value: Any) -> str:
    """Return a rendered value as JSON. Raises TemplateError for what JSON does not know."""
    try:
        return _written(value)
    except (TypeError, ValueError) as error:
        raise TemplateError(f"it cannot be written as JSON ({error}); leave it out") from error


def json_copy(name: str, value: Any) -> Any:
    """Return the value of a parameter as JSON has it. Raises ParameterError for what JSON does not know."""
    try:
        return json.loads(_written(value))
    except (TypeError, ValueError) as error:
        raise ParameterError(name, f"cannot be handed on as JSON ({error}); leave it out") from error


def _written(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    text.encode()  # half a character, such as \ud800 alone, can be neither kept nor sent
    return text
