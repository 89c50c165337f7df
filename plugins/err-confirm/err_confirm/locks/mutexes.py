"""Let at most one execution run under a name, whatever its alias and its bot: others wait for it, or do not run."""

from collections.abc import Callable
from dataclasses import dataclass

from err_confirm.durations import format_duration
from err_confirm.errors import LockedError, LockError, NotReadyError, RecordError, ShelfError
from err_confirm.journal import UNLOCKED
from err_confirm.journal.archive import Archive
from err_confirm.locks.mutex_uses import Entry, Use, Uses
from err_confirm.model.executions import Execution, Speaker, State, Verdict
from err_confirm.model.runs import Mutex
from err_confirm.store.shelf import Shelf
from err_confirm.transition.steps import run_by

HOLDING = (State.APPROVED, State.RUNNING, State.LOST)
"""The states in which an execution keeps what it has taken: of one that is lost, nobody knows whether it still runs."""
Read = Callable[[str], tuple[Execution | None, float]]
"""Returns an execution as it is now, and the store's clock."""


@dataclass(frozen=True, slots=True)
class Busy:
    """An execution that is in another one's way: it has what that one wants, or is before it in the line.

    Without an execution, its record cannot be read.
    """

    id: str
    execution: Execution | None
    ahead: bool = False

    def words(self, name: str, now: float) -> str:
        """Return whose the name is, and what that one does."""
        if self.ahead:
            return f"{name} is next for {self.id}, which was confirmed before"
        return f"{name} is in use by {self._holder(now)}"

    def _holder(self, now: float) -> str:
        match self.execution:
            case None:
                return f"{self.id}, whose record cannot be used"
            case Execution(state=State.RUNNING) as running:
                return f"{self.id} ({running.alias}, running for {_ago(running.started_at, now)})"
            case Execution(state=State.LOST) as lost:
                return f"{self.id} ({lost.alias}, lost {_ago(lost.ended_at, now)} ago: it may still run)"
            case other:
                return f"{self.id} ({other.alias}, about to run)"


