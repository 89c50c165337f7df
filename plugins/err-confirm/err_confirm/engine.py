"""The verbs: read an execution, ask what may happen, swap it, and tell of what has changed."""

import logging
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pydantic import TypeAdapter

from err_confirm import ids
from err_confirm.errors import StoreUnavailableError
from err_confirm.model import Execution, Place, State
from err_confirm.plan import Plan
from err_confirm.store.base import Key, Record, Store, Swap, SwapStatus
from err_confirm.transition import (
    LATEST_WRITE,
    Decision,
    Event,
    Reason,
    Refusal,
    Step,
    due_at,
    keep_until,
    transition,
)

log = logging.getLogger(__name__)

CONFLICTS = 100
"""How many other writers a step gives way to before the store counts as not reachable."""
JUST_ENDED = 120.0
"""Seconds after an execution's end in which a bare `confirm` could be meant for it, and so names nothing."""

_EXECUTION = TypeAdapter(Execution)


@dataclass(frozen=True, slots=True)
class Unclear:
    """A text that names no execution: none, or several, start like this."""

    reference: str
    candidates: tuple[str, ...] = ()


class Engine:
    """All that can be done with executions; every method may be called from any thread.

    Methods raise StoreUnavailableError when the store does not answer: then nothing more is known than before, and
    saying the same again is safe.

    Args:
        store: where executions are.
        on_change: is called with an execution after each change of its state, on the thread that made the change.
    """

    def __init__(self, store: Store, on_change: Callable[[Execution], None]) -> None:
        self.store = store
        self._on_change = on_change

    def create(self, plan: Plan, *, requester: str, place: Place, text: str) -> Execution:
        """Store what was asked for; it waits for its votes, or is approved at once where no policy guards it."""
        alias, policy = plan.alias, plan.alias.policy
        while True:
            execution_id = ids.new_id()
            _, now = self.store.read(execution_id)
            execution = Execution(
                id=execution_id,
                state=State.PENDING if policy else State.APPROVED,
                alias=alias.name,
                action=alias.action_ref,
                text=text,
                parameters=plan.parameters,
                invocation=plan.invocation,
                digest=plan.invocation.digest,
                policy=policy,
                requester=requester,
                place=place,
                created_at=now,
                expires_at=now + (policy.wait if policy else 0.0),
                approved_at=None if policy else now,
                ack=alias.ack,
                result=alias.result,
            )
            result = self.store.swap(_swap(execution, not_after=now + LATEST_WRITE))
            if result.status is SwapStatus.OK:
                return execution

    def apply(self, execution_id: str, event: Event) -> Decision:
        """Do what the event asks for if the state machine allows it, once."""
        record, now = self.store.read(execution_id)
        for _ in range(CONFLICTS):
            if record is None:
                return Refusal(Reason.UNKNOWN)
            execution = decode(record)
            decision = transition(execution, event, now)
            if not isinstance(decision, Step):
                return decision
            changed = decision.execution
            result = self.store.swap(
                _swap(
                    changed,
                    keys=_keys(execution, changed),
                    not_before=decision.not_before,
                    not_after=decision.not_after,
                )
            )
            if result.status is SwapStatus.OK:
                if changed.state is not execution.state:
                    log.info("execution %s: %s -> %s", changed.id, execution.state, changed.state)
                    self._on_change(changed)
                return decision
            record, now = result.record, result.now
        raise StoreUnavailableError(f"too many others change execution {execution_id} at this moment; say it again")

    def read(self, execution_id: str) -> tuple[Execution | None, float]:
        """Return an execution as it is now, and the store's clock."""
        record, now = self.store.read(execution_id)
        return (None if record is None else decode(record)), now

    def resolve(self, reference: str) -> str | Unclear:
        """Return the id that a person means by an id, or by the start of one."""
        start = ids.read_id(reference)
        if start is None:
            return Unclear(reference)
        if len(start) == ids.LENGTH:
            return start
        found = self.store.find(start, limit=5)
        return found[0] if len(found) == 1 else Unclear(reference, tuple(found))

    def implied(self, person: str, place: Place) -> str | Unclear:
        """Return the execution that a person means who names none: their newest prompt in this room and thread.

        It is unclear when there is none, or when one of theirs ended here in the last two minutes: that one may be
        what they have in mind.
        """
        _, now = self.store.due(1)
        newest = None
        for execution in self.recent():
            if execution.requester != person or not _same_place(execution.place, place):
                continue
            if execution.ended_at is not None and now - execution.ended_at < JUST_ENDED:
                return Unclear("", (newest,) if newest else ())
            if execution.state is State.PENDING and newest is None:
                newest = execution.id
        return newest or Unclear("")

    def recent(self) -> Iterator[Execution]:
        """Yield the executions that are kept, newest first."""
        return map(decode, self.store.recent())

    def waiting(self) -> Iterator[Execution]:
        """Yield the executions that have not ended, those that are due first first."""
        for due in self.store.due(10_000)[0]:
            execution, _ = self.read(due.id)
            if execution is not None:
                yield execution


def decode(record: Record) -> Execution:
    """Return the execution in a record."""
    return _EXECUTION.validate_json(record.body)


def _swap(execution: Execution, *, keys: tuple[Key, ...] = (), not_before: float = 0.0, not_after: float) -> Swap:
    return Swap(
        record=Record(execution.id, execution.version, secrets.token_hex(8), _EXECUTION.dump_json(execution)),
        keys=keys,
        due_at=due_at(execution),
        keep_until=keep_until(execution),
        not_before=not_before,
        not_after=not_after,
    )


def _keys(before: Execution, after: Execution) -> tuple[Key, ...]:
    """Return the keys that a step writes: one for each new vote, gone with its TTL."""
    return tuple(
        Key(after.id, vote.person, str(vote.verdict), vote.expires_at)
        for vote in after.votes
        if vote not in before.votes
    )


def _same_place(one: Place, other: Place) -> bool:
    return (one.room, one.thread) == (other.room, other.thread)
