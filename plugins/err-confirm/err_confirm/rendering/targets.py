"""Make targets of what an inventory says, or refuse it: each becomes an argument of something that runs."""

from collections.abc import Mapping
from typing import Any

from err_confirm.errors import NoTargetsError, TargetsError
from err_confirm.model.runs import Target
from err_confirm.parameters import check_word

MOST_TARGETS = 1_000
"""How many targets an execution may have: all of them are in its record."""
LONGEST_ID = 500
"""Characters of an id: all of the first ones are in the prompt."""
LONGEST_NAME = 100


def as_targets(found: Any) -> tuple[Target, ...]:
    """Return the targets in a list of ids, or of mappings with `id` and perhaps `name`.

    An id is one safe word, and does not start with `-`; none may stand there twice.

    Raises:
        NoTargetsError: it is empty.
        TargetsError: it is no such list, or is too long.
    """
    if not isinstance(found, list | tuple):
        raise TargetsError(f"the targets must be a list, and this is {_kind(found)}")
    if not found:
        raise NoTargetsError("there are no targets, so there is nothing to do")
    if len(found) > MOST_TARGETS:
        raise TargetsError(f"these are {len(found):,} targets, and at most {MOST_TARGETS:,} can be confirmed together")
    targets = tuple(map(_target, found))
    seen = set[str]()
    for target in targets:
        if target.id in seen:
            raise TargetsError(f'the target "{target.id}" is there twice')
        seen.add(target.id)
    return targets


def _target(item: Any) -> Target:
    if isinstance(item, Mapping):
        if unknown := [key for key in item if key not in ("id", "name")]:
            shown = repr(unknown[0][:LONGEST_NAME])
            raise TargetsError(f"a target has id and name, and this one has {shown}; select only those")
        return Target(id=_id(item.get("id")), name=_name(item.get("name")))
    return Target(id=_id(item))


def _id(value: Any) -> str:
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise TargetsError(f"the id of a target is a text or a whole number, and this is {_kind(value)}")
    text = str(value)
    try:
        check_word(text)
    except ValueError as error:
        raise TargetsError(f"the target {text[:LONGEST_NAME]!r} {error}") from error
    if len(text) > LONGEST_ID:
        raise TargetsError(f"a target has {len(text):,} characters, and at most {LONGEST_ID:,} can be shown")
    if text.startswith("-"):
        raise TargetsError(f'the target "{text}" must not start with "-"')
    return text


def _name(value: Any) -> str:
    """Return a name as it can be shown and kept, be it cut: only the id decides what is done to what."""
    # JSON can hold half a character, `\ud800` alone, and no record can.
    return "" if value is None else str(value)[:LONGEST_NAME].encode(errors="backslashreplace").decode()


def _kind(value: Any) -> str:
    names = {str: "a text", bool: "true or false", dict: "a mapping", list: "a list", type(None): "nothing"}
    return names.get(type(value), "a number")
