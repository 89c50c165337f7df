"""Find executions in the journal, newest first, also those whose records the store no longer keeps."""

import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from err_confirm.errors import LineError, RecordError
from err_confirm.journal import CALLED, OBJECTED, PAGE, STOPPING, Line, read_line
from err_confirm.journal.records import Records
from err_confirm.model.executions import State
from err_confirm.store.base import Store
from err_confirm.store.seal import Seal

log = logging.getLogger(__name__)

_UNDECIDED = {
    **dict.fromkeys(("asked", "posted", OBJECTED, *CALLED.values()), State.PENDING),
    "confirmed": State.APPROVED,
    STOPPING: State.RUNNING,
}
"""What an execution has come to by lines that name no state, where its record does not say it better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked for, and what has become of it; `at` is when it was asked for, `changed_at` its last change.

    It followed its `parent`, if it has one, because of `cause`.
    """

    id: str
    at: float
    state: State
    changed_at: float
    alias: str
    requester: str
    text: str
    parent: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which executions are meant: those that are so in each respect that is not left empty.

    `since` and `until` bound when it was asked for, in seconds since 1970; `text` is a part of what was said, in any
    case.
    """

    person: str = ""
    alias: str = ""
    state: str = ""
    since: float = -math.inf
    until: float = math.inf
    text: str = ""

    def takes(self, asked: Asked) -> bool:
        """Tell whether an execution is meant."""
        return (
            self.person in ("", asked.requester)
            and self.alias in ("", asked.alias)
            and self.state in ("", asked.state)
            and self.since <= asked.at < self.until
            and self.text.lower() in asked.text.lower()
        )


@dataclass(frozen=True, slots=True)
class Found:
    """What a search has found, newest first; `more` was found beside, and it is `complete` if all was looked at."""

    executions: tuple[Asked, ...]
    more: bool
    complete: bool


def search(
    store: Store,
    records: Records,
    wanted: Search,
    most: int,
    *,
    lines: float = math.inf,
    on_line: Callable[[], None] = lambda: None,
) -> Found:
    """Return the newest executions that are meant.

    Args:
        store: whose journal is looked at, from its end on.
        records: of the store's namespace.
        wanted: what is meant.
        most: how many are returned.
        lines: after how many lines it gives up.
        on_line: is called for each line.
    """
    in_any_state = replace(wanted, state="")
    last: dict[str, Line] = {}
    found: list[Asked] = []
    for count, line in enumerate(newest_first(store, records.seal)):
        if count >= lines:
            return Found(tuple(found), more=False, complete=False)
        on_line()
        told = line.entry
        newest = last.setdefault(told.execution, line)
        if told.what != "asked":
            continue
        del last[told.execution]
        if told.at < wanted.since:
            break
        asked = Asked(
            id=told.execution,
            at=told.at,
            state=_UNDECIDED.get(newest.entry.what) or State(newest.entry.what),
            changed_at=newest.entry.at,
            alias=told.facts["alias"],
            requester=told.who,
            text=told.facts["text"],
            parent=told.facts.get("parent", ""),
            cause=told.facts.get("cause", ""),
        )
        if newest.entry.what in _UNDECIDED and in_any_state.takes(asked):
            asked = replace(asked, state=_state(store, records, asked))
        if wanted.takes(asked):
            if len(found) == most:
                return Found(tuple(found), more=True, complete=True)
            found.append(asked)
    return Found(tuple(found), more=False, complete=True)


def newest_first(store: Store, seal: Seal) -> Iterator[Line]:
    """Yield the lines of a journal from its end on; one that is not as it was written is left out, and logged."""
    newest, oldest = store.newest(1), store.journal(0, 1)
    above = newest[0][0] if newest else 0
    while oldest and above >= oldest[0][0]:
        page = [each for each in store.journal(max(0, above - PAGE), PAGE) if each[0] <= above]
        for number, text in reversed(page):
            try:
                yield read_line(text, seal)
            except LineError as error:
                log.warning("line %s of the journal %s; see: err-confirm verify", number, error)
        above = page[0][0] - 1 if page else above - PAGE  # where lines are missing, there are some before


def _state(store: Store, records: Records, asked: Asked) -> State:
    """Return what an execution has come to by its record, if there is one that can be used."""
    record, _ = store.read(asked.id)
    try:
        return records.read(record).state if record else asked.state
    except RecordError as error:
        log.warning("%s", error)
        return asked.state
