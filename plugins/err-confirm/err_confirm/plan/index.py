"""Find out which alias a text means."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile
from operator import eq

from err_confirm.errors import (
    AmbiguousMatchError,
    DuplicateParameterError,
    NoMatchError,
    TextError,
    TextTooLongError,
    TooManyMatchesError,
    TooManyPairsError,
)
from err_confirm.grammar import Representation, Text, compiled, plain
from err_confirm.model.files import Alias, Format


@dataclass(frozen=True, slots=True)
class Match:
    """One execution to start: an alias, its representation that matched, and the values of its parameters."""

    alias: Alias
    representation: str
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to say an alias, and what people are shown of it.

    `rank` is its place among all of them, `landmark` a text that it is known by, `opening` the words that it begins
    with, in lower case.
    """

    rank: int
    landmark: str
    opening: tuple[str, ...]
    alias: Alias
    display: str
    representation: Representation
    match_multiple: bool

    def read(self, text: Text) -> list[Match] | TextError:
        """Return what a text starts when it is said this way, or why it is refused; no match is an empty list."""
        try:
            found = self.representation.given(text, every=self.match_multiple)
        except (DuplicateParameterError, TooManyMatchesError, TooManyPairsError) as error:
            return error
        fixed = self.alias.immutable_parameters
        for given in found:
            for name in given:
                if name in fixed:
                    return DuplicateParameterError(name, "is fixed by the alias; leave it out")
        filled = map(self.representation.fill, found)
        values = ({name: value for name, value in each.items() if name not in fixed} for each in filled)
        return [Match(self.alias, self.representation.text, each) for each in values]

    def lacks(self, text: str) -> tuple[str, ...]:
        """Return the parameters that must still be said after a text, where that is all that is wrong with it."""
        try:
            return self.representation.lacks(Text(text))
        except TextError:
            return ()


class Index:
    """All aliases, ready to be asked what a text means.

    Aliases that are disabled, and formats that are only help text, match nothing. Only representations that begin
    as the text does, and whose landmark is in it, are tried: thousands of aliases cost little more than one.

    Raises:
        RepresentationError: a representation is none.
    """

    def __init__(self, aliases: Iterable[Alias]) -> None:
        self._ways: dict[str, list[Way]] = {}
        self._beginnings: dict[str, list[Way]] = {}
        self._last: tuple[str, Alias | None] = ("", None)
        said = (
            (alias, format_, compiled(text, anywhere=format_.match_multiple))
            for alias in aliases
            if alias.enabled
            for format_ in alias.formats
            for text in format_.representations
        )
        for rank, (alias, format_, representation) in enumerate(said):
            way = Way(
                rank=rank,
                landmark=representation.landmark,
                opening=_folded(" ".join(_at_its_begin(representation, format_).opening)),
                alias=alias,
                display=format_.display or representation.text,
                representation=representation,
                match_multiple=format_.match_multiple,
            )
            self._ways.setdefault(representation.prefix, []).append(way)
            for first in way.opening[:1]:
                self._beginnings.setdefault(first, []).append(way)
        for ways in self._beginnings.values():
            ways.sort(key=lambda way: way.alias.name)
        self._lengths = sorted({len(prefix) for prefix in self._ways})

    def matches(self, text: str) -> list[Match]:
        """Return one match for each execution that a text starts; formats for several matches come last.

        Raises:
            NoMatchError: no alias matches.
            AmbiguousMatchError: several do.
            DuplicateParameterError: the text gives a parameter twice, or one that the alias has fixed.
            TooManyMatchesError: it asks for too many executions at once.
            TooManyPairsError: it ends with too many pairs.
            TextTooLongError: it is longer than what is ever matched.
        """
        readings = self._readings(Text(text))
        if not readings:
            raise NoMatchError("no alias matches this text")
        if len(readings) > 1:
            raise AmbiguousMatchError(sorted(readings))
        ((_, reading),) = readings.values()
        if isinstance(reading, TextError):
            raise reading
        return reading

    def winner(self, text: str) -> Alias | None:
        """Return the alias that answers a text, be it with a refusal; never raise.

        Of competing ones it is the first by name, and for a text that is too long the first that begins with its
        first word. The last text and its answer are remembered, because each alias asks about each message.
        """
        last, winner = self._last
        if text != last:
            winner = self._winner(text)
            self._last = (text, winner)  # one assignment of a pair, so that no thread sees half of it
        return winner

    def beginning(self, text: str) -> Alias | None:
        """Return the first alias by name that begins with a text's first word, in any case; it need not match."""
        return next((way.alias for way in self._beginning(text)), None)

    def near(self, text: str) -> list[Way]:
        """Return the ways to say an alias whose first word, in any case, is that of a text, which matches none.

        Those that have the most words in common with it come first, and of these the ones that want the fewest more.
        """
        ways = self._beginning(text)
        words = _folded(text) if ways else ()

        def unlike(way: Way) -> tuple[int, int]:
            alike = sum(takewhile(bool, map(eq, way.opening, words)))
            return -alike, len(way.opening) - alike

        shown: dict[tuple[str, str], Way] = {}
        for way in sorted(ways, key=unlike):
            shown.setdefault((way.alias.name, way.display), way)
        return list(shown.values())

    def _beginning(self, text: str) -> list[Way]:
        first = _folded("".join(text.split(maxsplit=1)[:1]))
        return self._beginnings.get(first[0], []) if first else []

    def _winner(self, text: str) -> Alias | None:
        try:
            readings = self._readings(Text(text))
        except TextTooLongError:
            return self.beginning(text)
        except NoMatchError:
            return None
        return readings[min(readings)][0] if readings else None

    def _readings(self, text: Text) -> dict[str, tuple[Alias, list[Match] | TextError]]:
        """Return, by name, what each alias that matches makes of a text."""
        begin = text.plain[1:]
        near = (way for length in self._lengths for way in self._ways.get(begin[:length], ()))
        ways = sorted((way for way in near if way.landmark in begin), key=lambda way: way.rank)
        readings: dict[str, tuple[Alias, list[Match] | TextError]] = {}
        for match_multiple in (False, True):
            for way in ways:
                if way.match_multiple is not match_multiple or way.alias.name in readings:
                    continue
                if reading := way.read(text):
                    readings[way.alias.name] = way.alias, reading
            if readings:
                break
        return readings


def _folded(text: str) -> tuple[str, ...]:
    """Return the words of a text in lower case."""
    return tuple(plain(text).casefold().split())


def _at_its_begin(representation: Representation, format_: Format) -> Representation:
    """Return a representation as it would be if it stood at the begin of a text only."""
    return compiled(representation.text) if format_.match_multiple else representation
