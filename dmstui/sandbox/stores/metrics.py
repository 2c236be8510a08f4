"""Metric data points as CloudWatch keeps them: rooms and PutMetricData write, `cloudwatch.py` reads."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dmstui.sandbox.stores.spool import Spool

# Per series; at one point every five seconds this holds more than a day.
MAX_POINTS = 20_000
MAX_SERIES = 20_000

Dimensions = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Datum:
    """One put: a value, or several already summed up. `at` is seconds since 1970."""

    at: float
    total: float
    count: float
    minimum: float
    maximum: float
    unit: str


@dataclass(frozen=True, slots=True)
class Period:
    """The statistics of one period; `start` is seconds since 1970."""

    start: int
    total: float
    count: float
    minimum: float
    maximum: float
    unit: str
    values: tuple[tuple[float, float], ...] = ()

    def statistic(self, name: str) -> float:
        """The value of a statistic by CloudWatch's name (``Average``, ``p99``…); ValueError for an unknown one."""
        match name:
            case "Average":
                return self.total / self.count if self.count else 0.0
            case "Sum":
                return self.total
            case "Minimum":
                return self.minimum
            case "Maximum":
                return self.maximum
            case "SampleCount":
                return self.count
        return self.percentile(percent_of(name))

    def percentile(self, percent: float) -> float:
        ranked = sorted(self.values)
        wanted = percent / 100 * sum(count for _, count in ranked)
        reached = 0.0
        for value, count in ranked:
            reached += count
            if reached >= wanted:
                return value
        return ranked[-1][0] if ranked else math.nan


def percent_of(name: str) -> float:
    """The percent of ``p99.9``; ValueError when `name` is no percentile."""
    if name[:1] != "p":
        raise ValueError(name)
    percent = float(name[1:])
    if not 0 <= percent <= 100:
        raise ValueError(name)
    return percent


@dataclass(slots=True)
class Series:
    """All points of one metric in order of time."""

    namespace: str
    name: str
    dimensions: Dimensions
    points: list[Datum] = field(default_factory=list)

    def add(self, datum: Datum) -> None:
        if not self.points or self.points[-1].at <= datum.at:
            self.points.append(datum)
        else:
            bisect.insort(self.points, datum, key=lambda point: point.at)
        if len(self.points) > MAX_POINTS:
            del self.points[: MAX_POINTS // 10]

    def between(self, start: float, end: float) -> list[Datum]:
        low = bisect.bisect_left(self.points, start, key=lambda point: point.at)
        high = bisect.bisect_left(self.points, end, key=lambda point: point.at)
        return self.points[low:high]


def periods(points: Iterable[Datum], period: int, unit: str | None = None) -> list[Period]:
    """`points` (in order of time) summed up by periods of `period` seconds; only those of `unit` when given. Pure."""
    found: dict[int, list[Datum]] = {}
    for point in points:
        if unit is None or point.unit == unit:
            found.setdefault(int(point.at // period) * period, []).append(point)
    return [
        Period(
            start,
            sum(point.total for point in group),
            sum(point.count for point in group),
            min(point.minimum for point in group),
            max(point.maximum for point in group),
            group[0].unit,
            tuple((point.total / point.count, point.count) for point in group if point.count),
        )
        for start, group in sorted(found.items())
    ]


class MetricStore:
    """Every series by namespace, name and dimensions."""

    def __init__(self, spool: Spool | None = None) -> None:
        self._series: dict[tuple[str, str, Dimensions], Series] = {}
        self._spool = spool or Spool(None)
        for line in self._spool.read():
            namespace, name, dimensions, at, total, count, low, high, unit = line
            key = tuple((key, value) for key, value in dimensions)
            self._add(namespace, name, key, Datum(at, total, count, low, high, unit))
        self._spool.rewrite(
            [
                series.namespace,
                series.name,
                series.dimensions,
                point.at,
                point.total,
                point.count,
                point.minimum,
                point.maximum,
                point.unit,
            ]
            for series in self._series.values()
            for point in series.points
        )

    def put(  # noqa: PLR0917 - the seam the rooms call
        self, namespace: str, name: str, dimensions: Mapping[str, str], value: float, unit: str, at: datetime
    ) -> None:
        """Record one value of a metric at a time (aware datetime)."""
        self.put_statistics(namespace, name, dimensions, Datum(at.timestamp(), value, 1, value, value, unit))

    def put_statistics(self, namespace: str, name: str, dimensions: Mapping[str, str], datum: Datum) -> None:
        """Record values already summed up."""
        key = tuple(sorted(dimensions.items()))
        self._add(namespace, name, key, datum)
        self._spool.write(
            [
                namespace,
                name,
                key,
                datum.at,
                datum.total,
                datum.count,
                datum.minimum,
                datum.maximum,
                datum.unit,
            ]
        )

    def _add(self, namespace: str, name: str, key: Dimensions, datum: Datum) -> None:
        series = self._series.get((namespace, name, key))
        if series is None:
            if len(self._series) >= MAX_SERIES:
                self._series.pop(next(iter(self._series)))
            series = self._series[namespace, name, key] = Series(namespace, name, key)
        series.add(datum)

    def read(  # noqa: PLR0917
        self,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        start: datetime,
        end: datetime,
        period: int,
        unit: str | None = None,
    ) -> list[Period]:
        """The periods with data between `start` (included) and `end`, in order of time."""
        series = self._series.get((namespace, name, tuple(sorted(dimensions.items()))))
        if series is None:
            return []
        # A period counts when its beginning lies in the range, so the range is cut on period boundaries.
        first = math.floor(start.timestamp() / period) * period
        return periods(series.between(first, end.timestamp()), period, unit)

    def list(
        self,
        namespace: str | None = None,
        name: str | None = None,
        dimensions: Iterable[tuple[str, str | None]] = (),
        active_since: float | None = None,
    ) -> list[Series]:
        """The series that fit, in order of their names; a dimension without a value fits any value."""
        wanted = tuple(dimensions)
        return sorted(
            (
                series
                for series in self._series.values()
                if (namespace is None or series.namespace == namespace)
                and (name is None or series.name == name)
                and all(
                    any(key == have and value in (None, is_) for have, is_ in series.dimensions)
                    for key, value in wanted
                )
                and (active_since is None or (series.points and series.points[-1].at >= active_since))
            ),
            key=lambda series: (series.namespace, series.name, series.dimensions),
        )

    def close(self) -> None:
        self._spool.close()


def now() -> datetime:
    return datetime.now(UTC)
