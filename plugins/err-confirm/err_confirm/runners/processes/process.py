"""Watch a process group to its end: what it writes, how long it may run, and that nothing of it stays behind.

One thread a run owns the process, so that its end, its time limit and a stop are decided in one place. Until the very
end the process is not reaped: its id, which is also that of its group, cannot come to mean another one meanwhile.
Needs Linux 5.3, for pidfd. What a process moves into another session, as daemons do, is no longer part of its group.
"""

import os
import signal
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from time import monotonic

from err_confirm.durations import format_duration
from err_confirm.errors import StartError
from err_confirm.model.runs import Outcome
from err_confirm.runners.processes.group import group_is_alive, signal_group, signal_name
from err_confirm.runners.processes.keeping import Keeping
from err_confirm.runners.processes.launch import Launch, spawn
from err_confirm.runners.processes.output import Output

GRACE = 2.0
"""Seconds between asking a group to end and killing it, once its time is over."""

_LINGER = 1.0
"""Seconds to wait for the last output, which a surviving grandchild may hold back."""

_TICK = 0.05
"""Seconds between two looks at whether a group has ended; only its first process tells by itself."""


@dataclass(frozen=True, slots=True)
class _Ending:
    """Why a group must end before it does so by itself."""

    error: str
    aborted: bool


class ProcessGroup:
    """A process and all that it starts."""

    def __init__(self, launch: Launch) -> None:
        """Start it. Raises StartError."""
        self._timeout = launch.timeout
        self._tidy = launch.tidy
        self._stop: _Ending | None = None
        self._outcome: Outcome | None = None
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._descriptors = ExitStack()
        try:
            self._start(launch)
        except (OSError, RuntimeError) as error:
            raise StartError(f'cannot start "{launch.argv[0]}": the system is at its limit ({error})') from error

    def wait(self, timeout: float) -> Outcome | None:
        """Return how it ended, or None if it still runs after `timeout` seconds."""
        return self._outcome if self._ended.wait(timeout) else None

    def stop(self, error: str) -> None:
        """Ask the group to end, kill it after GRACE seconds; return at once. The first reason to end counts."""
        with self._lock:
            if self._stop is None and not self._ended.is_set():
                self._stop = _Ending(error, aborted=True)
                os.eventfd_write(self._wake, 1)

    def _start(self, launch: Launch) -> None:
        with ExitStack() as undo:
            undo.callback(self._descriptors.close)
            self._wake = os.eventfd(0)
            self._descriptors.callback(os.close, self._wake)
            self._process = spawn(launch)
            undo.callback(self._process.wait)
            undo.callback(self._process.kill)
            assert self._process.stdout is not None
            pipe = self._descriptors.enter_context(self._process.stdout)
            keeping = Keeping(launch.keep)
            self._descriptors.callback(keeping.close)
            self._output = Output(pipe, launch.output_cap, keeping)
            self._exit = os.pidfd_open(self._process.pid)
            self._descriptors.callback(os.close, self._exit)
            threading.Thread(target=self._supervise, name=f"run-{self._process.pid}", daemon=True).start()
            undo.pop_all()

    def _supervise(self) -> None:
        ending = self._watch()
        outcome = self._own_end() if ending is None else self._end(ending)
        with self._lock:
            self._process.poll()
            self._descriptors.close()
            self._outcome = outcome
            self._ended.set()
        self._process.wait()  # only one that could not be killed is still there

    def _watch(self) -> _Ending | None:
        """Return why it must end, or None once it has ended by itself."""
        deadline = monotonic() + self._timeout
        while True:
            left = deadline - monotonic()
            ready = self._output.collect(left, self._exit, self._wake)
            if self._exit in ready:
                return None
            if self._wake in ready:
                return self._stop
            if left <= 0:
                return _Ending(f"stopped after its time limit of {format_duration(self._timeout)}", aborted=False)

    def _own_end(self) -> Outcome:
        if self._tidy:
            self._signal_until_ended(signal.SIGKILL, _LINGER)
        self._output.drain(_LINGER)
        code = self._process.wait()
        if code < 0:
            return self._result(128 - code, f"ended by signal {signal_name(-code)}")
        return self._result(code)

    def _end(self, ending: _Ending) -> Outcome:
        self._signal_until_ended(signal.SIGTERM, GRACE)
        self._signal_until_ended(signal.SIGKILL, _LINGER)
        self._output.drain(_LINGER)
        left_over = "; but not all of its processes could be ended" if group_is_alive(self._process.pid) else ""
        return self._result(None, ending.error + left_over, ending.aborted)

    def _signal_until_ended(self, number: signal.Signals, seconds: float) -> None:
        signal_group(self._process.pid, number)
        deadline = monotonic() + seconds
        while group_is_alive(self._process.pid) and monotonic() < deadline:
            self._output.collect(_TICK)

    def _result(self, exit_code: int | None, error: str = "", aborted: bool = False) -> Outcome:
        return Outcome(
            exit_code=exit_code,
            output=self._output.text(),
            omitted_bytes=self._output.omitted,
            error=error,
            aborted=aborted,
        )
