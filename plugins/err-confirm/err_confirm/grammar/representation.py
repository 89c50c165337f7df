"""Match one representation of an alias, and read its parameters out of a text."""

from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property, lru_cache
from types import MappingProxyType

import re2

from err_confirm.errors import (
    DuplicateParameterError,
    NoMatchError,
    RepresentationError,
    TooManyMatchesError,
    TooManyPairsError,
)
from err_confirm.grammar.expression import translate
from err_confirm.grammar.text import MAX_PAIRS, Pair, Text, plain

MAX_OCCURRENCES = 50
"""How many occurrences of one representation a text may have."""

MAX_PROGRAM = 1000
"""How many instructions RE2 may need for a representation, beside MAX_PROGRAM_PER_PARAMETER for each parameter."""

MAX_PROGRAM_PER_PARAMETER = 100

MAX_REPEATED = 64
"""How many letters repetitions with a count may add, so that a SHA-256 can be asked for.

Behind something without an end, as in `.*a.{64}`, RE2 has to follow that many places at once, at each letter.
"""

MAX_MEMORY_BYTES = 512 * 1024
"""How much RE2 may remember of one expression; with more, expressions with very many states are slower, not faster."""


REMEMBERED = 5_000
"""How many representations are known by heart: whoever reads the files again has compiled most of them before."""


