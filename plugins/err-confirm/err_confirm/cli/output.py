"""`err-confirm show ID --output`: write all that a run has written, as it is, or visible on a terminal."""

import sys

from err_confirm.cli.console import complain
from err_confirm.cli.exits import Exit
from err_confirm.engine.outputs import Outputs
from err_confirm.model.executions import Execution
from err_confirm.model.runs import LOOP_RUNNER
from err_confirm.text.inert import line, lines


def print_output(outputs: Outputs, execution: Execution, target: str) -> Exit:
    """Write the output of an execution, or of one of its targets; its end, where no more of it is here."""
    place = execution.conduct.place_of(target)
    if place is None and (target or execution.runs.runner == LOOP_RUNNER):
        names = ", ".join(line(each.name or each.id) for each in execution.conduct.targets[:10])
        complain(f"say whose output: {names}" if names else f"{execution.id} has no targets")
        return Exit.NO
    found, outcome = outputs.find(execution, place), execution.outcome
    if found is not None:
        content = found.read(found.size)
    else:
        content = outcome.output.encode() if outcome and place is None else b""
        missing = outcome.omitted_bytes if outcome and place is None else 0
        if missing:
            host = line(execution.process.partition(":")[0])
            complain(f"{missing:,} bytes before this are not here; if they could be kept, they are on {host}")
    if sys.stdout.isatty():
        content = lines(content.decode(errors="replace")).encode()
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
    return Exit.OK
