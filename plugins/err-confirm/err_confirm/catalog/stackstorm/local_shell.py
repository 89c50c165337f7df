"""Make a command of the runners local-shell-cmd and local-shell-script."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from err_confirm.catalog.stackstorm.metadata import MetadataFile, MetadataParameter
from err_confirm.catalog.stackstorm.not_run import NotRunError
from err_confirm.catalog.stackstorm.settings import SHELL, needed, process, value
from err_confirm.catalog.stackstorm.shell_line import arguments
from err_confirm.model.files import ParameterType

TIMEOUT = 60
"""In seconds, what both runners have unless the action says otherwise."""
_OPERATORS = ("", "-", "--")
_POSITIONAL = {
    ParameterType.BOOLEAN: "{{{{ ('1' if {0} else '0') if {0} is defined else '' }}}}",
    ParameterType.ARRAY: "{{{{ {0} | join(',') if {0} is defined else '' }}}}",
    ParameterType.OBJECT: "{{{{ {0} | tojson if {0} is defined and {0} else '' }}}}",
}
"""How StackStorm hands over a parameter with a position; one without a value is an empty argument."""
_PLAIN = "{{{{ '' ~ {0} if {0} is defined else '' }}}}"


def command(file: MetadataFile, _: Path) -> dict[str, Any]:
    """Return what stands under `run:` for a line of a shell. Raises NotRunError."""
    line = needed(file, "cmd")
    try:
        words = arguments(line)
    except ValueError as error:
        why = f"its cmd needs a shell for {error}; put it into a script, or write run: {{command: […]}}"
        raise NotRunError(("parameters", "cmd", "default"), why) from error
    return {"command": words, **process(file, TIMEOUT)}


def script(file: MetadataFile, folder: Path) -> dict[str, Any]:
    """Return what stands under `run:` for a script of the pack. Raises NotRunError."""
    operator = value(file, "kwarg_op", "--")
    if operator not in _OPERATORS:
        raise NotRunError(("parameters", "kwarg_op"), "its kwarg_op is none of --, - and nothing")
    run, own = process(file, TIMEOUT), own_parameters(file)
    program = entry_point(file, folder)
    named = [_named(name, each, operator) for name, each in own.items() if each.position is None]
    placed = sorted((each.position, name) for name, each in own.items() if each.position is not None)
    if len({place for place, _ in placed}) < len(placed):
        raise NotRunError(("parameters",), "two of its parameters have one position")
    last = [_POSITIONAL.get(own[name].type, _PLAIN).format(name) for _, name in placed]
    shown = f"{folder.name}/{program}" if "cwd" not in run else str(folder / program)
    return {"command": [shown, *named, *last], **run}


def own_parameters(file: MetadataFile) -> Mapping[str, MetadataParameter]:
    """Return the parameters that are no runner's."""
    return {name: parameter for name, parameter in file.parameters.items() if name not in SHELL}


def entry_point(file: MetadataFile, folder: Path) -> PurePosixPath:
    """Return the path of what runs below the actions folder. Raises NotRunError."""
    path = PurePosixPath(file.entry_point or "")
    if not path.parts or path.is_absolute() or ".." in path.parts or not _is_plain(str(path)):
        raise NotRunError(("entry_point",), "its entry_point is no file below the actions folder")
    if not (folder / path).resolve().is_relative_to(folder.resolve()) or not (folder / path).is_file():
        raise NotRunError(("entry_point",), f"there is no file {path} in {folder.name}/")
    return path


def _is_plain(path: str) -> bool:
    return path.isprintable() and not set("{}%#") & set(path) and not path.startswith("-")


def _named(name: str, parameter: MetadataParameter, operator: str) -> str:
    """Return the template of `--name=value`, or of the flag `--name`, which gives no argument without a value."""
    if parameter.type in (ParameterType.ARRAY, ParameterType.OBJECT):
        why = f'"{name}" would be handed over as Python writes it; give it a position'
        raise NotRunError(("parameters", name), why)
    if parameter.type is ParameterType.BOOLEAN:
        return f"{{{{ ['{operator}{name}'] if {name} is defined and {name} else [] }}}}"
    return f"{{{{ ['{operator}{name}=' ~ {name}] if {name} is defined and {name} != '' else [] }}}}"
