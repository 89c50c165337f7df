"""Read the bot's config.py, and what it says about files and store."""

import runpy
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

from err_confirm.catalog import Catalog
from err_confirm.errors import SettingError
from err_confirm.people import People
from err_confirm.people.groups import Groups
from err_confirm.settings import Settings, read_settings


@dataclass(frozen=True, slots=True)
class Configuration:
    """A config.py as the bot sees it; `path` is None where there is none, and `module` then has no names."""

    path: Path | None
    module: SimpleNamespace
    settings: Settings


def read_configuration(path: Path | None) -> Configuration:
    """Read a config.py; without one, every name is taken to be somebody's, a group's or a profile's.

    Args:
        path: the file; None for `./config.py`, if there is one.

    Raises:
        SettingError: it cannot be read, or a setting in it cannot be used.
    """
    if path is None and not Path("config.py").is_file():
        nothing = SimpleNamespace()
        people = People(None)
        return Configuration(
            None, nothing, replace(read_settings(nothing), people=people, groups=Groups(people, None), profiles=None)
        )
    path = path or Path("config.py")
    module = read_module(path)
    return Configuration(path, module, read_settings(module))


def read_module(path: Path) -> SimpleNamespace:
    """Return the names that a config.py defines. Raises SettingError."""
    try:
        with redirect_stdout(sys.stderr):  # what it prints is no part of an answer
            return SimpleNamespace(**runpy.run_path(str(path)))
    except (Exception, SystemExit) as error:  # it is a program of its own, and may raise anything
        raise SettingError(f"{path} cannot be read: {type(error).__name__}: {error}") from error


def read_catalog(
    settings: Settings,
    aliases: tuple[Path, ...] = (),
    actions: tuple[Path, ...] = (),
    packs: tuple[Path, ...] = (),
) -> Catalog:
    """Load the files of some folders, or else those of the settings."""
    if not (aliases or actions or packs):
        aliases, actions, packs = settings.aliases, settings.actions, settings.packs
    return replace(settings, aliases=_shown(aliases), actions=_shown(actions), packs=_shown(packs)).load()


def _shown(folders: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return folders as people name them: those below the current one without the path to that."""
    here = Path.cwd()
    return tuple(each.relative_to(here) if each.is_relative_to(here) else each for each in folders)
