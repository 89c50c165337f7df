"""Compare what follows an alias with the alias that follows: whether it is there, and takes what it is given."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from err_confirm.catalog.alias_reader import Draft
from err_confirm.catalog.content import find
from err_confirm.catalog.findings import Findings, texts
from err_confirm.catalog.policy.checks import with_rules
from err_confirm.catalog.problem import Severity
from err_confirm.catalog.run_keys import AFTER
from err_confirm.catalog.run_reader import check_templates
from err_confirm.catalog.yaml_source import Location
from err_confirm.following import WORDS
from err_confirm.model.files import Action, Alias
from err_confirm.model.policies import Effect
from err_confirm.model.runs import ELSE, FINALLY, THEN, FollowUp
from err_confirm.parameters import cast_one
from err_confirm.runners.base import to_text
from err_confirm.templating import is_template, names
from err_confirm.text.spelling import did_you_mean

_KEYS = (THEN, ELSE, FINALLY)
_INSTEAD = {**dict.fromkeys(_KEYS, "it is a key beside on"), "succeeded": "say then"}
"""What is said instead of what is no key of `on`."""


def check_follow_ups(drafts: Mapping[str, Draft], actions: Mapping[str, Action]) -> None:
    """Note each follow-up that could not be asked for, or would never end."""
    aliases = {name: draft.alias for name, draft in drafts.items()}
    for draft in drafts.values():
        _check_causes(draft)
        for cause, follow_up in draft.alias.follow.items():
            _check_follow_up(draft, _location(cause), follow_up, aliases, actions)
    for cycle in _cycles(aliases):
        for name, following in zip(cycle, (*cycle[1:], cycle[0]), strict=True):
            draft, turned = drafts[name], cycle.index(name)
            way = " → ".join([*cycle[turned:], *cycle[:turned], name])
            cause = next(cause for cause, each in draft.alias.follow.items() if each.alias == following)
            draft.findings.add(_location(cause), f"would never end: {way}; leave one of them out")


def _location(cause: str) -> Location:
    return (cause,) if cause in _KEYS else ("on", cause)


def _check_causes(draft: Draft) -> None:
    """Note each key of `on` that nothing ever is the cause of, and choices that are called like a state."""
    alias, findings = draft.alias, draft.findings
    on = findings.document.data.get("on") or {}
    policies = with_rules(alias.policy) if alias.policy else ()
    choices = {choice.name: choice for _, policy in policies for choice in policy.choices}
    for cause in on:
        if cause in _INSTEAD:
            findings.add(("on", cause), f'"{cause}" is none of the keys of on: {_INSTEAD[cause]}')
        elif cause not in (*AFTER, *choices):
            known = (*AFTER, *choices)
            hint = did_you_mean(cause, known) or f"; there are {', '.join(known)}"
            findings.add(("on", cause), f'"{cause}" is neither an end nor a choice of this alias{hint}')
        elif cause in choices and choices[cause].effect is Effect.SNOOZE:
            findings.add(("on", cause), f'"{cause}" only asks again later, which ends nothing; remove it')
    for name in choices if alias.follow else ():
        if name in (*AFTER, *_INSTEAD):
            findings.add(("confirm",), f'the choice "{name}" is called like an end; call it otherwise')


def _check_follow_up(
    draft: Draft,
    location: Location,
    follow_up: FollowUp,
    aliases: Mapping[str, Alias],
    actions: Mapping[str, Action],
) -> None:
    findings, alias = draft.findings, aliases.get(follow_up.alias)
    if alias is None:
        findings.add(location, f'there is no alias "{follow_up.alias}"{did_you_mean(follow_up.alias, aliases)}')
        return
    if not alias.enabled:
        findings.add(location, f'the alias "{alias.name}" is switched off, so nothing will follow', Severity.WARNING)
    parent = find(actions, draft.alias.action_ref, draft.alias.pack)
    action = find(actions, alias.action_ref, alias.pack)
    known = parent.parameters.keys() if parent else None
    if follow_up.parameters is not None and known is not None:
        _check_templates(findings, follow_up, (*location, "parameters"), known)
    if action is None or known is None or findings.failed:
        return
    given = known & action.parameters.keys() if follow_up.parameters is None else follow_up.parameters.keys()
    for name, value in (follow_up.parameters or {}).items():
        _check_parameter(findings, (*location, "parameters", name), value, alias, action)
    for parameter in action.parameters.values():
        if parameter.needed and parameter.name not in {*given, *alias.immutable_parameters}:
            findings.add(location, f'"{alias.name}" needs "{parameter.name}", which is not given to it')


def _check_templates(findings: Findings, follow_up: FollowUp, location: Location, known: Collection[str]) -> None:
    check_templates(findings, follow_up.parameters, location, {*known, *WORDS})
    if findings.failed:
        return
    for where, text in texts(follow_up.parameters, location):
        for name in sorted(names(text) & {*known} & {*WORDS}):
            findings.add(where, f'"{name}" is a parameter, too, and means the other here; say parameters.{name}')


def _check_parameter(findings: Findings, location: Location, value: Any, alias: Alias, action: Action) -> None:
    name = str(location[-1])
    if name not in action.parameters:
        hint = did_you_mean(name, action.parameters)
        findings.add(location, f'unknown parameter "{name}" of "{alias.name}"{hint}')
    elif name in alias.immutable_parameters or action.parameters[name].immutable:
        findings.add(location, f'"{name}" is fixed by "{alias.name}"; leave it out')
    elif not any(is_template(text) for _, text in texts(value)):
        with findings.refusals(*location):
            cast_one(action.parameters[name], to_text(value, f'"{name}"'))


def _cycles(aliases: Mapping[str, Alias]) -> Iterator[tuple[str, ...]]:
    """Yield each circle of aliases that follow one another, once, beginning with one of them."""
    done: set[str] = set()
    for name in aliases:
        yield from _cycles_from(name, aliases, done)


def _cycles_from(start: str, aliases: Mapping[str, Alias], done: set[str]) -> Iterator[tuple[str, ...]]:
    """Go along all ways from an alias that were not gone before; where one meets itself, there is a circle."""
    way, left = list[str](), [iter((start,))]
    while left:
        name = next(left[-1], None)
        if name is None:
            left.pop()
            if way:
                done.add(way.pop())
        elif name in way:
            yield tuple(way[way.index(name) :])
        elif name not in done:
            way.append(name)
            left.append(_next(aliases.get(name)))


def _next(alias: Alias | None) -> Iterator[str]:
    follow_ups: Iterable[FollowUp] = alias.follow.values() if alias else ()
    return iter(dict.fromkeys(each.alias for each in follow_ups))
