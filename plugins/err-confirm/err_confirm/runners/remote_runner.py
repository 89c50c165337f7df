"""Let a worker on another machine run something: a queue brings it there, and the store says what becomes of it."""

from err_confirm.errors import StartError
from err_confirm.model import Remote
from err_confirm.run_model import REMOTE_RUNNER, Invocation
from err_confirm.runners.base import Context, Running


class RemoteRunner:
    """Hands an invocation to a queue; without one, as on the command line, it can only describe it."""

    key = REMOTE_RUNNER

    def describe(self, invocation: Invocation) -> str:
        """Return what a worker runs, and of which queue it is."""
        return f"on a worker of {invocation.spec['queue']}"

    def start(self, invocation: Invocation, context: Context) -> Running:
        """Start it. Raises StartError."""
        raise StartError("this runs on a worker, and here is no queue")


def remote(invocation: Invocation, where: Remote) -> Invocation:
    """Return what lets a worker of a queue run an invocation."""
    spec = {"queue": where.queue, "within": where.within, "runner": invocation.runner, "spec": dict(invocation.spec)}
    return Invocation(runner=REMOTE_RUNNER, spec=spec)
