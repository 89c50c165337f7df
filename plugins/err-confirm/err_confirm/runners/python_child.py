"""Call one function with keyword arguments read from standard input; runs alone, without err-confirm."""

import importlib
import json
import sys
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any

_FRAMES = 8
"""How many of the innermost lines of a traceback are shown."""


def main() -> None:
    """Call the function; print what it returns, text as it is, everything else as JSON."""
    call = json.load(sys.stdin)
    sys.path[:0] = call["path"]
    result = _find(call["python"], call["path"])(**call["arguments"])
    if result is not None:
        print(result if isinstance(result, str) else json.dumps(result, ensure_ascii=False))


def _find(reference: str, path: list[str]) -> Callable[..., Any]:
    module_name, _, name = reference.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        sys.exit(f'there is no module "{error.name}" in {", ".join(path)}; correct `python:` in the action')
    function = getattr(module, name, None)
    if not callable(function):
        sys.exit(f'the module "{module_name}" has no function "{name}"; correct `python:` in the action')
    return function  # type: ignore[no-any-return]


def _show_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print the end of a traceback, without the lines of this file."""
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    traceback.print_exception(kind, error, trace, limit=-_FRAMES)


if __name__ == "__main__":
    sys.excepthook = _show_error
    main()
