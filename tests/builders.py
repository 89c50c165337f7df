"""Executions and policies for tests; alice asks, bob and carol may approve, mallory must not."""

from dataclasses import replace
from typing import Any

from err_confirm.journal.records import Records
from err_confirm.model.executions import Execution, Place, State
from err_confirm.model.policies import Policy, Seat, Stage
from err_confirm.model.runs import Invocation
from err_confirm.store.seal import Seal

RECORDS = Records(Seal(b"a key for tests", "tests"))
"""What writes and reads records with the key of all tests."""
NOW = 1_000_000.0
ECHO = Invocation(runner="command", spec={"argv": ["echo", "hi"], "cwd": "/", "env": {}})


def a_policy(
    by: tuple[str, ...] = ("requester",),
    deny_by: tuple[str, ...] | None = None,
    retry_count: int = 20,
    retry_delay: float = 3.0,
    **changes: Any,
) -> Policy:
    """Return a policy for which any one of these is enough."""
    stage = Stage(quorum=Seat(by=by), retry_count=retry_count, retry_delay=retry_delay)
    deny = Seat(by=("requester",) if deny_by is None else deny_by, own=True)
    return Policy(stages=(stage,), deny=deny, **changes)


REQUESTER = a_policy()


def an_execution(policy: Policy | None = REQUESTER, **changes: Any) -> Execution:
    """Return an execution as it is right after it was asked for."""
    execution = Execution(
        id="7f3kq2xa",
        state=State.PENDING if policy else State.APPROVED,
        alias="echo",
        action="echo",
        text="echo hi",
        parameters={},
        invocation=ECHO,
        digest=ECHO.digest,
        policy=policy,
        requester="alice",
        place=Place(person="@alice", room="#ops"),
        created_at=NOW,
        expires_at=NOW + (policy.stages[0].within if policy else 0.0),
        approved_at=None if policy else NOW,
    )
    return replace(execution, **changes)
