"""Read what a run has written as JSON, where its action says that it is that; a result is small enough to be kept."""

import json
from dataclasses import replace
from typing import Any, NoReturn

from err_confirm.engine.outputs import Output
from err_confirm.model.runs import Outcome

LARGEST_JSON = 1_048_576
"""Bytes of output that are read as JSON."""
LARGEST_RESULT = 65_536
"""Bytes that a result may have as JSON: it is kept with the execution."""
DEEPEST = 32
"""How many lists and mappings a result may have inside of one another."""
_TOO_DEEP = f"it has more than {DEEPEST} lists and mappings inside of one another"


def with_value(outcome: Outcome, kept: Output | None) -> Outcome:
    """Return an outcome with its result; a success without one is a failure, which says why.

    Args:
        outcome: how it ended.
        kept: its complete output, if that is here.
    """
    try:
        return replace(outcome, value=_parsed(_complete(outcome, kept)))
    except ValueError as error:
        return replace(outcome, error=f"its result cannot be used: {error}") if outcome.succeeded else outcome


def _complete(outcome: Outcome, kept: Output | None) -> str:
    """Return all that was written. Raises ValueError."""
    if not outcome.omitted_bytes:
        return outcome.output
    content = b"" if kept is None else kept.read(LARGEST_JSON + 1)
    if len(content) > LARGEST_JSON:
        raise ValueError(f"its output has more than {LARGEST_JSON:,} bytes, and no more are read as JSON")
    if content[outcome.omitted_bytes :].decode(errors="replace") != outcome.output:  # the disk was full, for one
        raise ValueError("its output could not be kept whole; write less, or set a higher output_cap")
    return content.decode(errors="replace")


def _parsed(text: str) -> Any:
    """Return the one JSON value in a text. Raises ValueError."""
    try:
        value = json.loads(text, parse_constant=_no_number)
        size = len(json.dumps(value, ensure_ascii=False, allow_nan=False).encode())
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}" if text.strip() else "it is empty"
        raise ValueError(f"its output is not JSON ({where}); let it write one JSON value and nothing else") from None
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    except UnicodeEncodeError:
        raise ValueError("it holds half a character, such as \\ud800 alone") from None
    if _depth(value) > DEEPEST:
        raise ValueError(_TOO_DEEP)
    if size > LARGEST_RESULT:
        raise ValueError(f"it has {size:,} bytes as JSON, and at most {LARGEST_RESULT:,} are kept")
    return value


def _depth(value: Any) -> int:
    """Return how many lists and mappings are inside of one another, at most one more than there may be."""
    depth, level = 0, [value]
    while depth <= DEEPEST and (level := [each for each in level if isinstance(each, list | dict)]):
        depth += 1
        level = [inner for each in level for inner in (each.values() if isinstance(each, dict) else each)]
    return depth


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")
