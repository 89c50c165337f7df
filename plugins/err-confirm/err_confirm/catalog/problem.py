"""What is wrong, or worth knowing, at one line of a file."""

from dataclasses import dataclass
from enum import StrEnum

from err_confirm.errors import ErrConfirmError
from err_confirm.model.files import Source


class Severity(StrEnum):
    """How much a problem matters: an error keeps its alias or action from being loaded."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Problem:
    """One sentence about one line."""

    source: Source
    message: str
    severity: Severity

    def __str__(self) -> str:
        return f"{self.source}: {self.message}"


class UnreadableError(ErrConfirmError):
    """Raised when a file is not the plain YAML that alias and action files are written in."""

    def __init__(self, source: Source, message: str) -> None:
        super().__init__(f"{source}: {message}")
        self.problem = Problem(source, message, Severity.ERROR)
