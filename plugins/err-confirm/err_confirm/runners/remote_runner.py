"""Let a worker on another machine run something: a queue brings it there, and the store says what becomes of it."""

from collections.abc import Mapping

from err_confirm.errors import StartError
from err_confirm.model.files import Remote
from err_confirm.model.runs import REMOTE_RUNNER, Invocation
from err_confirm.runners.base import Context, Running, Starter

NO_QUEUE = "this runs on a worker, and here is no queue"


class RemoteRunner:
    """Hands an invocation to a queue; without one, as on the command line, it can only describe it.

    Args:
        starters: of what workers run, by key.
        why: what is said to who would start it here.
    """

    key = REMOTE_RUNNER

    def __init__(self, starters: Mapping[str, Starter], why: str = NO_QUEUE) -> None:
        self._starters = starters
        self._why = why

    def describe(self, invocation: Invocation) -> str:
        """Return what a worker runs, and of which queue it is."""
        inner = carried(invocation)
        return f"on a worker of {invocation.spec['queue']}: {self._starters[inner.runner].describe(inner)}"

    def start(self, invocation: Invocation, context: Context) -> Running:
        """Start it. Raises StartError."""
        raise StartError(self._why)

    def close(self) -> None:
        """Let go of what it holds: nothing."""


def remote(invocation: Invocation, where: Remote) -> Invocation:
    """Return what lets a worker of a queue run an invocation."""
    spec = {"queue": where.queue, "within": where.within, "runner": invocation.runner, "spec": dict(invocation.spec)}
    return Invocation(runner=REMOTE_RUNNER, spec=spec)


def carried(invocation: Invocation) -> Invocation:
    """Return what a worker runs."""
    return Invocation(runner=invocation.spec["runner"], spec=invocation.spec["spec"])
