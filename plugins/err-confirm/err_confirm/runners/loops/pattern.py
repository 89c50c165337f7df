"""Find what all parts of a loop have in common but the target, so that it can be shown once."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from err_confirm.runners.json_values import with_texts

PLACEHOLDER = "<target>"
"""What stands for the target in what is shown."""
TRIED = 3
"""From how many parts it is tried to find it."""
_STAND_IN = "target-goes-here"


def pattern(spec: Mapping[str, Any]) -> tuple[dict[str, Any], str] | None:
    """Return a part's own instructions with something that stands for its target, and what that is.

    With each target's id in its place, all parts come out as they are, to the byte: else there is none. What stands for
    it is one plain word, which no runner quotes, and which is nowhere in what runs.
    """
    each, targets = spec["each"], spec["targets"]
    stand_in = _absent(_json(spec))
    wanted = [_json(one) for one in each]
    for place in sorted(range(len(each)), key=lambda place: -len(targets[place]))[:TRIED]:
        found: dict[str, Any] = _with(each[place], targets[place], stand_in)
        made = (_json(_with(found, stand_in, target)) for target in targets)
        if all(one == right for one, right in zip(made, wanted, strict=True)):
            return found, stand_in
    return None


def shown(described: str, stand_in: str) -> str | None:
    """Return a description with the placeholder that people read; None where that could be taken for something else."""
    return None if PLACEHOLDER in described else described.replace(stand_in, PLACEHOLDER)


def _absent(text: str) -> str:
    return next(word for word in _words() if word not in text)


def _words() -> Iterator[str]:
    number, word = 1, _STAND_IN
    while True:
        yield word
        number, word = number + 1, f"{_STAND_IN}-{number}"


def _with(value: Any, old: str, new: str) -> Any:
    """Return a value in whose texts, but not in whose keys, something stands instead of something else."""
    return with_texts(value, lambda text: text.replace(old, new))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
