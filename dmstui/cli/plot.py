"""Draws latency and throughput with plotext for `task metrics --plot`, on a terminal or into a plain stream."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime

from dmstui.model import MetricSeries

# Metric, its word in the title, the letter that draws it in a plain stream, its colour on a terminal.
_LATENCY = (("CDCLatencySource", "source", "s", "cyan"), ("CDCLatencyTarget", "target", "t", "orange"))
_THROUGHPUT = (
    ("FullLoadThroughputRowsTarget", "full load written", "f", "green"),
    ("CDCThroughputRowsSource", "captured", "c", "cyan"),
    ("CDCThroughputRowsTarget", "applied", "a", "orange"),
)
_TICKS = 6
_ROWS = 14
_Run = tuple[list[float], list[float]]


def runs(series: MetricSeries) -> list[_Run]:
    """The series cut at its gaps: (epoch seconds, values) of each unbroken run. A gap is never drawn as a line."""
    found: list[_Run] = []
    previous: float | None = None
    for point in series.points:
        at = point.at.timestamp()
        if previous is None or at - previous > series.period * 1.5:
            found.append(([], []))
        found[-1][0].append(at)
        found[-1][1].append(point.value)
        previous = at
    return found


def thinned(run: _Run, seconds: float) -> _Run:
    """At most two points a column of `seconds`: its least and its largest, in their order, so that peaks survive."""
    times, values = run
    buckets: dict[int, list[int]] = {}
    for place, at in enumerate(times):
        buckets.setdefault(int(at // seconds), []).append(place)
    kept: list[int] = []
    for places in buckets.values():
        ends = {min(places, key=values.__getitem__), max(places, key=values.__getitem__)}
        kept += sorted(ends)
    return [times[place] for place in kept], [values[place] for place in kept]


def draw(name: str, series: Mapping[str, MetricSeries], start: datetime, end: datetime) -> str:
    """Both charts one above the other, over the same time; colours only on a terminal, letters elsewhere."""
    colour = sys.stdout.isatty()
    columns = min(shutil.get_terminal_size((100, 24)).columns, 160)
    pictures = [
        _chart(f"{name}: {what}", series, lines, span=(start, end), columns=columns, colour=colour)
        for what, lines in (("latency, seconds", _LATENCY), ("rows a second", _THROUGHPUT))
    ]
    return "\n".join(picture for picture in pictures if picture)


def _chart(
    title: str,
    series: Mapping[str, MetricSeries],
    lines: Sequence[tuple[str, str, str, str]],
    *,
    span: tuple[datetime, datetime],
    columns: int,
    colour: bool,
) -> str:
    import plotext

    shown = [(series[line[0]], line) for line in lines if line[0] in series and series[line[0]].points]
    if not shown:
        return ""
    figure = plotext.figure
    figure.clear.all()
    plotext.terminal.limit(False, False)
    figure.theme("colorless")
    figure.plot_size(columns, _ROWS)
    first, last = span[0].timestamp(), span[1].timestamp()
    for one, (_, _, letter, shade) in shown:
        marker = plotext.marker("braille", shade) if colour else letter
        for run in runs(one):
            # One signal a run: a gap stays a gap. A point that is no number would end the process, so none is fed.
            times, values = thinned(run, (last - first) / columns)
            figure.draw(figure.signal(times, values, marker=marker).lines())
    figure.legend(False)
    names = ", ".join(f"{word} ({shade if colour else letter})" for _, (_, word, letter, shade) in shown)
    figure.title(f"{title}: {names}")
    ticks = [first + (last - first) * place / (_TICKS - 1) for place in range(_TICKS)]
    figure.ruler("x").lim(first, last)
    figure.ruler("x").ticks(
        ticks, [datetime.fromtimestamp(at, span[0].tzinfo).strftime("%H:%M:%SZ") for at in ticks]
    )
    top = max(1.0, *(point.value for one, _ in shown for point in one.points))
    heights = [top * place / 4 for place in range(5)]
    figure.ruler("y").lim(0, top)
    figure.ruler("y").ticks(
        heights, [f"{height:,.0f}" if top >= 10 else f"{height:.1f}" for height in heights]
    )
    text = str(figure.build().string(not colour))
    figure.clear.all()
    return text
