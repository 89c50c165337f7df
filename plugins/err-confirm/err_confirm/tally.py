"""Count what has become of targets, and say it in words."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from err_confirm.model.executions import Execution, State
from err_confirm.model.runs import Part, PartState, Target

LISTED = 50
"""How many targets of a kind are named; of the others it is said how many there are."""
LOST_LISTED = 10
"""How many are named whose fate nobody knows, in the message that an execution is lost."""
_ENDED = {
    PartState.FAILED: "failed",
    PartState.RUNS: "unknown",
    PartState.STOPPED: "stopped",
    PartState.WAITS: "not begun",
    PartState.DONE: "done",
    PartState.GONE: "no longer there",
}
"""What is said of each state, the worst first; `runs` only once nobody watches any more."""
_RUNNING = {**_ENDED, PartState.RUNS: "running", PartState.WAITS: "to come"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """The targets of one state: what that is in words, the first of them, and how many there are besides."""

    word: str
    some: tuple[tuple[Target, Part], ...]
    more: int

    @property
    def names(self) -> list[str]:
        """Return the first of them, as people know them."""
        return [str(target) for target, _ in self.some]

    @property
    def told(self) -> bool:
        """Whether there is more to say of each than its name."""
        return any(self.about(part) or part.said for _, part in self.some)

    @staticmethod
    def about(part: Part) -> str:
        """Return how one ended, in words; nothing where its state says it all."""
        failed = part.state is PartState.FAILED and part.exit_code is not None
        return f"exit code {part.exit_code}" if failed else ""


def counted(parts: Sequence[Part], *, running: bool = False) -> str:
    """Return how many targets there are of each state: `2 of 10 failed, 3 not begun, 5 done`; nothing without any."""
    counts = Counter(part.state for part in parts)
    words = [(counts[state], word) for state, word in _words(running=running).items() if counts[state]]
    return ", ".join(
        f"{count:,} {word}" if place or len(words) == 1 else f"{count:,} of {len(parts):,} {word}"
        for place, (count, word) in enumerate(words)
    )


def counts(execution: Execution) -> str:
    """Return how many targets of an execution there are of each state."""
    return counted(execution.parts, running=execution.state is State.RUNNING)


def kinds(execution: Execution, most: int = LISTED) -> Iterator[Kind]:
    """Yield the targets of an execution by what has become of them, the worst first."""
    words = _words(running=execution.state is State.RUNNING)
    paired = list(zip(execution.conduct.targets, execution.parts, strict=False))
    for state, word in words.items():
        found = [(target, part) for target, part in paired if part.state is state]
        if found:
            yield Kind(word=word, some=tuple(found[:most]), more=len(found) - most if len(found) > most else 0)


def by_end(execution: Execution, shown: Callable[[Target], str]) -> dict[str, list[str]]:
    """Return the targets that are `done`, have `failed`, and are `left`, which are also those that nobody knows about.

    Those that were gone before it ran are nowhere. What runs but once for all of them ends for all as it ends.
    """
    ran = {State.SUCCEEDED: PartState.DONE, State.FAILED: PartState.FAILED}
    targets = execution.conduct.targets
    states = [part.state for part in execution.parts] or [ran.get(execution.state, PartState.WAITS)] * len(targets)
    found = dict[str, list[str]](done=[], failed=[], left=[])
    keys = {PartState.DONE: "done", PartState.FAILED: "failed"}
    for target, state in zip(targets, states, strict=True):
        if state is not PartState.GONE:
            found[keys.get(state, "left")].append(shown(target))
    return found


def unknown(execution: Execution) -> Kind | None:
    """Return the targets of which nobody knows what was done to them; None if there are none."""
    word = _ENDED[PartState.RUNS]
    return next((kind for kind in kinds(execution, LOST_LISTED) if kind.word == word), None)


def _words(*, running: bool) -> Mapping[PartState, str]:
    return _RUNNING if running else _ENDED
