"""Say what differs between two readings of the files: what the journal keeps of a reload."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from err_confirm.catalog.content import Catalog
from err_confirm.durations import format_duration
from err_confirm.model.files import Action, Alias, Guard
from err_confirm.model.policies import Policy
from err_confirm.policy_words.quorums import who_confirms
from err_confirm.text.spelling import number

MOST = 200
"""How many names of a kind are kept of each change."""


def changes(before: Catalog, after: Catalog) -> dict[str, Any]:
    """Return by kind the names that were added, removed and changed, and each policy that is another one now."""
    kinds: dict[str, Any] = {}
    for kind in ("aliases", "guards", "actions"):
        if found := _changes(getattr(before, kind), getattr(after, kind)):
            kinds[kind] = found
    return kinds


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    same = [name for name in before.keys() & after.keys() if _content(before[name]) == _content(after[name])]
    changed = sorted(before.keys() & after.keys() - set(same))
    found: dict[str, Any] = {
        "added": sorted(after.keys() - before.keys())[:MOST],
        "removed": sorted(before.keys() - after.keys())[:MOST],
        "changed": changed[:MOST],
        "policies": {name: pair for name in changed[:MOST] if (pair := _policies(before[name], after[name]))},
    }
    return {key: value for key, value in found.items() if value}


def _content(item: Alias | Guard | Action) -> Alias | Guard | Action:
    """Return what an item says, wherever that stands."""
    return replace(item, source=None)  # type: ignore[arg-type]  # only to compare


def _policies(before: Alias | Guard | Action, after: Alias | Guard | Action) -> list[str]:
    """Return in words the policy before and the one after, if they differ."""
    if isinstance(before, Action) or isinstance(after, Action) or before.policy == after.policy:
        return []
    said = [_worded(before.policy), _worded(after.policy)]
    if said[0] == said[1] and before.policy is not None and after.policy is not None:
        one, other = before.policy, after.policy
        keys = [key.name for key in fields(Policy) if getattr(one, key.name) != getattr(other, key.name)]
        said[1] += f"; what differs: {', '.join(keys)}"
    return said


def _worded(policy: Policy | None) -> str:
    if policy is None:
        return "none"
    if not policy.stages:
        return f"nobody but for {number(len(policy.when), 'rule')}"
    return f"{who_confirms(policy)} within {format_duration(policy.within)}"
