"""Show by an example what a reason must look like: `OPS-123 …` for `^OPS-[0-9]+`."""

import re

import re2

from err_confirm.policy_words.quorums import Shown

_PART = re.compile(
    r"\\(?P<kind>[dw])|\\(?P<sign>\W)|\[(?P<first>[^\W_])(?:-(?P<last>[^\W_]))?[^\[\]\\]*\]|(?P<letter>[^\\\[\](){}*+?|^$.])"
)
_TIMES = re.compile(r"\{(?P<least>\d{1,2})(?:,\d*)?\}|(?P<many>[+*])|\?")
_KINDS = {"d": ("1", "9"), "w": ("a", "z")}
_MANY = 3


def reason_words(pattern: str, quoted: Shown = str) -> str:
    """Return what is wanted: `a reason such as OPS-123 …`, or with the pattern itself where no example is found."""
    example = _example(pattern)
    if not example or re2.search(pattern, example) is None:
        return f"a reason in which {quoted(pattern)} is found"
    return f"a reason such as {quoted(example if pattern.endswith('$') else f'{example} …')}"


def _example(pattern: str) -> str:
    """Return a text that a pattern may find; nothing for one that is more than signs and sets, perhaps repeated."""
    rest, made = pattern.removeprefix("^").removesuffix("$"), ""
    while rest:
        part = _PART.match(rest)
        if part is None:
            return ""
        rest = rest[part.end() :]
        times = _TIMES.match(rest)
        rest = rest[times.end() :] if times else rest
        made += _said(part, times)
    return made


def _said(part: re.Match[str], times: re.Match[str] | None) -> str:
    literal = part["letter"] or part["sign"]
    count = int(times["least"]) if times and times["least"] else _MANY if times and times["many"] and not literal else 1
    if literal:
        return literal * count
    first, last = _KINDS.get(part["kind"]) or (part["first"], part["last"] or part["first"])
    begin = max(ord(first), ord("1")) if last > "0" else ord(first)  # no number begins with 0
    size = max(1, ord(last) - begin + 1)
    return "".join(chr(begin + index % size) for index in range(count))
