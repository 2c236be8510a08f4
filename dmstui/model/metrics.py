"""DMS's CloudWatch metrics: catalogue, dimensions, series of points, and latency as three numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from dmstui.model.replication import ReplicationInstance, ReplicationTask

NAMESPACE = "AWS/DMS"
Scope = Literal["task", "instance"]
Statistic = Literal["Average", "Maximum", "Minimum", "Sum"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of the namespace: how it is read and what it means. Gauges are never summed."""

    name: str
    scope: Scope
    statistic: Statistic
    unit: str
    label: str
    meaning: str


# Names, scopes and units: AWS DMS user guide, "Monitoring AWS DMS tasks" (CloudWatch metrics).
CATALOGUE: tuple[Metric, ...] = (
    Metric("CDCLatencySource", "task", "Maximum", "s", "source latency", "age of the last captured change"),
    Metric(
        "CDCLatencyTarget",
        "task",
        "Maximum",
        "s",
        "target latency",
        "age of the oldest change not yet committed on the target; holds the source latency in it",
    ),
    Metric("CDCIncomingChanges", "task", "Maximum", "rows", "incoming", "changes waiting to be applied"),
    Metric(
        "CDCChangesMemorySource",
        "task",
        "Maximum",
        "rows",
        "wait memory source",
        "rows in memory waiting for commit",
    ),
    Metric(
        "CDCChangesDiskSource",
        "task",
        "Maximum",
        "rows",
        "wait disk source",
        "rows on disk waiting for commit",
    ),
    Metric(
        "CDCChangesMemoryTarget",
        "task",
        "Maximum",
        "rows",
        "wait memory target",
        "rows in memory waiting for the target",
    ),
    Metric(
        "CDCChangesDiskTarget",
        "task",
        "Maximum",
        "rows",
        "wait disk target",
        "rows on disk waiting for the target",
    ),
    Metric(
        "CDCThroughputRowsSource",
        "task",
        "Average",
        "rows/s",
        "captured",
        "changed rows read from the source",
    ),
    Metric(
        "CDCThroughputRowsTarget",
        "task",
        "Average",
        "rows/s",
        "applied",
        "changed rows written to the target",
    ),
    Metric(
        "CDCThroughputBandwidthSource", "task", "Average", "kB/s", "captured bytes", "changes read, in bytes"
    ),
    Metric(
        "CDCThroughputBandwidthTarget",
        "task",
        "Average",
        "kB/s",
        "applied bytes",
        "changes written, in bytes",
    ),
    Metric("FullLoadThroughputRowsSource", "task", "Average", "rows/s", "load read", "full load rows read"),
    Metric(
        "FullLoadThroughputRowsTarget", "task", "Average", "rows/s", "load written", "full load rows written"
    ),
    Metric(
        "FullLoadThroughputBandwidthSource",
        "task",
        "Average",
        "kB/s",
        "load read bytes",
        "full load bytes read",
    ),
    Metric(
        "FullLoadThroughputBandwidthTarget",
        "task",
        "Average",
        "kB/s",
        "load written bytes",
        "full load bytes written",
    ),
    Metric("CPUUtilization", "task", "Average", "%", "cpu", "of the task; may pass 100 on several cores"),
    Metric("MemoryUsage", "task", "Average", "bytes", "memory", "resident memory of the task"),
    Metric("CPUUtilization", "instance", "Average", "%", "cpu", "of the replication instance"),
    Metric("FreeableMemory", "instance", "Minimum", "bytes", "free memory", "of the replication instance"),
    Metric("FreeStorageSpace", "instance", "Minimum", "bytes", "free storage", "of the replication instance"),
    Metric("SwapUsage", "instance", "Maximum", "bytes", "swap", "of the replication instance"),
    Metric("ReadIOPS", "instance", "Average", "1/s", "reads", "disk reads"),
    Metric("WriteIOPS", "instance", "Average", "1/s", "writes", "disk writes"),
    Metric("NetworkReceiveThroughput", "instance", "Average", "bytes/s", "net in", "bytes received"),
    Metric("NetworkTransmitThroughput", "instance", "Average", "bytes/s", "net out", "bytes sent"),
)

LATENCY = ("CDCLatencySource", "CDCLatencyTarget")
THROUGHPUT = (
    "FullLoadThroughputRowsSource",
    "FullLoadThroughputRowsTarget",
    "CDCThroughputRowsSource",
    "CDCThroughputRowsTarget",
)
WAITING = (
    "CDCIncomingChanges",
    "CDCChangesMemorySource",
    "CDCChangesDiskSource",
    "CDCChangesMemoryTarget",
    "CDCChangesDiskTarget",
)
# What the task under the cursor is watched by.
FOCUS = (*LATENCY, *THROUGHPUT, *WAITING)


def metric(name: str, scope: Scope = "task") -> Metric:
    """The catalogue's entry; a name the catalogue lacks is read as an average of unknown unit."""
    for entry in CATALOGUE:
        if entry.name == name and entry.scope == scope:
            return entry
    return Metric(name, scope, "Average", "", name, "")


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """One value at the start of its period."""

    at: datetime
    value: float


@dataclass(frozen=True, slots=True)
class MetricSeries:
    """Points in rising time, one at most per `period` seconds; a missing period is a gap, never zero."""

    name: str
    unit: str
    period: int
    points: tuple[MetricPoint, ...] = ()

    @property
    def last(self) -> MetricPoint | None:
        """The newest point."""
        return self.points[-1] if self.points else None

    def merged(self, newer: MetricSeries, since: datetime | None = None) -> MetricSeries:
        """This series with the points of a later answer laid over it, older than `since` dropped."""
        by_time = {point.at: point for point in self.points}
        by_time.update({point.at: point for point in newer.points})
        kept = sorted(
            (point for point in by_time.values() if since is None or point.at >= since), key=lambda p: p.at
        )
        return MetricSeries(newer.name, newer.unit, newer.period, tuple(kept))


@dataclass(frozen=True, slots=True)
class TaskDimensions:
    """The pair CloudWatch wants for a task: the instance's *name* and the task ARN's *last part*."""

    instance: str
    task: str

    def as_list(self) -> list[dict[str, str]]:
        """In the shape of the API."""
        return [
            {"Name": "ReplicationInstanceIdentifier", "Value": self.instance},
            {"Name": "ReplicationTaskIdentifier", "Value": self.task},
        ]


def task_dimensions(
    task: ReplicationTask, instances: tuple[ReplicationInstance, ...]
) -> TaskDimensions | None:
    """The task's dimension pair; None while its instance's name is not known.

    A query with the task's name, or with one dimension alone, gets no data and no error.
    """
    for instance in instances:
        if instance.arn == task.instance_arn:
            return TaskDimensions(instance.name, task.suffix)
    return None


def handling(source: MetricSeries | None, target: MetricSeries | None) -> MetricSeries:
    """Latency inside DMS: max(0, target - source), where both have a point in the same period."""
    period = max(source.period if source else 60, target.period if target else 60)
    if source is None or target is None:
        return MetricSeries("HandlingLatency", "s", period)
    captured = {_slot(point.at, period): point.value for point in source.points}
    points = []
    for point in target.points:
        slot = _slot(point.at, period)
        if slot in captured:
            at = datetime.fromtimestamp(slot * period, UTC)
            points.append(MetricPoint(at, max(0.0, point.value - captured[slot])))
    return MetricSeries("HandlingLatency", "s", period, tuple(points))


def _slot(at: datetime, period: int) -> int:
    return int(at.timestamp()) // period
