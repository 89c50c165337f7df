"""Name the kinds of actions that can run."""

from collections.abc import Mapping

from err_confirm.model.runs import SAID_RUNNER
from err_confirm.runners.base import Runner, Starter
from err_confirm.runners.bot_runner import BotRunner
from err_confirm.runners.class_runner import ClassRunner
from err_confirm.runners.command_runner import CommandRunner
from err_confirm.runners.http_runner import HttpRunner
from err_confirm.runners.loops import LoopRunner
from err_confirm.runners.python_runner import PythonRunner
from err_confirm.runners.remote_runner import RemoteRunner
from err_confirm.runners.said_runner import SaidRunner
from err_confirm.runners.stackstorm_runner import StackStormRunner

_ALL: tuple[Runner, ...] = (
    CommandRunner(),
    PythonRunner(),
    ClassRunner(),
    HttpRunner(),
    StackStormRunner(),
    SaidRunner(),
)

RUNNERS: Mapping[str, Runner] = {runner.key: runner for runner in _ALL}
"""Each runner by the key under `run:` that chooses it."""


def starters(*more: Starter) -> Mapping[str, Starter]:
    """Return by key what can start or describe an invocation: the runners, those that no file chooses, and `more`."""
    found: dict[str, Starter] = {**RUNNERS, BotRunner.key: BotRunner(), RemoteRunner.key: RemoteRunner(RUNNERS)}
    found |= {starter.key: starter for starter in more}
    bot = found[BotRunner.key]
    found[SAID_RUNNER] = SaidRunner(bot.say if isinstance(bot, BotRunner) else None)
    return {**found, LoopRunner.key: LoopRunner(found)}


STARTERS = starters()
"""What can describe any invocation, wherever that may run."""
