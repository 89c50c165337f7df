"""Make of an action and its parameters exactly what would run, in as many steps as there is something to look up."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from err_confirm.errors import TemplateError
from err_confirm.model.executions import Ahead, Plan
from err_confirm.model.files import Action, MutexRule, Probe
from err_confirm.model.runs import Conduct, Invocation, Lookup, Mutex, Preview, Target
from err_confirm.rendering.targets import as_targets
from err_confirm.runners import RUNNERS
from err_confirm.runners.base import to_text
from err_confirm.runners.loops import loop
from err_confirm.runners.remote_runner import remote
from err_confirm.templating import names, render_value, templates

TARGET, TARGET_NAME, TARGETS = "target", "target_name", "targets"
"""What templates call the id and the name of the target that is next, and the list of all ids."""
TARGET_WORDS = frozenset({TARGET, TARGET_NAME, TARGETS})
LONGEST_MUTEX = 200
LARGEST_LOOP = 4_194_304
"""Bytes of all that a loop runs: they are in the record, which is written at each of its steps."""


def begun(plan: Plan, action: Action) -> Plan:
    """Return a plan with what would run, as far as that can be told without a look at anything.

    Raises:
        TemplateError: a template fails with these values.
        TargetsError: the list of targets that was given is none.
    """
    plan = replace(plan, conduct=_conduct(plan, action))
    if action.targets is None:
        return _ahead(replace(plan, invocation=rendered(action, plan.parameters)), action)
    rule = action.targets
    if rule.probe is None:
        return with_targets(plan, action, as_targets(render_value(rule.of, plan.parameters)))
    return replace(plan, ahead=Ahead(action=action, targets=_probe(rule.probe, action, plan.parameters)))


def with_targets(plan: Plan, action: Action, targets: Sequence[Target]) -> Plan:
    """Return the plan once its targets are known. Raises TemplateError, also for more than can be kept."""
    assert action.targets is not None
    ids = [target.id for target in targets]
    if not once_for_all(action.run):
        each = [
            rendered(action, plan.parameters, {TARGET: target.id, TARGET_NAME: target.name or target.id, TARGETS: ids})
            for target in targets
        ]
        invocation = loop(each, action.rate, ids)
        if (size := len(json.dumps(invocation.spec))) > LARGEST_LOOP:
            raise TemplateError(
                f"what runs for these {len(ids):,} targets has {size:,} bytes, and at most {LARGEST_LOOP:,} are kept; "
                f"leave {TARGETS} out of what runs once for each of them"
            )
    else:
        invocation = rendered(action, plan.parameters, {TARGETS: ids})
    lookup = Lookup(
        targets=tuple(targets),
        invocation=plan.ahead.targets if plan.ahead else None,
        select=action.targets.select,
        on_change=action.targets.on_change,
    )
    found = replace(plan, invocation=invocation, conduct=replace(plan.conduct, lookup=lookup), ahead=None)
    return _ahead(found, action)


def with_preview(plan: Plan, action: Action, output: str) -> Plan:
    """Return the plan once its dry run has said something."""
    assert plan.ahead is not None
    assert plan.ahead.preview is not None
    assert action.preview is not None
    preview = Preview(invocation=plan.ahead.preview, output=output, again=action.preview.again)
    return replace(plan, conduct=replace(plan.conduct, preview=preview), ahead=None)


def target_words(run: Mapping[str, Any]) -> frozenset[str]:
    """Return which words for targets something that runs reads."""
    return TARGET_WORDS & {name for text in templates(run) for name in names(text)}


def once_for_all(run: Mapping[str, Any]) -> bool:
    """Tell whether something runs once for all targets: it reads their list alone."""
    return target_words(run) == {TARGETS}


def rendered(action: Action, parameters: Mapping[str, Any], more: Mapping[str, Any] | None = None) -> Invocation:
    """Return what an action runs; `more` are the variables that its targets bring. Raises TemplateError."""
    values = {**parameters, **(more or {})}
    arguments = {**parameters, **({TARGET: values[TARGET]} if TARGET in values else {})}
    made = RUNNERS[action.runner].render(action, lambda template: render_value(template, values), arguments)
    return made if action.remote is None else remote(made, action.remote)


def _ahead(plan: Plan, action: Action) -> Plan:
    """Note the dry run that must come first, if there is one."""
    if action.preview is None:
        return plan
    values = {
        **plan.parameters,
        **({TARGETS: [target.id for target in plan.conduct.targets]} if action.targets else {}),
    }
    return replace(plan, ahead=Ahead(action=action, preview=_probe(action.preview.probe, action, values)))


def _probe(probe: Probe, action: Action, values: Mapping[str, Any]) -> Invocation:
    return rendered(replace(action, runner=probe.runner, run=probe.run, remote=None), values)


def _conduct(plan: Plan, action: Action) -> Conduct:
    mutex = _mutex(action.mutex, plan.parameters) if action.mutex else None
    return replace(plan.conduct, mutex=mutex, retry=action.retry, json=action.json)


def _mutex(rule: MutexRule, parameters: Mapping[str, Any]) -> Mutex:
    name = to_text(render_value(rule.name, parameters), "lock").strip()
    if not name or not name.isprintable() or len(name) > LONGEST_MUTEX:
        raise TemplateError(f"the template `{rule.name}` gives nothing that could be the name of a lock")
    return Mutex(name=name, wait=rule.wait)
