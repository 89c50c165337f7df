"""Say as whom a process runs: an OS user, or a profile of the settings with its user and its credentials."""

import pwd
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from err_confirm.file_keys import Keys
from err_confirm.model.files import Profile
from err_confirm.runners.processes.environment import absolute, check_environment, is_secret, resolve_environment

_USER = r"^[A-Za-z_][A-Za-z0-9_.-]*\$?$"


class ProfileEntry(Keys):
    """What stands under `as:` where it is no user."""

    profile: Annotated[str, Field(min_length=1)] = Field(description="a profile of the setting CONFIRM_PROFILES")


def _check(given: Any) -> Any:
    """Return what stands under `as:`, if it is one of both; else raise one error instead of one for each."""
    name = given.get("profile") if isinstance(given, dict) and len(given) == 1 else None
    if isinstance(given, str) and re.fullmatch(_USER, given):
        return given
    if isinstance(name, str) and name:
        return given
    raise ValueError('"as" is the name of an OS user, or {profile: NAME}; neither is a template')


RunAs = Annotated[Annotated[str, Field(pattern=_USER)] | ProfileEntry, BeforeValidator(_check)]
"""The name of an OS user, or of a profile; both are fixed in the file."""


def read_profile(given: Any) -> Profile:
    """Return the profile that a setting describes. Raises ValueError."""
    if not isinstance(given, dict) or not given.keys() <= {"user", "env"} or not given:
        raise ValueError('a profile is like {"user": "deploy", "env": {"AWS_PROFILE": "prod"}}')
    user, env = given.get("user", ""), given.get("env", {})
    if not isinstance(user, str) or (user and not re.fullmatch(_USER, user)):
        raise ValueError(f"{user!r} is no name of a user")
    if not isinstance(env, dict) or not all(isinstance(each, str) for pair in env.items() for each in pair):
        raise ValueError('"env" is a dict of texts')
    env = {name: absolute(value, Path.cwd()) if is_secret(value) else value for name, value in env.items()}
    return Profile(user=user, env=check_environment(env))


def describe_acting(spec: Mapping[str, Any]) -> str:
    """Return as whom it runs, as it stands before a command; nothing where that is the bot's own user."""
    acting = spec.get("as")
    if acting is None:
        return ""
    user, profile = acting["user"], acting["profile"]
    if not profile:
        return f"as {user}: "
    return f"as profile {profile}{f' (user {user})' if user else ''}: "


def user_of(spec: Mapping[str, Any]) -> str:
    """Return the OS user, empty for the bot's own."""
    return str(spec.get("as", {}).get("user", ""))


def process_environment(spec: Mapping[str, Any], told: Mapping[str, str]) -> dict[str, str]:
    """Return all variables of a process, with where somebody else is at home. Raises StartError."""
    user, home = user_of(spec), {}
    with suppress(KeyError):  # that there is no such user, the start says
        if user:
            home = {"HOME": pwd.getpwnam(user).pw_dir, "USER": user, "LOGNAME": user}
    return resolve_environment(spec["env"], {**home, **told})
