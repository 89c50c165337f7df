"""From what a text means to exactly what would run."""

from err_confirm.catalog import Catalog
from err_confirm.index import Match
from err_confirm.model import Invocation, Plan
from err_confirm.parameters import cast
from err_confirm.runners import RUNNERS, STARTERS
from err_confirm.templating import render_value


def plan(catalog: Catalog, match: Match) -> Plan:
    """Return what a match would start.

    Raises:
        ActionMissingError: no file has the action.
        ParameterError: a value does not fit, or is missing.
        TemplateError: a template of the action fails with these values.
    """
    alias = match.alias
    action = catalog.action(alias)
    parameters = cast(action, match.values, alias.immutable_parameters)
    invocation = RUNNERS[action.runner].render(action, lambda template: render_value(template, parameters), parameters)
    return Plan(
        alias=alias.name,
        action=alias.action_ref,
        policy=alias.policy,
        invocation=invocation,
        parameters=parameters,
        ack=alias.ack,
        result=alias.result,
    )


def describe(invocation: Invocation) -> str:
    """Return on one line what an invocation runs, complete."""
    runner = STARTERS.get(invocation.runner)
    return runner.describe(invocation) if runner else f'nothing: there is no runner "{invocation.runner}" here'
