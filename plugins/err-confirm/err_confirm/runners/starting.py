"""Start the process of a specification: as whom it says, with its variables, within its limits."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from err_confirm.runners.acting import process_environment, user_of
from err_confirm.runners.base import Context
from err_confirm.runners.launch import Launch
from err_confirm.runners.process import ProcessGroup


def started(
    spec: Mapping[str, Any], context: Context, *, argv: Sequence[str], cwd: str, stdin: bytes = b""
) -> ProcessGroup:
    """Start a process.

    Args:
        spec: what `render_process` has made, and more.
        context: of the run.
        argv: the program and its arguments.
        cwd: the folder.
        stdin: what it can read.

    Raises:
        StartError: it cannot be started.
    """
    return ProcessGroup(
        Launch(
            argv=argv,
            cwd=cwd,
            env=process_environment(spec, context.told),
            timeout=spec["timeout"],
            output_cap=spec["output_cap"],
            stdin=stdin,
            user=user_of(spec),
            tidy=context.tidy,
            keep=context.keep,
        )
    )


def called(
    spec: Mapping[str, Any], context: Context, *, program: Path, told: Mapping[str, Any], cwd: str
) -> ProcessGroup:
    """Start a program of ours that calls Python code of others, and is told what on its input. Raises StartError."""
    argv = [sys.executable, "-I", "-u", "-X", "utf8", str(program)]
    return started(spec, context, argv=argv, cwd=cwd, stdin=json.dumps(told).encode())
