"""Keep the end of what a process group writes, and count the rest; all of it goes into a file."""

import os
import select
from time import monotonic
from typing import IO

from err_confirm.runners.processes.keeping import Keeping

_CHUNK = 65_536


class Output:
    """The last `cap` bytes that come out of a pipe; `keeping` gets all of them."""

    def __init__(self, pipe: IO[bytes], cap: int, keeping: Keeping) -> None:
        self._descriptor = pipe.fileno()
        self._cap = cap
        self._keeping = keeping
        self._kept = bytearray()
        self._open = True
        self.omitted = 0

    def collect(self, seconds: float, *others: int) -> set[int]:
        """Wait for output or another descriptor, at most `seconds`; keep the output, return which were ready."""
        poll = select.poll()
        for descriptor in (*others, self._descriptor) if self._open else others:
            poll.register(descriptor, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll(max(0.0, seconds) * 1_000)}
        if self._descriptor in ready:
            self._add(os.read(self._descriptor, _CHUNK))
        return ready

    def drain(self, seconds: float) -> None:
        """Keep what is still to come, until nobody can write any more or `seconds` are over."""
        deadline = monotonic() + seconds
        while self._open and (left := deadline - monotonic()) > 0:
            self.collect(left)

    def text(self) -> str:
        """Return what is kept as text; bytes that are not UTF-8 show as the replacement character."""
        return self._kept.decode(errors="replace")

    def _add(self, written: bytes) -> None:
        self._open = bool(written)
        self._keeping.write(written)
        self._kept += written
        excess = max(0, len(self._kept) - self._cap)
        self.omitted += excess
        del self._kept[:excess]
