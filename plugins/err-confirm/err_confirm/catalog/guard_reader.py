"""Make a guard of a guard file; one that is wrong becomes a guard that refuses what it covers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from err_confirm.catalog.alias_reader import RESERVED, policy_of
from err_confirm.catalog.entries import AliasFile, GuardFile
from err_confirm.catalog.findings import Findings
from err_confirm.catalog.messages import problems
from err_confirm.catalog.policy.checks import check_without_action, note_what_is_easy
from err_confirm.catalog.problem import Problem, Severity
from err_confirm.catalog.stand_in import shortened
from err_confirm.catalog.yaml_source import Location
from err_confirm.guards import GUARDABLE, OWN, BotCommand, Guards, divided
from err_confirm.model.files import Guard
from err_confirm.model.policies import Policy
from err_confirm.text.spelling import did_you_mean

_KEY = "commands"
_OF_AN_ALIAS = ("formats", "run", "action_ref")
_OUR_PLUGINS = frozenset(name.casefold() for name in OWN)
_GUARDABLE = [BotCommand(plugin="Aliases", name=name) for name in GUARDABLE]
_READABLE = frozenset({"string_too_long", "too_long"})
"""What may be wrong with `commands` although it is clear what they cover."""


@dataclass(frozen=True, slots=True)
class GuardDraft:
    """A guard as its file has it, before it is compared with all others; `enabled` is not, if the file says so."""

    guard: Guard
    findings: Findings
    enabled: bool

    @property
    def failed(self) -> bool:
        """Whether its file cannot be used."""
        return self.findings.failed

    def finished(self) -> Guard:
        """Return the guard; it refuses if anything was wrong with its file."""
        error = self.findings.error
        return replace(self.guard, policy=None, error=shortened(error)) if error else self.guard


def is_guard(data: Mapping[str, Any]) -> bool:
    """Tell whether a file may be meant for a guard: it says `commands`, or nothing of an alias, as if cut off."""
    return _KEY in data or not any(key in data for key in _OF_AN_ALIAS)


def read_guard(
    findings: Findings, context: Mapping[str, Any], default: Policy | None, *, shipped: bool = False
) -> GuardDraft:
    """Return what a guard file says; if it has errors, as much of it as is needed to refuse.

    Args:
        findings: gets what is wrong.
        context: the `people` and `groups` that a policy may name.
        default: the policy of a guard that has no `confirm`.
        shipped: whether the file is one of ours.
    """
    data = dict(findings.document.data)
    for key in _OF_AN_ALIAS:
        if key in data:
            del data[key]
            findings.add((key,), f'has "{_KEY}" (a guard) and "{key}" (an alias); keep one of them, or make two files')
    try:
        file = GuardFile.model_validate(data, context=context)
    except ValidationError as error:
        findings.problems += _misspelt_alias(findings, context) or problems(error, GuardFile, findings.document)
        readable = all(each["loc"][0] != _KEY or each["type"] in _READABLE for each in error.errors())
        return _broken(findings, shipped=shipped, readable=readable)
    guard = Guard(
        name=file.name or _stem(findings),
        description=file.description,
        commands=tuple(file.commands),
        policy=policy_of(file, default),
        source=findings.document.source((_KEY,)),
        shipped=shipped,
    )
    for index, pattern in enumerate(guard.commands):
        _look_at(findings, (_KEY, index), replace(guard, commands=(pattern,)))
    if guard.policy is None:
        message = f'the commands of "{guard.name}" run at once, without confirmation'
        findings.add(("confirm",), message, Severity.NOTE)
    elif "confirm" in file.model_fields_set:
        check_without_action(findings, guard.policy)
        note_what_is_easy(findings, guard.policy, f'the commands of "{guard.name}" run')
    return GuardDraft(guard, findings, file.enabled)


def _misspelt_alias(findings: Findings, context: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with an alias file of which each key that tells it from a guard is misspelt or missing."""
    data = findings.document.data
    if _KEY in data or not any(did_you_mean(key, _OF_AN_ALIAS) for key in data):
        return []
    try:
        AliasFile.model_validate(data, context=context)
    except ValidationError as error:
        return problems(error, AliasFile, findings.document)
    return []


def _broken(findings: Findings, *, shipped: bool, readable: bool) -> GuardDraft:
    """Return the guard of a file that does not say what it should."""
    data = findings.document.data
    given = data.get(_KEY)
    guard = Guard(
        name=data["name"] if isinstance(data.get("name"), str) else _stem(findings),
        commands=tuple(given) if isinstance(given, list) else (str(given),),
        source=findings.document.source((_KEY,)),
        policy=None,
        shipped=shipped,
    )
    if not readable:
        guard = replace(guard, commands=("*",), unreadable=True)
    return GuardDraft(guard, findings, data.get("enabled") is not False)


def _look_at(findings: Findings, location: Location, guard: Guard) -> None:
    """Note what a guard's only pattern can never do, and what it does less well than it seems."""
    (pattern,) = guard.commands
    plugin, said = divided(pattern)
    if _is_ours(plugin, said) and not any(map(Guards([guard]).covering, _GUARDABLE)):
        findings.add(location, f'"{pattern}" is our own, and to confirm must not need a confirmation; remove it')
    elif said.split()[1:] not in ([], ["*"]):
        findings.add(
            location,
            f'"{pattern}" guards only some arguments, unless a command has this name; '
            "another way to say them may avoid it",
            Severity.NOTE,
        )


def _is_ours(plugin: str, said: str) -> bool:
    """Tell whether a pattern can name commands of ours only."""
    return plugin in _OUR_PLUGINS or (plugin == "*" and said in RESERVED)


def _stem(findings: Findings) -> str:
    return findings.document.path.stem
