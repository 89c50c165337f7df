"""Name the kinds of actions that can run."""

from collections.abc import Mapping

from err_confirm.runners.base import Runner
from err_confirm.runners.command_runner import CommandRunner
from err_confirm.runners.python_runner import PythonRunner

RUNNERS: Mapping[str, Runner] = {
    "command": CommandRunner(),
    "python": PythonRunner(),
}
"""Each runner by the key under `run:` that chooses it."""
