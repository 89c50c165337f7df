"""Draw the way of a command: who must answer, what runs, what follows."""

from err_confirm.drawing.chart import Arrow, Box, Chart, Kind, chart
from err_confirm.drawing.mermaid import mermaid
from err_confirm.drawing.svg import svg

__all__ = ["Arrow", "Box", "Chart", "Kind", "chart", "mermaid", "svg"]
