"""Keep from starting what people have locked, be it an alias, a guard or everything; and what must run alone."""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from err_confirm.durations import PATTERN, format_duration, parse_duration
from err_confirm.errors import LockedError, LockError, ShelfError
from err_confirm.journal import LOCKED, UNLOCKED
from err_confirm.journal.archive import Archive
from err_confirm.model.executions import Execution, Speaker
from err_confirm.store.shelf import Fact, Shelf
from err_confirm.text.spelling import did_you_mean
from err_confirm.wording import moment

EVERYTHING = "*"
LONGEST_REASON = 200
"""Characters of a reason: it stands in each refusal."""
_FACT = "locks"
"""The name of all locks on the shelf: they are looked at together, in one trip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """Who has locked what, since when and why; `until` is when it ends by itself, in seconds since 1970."""

    name: str
    owner: str
    reason: str
    since: float
    until: float | None = None

    def holds(self, now: float) -> bool:
        """Tell whether it is not over."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants to lock, for how many seconds (None: until it is unlocked), and why."""

    name: str
    lasts: float | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlocked:
    """The locks on a name that were taken off, and those that others have on it."""

    taken: tuple[Lock, ...]
    left: tuple[Lock, ...]


class Locks:
    """The locks of all bots. One person has at most one on a name, and nobody's lock is changed by another person's.

    Methods raise what those of the shelf and of the archive do.

    Args:
        shelf: has them.
        archive: notes who locks and unlocks; what cannot be noted is not done.
        prefix: what commands begin with.
    """

    def __init__(self, shelf: Shelf, archive: Archive, prefix: str = "") -> None:
        self._shelf = shelf
        self._archive = archive
        self._prefix = prefix

    def all(self) -> tuple[list[Lock], float]:
        """Return all locks that hold, by name, and the store's clock."""
        fact, now = self._shelf.read(_FACT)
        return sorted(_locks(fact, now), key=lambda lock: (lock.name, lock.since)), now

    def check(self, names: Iterable[str]) -> None:
        """See that none of these may be asked for in vain. Raises LockedError."""
        locks, now = self.all()
        wanted = {*names, EVERYTHING}
        for lock in locks:
            if lock.name in wanted:
                raise LockedError(self._sentence(lock, now))

    def vouch(self, execution: Execution) -> str:
        """Return why an approved execution must not run after all; nothing if no lock says so."""
        try:
            self.check([execution.alias])
        except (LockedError, ShelfError) as error:
            return str(error)
        return ""

    def put(self, wish: Wish, by: Speaker) -> Lock:
        """Lock something; one's own lock on it is replaced."""
        self._archive.note(LOCKED, asdict(wish), by)

        def with_this(fact: Fact | None, now: float) -> Fact:
            others = [lock for lock in _locks(fact, now) if (lock.name, lock.owner) != (wish.name, by.person)]
            until = None if wish.lasts is None else now + wish.lasts
            return _fact([*others, Lock(name=wish.name, owner=by.person, reason=wish.reason, since=now, until=until)])

        fact = self._shelf.change(_FACT, with_this)
        return next(lock for lock in _all(fact) if (lock.name, lock.owner) == (wish.name, by.person))

    def take(self, name: str, by: Speaker, *, admin: bool) -> Unlocked:
        """Take one's own lock off something, or as a bot admin all that are on it. Raises LockError."""
        locks, _ = self.all()
        found = [lock for lock in locks if lock.name == name.strip()]
        found = found or [lock for lock in locks if lock.name.casefold() == name.strip().casefold()]
        if not found:
            what = f"{name.strip()} is not locked" if name.strip() else f"say what: {self._prefix}unlock <name>"
            raise LockError(f"{what}; see {self._prefix}locks")
        taken = [lock for lock in found if admin or lock.owner == by.person]
        if not taken:
            owners = " or ".join(lock.owner for lock in found)
            raise LockError(f"{found[0].name} was locked by {owners}: only they or a bot admin can unlock it")
        facts = {"name": found[0].name, "owners": [lock.owner for lock in taken]}
        self._archive.note(UNLOCKED, facts, by)

        def without_these(fact: Fact | None, now: float) -> Fact:
            return _fact(lock for lock in _locks(fact, now) if lock not in taken)

        self._shelf.change(_FACT, without_these)
        return Unlocked(taken=tuple(taken), left=tuple(lock for lock in found if lock not in taken))

    def _sentence(self, lock: Lock, now: float) -> str:
        what = "everything" if lock.name == EVERYTHING else lock.name
        left = "" if lock.until is None else f", for {format_duration(lock.until - now)} more"
        return (
            f"{what} is locked by {lock.owner} since {moment(lock.since, now)}{left}: {lock.reason}; "
            f"{lock.owner} or a bot admin can say {self._prefix}unlock {lock.name}"
        )


def read_wish(text: str, names: Iterable[str], prefix: str) -> Wish:
    """Return what `restart 2h db migration` wants to lock.

    Args:
        text: what was said: a name, perhaps how long, and a reason.
        names: what can be locked, besides everything. A name may have blanks: the longest that fits is meant.
        prefix: what commands begin with.

    Raises:
        LockError: it names nothing that can be locked, gives no reason, or a length of time that is none.
    """
    words, known = " ".join(text.split()), [EVERYTHING, *names]
    begun = [name for name in known if f"{words} ".casefold().startswith(f"{' '.join(name.split())} ".casefold())]
    if not words:
        raise LockError(f"say what, and why: {prefix}lock <alias, guard or {EVERYTHING}> [2h] <reason>")
    if not begun:
        first = words.split(" ")[0]
        raise LockError(f'"{first}" is no alias and no guard{did_you_mean(first, known)}; or say {EVERYTHING} for all')
    name = max(begun, key=lambda name: (len(name), words.startswith(" ".join(name.split()))))
    rest = words[len(" ".join(name.split())) :].strip()
    first, _, reason = rest.partition(" ")
    lasts = None
    if re.match(PATTERN, first):
        try:
            lasts = parse_duration(first)
        except ValueError as error:
            raise LockError(str(error)) from error
        rest = reason
    if not rest:
        raise LockError(f"say why, at the end: {prefix}lock {name}{first and f' {first}'} <reason>")
    if len(rest) > LONGEST_REASON:
        raise LockError(f"a reason has at most {LONGEST_REASON} characters; say it shorter")
    return Wish(name=name, lasts=lasts, reason=rest)


def _all(fact: Fact | None) -> list[Lock]:
    entries: list[dict[str, Any]] = fact["locks"] if fact else []
    return [Lock(**entry) for entry in entries]


def _locks(fact: Fact | None, now: float) -> list[Lock]:
    return [lock for lock in _all(fact) if lock.holds(now)]


def _fact(locks: Iterable[Lock]) -> Fact:
    return {"locks": [asdict(lock) for lock in locks]}
