"""CloudWatch metrics over the metric store: put, get (data and statistics), list. Alarms and the rest are moto's."""

from __future__ import annotations

import base64
import json
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from dmstui.sandbox.service import Call, Fault, SimpleService
from dmstui.sandbox.stores.metrics import Datum, MetricStore, now

_MAX_STATISTICS = 1440
_MAX_DATAPOINTS = 100_800
_LIST_PAGE = 500
_SIMPLE = frozenset({"Average", "Sum", "Minimum", "Maximum", "SampleCount"})


def service(store: MetricStore, ours: Callable[[Call], bool] = lambda _call: False) -> SimpleService:
    """The service over `store`; `ours` tells the calls that may write under ``AWS/`` (the sandbox's own key)."""
    api = CloudWatch(store, ours)
    return SimpleService(
        "cloudwatch",
        {
            "PutMetricData": api.put_metric_data,
            "GetMetricData": api.get_metric_data,
            "GetMetricStatistics": api.get_metric_statistics,
            "ListMetrics": api.list_metrics,
        },
    )


class CloudWatch:
    """The handlers."""

    def __init__(self, store: MetricStore, ours: Callable[[Call], bool]) -> None:
        self._store = store
        self._ours = ours

    async def put_metric_data(self, call: Call, params: dict[str, Any]) -> dict[str, Any]:
        namespace = params["Namespace"]
        if namespace.startswith("AWS/") and not self._ours(call):
            raise Fault("InvalidParameterValue", f"The value {namespace} for parameter Namespace is invalid.")
        data = [_datum(entry) for entry in params.get("MetricData", [])]
        for entry, datums in zip(params.get("MetricData", []), data, strict=True):
            dimensions = {item["Name"]: item["Value"] for item in entry.get("Dimensions", [])}
            for datum in datums:
                self._store.put_statistics(namespace, entry["MetricName"], dimensions, datum)
        return {}

    async def get_metric_data(self, _call: Call, params: dict[str, Any]) -> dict[str, Any]:
        start, end = params["StartTime"], params["EndTime"]
        if end <= start:
            raise Fault("ValidationError", "The parameter StartTime must be less than the parameter EndTime.")
        queries = params["MetricDataQueries"]
        seen: set[str] = set()
        for query in queries:
            if query["Id"] in seen:
                raise Fault(
                    "ValidationError",
                    f"The values for parameter id in MetricDataQueries are not unique: {query['Id']}.",
                )
            seen.add(query["Id"])
        offset = _token(params.get("NextToken"))
        limit = min(params.get("MaxDatapoints") or _MAX_DATAPOINTS, _MAX_DATAPOINTS)
        newest_first = params.get("ScanBy", "TimestampDescending") == "TimestampDescending"
        results: list[dict[str, Any]] = []
        position = 0
        room = limit
        more = False
        for query in queries:
            if not query.get("ReturnData", True):
                continue
            values = self._values(query, start, end)
            if newest_first:
                values.reverse()
            # The page is a window over all values of all queries in order.
            low = max(0, offset - position)
            page = values[low : low + room] if low < len(values) else []
            position += len(values)
            room -= len(page)
            partial = position > offset + limit
            more = more or partial
            results.append(
                {
                    "Id": query["Id"],
                    "Label": query.get("Label") or query["MetricStat"]["Metric"]["MetricName"],
                    "Timestamps": [at for at, _ in page],
                    "Values": [value for _, value in page],
                    "StatusCode": "PartialData" if partial else "Complete",
                }
            )
        answer: dict[str, Any] = {"MetricDataResults": results, "Messages": []}
        if more:
            answer["NextToken"] = _make_token(offset + limit)
        return answer

    def _values(self, query: dict[str, Any], start: datetime, end: datetime) -> list[tuple[datetime, float]]:
        if "MetricStat" not in query:
            raise Fault(
                "ValidationError",
                f"Metric math is not in the sandbox: {query['Id']} has an Expression in place of a MetricStat.",
            )
        stat = query["MetricStat"]
        metric, period = stat["Metric"], stat["Period"]
        _check_period(period)
        _check_stat(stat["Stat"])
        dimensions = {item["Name"]: item["Value"] for item in metric.get("Dimensions", [])}
        found = self._store.read(
            metric["Namespace"], metric["MetricName"], dimensions, start, end, period, stat.get("Unit")
        )
        return [(_at(item.start), item.statistic(stat["Stat"])) for item in found]

    async def get_metric_statistics(self, _call: Call, params: dict[str, Any]) -> dict[str, Any]:
        start, end, period = params["StartTime"], params["EndTime"], params["Period"]
        _check_period(period)
        if end <= start:
            raise Fault(
                "InvalidParameterValue", "The parameter StartTime must be less than the parameter EndTime."
            )
        statistics, extended = params.get("Statistics", []), params.get("ExtendedStatistics", [])
        if not statistics and not extended:
            raise Fault(
                "MissingParameter", "The parameter Statistics or ExtendedStatistics must be specified."
            )
        for name in extended:
            _check_stat(name)
        if (end - start).total_seconds() / period > _MAX_STATISTICS:
            raise Fault(
                "InvalidParameterCombination",
                f"You have requested up to {math.ceil((end - start).total_seconds() / period):,} datapoints, "
                f"which exceeds the limit of {_MAX_STATISTICS:,}. You may reduce the datapoints requested by "
                "increasing Period, or decreasing the time range.",
            )
        dimensions = {item["Name"]: item["Value"] for item in params.get("Dimensions", [])}
        found = self._store.read(
            params["Namespace"], params["MetricName"], dimensions, start, end, period, params.get("Unit")
        )
        points: list[dict[str, Any]] = []
        for item in found:
            point: dict[str, Any] = {"Timestamp": _at(item.start), "Unit": item.unit}
            point.update({name: item.statistic(name) for name in statistics})
            if extended:
                point["ExtendedStatistics"] = {name: item.statistic(name) for name in extended}
            points.append(point)
        return {"Label": params["MetricName"], "Datapoints": points}

    async def list_metrics(self, _call: Call, params: dict[str, Any]) -> dict[str, Any]:
        filters = [(item["Name"], item.get("Value")) for item in params.get("Dimensions", [])]
        since = time.time() - 3 * 3600 if params.get("RecentlyActive") == "PT3H" else None
        found = self._store.list(params.get("Namespace"), params.get("MetricName"), filters, since)
        offset = _token(params.get("NextToken"))
        page = found[offset : offset + _LIST_PAGE]
        answer: dict[str, Any] = {
            "Metrics": [
                {
                    "Namespace": series.namespace,
                    "MetricName": series.name,
                    "Dimensions": [{"Name": key, "Value": value} for key, value in series.dimensions],
                }
                for series in page
            ]
        }
        if offset + _LIST_PAGE < len(found):
            answer["NextToken"] = _make_token(offset + _LIST_PAGE)
        return answer


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _datum(entry: dict[str, Any]) -> list[Datum]:
    """One MetricData entry as what the store keeps; Fault where AWS refuses it."""
    at = entry.get("Timestamp", now()).timestamp()
    unit = entry.get("Unit", "None")
    if "StatisticValues" in entry:
        stats = entry["StatisticValues"]
        return [Datum(at, stats["Sum"], stats["SampleCount"], stats["Minimum"], stats["Maximum"], unit)]
    if "Values" in entry:
        values = entry["Values"]
        counts = entry.get("Counts", [1.0] * len(values))
        if len(counts) != len(values):
            raise Fault(
                "InvalidParameterValue", "The parameters Values and Counts must be of the same length."
            )
        for value in values:
            _check_number(value)
        return [
            Datum(at, value * count, count, value, value, unit)
            for value, count in zip(values, counts, strict=True)
        ]
    if "Value" not in entry:
        raise Fault(
            "MissingParameter",
            "At least one of the parameters must be specified: Value, Values, StatisticValues.",
        )
    _check_number(entry["Value"])
    return [Datum(at, entry["Value"], 1, entry["Value"], entry["Value"], unit)]


def _check_number(value: float) -> None:
    if not math.isfinite(value):
        raise Fault("InvalidParameterValue", "The value NaN or infinite for parameter Value is invalid.")


def _check_period(period: int) -> None:
    if period < 1 or (period not in (1, 5, 10, 20, 30) and period % 60):
        raise Fault("InvalidParameterValue", "Period must be 1, 5, 10, 20, 30 or a multiple of 60 seconds.")


def _check_stat(name: str) -> None:
    if name in _SIMPLE:
        return
    try:
        from dmstui.sandbox.stores.metrics import percent_of

        percent_of(name)
    except ValueError:
        raise Fault(
            "InvalidParameterValue", f"The value {name} for parameter Stat is not supported."
        ) from None


def _make_token(offset: int) -> str:
    return base64.urlsafe_b64encode(json.dumps({"offset": offset}).encode()).decode()


def _token(token: str | None) -> int:
    if not token:
        return 0
    try:
        return int(json.loads(base64.urlsafe_b64decode(token))["offset"])
    except (ValueError, KeyError, TypeError):
        raise Fault("InvalidNextToken", "The next token specified is invalid.") from None
