"""Render what alias and action files say, with values from chat that are data and never templates."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import Template, Undefined, meta, nodes

from err_confirm.errors import TemplateError
from err_confirm.templating.budget import budget
from err_confirm.templating.sandbox import Sandbox
from err_confirm.text.inert import marked

LARGEST = 65_536
"""The most characters that a template and what it renders may have."""

_SANDBOX = Sandbox()
_MARKING = Sandbox(marked)
_MARKS = ("{{", "{%", "{#")
_VALUE = "value"
_TOO_LONG = f"it gives more than {LARGEST:,} characters"
_FAILURES = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    NameError,  # infinity: Python has no literal for it
    RecursionError,
    TypeError,
    ValueError,
)
"""What rendering raises on purpose or when values do not fit an expression."""


def render(template: str, variables: Mapping[str, Any]) -> str:
    """Return the text that a template makes of some variables. Raises TemplateError."""
    return _text(_SANDBOX, template, variables)


def render_marked(template: str, variables: Mapping[str, Any]) -> str:
    """Return that text with marks around each value in it, as `Inert.markdown` wants it. Raises TemplateError."""
    return _text(_MARKING, template, variables)


def _text(sandbox: Sandbox, template: str, variables: Mapping[str, Any]) -> str:
    if not is_template(template):
        return template
    parts, size = list[str](), 0
    with _explained(template), budget():
        for part in _compiled(template, sandbox).generate(variables):
            parts.append(part)
            size += len(part)
            if size > LARGEST:
                raise ValueError(_TOO_LONG)
    return "".join(parts)


def render_value(template: str, variables: Mapping[str, Any]) -> Any:
    """Return a template's text, or, if it is one lone `{{ expression }}`, that expression's value.

    Raises:
        TemplateError: the template fails, or the value is none that JSON has.
    """
    if not is_template(template):
        return template
    with _explained(template), budget():
        compiled = _compiled_lone(template)
        if compiled is None:
            return render(template, variables)
        context = compiled.new_context(dict(variables))
        for _ in compiled.root_render_func(context):
            pass
        value = context.vars[_VALUE]
        if isinstance(value, Undefined):
            str(value)
        plain = _plain(value)
        if len(json.dumps(plain, ensure_ascii=False)) > LARGEST:
            raise ValueError(_TOO_LONG)
        return plain


def check(template: str) -> None:
    """Raise TemplateError if a template could never be rendered."""
    with _explained(template), budget():
        _compiled(template, _SANDBOX)


def is_template(text: str) -> bool:
    """Tell whether rendering would change a text at all."""
    return any(mark in text for mark in _MARKS)


def templates(value: Any) -> Iterator[str]:
    """Yield each text in a value of a file that rendering would change."""
    match value:
        case str() if is_template(value):
            yield value
        case Mapping():
            for item in value.values():
                yield from templates(item)
        case list() | tuple():
            for item in value:
                yield from templates(item)


def names(template: str) -> frozenset[str]:
    """Return the variables that a template reads. Raises TemplateError."""
    with _explained(template):
        return frozenset(meta.find_undeclared_variables(_SANDBOX.parse(template))) - _SANDBOX.globals.keys()


def unquoted(template: str) -> frozenset[str]:
    """Return the names that a template uses anywhere but behind the filter `quote`. Raises TemplateError."""
    with _explained(template):
        return frozenset(_unquoted(_SANDBOX.parse(template)))


def printed(template: str) -> frozenset[str]:
    """Return the names whose values a template puts into more text just as they are. Raises TemplateError."""
    with _explained(template):
        tree = _SANDBOX.parse(template)
    outputs = list(tree.find_all(nodes.Output))
    if len(tree.body) == 1 and [len(each.nodes) for each in outputs] == [1]:
        return frozenset()  # it stands alone, and its value stays what it is
    return frozenset(node.name for each in outputs for node in each.nodes if isinstance(node, nodes.Name))


@lru_cache(maxsize=1_024)
def _compiled(source: str, sandbox: Sandbox) -> Template:
    return _compile(_read(source, sandbox), sandbox)


@lru_cache(maxsize=1_024)
def _compiled_lone(source: str) -> Template | None:
    """Compile a lone expression so that it is assigned to a name instead of printed; None if there is more."""
    tree = _read(source, _SANDBOX)
    match tree.body:
        case [nodes.Output(nodes=[expression])] if not isinstance(expression, nodes.TemplateData):
            name = nodes.Name(_VALUE, "store", lineno=expression.lineno)
            tree.body = [nodes.Assign(name, expression, lineno=expression.lineno)]
            return _compile(tree, _SANDBOX)
        case _:
            return None


def _read(source: str, sandbox: Sandbox) -> nodes.Template:
    if len(source) > LARGEST:
        raise TemplateError(_failure(source, f"it is longer than {LARGEST:,} characters"))
    return sandbox.read(source)


def _compile(tree: nodes.Template, sandbox: Sandbox) -> Template:
    return Template.from_code(sandbox, sandbox.compile(tree), sandbox.make_globals(None))


@contextmanager
def _explained(template: str) -> Iterator[None]:
    try:
        yield
    except jinja2.TemplateSyntaxError as error:
        line = f" in its line {error.lineno}" if "\n" in template else ""
        raise TemplateError(_failure(template, f"{error.message}{line}")) from error
    except _FAILURES as error:
        raise TemplateError(_failure(template, str(error) or type(error).__name__)) from error


def _failure(template: str, reason: str) -> str:
    shown = " ".join(template.split())
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return f"the template `{shown}` fails: {reason[:300]}"


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case list() | tuple():
            return [_plain(item) for item in value]
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
    raise TypeError("it gives no text, number, list or mapping")


def _unquoted(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.Filter) and (node.name == "quote" or _maps_quote(node)):
        return
    if isinstance(node, nodes.Name):
        yield node.name
    for child in node.iter_child_nodes():
        yield from _unquoted(child)


def _maps_quote(node: nodes.Filter) -> bool:
    return node.name == "map" and bool(node.args) and getattr(node.args[0], "value", None) == "quote"
