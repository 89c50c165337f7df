"""From what a text means to exactly what would run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from err_confirm.catalog import Catalog
from err_confirm.index import Match
from err_confirm.model import Alias, Invocation
from err_confirm.parameters import cast
from err_confirm.runners import RUNNERS
from err_confirm.templating import render_value


@dataclass(frozen=True, slots=True)
class Plan:
    """What one execution would be: nothing is rendered again after this."""

    alias: Alias
    parameters: Mapping[str, Any]
    invocation: Invocation


def plan(catalog: Catalog, match: Match) -> Plan:
    """Return what a match would start.

    Raises:
        ActionMissingError: no file has the action.
        ParameterError: a value does not fit, or is missing.
        TemplateError: a template of the action fails with these values.
    """
    action = catalog.action(match.alias)
    parameters = cast(action, match.values, match.alias.immutable_parameters)
    invocation = RUNNERS[action.runner].render(action, lambda template: render_value(template, parameters), parameters)
    return Plan(match.alias, parameters, invocation)


def describe(invocation: Invocation) -> str:
    """Return on one line what an invocation runs, complete."""
    runner = RUNNERS.get(invocation.runner)
    return runner.describe(invocation) if runner else f'nothing: there is no runner "{invocation.runner}" here'
