"""Builds the two charts of a task from a Snapshot: stacked CDC latency and rows a second, over a window that
fits the data. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime

from dmstui.console.widgets.plot import Mark, Plot, Series
from dmstui.kinds.task import LATE
from dmstui.model import MetricSeries, ReplicationTask, Snapshot

WINDOWS: tuple[tuple[float, str], ...] = (
    (300, "5 min"),
    (900, "15 min"),
    (3600, "1 h"),
    (10800, "3 h"),
    (43200, "12 h"),
    (86400, "1 d"),
    (604800, "7 d"),
)
POINTS_COME = 180  # seconds within which CloudWatch shows a task's last points
AUTO_LIMIT = 2  # the widest window chosen by itself: an hour


def window_for(metrics: Iterable[MetricSeries], now: float) -> int:
    """The narrowest window that holds all the data of the last hour; five minutes when there is none."""
    oldest = min(
        (
            point.at.timestamp()
            for series in metrics
            for point in series.points
            if now - point.at.timestamp() < 3600
        ),
        default=now,
    )
    for index, (seconds, _) in enumerate(WINDOWS[: AUTO_LIMIT + 1]):
        if now - oldest <= seconds:
            return index
    return AUTO_LIMIT


def span(now: float, window: int, shift: float = 0.0) -> tuple[float, float]:
    """Start and end in epoch seconds. The end moves in steps of a column, so that a chart is not drawn for
    nothing.
    """
    seconds = WINDOWS[window][0]
    step = seconds / 120
    end = math.ceil(now / step) * step - shift
    return end - seconds, end


def latency(task: ReplicationTask, snapshot: Snapshot, window: int | None = None, shift: float = 0.0) -> Plot:
    """Source latency filled, handling over it, the top edge is target."""
    found = _metrics(task, snapshot)
    start, end = _span(found, snapshot, window, shift, ("CDCLatencySource", "CDCLatencyTarget"))
    return Plot(
        start,
        end,
        "duration",
        (
            _series(found, "CDCLatencySource", "source", "src", "sky"),
            _series(found, "CDCLatencyTarget", "target", "tgt", "orange"),
        ),
        stacked=True,
        threshold=LATE,
        marks=marks(task, snapshot),
    )


def throughput(
    task: ReplicationTask, snapshot: Snapshot, window: int | None = None, shift: float = 0.0
) -> Plot:
    """Rows a second: read and written by the full load, captured and applied by CDC; lines without data are
    left out.
    """
    found = _metrics(task, snapshot)
    lines = [
        _series(found, "FullLoadThroughputRowsTarget", "load written", "lwr", "sky"),
        _series(found, "CDCThroughputRowsTarget", "cdc applied", "app", "green"),
        _series(found, "FullLoadThroughputRowsSource", "load read", "lrd", "orange", dashed=True),
        _series(found, "CDCThroughputRowsSource", "cdc captured", "cap", "purple", dashed=True),
    ]
    names = tuple(
        f"{phase}ThroughputRows{side}" for phase in ("FullLoad", "CDC") for side in ("Source", "Target")
    )
    start, end = _span(found, snapshot, window, shift, names)
    told = tuple(line for line in lines if any(start <= at <= end and value for at, value in line.points))
    empty = tuple(line for line in lines if line.points) or tuple(lines[:2])
    return Plot(start, end, "count", told or empty, marks=marks(task, snapshot))


def marks(task: ReplicationTask, snapshot: Snapshot) -> tuple[Mark, ...]:
    """The task's events as marks under the charts."""
    made = []
    for event in snapshot.events.value:
        if event.source in {task.name, task.suffix}:
            bad = "failure" in event.categories
            made.append(
                Mark(
                    event.at.timestamp(),
                    "▲" if bad else "○",
                    "bad" if bad else "dim",
                    short(event.message).partition(". ")[0].rstrip("."),
                )
            )
    return tuple(made)


def short(message: str) -> str:
    """An event's words for a mark: `Replication task has stopped. Stop Reason …` -> `stopped. Stop Reason …`."""
    words = " ".join(message.split())
    return words.removeprefix("Replication task ").removeprefix("has been ").removeprefix("has ")


def nothing(task: ReplicationTask, what: str, now: datetime) -> str:
    """Why a chart is empty. now: the service's time; points of a task that has just ended are still to come."""
    if what == "latency" and not task.captures:
        return "a full-load task has no CDC latency"
    ended = task.stats.stop if task.stats is not None else None
    if task.status == "running" or (ended is not None and 0 <= (now - ended).total_seconds() < POINTS_COME):
        return "no points yet; CloudWatch gets them a little later"
    return (
        f"no points in this window: the task is {task.status}" if task.status else "no points in this window"
    )


def _metrics(task: ReplicationTask, snapshot: Snapshot) -> dict[str, MetricSeries]:
    part = snapshot.metrics.get(task.arn)
    return dict(part.value) if part else {}


def _span(
    found: dict[str, MetricSeries],
    snapshot: Snapshot,
    window: int | None,
    shift: float,
    names: tuple[str, ...],
) -> tuple[float, float]:
    now = snapshot.at.timestamp()
    chosen = window_for((found[name] for name in names if name in found), now) if window is None else window
    return span(now, chosen, shift)


def _series(
    found: dict[str, MetricSeries], metric: str, name: str, short: str, ink: str, *, dashed: bool = False
) -> Series:
    series = found.get(metric)
    points = tuple((point.at.timestamp(), point.value) for point in series.points) if series else ()
    return Series(
        name, short, points, ink, float(series.period) if series else 60.0, "dashed" if dashed else "solid"
    )
