"""Draws lines over time and stacked latency as text: axes, round ticks, gaps that stay gaps, legend, one
summary sentence.

Pure: points and a size in, lines of spans out. The chart widget and `task metrics` on plain streams use it.
Why not plotext: `docs/decisions/0003-charts.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import pairwise
from typing import Literal

from dmstui.console import format as fmt
from dmstui.console.paint import Line, Span, cut, plain
from dmstui.console.symbols import SymbolSet
from dmstui.console.widgets import ticks
from dmstui.console.widgets.canvas import Canvas

Point = tuple[float, float]
Stroke = Literal["solid", "dashed", "dotted"]
_ON: dict[Stroke, tuple[bool, ...]] = {
    "solid": (True,),
    "dashed": (True, True, True, True, False, False),
    "dotted": (True, False, False),
}
_SAMPLES: dict[Stroke, dict[bool, str]] = {
    "solid": {True: "━", False: "--"},
    "dashed": {True: "╍", False: "- "},
    "dotted": {True: "┉", False: ". "},
}


@dataclass(frozen=True, slots=True)
class Series:
    """A named line: points as (epoch seconds, value) in rising time, `period` seconds apart where none is
    missing.
    """

    name: str
    short: str
    points: Sequence[Point]
    ink: str
    period: float = 60.0
    stroke: Stroke = "solid"

    @property
    def last(self) -> Point | None:
        """The newest point."""
        return self.points[-1] if self.points else None


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened, shown on the row under the chart: a failure, a start, a stack step."""

    at: float
    glyph: str
    ink: str
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """What to draw between two epoch seconds.

    With `stacked`, the first series is source latency and the second target latency: source is filled, handling
    (target minus source) dithered over it, and the top edge is target. Otherwise each series is a line.
    """

    start: float
    end: float
    unit: ticks.Unit
    series: tuple[Series, ...]
    stacked: bool = False
    threshold: float | None = None
    marks: tuple[Mark, ...] = ()
    top: float | None = None

    @property
    def empty(self) -> bool:
        """No point lies in the window."""
        return not any(self.start <= at <= self.end for series in self.series for at, _ in series.points)

    @property
    def highest(self) -> float:
        """The largest value in the window, 0 without one."""
        return max(
            (value for series in self.series for at, value in series.points if self.start <= at <= self.end),
            default=0.0,
        )


Column = tuple[float, float, float, float]  # first, lowest, highest, last value of one dot column


def columns(series: Series, start: float, end: float, number: int) -> list[Column | None]:
    """The series cut into dot columns: first, lowest, highest and last value of each, None where nothing is known.

    Columns between two points at most 1.5 periods apart are filled in between; wider apart is a gap.
    """
    result: list[Column | None] = [None] * number
    if number <= 0 or end <= start:
        return result
    per = (number - 1) / (end - start) if number > 1 else 0.0
    before: tuple[int, float, float] | None = None
    for at, value in series.points:
        if at < start or at > end:
            if at < start:
                before = None
            continue
        column = round((at - start) * per)
        held = result[column]
        if held is None:
            result[column] = (value, value, value, value)
        else:
            result[column] = (held[0], min(held[1], value), max(held[2], value), value)
        if before is not None and column - before[0] > 1 and at - before[2] <= series.period * 1.5 + 0.5:
            _bridge(result, before[0], before[1], column, value)
        before = (column, value, at)
    return result


def _bridge(result: list[Column | None], left: int, low: float, right: int, high: float) -> None:
    for column in range(left + 1, right):
        value = low + (high - low) * (column - left) / (right - left)
        result[column] = (value, value, value, value)


