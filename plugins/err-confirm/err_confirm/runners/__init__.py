"""Name the kinds of actions that can run."""

from collections.abc import Mapping

from err_confirm.runners.base import Runner, Starter
from err_confirm.runners.bot_runner import BotRunner
from err_confirm.runners.command_runner import CommandRunner
from err_confirm.runners.python_runner import PythonRunner

_ALL: tuple[Runner, ...] = (CommandRunner(), PythonRunner())

RUNNERS: Mapping[str, Runner] = {runner.key: runner for runner in _ALL}
"""Each runner by the key under `run:` that chooses it."""

STARTERS: Mapping[str, Starter] = {**RUNNERS, BotRunner.key: BotRunner()}
"""What can start or describe an invocation: those, and what starts a command of a bot, which no file chooses."""
