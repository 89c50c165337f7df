"""Remember whose keys are still to be looked at, and when; small, because very many may wait."""

import heapq
import math
import threading
from dataclasses import dataclass, field

from err_confirm.model.executions import Execution, State
from err_confirm.people import EVERYBODY
from err_confirm.policy import quorum_until
from err_confirm.policy.seating import names
from err_confirm.transition.steps import current_stage


@dataclass(slots=True, order=True)
class Polling:
    """The looks at one execution's keys that are left, `delay` seconds apart, the next one `at` a moment.

    After the last one it has waited up to its `deadline`, on the store's clock. Setting `left` to 0 ends them.
    """

    at: float
    execution_id: str
    deadline: float = field(compare=False)
    left: int = field(compare=False)
    delay: float = field(compare=False)
    people: tuple[str, ...] = field(compare=False)


class Polls:
    """All polls, the soonest first. Moments are seconds of a monotonic clock; any thread may add."""

    def __init__(self) -> None:
        self._heap: list[Polling] = []
        self._lock = threading.Lock()

    def add(self, execution: Execution, now: float, left: float = 0.0) -> None:
        """Look `retry_count` times, `retry_delay` apart, for the keys of those who may confirm it, if it waits.

        Args:
            execution: which one.
            now: the moment of the first wait's beginning.
            left: how many seconds it still waits, if that may be longer: after a snooze.
        """
        if execution.policy is None or execution.state is not State.PENDING:
            return
        stage, listed = current_stage(execution), names(quorum_until(execution, execution.stage + 1))
        people = {execution.requester if who == "requester" else who for who in listed}
        people = {who for who in people if who not in EVERYBODY and not who.startswith("@")}
        poll = Polling(
            at=now + stage.retry_delay,
            execution_id=execution.id,
            deadline=execution.expires_at,
            left=max(stage.retry_count, math.ceil(left / stage.retry_delay)),
            delay=stage.retry_delay,
            people=tuple(sorted(people)),
        )
        with self._lock:
            heapq.heappush(self._heap, poll)

    def take(self, now: float) -> list[Polling]:
        """Return those whose moment has come, each counted down and set for its next moment."""
        taken = []
        with self._lock:
            while self._heap and self._heap[0].at <= now:
                poll = heapq.heappop(self._heap)
                if poll.left > 0:
                    taken.append(poll)
            for poll in taken:
                poll.left -= 1
                if poll.left > 0:
                    poll.at += poll.delay
                    heapq.heappush(self._heap, poll)
        return taken

    def soonest(self) -> float:
        """Return the moment of the next poll; infinity if there is none."""
        with self._lock:
            return self._heap[0].at if self._heap else math.inf
