"""Who is in which group: CONFIRM_GROUPS, looked up anew whenever answers are counted."""

from collections.abc import Iterable

from err_confirm.errors import GroupError
from err_confirm.people import EVERYBODY, People
from err_confirm.people.directories import Directory, is_name
from err_confirm.policy.seating import Roster


class Groups:
    """The groups that policies name, with `@`.

    Args:
        people: which person a member is: a name of CONFIRM_PEOPLE or an identity. Who is neither is nobody, and is
            never taken for somebody with such a nick.
        directory: where they are looked up, each time; None where that is not at hand: then every name is a group's.
    """

    def __init__(self, people: People, directory: Directory | None) -> None:
        self._people = people
        self._directory = directory

    def roster(self, names: Iterable[str]) -> Roster:
        """Return who is in groups at this moment. Raises GroupError."""
        return {
            name: frozenset(self._people.person(member) for member in members if self._is_somebody(member))
            for name, members in self.members(names).items()
        }

    def members(self, names: Iterable[str]) -> dict[str, list[str]]:
        """Return the members of groups as they are written, somebody and nobody. Raises GroupError."""
        wanted = list(dict.fromkeys(names))
        for name in wanted:
            if not _is_group(name):
                raise GroupError(name, "no group can be called that; name another")
            if self._directory is None:
                raise GroupError(name, "there is no CONFIRM_GROUPS at hand; name the bot's config.py")
        if self._directory is None:
            return {}
        found = self._directory.members([name[1:] for name in wanted])
        return {f"@{name}": members for name, members in found.items()}

    def nobodies(self, members: Iterable[str]) -> list[str]:
        """Return which members nobody is."""
        return [member for member in members if not self._is_somebody(member)]

    def knows(self, name: str) -> bool:
        """Tell whether a policy may name this group, with its `@`. Raises SettingError where that cannot be read."""
        names = self._directory.names() if self._directory else None
        return _is_group(name) and (names is None or name[1:] in names)

    def names(self) -> list[str]:
        """Return the names of all groups, with `@`; none where only asking tells. Raises SettingError."""
        names = self._directory.names() if self._directory else None
        return [f"@{name}" for name in names or ()]

    def _is_somebody(self, member: str) -> bool:
        return member not in EVERYBODY and not member.startswith("@") and self._people.knows(member)


def _is_group(name: str) -> bool:
    return name[:1] == "@" and is_name(name[1:])
