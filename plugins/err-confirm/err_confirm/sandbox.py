"""Compile templates that can neither reach Python nor cost more than a fixed budget.

Whatever a template makes is paid for from one budget a rendering: a character costs 1, an item of a list, a turn of
a loop, a filter or a call costs `STEP`. What could make much out of little is paid before it is made. Statements
that collect text out of sight (macros, blocks, includes) do not exist here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from types import BuiltinMethodType, MethodType
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from err_confirm.spelling import did_you_mean

BUDGET = 1_048_576
STEP = 16
_INTEGER_BITS = 1_024
_METHODS = frozenset(
    "capitalize count endswith find get index isalnum isalpha isdigit items join keys lower lstrip removeprefix "
    "removesuffix replace rsplit rstrip split splitlines startswith strip title upper values".split()
)
_REFUSED = {
    nodes.AssignBlock: "set without =",
    nodes.Block: "block",
    nodes.CallBlock: "call",
    nodes.Extends: "extends",
    nodes.FilterBlock: "filter",
    nodes.FromImport: "from",
    nodes.Import: "import",
    nodes.Include: "include",
    nodes.Macro: "macro",
    nodes.ScopedEvalContextModifier: "autoescape",
}
# No template can name these filters, because a name has no blank in it.
_CONCAT, _MADE, _TURNS = " concat", " made", " turns"

_left: ContextVar[list[int]] = ContextVar("left")


@contextmanager
def budget() -> Iterator[None]:
    """Give what is compiled and rendered inside a new budget."""
    token = _left.set([BUDGET])
    try:
        yield
    finally:
        _left.reset(token)


def spend(cost: int) -> None:
    """Pay for something before it is made. Raises SecurityError when the budget is used up."""
    left = _left.get()
    left[0] -= cost
    if left[0] < 0:
        raise SecurityError("it makes more than a template may")


def pay(value: Any, times: int = 1) -> None:
    """Pay for a value with all that is in it, as often as it is used."""
    rest = [value]
    while rest:
        item = rest.pop()
        if isinstance(item, str):
            spend((STEP + len(item)) * times)
        elif isinstance(item, dict):
            spend(STEP * (1 + len(item)) * times)
            rest.extend(item)
            rest.extend(item.values())
        elif isinstance(item, list | tuple | set | frozenset):
            spend(STEP * (1 + len(item)) * times)
            rest.extend(item)
        else:
            spend(STEP * (len(item) if isinstance(item, range) else 1) * times)


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox with a budget, an allowlist of filters and methods, and no undefined values.

    Block tags leave no empty line behind, as in StackStorm, so that results look the same.
    """

    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def __init__(self, filters: Mapping[str, Callable[..., Any]]) -> None:
        super().__init__(undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True)
        self.globals = {name: self.globals[name] for name in ("range", "dict", "namespace")}
        self.filters = {name: _paid(function) for name, function in filters.items()}
        self.filters |= {_CONCAT: _paid(_concat), _MADE: _paid(_same), _TURNS: _turns}

    def metered(self, tree: nodes.Template) -> nodes.Template:
        """Return the template in a form that pays for what it makes. Raises TemplateSyntaxError."""
        metered: nodes.Template = _Meter(self).visit(tree)
        return metered

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Compute `left operator right` if the result is not too large."""
        if operator == "*":
            _pay_product(left, right)
        elif operator == "**" and isinstance(left, int) and isinstance(right, int):
            _check_bits(left.bit_length() * abs(right))
        elif operator == "%" and isinstance(left, str):
            raise SecurityError("texts are filled in with the filter format, not with %")
        result = super().call_binop(context, operator, left, right)
        pay(result)
        return result

    def call(self, context: Context, function: Any, /, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        """Call one of the few functions and methods that templates may use."""
        pay(args)
        pay(kwargs)
        owner = getattr(function, "__self__", None)
        if isinstance(function, BuiltinMethodType) and isinstance(owner, str | dict | list | tuple):
            name = function.__name__
            if name in self.filters and name in ("join", "replace"):
                return self.call_filter(name, *((args[0], [owner]) if name == "join" else (owner, args)))
            allowed = name in _METHODS
        else:
            allowed = isinstance(function, Undefined) or any(function is known for known in self.globals.values())
            allowed = allowed or (isinstance(function, MethodType) and isinstance(owner, LoopContext))
        if not allowed:
            raise SecurityError(f"{getattr(function, '__name__', 'this')} cannot be called in a template")
        result = super().call(context, function, *args, **kwargs)
        pay(result)
        return result
