"""Let a key of a YAML file be a length of time; apart from `durations`, which needs no pydantic."""

from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from err_confirm.durations import PATTERN, parse_duration

Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": f"(?=.*[1-9]){PATTERN}"}, {"type": "number", "exclusiveMinimum": 0}]},
        mode="validation",
    ),
]
"""A length of time in a YAML file; in Python it is seconds."""
