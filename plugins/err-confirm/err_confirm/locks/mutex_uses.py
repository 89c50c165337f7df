"""Keep who has which name, and who waits for it, in facts of the shelf that all bots share."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from err_confirm.store.shelf import Fact, Shelf

SHELVES = 64
"""Among how many facts all names are divided: the shelf keeps each for ever, however many names there are."""
MOST_IN_LINE = 100
"""How many wait for one name in order; who comes after them waits, too, and takes what chance gives."""
_FACT = "mutex "
Entry = tuple[float, str]
"""What stands in a line for an execution: when it was approved, and its id."""


@dataclass(frozen=True, slots=True)
class Use:
    """Who has a name, empty for nobody, and who waits for it, in order."""

    holder: str = ""
    line: tuple[Entry, ...] = ()


class Uses:
    """What is known of each name. Methods raise what those of the shelf do."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def read(self, name: str) -> tuple[Use, float]:
        """Return the use of a name, and the store's clock."""
        fact, now = self._shelf.read(_fact_of(name))
        return _uses(fact).get(name, Use()), now

    def replace(self, name: str, before: Use, after: Use) -> bool:
        """Replace the use of a name if that has not changed; return whether it was so."""
        fact = self._change(name, lambda use: after if use == before else use)
        return _uses(fact).get(name) == after

    def add(self, name: str, entry: Entry) -> bool:
        """Let an execution wait for a name; return whether it has not stood in the line, and now does."""
        added = False

        def with_this(use: Use) -> Use:
            nonlocal added
            added = entry not in use.line and len(use.line) < MOST_IN_LINE
            return Use(use.holder, tuple(sorted({*use.line, entry}))) if added else use

        self._change(name, with_this)
        return added

    def remove(self, name: str, execution_id: str) -> None:
        """Let an execution neither have a name nor wait for it."""

        def without(use: Use) -> Use:
            holder = "" if use.holder == execution_id else use.holder
            return Use(holder, tuple(each for each in use.line if each[1] != execution_id))

        self._change(name, without)

    def held_by(self, execution_id: str) -> str | None:
        """Return the name that an execution has, None if it has none; all are looked through."""
        facts = (fact for name, fact in self._shelf.all().items() if name.startswith(_FACT))
        return next((name for fact in facts for name, use in _uses(fact).items() if use.holder == execution_id), None)

    def _change(self, name: str, make: Callable[[Use], Use]) -> Fact | None:
        def made(fact: Fact | None, _: float) -> Fact | None:
            uses = _uses(fact)
            uses[name] = make(uses.get(name, Use()))
            used = {key: use for key, use in uses.items() if use != Use()}
            return {key: [use.holder, *map(list, use.line)] for key, use in used.items()} or None

        return self._shelf.change(_fact_of(name), made)


def _fact_of(name: str) -> str:
    """Return which fact of the shelf has a name in it."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) % SHELVES
    return f"{_FACT}{number}"


def _uses(fact: Fact | None) -> dict[str, Use]:
    entries: dict[str, list[Any]] = fact or {}
    return {
        name: Use(holder, tuple((float(at), str(each)) for at, each in line))
        for name, (holder, *line) in entries.items()
    }
