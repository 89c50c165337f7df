"""What `err-confirm doctor` looks at, each a few findings: settings, files, log, web server, versions."""

import logging
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from err_confirm.answers.otp import asked_for, installed
from err_confirm.catalog import Catalog
from err_confirm.cli.web_server import UnseenError, web_server
from err_confirm.errors import CodesMissingError, SettingError
from err_confirm.health import Finding, error, warning, well
from err_confirm.settings import read_settings
from err_confirm.store.seal import load_key
from err_confirm.text.spelling import number

_ERRBOT = ((6, 2), (6, 3))
"""From which version of Errbot, and before which."""


def names(module: SimpleNamespace) -> Iterator[Finding]:
    """Yield the CONFIRM_* names of a config.py that mean nothing."""
    asked = _Asked()
    read_settings(asked, {})
    for name in sorted(vars(module)):
        if name.startswith("CONFIRM_") and name not in asked.names:
            yield warning(f"{name} is no setting, and means nothing", f"one of {', '.join(sorted(asked.names))}")


class _Asked:
    """A config.py without any name, which remembers what it was asked for."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("CONFIRM_"):
            self.names.add(name)
        raise AttributeError(name)


def key(path: Path) -> Finding:
    """Return whether the key that seals records and journal is there, and its owner's alone."""
    try:
        if not path.exists():
            return warning(f"there is no key in {path} yet", "start the bot, or correct CONFIRM_KEY_FILE")
        load_key(path)
    except (SettingError, OSError) as wrong:
        return error(str(wrong), "put it right before the bot starts; it does not start so")
    return well(f"the key in {path} is open to its owner alone")


def versions() -> Iterator[Finding]:
    """Yield whether this Python and its Errbot are ones that are known to work."""
    python = ".".join(map(str, sys.version_info[:3]))
    try:
        errbot = version("errbot")
    except PackageNotFoundError:
        yield warning(
            f"this is Python {python}, without Errbot, so Errbot's version cannot be seen",
            "run err-confirm with the Python of the bot",
        )
        return
    numbers = tuple(int(number) for number in errbot.split(".")[:2] if number.isdigit())
    if not _ERRBOT[0] <= numbers < _ERRBOT[1]:
        yield error(f"this is Errbot {errbot}", "use Errbot 6.2")
    else:
        yield well(f"this is Python {python} with Errbot {errbot}")


def files(catalog: Catalog) -> Iterator[Finding]:
    """Yield what is wrong with alias, guard and action files: unknown people and missing actions among it."""
    for problem in catalog.errors:
        yield error(
            str(problem), "correct this line; until then its alias or action is left out, and what it guards is refused"
        )
    for problem in catalog.warnings:
        yield warning(str(problem), "correct this line, or see that it is meant so")
    if not catalog.aliases:
        yield warning("there is no alias that can be used", "add one, or correct CONFIRM_ALIASES")
    elif not catalog.errors and not catalog.warnings:
        usable = f"{number(len(catalog.aliases), 'alias')}, {number(len(catalog.guards), 'guard')}"
        yield well(f"{usable} and {number(len(catalog.actions), 'action')} can be used")


def codes(catalog: Catalog) -> Iterator[Finding]:
    """Yield whether codes can be checked here, if a policy asks for some."""
    if asked_for(catalog.policies):
        try:
            installed()
        except CodesMissingError as missing:
            yield error(str(missing), "do that with the pip of the bot; until then nothing that needs a code runs")
        else:
            yield well("the codes that policies ask for can be checked")


def log(module: SimpleNamespace) -> Finding:
    """Return whether Errbot's log holds what was typed: at INFO it has each command with its arguments."""
    level = getattr(module, "BOT_LOG_LEVEL", None)
    number = logging.getLevelNamesMapping().get(level, None) if isinstance(level, str) else level
    if not isinstance(number, int):
        return warning("BOT_LOG_LEVEL cannot be seen", "set it in config.py, to logging.WARNING")
    if number <= logging.INFO:
        name = logging.getLevelName(number)
        return warning(
            f"BOT_LOG_LEVEL is {name}: Errbot's log has every command with its arguments",
            "set it to logging.WARNING, or protect the log as you do the chat",
        )
    return well("BOT_LOG_LEVEL keeps commands out of Errbot's log")


def page(module: SimpleNamespace) -> Finding:
    """Return whether Errbot's web server, which has no login, is open to the network."""
    storage = getattr(module, "STORAGE", "Shelf")
    data = getattr(module, "BOT_DATA_DIR", None)
    try:
        if storage != "Shelf" or not data:
            raise UnseenError(f"what Errbot keeps in {storage} is not read here")
        server = web_server(Path(data))
    except UnseenError as unseen:
        return warning(
            f"whether Errbot's web server is open to the network cannot be seen: {unseen}",
            "say !plugin config Webserver: HOST should be 127.0.0.1",
        )
    if server is None:
        return well("Errbot's web server is not configured, and does not run")
    if server.local:
        return well(f"Errbot's web server listens on {server.host}:{server.port}, on this machine only")
    return warning(
        f"Errbot's web server listens on {server.host}:{server.port}, has no login"
        + ("" if server.encrypted else ", and no TLS"),
        "say !plugin config Webserver with HOST 127.0.0.1, and put a proxy with TLS and a login before it",
    )
