"""Ask for what is planned: look ahead, keep to the limits, store it, post its prompt."""

import logging
import threading
from collections.abc import Callable, Sequence

from err_confirm.engine import FIRST, After, Engine
from err_confirm.errors import ErrConfirmError, StoreUnavailableError
from err_confirm.limits import LOOKED_AT, Limits, check
from err_confirm.locks import Locks
from err_confirm.locks.mutexes import Mutexes
from err_confirm.model.executions import Execution, Plan, Speaker
from err_confirm.plan.preparing import Preparing, Slow
from err_confirm.store.base import clock
from err_confirm.transition.events import Cancel, Posted

log = logging.getLogger(__name__)

Post = Callable[[Execution], None]
Refused = Callable[[ErrConfirmError], None]


class Requests:
    """What people want of one bot.

    Args:
        limits: how many prompts there may be.
        engine: stores what is asked for.
        locks: on what may not be asked for.
        mutexes: names under which something runs alone.
        preparing: looks ahead.
        add: lets the gate know of what was asked for.
    """

    def __init__(
        self,
        limits: Limits,
        engine: Engine,
        *,
        locks: Locks,
        mutexes: Mutexes,
        preparing: Preparing,
        add: Callable[[Execution], None],
    ) -> None:
        self._limits = limits
        self._engine = engine
        self._locks = locks
        self._mutexes = mutexes
        self._preparing = preparing
        self._add = add
        self._asking = threading.Lock()

    def request(
        self,
        plans: Sequence[Plan],
        by: Speaker,
        text: str,
        *,
        post: Post,
        slow: Slow = lambda *_: None,
        refused: Refused = lambda error: log.warning("%s", error),
    ) -> None:
        """Ask for what is planned: post a prompt for each execution, or let it run where it needs no confirmation.

        Where something must be looked up first, that goes on on a thread of its own, and this returns at once.

        Args:
            plans: what somebody wants, one execution each.
            by: who wants it.
            text: what they said.
            post: posts the prompt of one execution; an ErrConfirmError from it cancels that execution, and is told.
            slow: says that a lookup or a dry run takes its time.
            refused: says why nothing is asked for after all, where that is found out on that thread.

        Raises:
            StoreUnavailableError: the store does not answer; what was started is not known.
            LimitError: there are too many prompts, or too many are looked up; what comes before it in `plans` was asked
                for.
            AlreadyAskedError: the same waits already; likewise.
            LockedError: one of them is locked, or would run alone and not wait; none was asked for.
            ShelfError: nobody can tell whether they are.
        """
        self._allow(plans)
        ahead = [each for each in plans if each.ahead is not None]
        if not ahead:
            for each in plans:
                self._create(each, by, text, post=post)
            return

        def work() -> None:
            try:
                for each in plans:
                    self._check(each, by)
                    self._create(self._preparing.ready(each, slow), by, text, post=post)
            except ErrConfirmError as error:
                refused(error)

        self._check(ahead[0], by)
        self._preparing.begin(by.person, work)

    def ask(self, plan: Plan, by: Speaker, text: str, *, post: Post, after: After = FIRST) -> Execution:
        """Ask for one execution, perhaps `after` another; returns when it was asked for, as it then is.

        It takes its time where something is looked up first. What was asked for before under the same id is only
        posted, if it is not yet; one whose prompt cannot be posted is canceled, which is told.

        Args:
            plan: what it would be.
            by: who wants it.
            text: what they said.
            post: posts its prompt.
            after: what it follows.

        Raises:
            TargetsError: its targets cannot be told, or there are none.
            PreviewError: its dry run failed.
            TemplateError: nothing can be made of what was looked up.
            StoreUnavailableError, LimitError, AlreadyAskedError, LockedError, ShelfError: as for `request`.
        """
        if after.id and (found := self._engine.read(after.id)[0]):
            return found if found.posted or found.state.ended else self.begin(found, post)
        self._allow([plan])
        self._check(plan, by)
        return self._create(self._preparing.waited_for(plan), by, text, post=post, after=after)

    def _create(self, plan: Plan, by: Speaker, text: str, *, post: Post, after: After = FIRST) -> Execution:
        """Store, post and hand on one execution, if there may be one more; one that cannot be posted is canceled."""
        with self._asking:  # two at once would both be the last one that there may be
            self._check(plan, by)
            execution = self._engine.create(plan, by, text, after)
        return self.begin(execution, post)

    def begin(self, execution: Execution, post: Post) -> Execution:
        """Post the prompt of an execution that was asked for, or let it run where it needs no confirmation."""
        try:
            if execution.policy is not None:
                post(execution)
        except StoreUnavailableError:
            raise
        except ErrConfirmError as error:
            return self._engine.apply(execution.id, Cancel(execution.requester, str(error))).execution or execution
        posted = self._engine.apply(execution.id, Posted()).execution or execution
        self._add(posted)
        return posted

    def _allow(self, plans: Sequence[Plan]) -> None:
        """See that none of these would be asked for in vain. Raises LockedError."""
        self._locks.check(each.alias for each in plans)
        for each in plans:
            self._mutexes.check(each.conduct.mutex)

    def _check(self, plan: Plan, by: Speaker) -> None:
        """Refuse one prompt too many; what needs no confirmation posts none."""
        if plan.policy is not None:
            now, waiting = clock(self._engine.store), lambda: self._engine.waiting(LOOKED_AT)[0]
            check(self._limits, plan, by, self._engine.recent(), now, waiting=waiting)
