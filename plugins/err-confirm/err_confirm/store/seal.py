"""Seal what a store keeps with a key that only our processes have: whoever can write there can forge nothing."""

import hmac
import json
import os
import secrets
from contextlib import suppress
from pathlib import Path

from err_confirm.errors import SettingError

KEY_BYTES = 32
"""Length of a new key, that of the hash's output (RFC 2104, section 3)."""
SEAL_CHARACTERS = 64
"""Length of a seal: SHA-256, hexadecimal."""


class Seal:
    """HMAC-SHA256 (RFC 2104) under one key, apart for each namespace and purpose.

    Args:
        key: what nobody else has.
        namespace: of the store, so that what is sealed in one counts for nothing in another.
    """

    def __init__(self, key: bytes, namespace: str) -> None:
        self._record = hmac.digest(key, f"err-confirm record {namespace}".encode(), "sha256")
        self._line = hmac.digest(key, f"err-confirm journal {namespace}".encode(), "sha256")
        self._token = hmac.digest(key, f"err-confirm token {namespace}".encode(), "sha256")
        self._fact = hmac.digest(key, f"err-confirm shelf {namespace}".encode(), "sha256")
        self._sequel = hmac.digest(key, f"err-confirm sequel {namespace}".encode(), "sha256")
        self._second_factor = hmac.digest(key, f"err-confirm second factor {namespace}".encode(), "sha256")

    def record(self, execution_id: str, version: int, body: bytes) -> str:
        """Return the seal of one version of an execution's record: its votes, its state, what runs."""
        sealed = json.dumps([execution_id, version]).encode() + b"\n" + body
        return hmac.digest(self._record, sealed, "sha256").hex()

    def line(self, body: bytes) -> str:
        """Return the seal of a line of the journal."""
        return hmac.digest(self._line, body, "sha256").hex()

    def token(self, execution_id: str, digest: str, person: str) -> str:
        """Return the seal of a person's part in what may run after one request."""
        return hmac.digest(self._token, json.dumps([execution_id, digest, person]).encode(), "sha256").hex()

    def fact(self, record_id: str, version: int, body: bytes) -> str:
        """Return the seal of one version of what all bots share."""
        return hmac.digest(self._fact, json.dumps([record_id, version]).encode() + b"\n" + body, "sha256").hex()

    def sequel(self, execution_id: str, cause: str, attempt: int) -> bytes:
        """Return what the id of an execution is made of that follows another: nobody else can know it before."""
        return hmac.digest(self._sequel, json.dumps([execution_id, cause, attempt]).encode(), "sha256")

    def second_factor(self, person: str, enrolment: int) -> bytes:
        """Return the secret from which a person's codes are made: it is kept nowhere, but made again each time."""
        return hmac.digest(self._second_factor, json.dumps([person, enrolment]).encode(), "sha256")


def same(one: str, other: str) -> bool:
    """Compare two seals, in a time that tells nothing about where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def load_key(path: Path) -> bytes:
    """Return the key in a file, which is made if it is not there.

    Raises:
        SettingError: the file cannot be used, or others than its owner may open it.
    """
    try:
        if not path.exists():
            _make_key(path)
        with path.open() as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise SettingError(f"others can read the key in {path}; say: chmod 600 {path}")
            key = bytes.fromhex(file.read())
    except (OSError, ValueError) as error:
        raise SettingError(f"the key in {path} cannot be used: {error}") from error
    if len(key) < KEY_BYTES:
        raise SettingError(f"the key in {path} is too short; it must be {KEY_BYTES} bytes, in hexadecimal")
    return key


def _make_key(path: Path) -> None:
    """Make a key; of several processes that do so at once, all get the same one, and none a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    file = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(file, "w") as text:
            text.write(f"{secrets.token_hex(KEY_BYTES)}\n")
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