def draw(
    plot: Plot, width: int, height: int, symbols: SymbolSet = "braille", zone: tzinfo = UTC
) -> list[Line]:
    """The chart in exactly `height` lines of at most `width` cells; the last line is the time axis.

    Too small a place (under 16 cells or 3 lines) gets empty lines.
    """
    if width < 16 or height < 3:
        return [()] * max(0, height)
    rows = height - 1
    # a threshold far above the data would flatten it, so it shows once the data comes near
    near = plot.threshold if plot.threshold and plot.highest > plot.threshold / 2 else 0.0
    values = ticks.scale(plot.top or max(plot.highest, near), rows, plot.unit)
    labels = [ticks.label(value, plot.unit) for value in values]
    gutter = max(4, *(len(text) for text in labels)) + 1
    canvas = Canvas(width - gutter - 2, rows, symbols)
    top = values[-1]
    highest_dot = canvas.height - 1

    def place(value: float) -> int:
        return highest_dot - round(min(1.0, max(0.0, value / top)) * highest_dot)

    known = [False] * canvas.width
    cut_series = [columns(series, plot.start, plot.end, canvas.width) for series in plot.series]
    for cells in cut_series:
        for index, cell in enumerate(cells):
            if cell is not None:
                known[index] = True
    if plot.stacked and len(plot.series) == 2:
        _stack(canvas, cut_series[0], cut_series[1], (plot.series[0].ink, plot.series[1].ink), place)
    else:
        # the first series is the most important: drawn last, it wins shared cells
        for series, cells in reversed(list(zip(plot.series, cut_series, strict=True))):
            _trace(canvas, cells, series, place)
    lines = _frame(
        canvas,
        dict(zip((place(value) for value in values), labels, strict=True)),
        gutter,
        known,
        plot,
        top=top,
        place=place,
        symbols=symbols,
    )
    lines.append(_time_axis(plot, gutter, canvas.columns, zone))
    return lines


