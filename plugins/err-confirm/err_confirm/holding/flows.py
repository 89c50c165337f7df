"""Stop a flow before a step that would run by itself and is guarded: Errbot runs such a step through no filter.

The flow stays where it is, and goes on after the step was confirmed and has run.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from err_confirm.holding.judge import Judge
from err_confirm.holding.methods import Methods


class _StepHeldError(Exception):
    """Raised to stop a flow."""

    def __init__(self, command: str) -> None:
        super().__init__(command)
        self.command = command


class Flows:
    """The flows of one bot.

    Args:
        bot: Errbot's bot object.
        methods: of its commands.
        judge: decides about each step.
    """

    def __init__(self, bot: Any, methods: Methods, judge: Judge) -> None:
        self._bot = bot
        self._methods = methods
        self._judge = judge
        self._execute, bot.flow_executor.execute = bot.flow_executor.execute, self.execute

    def execute(self, flow: Any) -> None:
        """Let a flow go on until a step that would run by itself is guarded; then ask for that."""
        if "next_autosteps" not in vars(flow):  # it stays: a flow may go on twice at once, each on a thread of its own
            flow.next_autosteps = partial(self._next_autosteps, flow.next_autosteps)
        try:
            self._execute(flow)
        except _StepHeldError as held:
            self._hold(flow, held.command)

    def _next_autosteps(self, steps: Callable[[], Any]) -> Any:
        """Return the steps that run by themselves now. Raises _StepHeldError if one of them is held."""
        found = steps()
        for step in found:
            name = getattr(step, "command", "")
            method = self._methods.find(name, regex=False)
            if method is not None and self._judge.judge(method, name, None) is not None:
                raise _StepHeldError(name)
        return found

    def _hold(self, flow: Any, name: str) -> None:
        """Ask for a step as who the flow belongs to; a room's flow belongs to nobody, and waits for somebody."""
        said = f"{self._bot.prefix}{name.replace('_', ' ')}"
        if not hasattr(flow.requestor, "person"):
            self._bot.send(flow.requestor, self._judge.say("flow_waits", flow=flow.name, said=said))
            return
        msg = self._bot.build_message(said)
        msg.frm = flow.requestor
        msg.to = getattr(flow.requestor, "room", self._bot.bot_identifier)
        held = self._judge.judge(self._methods.find(name, regex=False), name, None)
        if held is not None:
            self._judge.answer(msg, held)
