"""Keep prompts few enough to be read: so many of a person and in a room, none twice, a pause after a no."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice

from err_confirm.durations import format_duration
from err_confirm.errors import AlreadyAskedError, LimitError
from err_confirm.model.executions import Execution, Place, Plan, Speaker, State
from err_confirm.model.policies import Policy

MINUTE = 60.0
LOOKED_AT = 300
"""How many of the newest executions are looked at: with each request, so not very many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many prompts may wait, of one person and in one room, and as many may be posted in a minute.

    `pause` is how long what was refused with a no is not asked for again by the same person, in seconds.
    """

    person: int = 10
    room: int = 30
    pause: float = 60.0


def check(
    limits: Limits,
    plan: Plan,
    by: Speaker,
    recent: Iterable[Execution],
    now: float,
    *,
    waiting: Callable[[], Iterable[Execution]] = tuple,
) -> None:
    """Look at what was asked for before for a reason not to post one more prompt.

    Args:
        limits: how many are too many.
        plan: what is about to be asked for.
        by: who asks for it.
        recent: what was asked for before, the newest first.
        now: the store's clock.
        waiting: finds what waits, which may be older than all that is looked at.

    Raises:
        AlreadyAskedError: the same waits already, in the same place.
        LimitError: there are too many, or somebody has just said no to it.
    """
    found = {asked.id: asked for asked in islice(recent, LOOKED_AT)}
    if len(found) == LOOKED_AT:
        found |= {asked.id: asked for asked in waiting()}
    prompts = [asked for asked in found.values() if asked.policy is not None]
    own = [asked for asked in prompts if asked.requester == by.person]
    for asked in own:
        if not _is_same(asked, plan):
            continue
        if asked.state is State.PENDING and asked.posted and asked.place.same_as(by.place):
            raise AlreadyAskedError(asked)
        if asked.state is State.DENIED and (left := (asked.ended_at or 0.0) + limits.pause - now) > 0:
            raise LimitError(f"{asked.decided_by} has just said no to this; ask again in {format_duration(left)}")
    _few(own, limits.person, "of yours", now)
    for name, room in _rooms(by.place, plan.policy).items():
        there = [asked for asked in prompts if name in _rooms(asked.place, asked.policy)]
        _few(there, limits.room, f"in {room}", now)


def _is_same(asked: Execution, plan: Plan) -> bool:
    """Tell whether this very thing was asked for before."""
    same = (asked.alias, asked.digest) == (plan.alias, plan.digest)
    return same and dict(asked.parameters) == dict(plan.parameters)


def _rooms(place: Place, policy: Policy | None) -> dict[str, str]:
    """Return the rooms in which a prompt stands, by their names without what a network puts around them."""
    rooms = (place.room, policy.room if policy is not None else "")
    return {room.strip("<#>"): room for room in rooms if room}


def _few(prompts: list[Execution], most: int, whose: str, now: float) -> None:
    """Raise LimitError if there are as many as there may be."""
    if sum(asked.state is State.PENDING for asked in prompts) >= most:
        raise LimitError(f"{most:,} prompts {whose} wait already; see pending, and cancel one of yours")
    if sum(now - asked.created_at < MINUTE for asked in prompts) >= most:
        raise LimitError(f"{most:,} prompts {whose} were posted in the last minute; wait a little")
