"""Call a class of a StackStorm pack, in an interpreter of its own."""

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

SECRET = "ST2_SECRET_"  # noqa: S105 (it is a prefix)
"""How the variables begin that hold a secret parameter each: no argument, so that it is shown and kept nowhere."""
_CHILD = Path(__file__).with_name("class_child.py")


class ClassSettings(ProcessSettings):
    """What stands under `run:`."""

    python_class: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]*[.]py$")] = Field(
        description="a file of the actions folder with a subclass of StackStorm's Action; its method run is called"
    )


class ClassRunner:
    """Calls the method `run` of a class as StackStorm's runner python-script does."""

    key = "python_class"
    Settings: type[BaseModel] = ClassSettings

    def render(self, action: Action, render: Render, parameters: Mapping[str, Any]) -> Invocation:
        """Return the exact call. Raises TemplateError, or ParameterError for a value that JSON does not know."""
        settings = ClassSettings.model_validate(dict(action.run))
        base = os.path.abspath(action.base)
        secret = {name.removeprefix(SECRET) for name in settings.env if name.startswith(SECRET)}
        # As in StackStorm, a parameter without a value is None.
        arguments = {name: json_copy(name, parameters.get(name)) for name in action.parameters if name not in secret}
        return Invocation(
            runner=self.key,
            spec={
                "file": os.path.join(base, "actions", settings.python_class),
                "arguments": arguments,
                "config": os.path.join(base, f"{action.pack}.yaml"),
                "base": base,
                **render_process(settings, action, render),
            },
        )

    def describe(self, invocation: Invocation) -> str:
        """Return the call as it stands in a program, with its variables in front."""
        spec = invocation.spec
        arguments = ", ".join(f"{name}={exact_json(value)}" for name, value in spec["arguments"].items())
        file = os.path.relpath(spec["file"], spec["base"])
        return f"{exact(describe_acting(spec) + describe_environment(spec['env']) + file)}: run({arguments})"

    def start(self, invocation: Invocation, context: Context) -> Running:
        """Start it. Raises StartError."""
        spec = invocation.spec
        call = {**{key: spec[key] for key in ("file", "arguments", "config")}, "secret": SECRET}
        return called(spec, context, program=_CHILD, told=call, cwd=spec["base"])
