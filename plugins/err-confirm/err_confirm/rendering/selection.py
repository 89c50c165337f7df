"""Find the targets in what an inventory has printed: in JSON by JMESPath (https://jmespath.org), or in its lines."""

import json
from typing import Any

import jmespath

from err_confirm.errors import TargetsError


def check_selection(expression: str) -> None:
    """Raise TargetsError if a text is no JMESPath expression."""
    try:
        jmespath.compile(expression)
    except jmespath.exceptions.JMESPathError as error:
        raise TargetsError(f"no JMESPath expression: {str(error).splitlines()[0]}") from error


def select(output: str, expression: str) -> Any:
    """Return what an expression finds in an output, or all of it.

    An output that is no JSON is a list of its lines, without those that are blank.

    Raises:
        TargetsError: the output is no JSON although there is an expression, or that cannot be applied to it.
    """
    try:
        found = json.loads(output)
    except (ValueError, RecursionError) as error:
        if expression:
            raise TargetsError(f"the targets cannot be selected: the output is no JSON ({error})") from error
        return [line.strip() for line in output.splitlines() if line.strip()]
    if not expression:
        return found
    try:
        return jmespath.search(expression, found)
    except (jmespath.exceptions.JMESPathError, RecursionError) as error:
        raise TargetsError(f"the targets cannot be selected: {str(error).splitlines()[0]}") from error
