"""Where groups are looked up: in a dict, in a YAML file, or by a function of the bot's own."""

import logging
import re
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from typing import Any, Protocol, TypeVar

from err_confirm.errors import ErrConfirmError, GroupError, SettingError, SlowError
from err_confirm.people.aside import Aside, Task

log = logging.getLogger(__name__)

WITHIN = 4.0
"""Seconds that a function may take: less than a step may be written after it was decided (LATEST_WRITE)."""
AT_ONCE = 8
"""How many groups a function is asked for at once, with the questions that have no answer yet."""
LIKE = '{"sre": ["alice", "slack:U024"]}'
"""What a dict of groups looks like."""
_NAME = re.compile(r"\w[\w./-]*")
_FUNCTION = re.compile(r"[^\W\d][\w.]*:[^\W\d][\w.]*")
T = TypeVar("T")


class Directory(Protocol):
    """Knows groups by their names, without `@`."""

    def names(self) -> list[str] | None:
        """Return the names of all groups; None where only asking for one can tell. Raises SettingError."""
        ...

    def members(self, names: Iterable[str]) -> dict[str, list[str]]:
        """Return the members of groups, as they are written there. Raises GroupError."""
        ...


class Table:
    """Groups as a dict, name → members.

    Args:
        read: returns the dict as it is now. Raises an ErrConfirmError.
    """

    def __init__(self, read: Callable[[], Any]) -> None:
        self._read = read

    def names(self) -> list[str]:
        """Return the names of all groups, sorted. Raises SettingError where one of them is wrong."""
        try:
            table = self._read()
        except ErrConfirmError as error:
            raise SettingError(f"CONFIRM_GROUPS: {error}") from error
        for name, members in table.items():
            if not isinstance(name, str) or not is_name(name):
                raise SettingError(f'CONFIRM_GROUPS: "{name}" cannot be the name of a group, which has no @ here')
            try:
                _checked(members)
            except _WrongError as error:
                raise SettingError(f"CONFIRM_GROUPS: {name} {error}, as in {LIKE}") from error
        return sorted(table)

    def members(self, names: Iterable[str]) -> dict[str, list[str]]:
        """Return the members of groups that the dict has, whatever is wrong with its others. Raises GroupError."""
        return {name: self._members(name) for name in names}

    def _members(self, name: str) -> list[str]:
        try:
            return _checked(self._read()[name])
        except KeyError:
            raise GroupError(f"@{name}", "CONFIRM_GROUPS has no such group; add it there") from None
        except _WrongError as error:
            raise GroupError(f"@{name}", f"{name} {error}; correct it in CONFIRM_GROUPS") from error
        except ErrConfirmError as error:
            raise GroupError(f"@{name}", f"{error}; correct the file of CONFIRM_GROUPS") from error


class Function:
    """Groups as a function, name → members, which may ask whom it likes.

    Args:
        function: itself, or where it is, as `module:function`; it is called on threads of its own.
        within: seconds that it may take.
    """

    def __init__(self, function: Callable[[str], Any] | str, within: float = WITHIN) -> None:
        if isinstance(function, str) and not _FUNCTION.fullmatch(function):
            raise SettingError(f'CONFIRM_GROUPS: "{function}" is no module:function, and no file that ends with .yaml')
        self._function = function
        self._aside = Aside("err-confirm groups", within, AT_ONCE)

    def names(self) -> None:
        """Return None: it is asked for one at a time."""
        return

    def members(self, names: Iterable[str]) -> dict[str, list[str]]:
        """Return what the function answers for each group, all asked for at once. Raises GroupError."""
        begun = {name: _or_group_error(name, partial(self._begin, name)) for name in names}
        return {name: _or_group_error(name, task.result) for name, task in begun.items()}

    def _begin(self, name: str) -> Task[list[str]]:
        return self._aside.begin(lambda: _checked(self._found()(name)))

    def _found(self) -> Any:
        if not isinstance(self._function, str):
            return self._function
        module, _, path = self._function.partition(":")
        found: Any = import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
        return found


def is_name(name: str) -> bool:
    """Tell whether a group may be called this, without `@`."""
    return _NAME.fullmatch(name) is not None


class _WrongError(ErrConfirmError):
    """Raised when what should be a list of names is something else."""


def _checked(members: Any) -> list[str]:
    """Return members as a list of their own. Raises _WrongError."""
    many = isinstance(members, list | tuple | set | frozenset)
    wrong = [each for each in members if not isinstance(each, str)] if many else [members]
    if wrong or not many:
        raise _WrongError(f"must be a list of names, not {repr(wrong[0])[:50]}{' among them' if many else ''}")
    return list(members)


def _or_group_error(name: str, work: Callable[[], T]) -> T:
    """Do a part of asking a function for a group. Raises GroupError."""
    try:
        return work()
    except SlowError as error:
        why = f"{error} from the function of CONFIRM_GROUPS; say it again later"
    except _WrongError as error:
        why = f"what the function of CONFIRM_GROUPS returns {error}; correct it"
    except (Exception, SystemExit) as error:  # the function's own; what it says may be no business of the chat's
        log.exception("the function of CONFIRM_GROUPS failed for %s", name)
        why = f"the function of CONFIRM_GROUPS failed ({type(error).__name__}); the bot's log says why"
    raise GroupError(f"@{name}", why)
