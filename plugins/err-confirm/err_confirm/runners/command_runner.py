"""Run a command: a list of arguments, handed over as they are, never read by a shell."""

import os
import shlex
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field

from err_confirm.errors import TemplateError
from err_confirm.model.files import Action
from err_confirm.model.runs import Invocation
from err_confirm.runners.base import Context, Render, Running, to_text
from err_confirm.runners.processes.acting import describe_acting
from err_confirm.runners.processes.environment import describe_environment
from err_confirm.runners.processes.settings import ProcessSettings
from err_confirm.runners.processes.starting import render_process, started
from err_confirm.text.visible import exact


class CommandSettings(ProcessSettings):
    """What stands under `run:`."""

    command: Annotated[list[str], Field(min_length=1)] = Field(
        description="the program and its arguments, each a template; a list as its value becomes several arguments"
    )
    cwd: str = Field(default=".", description="the folder to run in, a template, seen from the action's folder")


class CommandRunner:
    """Starts a program with a list of arguments."""

    key = "command"
    Settings: type[BaseModel] = CommandSettings

    def render(self, action: Action, render: Render, parameters: Mapping[str, Any]) -> Invocation:
        """Return the exact arguments, folder and variables. Raises TemplateError."""
        settings = CommandSettings.model_validate(dict(action.run))
        base = os.path.abspath(action.base)
        argv = [text for template in settings.command for text in _arguments(render(template), template)]
        if not argv or not argv[0]:
            raise TemplateError(f'the command of action "{action.name}" has no program; its first argument is empty')
        cwd = to_text(render(settings.cwd), "cwd")
        if not cwd:
            raise TemplateError(f'the cwd of action "{action.name}" is empty; say "." for its own folder')
        return Invocation(
            runner=self.key,
            spec={
                "argv": argv,
                "cwd": os.path.abspath(os.path.join(base, cwd)),
                "base": base,
                **render_process(settings, action, render),
            },
        )

    def describe(self, invocation: Invocation) -> str:
        """Return the command as typed in a terminal, with its folder and variables where it has some of its own."""
        spec = invocation.spec
        program, *arguments = spec["argv"]
        words = shlex.join(arguments)
        return exact(
            describe_acting(spec)
            + _describe_folder(spec["cwd"], spec["base"])
            + describe_environment(spec["env"])
            + _quote_program(program)
            + (f" {words}" if words else "")
        )

    def start(self, invocation: Invocation, context: Context) -> Running:
        """Start it. Raises StartError."""
        spec = invocation.spec
        return started(spec, context, argv=spec["argv"], cwd=spec["cwd"])


def _arguments(value: Any, template: str) -> list[str]:
    values = value if isinstance(value, list | tuple) else [value]
    return [to_text(item, f"the argument {template!r}") for item in values]


def _describe_folder(cwd: str, base: str) -> str:
    if cwd == base:
        return ""
    below = os.path.relpath(cwd, base)
    return f"cd {shlex.quote(cwd if below.startswith('..') else below)} && "


def _quote_program(program: str) -> str:
    """Return the program so that it cannot be taken for a variable set in front of one, or for `as` somebody."""
    quoted = shlex.quote(program)
    return f"'{program}'" if quoted == program and ("=" in program or program == "as") else quoted
