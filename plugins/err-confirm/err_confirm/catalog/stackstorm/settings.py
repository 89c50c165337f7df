"""Read the parameters that StackStorm's runners have themselves: they are fixed here, whatever they allow there."""

from collections.abc import Collection
from typing import Any

from err_confirm.catalog.stackstorm.metadata import MetadataFile
from err_confirm.catalog.stackstorm.not_run import NotRunError
from err_confirm.templating import templates

COMMON = frozenset({"env", "timeout", "debug", "content_version", "log_level"})
SHELL = COMMON | {"cwd", "kwarg_op", "sudo", "sudo_password"}
_SUDO = 'write an action file with run: {command: ["sudo", "-n", "--", …]}'


def value(file: MetadataFile, name: str, default: Any = None) -> Any:
    """Return the value that a runner's parameter has."""
    parameter = file.parameters.get(name)
    return default if parameter is None or parameter.default is None else parameter.default


def process(file: MetadataFile, usual_timeout: int) -> dict[str, Any]:
    """Return what stands under `run:` about the process. Raises NotRunError.

    Args:
        file: the metadata.
        usual_timeout: in seconds, of the runner.
    """
    for name in ("sudo", "sudo_password"):
        if value(file, name):
            raise NotRunError(("parameters", name), f"it would be run by another user; {_SUDO}")
    if value(file, "content_version"):
        raise NotRunError(("parameters", "content_version"), "it wants an older version of its pack")
    env = value(file, "env", {})
    if not isinstance(env, dict):
        raise NotRunError(("parameters", "env"), "its env is no mapping of names and texts")
    run: dict[str, Any] = {"timeout": timeout(file, usual_timeout)}
    if env:
        run["env"] = {name: str(item) for name, item in env.items()}
    if cwd := value(file, "cwd"):
        run["cwd"] = cwd
    return run


def timeout(file: MetadataFile, usual: int) -> int:
    """Return in how many seconds it is stopped. Raises NotRunError."""
    seconds = value(file, "timeout", usual)
    if type(seconds) is not int or seconds < 1:
        raise NotRunError(("parameters", "timeout"), "its timeout is no number of seconds")
    return int(seconds)


def needed(file: MetadataFile, name: str) -> str:
    """Return the fixed text that a runner's parameter must have. Raises NotRunError."""
    found = value(file, name)
    if not isinstance(found, str) or not found.strip():
        why = f'"{name}" would come from chat, so that anybody could run anything; give it a default'
        raise NotRunError(("parameters", name), why)
    return found


def is_fixed(text: Any) -> bool:
    """Tell whether nothing in a value is a template."""
    return not any(templates(text))


def settable(file: MetadataFile, own: Collection[str]) -> list[str]:
    """Return the runner's parameters that StackStorm would let people set, and we do not."""
    return [name for name, parameter in file.parameters.items() if name in own and not parameter.immutable]
