"""Make a call of the runner python-script: a class whose method `run` does the work."""

import re
from pathlib import Path
from typing import Any

from err_confirm.catalog.stackstorm.local_shell import entry_point
from err_confirm.catalog.stackstorm.metadata import MetadataFile
from err_confirm.catalog.stackstorm.not_run import NotRunError
from err_confirm.catalog.stackstorm.settings import process
from err_confirm.runners.class_runner import SECRET

TIMEOUT = 600
"""In seconds, what the runner has unless the action says otherwise."""


def call(file: MetadataFile, folder: Path) -> dict[str, Any]:
    """Return what stands under `run:` for a class of the pack. Raises NotRunError."""
    path = entry_point(file, folder)
    if path.suffix != ".py":
        raise NotRunError(("entry_point",), "its entry_point is no Python file")
    run = process(file, TIMEOUT)
    secrets = {
        f"{SECRET}{name}": each.default for name, each in file.parameters.items() if each.secret and each.default
    }
    if secrets:
        run["env"] = {**run.get("env", {}), **secrets}
    return {"python_class": str(path), **run}


def is_reference(given: Any) -> bool:
    """Tell whether a default names a secret instead of being one."""
    return isinstance(given, str) and bool(re.fullmatch(r"env:[A-Za-z_][A-Za-z0-9_]*|file:[^\s{}]+", given))
