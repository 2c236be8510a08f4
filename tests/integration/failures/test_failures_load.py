"""A full load that is stopped, or whose source, tables or bucket go away: what the lake holds in the end."""

from __future__ import annotations

import json
import os
import re
import signal
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

FINISHED = "Stop Reason FULL_LOAD_ONLY_FINISHED"
ONE_AT_A_TIME = {"FullLoadSettings": {"MaxFullLoadSubTasks": 1, "CommitRate": 1000}}
BIG, HUGE = 200_000, 700_000
SLOW = {"RowGroupLength": 20, "MaxFileSize": 2_000}
"""Many tiny row groups and small files are work enough for a load that can be met under way."""


def check_equal(shop: Any, folder: str, schema: str, tables: Any = ("a", "b", "c")) -> None:
    """Each table's rows are in the lake once, with their texts."""
    for table in tables:
        found = shop.lake(f"{folder}/{schema}/{table}")
        assert found is not None, table
        lake = Counter(zip(found.column("id").to_pylist(), found.column("words").to_pylist(), strict=True))
        source = Counter(shop.sql(f"SELECT id, words FROM {schema}.{table}"))
        assert lake == source, f"{table}: {len(source - lake)} missing, {len(lake - source)} surplus"


def filled(shop: Any, large: int) -> str:
    """A schema of three tables, the middle one large; its name."""
    name: str = shop.schema()
    shop.sql(f"DROP TABLE {name}.item")
    for table, rows in sizes(large).items():
        shop.sql(
            f"CREATE TABLE {name}.{table} (id int PRIMARY KEY, words text); "
            f"INSERT INTO {name}.{table} SELECT i, repeat(md5(i::text), 4) FROM generate_series(1, {rows}) i"
        )
    return name


def sizes(large: int) -> dict[str, int]:
    return {"a": 2_000, "b": large, "c": 2_000}


@pytest.fixture
def big(shop: Any) -> Iterator[str]:
    """Three tables whose load can be met under way."""
    name = filled(shop, BIG)
    yield name
    shop.sql(f"DROP SCHEMA {name} CASCADE")


@pytest.fixture
def huge(shop: Any) -> Iterator[str]:
    """Three tables of which far more is unread than all buffers on the way hold."""
    name = filled(shop, HUGE)
    yield name
    shop.until(lambda: shop.database_status() == "available", 60, "the database")
    shop.sql(f"DROP SCHEMA {name} CASCADE")


def under_way(shop: Any, arn: str) -> Any:
    """One table is loaded and another is being loaded."""

    def half() -> bool:
        task = shop.described(arn)
        assert task["Status"] in ("starting", "running"), task
        rows = shop.statistics(arn).values()
        loading = [row for row in rows if row["TableState"] == "Full load" and row["FullLoadRows"] > 0]
        return bool(loading) and any(row["TableState"] == "Table completed" for row in rows)

    return shop.until(half, 60, "a load under way")


def test_a_load_stopped_in_the_middle_goes_on_where_it_was(shop: Any, big: str) -> None:
    target, folder = shop.lake_endpoint(**SLOW)
    arn = shop.task("full-load", shop.selecting(big), ONE_AT_A_TIME, TargetEndpointArn=target)
    shop.start(arn)
    under_way(shop, arn)
    stopped = shop.stop(arn)
    assert stopped["StopReason"] == "Stop Reason NORMAL"
    assert "LastFailureMessage" not in stopped
    assert {name: row["TableState"] for name, row in shop.statistics(arn).items()} == {
        "a": "Table completed",
        "b": "Full load",
        "c": "Before load",
    }
    shop.start(arn, "resume-processing")
    assert shop.wait(arn, "stopped")["StopReason"] == FINISHED
    assert {row["TableName"]: row["FullLoadRows"] for row in shop.statistics(arn).values()} == sizes(BIG)
    check_equal(shop, folder, big)
    shop.delete(arn)


