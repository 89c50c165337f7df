"""Make an alias, and the action that it may bring along, of an alias file."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from err_confirm.catalog.action_reader import make_action
from err_confirm.catalog.entries import AliasFile, FormatEntry, GuardFile, ResultEntry
from err_confirm.catalog.findings import Findings
from err_confirm.catalog.messages import problems
from err_confirm.catalog.policy.checks import note_what_is_easy
from err_confirm.catalog.problem import Severity
from err_confirm.catalog.yaml_source import Location
from err_confirm.grammar import Representation, compiled
from err_confirm.model.files import Action, Alias, Format, Reply
from err_confirm.model.policies import Policy

RESERVED = frozenset(
    {
        "abort",
        "aliases",
        "cancel",
        "confirm",
        "deny",
        "draw",
        "executions",
        "explain",
        "guards",
        "lock",
        "locks",
        "pending",
        "show",
        "unlock",
    }
)
"""Our own commands: an alias that begins with one would never be reached, and is left out."""

_INSTEAD = {"ack": "that is said instead", "result": "the result is shown as it is"}
"""What is said where these words cannot be made, as of a pack with filters that are unknown here; what runs is not."""


def own_command(text: str) -> str:
    """Return the command of ours that a text begins with, in any case, or nothing: no alias gets such a text."""
    word = "".join(text.split(maxsplit=1)[:1]).lower()
    return word if word in RESERVED else ""


@dataclass(frozen=True, slots=True)
class Draft:
    """An alias as its file has it, before it is compared with all others.

    `representations` are the compiled ones, each with where it stands; `action` is its own, if it has one.
    """

    alias: Alias
    findings: Findings
    representations: tuple[tuple[Location, Representation], ...]
    action: Action | None


def read_alias(findings: Findings, context: Mapping[str, Any], default: Policy | None) -> Draft | None:
    """Return what an alias file says, or None if it has errors or would hide a command.

    Args:
        findings: gets what is wrong.
        context: the `people` and `groups` that a policy may name, and the `profiles` of `as`.
        default: the policy of an alias that has no `confirm`.
    """
    try:
        file = AliasFile.model_validate(findings.document.data, context=context)
    except ValidationError as error:
        findings.problems += problems(error, AliasFile, findings.document)
        return None
    representations = _representations(findings, file)
    findings.check_templates(findings.document.data.get("immutable_parameters"), ("immutable_parameters",))
    for key, instead in _INSTEAD.items():
        findings.check_words(findings.document.data.get(key), (key,), instead)
    implied = [name for _, representation in representations for name in representation.parameters]
    action = None
    if file.run is not None:
        known = dict.fromkeys([*implied, *file.immutable_parameters])
        action = make_action(findings, file, file.run, implied=known, profiles=context["profiles"])
    if findings.failed or _hides(findings, representations):
        return None
    alias = Alias(
        name=file.name,
        pack=file.pack or findings.pack,
        description=file.description,
        enabled=file.enabled,
        action_ref=file.action_ref or file.name,
        formats=tuple(_format(entry) for entry in file.formats),
        policy=policy_of(file, default),
        ack=_reply(file.ack),
        result=_reply(file.result),
        extra=file.extra,
        immutable_parameters=file.immutable_parameters,
        follow=file.follow(),
        source=findings.document.source(("name",)),
    )
    if alias.policy is None:
        findings.add(("confirm",), f'"{alias.name}" runs at once, without confirmation', Severity.NOTE)
    else:
        note_what_is_easy(findings, alias.policy, f'"{alias.name}" runs')
    return Draft(alias, findings, representations, action)


def _representations(findings: Findings, file: AliasFile) -> tuple[tuple[Location, Representation], ...]:
    found = []
    for place, entry in enumerate(file.formats):
        for index, text in enumerate(entry.representation):
            location = findings.document.locate(("formats", place, "representation", index))
            with findings.refusals(*location):
                found.append((location, compiled(text, anywhere=entry.match_multiple)))
    return tuple(found)


def _hides(findings: Findings, representations: Iterable[tuple[Location, Representation]]) -> bool:
    """Tell whether an alias would hide one of our commands, which always win; the rest of its pack stays usable."""
    for location, representation in representations:
        if (word := representation.first_word.lower()) in RESERVED:
            message = f'"{word}" is our own command and always wins; this alias is left out, begin with another word'
            findings.add(location, message, Severity.WARNING)
            return True
    return False


def _format(entry: FormatEntry) -> Format:
    return Format(
        display=entry.display, representations=tuple(entry.representation), match_multiple=entry.match_multiple
    )


def policy_of(file: AliasFile | GuardFile, default: Policy | None) -> Policy | None:
    """Return the policy in a file, or the default of one that has none; None runs at once."""
    if "confirm" not in file.model_fields_set:
        return default
    return file.confirm.policy() if file.confirm else None


def _reply(entry: ResultEntry) -> Reply:
    return Reply(enabled=entry.enabled, format=entry.format, extra=entry.extra)
