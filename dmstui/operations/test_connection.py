"""Test the connection from a replication instance to an endpoint, and wait for the result."""

from __future__ import annotations

from collections.abc import AsyncIterator

from dmstui.aws import Connection as Aws
from dmstui.model import AwsError, Connection, ReplicationTask, Snapshot, test_refusal
from dmstui.operations.operation import Danger, Operation, Progress, reported
from dmstui.operations.polling import pause_of, until


def pairs(task: ReplicationTask, snapshot: Snapshot | None = None) -> tuple[Connection, Connection]:
    """The two pairs a task needs: its instance with its source and with its target."""
    return (
        pair(task.instance_arn, task.source_arn, snapshot),
        pair(task.instance_arn, task.target_arn, snapshot),
    )


def pair(instance_arn: str, endpoint_arn: str, snapshot: Snapshot | None = None) -> Connection:
    """The known row of a pair, or a row that was never tested."""
    if snapshot is None:
        return Connection(instance_arn, endpoint_arn, "")
    known = snapshot.connection(instance_arn, endpoint_arn)
    if known is not None:
        return known
    instance, endpoint = snapshot.instance(instance_arn), snapshot.endpoint(endpoint_arn)
    return Connection(
        instance_arn,
        endpoint_arn,
        "",
        instance.name if instance else "",
        endpoint.name if endpoint else "",
    )


def refusal(connection: Connection, snapshot: Snapshot) -> str | None:
    """Why this pair cannot be tested now; a test changes nothing, so read-only allows it."""
    return test_refusal(
        snapshot.instance(connection.instance_arn),
        snapshot.connection(connection.instance_arn, connection.endpoint_arn),
    )


def effect(connection: Connection, snapshot: Snapshot) -> list[str]:
    """What it does."""
    return ["The instance connects with the endpoint's credentials and disconnects; no data is touched."]


@reported
async def run(aws: Aws, connection: Connection, *, seconds: float | None = None) -> AsyncIterator[Progress]:
    """Test the pair and wait; a failed test ends with an error that carries DMS's own message."""
    started = await aws.dms.test_connection(connection.instance_arn, connection.endpoint_arn)
    name = started.endpoint_name or connection.endpoint_name or connection.endpoint_arn.rsplit(":", 1)[-1]
    yield Progress(f"testing {name}", data=started)

    async def ask() -> Connection:
        rows = await aws.dms.connections(connection.endpoint_arn)
        for row in rows:
            if row.instance_arn == connection.instance_arn:
                return row
        return started

    latest = await until(
        ask,
        lambda row: row.status not in {"testing", ""},
        pause=pause_of(aws),
        seconds=seconds or 300,
        what=f"the test of {name}",
    )
    if latest.status != "successful":
        raise AwsError(
            "TestFailed",
            f"{name}: {latest.failure or latest.status}",
            "TestConnection",
            "Check the secret, the security groups, the route and the database itself.",
        )
    yield Progress(f"{name}: successful", done=True, data=latest)


OPERATION = Operation(
    "test-connection", "Test connection", "t", Danger.NONE, "connection", refusal, effect, run
)
