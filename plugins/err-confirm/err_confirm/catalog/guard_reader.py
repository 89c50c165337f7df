"""Make a guard of a guard file; one that is wrong becomes a guard that refuses what it covers."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from err_confirm.catalog.alias_reader import RESERVED
from err_confirm.catalog.entries import GuardFile
from err_confirm.catalog.findings import Findings
from err_confirm.catalog.messages import problems
from err_confirm.catalog.problem import Problem, Severity
from err_confirm.catalog.yaml_source import LARGEST, Location
from err_confirm.guards import GUARDABLE, OWN, BotCommand, Guards, divided, everything
from err_confirm.model import Guard, Policy, Source
from err_confirm.people import People
from err_confirm.visible import visible

LONGEST_ERROR = 400
"""The most characters of a guard's error; it is said in chat."""

_KEY = "commands"
_OF_AN_ALIAS = ("formats", "run", "action_ref")
_OUR_PLUGINS = frozenset(name.casefold() for name in OWN)
_GUARDABLE = [BotCommand(plugin="Aliases", name=name) for name in GUARDABLE]
_READABLE = frozenset({"string_too_long", "too_long"})
"""What may be wrong with `commands` although it is clear what they cover."""

_MAY_BE_KEY = re.compile(r"^[^#\n]*?(?<![\w.-])commands[\"']?\s*:", re.MULTILINE)
_KEY_OF_AN_ALIAS = re.compile(r"^[\"']?(?:formats|action_ref|run)[\"']?\s*:", re.MULTILINE)
_FORMAT = re.compile(r"""^(?:.*formats\W*:\s*\[|\s*-\s*(?:\w+:)?)\s*["']?([A-Za-z][\w-]*)""", re.MULTILINE)
_FIRST_WORD = re.compile(r"[A-Za-z][\w-]*(?!\S)")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")  # what is UTF-16 has one in each letter


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
        errors = [problem for problem in self.findings.problems if problem.severity is Severity.ERROR]
        return replace(self.guard, policy=None, error=_said(errors[0])) if errors else self.guard


def is_guard(data: Mapping[str, Any]) -> bool:
    """Tell whether a file may be meant for a guard: it says `commands`, or nothing of an alias, as if cut off."""
    return _KEY in data or not any(key in data for key in _OF_AN_ALIAS)


def read_guard(findings: Findings, people: People, default: Policy | None, *, shipped: bool = False) -> GuardDraft:
    """Return what a guard file says; if it has errors, as much of it as is needed to refuse.

    Args:
        findings: gets what is wrong.
        people: whom a policy may name.
        default: the policy of a guard that has no `confirm`.
        shipped: whether the file is one of ours.
    """
    data = dict(findings.document.data)
    for key in _OF_AN_ALIAS:
        if key in data:
            del data[key]
            findings.add((key,), f'has "{_KEY}" (a guard) and "{key}" (an alias); keep one of them, or make two files')
    try:
        file = GuardFile.model_validate(data, context={"people": people})
    except ValidationError as error:
        findings.problems += problems(error, GuardFile, findings.document)
        readable = all(each["loc"][0] != _KEY or each["type"] in _READABLE for each in error.errors())
        return _broken(findings, shipped=shipped, readable=readable)
    guard = Guard(
        name=file.name or _stem(findings),
        description=file.description,
        commands=tuple(file.commands),
        policy=default if "confirm" not in file.model_fields_set else file.confirm.policy() if file.confirm else None,
        source=findings.document.source((_KEY,)),
        shipped=shipped,
    )
    for index, pattern in enumerate(guard.commands):
        _look_at(findings, (_KEY, index), replace(guard, commands=(pattern,)))
    if guard.policy is None:
        message = f'the commands of "{guard.name}" run at once, without confirmation'
        findings.add(("confirm",), message, Severity.NOTE)
    return GuardDraft(guard, findings, file.enabled)


def unreadable(problem: Problem) -> Guard:
    """Return a guard for a file that cannot be read: over everything, unless it shows that it is an alias.

    One that is empty or was cut off may have been anything.
    """
    try:
        with problem.source.path.open("rb") as file:
            content = file.read(LARGEST + 1)
        text = _CONTROL.sub("", content.decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError):
        return refusing(problem)
    if len(content) > LARGEST or _MAY_BE_KEY.search(text) or not _KEY_OF_AN_ALIAS.search(text):
        return refusing(problem)
    return instead_of_alias(_FORMAT.findall(text), problem.source, str(problem))


def instead_of_alias(texts: Iterable[str], source: Source, error: str) -> Guard:
    """Return a guard that refuses what is said for an alias that cannot be used.

    Without it, `!restart web01` would be Errbot's own `restart`, which takes no notice of the rest.

    Args:
        texts: what begins as the alias does.
        source: of the alias.
        error: why it cannot be used.
    """
    words = dict.fromkeys(match[0] for text in texts if (match := _FIRST_WORD.match(text)))
    patterns = tuple(f"*:{word} ?*" for word in words)
    return Guard(name=source.path.stem, commands=patterns, source=source, policy=None, error=_cut(error))


def refusing(problem: Problem) -> Guard:
    """Return a guard over everything that nothing else guards, which refuses because of a problem."""
    return everything(problem.source, _said(problem))


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


def _said(problem: Problem) -> str:
    return _cut(str(problem))


def _cut(text: str) -> str:
    text = visible(text)
    return text if len(text) <= LONGEST_ERROR else f"{text[: LONGEST_ERROR - 3]}..."
