"""Every kind draws, sorts, details and exports its records; states are what a person would call them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dmstui.catalog import scenario
from dmstui.kinds import KINDS
from dmstui.kinds import table as tables
from dmstui.kinds import task as tasks
from dmstui.kinds.kind import plain
from dmstui.kinds.text import duration, when
from dmstui.model import (
    Connection,
    Endpoint,
    Event,
    LogLine,
    MetricPoint,
    MetricSeries,
    Part,
    ReplicationInstance,
    ReplicationTask,
    Snapshot,
    Stack,
    StackEvent,
    StackResource,
    TableStatistics,
    TaskStats,
)
from dmstui.operations import OPERATIONS

AT = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
TASK = ReplicationTask(
    "arn:t", "orders", "running", "full-load-and-cdc", "arn:i", "arn:s", "arn:d", started=AT
)


def series(name: str, value: float) -> MetricSeries:
    return MetricSeries(name, "s", 60, (MetricPoint(AT, value),))


PICTURE = Snapshot(
    at=AT,
    instances=Part((ReplicationInstance("arn:i", "rep", "available", "dms.t3.micro", storage=50),)),
    tasks=Part((TASK,)),
    endpoints=Part((Endpoint("arn:s", "src", "source", "postgres", server="db", port=5432),)),
    connections=Part((Connection("arn:i", "arn:s", "failed", "rep", "src", "timeout expired"),)),
    metrics={
        "arn:t": Part(
            {
                "CDCLatencySource": series("CDCLatencySource", 2),
                "CDCLatencyTarget": series("CDCLatencyTarget", 90),
            }
        )
    },
)
RECORDS: dict[str, Any] = {
    "instance": PICTURE.instances.value[0],
    "task": TASK,
    "table": TableStatistics(
        "a", "b", "Full load", full_load_rows=10, full_load_start=AT - timedelta(seconds=5)
    ),
    "endpoint": PICTURE.endpoints.value[0],
    "connection": PICTURE.connections.value[0],
    "event": Event(AT, "orders", "replication-task", "started", ("state change",)),
    "stack": Stack("id", "s", "CREATE_COMPLETE"),
    "stack-event": StackEvent("e", AT, "Task", "arn", "AWS::DMS::ReplicationTask", "CREATE_FAILED", "no"),
    "stack-resource": StackResource("Task", "arn", "AWS::DMS::ReplicationTask", "CREATE_COMPLETE"),
    "scenario": scenario("postgresql-to-s3"),
    "log": LogLine(AT, "SORTER", "E", "message", "text"),
}


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_kind_draws_its_record(name: str) -> None:
    kind, record = KINDS[name], RECORDS[name]
    assert all(isinstance(cell, str) and "\n" not in cell for cell in kind.row(record, PICTURE))
    assert all(
        isinstance(label, str) and isinstance(value, str) for label, value in kind.detail(record, PICTURE)
    )
    assert kind.key(record)
    assert kind.title(record)
    assert kind.state(record, PICTURE) in {"bad", "late", "ok", "busy", "idle", "unknown"}
    assert set(kind.operations) <= set(OPERATIONS)
    assert len({column.id for column in kind.columns}) == len(kind.columns)
    if name != "scenario":
        json.dumps(kind.as_json(record, PICTURE))


@pytest.mark.parametrize(
    ("record", "state"),
    [
        (ReplicationTask("a", "t", "failed", "cdc"), "bad"),
        (ReplicationTask("a", "t", "running", "cdc", stats=TaskStats(tables_errored=1)), "bad"),
        (ReplicationTask("a", "t", "stopped", "cdc", stop_reason="Stop Reason NORMAL"), "idle"),
        (ReplicationTask("a", "t", "stopped", "cdc", stop_reason="Stop Reason RECOVERABLE_ERROR"), "bad"),
        (ReplicationTask("a", "t", "ready", "cdc"), "idle"),
        (ReplicationTask("a", "t", "starting", "cdc"), "busy"),
        (ReplicationTask("a", "t", "running", "cdc"), "ok"),
        (TASK, "late"),
    ],
)
def test_a_tasks_state(record: ReplicationTask, state: str) -> None:
    assert tasks.state(record, PICTURE) == state


def test_latency_is_shown_as_three_numbers_and_only_while_it_runs() -> None:
    row = dict(zip([c.id for c in tasks.KIND.columns], tasks.KIND.row(TASK, PICTURE), strict=True))
    assert (row["source_latency"], row["handling_latency"], row["target_latency"]) == ("2s", "1m28s", "1m30s")
    assert tasks.KIND.as_json(TASK, PICTURE)["handling_latency"] == 88
    stopped = ReplicationTask("arn:t", "orders", "stopped", "full-load-and-cdc")
    assert tasks.latency(stopped, PICTURE, "CDCLatencyTarget") is None


def test_the_reason_of_a_failure_is_its_headline() -> None:
    failed = ReplicationTask(
        "a",
        "t",
        "failed",
        "cdc",
        failure="Last Error  Slot is gone Stop Reason FATAL_ERROR Error Level FATAL",
    )
    assert tasks.reason(failed) == "Slot is gone"
    done = ReplicationTask("a", "t", "stopped", "cdc", stop_reason="Stop Reason FULL_LOAD_ONLY_FINISHED")
    assert tasks.reason(done) == "FULL_LOAD_ONLY_FINISHED"


def test_a_cdc_task_shows_no_load_though_dms_says_100() -> None:
    assert tasks.progress(ReplicationTask("a", "t", "running", "cdc", stats=TaskStats(progress=100))) is None
    assert tasks.progress(ReplicationTask("a", "t", "ready", "full-load", stats=TaskStats())) is None


def test_a_tables_rate_is_rows_over_its_load() -> None:
    assert tables.load_rate(RECORDS["table"], PICTURE) == 2.0
    assert tables.load_rate(TableStatistics("a", "b", "Before load"), PICTURE) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "—"), (0, "0s"), (0.4, "0.4s"), (59, "59s"), (252, "4m12s"), (3900, "1h05m"), (273600, "3d04h")],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_times_are_utc_with_the_zone_printed_and_iso_in_exports() -> None:
    assert when(AT) == "2026-11-24 02:00:00Z"
    assert plain({"at": AT}) == {"at": "2026-11-24T02:00:00Z"}
