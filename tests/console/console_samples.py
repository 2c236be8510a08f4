# ruff: noqa: E501
"""Snapshots of a made-up account for the console's tests: fixed times, fixed order, built from model records
alone.
"""

from __future__ import annotations

import dataclasses
import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

from dmstui.model import (
    AwsError,
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
    parse_line,
)

NOW = datetime(2026, 11, 24, 14, 2, 31, tzinfo=UTC)
ACCOUNT = "123456789012"
ROOT = f"arn:aws:dms:eu-west-1:{ACCOUNT}"


def arn(kind: str, name: str) -> str:
    """A made-up ARN whose last part is as long as AWS's."""
    return f"{ROOT}:{kind}:{name.upper().replace('-', '')[:16]:X<26}"


def ago(seconds: float) -> datetime:
    """So many seconds before NOW."""
    return NOW - timedelta(seconds=seconds)


def series(name: str, unit: str, values: list[float | None], period: int = 60) -> MetricSeries:
    """A series that ends at NOW; None is a gap."""
    points = []
    for index, value in enumerate(values):
        if value is not None:
            at = ago((len(values) - 1 - index) * period + 20)
            points.append(MetricPoint(at, value))
    return MetricSeries(name, unit, period, tuple(points))


def wave(
    number: int, middle: float, swing: float, pace: float = 9.0, phase: float = 0.0
) -> list[float | None]:
    """A smooth made-up curve."""
    return [max(0.0, middle + swing * math.sin(index / pace + phase)) for index in range(number)]


def task(
    name: str, status: str, kind: str = "cdc", instance: str = "dms-a01", **more: Any
) -> ReplicationTask:
    """A task of the made-up account."""
    fields: dict[str, Any] = {
        "arn": arn("task", name),
        "name": name,
        "status": status,
        "migration_type": kind,
        "instance_arn": arn("rep", instance),
        "source_arn": arn("endpoint", "shop-source"),
        "target_arn": arn("endpoint", "lake-target"),
        "created": ago(86400),
        "started": ago(3600) if status != "ready" else None,
        "stats": TaskStats(100, 42_000, 9, start=ago(3600), fresh_start=ago(3600))
        if status != "ready"
        else None,
    }
    return ReplicationTask(**(fields | more))


FAILURE = (
    "Last Error Task error notification received from subtask 0, thread 0 [reptask/replicationtask.c:2992] [1020101] "
    "Error executing source loop; Stream component failed at subtask 0 Stop Reason FATAL_ERROR Error Level FATAL"
)


def tasks() -> tuple[ReplicationTask, ...]:
    """One of each state."""
    loading = TaskStats(62, 61_000, 5, 2, 1, 0, start=ago(61), fresh_start=ago(61), full_load_start=ago(60))
    errored = TaskStats(100, 90_000, 38, 0, 0, 3, start=ago(4000), fresh_start=ago(4000))
    return (
        task("parts-cdc", "running", instance="dms-b01"),
        task("orders-cdc", "failed", failure=FAILURE, stop_reason="Stop Reason FATAL_ERROR"),
        task(
            "billing-cdc",
            "running",
            "full-load-and-cdc",
            "dms-a02",
            checkpoint="checkpoint:V1#27#pgl-0/1A2B3C#0#0#*#0#0",
        ),
        task("stock-cdc", "running", instance="dms-a02"),
        task("clicks-cdc", "running"),
        task("dim-load", "running", "full-load", stats=loading),
        task("crm-load", "running", "full-load", stats=errored),
        task("old-orders", "stopped", stop_reason="Stop Reason NORMAL"),
        task("lake-load", "stopped", "full-load", stop_reason="Stop Reason FULL_LOAD_ONLY_FINISHED"),
        task("new-load", "ready", "full-load", "dms-b01", started=None),
        task("geo-cdc", "starting", instance="dms-b01"),
    )


