"""Show values in Markdown so that nothing in them has an effect, on any chat network."""

import re
from collections.abc import Iterator

from err_confirm.text.spelling import number
from err_confirm.text.visible import escaped, visible

_PLAIN = re.compile(r"[^\W_]+(?:(?:[-_./ ]|, ?)[^\W_]+)*")
"""Words that neither Markdown nor a chat network takes for anything else."""

_BLOCK = re.compile(r"^(?P<fence>~{3,}|`{3,})[^`\n]*\n(?P<text>.*?)(?<=\n)(?P=fence)[ ]*$", re.MULTILINE | re.DOTALL)
"""A code block, as Errbot's Markdown reads it."""
SPAN = re.compile(r"(?<![`\\])(?P<fence>`+)(?!`)(?P<text>.+?)(?<!`)(?P=fence)(?!`)")
"""A code span on one line."""
GAP = re.compile(" {8,}")
"""So many blanks in a row that what stands behind them may pass for another line, or be out of sight."""
_TARGET = re.compile(r"\]\(([^)]*)")
_ELEMENT = re.compile(r"(?<=[^\n])\n(?=[`_\[]|\*\S|!\[)")
"""A line that begins with an element."""
_BACKTICK = re.compile(r"\\?`")

BEGIN, END = "\ue000", "\ue001"
"""Stand around each value in a text whose other parts are Markdown."""
_VALUE = re.compile(f"{BEGIN}(.*?){END}", re.DOTALL)
_PLACE = re.compile(f"{BEGIN}([0-9]+){END}")


class Network:
    """What must be known of a chat network to show values on it; without more, one that knows Markdown alone."""

    block_mark = ""
    """What begins and ends a block of code on the network, where Errbot's converter leaves that away."""

    def inert(self, text: str) -> str:
        """Return a visible text as it must stand inside code so that the network makes nothing of it."""
        return text


def marked(value: object) -> str:
    """Return a value with the marks around it, and none inside."""
    return f"{BEGIN}{str(value).replace(BEGIN, visible(BEGIN)).replace(END, visible(END))}{END}"


