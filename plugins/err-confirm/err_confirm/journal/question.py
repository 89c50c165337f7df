"""Read which executions somebody wants to see: `restart failed by bob since 2d`."""

import math
from collections.abc import Collection
from datetime import UTC, datetime

from err_confirm.durations import parse_duration
from err_confirm.errors import QuestionError
from err_confirm.journal.history import Search
from err_confirm.model.executions import State
from err_confirm.text.spelling import did_you_mean

_WITH_VALUE = ("by", "alias", "since", "until")


def read_question(text: str, aliases: Collection[str], now: float) -> Search:
    """Return what is meant by some words, in any order.

    A word is a state or the name of an alias; `by`, `alias`, `since` and `until` are followed by a person, any alias,
    and moments.

    Args:
        text: the words.
        aliases: the names that need no `alias` before them.
        now: the store's clock.

    Raises:
        QuestionError: a word means nothing, or two mean the same.
    """
    given: dict[str, str] = {}
    words = iter(text.split())
    for word in words:
        lowered = word.lower()
        if lowered in _WITH_VALUE:
            key, value = lowered, next(words, "")
            if not value:
                raise QuestionError(f"what comes after {lowered}? {_ALLOWED}")
        elif lowered in [str(state) for state in State]:
            key, value = "state", lowered
        elif word in aliases:
            key, value = "alias", word
        else:
            known = [*map(str, State), *aliases, *_WITH_VALUE]
            raise QuestionError(f'"{word}" is no state, alias or guard{did_you_mean(word, known)}; {_ALLOWED}')
        if key in given:
            raise QuestionError(f"{given[key]} and {value}: say only one of them; {_ALLOWED}")
        given[key] = value
    return Search(
        person=given.get("by", "").removeprefix("@"),
        alias=given.get("alias", ""),
        state=given.get("state", ""),
        since=read_moment(given["since"], now) if "since" in given else -math.inf,
        until=read_moment(given["until"], now) if "until" in given else math.inf,
    )


def read_moment(text: str, now: float) -> float:
    """Return the moment that `2d` (ago), `2026-11-20` or `2026-11-20T14:00` (UTC) means. Raises QuestionError."""
    try:
        return now - parse_duration(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise QuestionError(f'"{text}" is no moment; say 2d (ago), 12h, 2026-11-20 or 2026-11-20T14:00 (UTC)') from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


_ALLOWED = "say a state, an alias or guard, by <person>, since 2d or until 12h, in any order"
