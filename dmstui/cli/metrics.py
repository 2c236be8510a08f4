"""Prints metric series: every point as JSON, or newest, least, mean and most as a table. Called by `task metrics`."""

from __future__ import annotations

from collections.abc import Mapping

import click

from dmstui.cli.output import print_json
from dmstui.kinds.text import iso, when
from dmstui.model import MetricSeries, handling


def with_handling(series: Mapping[str, MetricSeries]) -> dict[str, MetricSeries]:
    """The series with handling latency after the two it comes from."""
    found: dict[str, MetricSeries] = {}
    for name, one in series.items():
        found[name] = one
        if name == "CDCLatencyTarget":
            inside = handling(series.get("CDCLatencySource"), one)
            found[inside.name] = inside
    return found


def print_points(series: Mapping[str, MetricSeries]) -> None:
    """{metric: {unit, period, points: [[time, value], ...]}}"""
    print_json(
        {
            name: {
                "unit": one.unit,
                "period": one.period,
                "points": [[iso(point.at), point.value] for point in one.points],
            }
            for name, one in with_handling(series).items()
        }
    )


def print_summary(series: Mapping[str, MetricSeries]) -> None:
    """One line a metric that has points."""
    rows = []
    for name, one in with_handling(series).items():
        if one.points and one.last:
            values = [point.value for point in one.points]
            figures = (one.last.value, min(values), sum(values) / len(values), max(values))
            rows.append((name, *(f"{figure:,.1f}" for figure in figures), one.unit, when(one.last.at)))
    if not rows:
        return
    titles = ("Metric", "newest", "least", "mean", "most", "unit", "newest point")
    wide = [max(len(row[place]) for row in (titles, *rows)) for place in range(len(titles))]
    for row in (titles, *rows):
        cells = [
            cell.rjust(wide[place]) if 1 <= place <= 4 else cell.ljust(wide[place])
            for place, cell in enumerate(row)
        ]
        click.echo("  ".join(cells).rstrip())
