"""What goes wrong for real: passwords, security groups, names, roles, buckets, tables, workers, reboots."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError


def refused(call: Any, code: str, **params: Any) -> str:
    """The message of the refusal, after its code was looked at."""
    with pytest.raises(ClientError) as error:
        call(**params)
    assert error.value.response["Error"]["Code"] == code, error.value
    return str(error.value.response["Error"]["Message"])


def workers(sandbox: Any) -> list[int]:
    """The worker processes of this sandbox."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if b"dmstui.sandbox.flow" in line and parent == sandbox.process.pid:
                found.append(int(entry.name))
    return found


def selecting(table: str, schema: str = "shop") -> str:
    return json.dumps(
        {
            "rules": [
                {
                    "rule-type": "selection",
                    "rule-id": "1",
                    "rule-name": "1",
                    "object-locator": {"schema-name": schema, "table-name": table},
                    "rule-action": "include",
                }
            ]
        }
    )


def test_the_secret_is_read_at_each_test(lab: Any) -> None:
    put = lab.client("secretsmanager").put_secret_value
    try:
        put(SecretId=lab.secret, SecretString=lab.login("Wrong12345"))
        row = lab.connection(lab.source)
        assert row["Status"] == "failed"
        assert "Application-Status: 1020912" in row["LastFailureMessage"]
        assert "password authentication failed" in row["LastFailureMessage"]
        put(SecretId=lab.secret, SecretString="{}")
        row = lab.connection(lab.source)
        assert "lacks the keys: username, password, host, port" in row["LastFailureMessage"]
    finally:
        put(SecretId=lab.secret, SecretString=lab.login("Secret12345"))
    row = lab.connection(lab.source)
    assert row["Status"] == "successful"
    assert "LastFailureMessage" not in row


def test_a_security_group_without_the_rule_times_out(lab: Any) -> None:
    lab.shut_out()
    try:
        row = lab.connection(lab.source)
    finally:
        lab.let_in()
    assert row["Status"] == "failed"
    assert re.search(
        r"SqlState: 08001 NativeError: 101 Message: \[unixODBC\]timeout expired", row["LastFailureMessage"]
    )
    assert lab.connection(lab.source)["Status"] == "successful"


def test_a_wrong_password_at_start_fails_the_task_with_the_engines_words(lab: Any) -> None:
    arn = lab.task("password")
    put = lab.client("secretsmanager").put_secret_value
    put(SecretId=lab.secret, SecretString=lab.login("Wrong12345"))
    try:
        lab.start(arn)
        task = lab.fails(arn)
    finally:
        put(SecretId=lab.secret, SecretString=lab.login("Secret12345"))
    assert task["StopReason"] == task["LastFailureMessage"]
    assert task["LastFailureMessage"].startswith("Last Error  ")
    assert "password authentication failed" in task["LastFailureMessage"]
    assert task["LastFailureMessage"].endswith("Stop Reason FATAL_ERROR Error Level FATAL")
    assert any("password authentication failed" in line for line in lab.lines(arn))
    name = task["ReplicationTaskIdentifier"]
    told = lab.dms.describe_events(SourceType="replication-task", SourceIdentifier=name)["Events"]
    assert ["failure"] in [event["EventCategories"] for event in told]
    lab.start(arn, "resume-processing")
    assert "FULL_LOAD_ONLY_FINISHED" in lab.wait(arn, "stopped")["StopReason"]
    lab.dms.delete_replication_task(ReplicationTaskArn=arn)


def test_mappings_that_meet_no_table_fail_the_task(lab: Any) -> None:
    arn = lab.task("nothing", TableMappings=selecting("NO%"))
    lab.start(arn)
    task = lab.fails(arn)
    assert "No tables were found at task initialization" in task["LastFailureMessage"]
    assert task["ReplicationTaskStats"]["FullLoadProgressPercent"] == 100
    lab.dms.delete_replication_task(ReplicationTaskArn=arn)


