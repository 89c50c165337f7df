"""Keep the few small facts that all bots of a store share, beside the executions: locks, enrolments."""

import hashlib
import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from err_confirm.errors import ShelfError, StoreUnavailableError
from err_confirm.store.base import Record, Store, Swap, SwapStatus
from err_confirm.store.seal import SEAL_CHARACTERS, Seal, same

CONFLICTS = 100
"""How many other writers a change gives way to before the store counts as not reachable."""

Fact = dict[str, Any]
"""What can be written as JSON."""
Make = Callable[[Fact | None, float], Fact | None]
"""Makes of a fact, and the store's clock, what it is to be; None for nothing. It may be called several times."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """A fact as the store has it: its name, 0 or its version, and its text as JSON."""

    name: str
    version: int
    text: str

    @property
    def fact(self) -> Fact | None:
        found: Fact | None = json.loads(self.text)
        return found


class Shelf:
    """Facts by name, in a store of their own; any thread of any process may read and change them.

    Each is sealed together with its name and its version. Nothing is ever removed, as far as the store goes: what is
    gone is a fact that says so, under a higher version. So this process notices if one that it has seen is taken away,
    or an older one is put back; one that was started since cannot know.

    Methods raise StoreUnavailableError when the store does not answer, and ShelfError for a fact that cannot be used.

    Args:
        store: in which nothing else is kept.
        seal: of the namespace of the executions beside it.
        keep: for how many seconds after its last change a fact is kept; None for as long as the store is there.
    """

    def __init__(self, store: Store, seal: Seal, *, keep: float | None = None) -> None:
        self._store = store
        self._seal = seal
        self._keep = keep
        self._lock = threading.Lock()
        self._seen: dict[str, _Stored] = {}

    def read(self, name: str) -> tuple[Fact | None, float]:
        """Return a fact, None if there is none, and the store's clock; one trip."""
        stored, now = self._look(name)
        return stored.fact, now

    def get(self, name: str) -> Fact | None:
        """Return a fact, None if there is none."""
        return self.read(name)[0]

    def change(self, name: str, make: Make) -> Fact | None:
        """Replace a fact by what `make` makes of it, and return that; what others write meanwhile is never lost."""
        for _ in range(CONFLICTS):
            stored, now = self._look(name)
            made = _Stored(name, stored.version + 1, json.dumps(make(stored.fact, now)))
            if made.text == stored.text:
                return stored.fact
            keep_until = None if self._keep is None else now + self._keep
            if self._store.swap(Swap(record=self._record(made), keep_until=keep_until)).status is SwapStatus.OK:
                self._note(made)
                return made.fact
        raise StoreUnavailableError(f"too many others change {name} at this moment; say it again")

    def forget(self, name: str) -> None:
        """Remember no longer what was seen of a fact: this process has no more to do with it."""
        with self._lock:
            self._seen.pop(_id(name), None)

    def all(self) -> dict[str, Fact]:
        """Return all facts by name, sorted."""
        with self._lock:
            missing = dict(self._seen)
        found = {}
        for record in self._store.recent():
            stored = self._read(record, missing.pop(record.id, None))
            if (fact := stored.fact) is not None:
                found[stored.name] = fact
        for seen in missing.values():
            raise ShelfError(seen.name, "it was taken away")
        return dict(sorted(found.items()))

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()

    def _look(self, name: str) -> tuple[_Stored, float]:
        with self._lock:  # as it was before the store is asked: others may see a newer one meanwhile
            seen = self._seen.get(_id(name))
        record, now = self._store.read(_id(name))
        if record is not None:
            return self._read(record, seen), now
        if seen is not None:
            raise ShelfError(name, "it was taken away")
        return _Stored(name, 0, "null"), now

    def _read(self, record: Record, seen: _Stored | None) -> _Stored:
        """Return what a record holds, which must not be older than what was seen of it. Raises ShelfError."""
        sealed, body = record.body[:SEAL_CHARACTERS], record.body[SEAL_CHARACTERS:]
        if not same(sealed.decode(errors="replace"), self._seal.fact(record.id, record.version, body)):
            raise ShelfError(seen.name if seen else record.id, "it is not sealed with our key")
        name, text = json.loads(body)
        stored = _Stored(name, record.version, text)
        if seen is not None and stored.version < seen.version:
            raise ShelfError(name, "an older one was put back")
        if seen is not None and stored.version == seen.version and stored != seen:  # one that was refused
            raise ShelfError(name, "another one was put in its place")
        self._note(stored)
        return stored

    def _record(self, stored: _Stored) -> Record:
        body = json.dumps([stored.name, stored.text]).encode()
        sealed = self._seal.fact(_id(stored.name), stored.version, body).encode()
        return Record(_id(stored.name), stored.version, secrets.token_hex(8), sealed + body)

    def _note(self, stored: _Stored) -> None:
        with self._lock:
            seen = self._seen.get(_id(stored.name))
            if seen is None or seen.version < stored.version:
                self._seen[_id(stored.name)] = stored


def _id(name: str) -> str:
    """Return the id of a name's record: a name may have any characters, an id must not."""
    return hashlib.sha256(json.dumps(name).encode()).hexdigest()
