"""Collect what alias, guard and action files say, and compare all of it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from err_confirm.catalog.alias_reader import Draft
from err_confirm.catalog.comparison import compare_choices, compare_patterns, compare_texts, compare_with_action
from err_confirm.catalog.content import Catalog, by_names, find, full_name
from err_confirm.catalog.findings import Findings
from err_confirm.catalog.follow_checks import check_follow_ups
from err_confirm.catalog.guard_reader import GuardDraft
from err_confirm.catalog.packs import Folder, Pack
from err_confirm.catalog.problem import Problem, Severity, UnreadableError
from err_confirm.catalog.stand_in import for_alias, for_everything, for_unreadable
from err_confirm.catalog.yaml_source import read
from err_confirm.errors import ActionMissingError
from err_confirm.model.files import Action, Guard, Source

_SUFFIXES = (".yaml", ".yml")
_DEFAULT_FOLDER = Path("aliases")  # a bot need not have one


class Loading:
    """What has been read so far."""

    def __init__(self) -> None:
        self._actions: dict[str, Action] = {}
        self._drafts: dict[str, Draft] = {}
        self._shipped: dict[str, GuardDraft] = {}
        self._guards: list[GuardDraft] = []
        self._refusing: list[Guard] = []
        self._instead: list[Guard] = []
        self._aliases: list[Findings] = []
        self._findings: list[Findings] = []
        self._problems: list[Problem] = []

    def add_packs(self, packs: Iterable[Pack]) -> None:
        """Keep what is wrong with packs; one of which nobody can tell what it guards leaves a guard that refuses."""
        for pack in packs:
            self._problems += pack.problems
            if pack.unknown:
                self._refusing.append(for_everything(pack.problems[0]))

    def documents(self, folders: Iterable[Folder], *, guards: bool) -> Iterator[Findings]:
        """Yield an empty list of findings for each file that can be read.

        Where `guards` may be, what cannot be read leaves one that refuses.
        """
        for folder, pack in ((each.path, each.pack) for each in folders):
            try:
                paths = sorted(
                    path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES and _is_there(path)
                )
            except OSError as error:
                severity = Severity.ERROR if guards else Severity.NOTE
                gone = isinstance(error, FileNotFoundError)
                message = "there is no such folder" if gone else f"cannot be read: {error.strerror}"
                problem = Problem(Source(folder, 0), message, severity)
                self._problems.append(problem)
                if guards and not (folder == _DEFAULT_FOLDER and gone):
                    self._refusing.append(for_everything(problem))
                continue
            for path in paths:
                try:
                    findings = Findings(read(path), pack)
                except UnreadableError as error:
                    self._problems.append(error.problem)
                    if guards:
                        guard = for_unreadable(error.problem)
                        (self._refusing if guard.unreadable else self._instead).append(guard)
                else:
                    self._findings.append(findings)
                    yield findings

    def add_action(self, findings: Findings, action: Action | None) -> bool:
        """Keep an action, unless it has errors or there is one of its name."""
        if action is None:
            return False
        first = self._actions.setdefault(full_name(action), action)
        if first is not action:
            findings.add(("name",), f'there is an action "{full_name(action)}" already: {first.source}')
        return first is action

    def add_alias(self, findings: Findings, draft: Draft | None) -> None:
        """Keep an alias with the action it brings, unless it has errors or there is one of its name."""
        self._aliases.append(findings)
        if draft is None or self._is_taken(findings, draft.alias.name, [*self._shipped.values(), *self._guards]):
            return
        if draft.action is None or self.add_action(findings, draft.action):
            self._drafts[draft.alias.name] = draft

    def add_guard(self, draft: GuardDraft) -> None:
        """Keep a guard, and note if its name is taken; one of the same name that is shipped gives way to it."""
        if not draft.failed:
            self._is_taken(draft.findings, draft.guard.name, self._guards)
        self._guards.append(draft)

    def add_shipped(self, draft: GuardDraft) -> None:
        """Keep a guard that is always there."""
        self._shipped[draft.guard.name] = draft

    def _is_taken(self, findings: Findings, name: str, guards: Iterable[GuardDraft]) -> bool:
        """Tell whether there is an alias or one of these guards by a name, and note where."""
        first: dict[str, str] = {}
        if name in self._drafts:
            first["an alias"] = str(self._drafts[name].alias.source)
        for draft in guards:
            if draft.guard.name == name and not draft.failed:
                first["a guard"] = str(draft.guard.source)
        for kind, source in first.items():
            findings.add(("name",), f'there is {kind} "{name}" already: {source}')
        return bool(first)

    def catalog(self) -> Catalog:
        """Compare everything with everything else, and return what is sound."""
        actions = by_names(self._actions.values())
        for draft in self._drafts.values():
            action = find(actions, draft.alias.action_ref, draft.alias.pack)
            if action is not None:
                compare_with_action(draft, action)
            compare_choices(draft, actions)
            if action is None:
                self._miss(draft)
        check_follow_ups(self._drafts, actions)
        sound = [draft for draft in self._drafts.values() if not draft.findings.failed]
        compare_texts(sound)
        compare_patterns(draft for draft in self._guards if draft.enabled and not draft.failed)
        problems = [*self._problems, *(problem for findings in self._findings for problem in findings.problems)]
        return Catalog(
            aliases=dict(sorted((draft.alias.name, draft.alias) for draft in sound)),
            guards=self._enabled_guards(),
            actions=actions,
            problems=tuple(sorted(problems, key=lambda problem: (problem.source.path, problem.source.line))),
            instead=(*self._instead, *(for_alias(each, error) for each in self._aliases if (error := each.error))),
        )

    def _miss(self, draft: Draft) -> None:
        """Note that there is not the one action that an alias starts: there is none, or several packs have one."""
        name = draft.alias.action_ref
        several = [each for each in self._actions.values() if each.name == name]
        if several:
            where = " and ".join(f"{full_name(each)} ({each.source})" for each in several)
            draft.findings.add(("action_ref",), f'"{name}" may be {where}; name its pack')
        else:
            draft.findings.add(("action_ref",), str(ActionMissingError(draft.alias.name, name)), Severity.WARNING)

    def _enabled_guards(self) -> dict[str, Guard]:
        """Return all guards that are not switched off; one that is wrong gives way to no other and hides none."""
        instead = {draft.guard.name for draft in self._guards if not draft.failed}
        shipped = [draft for name, draft in self._shipped.items() if name not in instead]
        guards = [draft.finished() for draft in (*self._guards, *shipped) if draft.enabled]
        found: dict[str, Guard] = {}
        for guard in sorted([*guards, *self._refusing], key=lambda guard: bool(guard.error)):
            found[str(guard.source) if guard.name in found else guard.name] = guard
        return dict(sorted(found.items()))


def _is_there(path: Path) -> bool:
    """Tell whether a path is a file, or a link to one that is not there: it may have been a guard."""
    return path.is_file() or (path.is_symlink() and not path.exists() and not path.name.startswith("."))
