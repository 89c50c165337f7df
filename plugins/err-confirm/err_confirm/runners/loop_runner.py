"""Run something once for each target, so many at a time, until all are done or too many have failed."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from err_confirm.errors import StartError
from err_confirm.model import Rate
from err_confirm.run_model import LOOP_RUNNER, Invocation
from err_confirm.runners.base import Context, Running, Starter

_PERCENT = 100


def loop(each: Sequence[Invocation], rate: Rate) -> Invocation:
    """Return what runs each of these, all of one runner, in this order; what they have in common stands there once."""
    first, *_ = each
    same = {key for key in first.spec if all(json.dumps(one.spec[key]) == json.dumps(first.spec[key]) for one in each)}
    return Invocation(
        runner=LOOP_RUNNER,
        spec={
            "runner": first.runner,
            "common": {key: first.spec[key] for key in first.spec if key in same},
            "each": [{key: value for key, value in one.spec.items() if key not in same} for one in each],
            "concurrency": max(1, _amount(rate.concurrency, len(each))),
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
        """Return all that runs, one after the other."""
        spec = invocation.spec
        starter = self._starters[spec["runner"]]
        return "; ".join(starter.describe(part(spec, place)) for place in range(len(spec["each"])))

    def start(self, invocation: Invocation, context: Context) -> Running:
        """Start it. Raises StartError."""
        raise StartError("loops cannot be run yet")


def part(spec: Mapping[str, Any], place: int) -> Invocation:
    """Return what a loop runs for the target at a place, from 0 on."""
    return Invocation(runner=spec["runner"], spec={**spec["common"], **spec["each"][place]})


def _amount(said: int | str, count: int) -> int:
    """Return a number, or the whole part of a share of `count`, such as `25%`."""
    return said if isinstance(said, int) else int(count * float(said.removesuffix("%")) / _PERCENT)
