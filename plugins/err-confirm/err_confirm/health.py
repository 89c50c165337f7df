"""Say of one thing that was looked at whether it is well, and if not, what to do."""

from dataclasses import dataclass, replace
from enum import StrEnum


class Health(StrEnum):
    """How well it is: an error must be put right, a warning should be understood."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: how it is, in a sentence, and what puts it right."""

    health: Health
    what: str
    fix: str = ""


def well(what: str) -> Finding:
    """Return the finding that something is as it should be."""
    return Finding(Health.OK, what)


def warning(what: str, fix: str) -> Finding:
    """Return the finding that something may not be as it should be, or cannot be seen."""
    return Finding(Health.WARNING, what, fix)


def error(what: str, fix: str) -> Finding:
    """Return the finding that something is not as it must be."""
    return Finding(Health.ERROR, what, fix)


def accepted(finding: Finding, by: str) -> Finding:
    """Return a finding that somebody has accepted: an error becomes a warning that says `by` which word."""
    if finding.health is not Health.ERROR:
        return finding
    return replace(finding, health=Health.WARNING, what=f"{finding.what} (accepted by {by})")
