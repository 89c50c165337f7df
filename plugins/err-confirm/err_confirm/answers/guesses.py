"""Keep ids from being guessed: who has said too many that name nothing is not listened to for a while."""

import threading
import time
from collections.abc import Callable

from err_confirm.errors import GuessError

MOST = 20
"""How many ids that name nothing one person may say within `WITHIN`."""
WITHIN = 60.0
"""Seconds for which such an id is remembered."""


class Guesses:
    """What people have said in vain, in this process and of late; any thread may call.

    Nobody's count touches anybody else's. While somebody is refused nothing is counted, so that this ends by itself.

    Args:
        clock: returns seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._said: dict[str, list[float]] = {}  # those who guessed last come last

    def check(self, person: str) -> None:
        """Raise GuessError if somebody has said too many."""
        with self._lock:
            now = self._clock()
            said = [at for at in self._said.get(person, ()) if now - at < WITHIN]
        if len(said) == MOST:
            raise GuessError(MOST, said[0] + WITHIN - now)

    def note(self, person: str) -> None:
        """Count one that named nothing, and forget all that is too old to count."""
        with self._lock:
            now = self._clock()
            said = [at for at in self._said.pop(person, ()) if now - at < WITHIN]
            self._said[person] = [*said, now][-MOST:]
            while now - self._said[first := next(iter(self._said))][-1] >= WITHIN:
                del self._said[first]

    def __len__(self) -> int:
        """Return how many people are remembered."""
        return len(self._said)
