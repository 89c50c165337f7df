"""Compare a policy with the parameters of what it stands over, and note where it is easier than it looks."""

from collections.abc import Collection, Iterator
from typing import Any

from err_confirm.catalog.findings import Findings
from err_confirm.catalog.problem import Severity
from err_confirm.catalog.yaml_source import Location
from err_confirm.errors import ParameterError
from err_confirm.model.files import Action, Parameter, ParameterType
from err_confirm.model.policies import Policy
from err_confirm.parameters import check_value
from err_confirm.policy_words.rules import rule_words
from err_confirm.templating import names
from err_confirm.text.spelling import did_you_mean

_KEY = "confirm"
_NO_PARAMETERS = "there are no parameters here"


def check_with_action(findings: Findings, policy: Policy, action: Action) -> None:
    """Note what a policy of an alias says of parameters that its action does not have, or that never holds."""
    for location, problem in _templates(policy, action.parameters):
        findings.add((_KEY, *location), problem)
    for number, when in enumerate(policy.when):
        for name, values in when.parameters.items():
            location = (_KEY, "when", number, "parameters", name)
            if name not in action.parameters:
                findings.add(location, _unknown(name, action.parameters))
                continue
            parameter = action.parameters[name]
            for value in values:
                with findings.refusals(*location):
                    _check_value(parameter, value)
            if not when.loosen and not _is_listed(parameter):
                message = (
                    f'"{name}" has no enum: another way to say {" or ".join(map(str, values))} avoids this, '
                    "if what runs knows one"
                )
                findings.add(location, message, Severity.NOTE)


def check_without_action(findings: Findings, policy: Policy) -> None:
    """Note what a policy says of parameters where there are none."""
    for location, problem in without_parameters(policy):
        findings.add((_KEY, *location), problem)


def without_parameters(policy: Policy | None) -> Iterator[tuple[Location, str]]:
    """Yield what a policy says that is only for an alias with an action, with the keys where it says that."""
    if policy is None:
        return
    yield from _templates(policy, ())
    for number, when in enumerate(policy.when):
        if when.parameters:
            yield ("when", number, "parameters"), f"{_NO_PARAMETERS}; a rule can be about room, hours, days and dates"
    for where, each in with_rules(policy):
        for choice in each.choices:
            if choice.run:
                location = (*where, "choices", choice.name, "run")
                yield location, f"{_NO_PARAMETERS} with which another action could run; remove it"


def note_what_is_easy(findings: Findings, policy: Policy, what: str) -> None:
    """Note each rule by which less is asked, and that nobody is asked but for rules."""
    if not policy.stages:
        findings.add(
            (_KEY, "by"), f"{what} at once, without confirmation, but where a rule of when holds", Severity.NOTE
        )
    for number, when in enumerate(policy.when):
        if when.loosen:
            findings.add((_KEY, "when", number, "loosen"), f"loosened: {rule_words(when)}", Severity.NOTE)
        elif when.rooms:
            location = (_KEY, "when", number, "room")
            findings.add(location, "this rule is avoided by asking elsewhere", Severity.NOTE)


def runs(policy: Policy) -> Iterator[tuple[Location, str]]:
    """Yield each action that runs after some choice, with the keys where it stands."""
    for where, each in with_rules(policy):
        for choice in each.choices:
            if choice.run:
                yield (_KEY, *where, "choices", choice.name, "run"), choice.run


def with_rules(policy: Policy) -> Iterator[tuple[Location, Policy]]:
    """Yield a policy, and those of its rules, with the keys where they stand."""
    yield (), policy
    for number, when in enumerate(policy.when):
        yield ("when", number), when.policy


def _templates(policy: Policy, known: Collection[str]) -> Iterator[tuple[Location, str]]:
    for where, each in with_rules(policy):
        for number, text in enumerate(each.typed):
            for name in sorted(names(text) - {*known}):
                yield (*where, "typed", number), _unknown(name, known)
        for name in sorted(names(each.prompt) - {*known, "execution"}):
            yield (*where, "prompt"), _unknown(name, known)


def _unknown(name: str, known: Collection[str]) -> str:
    return f'unknown parameter "{name}"{did_you_mean(name, known)}' + ("" if known else f"; {_NO_PARAMETERS}")


def _check_value(parameter: Parameter, value: Any) -> None:
    """Raise ParameterError for a value that the parameter, or an item of it, can never have."""
    if parameter.type is ParameterType.OBJECT:
        raise ParameterError(parameter.name, "is an object; a rule can be about texts, numbers, true and false")
    check_value(parameter, [value] if parameter.type is ParameterType.ARRAY else value)


def _is_listed(parameter: Parameter) -> bool:
    return bool(parameter.enum) or parameter.type not in (ParameterType.STRING, ParameterType.ARRAY)
