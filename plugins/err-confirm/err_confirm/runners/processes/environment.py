"""Hold what a process sees of the world: two constants, and what its action names, nothing of the bot's own.

A value is a template, or a reference to a secret: `env:NAME` (a variable of the bot) or `file:PATH`. A reference is
stored and shown as `{"secret": "env:NAME"}`, apart from text, so that no value typed in chat can become one.
"""

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from err_confirm.errors import StartError
from err_confirm.model.files import Action
from err_confirm.runners.base import Render, to_text

CONSTANTS = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
}
"""Set for every process unless its action names them; never taken from the bot."""


def check_environment(env: dict[str, str]) -> dict[str, str]:
    """Return `env` if its names and its references to secrets are sound; else raise ValueError."""
    for name, value in env.items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise ValueError(f'"{name}" cannot name a variable; use letters, digits and _')
        check_secret(name, value)
    return env


def check_secret(name: str, value: str) -> None:
    """Raise ValueError if a value is meant as a secret and names no fixed one."""
    if is_secret(value) and (re.search(r"\{[{%#]", value) or not value.partition(":")[2]):
        raise ValueError(f'"{value}" for {name} is not one fixed secret; say env:NAME or file:PATH')


def render_environment(env: Mapping[str, str], action: Action, render: Render) -> dict[str, Any]:
    """Return each value as text, or as a reference that stays one. Raises TemplateError."""
    return {name: render_setting(f"env {name}", value, action, render) for name, value in env.items()}


def render_setting(where: str, value: str, action: Action, render: Render) -> str | dict[str, str]:
    """Return one value as text, or as a reference that stays one. Raises TemplateError, naming `where`."""
    return {"secret": absolute(value, action.base)} if is_secret(value) else to_text(render(value), where)


def describe_environment(env: Mapping[str, Any]) -> str:
    """Return the variables as they are typed before a command; a secret stands in `<>` as its reference."""
    return "".join(f"{name}={_describe(value)} " for name, value in sorted(env.items()))


def resolve_environment(env: Mapping[str, Any], told: Mapping[str, str]) -> dict[str, str]:
    """Return all variables of the process, the secrets read now. Raises StartError for one that is missing.

    Args:
        env: what the action names, as it was rendered.
        told: what every run is told; a variable that the action names wins.
    """
    return {**CONSTANTS, **told, **{name: resolve_setting(name, value) for name, value in env.items()}}


def resolve_setting(name: str, value: str | Mapping[str, str]) -> str:
    """Return one value, a secret read now. Raises StartError if that is missing."""
    return value if isinstance(value, str) else _read_secret(name, value["secret"])


def is_secret(value: str) -> bool:
    """Tell whether a value of a file is meant as a reference to a secret."""
    return value.startswith(("env:", "file:"))


def absolute(value: str, base: Path) -> str:
    """Return a reference to a secret that means the same wherever it is read."""
    kind, _, path = value.partition(":")
    return f"file:{os.path.abspath(base / path)}" if kind == "file" else value


def _describe(value: str | Mapping[str, str]) -> str:
    return shlex.quote(value) if isinstance(value, str) else f"<{shlex.quote(value['secret'])}>"


def _read_secret(name: str, reference: str) -> str:
    kind, _, where = reference.partition(":")
    needed = f"{name} needs the secret {reference}, which"
    try:
        secret = os.environ[where] if kind == "env" else Path(where).read_text("utf-8").rstrip("\r\n")
    except KeyError:
        raise StartError(f"{needed} the bot's environment does not have; set it there") from None
    except OSError as error:
        raise StartError(f"{needed} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise StartError(f"{needed} is not UTF-8 text") from None
    if "\0" in secret:
        raise StartError(f"{needed} contains a zero byte")
    return secret
