"""The chart widget: shows one `Plot`, draws it again only when its data or size changes, and sends only
lines that differ.

Screens build the plot (`console.charts`); `← →` move the reading cursor where a screen asks for it.
"""

from __future__ import annotations

from typing import Any

from dmstui.console.paint import Line, Span, fit, wrap
from dmstui.console.symbols import SymbolSet
from dmstui.console.widgets import plot as plots
from dmstui.console.widgets.lines import LineWidget
from dmstui.console.widgets.plot import Plot

LEGEND_WIDTH = 24


class Chart(LineWidget):
    """One plot. `side`: the legend stands beside the chart; otherwise on a line below it."""

    DEFAULT_CSS = """
    Chart { height: 1fr; width: 1fr; }
    """

    def __init__(self, symbols: SymbolSet = "braille", *, side: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.symbols = symbols
        self.side = side
        self.plot: Plot | None = None
        self.cursor: float | None = None
        self._nothing = ""
        self._lines: list[Line] = []
        self._drawn_for: tuple[Any, ...] | None = None

    def show(self, plot: Plot | None, nothing: str = "", *, side: bool | None = None) -> None:
        """Another plot, or None with the sentence that says why there is none."""
        self.plot, self._nothing = plot, nothing
        if side is not None:
            self.side = side
        self.redraw()

    def point(self, at: float | None) -> None:
        """Put the reading cursor at a time, or take it away."""
        self.cursor = at
        self.redraw()

    def line(self, y: int, width: int) -> Line:
        """One line of the picture."""
        wanted = (self.plot, self._nothing, width, self.size.height, self.symbols, self.side, self.cursor)
        if wanted != self._drawn_for:
            self._lines = self._draw(width, self.size.height)
            self._drawn_for = wanted
        return self._lines[y] if y < len(self._lines) else ()

    def _draw(self, width: int, height: int) -> list[Line]:
        plot = self.plot
        if plot is None or plot.empty:
            text = self._nothing or "no data in this window"
            middle = wrap(text, max(10, width - 6))
            above = max(0, (height - len(middle)) // 2)
            return [()] * above + [((fit(piece, width, "center"), "dim"),) for piece in middle]
        side = self.side and width >= 60
        chart_width = width - LEGEND_WIDTH - 1 if side else width
        below = 0 if side else 1
        extra = 1 if plot.marks and height >= 10 else 0
        lines = plots.draw(plot, chart_width, height - below - extra, self.symbols)
        if self.cursor is not None:
            lines = [
                *(_cross(line, self._column(plot, lines, chart_width)) for line in lines[:-1]),
                lines[-1],
            ]
        if extra:
            lines.append(plots.mark_row(plot, chart_width))
        if side:
            legend = plots.column_legend(plot, LEGEND_WIDTH - 1, self.symbols)
            return [
                _beside(line, legend[y] if y < len(legend) else (), chart_width)
                for y, line in enumerate(lines)
            ]
        if self.cursor is not None:
            lines.append(((" ", ""), *plots.readout(plot, self.cursor)))
        else:
            lines.append(((" ", ""), *plots.legend(plot, width - 2, self.symbols)))
        return lines

    def _column(self, plot: Plot, lines: list[Line], width: int) -> int:
        gutter = len(lines[0][0][0]) + 2 if lines and lines[0] else 7
        assert self.cursor is not None
        share = (self.cursor - plot.start) / max(1e-9, plot.end - plot.start)
        return gutter + round(min(1.0, max(0.0, share)) * (width - gutter - 1))


def _beside(line: Line, legend: Line, width: int) -> Line:
    used = sum(len(text) for text, _ in line)
    return (*line, (" " * max(0, width - used + 1), ""), *legend)


def _cross(line: Line, column: int) -> Line:
    """The reading cursor in an empty cell of this line."""
    spans: list[Span] = []
    at = 0
    for text, name in line:
        place = column - at
        if 0 <= place < len(text) and text[place] in " ┈":
            spans += [(text[:place], name), ("│", "mark"), (text[place + 1 :], name)]
        else:
            spans.append((text, name))
        at += len(text)
    if at <= column:
        spans += [(" " * (column - at), ""), ("│", "mark")]
    return tuple(spans)
