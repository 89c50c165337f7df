"""Errbot's own text and test backends, on which a name is what was typed."""

from typing import Any

from err_confirm.backends.base import Backend, escaped
from err_confirm.model.executions import Place


class TextBackend(Backend):
    """Errbot's text and test backends: the name that was typed, without its `@`."""

    scheme = "text"

    def person_id(self, frm: Any) -> str:
        """Return the name; in a room `frm.person` is an object, directly it is a string."""
        return str(frm.person).removeprefix("@")

    def address(self, person_id: str) -> str:
        """Return `@alice`."""
        return f"@{person_id}"

    def occupant(self, bot: Any, place: Place) -> Any:
        """Return who `#ops/alice` is."""
        return bot.build_identifier(f"{place.room}/{place.person.removeprefix('@')}")

    def mention(self, person_id: str) -> str:
        """Return `@alice`."""
        return f"@{escaped(person_id)}"
