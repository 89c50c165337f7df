"""Let SIGTERM end the bot as Ctrl-C does, with its plugins deactivated.

Errbot leaves SIGTERM to the system, which ends the process at once and leaves its children running.
"""

import os
import signal
import threading
from types import FrameType

AGAIN = 15.0
"""Seconds after a SIGTERM in which the plugins are to be deactivated."""
_timers: list[threading.Timer] = []


def listen() -> None:
    """Handle it from now on, unless somebody else does; only the main thread can."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _interrupt)


def done() -> None:
    """Take in that the plugins are being deactivated: nothing more need be raised."""
    while _timers:
        _timers.pop().cancel()


def _interrupt(_: int, __: FrameType | None) -> None:
    """Raise what ends the bot, and once more unless it then ends: in some callbacks Python ignores what is raised."""
    timer = threading.Timer(AGAIN, os.kill, (os.getpid(), signal.SIGTERM))
    timer.daemon = True
    timer.start()
    _timers.append(timer)
    raise KeyboardInterrupt
