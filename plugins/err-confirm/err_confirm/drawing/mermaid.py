"""Write a chart as a Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html), which many pages show."""

from err_confirm.drawing.chart import Chart, Kind

_SHAPES = {
    Kind.SAID: ("([", "])"),
    Kind.LOOK: ("[/", "/]"),
    Kind.ASK: ("{{", "}}"),
    Kind.RUN: ("[", "]"),
    Kind.END: ("((", "))"),
    Kind.FOLLOW: ("[[", "]]"),
}

_PLAIN = " .,:-@{}=/_+"


def mermaid(chart: Chart) -> str:
    """Return the text of a chart; no character of what stands in it means anything to Mermaid or HTML."""
    lines = ["flowchart TD"]
    for box in chart.boxes:
        begin, end = _SHAPES[box.kind]
        lines.append(f'    {box.id}{begin}"{"<br>".join(map(_inert, box.lines))}"{end}')
    for arrow in chart.arrows:
        label = f'|"{_inert(arrow.label)}"|' if arrow.label else ""
        lines.append(f"    {arrow.start} -->{label} {arrow.end}")
    return "\n".join(lines)


def _inert(text: str) -> str:
    """Return a text with each character that may mean something inside quotes as Mermaid's `#code;`."""
    return "".join(char if char.isalnum() or char in _PLAIN else f"#{ord(char)};" for char in text)
