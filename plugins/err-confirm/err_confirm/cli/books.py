"""Open the store and the key of a bot, for reading: the same records, seals and lines as the bot has."""

import argparse
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from err_confirm.cli.configuration import read_configuration
from err_confirm.engine import Engine
from err_confirm.engine.outputs import Outputs
from err_confirm.errors import SettingError
from err_confirm.journal.records import Records
from err_confirm.store import open_store
from err_confirm.store.base import Store
from err_confirm.store.seal import Seal, load_key


@dataclass(frozen=True, slots=True)
class Books:
    """What a bot has written."""

    store: Store
    records: Records
    engine: Engine
    outputs: Outputs

    @property
    def seal(self) -> Seal:
        """What is under its key."""
        return self.records.seal


@contextmanager
def opened(options: argparse.Namespace) -> Iterator[Books]:
    """Open the store that a config.py names. Makes neither a store nor a key.

    Raises:
        SettingError: there is no config.py, or the store or the key that it names cannot be used.
    """
    found = read_configuration(options.config)
    if found.path is None and not os.environ.get("CONFIRM_STORE"):
        raise SettingError("there is no config.py in this folder; name the bot's with --config FILE")
    settings = found.settings
    records = Records(Seal(read_key(settings.key_file), settings.namespace))
    with closing(open_store(settings.store, namespace=settings.namespace, create=False)) as store:
        yield Books(store, records, Engine(store, records, lambda _: None), Outputs(settings.output))


def read_key(path: Path) -> bytes:
    """Return the key in a file that is there. Raises SettingError."""
    try:
        path.stat()
    except FileNotFoundError:
        raise SettingError(f"there is no key in {path} yet; start the bot, or correct CONFIRM_KEY_FILE") from None
    except OSError as error:
        raise SettingError(f"the key in {path} cannot be used: {error.strerror}; see who may read it") from error
    return load_key(path)
