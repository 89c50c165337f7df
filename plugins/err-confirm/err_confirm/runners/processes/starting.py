"""Specify a process, and start it later: as whom, with which variables, within which limits."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from err_confirm.errors import TemplateError
from err_confirm.model.files import Action
from err_confirm.runners.base import Context, Render
from err_confirm.runners.processes.acting import ProfileEntry, process_environment, user_of
from err_confirm.runners.processes.environment import is_secret, render_environment
from err_confirm.runners.processes.launch import Launch
from err_confirm.runners.processes.process import ProcessGroup
from err_confirm.runners.processes.settings import ProcessSettings


def render_process(settings: ProcessSettings, action: Action, render: Render) -> dict[str, Any]:
    """Return what the specification of a process has besides the thing to run. Raises TemplateError."""
    spec: dict[str, Any] = {
        "env": render_environment(settings.env, action, render),
        "timeout": settings.timeout,
        "output_cap": settings.output_cap,
    }
    acting = settings.run_as
    if isinstance(acting, ProfileEntry):
        profile = action.profiles.get(acting.profile)
        if profile is None:
            raise TemplateError(f'there is no profile "{acting.profile}"; name it in CONFIRM_PROFILES')
        spec["env"] |= {name: {"secret": value} if is_secret(value) else value for name, value in profile.env.items()}
        spec["as"] = {"user": profile.user, "profile": acting.profile}
    elif acting:
        spec["as"] = {"user": acting, "profile": ""}
    return spec


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
