"""Scenario 2 deployed by the public command line on the shared sandbox, for tests that break it and repair it."""

from __future__ import annotations

import io
import json
import os
import re
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

NAME = "postgresql-to-s3"
ALWAYS_AGAIN = {
    "RecoverableErrorInterval": 1,
    "RecoverableErrorThrottling": False,
    "RecoverableErrorCount": -1,
}


def until(question: Callable[[], Any], seconds: float = 45, what: str = "") -> Any:
    """Ask until the answer is true; AssertionError with the last answer when the time is over."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < end, f"{what or question} stayed {answer!r} for {seconds} s"
        time.sleep(0.05)


def selecting(schema: str, table: str = "%") -> str:
    """Mappings of one selection rule."""
    rule = {
        "rule-type": "selection",
        "rule-id": "1",
        "rule-name": "1",
        "object-locator": {"schema-name": schema, "table-name": table},
        "rule-action": "include",
    }
    return json.dumps({"rules": [rule]})


class Shop:
    """The deployed bookshop: its stack's resources, its real PostgreSQL, its lake."""

    until = staticmethod(until)
    selecting = staticmethod(selecting)
    always_again = ALWAYS_AGAIN

    def __init__(self, sandbox: Any, stack: str) -> None:
        self.sandbox = sandbox
        self.stack = stack
        self.read()

    def read(self) -> None:
        """Read the stack's outputs."""
        (found,) = self.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"]
        self.outputs = {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}
        out = self.outputs
        self.bucket, self.database, self.secret = (
            out["BucketName"],
            out["DatabaseIdentifier"],
            out["SecretArn"],
        )
        self.instance, self.source, self.target = (
            out["ReplicationInstanceArn"],
            out["SourceEndpointArn"],
            out["TargetEndpointArn"],
        )
        self.load_task = out["TaskArn"]

    def client(self, service: str) -> Any:
        return self.sandbox.client(service)

    @property
    def dms(self) -> Any:
        return self.client("dms")

    def cli(self, *arguments: str, **more: Any) -> Any:
        """`dmstui scenario VERB postgresql-to-s3 …` on this stack."""
        verb, *rest = arguments
        return self.sandbox.cli("scenario", verb, NAME, *rest, "--stack-name", self.stack, **more)

    # -- the source

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        """Run SQL at the real database, through the port a user would use."""
        shown = next(each for each in self.sandbox.databases() if each["name"] == self.database)
        with psycopg.connect(
            host=shown["host"],
            port=shown["port"],
            user=shown["user"],
            password=shown["password"],
            dbname=shown["database"],
            connect_timeout=10,
            autocommit=True,
        ) as connection:
            cursor = connection.execute(text)
            return cursor.fetchall() if cursor.description else []

    def engine_pid(self) -> int:
        """The process of the stack's PostgreSQL, from the server itself."""
        folder = Path(self.sql("SHOW data_directory")[0][0])
        return int((folder / "postmaster.pid").read_text().split()[0])

    def database_status(self) -> str:
        found = self.client("rds").describe_db_instances(DBInstanceIdentifier=self.database)
        return str(found["DBInstances"][0]["DBInstanceStatus"])

    def schema(self, rows: int = 0) -> str:
        """A schema of the test's own with table `item`; its name."""
        name = f"t{uuid.uuid4().hex[:8]}"
        self.sql(
            f"CREATE SCHEMA {name}; CREATE TABLE {name}.item (id int PRIMARY KEY, words text); "
            f"INSERT INTO {name}.item SELECT i, 'first ' || i FROM generate_series(1, {rows}) i"
        )
        return name

    # -- DMS

    def lake_endpoint(self, **settings: Any) -> tuple[str, str]:
        """(ARN, folder) of a target endpoint with a folder of its own in the stack's bucket, tested."""
        folder = f"f{uuid.uuid4().hex[:6]}"
        shown = self.dms.describe_endpoints(Filters=[{"Name": "endpoint-arn", "Values": [self.target]}])
        arn: str = self.dms.create_endpoint(
            EndpointIdentifier=f"{self.stack}-{folder}",
            EndpointType="target",
            EngineName="s3",
            S3Settings={
                "BucketName": self.bucket,
                "BucketFolder": folder,
                "ServiceAccessRoleArn": shown["Endpoints"][0]["S3Settings"]["ServiceAccessRoleArn"],
                "DataFormat": "parquet",
                "IncludeOpForFullLoad": True,
                "CdcMaxBatchInterval": 1,
            }
            | settings,
        )["Endpoint"]["EndpointArn"]
        assert self.connection(arn)["Status"] == "successful"
        return arn, folder

    def task(self, kind: str, mappings: str, settings: Any = None, **more: Any) -> str:
        """A task of the stack's source, ready to start."""
        arn: str = self.dms.create_replication_task(
            **{
                "ReplicationTaskIdentifier": f"{self.stack}-{uuid.uuid4().hex[:8]}",
                "SourceEndpointArn": self.source,
                "TargetEndpointArn": self.target,
                "ReplicationInstanceArn": self.instance,
                "MigrationType": kind,
                "TableMappings": mappings,
                "ReplicationTaskSettings": json.dumps(
                    {"Logging": {"EnableLogging": True}} | (settings or {})
                ),
            }
            | more
        )["ReplicationTask"]["ReplicationTaskArn"]
        self.wait(arn, "ready")
        return arn

    def described(self, arn: str) -> dict[str, Any]:
        found: dict[str, Any] = self.dms.describe_replication_tasks(
            Filters=[{"Name": "replication-task-arn", "Values": [arn]}]
        )["ReplicationTasks"][0]
        return found

    def start(self, arn: str, kind: str = "start-replication") -> None:
        self.dms.start_replication_task(ReplicationTaskArn=arn, StartReplicationTaskType=kind)

    def wait(self, arn: str, *wanted: str, seconds: float = 60) -> dict[str, Any]:
        """The task once it has one of these statuses; another end is an error that shows why."""

        def reached() -> dict[str, Any] | None:
            task = self.described(arn)
            if task["Status"] in wanted:
                return task
            assert task["Status"] != "failed", task["LastFailureMessage"]
            return None

        found: dict[str, Any] = until(reached, seconds, f"{arn} {wanted}: {self.described(arn)['Status']}")
        return found

    def stop(self, arn: str) -> dict[str, Any]:
        self.dms.stop_replication_task(ReplicationTaskArn=arn)
        return self.wait(arn, "stopped")

    def delete(self, arn: str) -> None:
        """Stop a task where that is needed, and delete it."""
        if self.described(arn)["Status"] in ("running", "starting"):
            self.stop(arn)
        self.dms.delete_replication_task(ReplicationTaskArn=arn)
        until(
            lambda: (
                arn
                not in {
                    each["ReplicationTaskArn"]
                    for each in self.dms.describe_replication_tasks(WithoutSettings=True)["ReplicationTasks"]
                }
            ),
            30,
            "the deletion of the task",
        )

    def statistics(self, arn: str) -> dict[str, dict[str, Any]]:
        rows = self.dms.describe_table_statistics(ReplicationTaskArn=arn)["TableStatistics"]
        return {row["TableName"]: row for row in rows}

    def lines(self, arn: str) -> list[str]:
        """The task's log."""
        (shown,) = self.dms.describe_replication_instances(
            Filters=[{"Name": "replication-instance-arn", "Values": [self.instance]}]
        )["ReplicationInstances"]
        logs = self.client("logs")
        try:
            events = logs.get_log_events(
                logGroupName=f"dms-tasks-{shown['ReplicationInstanceIdentifier']}",
                logStreamName=f"dms-task-{arn.rpartition(':')[2]}",
                startFromHead=True,
            )
        except logs.exceptions.ResourceNotFoundException:
            return []  # its first lines are on their way
        return [event["message"] for event in events["events"]]

    def says(self, arn: str, pattern: str, seconds: float = 30) -> str:
        """The first log line that matches, once it is there."""

        def found() -> str | None:
            return next((line for line in self.lines(arn) if re.search(pattern, line)), None)

        end = time.monotonic() + seconds
        while (line := found()) is None:
            assert time.monotonic() < end, f"no log line with {pattern} in {seconds} s:\n" + "\n".join(
                [*self.lines(arn)[:20], "…", *self.lines(arn)[-10:]]
            )
            time.sleep(0.05)
        return line

    def connection(self, endpoint: str) -> dict[str, Any]:
        """Test an endpoint and answer the row once the test has ended."""
        self.dms.test_connection(ReplicationInstanceArn=self.instance, EndpointArn=endpoint)

        def ended() -> dict[str, Any] | None:
            rows = self.dms.describe_connections(Filters=[{"Name": "endpoint-arn", "Values": [endpoint]}])
            (row,) = rows["Connections"]
            return row if row["Status"] != "testing" else None

        found: dict[str, Any] = until(ended, 40, "the connection test")
        return found

    # -- the lake

    def lake(self, prefix: str) -> pa.Table | None:
        """Everything under a folder, read by pyarrow alone, in the order of the names."""
        s3 = self.client("s3")
        tables = []
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"{prefix}/"):
            for each in page.get("Contents", []):
                body = s3.get_object(Bucket=self.bucket, Key=each["Key"])["Body"].read()
                tables.append(pq.read_table(io.BytesIO(body)))
        return pa.concat_tables(tables, promote_options="default") if tables else None

    def operations(self, prefix: str) -> Counter[tuple[str, int, str | None]]:
        """(operation, id, words) of every row of a table `item` in the lake, with how often it is there."""
        table = self.lake(prefix)
        if table is None:
            return Counter()
        columns = (table.column(name).to_pylist() for name in ("Op", "id", "words"))
        return Counter(zip(*columns, strict=True))


