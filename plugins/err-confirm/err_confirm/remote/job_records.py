"""Keep the records of jobs, which bots and workers share: sealed, in a place of their own, soon forgotten."""

from collections.abc import Callable

from pydantic import TypeAdapter, ValidationError

from err_confirm.errors import ShelfError
from err_confirm.remote.job_record import JobRecord
from err_confirm.store import open_store
from err_confirm.store.seal import Seal
from err_confirm.store.shelf import Fact, Shelf

KEEP = 7_200.0
"""Seconds after its last change for which a job is kept: longer than one may wait to be taken."""
_JOB = TypeAdapter(JobRecord)
Become = Callable[[JobRecord, float], JobRecord]
"""Makes of a job, and the store's clock, what becomes of it. It may be called several times."""


class JobRecords:
    """Jobs by name, as a shelf keeps them: an older record that is put back is noticed by who has seen a newer one.

    Methods raise StoreUnavailableError when the store does not answer, and ShelfError for a record that cannot be used.

    Args:
        url: of the store.
        key: what seals it.
        namespace: of the executions.
    """

    def __init__(self, url: str, key: bytes, namespace: str) -> None:
        place = f"{namespace}.jobs"
        self._shelf = Shelf(open_store(url, namespace=place), Seal(key, place), keep=KEEP)

    def offer(self, name: str, make: Callable[[float], JobRecord]) -> None:
        """Write a new job, made of the store's clock."""
        self._shelf.change(name, lambda _, now: _fact(make(now)))

    def read(self, name: str) -> tuple[JobRecord | None, float]:
        """Return a job, None if there is none, and the store's clock."""
        fact, now = self._shelf.read(name)
        return _job(name, fact), now

    def change(self, name: str, become: Become) -> JobRecord | None:
        """Let a job become something else, unless somebody else does; return what it is then, None if there is none."""

        def make(fact: Fact | None, now: float) -> Fact | None:
            job = _job(name, fact)
            return fact if job is None else _fact(become(job, now))

        return _job(name, self._shelf.change(name, make))

    def forget(self, name: str) -> None:
        """Remember no longer what was seen of a job."""
        self._shelf.forget(name)

    def close(self) -> None:
        """Let go of the store."""
        self._shelf.close()


def _fact(job: JobRecord) -> Fact:
    fact: Fact = _JOB.dump_python(job, mode="json")
    return fact


def _job(name: str, fact: Fact | None) -> JobRecord | None:
    if fact is None:
        return None
    try:
        return _JOB.validate_python(fact)
    except ValidationError as error:
        raise ShelfError(f"the job {name}", f"{error.error_count()} of its fields are wrong") from error
