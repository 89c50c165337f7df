"""Names of executions: 8 characters that nobody mistakes for others, and how people write them."""

import secrets
import unicodedata

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32 in lower case: no i, l, o, u (https://www.crockford.com/base32.html)."""
LENGTH = 8
SHORTEST = 4
"""The fewest characters by which an execution may be named."""

_LOOK_ALIKES = str.maketrans("ilo", "110")


def new_id() -> str:
    """Return a new id from the system's secure source: 40 bits."""
    return id_of(secrets.token_bytes(5))


def id_of(digest: bytes) -> str:
    """Return the id that a digest stands for: its first 40 bits."""
    bits = int.from_bytes(digest[:5])
    return "".join(ALPHABET[bits >> shift & 31] for shift in range(5 * (LENGTH - 1), -1, -5))


def bare(word: str) -> str:
    """Return a word without the signs that people and phones put around it, also those that nobody sees."""
    return word.strip("".join({sign for sign in word if not sign.isalnum()}))


def read_id(text: str) -> str | None:
    """Return the id, or the start of one, that a person wrote; None if it cannot be one.

    Case, full width and all signs around it do not count; i, l and o are read as 1, 1 and 0.
    """
    # Cut first: Unicode's normal form of a long text may take its time, and anybody may say one.
    word = unicodedata.normalize("NFKC", bare(text)[: LENGTH + 1]).lower().translate(_LOOK_ALIKES)
    if SHORTEST <= len(word) <= LENGTH and all(character in ALPHABET for character in word):
        return word
    return None
