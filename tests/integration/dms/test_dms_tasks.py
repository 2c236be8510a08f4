"""Replication tasks over HTTP: runs that end well, CDC, stop and resume, reload, refusals, deletion."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError


def refused(call: Any, code: str, **params: Any) -> str:
    """The message of the refusal, after its code was looked at."""
    with pytest.raises(ClientError) as error:
        call(**params)
    assert error.value.response["Error"]["Code"] == code, error.value
    return str(error.value.response["Error"]["Message"])


def test_a_full_load_moves_every_row_and_stops(lab: Any) -> None:
    arn = lab.task("load")
    assert lab.statistics(arn) == {}
    assert lab.described("task", arn)["ReplicationTaskStats"]["FullLoadProgressPercent"] == 0
    lab.start(arn)
    task = lab.wait(arn, "stopped")
    assert task["StopReason"] == "Stop Reason FULL_LOAD_ONLY_FINISHED"
    assert "LastFailureMessage" not in task
    stats = task["ReplicationTaskStats"]
    assert (stats["FullLoadProgressPercent"], stats["TablesLoaded"]) == (100, 2)
    assert stats["FreshStartDate"] <= stats["FullLoadStartDate"] <= stats["FullLoadFinishDate"]
    rows = lab.statistics(arn)
    assert {name: row["FullLoadRows"] for name, row in rows.items()} == {"item": 2000, "note": 50}
    assert {row["TableState"] for row in rows.values()} == {"Table completed"}
    found = lab.client("s3").list_objects_v2(Bucket=lab.bucket, Prefix="lake/shop/item/LOAD")["Contents"]
    assert [each["Key"] for each in found] == ["lake/shop/item/LOAD00000001.parquet"]
    settings = json.loads(task["ReplicationTaskSettings"])
    assert settings["Logging"]["CloudWatchLogStream"] == f"dms-task-{arn.rpartition(':')[2]}"

    shape = re.compile(r"^\d{8}: \S+ \[.{16}\][EWITDV]:  .+", re.DOTALL)
    lines = lab.lines(arn)
    assert lines
    assert all(shape.match(line) for line in lines)
    assert any("2000 rows sent" in line for line in lines)

    # a task that ran starts again by another type only
    message = refused(
        lab.dms.start_replication_task,
        "InvalidParameterCombinationException",
        ReplicationTaskArn=arn,
        StartReplicationTaskType="start-replication",
    )
    assert message == "Start Type : START_REPLICATION, valid only for tasks running for the first time"
    lab.start(arn, "reload-target")
    again = lab.wait(arn, "stopped")
    assert again["ReplicationTaskStats"]["FreshStartDate"] > stats["FreshStartDate"]
    assert lab.statistics(arn)["item"]["FullLoadRows"] == 2000

    logs = lab.dms.describe_replication_instance_task_logs(ReplicationInstanceArn=lab.instance)
    sizes = {log["ReplicationTaskArn"]: log["ReplicationInstanceTaskLogSize"] for log in
             logs["ReplicationInstanceTaskLogs"]}  # fmt: skip
    assert sizes[arn] > sum(len(line) for line in lines)
    lab.dms.delete_replication_task(ReplicationTaskArn=arn)
    lab.dms.get_waiter("replication_task_deleted").wait(
        Filters=[{"Name": "replication-task-arn", "Values": [arn]}], WaiterConfig={"Delay": 1}
    )


def test_changes_are_captured_counted_and_resumed(lab: Any) -> None:
    lab.sql("CREATE SCHEMA IF NOT EXISTS flow; CREATE TABLE flow.live (id int PRIMARY KEY, word text)")
    mappings = {
        "rules": [
            {
                "rule-type": "selection",
                "rule-id": "1",
                "rule-name": "1",
                "object-locator": {"schema-name": "flow", "table-name": "live"},
                "rule-action": "include",
            }
        ]
    }
    arn = lab.task("live", "cdc", TableMappings=json.dumps(mappings))
    lab.start(arn)
    lab.wait(arn, "running")
    until = lab.until
    assert lab.statistics(arn)["live"]["Inserts"] == 0
    lab.sql("INSERT INTO flow.live SELECT i, 'w' FROM generate_series(1, 30) i")
    lab.sql("UPDATE flow.live SET word = 'x' WHERE id <= 10")
    until(lambda: lab.statistics(arn)["live"]["AppliedUpdates"] == 10, 30, "applied updates")
    task = lab.described("task", arn)
    assert task["ReplicationTaskStats"]["FullLoadProgressPercent"] == 100
    assert re.fullmatch(r"[0-9A-F]+/[0-9A-F]+", task["CdcStartPosition"])
    assert task["RecoveryCheckpoint"].startswith("checkpoint:V1#")

    assert "while it is running" in refused(
        lab.dms.modify_replication_task,
        "InvalidResourceStateFault",
        ReplicationTaskArn=arn,
        ReplicationTaskSettings=json.dumps({"TargetMetadata": {"LobMaxSize": 64}}),
    )
    lab.dms.modify_replication_task(
        ReplicationTaskArn=arn,
        ReplicationTaskSettings=json.dumps(
            {"Logging": {"LogComponents": [{"Id": "SORTER", "Severity": "LOGGER_SEVERITY_DEBUG"}]}}
        ),
    )
    refused(
        lab.dms.reload_tables,
        "InvalidParameterCombinationException",
        ReplicationTaskArn=arn,
        TablesToReload=[{"SchemaName": "flow", "TableName": "live"}],
    )
    refused(lab.dms.delete_replication_task, "InvalidResourceStateFault", ReplicationTaskArn=arn)
    refused(lab.dms.delete_endpoint, "InvalidResourceStateFault", EndpointArn=lab.source)
    refused(lab.dms.modify_endpoint, "InvalidResourceStateFault", EndpointArn=lab.source, DatabaseName="x")

    def latency() -> bool:
        now = datetime.now(UTC)
        found = lab.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/DMS",
            MetricName="CDCLatencyTarget",
            Dimensions=[
                {
                    "Name": "ReplicationInstanceIdentifier",
                    "Value": lab.described("instance", lab.instance)["ReplicationInstanceIdentifier"],
                },
                {"Name": "ReplicationTaskIdentifier", "Value": arn.rpartition(":")[2]},
            ],
            StartTime=now - timedelta(minutes=5),
            EndTime=now,
            Period=60,
            Statistics=["Maximum"],
        )
        return bool(found["Datapoints"])

    until(latency, 20, "CDCLatencyTarget")

    lab.dms.stop_replication_task(ReplicationTaskArn=arn)
    stopped = lab.wait(arn, "stopped")
    assert stopped["StopReason"] == "Stop Reason NORMAL"
    time.sleep(0.05)
    frozen = lab.described("task", arn)["ReplicationTaskStats"]["ElapsedTimeMillis"]
    assert frozen == stopped["ReplicationTaskStats"]["ElapsedTimeMillis"]
    lab.sql("DELETE FROM flow.live WHERE id > 25")
    lab.start(arn, "resume-processing")
    until(lambda: lab.statistics(arn)["live"]["AppliedDeletes"] == 5, 30, "deletes made while stopped")
    assert lab.statistics(arn)["live"]["Inserts"] == 30
    lab.dms.stop_replication_task(ReplicationTaskArn=arn)
    lab.wait(arn, "stopped")

    slots = lab.sql("SELECT slot_name FROM pg_replication_slots")
    assert len(slots) == 1
    lab.dms.delete_replication_task(ReplicationTaskArn=arn)
    until(lambda: not lab.sql("SELECT slot_name FROM pg_replication_slots"), 20, "the slot")


def test_tables_are_reloaded_while_changes_flow(lab: Any) -> None:
    arn = lab.task("both", "full-load-and-cdc")
    lab.start(arn)
    lab.wait(arn, "running")
    until = lab.until
    until(lambda: lab.statistics(arn).get("note", {}).get("TableState") == "Table completed", 30)
    lab.sql("UPDATE shop.note SET words = 'y' WHERE id = 1")
    until(lambda: lab.statistics(arn)["note"]["AppliedUpdates"] == 1, 30, "the update")
    for tables, code in (
        ([{"SchemaName": "shop", "TableName": "nothing"}], "InvalidParameterValueException"),
        ([{"SchemaName": "shop", "TableName": "note"}] * 2, "InvalidParameterValueException"),
        ([{"SchemaName": "shop", "TableName": f"t{n}"} for n in range(11)], "InvalidParameterValueException"),
    ):
        refused(lab.dms.reload_tables, code, ReplicationTaskArn=arn, TablesToReload=tables)
    lab.dms.reload_tables(
        ReplicationTaskArn=arn, TablesToReload=[{"SchemaName": "shop", "TableName": "note"}]
    )

    def reloaded() -> bool:
        row = lab.statistics(arn)["note"]
        return bool(row["FullLoadReloaded"] and row["TableState"] == "Table completed")

    until(reloaded, 30, "the reload")
    assert lab.statistics(arn)["note"]["FullLoadRows"] == 50
    lab.dms.stop_replication_task(ReplicationTaskArn=arn)
    assert lab.wait(arn, "stopped")["StopReason"] == "Stop Reason NORMAL"
    lab.dms.delete_replication_task(ReplicationTaskArn=arn)


def test_stop_before_the_worker_runs_is_a_stop(lab: Any) -> None:
    arn = lab.task("early")
    lab.start(arn)
    lab.dms.stop_replication_task(ReplicationTaskArn=arn)
    task = lab.wait(arn, "stopped")
    assert task["StopReason"] in ("Stop Reason NORMAL", "Stop Reason FULL_LOAD_ONLY_FINISHED")
    lab.start(arn, "resume-processing")
    assert lab.wait(arn, "stopped")["StopReason"] == "Stop Reason FULL_LOAD_ONLY_FINISHED"
    assert {name: row["FullLoadRows"] for name, row in lab.statistics(arn).items()}["item"] == 2000
    lab.dms.delete_replication_task(ReplicationTaskArn=arn)


def test_modify_move_and_their_states(lab: Any) -> None:
    arn = lab.task("moved")
    lab.dms.modify_replication_task(
        ReplicationTaskArn=arn,
        ReplicationTaskSettings=json.dumps({"TargetMetadata": {"LobMaxSize": 64}}),
    )
    task = lab.wait(arn, "ready")
    assert json.loads(task["ReplicationTaskSettings"])["TargetMetadata"]["LobMaxSize"] == 64
    refused(
        lab.dms.move_replication_task,
        "InvalidResourceStateFault",
        ReplicationTaskArn=arn,
        TargetReplicationInstanceArn=lab.instance,
    )
    other = lab.replication_instance(f"{lab.name}-other")
    answer = lab.dms.move_replication_task(ReplicationTaskArn=arn, TargetReplicationInstanceArn=other)
    assert answer["ReplicationTask"]["Status"] == "moving"
    assert answer["ReplicationTask"]["TargetReplicationInstanceArn"] == other
    moved = lab.wait(arn, "ready")
    assert moved["ReplicationInstanceArn"] == other
    assert "TargetReplicationInstanceArn" not in moved
    assert "one or more replication tasks" in refused(
        lab.dms.delete_replication_instance, "InvalidResourceStateFault", ReplicationInstanceArn=other
    )
    lab.dms.delete_replication_task(ReplicationTaskArn=arn)
    lab.dms.get_waiter("replication_task_deleted").wait(
        Filters=[{"Name": "replication-task-arn", "Values": [arn]}], WaiterConfig={"Delay": 1}
    )
    lab.dms.delete_replication_instance(ReplicationInstanceArn=other)
    lab.dms.get_waiter("replication_instance_deleted").wait(
        Filters=[{"Name": "replication-instance-arn", "Values": [other]}], WaiterConfig={"Delay": 1}
    )


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"TableMappings": "{"}, "InvalidParameterValueException", "Invalid json"),
        (
            {"TableMappings": '{"hello": 1}'},
            "InvalidParameterValueException",
            "Valid Table mappings is required",
        ),
        ({"MigrationType": "all"}, "ValidationException", "migrationType"),
        (
            {"ReplicationTaskSettings": '{"X": {}}'},
            "InvalidParameterValueException",
            "Invalid task settings JSON",
        ),
        ({"SourceEndpointArn": "fake-arn"}, "InvalidParameterValueException", "fake-arn"),
        (
            {"ReplicationInstanceArn": "arn:aws:dms:us-east-1:123456789012:rep:NOTHING"},
            "ResourceNotFoundFault",
            "NOTHING",
        ),
        (
            {"ReplicationTaskIdentifier": "a--b"},
            "InvalidParameterValueException",
            "ReplicationTaskIdentifier",
        ),
        (
            {"CdcStartPosition": "0/1", "CdcStartTime": datetime(2026, 1, 1, tzinfo=UTC)},
            "InvalidParameterCombinationException",
            "CdcStartTime",
        ),
    ],
)
def test_what_create_refuses(lab: Any, changes: dict[str, Any], code: str, said: str) -> None:
    params = {
        "ReplicationTaskIdentifier": f"{lab.name}-never",
        "SourceEndpointArn": lab.source,
        "TargetEndpointArn": lab.target,
        "ReplicationInstanceArn": lab.instance,
        "MigrationType": "cdc",
        "TableMappings": json.dumps(lab.select_all),
    }
    assert said in refused(lab.dms.create_replication_task, code, **params | changes)


def test_swapped_endpoints_are_named_by_their_type(lab: Any) -> None:
    message = refused(
        lab.dms.create_replication_task,
        "InvalidParameterValueException",
        ReplicationTaskIdentifier=f"{lab.name}-swapped",
        SourceEndpointArn=lab.target,
        TargetEndpointArn=lab.source,
        ReplicationInstanceArn=lab.instance,
        MigrationType="full-load",
        TableMappings=json.dumps(lab.select_all),
    )
    assert message.endswith("endpoint must be of type SOURCE")
    assert "name=s3" in message


def test_filters_that_meet_nothing_and_events(lab: Any) -> None:
    assert "No Tasks found" in refused(
        lab.dms.describe_replication_tasks,
        "ResourceNotFoundFault",
        Filters=[{"Name": "replication-task-id", "Values": ["nothing"]}],
    )
    assert "not a valid identifier" in refused(
        lab.dms.describe_replication_tasks,
        "InvalidParameterValueException",
        Filters=[{"Name": "replication-task-id", "Values": ["a--b"]}],
    )
    arn = lab.task("told")
    listed = lab.dms.describe_replication_tasks(
        Filters=[{"Name": "replication-instance-arn", "Values": [lab.instance]}], WithoutSettings=True
    )["ReplicationTasks"]
    assert all("TableMappings" not in task for task in listed)
    name = lab.described("task", arn)["ReplicationTaskIdentifier"]
    told = lab.dms.describe_events(SourceType="replication-task", SourceIdentifier=name)["Events"]
    assert [event["EventCategories"] for event in told] == [["creation"]]
    lab.dms.delete_replication_task(ReplicationTaskArn=arn)


def test_describes_stay_quick_while_a_task_runs(lab: Any) -> None:
    arn = lab.task("quick", "full-load-and-cdc")
    lab.start(arn)
    lab.wait(arn, "running")
    lab.dms.describe_replication_tasks(WithoutSettings=True)
    took = []
    for _ in range(30):
        began = time.perf_counter()
        lab.dms.describe_replication_tasks(WithoutSettings=True)
        took.append(time.perf_counter() - began)
    lab.dms.stop_replication_task(ReplicationTaskArn=arn)
    lab.wait(arn, "stopped")
    lab.dms.delete_replication_task(ReplicationTaskArn=arn)
    # the whole way, boto3's parsing in it; the middle one, since the machine is shared
    assert sorted(took)[15] < 0.1
