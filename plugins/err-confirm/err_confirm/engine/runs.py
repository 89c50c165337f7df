"""Run what was claimed: start it, keep its lease, report how it ended."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from err_confirm.engine import Engine
from err_confirm.engine.outputs import Outputs
from err_confirm.engine.results import with_value
from err_confirm.errors import GroupError, RecordError, StaleError, StartError, StoreError, StoreUnavailableError
from err_confirm.model.executions import Execution
from err_confirm.model.runs import LOOP_RUNNER, Outcome, Part
from err_confirm.policy import filling, fingerprint
from err_confirm.policy.seating import NOBODY, Roster
from err_confirm.runners.base import Context, Running, Starter, starter_of
from err_confirm.text.visible import writable
from err_confirm.transition.demands import answer_value
from err_confirm.transition.events import Finish, Progress, Reason, Renew
from err_confirm.transition.steps import LEASE, Refusal

log = logging.getLogger(__name__)

STOPPED = "stopped, because the bot was stopped"
CUT_OFF = "stopped, because the store did not answer, and another bot may start it again"
TAKEN_OVER = "stopped, because another bot has taken it over"
FORGOTTEN = "stopped, because the store knows nothing of it any more"
NOT_STARTED = "not started: its bot was held up for so long that another one may have taken it over"
START_WITHIN = LEASE / 3
"""Seconds after it was handed over in which it is started; together with what the gate allows, less than its lease."""
LOOK = 1.0
"""Seconds between two looks whether somebody wants it stopped."""
AGAIN = 1.0
"""Seconds between two tries to report an end to a store that does not answer."""
LAST_TRIES = 3
"""How many of those tries there are once the bot is to stop; after them the execution will be found `lost`."""
LAST = 15.0
"""Seconds after its grace within which what runs must have ended and been reported; then it is left to be `lost`."""
REMEMBERED = 10_000
"""How many claims are remembered as started, so that none is started twice."""


class Runs:
    """The threads that run executions, one each for as long as it runs.

    Args:
        engine: takes the reports.
        runners: the kinds of action, by key.
        process: the name under which the gate claims.
        monotonic: the clock of the end, in seconds.
        outputs: where all is kept that they write.
        on_progress: is called with an execution whenever it was written how far it has come; must return at once, and
            not raise.
    """

    def __init__(
        self,
        engine: Engine,
        runners: Mapping[str, Starter],
        process: str,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        outputs: Outputs | None = None,
        on_progress: Callable[[Execution], None] = lambda _: None,
    ) -> None:
        self._engine = engine
        self._runners = runners
        self._process = process
        self._monotonic = monotonic
        self._outputs = outputs
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._started: dict[tuple[str, int], None] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._running: dict[str, Running] = {}
        self._stopping = threading.Event()

    def start(self, execution: Execution) -> None:
        """Run a claimed execution on a thread of its own; a second call for the same claim does nothing."""
        claim = (execution.id, execution.fence)
        name = f"err-confirm {execution.id}"
        with self._lock:
            if claim in self._started:
                return
            self._started[claim] = None
            if len(self._started) > REMEMBERED:
                del self._started[next(iter(self._started))]
            thread = threading.Thread(target=self._run, args=(execution, self._monotonic()), name=name, daemon=True)
            thread.start()
            self._threads[execution.id] = thread

    def has(self, execution_id: str) -> bool:
        """Tell whether this is still run, or its end still reported, here."""
        return execution_id in self._threads

    def __len__(self) -> int:
        """Return how many are run here."""
        return len(self._threads)

    def stop(self, grace: float) -> None:
        """Give what runs `grace` seconds to end, then end it; returns when all is reported or given up."""
        with self._lock:
            threads = list(self._threads.values())
        with suppress(KeyboardInterrupt):  # Ctrl-C once more ends the grace, not the care for what runs
            self._join(threads, grace)
        self._stopping.set()
        with self._lock:
            running = list(self._running.values())
        for one in running:
            one.stop(STOPPED)
        self._join(threads, LAST)
        if stuck := [thread.name for thread in threads if thread.is_alive()]:
            log.error("still running or not reported, and left behind: %s", ", ".join(stuck))

    def _join(self, threads: Iterable[threading.Thread], seconds: float) -> None:
        """Wait for all of them together for so many seconds at most."""
        deadline = self._monotonic() + seconds
        for thread in threads:
            thread.join(max(0.0, deadline - self._monotonic()))

    def _run(self, execution: Execution, since: float) -> None:
        try:
            self._finish(execution, self._outcome(execution, since))
        except Exception:  # a runner may be anybody's code
            log.exception("how execution %s ends is not known here; it will be lost", execution.id)
        finally:
            with self._lock:
                del self._threads[execution.id]

    def _outcome(self, execution: Execution, since: float) -> Outcome:
        invocation = execution.runs
        try:
            runner = starter_of(self._runners, invocation.runner)
            context = Context(
                name=f"{execution.id}-{execution.fence}",
                told=told(execution, self._engine.roster(execution)),
                keep=self._outputs.path(execution) if self._outputs else None,
                report=partial(self._report, execution),
                parts=execution.parts,
                names=tuple(str(target) for target in execution.conduct.targets),
                place=execution.place,
                policy=fingerprint(execution.policy) if execution.policy else "",
            )
            if self._monotonic() - since >= START_WITHIN:  # its process may have been stopped meanwhile
                return Outcome(error=NOT_STARTED)
            running = runner.start(invocation, context)
        except (StartError, GroupError) as error:
            return Outcome(error=str(error))
        with self._lock:
            self._running[execution.id] = running
        try:
            if self._stopping.is_set():
                running.stop(STOPPED)
            return self._read(execution, self._watch(execution, running))
        finally:
            with self._lock:
                del self._running[execution.id]

    def _watch(self, execution: Execution, running: Running) -> Outcome:
        """Keep the lease of what runs, and stop it where somebody wants that; return how it ended."""
        renewed = kept = self._monotonic()
        while (outcome := running.wait(LOOK)) is None:
            now = self._monotonic()
            renew = now - renewed >= LEASE / 3
            try:
                if renew:
                    renewed = now
                    self._engine.apply(execution.id, Renew(self._process, execution.fence))
                    kept = now
                current, _ = self._engine.read(execution.id)
            except StoreError as error:
                if renew:
                    log.warning("the lease of %s could not be renewed: %s", execution.id, error)
                if execution.conduct.retry and now - kept >= LEASE * 2 / 3:  # soon another bot may start it again
                    running.stop(CUT_OFF)
                continue
            if current is None:  # it keeps no lease and no name for itself any more, and nobody could abort it
                running.stop(FORGOTTEN)
            elif current.fence != execution.fence:
                running.stop(TAKEN_OVER)
            elif current.aborted_by:
                running.stop(aborted(current))
        return outcome

    def _read(self, execution: Execution, outcome: Outcome) -> Outcome:
        """Return an outcome with its result, where it has one; that of a loop are its targets."""
        if not execution.conduct.json or execution.runs.runner == LOOP_RUNNER:
            return outcome
        return with_value(outcome, self._outputs.find(execution) if self._outputs else None)

    def _report(self, execution: Execution, parts: Sequence[Part]) -> bool:
        """Write how far it has come, which keeps its lease, too; return whether it may go on. Raises StaleError.

        What somebody wants stopped begins nothing more, from the very moment in which they said so.
        """
        try:
            decision = self._engine.apply(execution.id, Progress(self._process, execution.fence, tuple(parts)))
        except StoreUnavailableError as error:
            log.warning("how far %s has come could not be written yet: %s", execution.id, error)
            return False
        if isinstance(decision, Refusal):
            raise StaleError(execution.id)
        current = decision.execution
        self._on_progress(current)
        if current.aborted_by and (running := self._running.get(execution.id)):
            running.stop(aborted(current))
        return not current.aborted_by

    def _finish(self, execution: Execution, outcome: Outcome) -> None:
        """Report the end until the store takes it; once the bot is to stop, for a few seconds more."""
        told = replace(outcome, output=writable(outcome.output), error=writable(outcome.error))
        event = Finish(self._process, execution.fence, told)
        tries_left = LAST_TRIES
        while tries_left > 0:
            try:
                decision = self._engine.apply(execution.id, event)
            except StoreUnavailableError as error:
                log.warning("the end of %s could not be reported yet: %s", execution.id, error)
            except RecordError as error:
                log.error("the end of %s (%s) cannot be reported: %s", execution.id, outcome, error)
                return
            else:
                if isinstance(decision, Refusal):
                    log.error("the end of %s (%s) was not taken: %s", execution.id, outcome, decision.reason)
                    if decision.reason is Reason.UNKNOWN:
                        self._engine.tell_anyway(execution, event)
                return
            if self._stopping.wait(AGAIN):
                tries_left -= 1
                time.sleep(AGAIN)
        log.error("the end of %s could not be reported: %s", execution.id, outcome)


def aborted(execution: Execution) -> str:
    """Return in words that somebody wanted it stopped."""
    why = f": {execution.abort_reason}" if execution.abort_reason else ""
    return f"stopped by {execution.aborted_by}{why}"


def told(execution: Execution, roster: Roster = NOBODY) -> dict[str, str]:
    """Return what a run is told about its execution, as variables: its id, its fence, and as JSON what people answered.

    The fence is a number that is higher for each claim of one execution, so that a target can refuse an older one.
    An answer that counted no more when it was claimed, or was to another choice, is not handed on.
    """
    asked = execution.policy
    answers = [
        {"person": vote.person, "choice": vote.choice, "answer": answer_value(asked, vote), "reason": vote.reason}
        for vote in filling(execution, execution.started_at or 0.0, roster)
        if asked is not None
    ]
    facts = {"CONFIRM_ID": execution.id, "CONFIRM_FENCE": str(execution.fence)}
    return {**facts, "CONFIRM_ANSWERS": json.dumps(answers, ensure_ascii=False)}
