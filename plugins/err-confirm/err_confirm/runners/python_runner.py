"""Run a Python function of an `actions/` folder, in an interpreter of its own."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field

from err_confirm.model.files import Action
from err_confirm.model.runs import Invocation
from err_confirm.runners.base import Context, Render, Running
from err_confirm.runners.json_values import json_copy
from err_confirm.runners.processes.acting import describe_acting
from err_confirm.runners.processes.environment import describe_environment
from err_confirm.runners.processes.settings import ProcessSettings
from err_confirm.runners.processes.starting import called, render_process
from err_confirm.text.visible import exact, exact_json

_CHILD = Path(__file__).with_name("python_child.py")


class PythonSettings(ProcessSettings):
    """What stands under `run:`."""

    python: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")] = Field(
        description="module:function, seen from the actions folder; the parameters are its keyword arguments"
    )


class PythonRunner:
    """Calls a function; what it prints and what it returns is the output."""

    key = "python"
    Settings: type[BaseModel] = PythonSettings

    def render(self, action: Action, render: Render, parameters: Mapping[str, Any]) -> Invocation:
        """Return the exact call. Raises TemplateError, or ParameterError for a value that JSON does not know."""
        settings = PythonSettings.model_validate(dict(action.run))
        base = os.path.abspath(action.base)
        return Invocation(
            runner=self.key,
            spec={
                "python": settings.python,
                "arguments": {name: json_copy(name, value) for name, value in parameters.items()},
                "path": [os.path.join(base, "actions")],
                "cwd": base,
                **render_process(settings, action, render),
            },
        )

    def describe(self, invocation: Invocation) -> str:
        """Return the call as it stands in a program, with its variables in front."""
        spec = invocation.spec
        arguments = ", ".join(
            f"{name if name.isidentifier() else exact_json(name)}={exact_json(value)}"
            for name, value in spec["arguments"].items()
        )
        return f"{exact(describe_acting(spec) + describe_environment(spec['env']))}{spec['python']}({arguments})"

    def start(self, invocation: Invocation, context: Context) -> Running:
        """Start it. Raises StartError."""
        spec = invocation.spec
        call = {key: spec[key] for key in ("python", "arguments", "path")}
        return called(spec, context, program=_CHILD, told=call, cwd=spec["cwd"])