@pytest.mark.long
def test_the_scenarios_own_load_stopped_in_the_middle(shop: Any) -> None:
    """The scenario's own task and tables, compared row by row by the scenario's own script."""
    shop.cli("run", "seed")
    arn = shop.load_task
    settings = json.loads(shop.described(arn)["ReplicationTaskSettings"])
    settings["FullLoadSettings"]["MaxFullLoadSubTasks"] = 1
    settings["Logging"] = {"EnableLogging": True}
    shop.dms.modify_replication_task(ReplicationTaskArn=arn, ReplicationTaskSettings=json.dumps(settings))
    shop.wait(arn, "ready", "stopped")
    shop.start(arn)
    under_way(shop, arn)
    stopped = shop.stop(arn)
    assert stopped["StopReason"] == "Stop Reason NORMAL"
    assert "LastFailureMessage" not in stopped
    before = shop.statistics(arn)
    done = {name for name, row in before.items() if row["TableState"] == "Table completed"}
    assert 0 < len(done) < len(before)
    assert stopped["ReplicationTaskStats"]["FullLoadProgressPercent"] < 100
    mark = len(shop.lines(arn))

    shop.start(arn, "resume-processing")
    ended = shop.wait(arn, "stopped")
    assert ended["StopReason"] == FINISHED
    after = shop.statistics(arn)
    assert {row["TableState"] for row in after.values()} == {"Table completed"}
    again = {
        match[1]
        for line in shop.lines(arn)[mark:]
        if (match := re.search(r"Loading finished for table '\w+'\.'(\w+)'", line))
    }
    assert again == set(after) - done  # what was complete was left alone
    said = [json.loads(line) for line in shop.cli("run", "verify").stdout.splitlines() if line[:1] == "{"]
    assert all(line["ok"] for line in said), said
    lake = shop.lake("lake/shop/customers")
    ids = [key for (key,) in shop.sql("SELECT customer_id::text FROM shop.customers")]
    assert Counter(lake.column("customer_id").to_pylist()) == Counter(ids)
    assert len(ids) == after["customers"]["FullLoadRows"]


def test_a_table_dropped_before_and_a_table_dropped_under_the_load(shop: Any) -> None:
    schema = shop.schema(10)
    shop.sql(
        f"CREATE TABLE {schema}.gone (id int PRIMARY KEY, words text); "
        f"CREATE TABLE {schema}.late (id int PRIMARY KEY, words text); INSERT INTO {schema}.late VALUES (1, 'x')"
    )
    target, folder = shop.lake_endpoint()
    arn = shop.task("full-load", shop.selecting(schema), ONE_AT_A_TIME, TargetEndpointArn=target)
    shop.sql(f"DROP TABLE {schema}.gone")
    shown = next(each for each in shop.sandbox.databases() if each["name"] == shop.database)
    import psycopg

    with psycopg.connect(
        f"host={shown['host']} port={shown['port']} user={shown['user']} password={shown['password']} "
        f"dbname={shown['database']}"
    ) as holder:
        holder.execute(f"LOCK TABLE {schema}.late IN ACCESS EXCLUSIVE MODE")
        shop.start(arn)
        shop.until(
            lambda: shop.statistics(arn).get("late", {}).get("TableState") == "Full load",
            30,
            "the load of late",
        )
        holder.execute(f"DROP TABLE {schema}.late")
        holder.commit()
    ended = shop.wait(arn, "stopped")
    assert ended["StopReason"] == FINISHED
    assert ended["ReplicationTaskStats"]["TablesErrored"] == 1
    found = {name: row["TableState"] for name, row in shop.statistics(arn).items()}
    assert found == {"item": "Table completed", "late": "Table error"}
    line = shop.says(arn, rf"\]E:.*{schema}.*late.*")
    assert re.search(r"SqlState: (42P01|XX000) ", line), line
    shop.says(arn, r"\]W:.*'late'.* was suspended")
    check_equal(shop, folder, schema, ["item"])

    # dropped between two runs: the statistics say so, the rest is loaded again
    shop.sql(
        f"CREATE TABLE {schema}.late (id int PRIMARY KEY, words text); INSERT INTO {schema}.late VALUES (2, 'y')"
    )
    shop.start(arn, "reload-target")
    assert shop.wait(arn, "stopped")["ReplicationTaskStats"]["TablesErrored"] == 0
    check_equal(shop, folder, schema, ["item", "late"])
    shop.delete(arn)
    shop.sql(f"DROP SCHEMA {schema} CASCADE")


