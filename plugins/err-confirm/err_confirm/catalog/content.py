"""Hold what was read: aliases, guards and actions that can be used, and what is wrong with the others."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from err_confirm.catalog.problem import Problem, Severity
from err_confirm.catalog.stand_in import for_texts
from err_confirm.errors import ActionMissingError
from err_confirm.model.files import Action, Alias, Guard
from err_confirm.model.policies import Policy


@dataclass(frozen=True, slots=True)
class Catalog:
    """All aliases, guards and actions by their names, and what is wrong with the files they came from.

    The guards are those that are enabled. A file that is wrong has one, too, which refuses what it covers. `instead`
    are guards that refuse the texts of aliases that were left out.
    """

    aliases: Mapping[str, Alias]
    guards: Mapping[str, Guard]
    actions: Mapping[str, Action]
    problems: tuple[Problem, ...]
    instead: tuple[Guard, ...] = ()

    def action(self, alias: Alias) -> Action:
        """Return the action that an alias starts. Raises ActionMissingError."""
        action = find(self.actions, alias.action_ref, alias.pack)
        if action is None:
            raise ActionMissingError(alias.name, alias.action_ref)
        return action

    def all_guards(self) -> Iterator[Guard]:
        """Yield the guards, and what stands for the aliases that were left out."""
        yield from self.guards.values()
        yield from self.instead

    def instead_of_aliases(self, why: str) -> Iterator[Guard]:
        """Yield what refuses the texts of each alias while none of them can be started."""
        for alias in self.aliases.values():
            texts = (text for format_ in alias.formats for text in format_.representations)
            yield for_texts(texts, alias.source, why)

    @property
    def policies(self) -> list[Policy | None]:
        """Those of all aliases and guards."""
        asking: list[Alias | Guard] = [*self.aliases.values(), *self.guards.values()]
        return [each.policy for each in asking]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What kept an alias, a guard or an action from being loaded."""
        return self._of(Severity.ERROR)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What was loaded, but probably is not meant so."""
        return self._of(Severity.WARNING)

    def _of(self, severity: Severity) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity is severity)


def full_name(action: Action) -> str:
    """Return `pack.name`; the name alone where there is no pack."""
    return f"{action.pack}.{action.name}" if action.pack else action.name


def by_names(actions: Iterable[Action]) -> dict[str, Action]:
    """Return actions by what they are found by: their names, and with its pack where several have one name."""
    full = {full_name(action): action for action in actions}
    same = Counter(action.name for action in full.values())
    named = {
        action.name if same[action.name] == 1 and action.name not in full else name: action
        for name, action in full.items()
    }
    return dict(sorted(named.items()))


def find(actions: Mapping[str, Action], action_ref: str, pack: str) -> Action | None:
    """Return the action that `pack.name` or `name` means; a pack need not be said, but must not be another.

    Args:
        actions: all of them, as `by_names` has them.
        action_ref: what an alias says.
        pack: of the alias; its own action comes before one of the same name that is of no pack.
    """
    if found := actions.get(f"{pack}.{action_ref}") or actions.get(action_ref):
        return found
    named, _, name = action_ref.partition(".")
    action = actions.get(name)
    return action if action and action.pack in ("", named) else None
