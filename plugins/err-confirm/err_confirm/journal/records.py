"""Turn an execution into what a store keeps of it, and back: a sealed record, one key a vote, a line of the journal."""

import secrets
from dataclasses import replace
from functools import lru_cache

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from err_confirm.errors import RecordError
from err_confirm.journal import append, entry, new_votes
from err_confirm.model.executions import Execution
from err_confirm.store.base import Key, Record, Swap
from err_confirm.store.seal import SEAL_CHARACTERS, Seal, same
from err_confirm.transition import due_at, keep_until
from err_confirm.transition.events import Event
from err_confirm.transition.steps import LATEST_WRITE, Step

REMEMBERED = 1_000
"""How many records are known by heart: the newest are looked at with each request."""
LARGEST_REMEMBERED = 16_384
"""The most bytes of a record that is known by heart: loops over very many targets have many large versions."""
MARK = 16
"""Characters of a record's seal by which the journal knows it: of several with one version, only one was written."""
_EXECUTION = TypeAdapter(Execution)


class Records:
    """What is written and taken for true under one key: a record's body is the seal of what follows, and that.

    Args:
        seal: of the store's namespace.
    """

    def __init__(self, seal: Seal) -> None:
        self.seal = seal
        self._remembered = lru_cache(REMEMBERED)(self._read)

    def read(self, record: Record) -> Execution:
        """Return the execution in a record; one that was read before, to the byte, is known. Raises RecordError."""
        return self._remembered(record) if len(record.body) <= LARGEST_REMEMBERED else self._read(record)

    def _read(self, record: Record) -> Execution:
        sealed, body = record.body[:SEAL_CHARACTERS], record.body[SEAL_CHARACTERS:]
        if not same(sealed.decode(errors="replace"), self.seal.record(record.id, record.version, body)):
            raise RecordError(record.id, "it is not sealed with our key")
        try:
            execution = _EXECUTION.validate_json(body)
        except ValidationError as error:
            raise RecordError(record.id, f"{error.error_count()} of its fields are wrong") from error
        if (execution.id, execution.version) != (record.id, record.version):
            raise RecordError(record.id, f"it holds version {execution.version} of {execution.id}")
        return execution

    def first_swap(self, execution: Execution) -> Swap:
        """Return what stores a new execution, made at its `created_at`."""
        at = execution.created_at
        return self._swap(None, Step(execution, not_before=0.0, not_after=at + LATEST_WRITE), at)

    def step_swap(self, before: Execution, step: Step, event: Event | None = None) -> Swap:
        """Return what writes a step: with it goes one key for each new vote, gone with that vote's TTL."""
        return self._swap(before, step, step.not_before, event)

    def _swap(self, before: Execution | None, step: Step, at: float, event: Event | None = None) -> Swap:
        after = step.execution
        try:
            body = _EXECUTION.dump_json(after)
        except PydanticSerializationError as error:
            raise RecordError(after.id, "something in it cannot be written") from error
        sealed = self.seal.record(after.id, after.version, body).encode() + body
        record = Record(id=after.id, version=after.version, token=secrets.token_hex(8), body=sealed)
        told = entry(before, after, at, event)
        told = None if told is None else replace(told, record=mark(record))
        return Swap(
            record=record,
            keys=tuple(
                Key(after.id, vote.person, str(vote.verdict), vote.expires_at) for vote in new_votes(before, after)
            ),
            journal=None if told is None else append(self.seal, told),
            due_at=due_at(after),
            keep_until=keep_until(after),
            not_before=step.not_before,
            not_after=step.not_after,
        )


def mark(record: Record) -> str:
    """Return by what the journal knows this very record."""
    return record.body[:MARK].decode(errors="replace")
