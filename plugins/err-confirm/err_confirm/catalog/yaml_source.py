"""Read the plain part of YAML, in which every value is what it looks like, and remember where each stands.

Anchors, aliases, tags, duplicate keys, several documents and odd numbers are errors.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml
from yaml.resolver import Resolver

from err_confirm.catalog.problem import UnreadableError
from err_confirm.model.files import Source

LARGEST = 262_144
"""The most bytes that a file may have."""

DEEPEST = 20
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_BARE = {
    "did not find expected alphabetic or numeric character": "*",
    "found character that cannot start any token": "@, ` or %",
}
"""What libyaml says where a text has no quotes that begins so: a pattern such as `*-delete`, a group such as `@sre`."""
_COLON = "mapping values are not allowed in this context"
_BRACES = "text with {{ in it is put in quotes"
_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?([eE][-+]?[0-9]{1,2})?")
_TAG = "tag:yaml.org,2002:"
_BOOLEANS = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}

Location = tuple[str | int, ...]
"""The keys and indexes that lead to a value: `("formats", 0, "display")`."""


@dataclass(frozen=True, slots=True)
class Document:
    """The content of a file: a mapping, the line of each value's key, and plain scalars as they were written."""

    path: Path
    data: dict[str, Any]
    lines: dict[Location, int]
    written: dict[Location, str]

    def locate(self, location: Sequence[str | int]) -> Location:
        """Return the longest way along `location` that the file really has, steps that it does not have left out."""
        found: Location = ()
        for step in location:
            if (*found, step) in self.lines:
                found = (*found, step)
        return found

    def source(self, location: Sequence[str | int]) -> Source:
        """Return the line on which a value stands, or else what should contain it."""
        return Source(self.path, self.lines[self.locate(location)])

    def quotes(self, location: Sequence[str | int]) -> str:
        """Return a hint to write quotes where YAML made something else of a text; else an empty text."""
        where = self.locate(location)
        return f"; YAML does not read {self.written[where]} as text; put it in quotes" if where in self.written else ""


def read(path: Path) -> Document:
    """Read a file. Raises UnreadableError."""
    return _Reader(path, _text(path)).document()


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise UnreadableError(Source(path), f"cannot be read: {error.strerror}") from error
    if len(content) > LARGEST:
        raise UnreadableError(Source(path), "is larger than 256 KiB; divide it")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableError(Source(path, line), "is not UTF-8 here; save the file as UTF-8") from error
    if control := _CONTROL.search(text):
        line = text.count("\n", 0, control.start()) + 1
        raise UnreadableError(Source(path, line), f"has the control character U+{ord(control[0]):04X}; remove it")
    return text


class _Reader:
    """Builds a document from the events of YAML's parser, and stops at the first thing that is not plain."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._text = text.split("\n")
        self._events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        self._resolver: Any = Resolver()
        self._lines: dict[Location, int] = {}
        self._written: dict[Location, str] = {}

    def document(self) -> Document:
        try:
            next(self._events)
            event = next(self._events)
            if isinstance(event, yaml.StreamEndEvent):
                raise UnreadableError(Source(self._path), "is empty; write at least a name")
            root = next(self._events)
            if not isinstance(root, yaml.MappingStartEvent):
                self._refuse(root, 'must be a mapping: lines of "key: value"')
            data = self._value(root, ())
            next(self._events)
            last = next(self._events)
            if not isinstance(last, yaml.StreamEndEvent):
                self._refuse(last, "is a second document; give it a file of its own")
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            reason = getattr(error, "problem", None) or "it cannot be read"
            line = min(mark.line + 1, len(self._text)) if mark else 1
            raise UnreadableError(
                Source(self._path, line), f"is not YAML: {reason}{self._hint(reason, line)}"
            ) from error
        return Document(self._path, data, self._lines, self._written)

    def _hint(self, reason: str, line: int) -> str:
        """Return what to do about what libyaml does not understand on a line, if that can be told."""
        text = self._text[line - 1]
        if text[: len(text) - len(text.lstrip())].count("\t"):
            return "; indent with spaces, not with a tab"
        if reason in _BARE:
            return f"; text that begins with {_BARE[reason]} is put in quotes"
        if "{{" in text:
            return f"; {_BRACES}, and quotes in it are the other ones"
        if reason == _COLON:
            return '; text with ": " in it is put in quotes, and a key stands as far to the right as those beside it'
        if reason == "did not find expected key":
            return "; a key stands as far to the right as those beside it"
        return ""

    def _value(self, event: Any, location: Location) -> Any:
        self._lines.setdefault(location, event.start_mark.line + 1)
        if isinstance(event, yaml.AliasEvent):
            self._refuse(event, f"is a YAML alias (*{event.anchor}); put it in quotes, or write the value out")
        if event.anchor is not None:
            self._refuse(event, f"has a YAML anchor (&{event.anchor}); remove it")
        if event.tag is not None:
            self._refuse(event, f"has a YAML tag ({event.tag}); remove it")
        if len(location) > DEEPEST:
            self._refuse(event, f"is nested more than {DEEPEST} levels deep; make it flatter")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(location)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(location)
        return self._scalar(event, location)

    def _mapping(self, location: Location) -> dict[str, Any]:
        result: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, location)
            if key in result:
                first = self._lines[*location, key]
                self._refuse(event, f'has the key "{key}" again, after line {first}; remove one')
            self._lines[*location, key] = event.start_mark.line + 1
            result[key] = self._value(next(self._events), (*location, key))
        return result

    def _key(self, event: Any, location: Location) -> str:
        if isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]:
            self._refuse(event, "merges with <<; write the keys out")
        if not isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
            quotes = f"; {_BRACES}" if "{{" in self._text[event.start_mark.line] else ""
            self._refuse(event, f"has a list or a mapping as a key; a key is text{quotes}")
        nowhere = (*location, -1)  # a place that no value can have
        key = self._value(event, nowhere)
        del self._lines[nowhere]
        written = self._written.pop(nowhere, None)
        if key is True and written == "on":  # a key of ours, which YAML 1.1 takes for a switch
            return "on"
        if not isinstance(key, str):
            self._refuse(event, f'has a key that is not text; write "{written}", with quotes')
        return key

    def _sequence(self, location: Location) -> list[Any]:
        result: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            result.append(self._value(event, (*location, len(result))))
        return result

    def _scalar(self, event: Any, location: Location) -> Any:
        text: str = event.value
        kind = self._resolver.resolve(yaml.ScalarNode, text, event.implicit).removeprefix(_TAG)
        if kind in ("str", "value", "merge"):
            return text
        self._written[location] = text
        if kind == "null":
            return None
        if kind == "bool":
            return _BOOLEANS[text.lower()]
        if kind in ("int", "float") and _NUMBER.fullmatch(text):
            return int(text) if kind == "int" else float(text)
        meant = "a date" if kind == "timestamp" else "an unusual number"
        self._refuse(event, f'{text} means {meant} in YAML; write "{text}", with quotes, if it is text')

    def _refuse(self, event: Any, message: str) -> NoReturn:
        raise UnreadableError(Source(self._path, event.start_mark.line + 1), message)
