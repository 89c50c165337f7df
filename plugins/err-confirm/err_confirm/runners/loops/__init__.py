"""Run something once for each target, so many at a time, until all are done or too many have failed."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from err_confirm.durations import format_duration
from err_confirm.errors import StartError
from err_confirm.model.files import Rate
from err_confirm.model.runs import LOOP_RUNNER, Invocation, Part
from err_confirm.runners.base import Context, Running, Starter, starter_of
from err_confirm.runners.loops.loop import Course, Loop
from err_confirm.runners.loops.pace import Pace
from err_confirm.runners.loops.pattern import pattern, shown
from err_confirm.text.spelling import number

MOST_AT_ONCE = 100
"""How many targets it is at, at most."""
_PERCENT = 100


def loop(each: Sequence[Invocation], rate: Rate, targets: Sequence[str]) -> Invocation:
    """Return what runs each of these, all of one runner, in this order; what they have in common stands there once.

    Args:
        each: what runs.
        rate: how fast.
        targets: the id of the target of each.
    """
    assert len(each) == len(targets)
    first, *_ = each
    same = {key for key in first.spec if all(json.dumps(one.spec[key]) == json.dumps(first.spec[key]) for one in each)}
    return Invocation(
        runner=LOOP_RUNNER,
        spec={
            "runner": first.runner,
            "common": {key: first.spec[key] for key in first.spec if key in same},
            "each": [{key: value for key, value in one.spec.items() if key not in same} for one in each],
            "targets": list(targets),
            "concurrency": min(MOST_AT_ONCE, max(1, _amount(rate.concurrency, len(each)))),
            "max_errors": _amount(rate.max_errors, len(each)),
            "delay": rate.delay,
        },
    )


class LoopRunner:
    """Starts what loops run.

    Args:
        starters: of what they run, by key.
    """

    key = LOOP_RUNNER

    def __init__(self, starters: Mapping[str, Starter]) -> None:
        self._starters = starters

    def describe(self, invocation: Invocation) -> str:
        """Return what runs for each target, once where only the target is another; and how fast."""
        spec = invocation.spec
        try:
            starter = starter_of(self._starters, spec["runner"])
        except StartError as error:
            return f"nothing: {error}"
        count = len(spec["each"])
        once = _once(spec, starter) if count > 1 else None
        if once is None:
            once = "; ".join(starter.describe(part(spec, place)) for place in range(count))
        else:
            once = f"{once} · each of {count:,} targets"
        return " · ".join([once, *_rate(spec)]) if count > 1 else once

    def start(self, invocation: Invocation, context: Context) -> Running:
        """Start it. Raises StartError."""
        spec = invocation.spec
        starter = starter_of(self._starters, spec["runner"])

        def begin(place: int) -> Running:
            return starter.start(part(spec, place), _context(context, place, spec["targets"][place]))

        course = Course(
            names=context.names or spec["targets"],
            begin=begin,
            pace=Pace(concurrency=spec["concurrency"], max_errors=spec["max_errors"], delay=spec["delay"]),
            report=context.report,
            parts=context.parts or [Part()] * len(spec["each"]),
        )
        return Loop(course, context.name)


def part(spec: Mapping[str, Any], place: int) -> Invocation:
    """Return what a loop runs for the target at a place, from 0 on."""
    return Invocation(runner=spec["runner"], spec={**spec["common"], **spec["each"][place]})


def _once(spec: Mapping[str, Any], starter: Starter) -> str | None:
    """Return what runs for all targets, with a placeholder for the target; None if it is not all the same."""
    found = pattern(spec)
    if found is None:
        return None
    own, stand_in = found
    one = Invocation(runner=spec["runner"], spec={**spec["common"], **own})
    return shown(starter.describe(one), stand_in)


def _context(context: Context, place: int, target: str) -> Context:
    """Return what the part at a place is given: it has a name of its own, and is told its target."""
    return Context(
        name=f"{context.name}.{place}",
        told={**context.told, "CONFIRM_TARGET": target},
        keep=context.keep.with_name(f"{context.keep.name}.{place}") if context.keep else None,
        place=context.place,
        policy=context.policy,
    )


def _rate(spec: Mapping[str, Any]) -> list[str]:
    """Return how fast it goes, as far as that is not the usual."""
    at_once, errors, delay = spec["concurrency"], spec["max_errors"], spec["delay"]
    return [
        *([f"{at_once} at once"] if at_once > 1 else []),
        *([f"{format_duration(delay)} between"] if delay else []),
        *([f"up to {number(errors, 'error')}"] if errors else []),
    ]


def _amount(said: int | str, count: int) -> int:
    """Return a number, or the whole part of a share of `count`, such as `25%`."""
    return said if isinstance(said, int) else count * int(said.removesuffix("%")) // _PERCENT
