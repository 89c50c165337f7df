"""Executions and policies for tests; alice asks, bob and carol may approve, mallory must not."""

from dataclasses import replace
from typing import Any

from err_confirm.model import Execution, Invocation, Place, Policy, State
from err_confirm.records import Records
from err_confirm.seal import Seal

RECORDS = Records(Seal(b"a key for tests", "tests"))
"""What writes and reads records with the key of all tests."""
NOW = 1_000_000.0
ECHO = Invocation(runner="command", spec={"argv": ["echo", "hi"], "cwd": "/", "env": {}})


def an_execution(policy: Policy | None = Policy(), **changes: Any) -> Execution:
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
        expires_at=NOW + (policy.within if policy else 0.0),
        approved_at=None if policy else NOW,
    )
    return replace(execution, **changes)
