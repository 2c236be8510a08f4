"""Draws latency and throughput with plotext for `task metrics --plot`, on a terminal or into a plain stream."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from dmstui.model import MetricSeries

_LATENCY = (("CDCLatencySource", "source"), ("CDCLatencyTarget", "target"))
_THROUGHPUT = (
    ("FullLoadThroughputRowsTarget", "full load written"),
    ("CDCThroughputRowsSource", "captured"),
    ("CDCThroughputRowsTarget", "applied"),
)
_TICKS = 6


def runs(series: MetricSeries) -> list[tuple[list[float], list[float]]]:
    """The series cut at its gaps: (epoch seconds, values) of each unbroken run. A gap is never drawn as a line."""
    found: list[tuple[list[float], list[float]]] = []
    previous: float | None = None
    for point in series.points:
        at = point.at.timestamp()
        if previous is None or at - previous > series.period * 1.5:
            found.append(([], []))
        found[-1][0].append(at)
        found[-1][1].append(point.value)
        previous = at
    return found


def draw(name: str, series: Mapping[str, MetricSeries], start: datetime, end: datetime) -> str:
    """Both charts one above the other, over the same time; text with colours only on a terminal."""
    import plotext

    colour = sys.stdout.isatty()
    columns = min(shutil.get_terminal_size((100, 24)).columns, 160)
    pictures = [
        _chart(plotext, f"{name}: {what}", series, lines, span=(start, end), columns=columns, colour=colour)
        for what, lines in (("latency, seconds", _LATENCY), ("rows a second", _THROUGHPUT))
    ]
    return "\n".join(picture for picture in pictures if picture)


def _chart(
    plotext: Any,
    title: str,
    series: Mapping[str, MetricSeries],
    lines: Sequence[tuple[str, str]],
    *,
    span: tuple[datetime, datetime],
    columns: int,
    colour: bool,
) -> str:
    shown = [(series[metric], label) for metric, label in lines if metric in series and series[metric].points]
    if not shown:
        return ""
    plotext.clear_figure()
    plotext.plot_size(columns, 14)
    plotext.title(title)
    first, last = span[0].timestamp(), span[1].timestamp()
    for place, (one, label) in enumerate(shown):
        shade = ("cyan", "orange", "green")[place % 3]
        for number, (times, values) in enumerate(runs(one)):
            # One signal a run: a gap stays a gap, and only the first carries the legend.
            plotext.plot(times, values, label=label if number == 0 else None, color=shade)
    ticks = [first + (last - first) * place / (_TICKS - 1) for place in range(_TICKS)]
    plotext.xlim(first, last)
    plotext.xticks(ticks, [datetime.fromtimestamp(at, span[0].tzinfo).strftime("%H:%M:%SZ") for at in ticks])
    plotext.ylim(0, max(1.0, *(point.value for one, _ in shown for point in one.points)))
    text = str(plotext.build())
    plotext.clear_figure()
    return text if colour else str(plotext.uncolorize(text))
