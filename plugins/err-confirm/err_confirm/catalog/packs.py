"""Find what packs hold: each a folder with `aliases/` and `actions/` below it, and with a name.

The name is `ref` or `name` in its `pack.yaml`, as in StackStorm, else that of the folder.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from err_confirm.catalog.problem import Problem, Severity, UnreadableError
from err_confirm.catalog.yaml_source import read
from err_confirm.model.files import Source

KINDS = ("aliases", "actions")
_NAMED_IN = "pack.yaml"


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of files of one kind, and the pack that they are of, if they are of one."""

    path: Path
    pack: str = ""


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack: which of the two folders it has, and what is wrong with it; `unknown` if nobody can tell what it has."""

    name: str
    path: Path
    has: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    unknown: bool = False

    def folder(self, kind: str) -> Iterator[Folder]:
        """Yield its folder of a kind, if it has one."""
        if kind in self.has:
            yield Folder(self.path / kind, self.name)


def is_pack(folder: Path) -> bool:
    """Tell whether a folder says of itself that it is a pack."""
    return (folder / _NAMED_IN).is_file()


def read_packs(folders: Iterable[Path]) -> list[Pack]:
    """Return the packs in some folders, those that cannot be read among them."""
    return [_read(folder) for folder in folders]


def _read(folder: Path) -> Pack:
    name = folder.absolute().name
    try:
        there = {path.name for path in folder.iterdir()}
    except OSError as error:
        return _unknown(name, folder, f"is no pack that can be read: {error.strerror}; correct CONFIRM_PACKS")
    has = tuple(kind for kind in KINDS if kind in there)
    if not has:
        return _unknown(name, folder, "is no pack: it has neither aliases/ nor actions/; correct CONFIRM_PACKS")
    if _NAMED_IN not in there:
        return Pack(name, folder, has)
    try:
        data = read(folder / _NAMED_IN).data
    except UnreadableError as error:
        problem = Problem(error.problem.source, f"{error.problem.message}; so the pack is {name}", Severity.WARNING)
        return Pack(name, folder, has, (problem,))
    said = data.get("ref") or data.get("name")
    return Pack(said if isinstance(said, str) else name, folder, has)


def _unknown(name: str, folder: Path, message: str) -> Pack:
    return Pack(name, folder, problems=(Problem(Source(folder), message, Severity.ERROR),), unknown=True)
