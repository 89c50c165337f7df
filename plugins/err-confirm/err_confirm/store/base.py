"""What a store promises: a key-value store with TTLs that can compare and swap.

A store knows nothing of votes or policies. `swap` is atomic: either the record, its TTL keys, its due moment, its line
of the journal and the wake-up are all written, or nothing is. Moments are seconds since 1970 (float) on the *store's*
clock, which is the server's for a server. Every method raises StoreUnavailableError when the store does not answer
within its time-outs; after that a swap may or may not have happened, and repeating the same one with the same token is
safe.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from err_confirm.health import Finding


@dataclass(frozen=True, slots=True)
class Record:
    """One stored execution: `body` is opaque, `version` starts at 1, `token` names the swap that wrote it."""

    id: str
    version: int
    token: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Key:
    """The per-person, per-execution key: what the gate polls and people look at; it lives until `expires_at`."""

    execution_id: str
    person: str
    value: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class Head:
    """The last line of the journal: its number, and what it is sealed with; 0 and nothing before the first line."""

    number: int = 0
    seal: str = ""


Append = Callable[[Head], tuple[str, Head]]
"""Returns the line that follows a head, and the new head; a store may call it several times, and writes one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """Replace version `record.version - 1` (0: must not exist) by `record`, inside [not_before, not_after).

    `due_at` is the next moment that something is due for it, None for never. `keep_until` is when the record may be
    forgotten, None for not while it lives; both are written with each swap, so no TTL is ever inherited by accident.
    `journal` is the line to append, if any; `follows` is the line that must then be the journal's last one, if that
    matters.
    """

    record: Record
    keys: tuple[Key, ...] = ()
    journal: Append | None = None
    follows: Head | None = None
    due_at: float | None = None
    keep_until: float | None = None
    not_before: float = -math.inf
    not_after: float = math.inf


class SwapStatus(StrEnum):
    """How a swap ended; OK also when this very swap (same version, same token) had been written before."""

    OK = "ok"
    CONFLICT = "conflict"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class SwapResult:
    """A swap's end, the record as it now stands (None: there is none), and the store's clock."""

    status: SwapStatus
    record: Record | None
    now: float


@dataclass(frozen=True, slots=True)
class Due:
    """The next moment that something is due for an execution."""

    id: str
    at: float


class Watch(Protocol):
    """A thread's own ear for changes; made by `Store.watch`, used by one thread, closed by it."""

    def wait(self, timeout: float) -> bool:
        """Return True as soon as somebody has swapped or called `wake` since the last call; False after `timeout` s.

        Of swaps, those of any process, it is a hint: it may be True for nothing, and may miss one while the store is
        not reachable. It never raises for an unreachable store: it then waits the time out and returns False.
        """
        ...

    def wake(self) -> None:
        """Make `wait` return True at once: the one that goes on, or else the next; may be called from any thread."""
        ...

    def close(self) -> None:
        """Let go of its connection."""
        ...


class Store(Protocol):
    """A place that many processes share. All methods may be called from any thread."""

    def read(self, execution_id: str) -> tuple[Record | None, float]:
        """Return the record, None if there is none (or it was to be forgotten), and the store's clock; one trip."""
        ...

    def swap(self, swap: Swap) -> SwapResult:
        """Write a swap atomically or not at all.

        Order of checks: the stored version and token equal the swap's own → OK without writing (a lost reply does
        nothing twice); the stored version is not `record.version - 1` → CONFLICT; the clock outside the window →
        LATE; the journal's last line is not `follows` → CONFLICT; else everything is written, and watchers are woken.
        """
        ...

    def due(self, limit: int) -> tuple[list[Due], float]:
        """Return the `limit` entries that are due first, soonest first, due already or not, and the store's clock."""
        ...

    def forget_due(self, execution_id: str) -> None:
        """Remove the due entry of an execution whose record is gone; a no-op while there is a record."""
        ...

    def poll(self, keys: Sequence[tuple[str, str]]) -> list[bool]:
        """Tell for each (execution id, person) whether its key is there and alive; one trip for up to 1,000."""
        ...

    def recent(self) -> Iterator[Record]:
        """Yield all records that are kept, newest first (by first write), read a page at a time."""
        ...

    def find(self, prefix: str, limit: int) -> list[str]:
        """Return at most `limit` ids that start with `prefix`, sorted; ended but not forgotten ones too."""
        ...

    def journal(self, after: int, limit: int) -> list[tuple[int, str]]:
        """Return number and text of the first `limit` lines of the journal that have a number above `after`."""
        ...

    def newest(self, limit: int) -> list[tuple[int, str]]:
        """Return number and text of the last `limit` lines of the journal, in their order; one trip."""
        ...

    def note(self, journal: Append, forget: int = 0) -> None:
        """Append a line that belongs to no record, and remove those with a number up to `forget`; all or nothing."""
        ...

    def watch(self) -> Watch:
        """Return a new ear for changes, those of other processes too."""
        ...

    def close(self) -> None:
        """Let go of all connections; a later call of any method raises StoreUnavailableError."""
        ...

    def check(self) -> list[Finding]:
        """Return how well the place is set up for what it is used for; creates and changes nothing."""
        ...


def clock(store: Store) -> float:
    """Return a store's clock: by it, all moments are meant."""
    return store.due(1)[1]
