"""Let a guard that refuses stand for a file that cannot be used."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from err_confirm.catalog.findings import Findings
from err_confirm.catalog.problem import Problem
from err_confirm.catalog.yaml_source import LARGEST
from err_confirm.guards import everything
from err_confirm.model.files import Guard, Source
from err_confirm.text.visible import visible

LONGEST_ERROR = 400
"""The most characters of a guard's error; it is said in chat."""

_MAY_BE_KEY = re.compile(r"^[^#\n]*?(?<![\w.-])commands[\"']?\s*:", re.MULTILINE)
_KEY_OF_AN_ALIAS = re.compile(r"^[\"']?(?:formats|action_ref|run)[\"']?\s*:", re.MULTILINE)
_FORMAT = re.compile(r"""^(?:.*formats\W*:\s*\[|\s*-\s*(?:\w+:)?)\s*["']?([A-Za-z][\w-]*)""", re.MULTILINE)
_FIRST_WORD = re.compile(r"[A-Za-z][\w-]*(?!\S)")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")  # what is UTF-16 has one in each letter


def for_everything(problem: Problem) -> Guard:
    """Return a guard over everything that nothing else guards, which refuses because of a problem."""
    return everything(problem.source, shortened(problem))


def for_unreadable(problem: Problem) -> Guard:
    """Return a guard for a file that cannot be read: over everything, unless it shows that it is an alias.

    One that is empty or was cut off may have been anything.
    """
    try:
        with problem.source.path.open("rb") as file:
            content = file.read(LARGEST + 1)
        text = _CONTROL.sub("", content.decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError):
        return for_everything(problem)
    if len(content) > LARGEST or _MAY_BE_KEY.search(text) or not _KEY_OF_AN_ALIAS.search(text):
        return for_everything(problem)
    return for_texts(_FORMAT.findall(text), problem.source, problem)


def for_alias(findings: Findings, error: Problem) -> Guard:
    """Return a guard for an alias file with an error."""
    return for_texts(_texts(findings.document.data.get("formats")), error.source, error)


def for_texts(texts: Iterable[str], source: Source, error: object) -> Guard:
    """Return a guard that refuses what is said for an alias that cannot be used.

    Without it, `!restart web01` would be Errbot's own `restart`, which takes no notice of the rest.

    Args:
        texts: what begins as the alias does.
        source: of the alias.
        error: why it cannot be used.
    """
    words = dict.fromkeys(match[0] for text in texts if (match := _FIRST_WORD.match(text)))
    patterns = tuple(f"*:{word} ?*" for word in words)
    return Guard(
        name=source.path.stem, commands=patterns, source=source, policy=None, error=shortened(error), instead=True
    )


def shortened(error: object) -> str:
    """Return what is said of an error in chat."""
    text = visible(str(error))
    return text if len(text) <= LONGEST_ERROR else f"{text[: LONGEST_ERROR - 3]}..."


def _texts(formats: Any) -> Iterator[str]:
    """Yield all texts in what stands under `formats`, whatever that is."""
    if isinstance(formats, str):
        yield formats
    elif isinstance(formats, list | dict):
        for each in formats.values() if isinstance(formats, dict) else formats:
            yield from _texts(each)
