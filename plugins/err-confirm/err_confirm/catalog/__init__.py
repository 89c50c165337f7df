"""Load what people may say and what can run from YAML files, with file and line for everything that is wrong."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from err_confirm.catalog.action_reader import read_action
from err_confirm.catalog.alias_reader import RESERVED, Draft, read_alias
from err_confirm.catalog.comparison import compare_texts, compare_with_action
from err_confirm.catalog.findings import Findings
from err_confirm.catalog.messages import message
from err_confirm.catalog.policies import Confirm, PolicyEntry
from err_confirm.catalog.problem import Problem, Severity, UnreadableError
from err_confirm.catalog.yaml_source import read
from err_confirm.errors import ActionMissingError, SettingError
from err_confirm.model import Action, Alias, Policy, Source
from err_confirm.people import People

__all__ = ["RESERVED", "Catalog", "Problem", "Severity", "load", "parse_policy"]


@dataclass(frozen=True, slots=True)
class Catalog:
    """All aliases and actions by their names, and what is wrong with the files they came from."""

    aliases: Mapping[str, Alias]
    actions: Mapping[str, Action]
    problems: tuple[Problem, ...]

    def action(self, alias: Alias) -> Action:
        """Return the action that an alias starts. Raises ActionMissingError."""
        action = _find(self.actions, alias.action_ref)
        if action is None:
            raise ActionMissingError(alias.name, alias.action_ref)
        return action

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What kept an alias or an action from being loaded."""
        return self._of(Severity.ERROR)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What was loaded, but probably is not meant so."""
        return self._of(Severity.WARNING)

    def _of(self, severity: Severity) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity is severity)


def load(
    alias_dirs: Sequence[Path],
    action_dirs: Sequence[Path],
    *,
    people: People,
    default: Policy | None,
) -> Catalog:
    """Read all `*.yaml` and `*.yml` files of some folders. A file with an error is left out, the rest is loaded.

    Args:
        alias_dirs: folders of alias files; folders in them are not looked into.
        action_dirs: folders of action files.
        people: whom a policy may name.
        default: the policy of an alias that has no `confirm`; None runs at once.
    """
    loading = _Loading()
    for findings in loading.documents(action_dirs, Severity.NOTE):
        loading.add_action(findings, read_action(findings))
    for findings in loading.documents(alias_dirs, Severity.ERROR):
        loading.add_alias(findings, read_alias(findings, people, default))
    return loading.catalog()


def parse_policy(value: Any, people: People) -> Policy | None:
    """Return the policy that the setting CONFIRM_DEFAULT describes, as `confirm:` would. Raises SettingError."""
    try:
        entry = TypeAdapter(Confirm).validate_python(value, context={"people": people})
    except ValidationError as error:
        details = error.errors(include_url=False)[0]
        raise SettingError(f"CONFIRM_DEFAULT: {message(details, PolicyEntry)}") from error
    return None if entry is None else entry.policy()


def _find(actions: Mapping[str, Action], action_ref: str) -> Action | None:
    """Return the action that `pack.name` or `name` means; a pack need not be said, but must not be another."""
    if action_ref in actions:
        return actions[action_ref]
    pack, _, name = action_ref.partition(".")
    action = actions.get(name)
    return action if action and action.pack in ("", pack) else None


class _Loading:
    """What has been read so far."""

    def __init__(self) -> None:
        self._actions: dict[str, Action] = {}
        self._drafts: dict[str, Draft] = {}
        self._findings: list[Findings] = []
        self._problems: list[Problem] = []

    def documents(self, folders: Sequence[Path], missing: Severity) -> Iterator[Findings]:
        """Yield an empty list of findings for each file that can be read; a folder that cannot be is `missing`."""
        for folder in folders:
            try:
                paths = sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml") and path.is_file())
            except OSError as error:
                self._problems.append(Problem(Source(folder), f"cannot be read: {error.strerror}", missing))
                continue
            for path in paths:
                try:
                    findings = Findings(read(path))
                except UnreadableError as error:
                    self._problems.append(error.problem)
                else:
                    self._findings.append(findings)
                    yield findings

    def add_action(self, findings: Findings, action: Action | None) -> bool:
        """Keep an action, unless it has errors or there is one of its name."""
        if action is None:
            return False
        first = self._actions.setdefault(action.name, action)
        if first is not action:
            findings.add(("name",), f'there is an action "{action.name}" already: {first.source}')
        return first is action

    def add_alias(self, findings: Findings, draft: Draft | None) -> None:
        """Keep an alias with the action it brings, unless it has errors or there is one of its name."""
        if draft is None:
            return
        first = self._drafts.get(draft.alias.name)
        if first is not None:
            findings.add(("name",), f'there is an alias "{draft.alias.name}" already: {first.alias.source}')
        elif draft.action is None or self.add_action(findings, draft.action):
            self._drafts[draft.alias.name] = draft

    def catalog(self) -> Catalog:
        """Compare everything with everything else, and return what is sound."""
        for draft in self._drafts.values():
            action = _find(self._actions, draft.alias.action_ref)
            if action is not None:
                compare_with_action(draft, action)
            else:
                missing = str(ActionMissingError(draft.alias.name, draft.alias.action_ref))
                draft.findings.add(("action_ref",), missing, Severity.WARNING)
        sound = [draft for draft in self._drafts.values() if not draft.findings.failed]
        compare_texts(sound)
        problems = [*self._problems, *(problem for findings in self._findings for problem in findings.problems)]
        return Catalog(
            aliases=dict(sorted((draft.alias.name, draft.alias) for draft in sound)),
            actions=dict(sorted(self._actions.items())),
            problems=tuple(sorted(problems, key=lambda problem: (problem.source.path, problem.source.line))),
        )