def metrics() -> dict[str, Part[Any]]:
    """Latency and throughput of the running ones; billing has a gap and a hump."""
    hump: list[float | None] = [
        8 + 2 * math.sin(i / 5) + 240 * math.exp(-(((i - 50) / 7) ** 2)) if not 20 < i < 26 else None
        for i in range(60)
    ]
    source: list[float | None] = [5 + 2 * math.sin(i / 5) if not 20 < i < 26 else None for i in range(60)]
    slow = [8.0 + i * 4 for i in range(58)]

    def of(target: list[Any], own: list[Any], rate: float) -> Part[Any]:
        found = (
            series("CDCLatencySource", "s", own),
            series("CDCLatencyTarget", "s", target),
            series("CDCThroughputRowsSource", "rows/s", wave(60, rate, rate / 3)),
            series("CDCThroughputRowsTarget", "rows/s", wave(60, rate * 0.9, rate / 3, phase=-0.6)),
        )
        return Part({one.name: one for one in found}, ago(12))

    load = (
        series("FullLoadThroughputRowsSource", "rows/s", [9000.0, 12500, 12100, 12800], 15),
        series("FullLoadThroughputRowsTarget", "rows/s", [8000.0, 12000, 12400, 12200], 15),
    )
    return {
        arn("task", "billing-cdc"): of([*hump[:58], 248, 252], source, 1200),
        arn("task", "stock-cdc"): of([*slow, 238.0, 63.0], [*slow, 230.0, 61.0], 310),
        arn("task", "clicks-cdc"): of(wave(60, 3, 1), wave(60, 2, 1), 9800),
        arn("task", "parts-cdc"): of(wave(60, 2, 1), wave(60, 1, 1), 120),
        arn("task", "dim-load"): Part({one.name: one for one in load}, ago(12)),
    }


def instances() -> tuple[ReplicationInstance, ...]:
    """Three, one of them full."""
    rows = (
        ("dms-a01", "available", "dms.r6i.xlarge"),
        ("dms-a02", "storage-full", "dms.r6i.large"),
        ("dms-b01", "available", "dms.c6i.2xlarge"),
    )
    return tuple(
        ReplicationInstance(
            arn("rep", name),
            name,
            status,
            size,
            "3.6.1",
            100,
            False,
            "eu-west-1a",
            created=ago(90000),
            private_addresses=("10.0.1.17",),
            subnet_group="dms-private",
            vpc_id="vpc-0a1b2c3d",
        )
        for name, status, size in rows
    )


def tables(number: int = 9) -> tuple[TableStatistics, ...]:
    """Table statistics: the first in error, one loading, one with a mismatch, the rest completed."""
    made = []
    for index in range(number):
        name = (
            "customer",
            "address",
            "product",
            "price",
            "stock",
            "orders",
            "order_line",
            "payment",
            "event",
        )[index % 9]
        state = {1: "Table error", 2: "Full load"}.get(index, "Table completed")
        made.append(
            TableStatistics(
                "sales" if index < 9 else f"s{index // 9:04d}",
                name,
                state,
                full_load_rows=120_000 - index * 7 if index != 2 else 81_200,
                full_load_error_rows=3 if index == 1 else 0,
                inserts=index * 11,
                updates=index * 5,
                deletes=index % 3,
                applied_inserts=index * 11,
                applied_updates=index * 5,
                applied_deletes=index % 3,
                full_load_start=ago(600),
                full_load_end=ago(560 - index % 50) if index != 2 else None,
                updated=ago(12),
                validation_state="Mismatched records" if index == 4 else "Not enabled",
                validation_failed=12 if index == 4 else 0,
            )
        )
    return tuple(made)


