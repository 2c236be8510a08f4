"""Connection tests: TestConnection, DescribeConnections, DeleteConnection, and those DMS makes itself for a task."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from dmstui.sandbox.dms import filters, paging, reach
from dmstui.sandbox.dms.faults import invalid_state, not_found
from dmstui.sandbox.dms.room import Room, present
from dmstui.sandbox.dms.store import Connection, Endpoint, Instance
from dmstui.sandbox.service import Call, Handler

log = logging.getLogger(__name__)


def operations(room: Room) -> dict[str, Handler]:
    """The handlers of this group."""

    async def test(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        instance = room.store.instance(params["ReplicationInstanceArn"])
        if instance.status != "available":
            raise invalid_state(f"Replication Instance {instance.arn} is {instance.status}, not available.")
        endpoint = room.store.endpoint(params["EndpointArn"])
        if endpoint.status != "active":
            raise invalid_state(f"Endpoint {endpoint.arn} is {endpoint.status}, not active.")
        row = room.store.connection(instance.arn, endpoint.arn)
        if row is not None and row.status not in ("successful", "failed"):
            raise invalid_state(f"Connection of {instance.arn} and {endpoint.arn} is already being tested.")
        row = begin(room, instance, endpoint)
        shown = answer(room, row)
        room.spawn(run(room, row, instance, endpoint), f"test {endpoint.identifier}")
        return {"Connection": shown}

    async def describe(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        found = filters.select(
            room.store.connections,
            params.get("Filters"),
            {"endpoint-arn": lambda c: c.endpoint_arn, "replication-instance-arn": lambda c: c.instance_arn},
        )
        if not found:
            _require_known(room, params.get("Filters") or [])
        shown, marker = paging.page(found, params, lambda c: c.serial)
        return paging.answer("Connections", [answer(room, row) for row in shown], marker)

    async def delete(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        row = room.store.connection(params["ReplicationInstanceArn"], params["EndpointArn"])
        if row is None:
            raise not_found("No Connections found matching provided ARNs")
        if row.status == "testing":
            raise invalid_state("The connection is being tested.")
        row.status = "deleting"
        shown = answer(room, row)
        room.store.connections.remove(row)
        room.changed()
        return {"Connection": shown}

    return {"TestConnection": test, "DescribeConnections": describe, "DeleteConnection": delete}


def recover(room: Room) -> None:
    """After a restart of the sandbox nobody knows how a test under way went."""
    room.store.connections = [row for row in room.store.connections if row.status in ("successful", "failed")]


def begin(room: Room, instance: Instance, endpoint: Endpoint) -> Connection:
    """The pair's row, `testing` from now on."""
    row = room.store.connection(instance.arn, endpoint.arn)
    if row is None:
        row = Connection(instance.arn, endpoint.arn, room.store.next())
        room.store.connections.append(row)
    row.status, row.message = "testing", None
    room.changed()
    return row


async def run(room: Room, row: Connection, instance: Instance, endpoint: Endpoint) -> None:
    """Test for real and write the result into the row. A row that was invalidated meanwhile keeps out of the store."""
    message: str | None = None
    try:
        await room.world.pace.wait("dms.connection.test")
        await reach.check(room, instance, endpoint)
    except reach.UnreachableError as error:
        message = error.tested()
    except Exception as error:
        log.exception("connection test of %s", endpoint.identifier)
        message = reach.UnreachableError("The sandbox could not test the endpoint", str(error)).tested()
    row.status, row.message = ("failed", message) if message else ("successful", None)
    room.changed()


async def test_untested(room: Room, instance: Instance, endpoints: list[Endpoint]) -> None:
    """The tests DMS makes around a task's creation: of endpoints nobody has tested from this instance.

    A test already under way is waited for, so that the task is not `ready` before its connections are known.
    """
    waiting = []
    for endpoint in endpoints:
        row = room.store.connection(instance.arn, endpoint.arn)
        if row is None:
            row = begin(room, instance, endpoint)
            waiting.append(run(room, row, instance, endpoint))
        elif row.status == "testing":
            waiting.append(_settled(row))
    if waiting:
        await asyncio.gather(*waiting)


async def _settled(row: Connection) -> None:
    end = time.monotonic() + reach.TIMEOUT_SECONDS
    while row.status == "testing" and time.monotonic() < end:  # noqa: ASYNC110
        await asyncio.sleep(0.05)


def tested(room: Room, instance_arn: str, endpoint_arn: str) -> bool:
    """Whether the last known result of the pair is a success."""
    row = room.store.connection(instance_arn, endpoint_arn)
    return row is not None and row.status == "successful"


def answer(room: Room, row: Connection) -> dict[str, Any]:
    """A connection as the API shows it."""
    instance = room.store.instances.get(row.instance_arn)
    endpoint = room.store.endpoints.get(row.endpoint_arn)
    return present(
        {
            "ReplicationInstanceArn": row.instance_arn,
            "EndpointArn": row.endpoint_arn,
            "Status": row.status,
            "LastFailureMessage": row.message,
            "EndpointIdentifier": endpoint.identifier if endpoint else None,
            "ReplicationInstanceIdentifier": instance.identifier if instance else None,
        }
    )


def _require_known(room: Room, asked: list[dict[str, Any]]) -> None:
    """No rows for a resource that is gone is a fault; for one that stands and was never tested an empty list."""
    for entry in asked:
        records = room.store.endpoints if entry["Name"] == "endpoint-arn" else room.store.instances
        if not any(value in records for value in entry["Values"]):
            raise not_found("No Connections found matching provided filters")
