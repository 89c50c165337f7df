"""Name the kinds of actions that can run."""

from collections.abc import Mapping

from err_confirm.runners.base import Runner
from err_confirm.runners.command_runner import CommandRunner
from err_confirm.runners.python_runner import PythonRunner

_ALL: tuple[Runner, ...] = (CommandRunner(), PythonRunner())

RUNNERS: Mapping[str, Runner] = {runner.key: runner for runner in _ALL}
"""Each runner by the key under `run:` that chooses it."""
