"""Which metrics are asked for, for which tasks and how far back. Pure but for the clock it is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from dmstui.aws.cloudwatch import DOLLARS_PER_METRIC, Query
from dmstui.model import MetricSeries, ReplicationInstance, ReplicationTask, task_dimensions
from dmstui.model.metrics import FOCUS, LATENCY, metric
from dmstui.monitor.schedule import PERIOD, SANDBOX_PERIOD

INSTANCE_METRICS = ("CPUUtilization", "FreeableMemory")
# How far a chart reaches back unless asked for more: 180 points of a minute, 360 of five seconds.
WINDOW, SANDBOX_WINDOW = timedelta(hours=3), timedelta(minutes=30)
_PERIODS = (5, 10, 30, 60, 300, 900, 3600)  # seconds CloudWatch takes
_POINTS = 720
_RECENT, _SANDBOX_RECENT = timedelta(minutes=15), timedelta(minutes=2)


def period(sandbox: bool, reach: timedelta = timedelta()) -> int:
    """Seconds of a point: coarser the further back the series reach, since no chart shows more points."""
    least = SANDBOX_PERIOD if sandbox else PERIOD
    fits = (one for one in _PERIODS if one >= least and reach.total_seconds() <= one * _POINTS)
    return next(fits, _PERIODS[-1])


def window(sandbox: bool) -> timedelta:
    """How far the focused task's series reach back."""
    return SANDBOX_WINDOW if sandbox else WINDOW


def recent(sandbox: bool) -> timedelta:
    """How far back the newest latency of any other task is looked for."""
    return _SANDBOX_RECENT if sandbox else _RECENT


def task_queries(
    task: ReplicationTask, instances: tuple[ReplicationInstance, ...], names: Iterable[str] = FOCUS
) -> list[Query]:
    """The queries of one task, none while its instance's name is unknown."""
    dimensions = task_dimensions(task, instances)
    if dimensions is None:
        return []
    pair = (
        ("ReplicationInstanceIdentifier", dimensions.instance),
        ("ReplicationTaskIdentifier", dimensions.task),
    )
    return [Query(task.arn, metric(name), pair) for name in names]


def latency_queries(
    tasks: Iterable[ReplicationTask], instances: tuple[ReplicationInstance, ...], skip: str | None
) -> list[Query]:
    """Both latencies of every running task that captures changes, the focused one left out."""
    return [
        query
        for task in tasks
        if task.status == "running" and task.captures and task.arn != skip
        for query in task_queries(task, instances, LATENCY)
    ]


def instance_queries(instances: Iterable[ReplicationInstance]) -> list[Query]:
    """What of every available instance is shown in its row."""
    return [
        Query(
            instance.arn,
            metric(name, "instance"),
            (("ReplicationInstanceIdentifier", instance.name),),
        )
        for instance in instances
        if instance.status == "available"
        for name in INSTANCE_METRICS
    ]


def floor(at: datetime, seconds: int) -> datetime:
    """The start of the period a time lies in."""
    return datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, UTC)


def start_of(known: Mapping[str, MetricSeries], now: datetime, reach: timedelta, seconds: int) -> datetime:
    """Where to ask from: the whole reach at first, afterwards only what is newer or may still grow."""
    first = floor(now - reach, seconds)
    newest = [series.last.at for series in known.values() if series.last is not None]
    if not newest:
        return first
    return max(first, max(newest) - timedelta(seconds=2 * seconds))


def merged(
    known: Mapping[str, MetricSeries], fresh: Mapping[str, MetricSeries], since: datetime
) -> dict[str, MetricSeries]:
    """Known series with the fresh points over them, older than `since` dropped."""
    found = dict(known)
    for name, series in fresh.items():
        before = known.get(name)
        found[name] = series if before is None else before.merged(series, since)
    return found


def dollars_a_day(asked: int, seconds: float) -> float:
    """What the metric queries of the last `seconds` would cost over a day."""
    return 0.0 if seconds <= 0 else asked / seconds * 86_400 * DOLLARS_PER_METRIC
