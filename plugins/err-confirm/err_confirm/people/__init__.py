"""Who is who: which person an identity belongs to, by CONFIRM_PEOPLE and nothing else, and who is in which group."""

from collections.abc import Mapping, Sequence

from err_confirm.backends import SCHEMES
from err_confirm.errors import SettingError

EVERYBODY = frozenset({"requester", "others", "anyone"})
"""The words of `by` that are no person's name."""


class People:
    """The map of CONFIRM_PEOPLE: `{"alice": ["slack:U024", "text:alice"]}`.

    An identity is `<backend>:<stable id>`. One that is on nobody's list stands for itself, so `confirm: requester`
    needs no map, and `by: ["slack:U024"]` works without one. None stands for a map that is not at hand: then every
    name is taken to be somebody's.

    Raises:
        SettingError: a name is one of the policy's own words or looks like an identity, its identities are no list
            of those, or two people share one.
    """

    def __init__(self, people: Mapping[str, Sequence[str]] | None) -> None:
        self._anybody = people is None
        self._identities: dict[str, tuple[str, ...]] = {}
        self._names: dict[str, str] = {}
        for name, identities in (people or {}).items():
            if not isinstance(name, str) or name in EVERYBODY or name.startswith("@") or ":" in name:
                raise SettingError(f'CONFIRM_PEOPLE: "{name}" cannot be a person\'s name')
            if not isinstance(identities, list | tuple) or not identities:
                raise SettingError(f'CONFIRM_PEOPLE: {name} must be a list, such as ["slack:U024"]')
            self._identities[name] = tuple(identities)
            for identity in identities:
                if not _is_identity(identity):
                    raise SettingError(
                        f'CONFIRM_PEOPLE: "{identity}" of {name} must read <backend>:<id>, without @, where <backend> '
                        f"is {' or '.join(sorted(SCHEMES))}; say !confirm me to see yours"
                    )
                other = self._names.setdefault(identity, name)
                if other != name:
                    raise SettingError(f"CONFIRM_PEOPLE: {identity} belongs to {other} and to {name}")

    def person(self, identity: str) -> str:
        """Return the name of the person with this identity, or the identity itself."""
        return self._names.get(identity, identity)

    def knows(self, person: str) -> bool:
        """Tell whether a policy may name this person: a name of the map, or an identity."""
        if ":" in person or person.startswith("@"):
            return _is_identity(person)
        return self._anybody or person in self._identities

    def identities(self, person: str) -> tuple[str, ...]:
        """Return all identities of a person; an identity that is on nobody's list has itself."""
        return self._identities.get(person, (person,) if ":" in person else ())

    def names(self) -> list[str]:
        """Return the names of the map, sorted."""
        return sorted(self._identities)


def _is_identity(value: object) -> bool:
    """Tell whether somebody could have this identity; with a mistyped one, nobody could ever confirm."""
    scheme, _, person_id = value.partition(":") if isinstance(value, str) else ("", "", "")
    return scheme in SCHEMES and person_id != "" and not person_id.startswith("@")
