"""Take folders of alias and action files, and packs, as arguments."""

import argparse
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from err_confirm.catalog.packs import is_pack


@dataclass(frozen=True, slots=True)
class Given:
    """The folders that somebody named, by what they are."""

    aliases: tuple[Path, ...] = ()
    actions: tuple[Path, ...] = ()
    packs: tuple[Path, ...] = ()


def folder(text: str) -> Path:
    """Return the path of a folder that is there; argparse says so where it is not."""
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is not a folder")
    return path


def sorted_out(folders: Iterable[Path], known: Collection[Path]) -> Given:
    """Return folders by what they are: packs are those that say so, and those that are `known` as such."""
    folders = list(folders)
    packs = tuple(each for each in folders if is_pack(each) or each.resolve() in {path.resolve() for path in known})
    others = [each for each in folders if each not in packs]
    return Given(
        aliases=tuple(part for each in others for part in parts(each, "aliases")),
        actions=tuple(part for each in others for part in parts(each, "actions")),
        packs=packs,
    )


def parts(given: Path, kind: str) -> list[Path]:
    """Return the folders of `aliases` or `actions` files that a given folder is, or has."""
    if (given / "aliases").is_dir() or (given / "actions").is_dir():
        return [given / kind] if (given / kind).is_dir() else []
    return [given] if (given.name == "actions") is (kind == "actions") else []
