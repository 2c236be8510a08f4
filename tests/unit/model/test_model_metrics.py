"""Latency as three numbers, dimensions and the merging of series."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dmstui.model import (
    CATALOGUE,
    MetricPoint,
    MetricSeries,
    ReplicationInstance,
    ReplicationTask,
    handling,
    task_dimensions,
)

T0 = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


def series(name: str, values: dict[int, float], period: int = 60) -> MetricSeries:
    points = tuple(MetricPoint(T0 + timedelta(seconds=at), value) for at, value in sorted(values.items()))
    return MetricSeries(name, "s", period, points)


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ({0: 2, 60: 3}, {0: 5, 60: 3}, {0: 3, 60: 0}),
        ({0: 9}, {0: 4}, {0: 0}),  # never negative
        ({0: 1}, {60: 7}, {}),  # other minutes are not compared
        ({0: 1}, {20: 7}, {0: 6}),  # the same minute is
        ({}, {0: 7}, {}),
    ],
)
def test_handling_is_target_minus_source_of_one_minute(
    source: dict[int, float], target: dict[int, float], expected: dict[int, float]
) -> None:
    found = handling(series("CDCLatencySource", source), series("CDCLatencyTarget", target))
    assert {int((point.at - T0).total_seconds()): point.value for point in found.points} == expected


def test_handling_without_a_series_has_no_points() -> None:
    assert handling(None, series("CDCLatencyTarget", {0: 1})).points == ()


def test_handling_keeps_five_second_points_of_a_sandbox() -> None:
    found = handling(series("a", {0: 1, 5: 1}, 5), series("b", {0: 4, 5: 2}, 5))
    assert [point.value for point in found.points] == [3, 1]


def test_task_dimensions_are_instance_name_and_arn_suffix() -> None:
    task = ReplicationTask("arn:aws:dms:r:1:task:ABC", "orders", "running", "cdc", instance_arn="arn:i")
    instance = ReplicationInstance("arn:i", "rep-a", "available", "dms.t3.micro")
    found = task_dimensions(task, (instance,))
    assert found is not None
    assert {entry["Name"]: entry["Value"] for entry in found.as_list()} == {
        "ReplicationInstanceIdentifier": "rep-a",
        "ReplicationTaskIdentifier": "ABC",
    }
    assert task_dimensions(task, ()) is None


def test_merging_lays_new_points_over_old_and_drops_what_is_too_old() -> None:
    merged = series("a", {0: 1, 60: 2}).merged(series("a", {60: 5, 120: 6}), since=T0 + timedelta(seconds=30))
    assert [(int((p.at - T0).total_seconds()), p.value) for p in merged.points] == [(60, 5), (120, 6)]


def test_gauges_are_never_summed() -> None:
    assert {metric.statistic for metric in CATALOGUE} <= {"Average", "Maximum", "Minimum"}
    assert len({(metric.name, metric.scope) for metric in CATALOGUE}) == len(CATALOGUE)
