"""Open the place that holds executions, from one URL and under one name."""

import re
from importlib import import_module

from err_confirm.errors import SettingError
from err_confirm.store.base import Store

_KINDS = {
    "sqlite": ("sqlite_store", "sqlite:///relative/path.db or sqlite:////absolute/path.db"),
    "redis": ("redis_store", "redis://host:6379/0"),
    "rediss": ("redis_store", "rediss://host:6379/0"),
    "redis+unix": ("redis_store", "redis+unix:///path/to/redis.sock"),
}
"""Scheme → the module here whose `open_url` opens it (imported when it is asked for), and how its URLs look."""
NAMESPACE = "err-confirm"
"""The name where none is set."""
_OTHERS = (".shelf", ".jobs")
"""How the names of the other places end: of locks and enrolments, and of what workers run."""


def open_store(url: str, *, namespace: str = "default", create: bool = True) -> Store:
    """Return the store that a URL names; a server that is down is no error here, but one of each call.

    Args:
        url: for example `sqlite:///confirm.db` or `redis://host:6379/0`.
        namespace: keeps those apart who share one file or server; letters, digits, `.`, `_` and `-`.
        create: whether a file that is not there is made; else each call raises StoreUnavailableError.

    Raises:
        SettingError: the URL or the namespace cannot be understood.
    """
    if not re.fullmatch(r"[\w.-]{1,64}", namespace, re.ASCII):
        raise SettingError(f'namespace "{namespace}": write 1 to 64 letters, digits, ".", "_" or "-"')
    scheme = url.partition(":")[0]
    if scheme not in _KINDS:
        raise SettingError(f'store "{_masked(url)}": unknown kind; write a URL that starts with {", ".join(_KINDS)}')
    module, example = _KINDS[scheme]
    try:
        store: Store = import_module(f"{__name__}.{module}").open_url(url, namespace, create)
    except ModuleNotFoundError as error:
        raise SettingError(f'{scheme}:// needs the package "{error.name}"; pip install {error.name}') from error
    except ValueError:  # whose text, from None, may hold a piece of a password
        raise SettingError(f'store "{_masked(url)}": write {example}') from None
    return store


def namespaced(name: str) -> str:
    """Return the name of a place of executions. Raises SettingError for one in which other things are kept."""
    if name.endswith(_OTHERS):
        raise SettingError(
            f'CONFIRM_NAMESPACE: "{name}" is where another bot keeps its locks or jobs; let it end otherwise'
        )
    return name


def on_redis(url: str) -> bool:
    """Tell whether a URL names a store that several machines share, and that has queues beside it."""
    return url.startswith("redis")


def _masked(url: str) -> str:
    """Return the URL with whatever may be a password hidden, even if it is not escaped as it should be."""
    return re.sub(r"(password=)[^&]*", r"\1***", re.sub(r"(:/*).*@", r"\1***@", url))
