"""From what a text means to exactly what would run."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from err_confirm.catalog import Catalog
from err_confirm.catalog.content import find
from err_confirm.conditions import Situation, decide
from err_confirm.errors import ActionMissingError, StartError, TemplateError
from err_confirm.model.executions import Plan
from err_confirm.model.files import Action
from err_confirm.model.policies import Policy
from err_confirm.model.runs import Conduct, Invocation
from err_confirm.parameters import cast, check_value
from err_confirm.plan.index import Match
from err_confirm.rendering import begun, rendered
from err_confirm.runners import STARTERS
from err_confirm.runners.base import starter_of
from err_confirm.templating import render


def plan(catalog: Catalog, match: Match, *, room: str | None = None, at: float | None = None) -> Plan:
    """Return what a match would start.

    Args:
        catalog: has the actions.
        match: of a text.
        room: where it was said, empty in a direct message; None if that is not known.
        at: when it was said, in seconds since 1970; None if that is not known.

    Raises:
        ActionMissingError: no file has the action, or one that runs after some choice.
        ParameterError: a value does not fit, or is missing.
        TemplateError: a template of the action, or of what must be typed, fails with these values.
        TargetsError: the targets that it names are none.
        RefusedError: the policy refuses it now.
    """
    alias = match.alias
    action = catalog.action(alias)
    parameters = cast(action, match.values, alias.immutable_parameters)
    policy = decided(alias.policy, Situation(parameters=parameters, room=room, at=at))
    others = {}
    for choice in policy.choices if policy else ():
        if choice.run:
            other = find(catalog.actions, choice.run, alias.pack)
            if other is None:
                raise ActionMissingError(alias.name, choice.run)
            others[choice.name] = rendered(other, _handed_on(other, match, parameters))
    made = Plan(
        alias=alias.name,
        action=alias.action_ref,
        policy=policy,
        others=others,
        parameters=parameters,
        ack=alias.ack,
        result=alias.result,
        conduct=Conduct(follow=alias.follow),
    )
    try:
        return begun(made, action)
    except TemplateError as error:
        raise TemplateError(f"{error}; correct {action.source.path.name}") from error


def decided(policy: Policy | None, situation: Situation) -> Policy | None:
    """Return the policy that holds, with the texts that must be typed. Raises RefusedError or TemplateError."""
    policy = decide(policy, situation)
    if policy is None:
        return None
    typed = [_typed(template, situation.parameters) for template in policy.typed]
    return replace(policy, typed=tuple(dict.fromkeys(typed)))


def describe(invocation: Invocation) -> str:
    """Return on one line what an invocation runs, complete."""
    try:
        return starter_of(STARTERS, invocation.runner).describe(invocation)
    except StartError as error:
        return f"nothing: {error}"


def looks_ahead(found: Plan) -> dict[str, str]:
    """Return what would run before anybody is asked, by what it is for: its targets, or a dry run."""
    ahead = found.ahead
    every = {"targets": ahead.targets, "preview": ahead.preview} if ahead is not None else {}
    return {key: describe(invocation) for key, invocation in every.items() if invocation is not None}


def _handed_on(other: Action, match: Match, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of an action that runs instead: what was typed, and the values that are shown."""
    own = cast(other, match.values, match.alias.immutable_parameters)
    for name, value in parameters.items():
        if name in other.parameters and name not in match.values and not other.parameters[name].immutable:
            check_value(other.parameters[name], value)
            own[name] = value
    return {name: own[name] for name in other.parameters if name in own}


def _typed(template: str, parameters: Mapping[str, Any]) -> str:
    text = render(template, parameters).strip()
    if not text or not text.isprintable():
        raise TemplateError(f"the template `{template}` gives nothing that could be typed on one line")
    return text
