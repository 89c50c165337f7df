"""Say what an alias itself has to say: its policy's words before it is asked, its `ack`, its `result` or the output."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from err_confirm.errors import TemplateError
from err_confirm.model.executions import Execution
from err_confirm.model.files import Reply
from err_confirm.model.runs import Outcome
from err_confirm.runners.json_values import with_texts
from err_confirm.tally import by_end
from err_confirm.templating import render_marked
from err_confirm.text.inert import GAP, Inert
from err_confirm.text.pages import pages
from err_confirm.text.visible import visible

ONE_LINE = 200
"""The most characters of output that are shown in the line that says how it ended."""
SHOWN_LINES, SHOWN = 10, 3_000
"""The most lines of output, and characters of these, that are shown at the end."""
LONGEST = 3_000
"""The most bytes of an alias's own words."""
_OWN = r"runs:|runs alone|on:|after\b.*\bruns\b|look twice|bound to:"
"""How lines of a prompt begin that say what would run, and on what."""


def acknowledgement(execution: Execution, inert: Inert) -> str:
    """Return what the alias says when its action starts; nothing if it says nothing."""
    return _words(execution, execution.ack, inert)


def ending(execution: Execution, inert: Inert, more: str = "") -> str:
    """Return what follows the line that says how it ended: the alias's `result`, or the last lines of output.

    `more` is what to type to see all of it, nothing where that is not here.
    """
    if execution.outcome is None or not execution.result.enabled:
        return ""
    output = _output(execution.outcome, inert, more)
    if execution.result.format is None:
        return output
    return "\n" + _words(execution, execution.result, inert, instead=output)


def introduction(execution: Execution, inert: Inert, prefix: str) -> str:
    """Return what a policy itself says before the prompt; no line of it looks like one of the prompt's own."""
    if execution.policy is None or not execution.policy.prompt:
        return ""
    return apart(_words(execution, Reply(format=execution.policy.prompt), inert, whose="policy"), prefix)


def apart(words: str, prefix: str) -> str:
    """Return somebody's words with a dot before each line that looks like one of the prompt's own."""
    likely = rf"^(?=(?:[^\w\n]|_)*?(?:{re.escape(prefix)}|{_OWN}))"
    return re.sub(likely, "· ", words, flags=re.MULTILINE | re.IGNORECASE)


def left_out(outcome: Outcome, lines: int, size: int) -> int:
    """Return how many bytes of what a run has written do not stand in a block of so many lines and characters."""
    output = outcome.output.strip("\n")
    shown = "\n".join(output.split("\n")[-lines:])[-size:]
    return len(output.encode()) - len(shown.encode()) + outcome.omitted_bytes


def _output(outcome: Outcome, inert: Inert, more: str) -> str:
    output = outcome.output.strip("\n")
    if not output.strip():
        return ""
    if "\n" not in output and len(output) <= ONE_LINE and not outcome.omitted_bytes:
        line = output.expandtabs().strip()
        if not GAP.search(line):
            return f": {inert.code(line)}"
    left = left_out(outcome, SHOWN_LINES, SHOWN)
    if more and left:
        before = f" ({left:,} bytes more: {more})"
    else:
        before = f" ({outcome.omitted_bytes:,} bytes before this were not kept)" if outcome.omitted_bytes else ""
    return f"{before}\n\n{inert.block(output, SHOWN_LINES, SHOWN)}"


def _words(execution: Execution, reply: Reply, inert: Inert, instead: str = "", whose: str = "alias") -> str:
    """Return a reply in words: the Markdown is the alias's own, no value adds to it.

    A template that fails says so, and `instead` is shown.
    """
    if not reply.enabled or reply.format is None:
        return ""
    facts = {
        **_one_line(execution.parameters),
        "execution": _facts(execution),
        "actionalias": {"name": execution.alias, "ref": execution.alias, "action_ref": execution.action},
    }
    try:
        lines = [render_marked(reply.format.replace("{~}", "\n"), facts).strip()]
        lines += [render_marked(line, facts) for line in _attached(reply.extra)]
    except TemplateError as error:
        return f"(the {whose}'s own words for this fail: {inert.code(error)}){instead}"
    first, *rest = pages(inert.markdown("\n".join(lines).strip()), LONGEST, inert)
    return f"{first}\n…" if rest else first


def _attached(extra: Mapping[str, Any]) -> Iterator[str]:
    """Yield the templates in `extra`, which StackStorm shows as a Slack attachment, a line each.

    Those are title, title_link, text and image_url, and the title and value of each of `fields`.
    """
    for attachment in extra.values():
        if isinstance(attachment, dict):
            yield from (
                str(attachment[key]) for key in ("title", "title_link", "text", "image_url") if key in attachment
            )
            fields = attachment.get("fields")
            for each in fields if isinstance(fields, list) else ():
                if isinstance(each, dict):
                    yield f"{each.get('title', '')}: {each.get('value', '')}"


def _facts(execution: Execution) -> dict[str, Any]:
    """Return an execution as StackStorm's alias templates read it: id, status, parameters, result."""
    outcome = execution.outcome
    result: dict[str, Any] = {}
    if outcome is not None:
        result = {
            "stdout": outcome.output,
            "stderr": "",  # both go into one stream here
            "result": outcome.output,
            "return_code": outcome.exit_code,
            "succeeded": outcome.succeeded,
            "failed": not outcome.succeeded,
            "value": outcome.value,
            "targets": by_end(execution, lambda target: visible(str(target))),
        }
        if execution.conduct.json:
            result["result"] = outcome.value
    return {
        "id": execution.id,
        "status": str(execution.state),
        "parameters": _one_line(execution.parameters),
        "action": {"ref": execution.action},
        "elapsed_seconds": max(0.0, (execution.ended_at or 0.0) - (execution.started_at or 0.0)),
        "result": result,
    }


def _one_line(value: Any) -> Any:
    """Return a value from chat with its texts on one line each, so that none of them begins a line of its own."""
    return with_texts(value, visible)
