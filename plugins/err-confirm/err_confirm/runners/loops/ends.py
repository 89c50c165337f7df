"""Say how a part of a loop ended, and how all of it did: a sentence, and a short table for people."""

from collections.abc import Iterator, Sequence

from err_confirm.model.runs import Outcome, Part, PartState
from err_confirm.tally import counted
from err_confirm.text.visible import shortened, writable

LONGEST_SAID = 200
"""The most characters that are kept of what a part said last."""
MOST_LINES = 10
"""The most lines of the table, as many as chat shows of an output."""
_ORDER = (PartState.FAILED, PartState.RUNS, PartState.STOPPED, PartState.DONE)


def part_of(outcome: Outcome) -> Part:
    """Return what has become of a part that ended, with the reason, or the last line that it wrote."""
    said = outcome.error or next((line for line in reversed(outcome.output.splitlines()) if line.strip()), "")
    if outcome.lost:
        state = PartState.RUNS
    elif outcome.aborted:
        state = PartState.STOPPED
    else:
        state = PartState.DONE if outcome.succeeded else PartState.FAILED
    return Part(state=state, exit_code=outcome.exit_code, said=cut(said))


def outcome_of(parts: Sequence[Part], names: Sequence[str], stopped: str = "") -> Outcome:
    """Return how a loop ended; it is lost as a whole where nobody knows what has become of a part.

    Args:
        parts: what has become of each target.
        names: what people call them, at the same places.
        stopped: why nothing more was to begin, nothing if it came to its own end.
    """
    states = {part.state for part in parts} - {PartState.GONE}
    aborted = bool(stopped) and bool(states & {PartState.WAITS, PartState.STOPPED})
    error = "" if states <= {PartState.DONE} else counted(parts)
    return Outcome(
        exit_code=0 if not error else None,
        output="".join(f"{line}\n" for line in _table(parts, names)),
        error=f"{stopped}; {error}" if aborted else error,
        aborted=aborted,
        lost=not stopped and PartState.RUNS in states,
        parts=tuple(parts),
    )


def cut(text: str) -> str:
    """Return the beginning of a text, as it can be written."""
    return shortened(writable(text), LONGEST_SAID)


def _table(parts: Sequence[Part], names: Sequence[str]) -> Iterator[str]:
    """Yield a line for each of the first that ran, what failed before all else; then what there is besides."""
    ran = [place for state in _ORDER for place, part in enumerate(parts) if part.state is state]
    waits = [names[place] for place, part in enumerate(parts) if part.state is PartState.WAITS]
    most = MOST_LINES - bool(waits)
    shown = ran if len(ran) <= most else ran[: most - 1]
    called = {place: _on_one_line(names[place]) for place in shown}
    width = max(map(len, called.values()), default=0)
    for place in shown:
        part = parts[place]
        yield f"{called[place]:{width}}  {_how(part)}{part.said.strip()}".rstrip()
    if len(shown) < len(ran):
        yield f"and {counted([parts[place] for place in ran[len(shown) :]])}"
    if waits:
        more = f" and {len(waits) - MOST_LINES:,} more" if len(waits) > MOST_LINES else ""
        yield f"not begun: {', '.join(map(_on_one_line, waits[:MOST_LINES]))}{more}"


def _on_one_line(name: str) -> str:
    """Return a name, which may be any text, so that it cannot look like a line of its own."""
    return " ".join(name.split())


def _how(part: Part) -> str:
    match part:
        case Part(state=PartState.FAILED, exit_code=int(code)):
            return f"exit code {code}  "
        case Part(state=PartState.RUNS):
            return "unknown  "
    return ""
