"""Say which targets are next: so many at once, so far apart, and only as long as few enough have failed."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from err_confirm.model.runs import Part, PartState


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a loop goes: how many at once, after how many errors more nothing new begins, seconds between starts."""

    concurrency: int
    max_errors: int
    delay: float

    def next(self, parts: Sequence[Part], running: int, since: float) -> list[int]:
        """Return the places of the parts that may begin now, in order.

        Args:
            parts: all of them. One that `runs` and is not among those that are running counts as an error, too.
            running: how many are.
            since: seconds since the last start.
        """
        if since < self.delay or self._errors(parts, running) > self.max_errors:
            return []
        free = max(0, self.concurrency - running)
        waiting = (place for place, part in enumerate(parts) if part.state is PartState.WAITS)
        return list(islice(waiting, min(free, 1) if self.delay else free))

    def over(self, parts: Sequence[Part]) -> bool:
        """Tell whether nothing will begin any more, now that nothing runs."""
        return not self.next(parts, 0, self.delay)

    @staticmethod
    def _errors(parts: Sequence[Part], running: int) -> int:
        states = [part.state for part in parts]
        return states.count(PartState.FAILED) + states.count(PartState.RUNS) - running
