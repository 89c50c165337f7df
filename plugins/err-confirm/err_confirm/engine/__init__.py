"""The verbs: read an execution, ask what may happen, swap it, and tell of what has changed."""

import logging
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice

from err_confirm import ids
from err_confirm.errors import GroupError, LineError, NotReadyError, RecordError, SequelError, StoreUnavailableError
from err_confirm.journal.history import Found, Search, search
from err_confirm.journal.records import Records, mark
from err_confirm.journal.witness import Last, Witness
from err_confirm.model.executions import Execution, Plan, Speaker, State
from err_confirm.policy import groups
from err_confirm.policy.seating import NOBODY, Roster
from err_confirm.store.base import Head, Record, Store, Swap, SwapResult, SwapStatus, clock
from err_confirm.transition import transition
from err_confirm.transition.events import Abort, Advance, Answer, Doubt, Event, Reason
from err_confirm.transition.steps import KEEP, RUN_WITHIN, Already, Decision, Refusal, Step

log = logging.getLogger(__name__)

CONFLICTS = 100
"""How many other writers a step gives way to before the store counts as not reachable."""
SEARCHED = 20_000
"""How many of the journal's lines are looked at for somebody in chat."""
CHECK = "whoever runs the bot must look at it with err-confirm verify, and then restart the bot"
UNTOLD = 1_000
"""How many ends that are still to be told may be due before what waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """What an execution follows, why, how many before it did so, and the id that it must have.

    `until` that moment, one that has followed already is still kept.
    """

    id: str = ""
    parent: str = ""
    cause: str = ""
    depth: int = 0
    until: float = math.inf


FIRST = After()
"""What was asked for by somebody follows nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """Why an approved execution must not run after all, nothing if it may; and which of its targets are gone."""

    doubt: str = ""
    gone: frozenset[int] = frozenset()


