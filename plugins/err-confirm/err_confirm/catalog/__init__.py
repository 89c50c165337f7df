"""Load what people may say and what can run from YAML files, with file and line for everything that is wrong."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from err_confirm.catalog.action_reader import read_action
from err_confirm.catalog.alias_reader import RESERVED, own_command, read_alias
from err_confirm.catalog.content import Catalog
from err_confirm.catalog.guard_reader import is_guard, read_guard
from err_confirm.catalog.loading import Loading
from err_confirm.catalog.messages import message
from err_confirm.catalog.packs import Folder, read_packs
from err_confirm.catalog.policy import Confirm, PolicyEntry
from err_confirm.catalog.policy.checks import without_parameters
from err_confirm.catalog.problem import Problem, Severity
from err_confirm.catalog.stackstorm import is_metadata, read_metadata
from err_confirm.errors import SettingError
from err_confirm.model.files import Profile
from err_confirm.model.policies import Policy
from err_confirm.people import People
from err_confirm.people.groups import Groups

__all__ = ["RESERVED", "SHIPPED", "Catalog", "Problem", "Severity", "load", "own_command", "parse_policy"]

SHIPPED = Path(__file__).parent.parent / "shipped"
"""The guard files that are always there, unless a file of the user's has the name of one."""


def load(
    alias_dirs: Sequence[Path],
    action_dirs: Sequence[Path],
    *,
    people: People,
    default: Policy | None,
    groups: Groups | None = None,
    shipped: Path | None = SHIPPED,
    profiles: Mapping[str, Profile] | None = None,
    packs: Sequence[Path] = (),
) -> Catalog:
    """Read all `*.yaml` and `*.yml` files of some folders.

    An alias or action file with an error is left out. A guard file with one refuses what it covers: all that nothing
    else guards, if that cannot be read.

    Args:
        alias_dirs: folders of alias and guard files; folders in them are not looked into.
        action_dirs: folders of action files.
        people: whom a policy may name.
        default: the policy of an alias or guard that has no `confirm`; None runs at once.
        groups: which groups a policy may name; None if nobody knows, and then each is taken.
        shipped: a folder of guard files of which each holds unless one of `alias_dirs` has its name.
        profiles: as whom something may run; None if nobody knows, and then each is taken.
        packs: folders that have folders of both kinds, or of one.
    """
    loading, context = Loading(), {"people": people, "groups": groups, "profiles": profiles}
    found = read_packs(packs)
    loading.add_packs(found)
    actions = [*map(Folder, action_dirs), *(each for pack in found for each in pack.folder("actions"))]
    aliases = [*map(Folder, alias_dirs), *(each for pack in found for each in pack.folder("aliases"))]
    for findings in loading.documents(actions, guards=False):
        loading.add_action(
            findings,
            read_metadata(findings) if is_metadata(findings.document.data) else read_action(findings, profiles),
        )
    for findings in loading.documents([Folder(shipped)] if shipped else [], guards=True):
        loading.add_shipped(read_guard(findings, context, default, shipped=True))
    for findings in loading.documents(aliases, guards=True):
        if is_guard(findings.document.data):
            loading.add_guard(read_guard(findings, context, default))
        else:
            loading.add_alias(findings, read_alias(findings, context, default))
    return loading.catalog()


def parse_policy(value: Any, people: People, groups: Groups | None = None) -> Policy | None:
    """Return the policy that the setting CONFIRM_DEFAULT describes, as `confirm:` would. Raises SettingError."""
    try:
        entry = TypeAdapter(Confirm).validate_python(value, context={"people": people, "groups": groups})
    except ValidationError as error:
        details = error.errors(include_url=False)[0]
        raise SettingError(f"CONFIRM_DEFAULT: {message(details, PolicyEntry)}") from error
    policy = None if entry is None else entry.policy()
    for _, problem in without_parameters(policy):
        raise SettingError(f"CONFIRM_DEFAULT: {problem}")
    return policy
