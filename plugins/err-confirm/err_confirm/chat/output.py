"""Show all that a run has written: page by page, or as a file where the network takes some; one target's for a loop."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from err_confirm.engine.outputs import Outputs, page
from err_confirm.model.executions import Execution
from err_confirm.model.runs import LOOP_RUNNER
from err_confirm.text.inert import lines
from err_confirm.wording import Wording

NAMED = 10
"""How many targets are named to who has named none."""
SendFile = Callable[[str, Callable[[], bytes]], bool]
"""Sends a file of this name, whose content is made only where files are taken; returns whether that could be begun."""
MOST_DIGITS = 9
"""Of the number of a page."""


def asked_for(args: str) -> tuple[str, str | None]:
    """Return of `<id> output …` the id and what follows, of all else what was said, and None."""
    name, output, rest = (*args.split(maxsplit=2), "", "", "")[:3]  # no expression: there may be very many blanks
    return (name, rest.rstrip()) if output.lower() == "output" else (args, None)


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of an execution: for which target, if for one, and which page, 0 if none was named."""

    target: str = ""
    place: int | None = None
    page: int = 0


class OutputPages:
    """The output of what has run, on one chat network.

    Args:
        outputs: has the files of this bot.
        wording: has the sentences.
        prefix: what commands begin with.
    """

    def __init__(self, outputs: Outputs, wording: Wording, prefix: str) -> None:
        self._outputs = outputs
        self._wording = wording
        self._prefix = prefix

    def more(self, execution: Execution) -> str:
        """Return what to type to see all that a run has written; nothing if no more of it is here than in the store."""
        outcome = execution.outcome
        loops = execution.runs.runner == LOOP_RUNNER
        here = outcome is not None and (not outcome.omitted_bytes or loops or self._outputs.find(execution) is not None)
        return self._line(execution, Shown()) if here else ""

    def say(self, execution: Execution, asked: str, send_file: SendFile) -> str:
        """Return what to say to who asks for it.

        Args:
            execution: what has run.
            asked: a target, where there are some, and a page, each of which may be missing.
            send_file: sends a file there.
        """
        shown = _read(execution, asked)
        if shown is None:
            names = [str(target.name or target.id) for target in execution.conduct.targets]
            return self._wording.say("output_whose", e=execution, asked=asked, names=names[:NAMED], count=len(names))
        found = self._outputs.find(execution, shown.place)
        kept = self._kept(execution, shown) if found is None else found.read(found.size)
        text, count = page(kept, shown.page or 1)
        facts = {"e": execution, "target": shown.target, "size": len(kept), "line": self._line(execution, shown)}
        if count > 1 and not shown.page and send_file(self._name(execution, shown), partial(_visible, kept)):
            return self._wording.say("output_file", **facts)
        part = execution.parts[shown.place] if shown.place is not None and execution.parts else None
        outcome = None if part else execution.outcome
        missing = outcome.omitted_bytes if outcome else 0
        return self._wording.say(
            "output",
            **facts,
            text=text,
            page=shown.page or 1,
            count=count,
            before=missing if found is None else 0,
            after=max(0, missing - found.size) if found else 0,
            host=execution.process.partition(":")[0],
        )

    def _kept(self, execution: Execution, shown: Shown) -> bytes:
        """Return what the store has of it."""
        if shown.place is not None:
            return execution.parts[shown.place].said.encode() if shown.place < len(execution.parts) else b""
        return execution.outcome.output.encode() if execution.outcome else b""

    def _line(self, execution: Execution, shown: Shown) -> str:
        target = f" {shown.target}" if shown.target else ""
        return f"{self._prefix}show {execution.id} output{target}"

    def _name(self, execution: Execution, shown: Shown) -> str:
        return f"{execution.id}{'' if shown.place is None else f'-{shown.place}'}.txt"


def _read(execution: Execution, asked: str) -> Shown | None:
    """Return what is asked for, None where it is not clear whose output that is; a name wins over a page."""
    *before, last = asked.rsplit(maxsplit=1) or [""]
    paged = [("".join(before), int(last))] if last.isascii() and last.isdigit() and len(last) <= MOST_DIGITS else []
    if execution.runs.runner != LOOP_RUNNER:
        return Shown(page=paged[0][1]) if paged and not before else None if asked else Shown()
    for name, number in ((asked, 0), *paged):
        if (place := execution.conduct.place_of(name)) is not None:
            return Shown(target=execution.conduct.targets[place].id, place=place, page=number)
    return None


def _visible(content: bytes) -> bytes:
    """Return a text for a file: as in chat, with all escaped that hides or could be taken for something else."""
    return lines(content.decode(errors="replace")).encode()