class Representation:
    """One way to say an alias: `restart {{ service }} on {{ host = web1 }}`.

    `{{ name }}` is a parameter, `{{ name = default }}` one that may be left out, and the rest is a regular
    expression, whose named groups are parameters, too. The whole text must match unless the expression has anchors.

        >>> Representation("restart {{ service }}( on {{ host = web1 }})?").extract("restart nginx on db1")
        {'service': 'nginx', 'host': 'db1'}

    Args:
        text: the representation.
        anywhere: each place in a text may match, as `match_multiple` asks for; one that ends with a parameter still
            takes the whole text.

    Raises:
        RepresentationError: the text is no representation; the error says why.
    """

    def __init__(self, text: str, *, anywhere: bool = False) -> None:
        self.text = text
        self._expression = translate(text, anywhere=anywhere)
        self.parameters: tuple[str, ...] = self._expression.parameters
        self.defaults: Mapping[str, str] = MappingProxyType(self._expression.defaults)
        self._accepts = self._compiled(self._expression.pattern, never_capture=True)

    def __repr__(self) -> str:
        return f"Representation({self.text!r})"

    @property
    def prefix(self) -> str:
        """The text with which each match begins, as far as that is certain."""
        return self._expression.literals[0]

    @property
    def landmark(self) -> str:
        """The longest text that each match is sure to hold."""
        return max(self._expression.literals, key=len)

    @property
    def opening(self) -> tuple[str, ...]:
        """The words with which each match begins; none when it may begin with several."""
        words = tuple(self.prefix.split())
        beginning = plain(self.text).lstrip()
        whole = beginning.startswith(self.prefix) and not beginning[len(self.prefix) :][:1].strip()
        return words if whole else words[:-1]

    @property
    def first_word(self) -> str:
        """The first of these words, or nothing."""
        return next(iter(self.opening), "")

    def extract(self, command: str) -> dict[str, str]:
        """Return the values that a text gives, and the defaults of what it leaves out.

        Raises:
            NoMatchError: the text does not match.
            DuplicateParameterError: it gives a parameter twice.
            TooManyPairsError: it ends with more than MAX_PAIRS.
            TextTooLongError: it has more than MAX_TEXT_BYTES.
        """
        found = self.given(Text(command))
        if not found:
            raise NoMatchError(f'this text does not match "{self.text}"')
        return self.fill(found[0])

    def fill(self, given: Mapping[str, str]) -> dict[str, str]:
        """Add the defaults of what a text leaves out; parameters come in order, then what else is given."""
        values = {**self.defaults, **given}
        return {name: values[name] for name in (*self.parameters, *given) if name in values}

    def given(self, text: Text, *, every: bool = False) -> list[dict[str, str]]:
        """Return the values that a text itself gives, without defaults: of each occurrence, or of the first.

        Pairs at the end are no part of what must match. Where the representation has equals signs of its own, as
        `set {{ key }}={{ value }}` has, it is left as few of the pairs as it needs.

        Raises:
            DuplicateParameterError: an occurrence gives a parameter twice.
            TooManyMatchesError: there are more than MAX_OCCURRENCES.
            TooManyPairsError: the text ends with more than MAX_PAIRS.
        """
        for left in range(min(self._expression.equals, len(text.pairs)) + 1):
            before = text.before(left)
            if self._accepts.search(before):
                if len(text.pairs) > MAX_PAIRS:
                    raise TooManyPairsError(MAX_PAIRS)
                return self._occurrences(text, before, text.pairs[left:], every=every)
        return []

    def lacks(self, text: Text) -> tuple[str, ...]:
        """Return the parameters that must still be said after a text that is right as far as it goes.

        Nothing is returned where it is not, or where what is missing is no value.
        """
        names = tuple(name for name, *_ in self._expression.needed)
        cuts = [start for _, start, _ in self._expression.needed[:1]] + [end for *_, end in self._expression.needed]
        for count in reversed(range(len(names))):
            with suppress(DuplicateParameterError, TooManyPairsError):
                if Representation(self.text[: cuts[count]]).given(text):
                    return names[count:]
        words = tuple(text.plain.split())
        return names if words == self.opening[: len(words)] else ()

    def _occurrences(self, text: Text, before: str, pairs: tuple[Pair, ...], *, every: bool) -> list[dict[str, str]]:
        found = []
        for match in self._captures.finditer(before):
            values = self._values(match, text, pairs, len(before.rstrip()))
            if match.group().strip() or values:
                found.append(values)
            if self._expression.takes_rest or not every:
                break
            if len(found) > MAX_OCCURRENCES:
                raise TooManyMatchesError(MAX_OCCURRENCES)
        return found

    def _values(self, match: "re2._Match", text: Text, pairs: tuple[Pair, ...], rest: int) -> dict[str, str]:
        values: dict[str, str] = {}
        said: set[str] = set()  # also "" is; a named group that matches nothing is not
        for group, name in enumerate(self.parameters, start=1):
            start, end = match.span(group)
            if self._expression.takes_rest and group == len(self.parameters):
                end = rest
            if start >= 0:
                verbatim = name in self._expression.verbatim
                values[name] = text.typed[start:end] if verbatim else text.value(start, end)
                said |= {name} if start < end else set()
        extra: dict[str, str] = {}
        for _, name, value in pairs:
            if name in extra or name in said:
                raise DuplicateParameterError(name)
            extra[name] = value
        return values | extra

    @cached_property
    def _captures(self) -> "re2._Regexp":
        return self._compiled(self._expression.finder, never_capture=False) if self.parameters else self._accepts

    def _compiled(self, pattern: str, *, never_capture: bool) -> "re2._Regexp":
        options = re2.Options()
        options.log_errors = False
        options.dot_nl = True
        options.max_mem = MAX_MEMORY_BYTES
        options.never_capture = never_capture
        try:
            compiled = re2.compile(pattern, options)
        except re2.error as error:
            reason, _, place = error.args[0].decode(errors="replace").partition(": ")
            detail = f"{reason}: {place}" if place in self.text else reason
            raise RepresentationError(f'"{self.text}" cannot be understood: {detail}') from None
        except UnicodeEncodeError:
            raise RepresentationError("a representation cannot be understood: it holds half a character") from None
        most = MAX_PROGRAM + MAX_PROGRAM_PER_PARAMETER * len(self.parameters)
        if compiled.programsize > most or self._expression.repeated > MAX_REPEATED:
            message = "is too big to be matched fast; use shorter repetitions, or + and * in their place"
            raise RepresentationError(f'"{self.text}" {message}')
        return compiled


@lru_cache(REMEMBERED)
def compiled(text: str, *, anywhere: bool = False) -> Representation:
    """Return a representation as `Representation` does; one that was asked for before, as it is."""
    return Representation(text, anywhere=anywhere)
