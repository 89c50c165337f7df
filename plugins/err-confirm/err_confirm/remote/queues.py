"""Put jobs into RQ's queues, and see who listens to them; a job in a queue is a name, and nothing that could run."""

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from err_confirm.errors import StartError
from err_confirm.remote.job_record import how_to_start
from err_confirm.store.redis_store import UNREACHABLE, connect

FUNCTION = "err_confirm.worker.job"
"""What stands in a queue where others name a function; only our own class of jobs knows what it means."""
KEPT = 3_600
"""Seconds for which RQ keeps what became of a job, for who looks at it with RQ's own commands."""
LEFT_OVER = 60
"""Seconds for which a job that nobody has taken in time stays in its queue."""


class Queues:
    """The queues in one Redis. RQ is imported when the first job is put into one.

    Args:
        url: of the store.
        namespace: of the executions; each has queues of its own.
    """

    def __init__(self, url: str, namespace: str) -> None:
        self._url = url
        self._namespace = namespace
        self._connection: Any = None

    def put(self, queue: str, name: str, within: float) -> None:
        """Put a job into a queue to which somebody listens, for so many seconds. Raises StartError."""
        if not self.workers(queue):
            raise StartError(f'no worker listens to the queue "{queue}"; start one: {how_to_start(queue)}')
        with _reaching(queue):
            self._queue(queue).enqueue_call(
                FUNCTION,
                args=(self._namespace, name),
                job_id=job_id(self._namespace, name),
                description=name,
                timeout=-1,
                ttl=math.ceil(within) + LEFT_OVER,
                result_ttl=0,
                failure_ttl=KEPT,
            )

    def workers(self, queue: str) -> int:
        """Return how many workers listen to a queue; one that was killed counts for some minutes. Raises StartError."""
        with _reaching(queue):
            found = self._queue(queue)
            with found.connection.pipeline(transaction=False) as pipeline:
                for key in found.connection.smembers(f"rq:workers:{found.name}"):
                    pipeline.hmget(key, "birth", "death")
                return sum(bool(birth and not death) for birth, death in pipeline.execute())

    def _queue(self, queue: str) -> Any:
        try:
            rq = import_module("rq")
        except ModuleNotFoundError:
            raise StartError('remote needs RQ, which is not here: pip install "rq<4", and restart the bot') from None
        if self._connection is None:
            self._connection = connect(self._url)
        name = queue_name(self._namespace, queue)
        return rq.Queue(name, connection=self._connection, serializer=rq.serializers.JSONSerializer)


@contextmanager
def _reaching(queue: str) -> Iterator[None]:
    try:
        yield
    except UNREACHABLE as error:
        raise StartError(f'the queue "{queue}" cannot be used now: {error}') from error


def queue_name(namespace: str, queue: str) -> str:
    """Return RQ's name of a queue: others use RQ in the same Redis, too, and their workers would take our jobs."""
    return f"{namespace}.{queue}"


def job_id(namespace: str, name: str) -> str:
    """Return RQ's name of a job, which has fewer characters than ours, and is apart for each namespace."""
    return f"{name.replace('.', '_')}-{hashlib.sha256(namespace.encode()).hexdigest()[:8]}"