class Mutexes:
    """Who has which name, on the shelf that all bots share.

    An execution takes its name before it is claimed, and has it for as long as it is approved, running or lost:
    that is read from its record, so that no crash keeps a name for ever, and none lets two run. A record that is gone
    has nothing. Methods raise what those of the shelf and of the archive do.

    Args:
        shelf: has the facts.
        archive: notes who gives up a name for an execution.
        read: reads executions. Raises RecordError.
        prefix: what commands begin with.
    """

    def __init__(self, shelf: Shelf, archive: Archive, read: Read, prefix: str = "") -> None:
        self._uses = Uses(shelf)
        self._archive = archive
        self._read = read
        self._prefix = prefix

    def check(self, mutex: Mutex | None) -> None:
        """See that what would not wait for its name is not asked for in vain. Raises LockedError."""
        if mutex is not None and not mutex.wait:
            use, now = self._uses.read(mutex.name)
            if found := self._in_use(use, ""):
                raise LockedError(f"{found.words(mutex.name, now)}; {self._advice(found)}")

    def in_use(self, execution: Execution) -> str:
        """Return in words which other execution has the name under which this one runs alone; nothing if none has."""
        mutex = execution.conduct.mutex
        if mutex is None:
            return ""
        use, now = self._uses.read(mutex.name)
        found = self._in_use(use, execution.id)
        return found.words(mutex.name, now) if found else ""

    def take(self, execution: Execution) -> str:
        """Take its name for an approved execution before it is claimed; return why it cannot have it.

        Raises:
            NotReadyError: it waits for its turn.
        """
        mutex = execution.conduct.mutex
        if mutex is None:
            return ""
        try:
            use, now = self._uses.read(mutex.name)
            if use.holder == execution.id:
                return ""
            found = self._in_use(use, execution.id) or self._before(use, execution, now)
            if found is not None:
                return self._refuse(execution, mutex, found, now)
            # Who was before it in the line waits no more, and whoever had the name can never run again.
            behind = tuple(each for each in use.line if each > _entry(execution))
            if self._uses.replace(mutex.name, use, Use(execution.id, behind)):
                return ""
        except ShelfError as error:
            return str(error)
        return self.take(execution)  # somebody else has just changed who has it, or waits for it

    def stand_in_line(self, execution: Execution) -> bool:
        """Note that an execution waits for its name; return whether this is the first time that anybody notes it."""
        mutex = execution.conduct.mutex
        assert mutex is not None
        return self._uses.add(mutex.name, _entry(execution))

    def leave(self, execution: Execution) -> None:
        """Forget an execution that has ended otherwise than lost: nothing reads that any more."""
        mutex = execution.conduct.mutex
        if mutex is not None and execution.state not in HOLDING:
            self._uses.remove(mutex.name, execution.id)

    def give_up(self, execution: Execution, by: Speaker, *, admin: bool) -> Mutex:
        """Take its name from an execution that is lost, as whoever asked for it, confirmed it, or as a bot admin.

        Raises:
            LockError: it has none, or is not lost, or somebody else must do it.
        """
        mutex, execution_id = execution.conduct.mutex, execution.id
        if mutex is None or self._uses.read(mutex.name)[0].holder != execution_id or execution.state not in HOLDING:
            raise LockError(f"{execution_id} keeps nothing for itself; see {self._prefix}show {execution_id}")
        if execution.state is not State.LOST:
            raise LockError(f"{execution_id} is {execution.state} and keeps {mutex.name} until it has ended")
        confirmed = {vote.person for vote in execution.votes if vote.verdict is Verdict.APPROVE}
        if not admin and by.person not in {execution.requester, *confirmed}:
            people = " or ".join(sorted({execution.requester, *confirmed}))
            raise LockError(f"{execution_id} was asked for or confirmed by {people}: only they or a bot admin can")
        self._take_away(mutex.name, execution_id, by)
        return mutex

    def give_up_unread(self, execution_id: str, by: Speaker, *, admin: bool) -> Mutex:
        """Take its name from an execution whose record cannot be used, as a bot admin: nothing tells who else may.

        Raises:
            LockError: it has none, or somebody else must do it.
        """
        name = self._uses.held_by(execution_id)
        if name is None:
            raise LockError(f"the record of {execution_id} cannot be used, and it keeps nothing for itself")
        if not admin:
            raise LockError(f"the record of {execution_id} cannot be used: only a bot admin can give up {name}")
        self._take_away(name, execution_id, by)
        return Mutex(name=name)

    def _take_away(self, name: str, execution_id: str, by: Speaker) -> None:
        facts = {"name": name, "execution": execution_id}
        self._archive.note(UNLOCKED, facts, by)
        self._uses.remove(name, execution_id)

    def _refuse(self, execution: Execution, mutex: Mutex, busy: Busy, now: float) -> str:
        """Return why it does not run; raise NotReadyError for as long as it may wait."""
        sentence = busy.words(mutex.name, now)
        if not mutex.wait:
            return f"{sentence}; {self._advice(busy)}"
        if now < (execution.approved_at or 0.0) + mutex.wait:
            raise NotReadyError(sentence)
        return f"it has waited {format_duration(mutex.wait)}, and {sentence}"

    def _advice(self, busy: Busy) -> str:
        if busy.execution is None or busy.execution.state is State.LOST:
            return f"look what it did, then say {self._prefix}unlock {busy.id}"
        return "ask again when it has ended"

    def _in_use(self, use: Use, execution_id: str) -> Busy | None:
        """Return which other execution has a name."""
        return None if use.holder in ("", execution_id) else self._look(use.holder)

    def _before(self, use: Use, execution: Execution, now: float) -> Busy | None:
        """Return which other execution is before this one in the line: the first that still waits."""
        for entry in use.line:
            if entry >= _entry(execution):
                return None
            busy = self._look(entry[1])
            waits = busy and busy.execution and busy.execution.state is State.APPROVED and now < run_by(busy.execution)
            if busy and waits:
                return Busy(busy.id, busy.execution, ahead=True)
        return None

    def _look(self, execution_id: str) -> Busy | None:
        """Return an execution if it keeps what it has."""
        try:
            execution, _ = self._read(execution_id)
        except RecordError:
            return Busy(execution_id, None)
        return Busy(execution_id, execution) if execution and execution.state in HOLDING else None


def _entry(execution: Execution) -> Entry:
    """Return what stands in the line for an execution: who was confirmed first is first."""
    return execution.approved_at or 0.0, execution.id


def _ago(moment: float | None, now: float) -> str:
    return format_duration(max(1.0, now - (moment or now)))