LOG = (
    ("I", "TASK_MANAGER", "Task 'billing-cdc' running full load and CDC in resume mode"),
    ("I", "SOURCE_CAPTURE", "Source endpoint 'PostgreSQL' is using provider syntax 'PostgreSQL'"),
    ("I", "SOURCE_UNLOAD", "Unload finished for table 'sales'.'customer' (Id = 1). 120000 rows sent."),
    (
        "W",
        "TARGET_LOAD",
        "LOB column 'note' of table 'sales'.'event' was truncated to 32768 bytes in 2 rows [b]",
    ),
    ("E", "TARGET_APPLY", "Failed to write object s3://lake/sales/orders: AccessDenied [1022502]"),
    ("I", "SORTER", "Task is running"),
)


def logs() -> tuple[LogLine, ...]:
    """A tail with a warning, an error and brackets that are not markup."""
    made = []
    for index in range(60):
        severity, component, message = LOG[index % len(LOG)]
        at = ago(900 - index * 14)
        text = f"{index:08d}: {at:%Y-%m-%dT%H:%M:%S} [{component:<16}]{severity}:  {message}  (replicationtask.c:{1000 + index})"
        made.append(parse_line(at, text, str(index)))
    return tuple(made)


SETTINGS = {
    "TargetMetadata": {
        "TargetSchema": "",
        "SupportLobs": True,
        "LimitedSizeLobMode": True,
        "LobMaxSize": 128,
        "BatchApplyEnabled": False,
    },
    "FullLoadSettings": {
        "TargetTablePrepMode": "DROP_AND_CREATE",
        "MaxFullLoadSubTasks": 8,
        "CommitRate": 50000,
    },
    "Logging": {
        "EnableLogging": True,
        "LogComponents": [
            {"Id": "SOURCE_UNLOAD", "Severity": "LOGGER_SEVERITY_DEFAULT"},
            {"Id": "TARGET_LOAD", "Severity": "LOGGER_SEVERITY_INFO"},
        ],
    },
    "ValidationSettings": {"EnableValidation": False, "ThreadCount": 5},
}
MAPPINGS = {
    "rules": [
        {"rule-type": "selection", "rule-id": "1", "rule-name": "all", "object-locator": {"schema-name": "sales", "table-name": "%"}, "rule-action": "include"},
        {"rule-type": "selection", "rule-id": "2", "rule-name": "recent", "object-locator": {"schema-name": "sales", "table-name": "orders"}, "rule-action": "include",
         "filters": [{"filter-type": "source", "column-name": "id", "filter-conditions": [{"filter-operator": "between", "start-value": "1", "end-value": "500000"}]}]},
        {"rule-type": "transformation", "rule-id": "3", "rule-name": "lake", "rule-target": "schema", "object-locator": {"schema-name": "sales"}, "rule-action": "rename", "value": "lake"},
        {"rule-type": "transformation", "rule-id": "4", "rule-name": "when", "rule-target": "column", "object-locator": {"schema-name": "%", "table-name": "%"}, "rule-action": "add-column", "value": "loaded_at", "expression": "datetime()", "data-type": {"type": "datetime", "precision": "6"}},
    ]
}  # fmt: skip


def endpoints() -> tuple[Endpoint, ...]:
    """A source and two targets."""
    return (
        Endpoint(arn("endpoint", "shop-source"), "shop-source", "source", "postgres", "active", "PostgreSQL",
                 "shop.cluster-abc.eu-west-1.rds.amazonaws.com", 5432, "shop", "dms", "require"),
        Endpoint(arn("endpoint", "lake-target"), "lake-target", "target", "s3", "active", "Amazon S3",
                 settings={"BucketName": "lake-123456789012", "BucketFolder": "raw", "DataFormat": "parquet"}),
        Endpoint(arn("endpoint", "crm-target"), "crm-target", "target", "redshift", "active", "Amazon Redshift",
                 "crm.abc.eu-west-1.redshift.amazonaws.com", 5439, "crm", "dms", "none"),
    )  # fmt: skip


