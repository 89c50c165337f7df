"""Hold executions until enough people have answered: the one thread that waits for all of them."""

import heapq
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from err_confirm.engine import Engine
from err_confirm.errors import StoreUnavailableError
from err_confirm.model import Execution, State
from err_confirm.people import EVERYBODY
from err_confirm.runs import Runs
from err_confirm.transition import LEASE, Advance, Already, Decision, Reason, Refusal, Step

log = logging.getLogger(__name__)

IDLE = 60.0
"""Seconds after which the gate looks at what is due even if nothing is and nothing woke it."""
AGAIN = 1.0
"""Seconds until it looks again after the store did not answer, or something due could not be done."""
PAGE = 500
"""How many due entries, and keys, it asks for at once."""


@dataclass(slots=True, order=True)
class _Poll:
    """The polls of one execution that are left: small, because there may be very many."""

    at: float
    execution_id: str
    left: int
    delay: float
    people: tuple[str, ...]


class Gate:
    """Poll the keys of what waits, look at what is due, and let run what may run.

    The store's wake-up makes the gate look at once; the polls, `retry_count` times and `retry_delay` apart, find a
    vote whose wake-up was lost; the due moments, which the store keeps, are what no restart loses.

    Args:
        engine: does the verbs.
        runs: runs what is claimed.
        process: a name that no other process has, under which executions are claimed.
        monotonic: the clock of the polls, in seconds.
    """

    def __init__(
        self, engine: Engine, runs: Runs, process: str, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = engine
        self._store = engine.store
        self._runs = runs
        self._process = process
        self._monotonic = monotonic
        self._watch = engine.store.watch()
        self._polls: list[_Poll] = []
        self._unsure: dict[str, float] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="err-confirm gate", daemon=True)

    def start(self) -> None:
        """Begin with what the store holds; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Claim nothing more; what waits stays in the store."""
        self._stopping.set()
        self._watch.wake()
        self._thread.join()

    def add(self, execution: Execution) -> None:
        """Poll the keys of an execution that waits."""
        policy = execution.policy
        if policy is None or execution.state is not State.PENDING:
            return
        people = {execution.requester if who == "requester" else who for who in policy.by} - EVERYBODY
        first = self._monotonic() + policy.retry_delay
        poll = _Poll(first, execution.id, policy.retry_count, policy.retry_delay, tuple(sorted(people)))
        with self._lock:
            heapq.heappush(self._polls, poll)
        self._watch.wake()

    def _work(self) -> None:
        taken_up = False
        while not self._stopping.is_set():
            try:
                if not taken_up:
                    for execution in self._engine.waiting():
                        self.add(execution)
                    taken_up = True
                pause = self._look()
            except StoreUnavailableError as error:
                log.warning("nothing runs until the store answers again: %s", error)
                pause = AGAIN
            self._watch.wait(pause)
        self._watch.close()

    def _look(self) -> float:
        """Do all that may be done now; return the seconds until something more may be."""
        for execution_id in list(self._unsure):
            self._advance(execution_id)
        self._poll()
        while not self._stopping.is_set():
            due, now = self._store.due(PAGE)
            ready = [entry.id for entry in due if entry.at <= now]
            steps = sum(isinstance(self._advance(execution_id), Step) for execution_id in ready)
            if len(ready) < PAGE or not steps:
                break
        else:
            return 0.0
        soonest = AGAIN if steps < len(ready) else IDLE
        if len(ready) < len(due):
            soonest = min(soonest, due[len(ready)].at - now)
        with self._lock:
            if self._polls:
                soonest = min(soonest, self._polls[0].at - self._monotonic())
        return max(soonest, 0.0)

    def _poll(self) -> None:
        """Look for the keys whose moment has come, and at the executions that they are for."""
        now = self._monotonic()
        polls = []
        with self._lock:
            while self._polls and self._polls[0].at <= now:
                polls.append(heapq.heappop(self._polls))
            for poll in polls:
                if poll.left > 1:
                    heapq.heappush(self._polls, replace(poll, at=poll.at + poll.delay, left=poll.left - 1))
        pairs = [(poll.execution_id, person) for poll in polls for person in poll.people]
        for start in range(0, len(pairs), PAGE):
            page = pairs[start : start + PAGE]
            found = self._store.poll(page)
            for execution_id in {pair[0] for pair, there in zip(page, found, strict=True) if there}:
                self._advance(execution_id)

    def _advance(self, execution_id: str) -> Decision | None:
        """Run, expire or give up one execution, if that is due; None once the gate is to stop."""
        if self._stopping.is_set():
            return None
        asked = self._unsure.get(execution_id, self._monotonic())
        self._unsure[execution_id] = asked
        decision = self._engine.apply(execution_id, Advance(self._process))
        del self._unsure[execution_id]
        match decision:
            case Step(execution) if execution.state is State.RUNNING:
                self._runs.start(execution)
            case Already(execution) if self._monotonic() - asked < LEASE / 2:
                # Claimed by us in a swap whose answer was lost; `start` does nothing if it has been started before.
                self._runs.start(execution)
            case Refusal(Reason.UNKNOWN):
                self._store.forget_due(execution_id)
        return decision
