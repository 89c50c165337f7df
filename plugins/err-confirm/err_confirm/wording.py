"""Word what the bot says: one template file a message, every value made inert."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from err_confirm.durations import format_duration
from err_confirm.model import Alias
from err_confirm.policy import whom
from err_confirm.visible import visible

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"


def code(value: object) -> str:
    """Return a value as a Markdown code span, on one line, in which nothing in it has an effect.

    The fence is longer than any run of back-ticks inside, as CommonMark asks
    (https://spec.commonmark.org/0.31.2/#code-spans).
    """
    text = visible(str(value))
    if not text.strip():
        return f'"{text}"'
    fence = "`" * (_longest_run(text, "`") + 1)
    padding = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{padding}{text}{padding}{fence}"


def block(value: object, lines: int = 10, size: int = 3_000) -> str:
    """Return the last `lines` lines of a text, and of these the last `size` characters, as a Markdown code block."""
    shown = [_line(line) for line in str(value).rstrip("\n").split("\n")]
    left_out = len(shown) - lines
    text = "\n".join(shown[-lines:])
    if len(text) > size:
        text = f"… more before\n{text[-size:]}"
    elif left_out > 0:
        text = f"… {left_out} more {'line' if left_out == 1 else 'lines'} before\n{text}"
    fence = "`" * max(3, _longest_run(text, "`") + 1)
    return f"{fence}\n{text}\n{fence}"


def shortened(markdown: str, size: int = 3_000) -> str:
    """Return an alias's own Markdown with hidden characters as escapes, cut after `size` characters."""
    text = "\n".join(map(_line, markdown.split("\n")))
    if len(text) <= size:
        return text
    text = text[:size]
    return f"{text}\n```\n…" if text.count("```") % 2 else f"{text} …"


def clock(moment: float) -> str:
    """Return a moment (seconds since 1970) as `14:03:20 UTC`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%H:%M:%S UTC")


def value(item: object) -> str:
    """Return a parameter's value as a person would say it."""
    if isinstance(item, list):
        return ", ".join(map(str, item))
    if isinstance(item, bool):
        return "yes" if item else "no"
    return str(item)


def displays(alias: Alias) -> list[str]:
    """Return what help says about an alias: for each format its `display`, or its first representation."""
    return [each.display or each.representations[0] for each in alias.formats if each.display or each.representations]


class Wording:
    """The sentences of the bot; `prefix` is what commands begin with."""

    def __init__(self, prefix: str) -> None:
        # Values come out through `code` and `block`, not through HTML escapes: what chat shows must be what runs.
        self._environment = Environment(  # noqa: S701
            loader=FileSystemLoader(TEMPLATES),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            code=code, block=block, clock=clock, displays=displays, duration=format_duration, value=value, whom=whom
        )
        self._environment.globals["prefix"] = prefix

    def say(self, message: str, **facts: Any) -> str:
        """Return one message: the template of this name, with these facts."""
        return self._environment.get_template(f"{message}.md").render(facts).strip()


def _line(text: str) -> str:
    """Return one line of output, its tabs and line end as they look in a terminal, all else hidden as escapes."""
    return visible(text.rstrip("\r").expandtabs())


def _longest_run(text: str, character: str) -> int:
    longest = run = 0
    for each in text:
        run = run + 1 if each == character else 0
        longest = max(longest, run)
    return longest
