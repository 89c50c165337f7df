"""Word what is counted, find words in texts, and suggest the word that was probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean "host"?)` if one of the known words is near, in any case, else an empty text."""
    folded = {each.casefold(): each for each in known}
    nearest = get_close_matches(word.casefold(), folded, n=1)
    return f' (did you mean "{folded[nearest[0]]}"?)' if nearest else ""


def number(count: int, word: str) -> str:
    """Return a count and what is counted: `1 alias`, `2,000 aliases`."""
    ending = "" if count == 1 else "es" if word.endswith("s") else "s"
    return f"{count:,} {word}{ending}"


def holds(words: Iterable[str], *texts: str) -> bool:
    """Tell whether each of some words, which are in lower case, is in one of the texts, in any case."""
    text = " ".join(texts).casefold()
    return all(word in text for word in words)
