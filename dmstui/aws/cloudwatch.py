"""Amazon CloudWatch metrics as series: one GetMetricData for many metrics. Called as `connection.cloudwatch`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dmstui.model import Metric, MetricPoint, MetricSeries
from dmstui.model.metrics import NAMESPACE

if TYPE_CHECKING:
    from dmstui.aws.connection import Connection

QUERIES_AT_ONCE = 500
POINTS_AT_ONCE = 5000  # more in one answer keep the console's loop and AWS busy for too long
DOLLARS_PER_METRIC = 0.01 / 1000  # a metric asked for by GetMetricData


@dataclass(frozen=True, slots=True)
class Query:
    """One metric of one task or instance. `key` is the caller's own and comes back with the series."""

    key: str
    metric: Metric
    dimensions: tuple[tuple[str, str], ...]


class CloudWatch:
    """The operations the product uses; each raises AwsError alone."""

    def __init__(self, aws: Connection) -> None:
        self._aws = aws

    async def series(
        self, queries: Sequence[Query], start: datetime, end: datetime, period: int
    ) -> dict[str, dict[str, MetricSeries]]:
        """{query.key: {metric name: series}} with points in rising time; a metric without data has none."""
        found: dict[str, dict[str, MetricSeries]] = {}
        size = queries_at_once(start, end, period)
        for first in range(0, len(queries), size):
            chunk = queries[first : first + size]
            self._aws.ledger.metrics_asked += len(chunk)
            values = await self._values(chunk, start, end, period)
            for place, query in enumerate(chunk):
                points = values.get(f"q{place}", {})
                found.setdefault(query.key, {})[query.metric.name] = MetricSeries(
                    query.metric.name,
                    query.metric.unit,
                    period,
                    tuple(MetricPoint(at, points[at]) for at in sorted(points)),
                )
        return found

    async def _values(
        self, chunk: Sequence[Query], start: datetime, end: datetime, period: int
    ) -> dict[str, dict[datetime, float]]:
        queries = [_query(place, query, period) for place, query in enumerate(chunk)]
        values: dict[str, dict[datetime, float]] = {}
        token: str | None = None
        while True:
            answer = await self._aws.call(
                "cloudwatch",
                "GetMetricData",
                MetricDataQueries=queries,
                StartTime=start,
                EndTime=end,
                ScanBy="TimestampAscending",
                NextToken=token,
            )
            for result in answer.get("MetricDataResults", []):
                points = values.setdefault(result["Id"], {})
                for at, value in zip(result.get("Timestamps", []), result.get("Values", []), strict=True):
                    points[at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)] = float(value)
            token = answer.get("NextToken") or None
            if token is None:
                return values

    async def metric_names(self, dimensions: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """The names ListMetrics knows for these dimensions."""
        token: str | None = None
        names: set[str] = set()
        while True:
            answer = await self._aws.call(
                "cloudwatch",
                "ListMetrics",
                Namespace=NAMESPACE,
                Dimensions=[{"Name": name, "Value": value} for name, value in dimensions],
                NextToken=token,
            )
            names.update(entry["MetricName"] for entry in answer.get("Metrics", []))
            token = answer.get("NextToken") or None
            if token is None:
                return tuple(sorted(names))


def queries_at_once(start: datetime, end: datetime, period: int) -> int:
    """How many metrics one call asks for, so that its answer stays within POINTS_AT_ONCE."""
    points = max(1, math.ceil((end - start).total_seconds() / period))
    return max(1, min(QUERIES_AT_ONCE, POINTS_AT_ONCE // points))


def _query(place: int, query: Query, period: int) -> dict[str, Any]:
    return {
        "Id": f"q{place}",
        "MetricStat": {
            "Metric": {
                "Namespace": NAMESPACE,
                "MetricName": query.metric.name,
                "Dimensions": [{"Name": name, "Value": value} for name, value in query.dimensions],
            },
            "Period": period,
            "Stat": query.metric.statistic,
        },
        "ReturnData": True,
    }
