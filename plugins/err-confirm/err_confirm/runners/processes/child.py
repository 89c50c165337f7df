"""Start one of our own programs: a file that runs alone and is told what to do on its standard input."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from err_confirm.runners.base import Context
from err_confirm.runners.processes.environment import CONSTANTS
from err_confirm.runners.processes.launch import Launch
from err_confirm.runners.processes.process import ProcessGroup

OUTGOING = Path(__file__).parents[2] / "outgoing"
ROOM_FOR_NOTE = 128
"""Bytes that are kept besides the body of an answer, for a note that it was cut."""


def child(program: str, told: Mapping[str, Any], spec: Mapping[str, Any], context: Context) -> ProcessGroup:
    """Start a program of `outgoing` within the limits of a specification; it has no environment. Raises StartError."""
    return ProcessGroup(
        Launch(
            argv=[sys.executable, "-I", "-S", "-u", "-X", "utf8", str(OUTGOING / program)],
            cwd="/",
            env=CONSTANTS,
            timeout=spec["timeout"],
            output_cap=spec["output_cap"] + ROOM_FOR_NOTE,
            stdin=json.dumps(told).encode(),
            tidy=context.tidy,
            keep=context.keep,
        )
    )
