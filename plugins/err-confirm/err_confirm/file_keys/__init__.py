"""What the keys of all YAML files have in common: none that is unknown, and how lengths of time and lists are said."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema, model_validator

from err_confirm.durations import PATTERN, parse_duration
from err_confirm.file_keys.sentences import described

Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": f"(?=.*[1-9]){PATTERN}"}, {"type": "number", "exclusiveMinimum": 0}]},
        mode="validation",
    ),
]
"""A length of time in a YAML file; in Python it is seconds."""


class Keys(BaseModel):
    """Keys of a file, and no others."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True, json_schema_extra=described)


class Entry(Keys):
    """Keys of which each that is there has a value."""

    @model_validator(mode="before")
    @classmethod
    def _nothing_empty(cls, value: Any) -> Any:
        if isinstance(value, dict) and (empty := [str(key) for key, item in value.items() if item is None]):
            raise ValueError(f"{empty[0]} has no value; write one, or remove the key")
        return value


def as_list(value: Any) -> Any:
    """Take one value for a list of one."""
    return value if isinstance(value, list | dict) else [value]
