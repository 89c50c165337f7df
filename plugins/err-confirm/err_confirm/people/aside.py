"""Let code of others work on threads of its own, for a limited time: what hangs there holds up nobody here."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from err_confirm.errors import SlowError

T = TypeVar("T")


class Task(Generic[T]):
    """Something that has been begun, and must be ready at a moment of the monotonic clock."""

    def __init__(self, future: "Future[T]", seconds: float) -> None:
        self._future = future
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds

    def result(self) -> T:
        """Wait for what it returns, or raise what it raises. Raises SlowError if it takes longer than it may."""
        try:
            return self._future.result(max(0.0, self._deadline - time.monotonic()))
        except TimeoutError:
            if self._future.done():  # its own
                raise
            raise SlowError(f"there was no answer within {self._seconds:g} s") from None


class Aside:
    """Begins works that may hang, and no more of them once a few do.

    Args:
        name: of the threads.
        seconds: how long each may take; then nobody waits for it any more.
        most: how many may be at work at once, those that hang among them.
    """

    def __init__(self, name: str, seconds: float, most: int) -> None:
        self._name = name
        self._seconds = seconds
        self._most = most
        self._free = threading.BoundedSemaphore(most)

    def begin(self, work: Callable[[], T]) -> Task[T]:
        """Begin a work; returns at once. Raises SlowError where too many have not come back yet."""
        if not self._free.acquire(blocking=False):
            raise SlowError(f"{self._most} earlier questions have no answer yet")
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(work())
            except (Exception, SystemExit) as error:  # noqa: BLE001  # it is who waits that must know
                future.set_exception(error)
            finally:
                self._free.release()

        threading.Thread(target=run, name=self._name, daemon=True).start()
        return Task(future, self._seconds)
