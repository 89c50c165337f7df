"""Name the place of a bot's executions in a store, apart from those of what else it keeps there."""

from err_confirm.errors import SettingError

NAMESPACE = "err-confirm"
"""The name where none is set."""
_OTHERS = (".shelf", ".jobs")
"""How the names of the other places end: of locks and enrolments, and of what workers run."""


def namespaced(name: str) -> str:
    """Return the name of a place of executions. Raises SettingError for one in which other things are kept."""
    if name.endswith(_OTHERS):
        raise SettingError(
            f'CONFIRM_NAMESPACE: "{name}" is where another bot keeps its locks or jobs; let it end otherwise'
        )
    return name
