"""Run what looks ahead before anybody has confirmed it: for a short time, a few at once, and nothing of it stays."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from err_confirm.errors import LimitError, ProbeError, StartError
from err_confirm.model.runs import Invocation, Outcome
from err_confirm.runners.base import Context, Running, Starter, starter_of

AT_ONCE = 4
"""How many may run at once in one bot."""
LONGEST = 20.0
"""The most seconds that one may take, whatever its own time limit is."""
SLOW = 2.0
"""Seconds after which somebody who waits for it is told so."""
ENDING = 5.0
"""Seconds within which one that is stopped has ended: it is asked first, and then killed."""
STOPPED = "stopped, because the bot was stopped"
TOO_LONG = f"stopped after {LONGEST:g} s, the most that it may take"


def _nothing() -> None:
    """Tell nobody that it takes long."""


class Probes:
    """Those that run for one purpose in one bot.

    They are told nothing of who answered, and have the environment that their action names, nothing of the bot's own.

    Args:
        runners: the kinds of action, by key.
        at_once: how many may run at once.
    """

    def __init__(self, runners: Mapping[str, Starter], at_once: int = AT_ONCE) -> None:
        self._runners = runners
        self._free = threading.BoundedSemaphore(at_once)
        self._lock = threading.Lock()
        self._running: dict[int, Running] = {}
        self._stopping = False

    @contextmanager
    def place(self, wait: float = 0.0) -> Iterator[None]:
        """Keep a place for a probe, or several one after the other.

        Raises:
            LimitError: all places are taken, and none is free after `wait` seconds.
        """
        if not self._free.acquire(timeout=wait) if wait else not self._free.acquire(blocking=False):
            raise LimitError("too many others are just being looked up; say it again in a moment")
        try:
            yield
        finally:
            self._free.release()

    def output(self, invocation: Invocation, slow: Callable[[], None] = _nothing) -> str:
        """Run one to its end, and return all that it has printed.

        Args:
            invocation: exactly as rendered.
            slow: is called once, when it takes longer than SLOW.

        Raises:
            ProbeError: it failed, took too long, or printed more than is kept.
        """
        outcome = self._outcome(invocation, slow)
        if not outcome.succeeded:
            raise ProbeError(_why(outcome), outcome.output)
        if outcome.omitted_bytes:
            size = len(outcome.output.encode()) + outcome.omitted_bytes
            raise ProbeError(f"printed {size:,} bytes, more than its output_cap; let it print less, or raise that")
        return outcome.output

    def stop(self) -> None:
        """End all that run, with all their processes, and start no more; returns when they have ended."""
        with self._lock:
            self._stopping = True
            running = list(self._running.values())
        for one in running:
            one.stop(STOPPED)
        for one in running:
            one.wait(ENDING)

    def _outcome(self, invocation: Invocation, slow: Callable[[], None]) -> Outcome:
        with self._lock:
            if self._stopping:
                raise ProbeError(f"was {STOPPED}")
            try:
                running = starter_of(self._runners, invocation.runner).start(invocation, Context(tidy=True))
            except StartError as error:
                raise ProbeError(f"cannot be started: {error}") from error
            self._running[id(running)] = running
        try:
            return _waited(running, slow)
        finally:
            with self._lock:
                del self._running[id(running)]


def _waited(running: Running, slow: Callable[[], None]) -> Outcome:
    """Wait for the end of a probe, which is stopped after LONGEST."""
    if outcome := running.wait(SLOW):
        return outcome
    slow()
    if outcome := running.wait(LONGEST - SLOW + ENDING):  # it has a time limit of its own, and then some time to end
        return outcome
    running.stop(TOO_LONG)
    return running.wait(ENDING) or Outcome(error=TOO_LONG)


def _why(outcome: Outcome) -> str:
    """Return why nothing can be made of what a probe has printed."""
    if outcome.error:
        return f"failed: {outcome.error}" if outcome.exit_code is not None else f"was {outcome.error}"
    return f"failed with exit code {outcome.exit_code}"
