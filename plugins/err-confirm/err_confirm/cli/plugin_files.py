"""Find the plugins that a bot would load, and their commands, without loading any."""

import configparser
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

from err_confirm.cli.plugin_source import Method, SourceError, Sources, readable
from err_confirm.guards import BotCommand

_GROUP = "errbot.plugins"


@dataclass(frozen=True, slots=True)
class Scan:
    """The commands of all plugins that were found, and in a line each what could not be read."""

    commands: tuple[BotCommand, ...]
    unread: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Plugin:
    name: str
    source: Path
    core: bool
    depends_on: tuple[str, ...]


def scan(config: SimpleNamespace) -> Scan:
    """Return the commands that a bot with this config.py has. Those that plugins make while they run are not seen.

    Of plugins or commands of one name the first counts, and which is that the file system says: nothing is sorted, as
    Errbot does not sort either.

    Args:
        config: what config.py defines; BOT_EXTRA_PLUGIN_DIR, BOT_DATA_DIR and CORE_PLUGINS are looked at.
    """
    unread: list[str] = []
    places = list(_places(config, unread))
    folders = list(dict.fromkeys(folder for place in places for folder in _folders(place, unread)))
    plugins: dict[str, _Plugin] = {}
    for plug in dict.fromkeys(plug for folder in folders for plug in folder.glob("**/*.plug")):
        try:
            plugin = _read(plug)
        except SourceError as error:
            unread.append(f"{plug}: {error}")
        else:
            plugins.setdefault(plugin.name, plugin)  # as Errbot does: the first of a name
    named = getattr(config, "CORE_PLUGINS", None)
    core = set(named) if isinstance(named, tuple | list | set) else None
    sources = Sources([*folders, *places], [Path(entry) for entry in sys.path if entry])
    commands: dict[tuple[bool, str], BotCommand] = {}
    for plugin in _in_order(plugins):
        if core and plugin.core and plugin.name not in core:
            continue
        try:
            methods = sources.commands(plugin.source)
        except SourceError as error:
            unread.append(f"{plugin.source}: {error}")
        else:
            for command in (_command(plugin, method) for method in methods):
                taken = (command.regex, command.name) in commands
                renamed = replace(command, name=f"{plugin.name}-{command.name}".lower()) if taken else command
                commands[renamed.regex, renamed.name] = renamed
    return Scan(tuple(commands.values()), tuple(unread))


def _places(config: SimpleNamespace, unread: list[str]) -> Iterator[Path]:
    """Yield the folders below which Errbot looks for plugins, in its order."""
    errbot = find_spec("errbot")
    if errbot is None or not errbot.submodule_search_locations:
        unread.append("Errbot is not installed here, so its own commands are not known; use the Python of the bot")
    else:
        yield Path(errbot.submodule_search_locations[0], "core_plugins")
    extra = getattr(config, "BOT_EXTRA_PLUGIN_DIR", None)
    for each in extra if isinstance(extra, list | tuple) else [extra]:
        if isinstance(each, str | Path) and os.path.isdir(each):
            yield Path(each)
        elif each:
            unread.append(f"{each}: is no folder; see BOT_EXTRA_PLUGIN_DIR")
    data = getattr(config, "BOT_DATA_DIR", None)
    if isinstance(data, str | Path):
        yield from (each for each in _entries(Path(data, "plugins")) if os.path.isdir(each))
    for point in entry_points(group=_GROUP):
        for file in point.dist.files or () if point.dist else ():
            if file.suffix == ".plug":
                yield Path(str(file.locate())).resolve().parent


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # a bot that has not been started yet has none
        return []


def _folders(place: Path, unread: list[str]) -> Iterator[Path]:
    """Yield each folder with .plug files, but for hidden ones; links are followed, once each."""

    def note(error: OSError) -> None:
        unread.append(f"{error.filename}: cannot be read: {error.strerror}")

    seen: set[str] = set()
    for folder, below, files in os.walk(place, onerror=note, followlinks=True):
        real = os.path.realpath(folder)
        below[:] = [name for name in below if not name.startswith(".") and name != "__pycache__"]
        if real in seen:
            below.clear()
        elif any(name.endswith(".plug") for name in files):
            yield Path(folder)
        seen.add(real)


def _read(plug: Path) -> _Plugin:
    """Return what a .plug file says. Raises SourceError."""
    parser = configparser.ConfigParser()
    try:
        parser.read_string(readable(plug).read_text(encoding="utf-8"))
        name, module = parser.get("Core", "Name"), parser.get("Core", "Module")
        core = parser.get("Core", "Core", fallback="false").lower() == "true"
        depends_on = parser.get("Core", "DependsOn", fallback="")
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}") from error
    except (configparser.Error, UnicodeDecodeError) as error:
        raise SourceError(f"is no .plug file: {' '.join(str(error).split())}") from error
    source = plug.parent / f"{module}.py"
    package = plug.parent / module / "__init__.py"
    return _Plugin(
        name,
        package if os.path.isfile(package) and not os.path.isfile(source) else source,
        core,
        tuple(each.strip() for each in depends_on.split(",") if each.strip()),
    )


def _in_order(plugins: dict[str, _Plugin]) -> Iterable[_Plugin]:
    """Return plugins as Errbot activates them: of two commands of one name, the second gets another."""
    try:
        order = list(TopologicalSorter({each.name: each.depends_on for each in plugins.values()}).static_order())
    except CycleError:
        order = list(plugins)
    return [plugins[name] for name in order if name in plugins]


def _command(plugin: _Plugin, method: Method) -> BotCommand:
    return BotCommand(
        plugin=plugin.name,
        name=method.name,
        function=method.function,
        admin_only=method.admin_only,
        regex=method.regex,
    )
