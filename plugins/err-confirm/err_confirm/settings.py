"""Read the CONFIRM_* settings of Errbot's config.py, and check each once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from err_confirm.catalog import Catalog, load, parse_policy
from err_confirm.catalog.problem import UnreadableError
from err_confirm.catalog.yaml_source import read
from err_confirm.durations import parse_duration
from err_confirm.errors import SettingError
from err_confirm.limits import Limits
from err_confirm.model.files import Profile
from err_confirm.people import People
from err_confirm.people.directories import LIKE, Directory, Function, Table
from err_confirm.people.groups import Groups
from err_confirm.runners.processes.acting import read_profile
from err_confirm.store import NAMESPACE, namespaced

_YAML = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the settings mean; `default` is what an alias without `confirm:` gets, as it would stand there.

    `profiles` are those that `as` may name, None if nobody knows.
    """

    store: str
    namespace: str
    people: People
    groups: Groups
    default: Any
    aliases: tuple[Path, ...]
    actions: tuple[Path, ...]
    packs: tuple[Path, ...]
    stop_grace: float
    key_file: Path
    journal: Path
    journal_keep: float
    journal_room: str
    limits: Limits
    output: Path
    profiles: Mapping[str, Profile] | None

    def load(self) -> Catalog:
        """Read all alias, guard and action files. Raises SettingError."""
        return load(
            self.aliases,
            self.actions,
            packs=self.packs,
            people=self.people,
            groups=self.groups,
            profiles=self.profiles,
            default=parse_policy(self.default, self.people, self.groups),
        )


def read_settings(config: object, environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings in a config module; CONFIRM_STORE in the environment wins over the module's.

    Args:
        config: any object with CONFIRM_* attributes, each optional, and BOT_DATA_DIR for the default store.
        environ: the environment.

    Raises:
        SettingError: one of them cannot be used.
    """
    data = Path(getattr(config, "BOT_DATA_DIR", "data")).absolute()
    store = environ.get("CONFIRM_STORE") or _typed(config, "CONFIRM_STORE", str, f"sqlite:///{data / 'err-confirm.db'}")
    people = _people(config)
    return Settings(
        store=store,
        namespace=_namespace(config),
        people=people,
        groups=_groups(config, people),
        default=getattr(config, "CONFIRM_DEFAULT", "requester"),
        aliases=_folders(config, "CONFIRM_ALIASES", "aliases"),
        actions=_folders(config, "CONFIRM_ACTIONS", "actions"),
        packs=_folders(config, "CONFIRM_PACKS"),
        stop_grace=_duration(config, "CONFIRM_STOP_GRACE", "10s"),
        key_file=_file(config, "CONFIRM_KEY_FILE", data / "err-confirm.key"),
        journal=_file(config, "CONFIRM_JOURNAL", data / "err-confirm.jsonl"),
        journal_keep=_duration(config, "CONFIRM_JOURNAL_KEEP", "90d"),
        journal_room=_typed(config, "CONFIRM_JOURNAL_ROOM", str, ""),
        limits=_limits(config),
        output=_file(config, "CONFIRM_OUTPUT", data / "err-confirm.output"),
        profiles=_profiles(config),
    )


def _namespace(config: object) -> str:
    return namespaced(_typed(config, "CONFIRM_NAMESPACE", str, NAMESPACE))


def _profiles(config: object) -> Mapping[str, Profile]:
    """Return CONFIRM_PROFILES: name -> `{"user": "deploy", "env": {"AWS_PROFILE": "prod"}}`, each may be left out."""
    found = {}
    for name, given in _typed(config, "CONFIRM_PROFILES", dict, {}).items():
        try:
            found[str(name)] = read_profile(given)
        except ValueError as error:
            raise SettingError(f'CONFIRM_PROFILES: "{name}": {error}') from error
    return found


def _limits(config: object) -> Limits:
    """Return CONFIRM_LIMITS: `{"person": 10, "room": 30, "pause": "1m"}`, of which each may be left out."""
    given = dict(_typed(config, "CONFIRM_LIMITS", dict, {}))
    try:
        pause = parse_duration(given.pop("pause", Limits().pause))
    except ValueError as error:
        raise SettingError(f'CONFIRM_LIMITS: "pause": {error}') from error
    for name, most in given.items():
        if name not in ("person", "room"):
            raise SettingError(f'CONFIRM_LIMITS: there is no limit "{name}"; there are person, room and pause')
        if not isinstance(most, int) or isinstance(most, bool) or most < 1:
            raise SettingError(f'CONFIRM_LIMITS: "{name}" must be a number of prompts, at least 1, not {most!r}')
    return Limits(pause=pause, **given)


def _people(config: object) -> People:
    value = getattr(config, "CONFIRM_PEOPLE", {})
    if isinstance(value, dict):
        return People(value)
    if not isinstance(value, str | Path) or not str(value):
        raise SettingError(f"CONFIRM_PEOPLE must be a dict or the path of a YAML file, not {value!r}")
    try:
        return People(read(Path(value)).data)
    except UnreadableError as error:
        raise SettingError(f"CONFIRM_PEOPLE: {error}") from error


def _groups(config: object, people: People) -> Groups:
    value = getattr(config, "CONFIRM_GROUPS", {})
    directory = _directory(value)
    directory.names()  # what is wrong with them is said here, and not when somebody answers
    groups = Groups(people, directory)
    if isinstance(value, dict):  # as in a policy: a file and a function may say more than the bot knows
        for name, members in groups.members(groups.names()).items():
            for nobody in groups.nobodies(members):
                raise SettingError(f'CONFIRM_GROUPS: "{nobody}" of {name} is nobody; name them in CONFIRM_PEOPLE')
    return groups


def _directory(value: Any) -> Directory:
    if isinstance(value, dict):
        return Table(lambda: value)
    if isinstance(value, Path) or (isinstance(value, str) and value.endswith(_YAML)):
        path = Path(value).absolute()  # Errbot changes its folder when it becomes a daemon
        return Table(lambda: read(path).data)
    if isinstance(value, str) or callable(value):
        return Function(value)
    raise SettingError(f"CONFIRM_GROUPS must be a dict such as {LIKE}, a YAML file or a function, not {value!r}")


def _duration(config: object, name: str, default: str) -> float:
    try:
        return parse_duration(getattr(config, name, default))
    except ValueError as error:
        raise SettingError(f"{name}: {error}") from error


def _file(config: object, name: str, default: Path) -> Path:
    value = getattr(config, name, default)
    if not isinstance(value, str | Path) or not str(value):
        raise SettingError(f"{name} must be the path of a file, not {value!r}")
    return Path(value)


def _typed(config: object, name: str, kind: type, default: Any) -> Any:
    value = getattr(config, name, default)
    if not isinstance(value, kind):
        raise SettingError(f"{name} must be a {kind.__name__}, not {value!r}")
    return value


def _folders(config: object, name: str, default: str | tuple[str, ...] = ()) -> tuple[Path, ...]:
    value = getattr(config, name, default)
    folders = [value] if isinstance(value, str | Path) else value
    if not isinstance(folders, list | tuple) or not all(isinstance(folder, str | Path) for folder in folders):
        raise SettingError(f"{name} must be a folder or a list of folders, not {value!r}")
    return tuple(Path(folder) for folder in folders)
