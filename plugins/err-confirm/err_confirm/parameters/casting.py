"""Turn what was typed in chat into the typed values that an action gets, or say what would be right."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import re2

from err_confirm.errors import DuplicateParameterError, MissingParametersError, ParameterError
from err_confirm.model.files import Action, Parameter, ParameterType
from err_confirm.parameters.values import check_text, check_type, check_word, parse
from err_confirm.runners.json_values import with_texts
from err_confirm.templating import render_value
from err_confirm.text.spelling import did_you_mean

MOST_NAMED = 20
"""How many values of an enum are named to who has given another."""
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def cast(action: Action, values: Mapping[str, str], fixed: Mapping[str, Any] = _NOTHING) -> dict[str, Any]:
    """Return an action's parameters, in the order that it declares them; one without any value is left out.

    Args:
        action: declares the parameters.
        values: what was typed. Always data: nothing in it is taken for a template.
        fixed: the alias's `immutable_parameters`; texts in it are templates over the other parameters.

    Raises:
        ParameterError: a value does not fit, is missing, or is not one of the action's.
        DuplicateParameterError: one that is fixed was typed.
        TemplateError: a fixed one cannot be rendered.
    """
    for name in (*values, *fixed):
        if _declared(action, name).immutable:
            raise ParameterError(name, f'is fixed by "{action.name}"; leave it out')
    for name in values:
        if name in fixed:
            raise DuplicateParameterError(name, "is fixed by this alias; leave it out")
    given = {name: parameter.default for name, parameter in action.parameters.items() if parameter.default is not None}
    given |= {name: cast_one(action.parameters[name], text) for name, text in values.items()}
    given |= {name: settle(_declared(action, name), value, given) for name, value in fixed.items()}
    missing = [each.name for each in action.parameters.values() if each.required and each.name not in given]
    if missing:
        raise MissingParametersError(missing)
    return {name: given[name] for name in action.parameters if name in given}


def cast_one(parameter: Parameter, text: str) -> Any:
    """Return the value that a typed text stands for. Raises ParameterError.

    A text, and each item of a list, is one safe word unless the parameter has an enum or a pattern or is `free`. It
    does not start with `-`, and a number is not below zero, unless `dash` or a `min` below zero allows that.
    """
    try:
        check_text(text)
        value = parse(text, parameter.type)
        check_text(value)
        if parameter.type is ParameterType.OBJECT:
            _check_inside(parameter, value)
        elif not parameter.enum:
            _check_each(_check_typed, parameter, value)
        if parameter.required and value == []:
            raise ValueError("is empty; this action needs at least one")
    except ValueError as error:
        raise ParameterError(parameter.name, str(error)) from error
    check_value(parameter, value)
    return value


def check_value(parameter: Parameter, value: Any) -> None:
    """Raise ParameterError if a value, from chat or from a file, is not what the parameter declares."""
    try:
        check_type(value, parameter.type)
        _check_each(_check_item, parameter, value)
        if parameter.max_length is not None and len(value) > parameter.max_length:
            unit = "items" if isinstance(value, list) else "characters"
            raise ValueError(f"is longer than {parameter.max_length} {unit}")
    except ValueError as error:
        raise ParameterError(parameter.name, str(error)) from error


def settle(parameter: Parameter, value: Any, given: Mapping[str, Any]) -> Any:
    """Return the value of an `immutable_parameters` entry; its file may say more than one safe word.

    Raises:
        ParameterError: it is not what the parameter declares.
        TemplateError: a text in it is a template over `given`, and fails.
    """
    value = with_texts(value, lambda text: render_value(text, given))
    try:
        check_text(value)
        if isinstance(value, str):
            value = parse(value, parameter.type)
    except ValueError as error:
        raise ParameterError(parameter.name, str(error)) from error
    check_value(parameter, value)
    return value


@lru_cache(maxsize=1_024)
def compile_pattern(pattern: str) -> Any:
    """Return a compiled RE2 expression, which takes linear time. Raises ValueError if it is none."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error
        raise ValueError(f'the pattern "{pattern}" is no RE2 expression: {reason}') from error


def _declared(action: Action, name: str) -> Parameter:
    if name not in action.parameters:
        hint = did_you_mean(name, action.parameters)
        raise ParameterError(name, f'is not a parameter of "{action.name}"{hint}')
    return action.parameters[name]


def _check_each(check: Callable[[Parameter, Any], None], parameter: Parameter, value: Any) -> None:
    """Check a value, or each item of a list; of several, the error says which one it is."""
    if not isinstance(value, list):
        return check(parameter, value)
    for number, item in enumerate(value, start=1):
        try:
            check(parameter, item)
        except ValueError as error:
            raise ValueError(f"{error} (item {number})" if len(value) > 1 else str(error)) from error


def _check_typed(parameter: Parameter, item: Any) -> None:
    if isinstance(item, str) and not (parameter.pattern or parameter.free):
        check_word(item)
    below_zero = isinstance(item, int | float) and parameter.min is not None and parameter.min < 0
    if str(item).startswith("-") and not parameter.dash and not below_zero:
        raise ValueError('must not start with "-"')


def _check_inside(parameter: Parameter, value: Any) -> None:
    """Check the texts in an object, as deep as they stand: each may become an argument of its own."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _check_inside(parameter, item)
    elif isinstance(value, str) and value.startswith("-") and not parameter.dash:
        raise ValueError('must not hold a text that starts with "-"')


def _check_item(parameter: Parameter, item: Any) -> None:
    if parameter.enum and not any(type(item) is type(known) and item == known for known in parameter.enum):
        known = [str(each) for each in parameter.enum]
        more = f" and {len(known) - MOST_NAMED} more" if len(known) > MOST_NAMED else ""
        raise ValueError(f"must be one of {', '.join(known[:MOST_NAMED])}{more}{did_you_mean(str(item), known)}")
    if parameter.pattern and not compile_pattern(parameter.pattern).fullmatch(str(item)):
        raise ValueError(f"must match {parameter.pattern}")
    if parameter.min is not None and item < parameter.min:
        raise ValueError(f"must be at least {_plain(parameter.min)}")
    if parameter.max is not None and item > parameter.max:
        raise ValueError(f"must be at most {_plain(parameter.max)}")


def _plain(bound: float) -> str:
    """Return a bound as people write it: 3650000, not 3.65e+06."""
    return str(int(bound)) if bound == int(bound) else str(bound)