def test_mappings_in_the_wrong_case_meet_no_table(shop: Any) -> None:
    schema = shop.schema(3)
    arn = shop.task("full-load", shop.selecting(schema.upper()))
    shop.start(arn)
    task = shop.wait(arn, "failed")
    text = task["LastFailureMessage"]
    assert text == task["StopReason"]
    assert text.startswith(
        "Last Error  No tables were found at task initialization. Either the selected table(s)"
    )
    assert text.endswith("Stop Reason FATAL_ERROR Error Level FATAL")
    assert task["ReplicationTaskStats"]["FullLoadProgressPercent"] == 100
    shop.says(arn, r"\[TASK_MANAGER +\]E: +No tables were found")
    mappings = shop.selecting(schema)
    shop.dms.modify_replication_task(ReplicationTaskArn=arn, TableMappings=mappings)
    shop.wait(arn, "stopped", "ready", "failed")
    shop.start(arn, "reload-target")
    assert shop.wait(arn, "stopped")["StopReason"] == FINISHED
    shop.delete(arn)
    shop.sql(f"DROP SCHEMA {schema} CASCADE")


@pytest.mark.long
def test_the_source_stopped_by_rds_in_the_middle_of_a_load(shop: Any, huge: str) -> None:
    target, folder = shop.lake_endpoint(**SLOW)
    settings = ONE_AT_A_TIME | {"ErrorBehavior": shop.always_again}
    arn = shop.task("full-load", shop.selecting(huge), settings, TargetEndpointArn=target)
    rds = shop.client("rds")
    shop.start(arn)
    under_way(shop, arn)
    rds.stop_db_instance(DBInstanceIdentifier=shop.database)
    shop.until(lambda: shop.database_status() == "stopped", 30, "the database")
    # The engine's own words where it could still send them (it cannot while it waits for a reader), then a closed door.
    shop.says(
        arn,
        r"SOURCE_UNLOAD.*\]E:.*(SqlState: 57P01 .*terminating connection due to administrator command"
        r"|SqlState: 08S01 .*server closed the connection unexpectedly)",
    )
    shop.says(arn, r"\]W:.*recoverable error\. Trying again in 1 seconds \(attempt \d+\)")
    shop.says(arn, r"\]E:.*SqlState: 08001 NativeError: 101 .*Connection refused")
    assert shop.described(arn)["Status"] == "running"
    rds.start_db_instance(DBInstanceIdentifier=shop.database)
    shop.until(lambda: shop.database_status() == "available", 30, "the database")
    assert shop.wait(arn, "stopped", seconds=120)["StopReason"] == FINISHED
    check_equal(shop, folder, huge)
    assert {row["TableName"]: row["FullLoadRows"] for row in shop.statistics(arn).values()} == sizes(HUGE)
    shop.delete(arn)


@pytest.mark.long
def test_the_engine_killed_in_the_middle_of_a_load(shop: Any, huge: str) -> None:
    target, folder = shop.lake_endpoint(**SLOW)
    settings = ONE_AT_A_TIME | {"ErrorBehavior": shop.always_again}
    arn = shop.task("full-load", shop.selecting(huge), settings, TargetEndpointArn=target)
    engine = shop.engine_pid()
    shop.start(arn)
    under_way(shop, arn)
    os.kill(engine, signal.SIGKILL)
    shop.says(arn, r"SOURCE_UNLOAD.*\]E:.*SqlState: 08S01 .*server closed the connection unexpectedly")
    # RDS starts a crashed engine again by itself
    assert shop.wait(arn, "stopped", seconds=120)["StopReason"] == FINISHED
    assert shop.engine_pid() != engine
    check_equal(shop, folder, huge)
    shop.delete(arn)


