"""Read and write lengths of time as people say them: `500ms`, `3s`, `5m`, `4h`, `1d`."""

import re

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_FOREVER = 1_000 * 365 * 86_400
PATTERN = r"^([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h|d)$"
"""What a length of time looks like."""
_SHOWN = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def parse_duration(value: str | int | float) -> float:
    """Return a length of time in seconds; a number counts seconds. Raises ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{value!r} is not a length of time; say it like 500ms, 3s, 5m, 4h or 1d")
    seconds = _seconds(value) if isinstance(value, str) else value
    if not 0 < seconds < _FOREVER:
        raise ValueError(f'a length of time is longer than zero and shorter than 1,000 years, unlike "{value}"')
    return float(seconds)


def format_duration(seconds: float) -> str:
    """Return a length of time for people, in its two largest units at most: `5 min`, `1 h 30 min`, `0.4 s`."""
    if 0 < seconds < 10:
        return f"{float(f'{seconds:.2g}'):g} s"
    rest, parts = max(0, round(seconds)), list[str]()
    for unit, size in _SHOWN:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def _seconds(text: str) -> float:
    match = re.fullmatch(PATTERN, text)
    if match is None:
        raise ValueError(f'"{text}" is not a length of time; say it like 500ms, 3s, 5m, 4h or 1d')
    return float(match[1]) * _UNITS[match[2]]