class Inert:
    """Values on one chat network."""

    def __init__(self, network: Network) -> None:
        self._network = network
        backtick = network.inert("`")
        self._backtick = r"\`" if backtick == "`" else backtick

    @property
    def block_mark(self) -> str:
        """What begins and ends a block on the network itself, inside Markdown's fence; mostly nothing."""
        return self._network.block_mark

    def code(self, value: object) -> str:
        """Return a value as a Markdown code span, on one line, in which nothing in it has an effect.

        Very many blanks in a row are shown as escapes.
        The fence is longer than any run of back-ticks inside, as CommonMark asks
        (https://spec.commonmark.org/0.31.2/#code-spans).
        """
        text = GAP.sub(lambda gap: escaped(" ") * len(gap[0]), visible(str(value)))
        text = self._network.inert(text)
        if not text.strip():
            return f'"{text}"'
        fence = "`" * (_longest_run(text) + 1)
        padding = " " if text.startswith("`") or text.endswith("`") else ""
        return f"{fence}{padding}{text}{padding}{fence}"

    def block(self, value: object, lines: int = 10, size: int = 3_000) -> str:
        """Return the last `lines` lines of a text, and of these the last `size` characters, as a code block."""
        shown = [line(each) for each in str(value).rstrip("\n").split("\n")]
        left_out = len(shown) - lines
        text = "\n".join(shown[-lines:])
        if len(text) > size:
            text = f"… more before\n{text[-size:]}"
        elif left_out > 0:
            text = f"… {number(left_out, 'more line')} before\n{text}"
        return self.fenced(text)

    def whole(self, value: object) -> str:
        """Return all lines of a text as a code block."""
        return self.fenced(lines(str(value).rstrip("\n")))

    def markdown(self, text: str) -> str:
        """Return somebody's own Markdown with each marked value in it inert, wherever it stands."""
        values = list[str]()

        def keep(match: re.Match[str]) -> str:
            values.append(match[1])
            return f"{BEGIN}{len(values) - 1}{END}"

        def filled(match: re.Match[str]) -> str:
            return values[int(match[1])]

        text = _VALUE.sub(keep, text)
        shown = list[str]()
        for before, block in blocks(text):
            shown.append("\n".join(self._line(each, values) for each in before.split("\n")))
            if block:
                shown.append(self.fenced(lines(_PLACE.sub(filled, block["text"]).rstrip("\n"))))
        return "".join(shown)

    def _line(self, text: str, values: list[str]) -> str:
        text = _TARGET.sub(lambda match: self._target(match, values), text)
        shown, end = "", 0
        for match in SPAN.finditer(text):
            inside = _PLACE.sub(lambda place: values[int(place[1])], match["text"])
            shown = _joined(shown, self._words(text[end : match.start()], values), self.code(inside))
            end = match.end()
        return _joined(shown, self._words(text[end:], values))

    def _target(self, match: re.Match[str], values: list[str]) -> str:
        """Return the target of a link; one that is not plain must not be one, as Errbot shows it outside its code."""
        inside = [values[int(place)] for place in _PLACE.findall(match[1])]
        return match[0] if all(self._word(each) == each for each in inside) else f"] ({match[1]}"

    def _words(self, text: str, values: list[str]) -> str:
        shown = ""
        for place, part in enumerate(_PLACE.split(text)):
            # A back-tick that is left here belongs to no code, and must begin none on the network.
            own = _BACKTICK.sub(lambda _: self._backtick, line(part))
            shown = _joined(shown, self._word(values[int(part)]) if place % 2 else own)
        return shown

    def _word(self, value: str) -> str:
        value = value.strip("\n")
        if "\n" in value:
            return f"\n{self.block(value, lines=100)}\n"
        is_plain = value.isascii() and _PLAIN.fullmatch(value)
        return value if is_plain or not value.strip() else self.code(value)

    def fenced(self, text: str) -> str:
        """Return lines as a code block, inert."""
        return self.around(self._network.inert(text))

    def around(self, text: str) -> str:
        """Return a text that is inert already as a code block."""
        mark = self._network.block_mark
        text = f"{mark}\n{text}\n{mark}" if mark else text
        fence = "`" * max(3, _longest_run(text) + 1)
        return f"{fence}\n{text}\n{fence}"


def paragraphs(markdown: str) -> str:
    """Return Markdown in which a line that begins with an element is a paragraph.

    Errbot 6.2.1 takes away the line end before an element (`recurse` in errbot/rendering/ansiext.py), and two code
    spans that touch are none on Slack.
    """
    shown = list[str]()
    for before, block in blocks(markdown):
        shown += [_ELEMENT.sub("\n\n", before.strip("\n")), block[0] if block else ""]
    return "\n".join(filter(None, shown))


def blocks(markdown: str) -> Iterator[tuple[str, re.Match[str] | None]]:
    """Yield the code blocks of a text, each with what stands before it; at last what stands after them, with None."""
    end = 0
    for match in _BLOCK.finditer(markdown):
        yield markdown[end : match.start()], match
        end = match.end()
    yield markdown[end:], None


def line(text: str) -> str:
    """Return one line of output, its tabs and line end as they look in a terminal, all else hidden as escapes."""
    return visible(text.rstrip("\r").expandtabs())


def lines(text: str) -> str:
    """Return all lines of an output, as `line` does each."""
    return "\n".join(map(line, text.split("\n")))


def _joined(*parts: str) -> str:
    """Put parts of a line together; a code span begins and ends beside no letter and no other span."""
    text = ""
    for part in parts:
        if text and part and "`" in (text[-1], part[0]):
            apart = text[-1] in "`\\" and part[0] == "`"
            text += " " if apart or text[-1].isalnum() or part[0].isalnum() else ""
        text += part
    return text


def _longest_run(text: str) -> int:
    """Return how many back-ticks stand in a row at most."""
    return max(map(len, re.findall("`+", text)), default=0)
