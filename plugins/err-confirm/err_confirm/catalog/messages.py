"""Say in plain words what is wrong with a value in a file."""

import re
from collections.abc import Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from err_confirm.catalog.problem import Problem, Severity
from err_confirm.catalog.yaml_source import Document
from err_confirm.text.spelling import did_you_mean

_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": 'a mapping (lines of "key: value")',
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "list_type": 'a list ([a, b], or lines of "- a")',
    "model_type": 'a mapping (lines of "key: value")',
    "string_type": "text",
}
"""What pydantic wanted, by the type of its error."""

_BOUNDS = {
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must not be empty",
    "too_long": "must have at most {max_length:,} items",
    "too_short": "must not be empty",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "string_pattern_mismatch": "must match {pattern}",
}


def problems(
    error: ValidationError, model: type[BaseModel], document: Document, under: tuple[str | int, ...] = ()
) -> list[Problem]:
    """Return one problem for each thing that is wrong, at its line; what is missing, maybe by a slip, comes last.

    Args:
        error: what pydantic found.
        model: what the value was checked against.
        document: the file.
        under: where in the file the value stands that was checked.
    """
    return [
        Problem(
            document.source((*under, *details["loc"])),
            message(details, model, document.quotes((*under, *details["loc"]))),
            Severity.ERROR,
        )
        for details in sorted(error.errors(include_url=False), key=lambda details: details["type"] == "missing")
    ]


def message(details: ErrorDetails, model: Any, quotes: str = "") -> str:
    """Return a sentence about one error; `quotes` is the hint for a value that should have been text."""
    kind, location, context = details["type"], details["loc"], details.get("ctx", {})
    name = _name(location)
    if kind == "value_error":
        return str(context["error"])
    if kind == "extra_forbidden":
        key = str(location[-1])
        return f'unknown key "{key}"{did_you_mean(key, _keys(model, location))}'
    if kind == "missing":
        return f"{name} is missing"
    if kind in _BOUNDS:
        return f"{name} {_BOUNDS[kind].format(**context)}"
    must = f"must be {_EXPECTED[kind]}" if kind in _EXPECTED else re.sub(r"^.*?should", "must", details["msg"])
    if kind == "string_type" and quotes:
        return f"{name} {must}{quotes}"
    divided = (
        '; text with ": " in it is put in quotes'
        if kind == "string_type" and isinstance(details["input"], dict)
        else ""
    )
    return f"{name} {must}, not {_shown(details['input'])}{divided}"


def _name(location: Sequence[str | int]) -> str:
    match location:
        case [*_, str(key), int(index)]:
            return f'item {index + 1} of "{key}"'
        case [*_, key]:
            return f'"{key}"'
        case _:
            return "it"


def _shown(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            text = str(value)
            return f'"{text if len(text) <= 40 else text[:37] + "..."}"'


def _keys(annotation: Any, location: Sequence[str | int]) -> list[str]:
    """Return the keys that are known where the last step of a location was taken."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = {field.alias or name: field.annotation for name, field in annotation.model_fields.items()}
        if len(location) == 1:
            return list(fields)
        return _keys(fields.get(str(location[0])), location[1:])
    for argument in get_args(annotation):
        for rest in (location, location[1:]):
            if rest and (keys := _keys(argument, rest)):
                return keys
    return []
