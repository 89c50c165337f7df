"""Translate a representation into an expression for RE2, which matches in linear time."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from err_confirm.errors import RepresentationError
from err_confirm.grammar.text import QUOTES, plain

MAX_REPRESENTATION = 2048
"""How many characters a representation may have."""

# RE2 has no possessive repetition, so this is not the one of text.py. Three deep, as a level costs each parameter 11
# instructions; a deeper object still matches by `{.+?}` below.
_OBJECT = r"\{[^{}]*\}"
for _ in range(2):
    _OBJECT = rf"\{{(?:[^{{}}]|{_OBJECT})*\}}"
_VALUE = rf"""(?:\s*((?s:".*?"|'.*?'|{_OBJECT}|\{{.+?\}}|\S.*?)))"""
"""Something in quotes, an object, or text: each as short as the rest allows, the first that fits wins."""

_NAME = re.compile(r"[A-Za-z_]\w*")
_PIECE = re.compile(
    r"""
      (?P<blanks> \s* ) \{\{ \s* (?P<parameter> [^\s={}]+ ) \s*
        (?: = \s* (?P<default> ".*?" | '.*?' | \{.*?\}(?=\s*\}\}(?!\})) | (?:(?!\{\{).)*? ) \s* )? \}\}
    | (?P<begin> (?: \^ | \\A ) (?: \\s\* (?![?*+{]) )? )
    | (?P<end> \$ | \\[Zz] )
    | (?P<escape> \\ (?: x\{[0-9A-Fa-f]+\} | x[0-9A-Fa-f]{2} | [pP](?:\{\^?\w+\}|\w) | 0[0-7]{0,2} | . ) )
    | (?P<set> \[ \^? \]? (?: \\. | \[:\^?\w+:\] | [^\]\\] )* \] )
    | \( \? P? < (?P<group> [^>=!]+ ) >
    | (?P<extension> \( \? (?: P= | <[=!] | [a-zA-Z-]+[:)] | . )? )
    | (?P<repeat> [?*+] | \{ [0-9]* ,? [0-9]* \} )
    | (?P<other> \{\{ | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_AROUND = "looks ahead or behind, which cannot be matched in bounded time"
_BACK = "refers back to a group, which cannot be matched in bounded time"
_REFUSED = {
    **dict.fromkeys(["(?=", "(?!", "(?<=", "(?<!"], _AROUND),
    **dict.fromkeys(["(?P=", "(?(", *(rf"\{digit}" for digit in range(1, 10))], _BACK),
    **dict.fromkeys([r"\C", r"\Q", r"\E"], "is no escape that is known here"),
    "{{": "opens no parameter; write {{ name }} or {{ name = default }}",
}


@dataclass(frozen=True, slots=True)
class Expression:
    """What a representation means to RE2.

    `pattern` has one group for each of `parameters`, in order, and matches a text that has a blank on either side.
    Where the last one `takes_rest`, it is known where that ends: `finder` finds where it begins, and as it need not
    look at the rest, it is fast also in a long text. Elsewhere both are the same. The values of names in `verbatim`
    (they come from named groups) are taken as they stand. What matches holds all `literals` and begins with the first.
    `equals` counts the equals signs outside the parameters, `repeated` the letters that counts such as `{3,20}` add to
    what is written. `needed` are the parameters that each match has a value
    for, with where they begin and end in the representation.
    """

    pattern: str
    finder: str
    takes_rest: bool
    parameters: tuple[str, ...]
    defaults: dict[str, str]
    verbatim: frozenset[str]
    literals: tuple[str, ...]
    equals: int
    repeated: int
    needed: tuple[tuple[str, int, int], ...]


def translate(representation: str, *, anywhere: bool = False) -> Expression:
    """Return the expression of a representation.

    With `anywhere` it matches each place in a text, unless it has anchors of its own or ends with a parameter, whose
    end only the end of the text can tell.

    Raises:
        RepresentationError: it is empty or too long, names a parameter wrongly or twice, or asks for what RE2 lacks.
    """
    if not representation.strip():
        raise RepresentationError("a representation is empty; write what people should type")
    if len(representation) > MAX_REPRESENTATION:
        raise RepresentationError(f"a representation has over {MAX_REPRESENTATION:,} characters; make it shorter")
    pieces = list(_PIECE.finditer(plain(representation)))
    parameters: dict[str, str | None] = {}
    verbatim: set[str] = set()
    for before, piece in zip([None, *pieces], pieces, strict=False):
        name = piece["parameter"] or piece["group"]
        if name is None:
            _check(piece[0])
            continue
        if not _NAME.fullmatch(name):
            raise RepresentationError(f'"{name}" cannot be a parameter\'s name; use letters, digits and _')
        if name in parameters:
            raise RepresentationError(f'the parameter "{name}" stands twice in one representation')
        if piece["default"] is not None and not piece["blanks"] and before and before.lastgroup == "parameter":
            raise RepresentationError(f'nobody can tell where "{before["parameter"]}" ends and "{name}" begins')
        parameters[name] = None if piece["default"] is None else _default(representation, piece)
        if piece["group"]:
            verbatim.add(name)
    ends_clearly = bool(pieces) and pieces[-1].lastgroup not in ("parameter", "default")
    anywhere = anywhere and ends_clearly and not any(piece.lastgroup in ("begin", "end") for piece in pieces)
    pattern = "".join(map(_translated, pieces)) if anywhere else _pattern(pieces)
    takes_rest = _takes_rest(pieces)
    return Expression(
        pattern=pattern,
        finder=_finder(pieces) if takes_rest else pattern,
        takes_rest=takes_rest,
        parameters=tuple(parameters),
        defaults={name: default for name, default in parameters.items() if default is not None},
        verbatim=frozenset(verbatim),
        literals=("", *_literals(pieces)) if anywhere else tuple(_literals(pieces)),
        equals=sum(piece[0].count("=") for piece in pieces if not piece["parameter"]),
        needed=tuple(_needed(pieces)),
        repeated=_repeated(pieces),
    )


def _check(piece: str) -> None:
    if reason := _REFUSED.get(piece):
        raise RepresentationError(f"{piece} {reason}")
    if piece.startswith("(?") and piece[-1] in ":)" and not set(piece[2:-1]) <= set("ims-"):
        raise RepresentationError(f"{piece} sets flags other than i, m and s")


def _default(representation: str, piece: re.Match[str]) -> str:
    quoted = len(piece["default"]) > 1 and piece["default"][0] in QUOTES and piece["default"][0] == piece["default"][-1]
    start, end = piece.span("default")
    return representation[start + quoted : end - quoted]


def _pattern(pieces: list[re.Match[str]]) -> str:
    """Put the expression together; anchors that the representation lacks are added, so that the whole text matches."""
    body = "".join(map(_translated, pieces))
    begins, ends = (any(piece.lastgroup == anchor for piece in pieces) for anchor in ("begin", "end"))
    return ("" if begins else r"\A\s*") + (body if begins and ends else f"(?:{body})") + ("" if ends else r"\s*\z")


def _takes_rest(pieces: list[re.Match[str]]) -> bool:
    """Tell whether a representation ends with a parameter in each of its alternatives."""
    if pieces[-1].lastgroup not in ("parameter", "default") or any(piece.lastgroup == "end" for piece in pieces):
        return False
    return not any(piece[0] == "|" and depth == 0 for piece, depth in zip(pieces, _depths(pieces), strict=True))


def _finder(pieces: list[re.Match[str]]) -> str:
    """Put an expression together that ends where the last parameter begins, or with the text if that is left out."""
    *others, last = pieces
    begin = rf"{last['blanks']}\s*(\S)"
    head = "" if any(piece.lastgroup == "begin" for piece in pieces) else r"\A\s*"
    return head + "".join(map(_translated, others)) + (begin if last["default"] is None else rf"(?:{begin}|\s*\z)")


def _translated(piece: re.Match[str]) -> str:
    text = piece[0]
    match piece.lastgroup:
        case "parameter":
            return piece["blanks"] + _VALUE
        case "default":
            return f"(?:{piece['blanks']}{_VALUE})?"
        case "begin":
            return rf"(?:{text[0] if text[0] == '^' else text[:2]}\s*)"
        case "end":
            return rf"(?:\s*{text.lower()})"
        case "group":
            return "("
        case "repeat":
            return text.replace("{,", "{0,")  # RE2 takes {,3} literally, Python does not
        case "other" if text == "(":
            return "(?:"  # only parameters are captured: each group that is costs time
    return text


def _depths(pieces: list[re.Match[str]]) -> list[int]:
    """Return how many groups are open after each piece."""
    opened = [piece.lastgroup in ("group", "extension") and piece[0][-1] != ")" for piece in pieces]
    steps = [begun or (piece[0] == "(") - (piece[0] == ")") for begun, piece in zip(opened, pieces, strict=True)]
    depths = list(accumulate(steps))
    if min(depths) < 0:
        raise RepresentationError("a representation has a ) without a (")
    return depths


def _needed(pieces: list[re.Match[str]]) -> Iterator[tuple[str, int, int]]:
    for piece, depth in zip(pieces, _depths(pieces), strict=True):
        if depth == 0 and piece.lastgroup == "parameter":
            yield piece["parameter"], *piece.span()


def _repeated(pieces: list[re.Match[str]]) -> int:
    """Return how many letters, or sets of them, repetitions with a count add to what is written."""
    sizes, last, written = [0], 0, 0
    for piece in pieces:
        text = piece[0]
        if piece.lastgroup == "group" or text == "(" or (piece.lastgroup == "extension" and text[-1] != ")"):
            sizes.append(0)
        elif text == ")":
            last = sizes.pop()
            sizes[-1] += last
        elif piece.lastgroup == "repeat":
            more = last * (max(map(int, re.findall("[0-9]+", text)), default=1) - 1)
            sizes[-1] += more
            last += more
        elif text != "|":
            last = 1
            written += 1
            sizes[-1] += 1
    return sum(sizes) - written


def _literals(pieces: list[re.Match[str]]) -> list[str]:
    """Return literal texts that everything that matches has; the first is how it begins, or empty."""
    depths = _depths(pieces)
    alternates = any(piece[0] == "|" and depth == 0 for piece, depth in zip(pieces, depths, strict=True))
    if alternates or any(piece.lastgroup == "extension" and piece[0][-1] == ")" for piece in pieces):
        return [""]
    literals = [""]
    for piece, depth in zip(pieces, depths, strict=True):
        if depth == 0 and piece.lastgroup == "other" and piece[0] not in ".)":
            literals[-1] += piece[0]
        elif depth == 0 and piece.lastgroup == "escape" and not piece[0][1].isalnum():
            literals[-1] += piece[0][1]
        elif piece is not pieces[0] or piece.lastgroup != "begin":
            if piece.lastgroup == "repeat":
                literals[-1] = literals[-1][:-1]
            literals.append("")
    searched = any(piece.lastgroup == "begin" for piece in pieces[1:])
    return [literal.strip() for literal in ([""] if searched else []) + literals]
