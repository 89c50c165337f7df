"""Let StackStorm run one of its actions, and follow it there to its end."""

import os
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field

from err_confirm.model.files import Action
from err_confirm.model.runs import Invocation
from err_confirm.outgoing.destination import read_url
from err_confirm.runners.base import Context, Render, Running
from err_confirm.runners.http_settings import check_header
from err_confirm.runners.json_values import to_json, with_texts
from err_confirm.runners.processes.child import child
from err_confirm.runners.processes.environment import check_secret, is_secret, render_setting, resolve_setting
from err_confirm.runners.processes.settings import LimitSettings
from err_confirm.text.visible import exact, exact_json


def _check_url(url: str) -> str:
    try:
        destination = read_url(url)
    except ValueError as error:
        raise ValueError(f"the url cannot be used: {error}") from None
    if "?" in destination.target:
        raise ValueError("the url cannot be used: that of an API has no ?")
    return url.rstrip("/")


def _check_key(key: str) -> str:
    check_secret("key", key)
    if not is_secret(key):
        raise ValueError('"key" is a secret: say env:NAME or file:PATH, where the API key is')
    return key


class StackStormSettings(LimitSettings):
    """What stands under `run:`."""

    stackstorm: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_.-]+$")] = Field(
        description="pack.action, as StackStorm calls it"
    )
    parameters: dict[str, Any] = Field(default={}, description="its parameters; each text in them is a template")
    url: Annotated[str, AfterValidator(_check_url)] = Field(
        description="where StackStorm's API is, such as https://st2.example/api; no template"
    )
    key: Annotated[str, AfterValidator(_check_key)] = Field(description="an API key, as env:NAME or file:PATH")
    ca: str = Field(default="", description="a file of certificates to trust instead of the system's")


class StackStormRunner:
    """Starts an execution of StackStorm; its result is the output."""

    key = "stackstorm"
    Settings: type[BaseModel] = StackStormSettings

    def render(self, action: Action, render: Render, parameters: Mapping[str, Any]) -> Invocation:
        """Return the exact action and parameters. Raises TemplateError."""
        settings = StackStormSettings.model_validate(dict(action.run))
        told = with_texts(settings.parameters, render)
        to_json(told)
        return Invocation(
            runner=self.key,
            spec={
                "action": settings.stackstorm,
                "parameters": told,
                "url": settings.url,
                "key": render_setting("key", settings.key, action, render),
                "ca": os.path.abspath(action.base / settings.ca) if settings.ca else "",
                "timeout": settings.timeout,
                "output_cap": settings.output_cap,
            },
        )

    def describe(self, invocation: Invocation) -> str:
        """Return the action with its parameters, as `st2 run` takes them, and whose it is."""
        spec = invocation.spec
        words = [spec["action"], *(f"{_name(name)}={exact_json(value)}" for name, value in spec["parameters"].items())]
        return f"st2 run {' '.join(words)} at {exact(spec['url'])} as <{exact(spec['key']['secret'])}>"

    def start(self, invocation: Invocation, context: Context) -> Running:
        """Start it. Raises StartError."""
        spec = invocation.spec
        key = resolve_setting("key", spec["key"])
        check_header("St2-Api-Key", key)
        told = {
            **{name: spec[name] for name in ("action", "parameters", "url", "ca")},
            "hosts": [read_url(spec["url"]).host],  # it is written in a file, so it may be an inner one
            "key": key,
            "tag": "-".join(context.told[name] for name in ("CONFIRM_ID", "CONFIRM_FENCE") if name in context.told),
        }
        return child("stackstorm_child.py", told, spec, context)


def _name(name: str) -> str:
    return name if name.isidentifier() else exact_json(name)
