"""Show moments, and that something goes on."""

import sys
from datetime import UTC, datetime


def shown(moment: float) -> str:
    """Return a moment (seconds since 1970) as `2026-11-20 14:03:20 UTC`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


class Progress:
    """Counts on standard error, if that is a terminal; to be used in a `with`."""

    STEP = 1_000

    def __init__(self, what: str) -> None:
        self._what = what
        self._count = 0
        self._shows = sys.stderr.isatty()

    def __enter__(self) -> "Progress":
        return self

    def step(self) -> None:
        """Count one more."""
        self._count += 1
        if self._shows and self._count % self.STEP == 0:
            print(f"\r{self._count:,} {self._what}", end="", file=sys.stderr, flush=True)

    def __exit__(self, *_: object) -> None:
        if self._shows and self._count >= self.STEP:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