def deployed(sandbox: Any, stack: str) -> Shop:
    """Scenario 2 as a newcomer deploys it, its connections tested."""
    sandbox.cli("scenario", "deploy", NAME, "--yes", "--wait", "--stack-name", stack)
    shop = Shop(sandbox, stack)
    for endpoint in (shop.source, shop.target):
        assert shop.connection(endpoint)["Status"] == "successful"
    return shop


@pytest.fixture(scope="session")
def shop(sandbox: Any) -> Iterator[Shop]:
    """The bookshop that the tests of this folder share; each leaves it as whole as it found it."""
    yield deployed(sandbox, f"failures-{uuid.uuid4().hex[:6]}")


@pytest.fixture
def deploy() -> Callable[..., Shop]:
    """`deployed`, for tests with a sandbox of their own."""
    return deployed


@pytest.fixture
def offspring() -> Callable[[int], dict[int, str]]:
    """A function: {pid: command line} of all descendants of a process."""

    def found(parent: int) -> dict[int, str]:
        children: dict[int, list[int]] = {}
        lines: dict[int, str] = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                lines[int(entry.name)] = (
                    (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                )
            except OSError:
                continue
            if fields[0] != "Z":
                children.setdefault(int(fields[1]), []).append(int(entry.name))
        left, answer = [parent], {}
        while left:
            for child in children.get(left.pop(), []):
                answer[child] = lines[child]
                left.append(child)
        return answer

    return found


@pytest.fixture
def alive() -> Callable[[int], bool]:
    """A function: whether a process still runs."""

    def runs(pid: int) -> bool:
        try:
            os.kill(pid, 0)
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except (OSError, ProcessLookupError):
            return False

    return runs
