"""Give what was looked up before a prompt: in the prompt as much as is read there, where it is asked for all of it."""

from typing import Any

from err_confirm.chat.replies import apart
from err_confirm.model.executions import Execution
from err_confirm.model.runs import SHOWN_BYTES, SHOWN_LINES, SHOWN_TARGETS, PartState, Preview
from err_confirm.text.spelling import number


def beginning(execution: Execution, prefix: str) -> dict[str, Any]:
    """Return the facts for a prompt: the first targets, the first of what the dry run said, and how much more it is."""
    targets, preview = execution.conduct.targets, execution.conduct.preview
    said, more = ("", "") if preview is None else _beginning(preview)
    return {
        "targets": [str(target) for target in targets[:SHOWN_TARGETS]],
        "more_targets": max(0, len(targets) - SHOWN_TARGETS),
        "dry_run": None if preview is None else apart(said, prefix),
        "more_said": more,
    }


def whole(execution: Execution, prefix: str) -> dict[str, Any]:
    """Return the facts with nothing left out."""
    preview = execution.conduct.preview
    return {
        "targets": [str(target) for target in execution.conduct.targets],
        "more_targets": 0,
        "dry_run": None if preview is None else apart(preview.output, prefix),
        "more_said": "",
    }


def gone(execution: Execution) -> list[str]:
    """Return the targets that were confirmed and were not there any more when it started."""
    every = zip(execution.conduct.targets, execution.parts, strict=False)
    return [str(target) for target, part in every if part.state is PartState.GONE]


def _beginning(preview: Preview) -> tuple[str, str]:
    """Return what stands in a prompt of a dry run's output, and how much does not."""
    output = preview.output.rstrip("\n")
    if not preview.cut:
        return output, ""
    lines = output.split("\n")
    shown = "\n".join(lines[:SHOWN_LINES]).encode()[:SHOWN_BYTES].decode(errors="ignore")
    if left := len(lines) - len(shown.split("\n")):
        return shown, number(left, "more line")
    return shown, number(len(output.encode()) - len(shown.encode()), "more byte")
