"""Prompts are few enough to be read: so many of a person and in a room, none twice, a pause after a no."""

from dataclasses import replace

import pytest

from builders import ECHO, NOW, a_policy, an_execution
from err_confirm.errors import AlreadyAskedError, LimitError
from err_confirm.limits import LOOKED_AT, MINUTE, Limits, check
from err_confirm.model.executions import Execution, Place, Plan, Speaker, State
from err_confirm.model.runs import Invocation

OPS = Place(person="@alice", room="#ops")
LIMITS = Limits(person=3, room=5, pause=60.0)


def a_request(command: str = "new", requester: str = "alice", place: Place = OPS) -> tuple[Plan, Speaker]:
    invocation = Invocation(runner="command", spec={"argv": [command], "cwd": "/", "env": {}})
    plan = Plan(alias="echo", action="echo", policy=a_policy(), invocation=invocation)
    return plan, Speaker(requester, place)


def asked(number: int, age: float = 600.0, **changes: object) -> Execution:
    """Return what alice asked for some time ago, each time something else."""
    invocation = replace(ECHO, spec={**ECHO.spec, "argv": ["echo", str(number)]})
    made = an_execution(id=f"{number:08}", invocation=invocation, digest=invocation.digest, posted=True)
    return replace(made, created_at=NOW - age, **changes)


SAME = replace(asked(0), invocation=ECHO, digest=ECHO.digest)
THE_SAME = (replace(a_request()[0], invocation=ECHO), a_request()[1])


def test_below_the_limits_everything_may_be_asked_for() -> None:
    check(LIMITS, *a_request(), [], NOW)
    check(LIMITS, *a_request(), [asked(1), asked(2)], NOW)
    check(LIMITS, *a_request("three"), [asked(1), asked(2), asked(3, state=State.SUCCEEDED)], NOW)


def test_of_one_person_so_many_may_wait_wherever_they_were_asked_for() -> None:
    waiting = [asked(1), asked(2, place=Place(person="@alice")), asked(3, place=replace(OPS, room="#other"))]
    with pytest.raises(LimitError, match="3 prompts of yours wait already"):
        check(LIMITS, *a_request(), waiting, NOW)
    check(LIMITS, *a_request(requester="bob"), waiting, NOW)


def test_in_one_room_so_many_may_wait_whoever_asked() -> None:
    waiting = [asked(number, requester=f"person{number}") for number in range(5)]
    with pytest.raises(LimitError, match="5 prompts in #ops wait already"):
        check(LIMITS, *a_request(), waiting, NOW)
    check(LIMITS, *a_request(place=replace(OPS, room="#other")), waiting, NOW)
    elsewhere = replace(OPS, room="#elsewhere")
    posted = [replace(each, place=elsewhere, policy=a_policy(room="ops")) for each in waiting]
    with pytest.raises(LimitError, match="5 prompts in #ops wait already"):
        check(LIMITS, *a_request(), posted, NOW)
    check(
        LIMITS, *a_request(place=Place(person="@alice")), [asked(n, place=Place(person=f"@p{n}")) for n in (1, 2)], NOW
    )


def test_as_many_may_be_posted_in_a_minute_also_if_each_is_taken_back_at_once() -> None:
    taken_back = [asked(number, age=MINUTE - 1, state=State.CANCELED) for number in range(3)]
    with pytest.raises(LimitError, match="3 prompts of yours were posted in the last minute"):
        check(LIMITS, *a_request(), taken_back, NOW)
    check(LIMITS, *a_request(), [asked(number, age=MINUTE, state=State.CANCELED) for number in range(3)], NOW)


def test_what_needs_no_confirmation_is_no_prompt() -> None:
    check(LIMITS, *a_request(), [asked(number, age=1, policy=None) for number in range(10)], NOW)


def test_what_waits_already_is_not_asked_for_twice() -> None:
    with pytest.raises(AlreadyAskedError) as found:
        check(LIMITS, *THE_SAME, [asked(1), SAME], NOW)
    assert found.value.execution is SAME


@pytest.mark.parametrize(
    "other",
    [
        replace(SAME, requester="bob"),
        replace(SAME, alias="other"),
        replace(SAME, digest="another"),
        replace(SAME, place=Place(person="@alice")),
        replace(SAME, posted=False),
        replace(SAME, state=State.APPROVED),
        replace(SAME, state=State.EXPIRED),
    ],
    ids=["somebody else", "another alias", "something else", "elsewhere", "not posted", "decided", "ended"],
)
def test_what_differs_is_asked_for(other: Execution) -> None:
    check(LIMITS, *THE_SAME, [other], NOW)


def test_after_a_no_the_same_is_not_asked_for_by_the_same_person_for_a_while() -> None:
    denied = replace(SAME, state=State.DENIED, ended_at=NOW - 20, decided_by="bob")
    with pytest.raises(LimitError, match=r"^bob has just said no to this; ask again in 40 s$"):
        check(LIMITS, *THE_SAME, [denied], NOW)
    check(LIMITS, *THE_SAME, [denied], NOW + 40)
    check(LIMITS, THE_SAME[0], Speaker("carol", OPS), [denied], NOW)
    check(LIMITS, *a_request(), [denied], NOW)


def test_a_request_looks_at_the_newest_and_at_all_that_waits() -> None:
    others = [asked(number, state=State.SUCCEEDED) for number in range(LOOKED_AT)]
    check(LIMITS, *THE_SAME, [*others, SAME], NOW)
    with pytest.raises(AlreadyAskedError):
        check(LIMITS, *THE_SAME, others, NOW, waiting=lambda: [SAME])
    with pytest.raises(AlreadyAskedError):
        check(LIMITS, *THE_SAME, [*others[1:], SAME], NOW)