def _stack(
    canvas: Canvas,
    source: list[Column | None],
    target: list[Column | None],
    inks: tuple[str, str],
    place: Callable[[float], int],
) -> None:
    floor = canvas.height - 1
    for x, (below, above) in enumerate(zip(source, target, strict=True)):
        edge = floor + 1 if below is None else place(below[2])
        if below is not None:
            canvas.run(x, edge, floor, inks[0])
        if above is not None:
            crest = place(above[2])
            if crest < edge:
                canvas.run(x, crest, edge - 1, inks[1], dithered=True)
                canvas.dot(x, crest, inks[1])
        down = canvas.cell.down
        bottom = min(floor, edge // down * down + down - 1)
        if below is not None and (bottom - edge + 1) * 2 >= down:
            # a cell has one ink: the source's where it fills half of it, so that no source is no source's colour
            canvas.run(x, edge, bottom, inks[0])


def _trace(canvas: Canvas, cells: list[Column | None], series: Series, place: Callable[[float], int]) -> None:
    pattern = _ON[series.stroke]
    previous: float | None = None
    for x, cell in enumerate(cells):
        if cell is None:
            previous = None
            continue
        first, low, high, last = cell
        top, bottom = place(high), place(low)
        if previous is None and (x + 1 >= len(cells) or cells[x + 1] is None):
            # a point between gaps would be one dot: a stem makes it seen
            canvas.run(x, top, canvas.height - 1, series.ink, dithered=True)
            canvas.run(x, top, min(top + 1, canvas.height - 1), series.ink)
            canvas.run(x + 1, top, min(top + 1, canvas.height - 1), series.ink)
            continue
        if previous is not None:
            # join to the column before, leaving its own dot to it
            joint, own = place(previous), place(first)
            if joint < own - 1:
                top = min(top, joint + 1)
            elif joint > own + 1:
                bottom = max(bottom, joint - 1)
        if pattern[x % len(pattern)]:
            canvas.run(x, top, bottom, series.ink)
        previous = last


def _frame(
    canvas: Canvas,
    labels: dict[int, str],
    gutter: int,
    known: list[bool],
    plot: Plot,
    *,
    top: float,
    place: Callable[[float], int],
    symbols: SymbolSet,
) -> list[Line]:
    rule, tick, gap, dots = ("|", "+", ".", ":") if symbols == "ascii" else ("│", "┤", "┈", "·")
    down = canvas.cell.down
    of_row = {dot // down: text for dot, text in labels.items()}
    shown = plot.threshold is not None and plot.threshold <= top
    limit = place(plot.threshold) // down if shown and plot.threshold else -1
    lines: list[Line] = []
    for row in range(canvas.rows):
        text = of_row.get(row, "")
        axis: list[Span] = [(f"{text:>{gutter}}", "dim"), (f" {tick if text else rule}", "faint")]
        body = canvas.line(row)
        if row == canvas.rows - 1 and not all(known):
            body = _overlay(
                canvas,
                row,
                body,
                lambda column: gap if _gap(known, column, canvas.cell.across) else "",
                "faint",
            )
        if row == limit:
            body = _overlay(canvas, row, body, lambda column: dots if column % 4 == 0 else "", "dim")
        lines.append((*axis, *body))
    return lines


def _gap(known: list[bool], column: int, across: int) -> bool:
    return not any(known[column * across : (column + 1) * across])


def _overlay(canvas: Canvas, row: int, body: list[Span], glyph: Callable[[int], str], ink: str) -> list[Span]:
    """The row with a character laid into empty cells."""
    spans: list[Span] = []
    column = 0
    for text, own in body:
        for char in text:
            laid = glyph(column) if canvas.empty(column, row) else ""
            name = ink if laid else own
            if spans and spans[-1][1] == name:
                spans[-1] = (spans[-1][0] + (laid or char), name)
            else:
                spans.append((laid or char, name))
            column += 1
    return spans


def _time_axis(plot: Plot, gutter: int, cells: int, zone: tzinfo) -> Line:
    row = [" "] * (gutter + 2 + cells)
    free = 0
    for at, text in ticks.times(plot.start, plot.end, cells, zone):
        column = gutter + 2 + round((at - plot.start) / (plot.end - plot.start) * (cells - 1))
        begin = max(gutter, min(column - len(text) // 2, len(row) - len(text)))
        if begin >= free:
            row[begin : begin + len(text)] = text
            free = begin + len(text) + 2
    return (("".join(row).rstrip(), "dim"),)


def mark_row(plot: Plot, width: int, gutter: int = 7) -> Line:
    """What happened, under the chart at its time: a shape with its time and words where they fit."""
    cells = width - gutter - 2
    row: list[Span] = [(" " * (gutter + 2), "")]
    placed: dict[int, Mark] = {}
    for mark in sorted(plot.marks, key=lambda one: one.at):
        if plot.start <= mark.at <= plot.end and cells > 0:
            column = round((mark.at - plot.start) / (plot.end - plot.start) * (cells - 1))
            # of two in one cell the failure counts, else the later one
            if column not in placed or placed[column].ink != "bad":
                placed[column] = mark
    used = 0
    order = sorted(placed)
    for column, following in pairwise([*order, cells]):
        mark = placed[column]
        room = min(28, max(0, following - column - len(mark.glyph) - 1))
        # the word says more than the time, which the axis above shows
        text = f"{datetime.fromtimestamp(mark.at, UTC):%H:%M} {mark.text}"
        text = text if len(text) <= room else cut(mark.text, room) if room >= 4 else ""
        row += [(" " * (column - used), ""), (mark.glyph, mark.ink), (text, "dim")]
        used = column + len(mark.glyph) + len(text)
    return tuple(row)


def _state(plot: Plot, series: Series) -> tuple[str, str]:
    """The last value as text, or that there is none, and its style."""
    last = series.last
    if last is None:
        return "no data", "dim"
    late = plot.end - last[0] > max(series.period * 3, 30)
    text = value_text(last[1], plot.unit)
    if plot.threshold and last[1] > plot.threshold:
        return f"{text} ▲", "bad"
    return (f"{text} {fmt.age(plot.end - last[0])} ago", "dim") if late else (text, "bright")


def value_text(value: float, unit: ticks.Unit) -> str:
    """A value as the legend writes it."""
    return fmt.duration(value) if unit == "duration" else fmt.count(value)


def _entries(plot: Plot, symbols: SymbolSet) -> list[tuple[str, str, str, str, str, str]]:
    fancy = symbols != "ascii"
    if plot.stacked and len(plot.series) == 2:
        source, target = plot.series
        own = handling(source, target)
        full, half, edge = (
            ("⣿", "⢕", "⠉") if symbols == "braille" else ("█", "▚", "▀") if fancy else (":", ".'", "^")
        )
        rows = ((full, source.ink, source), (half, target.ink, own), (edge, target.ink, target))
        return [(sample, ink, one.name, one.short, *_state(plot, one)) for sample, ink, one in rows]
    return [
        (_SAMPLES[one.stroke][fancy], one.ink, one.name, one.short, *_state(plot, one)) for one in plot.series
    ]


def handling(source: Series, target: Series) -> Series:
    """Latency inside DMS: max(0, target - source), where both have a point in the same period."""
    period = max(source.period, target.period)
    captured = {int(at // period): value for at, value in source.points}
    points = tuple(
        (at, max(0.0, value - captured[int(at // period)]))
        for at, value in target.points
        if int(at // period) in captured
    )
    return Series("handling", "han", points, target.ink, period)


def legend(plot: Plot, width: int, symbols: SymbolSet = "braille") -> Line:
    """Names and last values in one line; names shorten when they do not fit."""
    rows = _entries(plot, symbols)
    for short in (False, True):
        spans: list[Span] = []
        for sample, ink, name, brief, text, look in rows:
            if spans:
                spans.append(("   " if not short else "  ", ""))
            spans += [(f"{sample} ", ink), (f"{brief if short else name} ", "dim"), (text, look)]
        if len(plain(spans)) <= width or short:
            return tuple(spans)
    return ()


def column_legend(plot: Plot, width: int, symbols: SymbolSet = "braille") -> list[Line]:
    """The legend as a column beside the chart: one line a series, values aligned right."""
    lines: list[Line] = []
    for sample, ink, name, _, text, look in _entries(plot, symbols):
        left = f"{sample} {name}"
        room = max(1, width - len(left) - 1)
        lines.append(((f"{sample} ", ink), (name, "dim"), (f" {cut(text, room):>{room}}", look)))
    return lines


def readout(plot: Plot, at: float, zone: tzinfo = UTC) -> Line:
    """All values at one time, `no data` in words where there is a gap."""
    moment = datetime.fromtimestamp(at, zone).strftime("%H:%M:%S")
    spans: list[Span] = [(f"{moment} ", "bright")]
    shown = list(plot.series)
    if plot.stacked and len(shown) == 2:
        shown.insert(1, handling(*plot.series))
    for series in shown:
        near = min(series.points, key=lambda point: abs(point[0] - at), default=None)
        missing = near is None or abs(near[0] - at) > series.period * 0.75
        text = "no data" if missing or near is None else value_text(near[1], plot.unit)
        spans += [(f"  {series.name} ", "dim"), (text, "dim" if missing else "text")]
    return tuple(spans)


def summary(plot: Plot, zone: tzinfo = UTC) -> str:
    """The chart in one sentence for those who cannot read dots: newest value, highest and when, missing time."""
    if plot.empty:
        return "no data in this window"
    parts = []
    for series in plot.series:
        inside = [point for point in series.points if plot.start <= point[0] <= plot.end]
        if not inside:
            parts.append(f"{series.name} no data")
            continue
        peak = max(inside, key=lambda point: point[1])
        at = datetime.fromtimestamp(peak[0], zone).strftime("%H:%M")
        parts.append(
            f"{series.name} {value_text(inside[-1][1], plot.unit)}, highest {value_text(peak[1], plot.unit)} at {at}"
        )
    return "; ".join(parts)
