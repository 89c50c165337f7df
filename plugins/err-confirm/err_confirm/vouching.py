"""Say at the claim whether an approved execution may run: what is cheap is asked first, and its name is taken.

What was looked at before the prompt is looked at last, under that name: else what has it meanwhile could change it.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress

from err_confirm.engine import Vouched
from err_confirm.errors import NotReadyError, ShelfError
from err_confirm.locks.mutexes import Mutexes
from err_confirm.model.executions import Execution

Vouch = Callable[[Execution], str]
"""Says why an approved execution must not run after all, nothing if it may. May raise NotReadyError."""


class Vouching:
    """All that must agree.

    Args:
        vouchers: each is asked, in this order.
        mutexes: names under which something runs alone.
        recheck: looks once more at what was looked at before the prompt; what a voucher refuses, it does not look at.
        on_wait: is called once for what waits for another execution.
    """

    def __init__(
        self,
        vouchers: Iterable[Vouch],
        mutexes: Mutexes,
        recheck: Callable[[Execution], Vouched],
        on_wait: Callable[[Execution], None],
    ) -> None:
        self._vouchers = (*vouchers, self._take)
        self._mutexes = mutexes
        self._recheck = recheck
        self._on_wait = on_wait

    def __call__(self, execution: Execution) -> Vouched:
        """Return the first reason why it must not run, or what of it is gone. Raises NotReadyError."""
        if doubt := next(filter(None, (vouch(execution) for vouch in self._vouchers)), ""):
            return Vouched(doubt=doubt)
        return self._recheck(execution)

    def _take(self, execution: Execution) -> str:
        """Return why an execution cannot run alone under its name; where it waits for that, tell so once."""
        try:
            return self._mutexes.take(execution)
        except NotReadyError:
            with suppress(ShelfError):
                if self._mutexes.stand_in_line(execution):
                    self._on_wait(execution)
            raise