def test_an_edited_endpoint_must_be_tested_again(lab: Any) -> None:
    made = lab.dms.create_endpoint(
        EndpointIdentifier=f"{lab.name}-edited",
        EndpointType="source",
        EngineName="postgres",
        ServerName=lab.host,
        Port=5432,
        Username="shop_admin",
        Password="Secret12345",
        DatabaseName="shop",
        SslMode="require",
    )["Endpoint"]
    assert "Password" not in json.dumps(made)
    assert made["PostgreSQLSettings"]["ServerName"] == lab.host
    source = made["EndpointArn"]
    arn = lab.task("edited", SourceEndpointArn=source)
    lab.dms.modify_endpoint(EndpointArn=source, DatabaseName="elsewhere")
    message = refused(
        lab.dms.start_replication_task,
        "InvalidResourceStateFault",
        ReplicationTaskArn=arn,
        StartReplicationTaskType="start-replication",
    )
    assert "should be successful for starting the replication task" in message
    row = lab.connection(source)
    assert 'database "elsewhere" does not exist' in row["LastFailureMessage"]
    lab.dms.modify_endpoint(EndpointArn=source, DatabaseName="shop", SslMode="none")
    # RDS PostgreSQL 15 and later forces TLS
    assert "no encryption" in lab.connection(source)["LastFailureMessage"]
    lab.dms.delete_replication_task(ReplicationTaskArn=arn)


def test_a_name_of_nothing_and_an_engine_the_sandbox_lacks(lab: Any) -> None:
    def endpoint(name: str, **more: Any) -> str:
        arn: str = lab.dms.create_endpoint(
            EndpointIdentifier=f"{lab.name}-{name}",
            EndpointType="source",
            Username="u",
            Password="p",
            Port=5432,
            ServerName="db.example.internal",
            DatabaseName="d",
            **more,
        )["Endpoint"]["EndpointArn"]
        return arn

    row = lab.connection(endpoint("nowhere", EngineName="postgres"))
    assert 'could not translate host name "db.example.internal" to address' in row["LastFailureMessage"]
    row = lab.connection(endpoint("lacking", EngineName="db2"))
    assert "The sandbox has no IBM Db2 LUW" in row["LastFailureMessage"]


def test_buckets_and_roles_are_looked_at(lab: Any) -> None:
    def target(name: str, bucket: str, role: str) -> str:
        arn: str = lab.dms.create_endpoint(
            EndpointIdentifier=f"{lab.name}-{name}",
            EndpointType="target",
            EngineName="s3",
            S3Settings={"BucketName": bucket, "ServiceAccessRoleArn": role},
        )["Endpoint"]["EndpointArn"]
        return arn

    row = lab.connection(target("nobucket", f"{lab.name}-none", lab.role))
    assert "NoSuchBucket" in row["LastFailureMessage"]
    other = lab.role_named(f"{lab.name}-weak", lab.trust("dms.amazonaws.com"))
    row = lab.connection(target("weak", lab.bucket, other))
    assert "not authorized to perform: s3:ListBucket" in row["LastFailureMessage"]
    stranger = lab.role_named(f"{lab.name}-stranger", lab.trust("ec2.amazonaws.com"))
    message = refused(
        lab.dms.create_endpoint,
        "AccessDeniedFault",
        EndpointIdentifier=f"{lab.name}-refused",
        EndpointType="target",
        EngineName="s3",
        S3Settings={"BucketName": lab.bucket, "ServiceAccessRoleArn": stranger},
    )
    assert message == f"The IAM Role {stranger} is not configured properly.AccessDenied"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the worker in /proc")
