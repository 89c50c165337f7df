"""See how Errbot's web server is configured, from what Errbot has stored."""

import dbm
import io
import ipaddress
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class UnseenError(Exception):
    """Raised when what Errbot has stored cannot be read."""


@dataclass(frozen=True, slots=True)
class WebServer:
    """Where Errbot's web server listens."""

    host: str
    port: int
    encrypted: bool

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def web_server(data: Path) -> WebServer | None:
    """Return what the plugin Webserver is configured to do; None if nothing.

    Args:
        data: the bot's BOT_DATA_DIR, where Errbot 6.2 keeps the configurations of plugins in the shelf `core.db`.

    Raises:
        UnseenError: it cannot be read.
    """
    try:
        config = _configs(data / "core.db").get("Webserver")
        if not config:
            return None
        ssl = config.get("SSL") or {}
        encrypted = bool(ssl.get("enabled"))
        return WebServer(str(config["HOST"]), int(ssl["port"] if encrypted else config["PORT"]), encrypted)
    except (OSError, KeyError, TypeError, ValueError, AttributeError, EOFError, pickle.UnpicklingError) as error:
        raise UnseenError(f"{data / 'core.db'}: {error}") from error


def _configs(path: Path) -> Any:
    """Return the configuration of each plugin by its name."""
    kind = dbm.whichdb(str(path))
    if kind is None:
        raise UnseenError(f"{path} is not there; the bot has not been started yet")
    try:
        # A bot that runs has its file locked; "u" reads it all the same.
        with dbm.open(str(path), "ru" if kind == "dbm.gnu" else "r") as shelf:
            return _Plain(io.BytesIO(shelf[b"configs"])).load()
    except dbm.error as error:
        raise UnseenError(f"{path}: {error}") from error


class _Opaque:
    """Stands for a value of a class that need not be known."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


class _Plain(pickle.Unpickler):
    """Reads texts, numbers, lists and mappings; whatever else a pickle would call, it does not."""

    def find_class(self, _: str, __: str) -> type[_Opaque]:
        return _Opaque
