"""RefreshSchemas, DescribeRefreshSchemasStatus, DescribeSchemas: schema names, read through the instance."""

from __future__ import annotations

import time
from typing import Any

from dmstui.sandbox.dms import paging, reach
from dmstui.sandbox.dms.engines import ENGINES, POSTGRES
from dmstui.sandbox.dms.faults import invalid_state, not_found
from dmstui.sandbox.dms.room import Room, moment, present
from dmstui.sandbox.dms.store import Endpoint, Instance
from dmstui.sandbox.engines.base import Address, Credentials
from dmstui.sandbox.service import Call, Handler

_SCHEMAS = """
SELECT nspname FROM pg_namespace
WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema' AND has_schema_privilege(oid, 'USAGE')
ORDER BY nspname
"""


def operations(room: Room) -> dict[str, Handler]:
    """The handlers of this group."""

    async def refresh(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        instance = room.store.instance(params["ReplicationInstanceArn"])
        endpoint = room.store.endpoint(params["EndpointArn"])
        if instance.status != "available":
            raise invalid_state(f"Replication Instance {instance.arn} is {instance.status}, not available.")
        if endpoint.refresh is not None and endpoint.refresh["status"] == "refreshing":
            raise invalid_state("A refresh of the schemas is under way already.")
        endpoint.refresh = {"instance": instance.arn, "status": "refreshing", "at": None, "message": None}
        room.spawn(_refresh(room, instance, endpoint), f"refresh schemas of {endpoint.identifier}")
        return {"RefreshSchemasStatus": _status(endpoint)}

    async def status(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        endpoint = room.store.endpoint(params["EndpointArn"])
        if endpoint.refresh is None:
            raise not_found(f"No refresh schemas status found for endpoint {endpoint.arn}")
        return {"RefreshSchemasStatus": _status(endpoint)}

    async def describe(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        endpoint = room.store.endpoint(params["EndpointArn"])
        if endpoint.schemas is None:
            raise invalid_state(f"The schemas of endpoint {endpoint.arn} have not been refreshed yet.")
        shown, marker = paging.page(endpoint.schemas, params)
        return {"Schemas": list(shown)} | ({"Marker": marker} if marker else {})

    return {
        "RefreshSchemas": refresh,
        "DescribeRefreshSchemasStatus": status,
        "DescribeSchemas": describe,
    }


def _status(endpoint: Endpoint) -> dict[str, Any]:
    found = endpoint.refresh or {}
    return present(
        {
            "EndpointArn": endpoint.arn,
            "ReplicationInstanceArn": found.get("instance"),
            "Status": found.get("status"),
            "LastRefreshDate": moment(found.get("at")),
            "LastFailureMessage": found.get("message"),
        }
    )


async def _refresh(room: Room, instance: Instance, endpoint: Endpoint) -> None:
    await room.world.pace.wait("dms.schemas")
    assert endpoint.refresh is not None
    try:
        endpoint.schemas = await _read(room, instance, endpoint)
        endpoint.refresh |= {"status": "successful", "at": time.time()}
    except reach.UnreachableError as error:
        endpoint.refresh |= {"status": "failed", "at": time.time(), "message": error.tested()}
    room.changed()


async def _read(room: Room, instance: Instance, endpoint: Endpoint) -> list[str]:
    if ENGINES[endpoint.engine].kind != POSTGRES:
        raise reach.lacking(endpoint)
    from dmstui.sandbox.engines.postgres import errors, session

    await reach.check(room, instance, endpoint)
    found = await reach.way(room, instance, endpoint)
    access = session.Access(
        Address(found.route.host, found.route.port, found.login.database),
        Credentials(found.login.user, found.login.password),
        found.login.ssl_mode,
        found.login.ca_pem,
        found.login.server_name,
    )
    try:
        connection = await session.connect(access, seconds=reach.CONNECT_SECONDS)
        try:
            return [row["nspname"] for row in await connection.fetch(_SCHEMAS)]
        finally:
            await connection.close(timeout=5)
    except Exception as error:
        said = errors.tested(errors.classify(error))
        raise reach.UnreachableError("Failed to read the schemas.", said.message, said.dms_text) from None
