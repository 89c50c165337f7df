"""Take folders of alias and action files as arguments."""

import argparse
from pathlib import Path


def folder(text: str) -> Path:
    """Return the path of a folder that is there; argparse says so where it is not."""
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is not a folder")
    return path


def parts(given: Path, kind: str) -> list[Path]:
    """Return the folders of `aliases` or `actions` files that a given folder is, or has."""
    if (given / "aliases").is_dir() or (given / "actions").is_dir():
        return [given / kind] if (given / kind).is_dir() else []
    return [given] if (given.name == "actions") is (kind == "actions") else []