def connections() -> tuple[Connection, ...]:
    """One good, one failed, one under way."""
    rows = (("dms-a01", "shop-source", "successful", ""), ("dms-a01", "lake-target", "testing", ""),
            ("dms-a02", "crm-target", "failed", "Test Endpoint failed: Application-Status: 1020912, Application-Message: Failed to connect Network error has occurred, Application-Detailed-Message: RetCode: SQL_ERROR SqlState: 08001 NativeError: 101"))  # fmt: skip
    return tuple(
        Connection(arn("rep", i), arn("endpoint", e), status, i, e, failure) for i, e, status, failure in rows
    )


def events() -> tuple[Event, ...]:
    """Newest first."""
    rows = (
        (
            75,
            "orders-cdc",
            "replication-task",
            "Replication task has failed. Reason: Stop Reason FATAL_ERROR",
            ("failure",),
        ),
        (1300, "clicks-cdc", "replication-task", "Replication task has started.", ("state change",)),
        (
            2431,
            "dms-a02",
            "replication-instance",
            "Free storage for the replication instance is 2 GB",
            ("low storage",),
        ),
        (
            4000,
            "old-orders",
            "replication-task",
            "Replication task has stopped. Stop Reason NORMAL",
            ("state change",),
        ),
        (90000, "dms-b01", "replication-instance", "Replication instance created", ("creation",)),
    )
    return tuple(
        Event(ago(seconds), source, kind, message, found) for seconds, source, kind, message, found in rows
    )


STACK = "dmstui-postgresql-to-s3"
_RESOURCES = (
    ("Vpc", "AWS::EC2::VPC", 2, 14),
    ("InternetGateway", "AWS::EC2::InternetGateway", 2, 18),
    ("PrivateSubnetA", "AWS::EC2::Subnet", 15, 21),
    ("PrivateSubnetB", "AWS::EC2::Subnet", 15, 22),
    ("DatabaseSecurityGroup", "AWS::EC2::SecurityGroup", 16, 24),
    ("WorkbenchRole", "AWS::IAM::Role", 2, 20),
    ("LakeRole", "AWS::IAM::Role", 2, 21),
    ("SourceSecret", "AWS::SecretsManager::Secret", 2, 5),
    ("LakeBucket", "AWS::S3::Bucket", 2, 25),
    ("SourceDatabase", "AWS::RDS::DBInstance", 26, None),
    ("ReplicationSubnetGroup", "AWS::DMS::ReplicationSubnetGroup", 25, 31),
    ("ReplicationInstance", "AWS::DMS::ReplicationInstance", 32, None),
    ("LakeEndpoint", "AWS::DMS::Endpoint", 32, 40),
    ("Workbench", "AWS::EC2::Instance", 30, 62),
)


def stack_events(failing: bool = False) -> tuple[StackEvent, ...]:
    """A create under way since 140 s, newest event first."""
    began = ago(140)
    found = [
        StackEvent("0", began, STACK, f"{ROOT}:stack/x", "AWS::CloudFormation::Stack", "CREATE_IN_PROGRESS")
    ]
    for name, kind, start, end in _RESOURCES:
        found.append(
            StackEvent(f"{name}a", began + timedelta(seconds=start), name, "", kind, "CREATE_IN_PROGRESS")
        )
        if end:
            found.append(
                StackEvent(
                    f"{name}b", began + timedelta(seconds=end), name, name.lower(), kind, "CREATE_COMPLETE"
                )
            )
    if failing:
        at = began + timedelta(seconds=120)
        reason = "No available versions of engine 'postgres 16.99' (Service: Rds, Status Code: 400)"
        found.append(
            StackEvent("f1", at, "SourceDatabase", "", "AWS::RDS::DBInstance", "CREATE_FAILED", reason)
        )
        found.append(
            StackEvent(
                "f2",
                at + timedelta(seconds=1),
                "ReplicationInstance",
                "",
                "AWS::DMS::ReplicationInstance",
                "CREATE_FAILED",
                "Resource creation cancelled",
            )
        )
        found.append(
            StackEvent(
                "f3",
                at + timedelta(seconds=2),
                STACK,
                f"{ROOT}:stack/x",
                "AWS::CloudFormation::Stack",
                "ROLLBACK_IN_PROGRESS",
            )
        )
    own = [
        dataclasses.replace(
            one,
            stack_id="arn:aws:stack/x",
            **({"physical_id": "arn:aws:stack/x"} if one.logical_id == STACK else {}),
        )
        for one in found
    ]
    return tuple(sorted(own, key=lambda event: event.at, reverse=True))


