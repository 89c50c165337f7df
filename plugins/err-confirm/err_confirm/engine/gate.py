"""Hold executions until enough people have answered: the one thread that waits for all of them."""

import logging
import math
import threading
import time
from collections.abc import Callable

from err_confirm.engine import Engine
from err_confirm.engine.outbox import Outbox
from err_confirm.engine.polls import Polls
from err_confirm.engine.runs import Runs
from err_confirm.errors import RecordError, StoreUnavailableError
from err_confirm.model.executions import Execution, State
from err_confirm.transition.events import Advance, Expire, Reason
from err_confirm.transition.steps import LEASE, RUN_WITHIN, Already, Decision, Refusal, Step, run_by

log = logging.getLogger(__name__)

IDLE = 20.0
"""Seconds after which the gate looks at what is due even if nothing woke it: well within RUN_WITHIN."""
TAKEN_UP = 10_000
"""How many of those that wait it polls for from its start; the due moments find the others."""
AGAIN = 1.0
"""Seconds until it looks again after the store did not answer, or something due could not be done."""
SAID_AGAIN = 60.0
"""Seconds until the log says again that the store does not answer, for the same reason."""
DUE = 100
"""How many due entries it asks for at once."""
KEYS = 1_000
"""How many keys it asks for at once."""


class Gate:
    """Poll the keys of what waits, look at what is due, and let run what may run.

    The store's wake-up makes the gate look at once; the polls, `retry_count` times and `retry_delay` apart, find a
    vote whose wake-up was lost; the due moments, which the store keeps, are what no restart loses.

    Args:
        engine: does the verbs.
        runs: runs what is claimed.
        outbox: tells the ends.
        process: a name that no other process has, under which executions are claimed.
        monotonic: the clock of the polls, in seconds.
    """

    def __init__(
        self,
        engine: Engine,
        runs: Runs,
        outbox: Outbox,
        process: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._store = engine.store
        self._runs = runs
        self._outbox = outbox
        self._process = process
        self._monotonic = monotonic
        self._watch = engine.store.watch()
        self._polls = Polls()
        self._unsure: dict[str, float] = {}
        self._overdue: dict[str, float] = {}
        self._held_up: dict[str, tuple[float, float]] = {}
        self._left_alone: set[str] = set()
        self._not_yet = 0
        self._trouble = ""
        self._said_at = 0.0
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
        self._polls.add(execution, self._monotonic())
        self._watch.wake()

    def wake(self) -> None:
        """Look at once: what held something up is gone."""
        self._watch.wake()

    def _work(self) -> None:
        taken_up = False
        while not self._stopping.is_set():
            try:
                if not taken_up:
                    waiting, now = self._engine.waiting(TAKEN_UP)
                    for execution in waiting:
                        if execution.posted:  # else its time has not begun; whoever posts it polls for it
                            snoozed = execution.ask_again_at is not None
                            left = execution.expires_at - now if snoozed else 0.0
                            self._polls.add(execution, self._monotonic(), left)
                    taken_up = True
                pause = self.look()
                self._note("")
            except StoreUnavailableError as error:
                self._note(str(error))
                pause = AGAIN
            except Exception:  # a gate that is gone would hold everything for ever, and say nothing
                log.exception("nothing runs until this is gone, which should not have happened")
                pause = AGAIN
            self._watch.wait(pause)
        self._watch.close()

    def _note(self, trouble: str) -> None:
        """Log why the store cannot be used, once and then now and again, and that it can be used again."""
        if trouble and (trouble != self._trouble or self._monotonic() - self._said_at >= SAID_AGAIN):
            log.warning("nothing runs until the store answers again: %s", trouble)
            self._said_at = self._monotonic()
        elif self._trouble and not trouble:
            log.warning("the store answers again")
        self._trouble = trouble

    def look(self) -> float:
        """Do all that may be done now; return the seconds until something more may be."""
        for execution_id in list(self._unsure):
            self._advance(execution_id)
        self._poll()
        for execution_id in list(self._held_up):
            self._is_late(execution_id)
        for execution_id, deadline in list(self._overdue.items()):
            self._expire(execution_id, deadline)
        while not self._stopping.is_set():
            busy = len(self._left_alone) + len(self._runs) + len(self._outbox) + self._not_yet
            entries, now = self._store.due(DUE + busy)
            due = [entry for entry in entries if self._may_advance(entry.id)]
            ready = [entry.id for entry in due if entry.at <= now]
            decisions = [self._advance(execution_id) for execution_id in ready]
            self._not_yet = sum(isinstance(each, Refusal) and each.reason is Reason.NOT_YET for each in decisions)
            steps = sum(isinstance(each, Step) for each in decisions)
            if len(ready) < DUE or not steps:
                pause = AGAIN if steps < len(ready) else IDLE
                later = [entry.at - now for entry in due[len(ready) :]]
                late = [until - self._monotonic() for until, _ in self._held_up.values()]
                return max(0.0, min(pause, *later[:1], *late, self._polls.soonest() - self._monotonic()))
        return 0.0

    def _poll(self) -> None:
        """Look for the keys whose moment has come, and where one is there, at the execution that it is for."""
        taken = self._polls.take(self._monotonic())
        keys = [(poll, person) for poll in taken for person in poll.people]
        for start in range(0, len(keys), KEYS):
            page = keys[start : start + KEYS]
            found = self._store.poll([(poll.execution_id, person) for poll, person in page])
            answered = {poll.execution_id: poll for (poll, _), there in zip(page, found, strict=True) if there}
            for execution_id, poll in answered.items():
                decision = self._advance(execution_id)
                if not (isinstance(decision, Refusal) and decision.reason is Reason.NOT_YET):
                    poll.left = 0
                    taken.remove(poll)
        self._overdue.update((poll.execution_id, poll.deadline) for poll in taken if poll.left <= 0)

    def _may_advance(self, execution_id: str) -> bool:
        """Tell whether an execution is this gate's business: what runs or is told here is not."""
        busy = self._runs.has(execution_id) or self._outbox.has(execution_id)
        return not (busy or self._stopping.is_set() or execution_id in self._left_alone)

    def _advance(self, execution_id: str) -> Decision | None:
        """Run, expire or give up one execution, if that is due; None if it is not this gate's business."""
        if not self._may_advance(execution_id) or self._is_late(execution_id):
            return None
        now = self._monotonic()
        try:
            decision = self._engine.apply(execution_id, Advance(self._process))
        except StoreUnavailableError:
            self._unsure.setdefault(execution_id, now)
            raise
        except RecordError as error:
            log.error("%s", error)  # once: it never runs, and what else is due goes on
            self._left_alone.add(execution_id)
            return None
        except Exception:  # what nobody has foreseen of one must not hold up all others
            log.exception("execution %s cannot go on; it is tried again", execution_id)
            self._unsure.setdefault(execution_id, now)
            return None
        unsure_since = self._unsure.pop(execution_id, now)
        match decision:
            case Step(execution) if execution.state is State.RUNNING:
                self._start(execution, now)
            case Already(execution):  # claimed by us in a swap whose answer was lost
                self._start(execution, unsure_since)
            case Refusal(Reason.NOT_YET, Execution(state=State.APPROVED) as execution):
                until = now + RUN_WITHIN + execution.conduct.wait
                self._held_up.setdefault(execution_id, (until, run_by(execution)))
            case Refusal(Reason.UNKNOWN):
                self._store.forget_due(execution_id)
        return decision

    def _is_late(self, execution_id: str) -> bool:
        """Tell whether something approved was held up for its whole time by our own clock; then it expires."""
        until, deadline = self._held_up.get(execution_id, (math.inf, 0.0))
        if self._monotonic() < until:
            return False
        self._overdue[execution_id] = deadline
        return True

    def _expire(self, execution_id: str, deadline: float) -> None:
        """End what has waited its whole time by our own clock: the store's may have gone back.

        What has been given more time since is polled for once more, for that time.
        """
        try:
            decision = self._engine.apply(execution_id, Expire(deadline))
            if isinstance(decision, Refusal) and decision.reason is Reason.NOT_YET:
                execution = decision.execution
                assert execution is not None
                self._polls.add(execution, self._monotonic(), execution.expires_at - deadline)
        except RecordError as error:
            log.error("%s", error)
        del self._overdue[execution_id]
        self._held_up.pop(execution_id, None)

    def _start(self, execution: Execution, since: float) -> None:
        """Run what was claimed after the moment `since`, unless others may soon take it for lost."""
        if self._monotonic() - since < LEASE / 2:
            self._runs.start(execution)
        else:
            log.error("execution %s was claimed too long ago to be started now; it will be lost", execution.id)