@pytest.mark.long
def test_a_source_that_stays_away_fails_the_task_after_its_last_try(shop: Any, huge: str) -> None:
    target, _ = shop.lake_endpoint(**SLOW)
    limited = shop.always_again | {"RecoverableErrorCount": 2}
    arn = shop.task(
        "full-load",
        shop.selecting(huge),
        ONE_AT_A_TIME | {"ErrorBehavior": limited},
        TargetEndpointArn=target,
    )
    rds = shop.client("rds")
    shop.start(arn)
    under_way(shop, arn)
    rds.stop_db_instance(DBInstanceIdentifier=shop.database)
    try:
        task = shop.wait(arn, "failed", seconds=150)  # a try that meets silence takes a minute
        text = task["LastFailureMessage"]
        assert text == task["StopReason"]
        assert "SqlState: 08001 NativeError: 101" in text
        assert text.endswith("Stop Reason RECOVERABLE_ERROR Error Level RECOVERABLE")
        told = shop.dms.describe_events(
            SourceType="replication-task", SourceIdentifier=task["ReplicationTaskIdentifier"]
        )["Events"]
        assert ["failure"] in [event["EventCategories"] for event in told]
        shop.until(lambda: shop.database_status() == "stopped", 30, "the database")
    finally:
        shop.until(lambda: shop.database_status() == "stopped", 30, "the database")
        rds.start_db_instance(DBInstanceIdentifier=shop.database)
        shop.until(lambda: shop.database_status() == "available", 30, "the database")
    shop.start(arn, "resume-processing")
    assert shop.wait(arn, "stopped", seconds=120)["StopReason"] == FINISHED
    shop.delete(arn)


@pytest.mark.long
def test_the_bucket_deleted_under_the_load(shop: Any, huge: str) -> None:
    s3 = shop.client("s3")
    bucket = f"{shop.stack}-doomed"
    s3.create_bucket(Bucket=bucket)
    role = shop.client("iam").create_role(
        RoleName=f"{shop.stack}-doomed",
        AssumeRolePolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "dms.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                    }
                ],
            }
        ),
    )["Role"]
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    shop.client("iam").put_role_policy(
        RoleName=role["RoleName"], PolicyName="s3", PolicyDocument=json.dumps(allowed)
    )
    made: list[Any] = []

    def visible() -> bool:
        try:
            made.append(shop.lake_endpoint(**SLOW, BucketName=bucket, ServiceAccessRoleArn=role["Arn"]))
        except shop.dms.exceptions.AccessDeniedFault:
            return False  # the role is seconds old
        return True

    shop.until(visible, 10, "the role")
    target, _ = made[0]
    arn = shop.task("full-load", shop.selecting(huge), ONE_AT_A_TIME, TargetEndpointArn=target)
    shop.start(arn)
    under_way(shop, arn)

    def emptied() -> bool:
        for each in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
            s3.delete_object(Bucket=bucket, Key=each["Key"])
        try:
            s3.delete_bucket(Bucket=bucket)
        except s3.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "BucketNotEmpty", error
            return False
        return True

    shop.until(emptied, 30, "the deletion of the bucket")
    task = shop.wait(arn, "failed")
    assert "NoSuchBucket" in task["LastFailureMessage"]
    assert bucket in task["LastFailureMessage"]
    shop.says(arn, r"\]E:.*NoSuchBucket")
    assert "NoSuchBucket" in shop.connection(target)["LastFailureMessage"]
    s3.create_bucket(Bucket=bucket)
    assert shop.connection(target)["Status"] == "successful"
    shop.start(arn, "reload-target")
    assert shop.wait(arn, "stopped", seconds=120)["StopReason"] == FINISHED
    shop.delete(arn)
