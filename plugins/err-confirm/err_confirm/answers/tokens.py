"""Give each person who is told directly a token that only their own answer can bring; none is kept anywhere."""

from err_confirm.ids import ALPHABET, LENGTH, read_id
from err_confirm.model.executions import Execution
from err_confirm.store.seal import Seal, same

_BITS = 5
"""What one character of the alphabet holds."""


class Tokens:
    """The tokens of all executions, made of the key file: of this very request, for this very person.

    Args:
        seal: with the key of this bot, and of all others on its store.
    """

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    def token(self, execution: Execution, person: str) -> str:
        """Return what a person must bring to answer an execution: 40 bits, as the 8 characters of an id."""
        number = int(self._seal.token(execution.id, execution.digest, person), 16)
        return "".join(ALPHABET[number >> _BITS * place & len(ALPHABET) - 1] for place in range(LENGTH))

    def matches(self, execution: Execution, person: str, token: str) -> bool:
        """Tell whether a token is the one of this person, in a time that tells nothing about how near it is."""
        return same(self.token(execution, person), read_id(token) or "")


def read_reference(text: str) -> tuple[str, str]:
    """Return the id, or the start of one, and the token in what a person wrote: `7f3kq2xa-0c9mzt4e`.

    The token is in plain characters, empty if there is none or it can be none; a text that names no execution is
    returned as it is.
    """
    name, dash, token = text.strip().partition("-")
    if not dash or read_id(name) is None:
        return text, ""
    return name, read_id(token) or ""
