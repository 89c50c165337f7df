"""Compare an alias with the action that it starts, aliases with one another, and guards with one another."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from err_confirm.catalog.alias_reader import Draft
from err_confirm.catalog.content import find
from err_confirm.catalog.guard_reader import GuardDraft
from err_confirm.catalog.policy.checks import check_with_action, runs
from err_confirm.catalog.problem import Severity
from err_confirm.errors import ParameterError
from err_confirm.guards import divided
from err_confirm.model.files import Action, Alias, Guard
from err_confirm.parameters import cast_one, settle
from err_confirm.templating import names, templates
from err_confirm.text.spelling import did_you_mean

_AS_OWN = "a choice runs what looks ahead, is locked, lost and read as the alias's own action; let it follow"


def compare_with_action(draft: Draft, action: Action) -> None:
    """Note what an alias gives that its action does not take, and what the action needs that it does not give."""
    fixed = draft.alias.immutable_parameters
    given = set(fixed)
    for location, representation in draft.representations:
        given.update(representation.parameters)
        for name in representation.parameters:
            if problem := _format_problem(action, fixed, name, representation.defaults.get(name)):
                draft.findings.add(location, problem)
    for name, value in fixed.items():
        _check_fixed(draft, action, name, value)
    if draft.alias.policy is not None:
        check_with_action(draft.findings, draft.alias.policy, action)
    for parameter in action.parameters.values() if draft.representations else ():  # else nobody can say it anyway
        if parameter.needed and parameter.name not in given:
            draft.findings.add(
                ("formats",), f'no format gives "{parameter.name}", which "{action.name}" needs', Severity.WARNING
            )


def compare_choices(draft: Draft, actions: Mapping[str, Action]) -> None:
    """Note choices that run an action which is not there, does not take what the alias gives, or must run otherwise."""
    own = find(actions, draft.alias.action_ref, draft.alias.pack)
    for location, name in runs(draft.alias.policy) if draft.alias.policy else ():
        action = find(actions, name, draft.alias.pack)
        if action is None:
            draft.findings.add(location, f'unknown action "{name}"{did_you_mean(name, actions)}')
            continue
        given = {*draft.alias.immutable_parameters}
        for _, representation in draft.representations:
            given.update(representation.parameters)
        for unknown in sorted(given - action.parameters.keys()):
            draft.findings.add(location, f'"{name}" has no parameter "{unknown}", which this alias gives')
        for parameter in action.parameters.values():
            if parameter.needed and parameter.name not in given:
                message = f'no format gives "{parameter.name}", which "{name}" needs'
                draft.findings.add(location, message, Severity.WARNING)
        for key in _not_held(action, own) if own else ():
            draft.findings.add(location, f'"{key}" of "{name}" would not hold here: {_AS_OWN}')


def _not_held(action: Action, own: Action) -> Iterator[str]:
    """Yield the keys by which an action must run otherwise than the alias's own, instead of which it would run."""
    ahead = {"targets": action.targets, "preview": action.preview}
    yield from (key for key, rule in ahead.items() if rule is not None)
    if action.mutex not in (None, own.mutex):
        yield "lock"
    if own.retry and not action.retry:
        yield "on_lost"
    if own.json != action.json:
        yield "output"


def compare_texts(drafts: Iterable[Draft]) -> None:
    """Warn where two aliases have the very same representation, so that their text is always ambiguous."""
    first: dict[str, Alias] = {}
    for draft in drafts:
        if not draft.alias.enabled:
            continue
        texts = [text for format_ in draft.alias.formats for text in format_.representations]
        for text, (location, _) in zip(texts, draft.representations, strict=True):
            other = first.setdefault(_normal(text), draft.alias)
            if other is not draft.alias:
                draft.findings.add(
                    location,
                    f'two aliases for one text: "{other.name}" ({other.source}) and "{draft.alias.name}"',
                    Severity.WARNING,
                )


def compare_patterns(drafts: Iterable[GuardDraft]) -> None:
    """Refuse a guard with a pattern that another one has already: nobody could say which of them decides."""
    first: dict[str, GuardDraft] = {}
    for draft in drafts:
        for index, pattern in enumerate(draft.guard.commands):
            other = first.setdefault(_same(pattern), draft)
            if other is not draft:
                place = other.findings.document.source(("commands", _place(other.guard, pattern)))
                draft.findings.add(("commands", index), f'"{pattern}" has a guard already: {place}; keep one of them')


def _place(guard: Guard, pattern: str) -> int:
    return [_same(each) for each in guard.commands].index(_same(pattern))


def _same(pattern: str) -> str:
    """Return what is the same for patterns that are read the same way."""
    plugin, said = divided(pattern)
    return f"{plugin}:{' '.join(re.split('[_ ]+', said))}"


def _format_problem(action: Action, fixed: Collection[str], name: str, default: str | None) -> str:
    if name in fixed:
        return f'"{name}" is in immutable_parameters, too; a format cannot give it'
    if name not in action.parameters:
        return _unknown(name, action)
    if action.parameters[name].immutable:
        return _immutable(name, action)
    try:
        if default is not None:
            cast_one(action.parameters[name], default)
    except ParameterError as error:
        return f"the default of {error}"
    return ""


def _check_fixed(draft: Draft, action: Action, name: str, value: object) -> None:
    location = ("immutable_parameters", name)
    if name not in action.parameters:
        draft.findings.add(location, _unknown(name, action))
    elif action.parameters[name].immutable:
        draft.findings.add(location, _immutable(name, action))
    elif rendered := list(templates(value)):
        for unknown in sorted(frozenset[str]().union(*map(names, rendered)) - action.parameters.keys()):
            draft.findings.add(location, _unknown(unknown, action))
    else:
        with draft.findings.refusals(*location):
            settle(action.parameters[name], value, {})


def _unknown(name: str, action: Action) -> str:
    return f'unknown parameter "{name}" of "{action.name}"{did_you_mean(name, action.parameters)}'


def _immutable(name: str, action: Action) -> str:
    return f'"{name}" is fixed by "{action.name}"; leave it out'


def _normal(text: str) -> str:
    return re.sub(r"\{\{\s*(.*?)\s*\}\}", r"{{\1}}", text.strip())
