"""Compile templates that cannot reach Python and pay for whatever they make.

This is Jinja's sandbox with an allowlist of filters, methods and statements. Statements that collect text out of
sight of the budget (macros, blocks, includes) are refused.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from types import BuiltinMethodType, MethodType
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from err_confirm.templating.budget import STEP, pay, spend
from err_confirm.templating.filters import FILTERS, join_texts, replace
from err_confirm.text.spelling import did_you_mean

_LARGEST_BITS = 1_024
_METHODS = frozenset(
    {"capitalize", "count", "endswith", "find", "get", "index", "isalnum", "isalpha", "isdigit", "items", "keys"}
    | {"lower", "lstrip", "removeprefix", "removesuffix", "rsplit", "rstrip", "split", "splitlines", "startswith"}
    | {"strip", "title", "upper", "values"}
)
_PAID_METHODS: dict[str, Callable[..., Any]] = {"join": join_texts, "replace": replace}
_REFUSED: dict[type[nodes.Node], str] = {
    nodes.AssignBlock: "set ... endset",
    nodes.Block: "block",
    nodes.CallBlock: "call",
    nodes.Extends: "extends",
    nodes.FilterBlock: "filter ... endfilter",
    nodes.FromImport: "from",
    nodes.Import: "import",
    nodes.Include: "include",
    nodes.Macro: "macro",
    nodes.ScopedEvalContextModifier: "autoescape",
}
# No template can name these filters of ours: a name has no blank in it.
_CONCAT, _MADE, _TURNS = " concat", " made", " turns"


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment of all templates.

    An undefined name is an error. Block tags leave no empty line behind, as in StackStorm. `printed` makes the text of
    each value that a template prints.
    """

    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def __init__(self, printed: Callable[[Any], Any] = lambda value: value) -> None:
        def finalize(value: Any) -> Any:
            return printed(_plain(value))

        super().__init__(undefined=StrictUndefined, finalize=finalize, trim_blocks=True, lstrip_blocks=True)
        self.globals = {name: self.globals[name] for name in ("range", "dict", "namespace")}
        self.filters = {name: _paid(function) for name, function in FILTERS.items()}
        self.filters |= {_CONCAT: _paid(_concat), _MADE: _paid(_same), _TURNS: _turns}

    def read(self, source: str) -> nodes.Template:
        """Parse a template into one that pays for what it makes. Raises TemplateSyntaxError."""
        tree: nodes.Template = _Meter(self).visit(self.parse(source))
        return tree

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Look an attribute or a key up."""
        spend(STEP)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Look a key, an index or an attribute up."""
        spend(STEP)
        return super().getitem(obj, argument)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Compute `left operator right`, unless the result would be too large."""
        match operator, left, right:
            case "**", int(), int():
                _check_bits(left.bit_length() * abs(right))
            case "*", int(), int():
                _check_bits(left.bit_length() + right.bit_length())
            case "*", str() | list() | tuple(), int():
                pay(left, right)
            case "*", int(), str() | list() | tuple():
                pay(right, left)
            case "%", str(), _:
                raise SecurityError("texts are filled in with the filter format, not with %")
        result = super().call_binop(context, operator, left, right)
        pay(result)
        return result

    def call(self, context: Context, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a function or a method, if it is one of the few that templates may use."""
        _pay_all(args, kwargs)
        owner = getattr(function, "__self__", None)
        name = getattr(function, "__name__", "this")
        if isinstance(function, BuiltinMethodType) and isinstance(owner, str) and name in _PAID_METHODS:
            result = _PAID_METHODS[name](owner, *args, **kwargs)
        elif self._may_call(function, owner, name):
            result = super().call(context, function, *args, **kwargs)
        else:
            raise SecurityError(f"{name} cannot be called in a template")
        pay(result)
        return result

    def _may_call(self, function: Any, owner: Any, name: str) -> bool:
        if isinstance(function, BuiltinMethodType):
            return isinstance(owner, str | dict | list | tuple) and name in _METHODS
        if isinstance(function, MethodType):
            return isinstance(owner, LoopContext)
        return isinstance(function, Undefined) or any(function is known for known in self.globals.values())


class _Meter(NodeTransformer):
    """Rewrite a template so that loops, literals and concatenations go through paid filters."""

    def __init__(self, environment: Sandbox) -> None:
        self.environment = environment

    def visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> Any:
        if type(node) in _REFUSED:
            raise TemplateSyntaxError(f'templates here have no "{_REFUSED[type(node)]}"', node.lineno)
        return super().visit(node, *args, **kwargs)

    def visit_For(self, node: nodes.For) -> nodes.Node:
        if node.recursive:
            raise TemplateSyntaxError("templates here have no recursive loops", node.lineno)
        self.generic_visit(node)
        node.iter = _filtered(_TURNS, node.iter)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return _filtered(_CONCAT, nodes.List(node.nodes, lineno=node.lineno))

    def visit_List(self, node: nodes.List | nodes.Dict) -> nodes.Node:
        self.generic_visit(node)
        return _filtered(_MADE, node)

    visit_Dict = visit_List

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:
        self.generic_visit(node)
        return _filtered(_MADE, node) if node.ctx == "load" else node

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:
        self._check_known("filter", node.name, self.environment.filters, node.lineno)
        self.generic_visit(node)
        return node

    def visit_Test(self, node: nodes.Test) -> nodes.Node:
        self._check_known("test", node.name, self.environment.tests, node.lineno)
        self.generic_visit(node)
        return node

    def _check_known(self, kind: str, name: str, known: Iterable[str], lineno: int) -> None:
        if name not in known:
            raise TemplateSyntaxError(f'there is no {kind} "{name}"{did_you_mean(name, known)}', lineno)


def _filtered(name: str, node: nodes.Node) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _paid(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def filter_(*args: Any, **kwargs: Any) -> Any:
        _pay_all(args, kwargs)
        result = function(*args, **kwargs)
        if isinstance(result, Iterator):
            result = list(result)
        pay(result)
        return result

    return filter_


def _pay_all(args: Iterable[Any], kwargs: Mapping[str, Any]) -> None:
    for value in (*args, *kwargs.values()):
        pay(value)


def _plain(value: Any) -> Any:
    if not isinstance(value, str | int | float | list | tuple | dict | Undefined | None):
        raise SecurityError("it gives no text, number, list or mapping")
    return value


def _concat(parts: list[Any]) -> str:
    return "".join(map(str, parts))


def _same(value: Any) -> Any:
    return value


def _turns(items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        spend(STEP)
        yield item


def _check_bits(bits: int) -> None:
    if bits > _LARGEST_BITS:
        raise SecurityError("its numbers grow too large")
