"""Processes that are wrong on purpose, as others do it: so that the harness is seen to find it."""

from dataclasses import replace

from err_confirm.engine import Engine
from err_confirm.engine.outbox import Outbox
from err_confirm.model.executions import Execution, State
from err_confirm.transition.events import Advance, Event, Finish, Renew
from err_confirm.transition.steps import Decision, Step
from killed import Ours


class Looking(Engine):
    """Runs what it sees approved, without a claim, and stores that it ran when it has ended."""

    def apply(self, execution_id: str, event: Event) -> Decision:
        """Claim in the store only together with the end."""
        execution, now = self.read(execution_id)
        if isinstance(event, Renew) or execution is None or execution.state is not State.APPROVED:
            return super().apply(execution_id, event)
        if isinstance(event, Advance):
            seen = replace(execution, state=State.RUNNING, fence=execution.fence + 1, process=event.process)
            return Step(seen, now, now)
        if isinstance(event, Finish):
            super().apply(execution_id, Advance(event.process))
        return super().apply(execution_id, event)


def looking(*arguments: object) -> Ours:
    """Return a process without a claim."""
    return Ours(*arguments, engine_of=Looking)  # type: ignore[arg-type]


class Forgetful(Outbox):
    """Keeps in memory alone what it still has to tell: in the store it counts as told from the start."""

    def _tell(self, execution: Execution) -> None:
        if execution.state.ended:
            self._note(execution)
        self._say(execution)


def forgetful(*arguments: object) -> Ours:
    """Return a process that tells an end only if it lives until then."""
    return Ours(*arguments, outbox_of=Forgetful)  # type: ignore[arg-type]


BROKEN = {"": Ours, "look": looking, "telling": forgetful}
"""What is put together instead, by name."""
