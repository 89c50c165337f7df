"""Let a template make only so much: one budget a rendering pays for all of it.

A character costs 1; an item of a list, a turn of a loop, a filter and a call cost `STEP` each. What could make much out
of little is paid for before it is made, so that nothing large ever exists.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from jinja2 import Undefined
from jinja2.exceptions import SecurityError

BUDGET = 1_048_576
STEP = 32

_left: ContextVar[list[int]] = ContextVar("left")


@contextmanager
def budget() -> Iterator[None]:
    """Give a new budget to whatever is compiled or rendered inside."""
    token = _left.set([BUDGET])
    try:
        yield
    finally:
        _left.reset(token)


def spend(cost: int) -> None:
    """Pay for something that is about to be made. Raises SecurityError when the budget is used up."""
    left = _left.get()
    left[0] -= cost
    if left[0] < 0:
        raise SecurityError("it makes more than a template may")


def pay(value: Any, times: int = 1) -> None:
    """Pay for a value with all that is in it, as often as it is to be made.

    Raises:
        SecurityError: the budget is used up.
        UndefinedError: something in it is undefined, which printing a list would hide.
    """
    times = max(times, 1)
    spend(STEP * times)
    rest = [value]
    while rest:
        item = rest.pop()
        if isinstance(item, str):
            spend(len(item) * times)
        elif isinstance(item, dict | list | tuple | set | frozenset | range):
            spend(len(item) * (2 * STEP if isinstance(item, dict) else STEP) * times)
            rest.extend(item if not isinstance(item, range) else ())
            rest.extend(item.values() if isinstance(item, dict) else ())
        elif isinstance(item, Undefined) and item is not value:
            str(item)
