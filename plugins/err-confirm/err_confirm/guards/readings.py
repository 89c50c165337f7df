"""Say in which ways a command of another plugin may take what was said for its arguments."""

import argparse
import shlex
from argparse import Action, ArgumentParser
from collections.abc import Iterator, Sequence
from itertools import islice

LONGEST = 8_192
"""The most characters of arguments that are read; longer ones may mean anything."""
MOST_OPTIONS = 50
"""How many options are looked at; who gives more of them is up to something."""
LONGEST = 8_192
"""How many characters are read; `shlex` takes time quadratic in them, for 1,000,000 without a blank two minutes."""

_ALL = (argparse.ONE_OR_MORE, argparse.ZERO_OR_MORE)
_REST = (argparse.REMAINDER, argparse.PARSER)
_TYPED = str.maketrans({"\u2014": "--", "\u201c": '"', "\u201d": '"', "\u2019": "'", "\u2018": "'"})
"""What phones make of dashes and quotes, and Errbot's `arg_botcmd` takes back."""
_UNQUOTED = dict.fromkeys(map(ord, "\"'\u201c\u201d\u2018\u2019"))

_Option = tuple[int, Action, str | None]
"""The place of an option among the words, what it is, and the value that is in the same word."""


def readings(text: str, parser: ArgumentParser | None) -> set[str] | None:
    """Return what a command may take its arguments for, in lower case and with single blanks; None: anything.

    As said, as a shell splits them, without its options, and from each option on, under each of its names.

    Args:
        text: the arguments as they were said.
        parser: what an `arg_botcmd` parses them with. It is only looked at: to run it could do anything.
    """
    if len(text) > LONGEST:
        return None
    try:
        words = shlex.split(text.translate(_TYPED))
    except ValueError:  # a quote is missing: only a command that takes them off itself makes anything of it
        words = text.translate(_TYPED | _UNQUOTED).split()
    found = [[text], words]
    if parser is not None:
        options = list(islice(_options(words, parser), MOST_OPTIONS + 1))
        if len(options) > MOST_OPTIONS:
            return None
        others = _positionals(words, options)
        found += [others, [word for word in words if not word.startswith("-")]]
        for each in options:
            for option in _named(words, each):
                found += [option, [*others, *option]]
    return {" ".join(" ".join(each).casefold().split()) for each in found}


def _options(words: Sequence[str], parser: ArgumentParser) -> Iterator[_Option]:
    """Yield which options the words are, as `argparse` finds them; also if it would not know which of several."""
    known: dict[str, Action] = parser._option_string_actions
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        if word == "--":
            return
        if word in known:
            yield place, known[word], None
        elif equals and name in known:
            yield place, known[name], value
        elif name.startswith("-") and name != "-":
            for option, action in known.items():
                if option.startswith(name):
                    yield place, action, value if equals else None
            if not name.startswith("--"):
                yield from ((place, action, value) for action, value in _letters(word, known))


def _letters(word: str, known: dict[str, Action]) -> Iterator[tuple[Action, str | None]]:
    """Yield the options of a word such as `-vfx`: the first that takes a value takes what is left of the word."""
    for index, letter in enumerate(word[1:], start=2):
        action = known.get(f"-{letter}")
        if action is None:
            return
        yield action, word[index:].removeprefix("=") or None
        if action.nargs != 0:
            return


def _positionals(words: Sequence[str], options: Sequence[_Option]) -> list[str]:
    """Return the words that are no options, nor the values of some."""
    end = words.index("--") if "--" in words else len(words)
    places = [place for place, _, _ in options]
    taken = set(places)
    for place, action, value in options:
        if action.nargs in _REST:
            taken.update(range(place, len(words)))
        elif action.nargs != 0 and value is None:
            last = next((at for at in places if at > place), end)
            most = last if action.nargs in _ALL else place + 1 + (action.nargs if isinstance(action.nargs, int) else 1)
            taken.update(range(place + 1, min(last, most)))
    return [word for at, word in enumerate(words) if at not in taken and word != "--"]


def _named(words: Sequence[str], option: _Option) -> Iterator[list[str]]:
    """Yield an option with all that follows, under each of its names, with a blank and with `=` before its value."""
    place, action, value = option
    following = [*([] if value is None else [value]), *words[place + 1 :]]
    for name in action.option_strings:
        yield [name, *following]
        if following and action.nargs != 0:
            yield [f"{name}={following[0]}", *following[1:]]
