"""Look ahead before somebody is asked: find the targets, do the dry run; each person has one request under way."""

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from err_confirm.errors import LimitError, NoTargetsError, PreviewError, ProbeError, TargetsError
from err_confirm.model.executions import Plan
from err_confirm.model.runs import Invocation, Target
from err_confirm.plan.probes import Probes
from err_confirm.rendering import with_preview, with_targets
from err_confirm.rendering.selection import select
from err_confirm.rendering.targets import as_targets

MINUTE = 60.0
WAIT = 60.0
"""Seconds for which what nobody has just asked for waits for a place."""
LEAVE = 5.0
"""Seconds within which what is under way has said why it ends, once the bot is to stop."""
LONGEST_PREVIEW = 65_536
"""The most bytes that a dry run may say: all of it is in the record, and somebody has to read it."""
LOOKUP, DRY_RUN = "lookup", "dry_run"
Slow = Callable[[str, Plan], None]
"""Tells somebody that it takes its time: LOOKUP or DRY_RUN, of what."""


class Preparing:
    """What is looked up for requests in one bot.

    Args:
        probes: run what looks ahead.
        most: how many requests of one person may look ahead in a minute.
        monotonic: the clock of that minute, in seconds.
    """

    def __init__(self, probes: Probes, most: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._probes = probes
        self._most = most
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._under_way: dict[str, tuple[threading.Thread, ExitStack]] = {}
        self._begun: dict[str, deque[float]] = {}

    def begin(self, person: str, work: Callable[[], None]) -> None:
        """Do the work of a request on a thread of its own; returns at once.

        Raises:
            LimitError: this person has a request under way, or has had too many, or all places are taken.
        """
        with self._lock, ExitStack() as undo:
            if person in self._under_way:
                raise LimitError("what you have asked for before is still being looked up; say it again after that")
            self._count(person)
            undo.enter_context(self._probes.place())
            thread = threading.Thread(target=self._work, args=(person, work), name="err-confirm ahead", daemon=True)
            thread.start()
            self._under_way[person] = (thread, undo.pop_all())

    def ready(self, plan: Plan, slow: Slow = lambda *_: None) -> Plan:
        """Return the plan as it can be asked for, after all that comes ahead of it.

        Raises:
            TargetsError: its targets could not be looked up, there are none, or they are not usable.
            PreviewError: its dry run failed.
            TemplateError: nothing can be made of what was found.
        """
        while (ahead := plan.ahead) is not None:
            if ahead.targets is not None:
                found = self._targets(plan, ahead.targets, slow)
                plan = with_targets(plan, ahead.action, found)
            else:
                assert ahead.preview is not None
                plan = with_preview(plan, ahead.action, self._said(plan, ahead.preview, slow))
        return plan

    def waited_for(self, plan: Plan) -> Plan:
        """Return the plan as `ready` does, as soon as there is a place for it. Raises LimitError, too."""
        if plan.ahead is None:
            return plan
        with self._probes.place(WAIT):
            return self.ready(plan)

    def stop(self) -> None:
        """End all that is looked up, and begin nothing more; returns when it has said so."""
        self._probes.stop()
        with self._lock:
            under_way = list(self._under_way.values())
        for thread, _ in under_way:
            thread.join(LEAVE)

    def _work(self, person: str, work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            with self._lock:
                _, place = self._under_way.pop(person)
                place.close()

    def _count(self, person: str) -> None:
        """Note one more request of a person. Raises LimitError if it is one too many."""
        now = self._monotonic()
        self._begun = {name: own for name, own in self._begun.items() if now - own[-1] < MINUTE}
        own = self._begun.setdefault(person, deque())
        while own and now - own[0] >= MINUTE:
            own.popleft()
        if len(own) >= self._most:
            raise LimitError(f"{self._most:,} requests of yours were looked up in the last minute; wait a little")
        own.append(now)

    def _targets(self, plan: Plan, lookup: Invocation, slow: Slow) -> tuple[Target, ...]:
        assert plan.ahead is not None
        rule, name = plan.ahead.action.targets, plan.action
        assert rule is not None
        try:
            output = self._probes.output(lookup, partial(slow, LOOKUP, plan))
        except ProbeError as error:
            raise TargetsError(f"the lookup of the targets of {name} {error}", error.output) from error
        try:
            return targets_in(output, rule.select)
        except NoTargetsError as error:
            raise NoTargetsError(f"{name} has no targets now, so there is nothing to do") from error
        except TargetsError as error:
            raise TargetsError(f"the lookup of the targets of {name} says nothing usable: {error}", output) from error

    def _said(self, plan: Plan, preview: Invocation, slow: Slow) -> str:
        try:
            said = self._probes.output(preview, partial(slow, DRY_RUN, plan))
        except ProbeError as error:
            raise PreviewError(f"the dry run of {plan.action} {error}", error.output) from error
        if (size := len(said.encode())) > LONGEST_PREVIEW:
            raise PreviewError(f"the dry run of {plan.action} printed {size:,} bytes, too many to be read; shorten it")
        return said


def targets_in(output: str, expression: str) -> tuple[Target, ...]:
    """Return the targets in what a lookup has printed. Raises TargetsError."""
    return as_targets(select(output, expression))
