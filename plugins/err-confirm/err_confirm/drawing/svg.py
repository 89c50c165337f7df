"""Write a chart as SVG (https://www.w3.org/TR/SVG11/): a picture that needs no script, no font file and no network."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from err_confirm.drawing.chart import Arrow, Box, Chart, Kind

CHARACTERS = 34
"""How many stand on a line of a box."""
MOST_LINES = 12
_NARROWEST = 9
_FONT = "ui-monospace, DejaVu Sans Mono, monospace"
_IN = 36
"""How far from a box's left side arrows end and begin, in px."""
_LETTER, _LINE = 7.3, 17
"""Width and height of a character of 12 px, in px."""
_MARGIN, _GAP_X, _GAP_Y, _PADDING = 20, 28, 46, 9
_FILLS = {
    Kind.SAID: "#e8eefc",
    Kind.LOOK: "#eef6ee",
    Kind.ASK: "#fff3d6",
    Kind.RUN: "#fde4e1",
    Kind.END: "#f1f1f4",
    Kind.FOLLOW: "#ece7fb",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    """A box with its lines as they are broken, and where it stands; all in px."""

    box: Box
    lines: list[str]
    x: float
    y: float
    width: float
    height: float


def svg(chart: Chart) -> str:
    """Return the picture of a chart as one document."""
    placed = _place(chart)
    width = max(each.x + each.width for each in placed.values()) + _MARGIN
    height = max(each.y + each.height for each in placed.values()) + _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:.0f}" height="{height:.0f}"'
        f' viewBox="0 0 {width:.0f} {height:.0f}" font-family="{_FONT}" font-size="12">',
        f"<title>{escape(chart.title)}</title>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#667"/></marker></defs>',
        '<rect width="100%" height="100%" fill="#fff"/>',
        *(line for arrow in chart.arrows for line in _arrow(arrow, placed)),
        *(line for each in placed.values() for line in _box(each)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _place(chart: Chart) -> dict[str, _Placed]:
    """Put each box a row below the one that leads to it, beside all that follows from those before it."""
    columns = _Columns(chart)
    columns.place(chart.boxes[0], 0, _MARGIN)
    tops = [float(_MARGIN)]
    for row in range(max(columns.rows.values()) + 1):
        tops.append(tops[row] + max(_height(box) for box in chart.boxes if columns.rows[box.id] == row) + _GAP_Y)
    return {
        box.id: _Placed(
            box=box,
            lines=_broken(box),
            x=columns.left[box.id],
            y=tops[columns.rows[box.id]],
            width=_width(box),
            height=_height(box),
        )
        for box in chart.boxes
    }


class _Columns:
    """In which row each box stands, and how far from the left, in px."""

    def __init__(self, chart: Chart) -> None:
        boxes = {box.id: box for box in chart.boxes}
        self._below: dict[str, list[Box]] = {name: [] for name in boxes}
        for arrow in chart.arrows:
            self._below[arrow.start].append(boxes[arrow.end])
        self.rows: dict[str, int] = {}
        self.left: dict[str, float] = {}

    def place(self, box: Box, row: int, x: float) -> float:
        """Place a box and all below it, what goes on before how it ends; return where the next one can stand."""
        self.rows[box.id], self.left[box.id] = row, x
        next_x = x
        for below in sorted(self._below[box.id], key=lambda each: each.kind in (Kind.END, Kind.FOLLOW)):
            next_x = self.place(below, row + 1, next_x)
        return max(next_x, x + _width(box) + _GAP_X)


def _width(box: Box) -> float:
    return max(*map(len, _broken(box)), _NARROWEST) * _LETTER + 2 * _PADDING


def _height(box: Box) -> float:
    return len(_broken(box)) * _LINE + 2 * _PADDING


def _broken(box: Box) -> list[str]:
    lines = [part for line in box.lines for part in textwrap.wrap(line, CHARACTERS) or [""]] or [""]
    return lines if len(lines) <= MOST_LINES else [*lines[: MOST_LINES - 1], "…"]


def _box(each: _Placed) -> Iterator[str]:
    radius = each.height / 2 if each.box.kind in (Kind.SAID, Kind.END) else 4
    yield (
        f'<rect x="{each.x:.1f}" y="{each.y:.1f}" width="{each.width:.1f}" height="{each.height:.1f}"'
        f' rx="{min(radius, 16):.1f}" fill="{_FILLS[each.box.kind]}" stroke="#667"/>'
    )
    for number, line in enumerate(each.lines):
        weight = ' font-weight="bold"' if number == 0 else ""
        y = each.y + _PADDING + (number + 0.75) * _LINE
        yield f'<text x="{each.x + _PADDING:.1f}" y="{y:.1f}" xml:space="preserve"{weight}>{escape(line)}</text>'


def _arrow(arrow: Arrow, placed: dict[str, _Placed]) -> Iterator[str]:
    """Draw from the bottom of one box to the top of the other, with the label beside its end."""
    start, end = placed[arrow.start], placed[arrow.end]
    x1, y1 = start.x + _IN, start.y + start.height
    x2, y2 = end.x + _IN, end.y
    bend = y2 - _GAP_Y / 2
    path = f"M{x1:.1f} {y1:.1f}V{bend:.1f}H{x2:.1f}V{y2:.1f}"
    yield f'<path d="{path}" fill="none" stroke="#667" marker-end="url(#tip)"/>'
    if arrow.label:
        label = textwrap.shorten(arrow.label, CHARACTERS, placeholder="…")
        yield f'<text x="{x2 + 4:.1f}" y="{y2 - 8:.1f}" fill="#445">{escape(label)}</text>'
