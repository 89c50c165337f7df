"""Look once more, at the claim, at what was looked up before the prompt: what has changed does not run unseen."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from err_confirm.engine import Vouched
from err_confirm.errors import AheadError, LimitError, NoTargetsError, NotReadyError
from err_confirm.model.executions import Execution, State
from err_confirm.model.runs import Conduct, Lookup, OnChange, Preview, Target
from err_confirm.plan.preparing import targets_in
from err_confirm.plan.probes import Probes
from err_confirm.text.visible import shortened, visible
from err_confirm.transition.steps import RUN_WITHIN

COUNTS = 5.0
"""Seconds for which what was found counts: the claim asks again at once, and after another has written."""
NAMED = 5
"""How many of the targets that came, and of those that went, are named."""
LONGEST_DOUBT = 2_000
"""Characters of a whole sentence of this."""
LONGEST = 80
"""Characters that are shown of a target or of a line that was not there before."""


@dataclass(slots=True)
class _Look:
    """One look at something with this digest; `found` is None until it is done, at a moment of our own clock."""

    digest: str
    found: Vouched | None = None
    done_at: float = 0.0


class Recheck:
    """Runs again what was looked up for something that was confirmed since, each time on a thread of its own.

    Args:
        probes: run it; others than those of requests, so that nobody who asks holds up what was confirmed.
        wake: makes the gate look again.
        monotonic: our own clock, in seconds.
    """

    def __init__(
        self, probes: Probes, wake: Callable[[], None], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._probes = probes
        self._wake = wake
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._looks: dict[str, _Look] = {}

    def __call__(self, execution: Execution) -> Vouched:
        """Return why something approved must not run, or which of its targets are gone.

        What nobody had to confirm has just been looked up, and of what is started once more after it was lost, half may
        be done: neither is looked at.

        Raises:
            NotReadyError: it is being looked up; the gate is woken when that is done.
        """
        if execution.policy is None or execution.state is not State.APPROVED or not _looks_ahead(execution.conduct):
            return Vouched()
        with self._lock:
            self._looks = {name: look for name, look in self._looks.items() if not self._is_old(look)}
            look = self._looks.get(execution.id)
            if look is None or look.digest != execution.digest:
                look = _Look(execution.digest)
                args = (execution.conduct, look)
                threading.Thread(target=self._work, args=args, name="err-confirm again", daemon=True).start()
                self._looks[execution.id] = look
            if look.found is None:
                raise NotReadyError("what was looked up for it is being looked up once more")
            return look.found

    def _is_old(self, look: _Look) -> bool:
        return look.found is not None and self._monotonic() - look.done_at > COUNTS

    def _work(self, conduct: Conduct, look: _Look) -> None:
        found = Vouched(doubt="what was looked up for it could not be looked up once more")
        try:
            with self._probes.place(RUN_WITHIN):
                found = self._found(conduct)
        except LimitError:
            pass  # by now it is too late for it in any case
        except AheadError as error:
            *_, last = ["", *filter(str.strip, error.output.splitlines())]
            said = f': "{_short(last.strip())}"' if last else ""
            found = Vouched(doubt=f"{found.doubt}: it {error}{said}")
        finally:
            with self._lock:
                look.found, look.done_at = replace(found, doubt=_worded(found.doubt)), self._monotonic()
            self._wake()

    def _found(self, conduct: Conduct) -> Vouched:
        lookup, preview, found = conduct.lookup, conduct.preview, Vouched()
        if lookup is not None and lookup.invocation is not None:
            found = _compared(lookup, self._targets(lookup))
        if preview is not None and preview.again and not found.doubt:
            found = replace(found, doubt=_unlike(preview, self._probes.output(preview.invocation)))
        return found

    def _targets(self, lookup: Lookup) -> tuple[Target, ...]:
        assert lookup.invocation is not None
        output = self._probes.output(lookup.invocation)
        try:
            return targets_in(output, lookup.select)
        except NoTargetsError:
            return ()
        except AheadError as error:
            raise AheadError(f"says nothing usable: {error}") from error


def _worded(doubt: str) -> str:
    """Return a doubt as a record can hold it, whatever an inventory has said in it."""
    return visible(doubt if len(doubt) <= LONGEST_DOUBT else f"{doubt[:LONGEST_DOUBT]}…")


def _looks_ahead(conduct: Conduct) -> bool:
    lookup, preview = conduct.lookup, conduct.preview
    return (lookup is not None and lookup.invocation is not None) or (preview is not None and preview.again)


def _compared(lookup: Lookup, now: Sequence[Target]) -> Vouched:
    """Return what the targets of now mean for those that were confirmed; one that is new is never run."""
    ids = {target.id for target in now}
    if lookup.on_change is OnChange.INTERSECT:
        return Vouched(gone=frozenset(place for place, each in enumerate(lookup.targets) if each.id not in ids))
    change = difference(lookup.targets, now)
    return Vouched(doubt=f"its targets have changed: {change}" if change else "")


def difference(before: Sequence[Target], now: Sequence[Target]) -> str:
    """Return in words what is new, gone, or called otherwise; nothing where nothing is, whatever the order."""
    names, known = {target.id: str(target) for target in before}, {target.id: str(target) for target in now}
    came = [f"+ {_short(known[each])}" for each in known if each not in names]
    went = [f"- {_short(names[each])}" for each in names if each not in known]
    renamed = [
        f"{_short(names[each])} is now {_short(known[each])}"
        for each in names
        if each in known and names[each] != known[each]
    ]
    return ", ".join(each for changes in (came, went, renamed) for each in _few(changes))


def _few(changes: list[str]) -> list[str]:
    left = len(changes) - NAMED
    return changes if left <= 0 else [*changes[:NAMED], f"and {left:,} more of these"]


def _unlike(preview: Preview, output: str) -> str:
    """Return that a dry run says something else than was shown, by the first line in which it does."""
    if output == preview.output:
        return ""
    pairs = zip_longest(preview.output.splitlines(), output.splitlines(), fillvalue="")
    was, now = next(((was, now) for was, now in pairs if was != now), ("", ""))
    return f'its dry run says something else now: "{_short(now)}", and not "{_short(was)}"'


def _short(text: str) -> str:
    return shortened(text, LONGEST)