def stack_resources() -> tuple[StackResource, ...]:
    """What stands so far."""
    return tuple(
        StackResource(
            name,
            f"{name.lower()}-0a1b2c",
            kind,
            "CREATE_COMPLETE" if end else "CREATE_IN_PROGRESS",
            "",
            ago(100),
        )
        for name, kind, _, end in _RESOURCES
    )


def stacks(status: str = "CREATE_IN_PROGRESS") -> tuple[Stack, ...]:
    """The scenario's stack and another."""
    return (
        Stack(
            "arn:1",
            STACK,
            status,
            created=ago(140),
            parameters={"EngineVersion": "16"},
            tags={"dmstui:scenario": "postgresql-to-s3"},
        ),
        Stack("arn:2", "network", "CREATE_COMPLETE", created=ago(900000), description="shared VPC"),
    )


def part(value: Any, **more: Any) -> Part[Any]:
    """A part read 12 s ago."""
    return Part(**({"value": value, "at": ago(12), "every": 15.0} | more))


def snapshot(**more: Any) -> Snapshot:
    """The whole made-up account; fields can be replaced."""
    billing = arn("task", "billing-cdc")
    full = dataclasses.replace(
        next(one for one in tasks() if one.arn == billing),
        settings=json.dumps(SETTINGS),
        mappings=json.dumps(MAPPINGS),
    )
    fields: dict[str, Any] = {
        "at": NOW,
        "region": "eu-west-1",
        "account": ACCOUNT,
        "profile": "prod-eu",
        "calls": 214,
        "instances": part(instances()),
        "tasks": part(tasks()),
        "endpoints": part(endpoints()),
        "connections": part(connections()),
        "events": part(events()),
        "stacks": part(stacks()),
        "tables": {billing: part(tables())},
        "metrics": metrics(),
        "logs": {billing: part(logs())},
        "settings": {billing: part(full)},
        "stack_events": {STACK: part(stack_events())},
        "stack_resources": {STACK: part(stack_resources())},
    }
    return Snapshot(**(fields | more))


def empty() -> Snapshot:
    """An account with nothing in it."""
    nothing = part(())
    return snapshot(
        instances=nothing, tasks=nothing, endpoints=nothing, connections=nothing, events=nothing, stacks=nothing,
        tables={}, metrics={}, logs={}, settings={}, stack_events={}, stack_resources={},
    )  # fmt: skip


def denied() -> Snapshot:
    """Tasks are refused, the rest lives."""
    error = AwsError(
        "AccessDeniedException",
        "User: arn:aws:iam::123456789012:user/ops is not authorized to perform: dms:DescribeReplicationTasks",
        "DescribeReplicationTasks",
        "Ask for dms:DescribeReplicationTasks.",
    )
    return snapshot(tasks=part((), at=None, error=error))


def loading() -> Snapshot:
    """Before the first answers."""
    return Snapshot(at=NOW, region="eu-west-1", profile="prod-eu")


def fleet(number: int = 1000) -> Snapshot:
    """Many tasks."""
    states = ("running", "running", "running", "stopped", "failed", "ready")
    many = tuple(
        task(f"task-{n:04d}", states[n % 6], ("cdc", "full-load", "full-load-and-cdc")[n % 3])
        for n in range(number)
    )
    return snapshot(tasks=part(many))
