"""Say what every action that starts a process may set besides the thing to run."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from err_confirm.file_keys import Duration, Keys
from err_confirm.runners.processes.acting import RunAs
from err_confirm.runners.processes.environment import check_environment

_UNITS = {"": 1, "B": 1, "KiB": 1_024, "MiB": 1_048_576}
_PATTERN = r"^([0-9]{1,9})(B|KiB|MiB)?$"
LONGEST_RUN = 86_400
"""The most seconds of a `timeout`."""
LARGEST_OUTPUT = 1_048_576
"""The most bytes of an `output_cap`."""


def parse_size(value: str | int) -> int:
    """Return a size in bytes; a number counts bytes. Raises ValueError for anything else."""
    match = re.fullmatch(_PATTERN, str(value))
    if match is None or isinstance(value, bool):
        raise ValueError(f"{value!r} is not a size; say it like 4096, 64KiB or 1MiB")
    return int(match[1]) * _UNITS[match[2] or ""]


Size = Annotated[
    int,
    BeforeValidator(parse_size),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": f"(?=.*[1-9]){_PATTERN}"}, {"type": "integer", "minimum": 1}]},
        mode="validation",
    ),
]
"""A number of bytes in a YAML file: `4096`, `64KiB`, `1MiB`."""


def _check_timeout(seconds: float) -> float:
    if seconds > LONGEST_RUN:
        raise ValueError('"timeout" must be at most 1d')
    return seconds


def _check_output_cap(size: int) -> int:
    if not 1 <= size <= LARGEST_OUTPUT:
        raise ValueError('"output_cap" must be at least 1 and at most 1MiB')
    return size


class LimitSettings(Keys):
    """The keys under `run:` that bound what runs."""

    timeout: Annotated[Duration, AfterValidator(_check_timeout)] = Field(
        default=300.0, description="when to stop it, such as 30s or 5m; at most 1d"
    )
    output_cap: Annotated[Size, AfterValidator(_check_output_cap)] = Field(
        default=65_536, description="how much of the end of its output is kept, such as 64KiB; at most 1MiB"
    )


class ProcessSettings(LimitSettings):
    """The keys under `run:` that all runners share which start somebody's program."""

    env: Annotated[dict[str, str], AfterValidator(check_environment)] = Field(
        default={}, description="variables for the process: templates, or secrets as env:NAME or file:PATH"
    )
    run_as: RunAs | None = Field(
        default=None, alias="as", description="the OS user as whom it runs, or a profile: {profile: NAME}"
    )