def test_a_killed_worker_is_a_failed_task_that_can_be_resumed(lab: Any) -> None:
    lab.sql("CREATE SCHEMA IF NOT EXISTS flow; CREATE TABLE IF NOT EXISTS flow.killed (id int PRIMARY KEY)")
    arn = lab.task("killed", "cdc", TableMappings=selecting("killed", "flow"))
    before = set(workers(lab.sandbox))
    lab.start(arn)
    lab.wait(arn, "running")
    (worker,) = set(workers(lab.sandbox)) - before
    os.kill(worker, signal.SIGKILL)
    task = lab.fails(arn)
    assert "The task stopped abnormally" in task["LastFailureMessage"]
    lab.sql("INSERT INTO flow.killed SELECT generate_series(1, 7)")
    lab.start(arn, "resume-processing")
    lab.until(lambda: lab.statistics(arn)["killed"]["AppliedInserts"] == 7, 30, "the rows made meanwhile")

    # a reboot of the instance: change processing goes on by itself
    lab.dms.reboot_replication_instance(ReplicationInstanceArn=lab.instance)
    assert lab.described("instance", lab.instance)["ReplicationInstanceStatus"] == "rebooting"
    lab.sql("INSERT INTO flow.killed SELECT generate_series(8, 10)")
    lab.dms.get_waiter("replication_instance_available").wait(
        Filters=[{"Name": "replication-instance-arn", "Values": [lab.instance]}], WaiterConfig={"Delay": 1}
    )
    lab.until(lambda: lab.statistics(arn)["killed"]["AppliedInserts"] == 10, 30, "rows after the reboot")
    lab.dms.stop_replication_task(ReplicationTaskArn=arn)
    lab.wait(arn, "stopped")
    lab.dms.delete_replication_task(ReplicationTaskArn=arn)


@pytest.mark.long
def test_a_stopped_source_is_waited_for_and_a_load_stopped_midway_loses_nothing(lab: Any) -> None:
    lab.sql(
        "CREATE SCHEMA IF NOT EXISTS flow; CREATE TABLE flow.big (id int PRIMARY KEY, words text); "
        "INSERT INTO flow.big SELECT i, repeat('word ', 20) FROM generate_series(1, 1000000) i"
    )
    arn = lab.task("big", "full-load-and-cdc", TableMappings=selecting("big", "flow"))
    lab.start(arn)
    lab.wait(arn, "running")
    lab.dms.stop_replication_task(ReplicationTaskArn=arn)
    assert lab.wait(arn, "stopped")["StopReason"] == "Stop Reason NORMAL"
    assert lab.statistics(arn)["big"]["TableState"] != "Table completed"
    lab.start(arn, "resume-processing")
    lab.wait(arn, "running")
    lab.until(lambda: lab.statistics(arn)["big"]["TableState"] == "Table completed", 60, "the load")
    lab.until(lambda: "Cached changes are applied" in "\n".join(lab.lines(arn)), 30, "change processing")
    assert lab.statistics(arn)["big"]["FullLoadRows"] == 1000000

    rds = lab.client("rds")

    def status(wanted: str) -> bool:
        found = rds.describe_db_instances(DBInstanceIdentifier=lab.database)["DBInstances"][0]
        return bool(found["DBInstanceStatus"] == wanted)

    rds.stop_db_instance(DBInstanceIdentifier=lab.database)
    lab.until(lambda: status("stopped"), 30, "the database")
    lab.until(lambda: "Trying again" in "\n".join(lab.lines(arn)), 30, "the retry")
    assert lab.described("task", arn)["Status"] == "running"
    rds.start_db_instance(DBInstanceIdentifier=lab.database)
    lab.until(lambda: status("available"), 30, "the database")
    lab.sql("INSERT INTO flow.big VALUES (1000001, 'late')")
    lab.until(lambda: lab.statistics(arn)["big"]["AppliedInserts"] == 1, 60, "the row after the stop")
    lab.dms.stop_replication_task(ReplicationTaskArn=arn)
    lab.wait(arn, "stopped")
    lab.dms.delete_replication_task(ReplicationTaskArn=arn)