class Engine:
    """All that can be done with executions; every method may be called from any thread.

    Methods raise StoreUnavailableError when the store does not answer: then nothing more is known than before, and
    saying the same again is safe. They raise RecordError for an execution whose record cannot be used, and GroupError
    where an answer cannot be counted because nobody knows who is in a group.

    Args:
        store: where executions are.
        records: reads and writes them there.
        on_change: is called with an execution after each change of its state, or when there is something to be said of
            it, on the thread that made the change, or that saw it first where the store's answer was lost; and again
            if that is to be told again. Must not raise.
        groups: says who is in groups, at this moment. Raises GroupError.
        vouch: says whether an approved execution may run: asked at each claim. Raises NotReadyError where that cannot
            be told yet, or not by this process.
        person: says whose an identity is, now: who has got a name, or lost it, since they asked or answered is still
            the one they were.
    """

    def __init__(
        self,
        store: Store,
        records: Records,
        on_change: Callable[[Execution], None],
        groups: Callable[[Iterable[str]], Roster] = lambda _: NOBODY,
        *,
        vouch: Callable[[Execution], Vouched] | None = None,
        person: Callable[[str], str] | None = None,
    ) -> None:
        self.store = store
        self._records = records
        self._on_change = on_change
        self._groups = groups
        self._vouch = vouch
        self._person = person
        self._untold: dict[str, str] = {}
        self._witness = Witness(store, records.seal)

    def create(self, plan: Plan, by: Speaker, text: str, after: After = FIRST) -> Execution:
        """Store what was asked for. It waits for `Posted`, and then for its votes, if it has a policy.

        What follows another execution has an id that can only be made of that one's: where it is there already, it is
        returned as it is.

        Raises:
            SequelError: nobody can tell any more whether it was there.
        """
        assert plan.ahead is None, "nobody knows yet what would run"
        policy = plan.policy
        for _ in range(CONFLICTS):
            execution_id = after.id or ids.new_id()
            record, now = self.store.read(execution_id)
            if record is not None and after.id:
                return self._read(record)
            if now >= after.until:
                raise SequelError(f"{after.parent} has ended so long ago that nobody knows any more whether it did")
            execution = Execution(
                id=execution_id,
                state=State.PENDING,
                alias=plan.alias,
                action=plan.action,
                text=text,
                parameters=plan.parameters,
                invocation=plan.invocation,
                others=plan.others,
                conduct=plan.conduct,
                digest=plan.digest,
                policy=policy,
                requester=by.person,
                identity=by.identity,
                place=by.place,
                created_at=now,
                expires_at=now + (policy.stages[0].within if policy else RUN_WITHIN),
                ack=plan.ack,
                result=plan.result,
                parent=after.parent,
                cause=after.cause,
                depth=after.depth,
            )
            if self.store.swap(self._records.first_swap(execution)).status is SwapStatus.OK:
                return execution
        raise StoreUnavailableError("the store takes no new execution at this moment; say it again")

    def sequel(self, parent: Execution, cause: str) -> tuple[After, Execution | None]:
        """Return what makes the execution that follows another for some cause, and that one if it is there already."""
        for attempt in range(CONFLICTS):
            execution_id = ids.id_of(self._records.seal.sequel(parent.id, cause, attempt))
            found, _ = self.read(execution_id)
            if found is None or (found.parent, found.cause) == (parent.id, cause):  # and none that has its id by chance
                until = (parent.ended_at or 0.0) + KEEP
                return After(id=execution_id, parent=parent.id, cause=cause, depth=parent.depth + 1, until=until), found
        raise StoreUnavailableError(f"the store has no room for what follows {parent.id}; try again")

    def sequels(self, parent: Execution) -> dict[str, Execution]:
        """Return by their causes the executions that have followed another, and are kept."""
        found: dict[str, Execution] = {}
        for cause in parent.conduct.follow if parent.state.ended else ():
            try:
                _, execution = self.sequel(parent, cause)
            except RecordError as error:
                log.warning("%s", error)
            else:
                found |= {cause: execution} if execution else {}
        return found

    def apply(self, execution_id: str, event: Event) -> Decision:
        """Do what the event asks for if the state machine allows it, once."""
        decision = self._apply(execution_id, event)
        return self._as_written(decision) if isinstance(event, Advance) and isinstance(decision, Already) else decision

    def _apply(self, execution_id: str, event: Event) -> Decision:
        record, now = self.store.read(execution_id)
        vouched: Record | None = None
        for _ in range(CONFLICTS):
            if record is None:
                return Refusal(Reason.UNKNOWN)
            execution = self._seen(record)
            event, roster = self._looked_up(execution, event)
            decision = transition(execution, event, now, roster)
            if not isinstance(decision, Step):
                return decision
            after = decision.execution
            swap = self._records.step_swap(execution, decision, event)
            claims = after.fence != execution.fence
            if claims and isinstance(event, Advance) and self._vouch is not None and vouched != record:
                try:
                    found = self._vouch(execution)
                except NotReadyError:
                    return Refusal(Reason.NOT_YET, execution)
                event = Doubt(found.doubt) if found.doubt else replace(event, gone=found.gone)
                vouched, (record, now) = record, self.store.read(execution_id)  # it may have taken its time
                continue
            if claims or execution.state in (State.PENDING, State.APPROVED):
                try:
                    known, head = self._known(execution, record, claims=claims)
                except LineError as error:
                    log.error("the journal cannot vouch for execution %s: %s", execution_id, error)
                    event = Doubt(f"the journal cannot vouch for it ({error}); {CHECK}")
                    continue
                if not known:
                    before, (record, now) = record, self.store.read(execution_id)
                    if record == before:  # and not one that another process has written right now
                        raise RecordError(execution_id, "the journal says that it went on; it was put back")
                    continue
                # A claim may be made elsewhere, and put back, before this one is written.
                swap = replace(swap, follows=head if claims else None)
            result, written = self._write(swap, execution, decision, event)
            if result.status is SwapStatus.OK:
                return written
            record, now = result.record, result.now
        raise StoreUnavailableError(f"too many others change execution {execution_id} at this moment; say it again")

    def tell_anyway(self, execution: Execution, event: Event) -> None:
        """Tell what an event makes of an execution that the store has forgotten: whoever asked still waits for it."""
        decision = transition(execution, event, clock(self.store))
        if isinstance(decision, Step):
            self._tell(decision.execution)

    def read(self, execution_id: str) -> tuple[Execution | None, float]:
        """Return an execution as it is now, and the store's clock."""
        record, now = self.store.read(execution_id)
        return (None if record is None else self._read(record)), now

    def recent(self) -> Iterator[Execution]:
        """Yield the executions that are kept, newest first."""
        return self._readable(self.store.recent())

    def search(self, wanted: Search, most: int) -> Found:
        """Return the newest executions that are meant, also those that are no longer kept, out of the newest lines."""
        return search(self.store, self._records, wanted, most, lines=SEARCHED)

    def waiting(self, limit: int) -> tuple[list[Execution], float]:
        """Return at most `limit` executions that have not ended, the soonest due first, and the store's clock."""
        entries, now = self.store.due(limit + UNTOLD)
        records = (self.store.read(entry.id)[0] for entry in entries)
        readable = self._readable(record for record in records if record is not None)
        return list(islice((execution for execution in readable if not execution.state.ended), limit)), now

    def roster(self, execution: Execution) -> Roster:
        """Return who is in the groups of its policy at this moment. Raises GroupError."""
        named = groups(execution.policy) if execution.policy else []
        return self._groups(named) if named else NOBODY

    def _looked_up(self, execution: Execution, event: Event) -> tuple[Event, Roster]:
        """Return an event and who is in the groups, where it counts answers; instead of a claim, a doubt about it."""
        claim = isinstance(event, Advance) and execution.state is State.APPROVED
        if not claim and not isinstance(event, Answer | Abort):
            return event, NOBODY
        try:
            return event, self.roster(execution)
        except GroupError as error:
            if isinstance(event, Abort):  # who asked, or has confirmed, may still stop it
                return event, NOBODY
            if not claim:
                raise
            return Doubt(str(error)), NOBODY

    def _seen(self, record: Record) -> Execution:
        """Return the execution in a record; tell of it if we wrote it and the answer to that was lost."""
        execution = self._read(record)
        if self._untold.get(record.id) == record.token and self._untold.pop(record.id, ""):
            self._tell(execution)
        return execution

    def _read(self, record: Record) -> Execution:
        """Return the execution in a record, its people under the names that they have now; of two votes, the last."""
        execution, person = self._records.read(record), self._person
        if person is None:
            return execution
        requester = person(execution.identity) if execution.identity else execution.requester
        votes = [replace(vote, person=person(vote.identity)) if vote.identity else vote for vote in execution.votes]
        last = {vote.person: number for number, vote in enumerate(votes)}
        left = tuple(vote for number, vote in enumerate(votes) if last[vote.person] == number)
        if (requester, left) == (execution.requester, execution.votes):  # as nearly always; a copy is the dearer part
            return execution
        return replace(execution, requester=requester, votes=left)

    def _known(self, execution: Execution, record: Record, *, claims: bool) -> tuple[bool, Head | None]:
        """Tell whether the journal knows a record as the last, and return its head.

        Raises:
            LineError: nobody can tell, and it is to be claimed; all else does no harm then.
        """
        try:
            last, head = self._witness.last(execution.id)
        except LineError:
            if claims:
                raise
            return True, None
        return _is_last(execution, record, last) or not (claims or last), head

    def _write(self, swap: Swap, before: Execution, step: Step, event: Event) -> tuple[SwapResult, Decision]:
        """Write a step, and tell of it; return what has come of it, a claim as it then stands in the store."""
        after = step.execution
        written: Decision = step
        changes = _told_of(after) != _told_of(before)
        claimed = isinstance(event, Advance) and after.state is State.RUNNING
        try:
            result = self.store.swap(swap)
            if claimed and result.status is SwapStatus.OK:
                written = self._as_written(step)
        except StoreUnavailableError:
            if changes:
                self._untold[after.id] = swap.record.token
            raise
        if changes and result.status is SwapStatus.OK and isinstance(written, Step):
            self._tell(after)
        return result, written

    def _as_written(self, claimed: Step | Already) -> Decision:
        """Return a claim as it stands in the store, if the journal knows it; else it is refused.

        Who can see what is sent to the store could put it there when others were first: we would take it for written.
        """
        claim = claimed.execution
        record, _ = self.store.read(claim.id)
        with suppress(LineError):
            if record is not None and self._witness.last(claim.id)[0] == (record.version, mark(record)):
                written = self._read(record)
                if (written.process, written.fence) == (claim.process, claim.fence):
                    return replace(claimed, execution=written)
        log.error("the journal does not know of this claim of %s; it was put there", claim.id)
        return Refusal(Reason.RUNNING, claim)

    def _tell(self, execution: Execution) -> None:
        level = logging.WARNING if execution.state is State.LOST else logging.INFO  # somebody must look
        log.log(level, "execution %s is %s", execution.id, execution.state)
        self._on_change(execution)

    def _readable(self, records: Iterable[Record]) -> Iterator[Execution]:
        """Yield the executions in records, without those that cannot be used: one of them must not hide all others."""
        for record in records:
            try:
                yield self._read(record)
            except RecordError as error:
                log.warning("%s", error)


def _told_of(execution: Execution) -> tuple[State, int, int, int]:
    """Return what, when it changes, is to be told."""
    return execution.state, execution.tells, execution.notices, execution.fence


def _is_last(execution: Execution, record: Record, last: Last | None) -> bool:
    """Tell whether the journal knows this record, and nothing after it.

    While it waits or runs, not each version has a line; but none was made of one that the journal did not know.
    """
    version, known = last or (0, "")
    if version < execution.version:
        return bool(version) and execution.state in (State.PENDING, State.RUNNING)
    return version == execution.version and known in ("", mark(record))
