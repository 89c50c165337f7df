"""Say what an alias itself has to say: its `ack` when it runs, its `result` or the output when it has ended."""

from collections.abc import Iterator, Mapping
from typing import Any

from err_confirm.errors import TemplateError
from err_confirm.model import Execution, Reply
from err_confirm.templating import render
from err_confirm.wording import block, code, shortened

ONE_LINE = 200
"""The most characters of output that are shown in the line that says how it ended."""


def acknowledgement(execution: Execution) -> str:
    """Return what the alias says when its action starts; nothing if it says nothing."""
    return _words(execution, execution.ack)


def ending(execution: Execution) -> str:
    """Return what follows the line that says how it ended: the alias's `result`, or the last lines of output."""
    if execution.outcome is None or not execution.result.enabled:
        return ""
    if execution.result.format is None:
        return _output(execution.outcome.output)
    return "\n" + _words(execution, execution.result, instead=execution.outcome.output)


def _output(output: str) -> str:
    output = output.strip("\n")
    if not output.strip():
        return ""
    one_line = "\n" not in output and len(output) <= ONE_LINE
    return f": {code(output.expandtabs().strip())}" if one_line else f"\n\n{block(output)}"


def _words(execution: Execution, reply: Reply, instead: str = "") -> str:
    """Return a reply in words. A template that fails says so, and `instead` is shown."""
    if not reply.enabled or reply.format is None:
        return ""
    facts = {**execution.parameters, "execution": _facts(execution)}
    try:
        lines = [render(reply.format, facts).replace("{~}", "\n").strip()]
        lines += [render(line, facts) for line in _attached(reply.extra)]
    except TemplateError as error:
        return f"(the alias's own words for this fail: {code(error)}){_output(instead)}"
    return shortened("\n".join(lines).strip())


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
        }
    return {
        "id": execution.id,
        "status": str(execution.state),
        "parameters": dict(execution.parameters),
        "action": {"ref": execution.action},
        "result": result,
    }
