"""Turn an execution into what a store keeps of it, and back: one record, one key a vote, one due moment."""

import secrets

from pydantic import TypeAdapter, ValidationError

from err_confirm.errors import StoreError
from err_confirm.model import Execution
from err_confirm.store.base import Key, Record, Swap
from err_confirm.transition import LATEST_WRITE, Step, due_at, keep_until

_EXECUTION = TypeAdapter(Execution)


class RecordError(StoreError):
    """Raised when a record is not one that err-confirm wrote under this id; nothing is done with it."""

    def __init__(self, execution_id: str, detail: str) -> None:
        super().__init__(f"the store's record of execution {execution_id} cannot be used ({detail}); ask again")
        self.execution_id = execution_id
        self.detail = detail


def read_record(record: Record) -> Execution:
    """Return the execution in a record. Raises RecordError."""
    try:
        execution = _EXECUTION.validate_json(record.body)
    except ValidationError as error:
        raise RecordError(record.id, f"{error.error_count()} of its fields are wrong") from error
    if (execution.id, execution.version) != (record.id, record.version):
        raise RecordError(record.id, f"it holds version {execution.version} of {execution.id}")
    return execution


def first_swap(execution: Execution) -> Swap:
    """Return what stores a new execution, made at its `created_at`."""
    return _swap(execution, (), 0.0, execution.created_at + LATEST_WRITE)


def step_swap(before: Execution, step: Step) -> Swap:
    """Return what writes a step: with it goes one key for each new vote, gone with that vote's TTL."""
    after = step.execution
    votes = [vote for vote in after.votes if vote not in before.votes]
    keys = tuple(Key(after.id, vote.person, str(vote.verdict), vote.expires_at) for vote in votes)
    return _swap(after, keys, step.not_before, step.not_after)


def _swap(execution: Execution, keys: tuple[Key, ...], not_before: float, not_after: float) -> Swap:
    return Swap(
        record=Record(execution.id, execution.version, secrets.token_hex(8), _EXECUTION.dump_json(execution)),
        keys=keys,
        due_at=due_at(execution),
        keep_until=keep_until(execution),
        not_before=not_before,
        not_after=not_after,
    )
