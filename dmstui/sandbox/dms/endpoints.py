"""Endpoints: create, describe, modify, delete, and the settings a worker takes from one."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from dmstui.sandbox import wire
from dmstui.sandbox.dms import endpoint_checks, filters, identifiers, paging
from dmstui.sandbox.dms.engines import ENGINES
from dmstui.sandbox.dms.faults import exists, invalid_state, not_found, quota
from dmstui.sandbox.dms.room import Room, present
from dmstui.sandbox.dms.store import Endpoint
from dmstui.sandbox.service import Call, Handler

MAX_ENDPOINTS = 1000
BUSY = ("starting", "running", "stopping", "modifying", "moving", "testing")

# member of the request → field of the record
_MEMBERS = {
    "EndpointType": "type",
    "Username": "username",
    "Password": "password",
    "ServerName": "server_name",
    "Port": "port",
    "DatabaseName": "database",
    "ExtraConnectionAttributes": "attributes",
    "SslMode": "ssl_mode",
    "CertificateArn": "certificate_arn",
    "ServiceAccessRoleArn": "role_arn",
    "ExternalTableDefinition": "table_definition",
}
# Members a settings block shares with the top of an endpoint, where the top wins.
_SHARED = ("Username", "Password", "ServerName", "Port", "DatabaseName")
# What the API shows of an S3 endpoint that did not say.
_S3_DEFAULTS = {
    "CsvRowDelimiter": "\\n",
    "CsvDelimiter": ",",
    "CompressionType": "NONE",
    "DataFormat": "csv",
    "EnableStatistics": True,
    "DatePartitionEnabled": False,
}
_UPPER = ("CompressionType", "EncryptionMode", "ParquetVersion", "EncodingType")


def operations(room: Room) -> dict[str, Handler]:
    """The handlers of this group."""

    async def create(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        store = room.store
        engine = endpoint_checks.engine_of(params["EngineName"])
        suffix = identifiers.new_suffix(params.get("ResourceIdentifier"))
        endpoint = Endpoint(
            arn=room.arn("endpoint", suffix),
            identifier=params["EndpointIdentifier"].lower(),
            type=params["EndpointType"],
            engine=params["EngineName"],
            created=time.time(),
            serial=0,
            kms_key=params.get("KmsKeyId"),
        )
        _take(endpoint, params, dict(params.get(engine.block) or {}) if engine.block else {})
        if engine.login and not endpoint.kms_key:
            world = room.world
            endpoint.kms_key = f"arn:{world.partition}:kms:{world.region}:{world.account_id}:alias/aws/dms"
        endpoint_checks.check(room, endpoint)
        tags = identifiers.check_tags(params.get("Tags") or [])
        _require_free(room, endpoint)
        if len(store.endpoints) >= MAX_ENDPOINTS:
            raise quota(f"The quota of {MAX_ENDPOINTS} endpoints is reached.")
        endpoint.serial = store.next()
        store.endpoints[endpoint.arn] = endpoint
        room.put_tags(endpoint.arn, tags)
        room.changed()
        return {"Endpoint": answer(endpoint)}

    async def describe(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        found = filters.select(
            room.store.endpoints.values(),
            params.get("Filters"),
            {
                "endpoint-arn": lambda e: e.arn,
                "endpoint-type": lambda e: e.type,
                "endpoint-id": lambda e: e.identifier,
                "engine-name": lambda e: e.engine,
            },
            names=frozenset({"endpoint-id"}),
            folded=frozenset({"endpoint-id", "endpoint-type", "engine-name"}),
        )
        if params.get("Filters") and not found:
            raise not_found("No Endpoints found matching provided filters")
        shown, marker = paging.page(found, params, lambda e: e.serial)
        return paging.answer("Endpoints", [answer(endpoint) for endpoint in shown], marker)

    async def modify(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        endpoint = room.store.endpoint(params["EndpointArn"])
        if any(task.status in BUSY for task in room.store.tasks_of_endpoint(endpoint.arn)):
            raise invalid_state(
                f"Endpoint {endpoint.arn} is in use by a running replication task: stop the task first."
            )
        changed = _modified(endpoint, params)
        endpoint_checks.check(room, changed)
        _require_free(room, changed)
        changed.schemas = changed.refresh = None
        room.store.endpoints[endpoint.arn] = changed
        # What was tested is no longer what stands here: earlier results do not count for a start.
        room.store.forget_connections(endpoint_arn=endpoint.arn)
        room.changed()
        return {"Endpoint": answer(changed)}

    async def delete(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        endpoint = room.store.endpoint(params["EndpointArn"])
        if endpoint.status == "deleting":
            raise invalid_state(f"Endpoint {endpoint.arn} is already being deleted.")
        if room.store.tasks_of_endpoint(endpoint.arn):
            raise invalid_state(f"Endpoint {endpoint.arn} is part of one or more ReplicationTasks.")
        endpoint.status = "deleting"
        room.changed()
        room.spawn(_remove(room, endpoint), f"delete endpoint {endpoint.identifier}")
        return {"Endpoint": answer(endpoint)}

    return {
        "CreateEndpoint": create,
        "DescribeEndpoints": describe,
        "ModifyEndpoint": modify,
        "DeleteEndpoint": delete,
    }


def recover(room: Room) -> None:
    """After a restart of the sandbox: finish deletions."""
    for endpoint in list(room.store.endpoints.values()):
        if endpoint.status == "deleting":
            room.spawn(_remove(room, endpoint), f"delete endpoint {endpoint.identifier}")


def answer(endpoint: Endpoint) -> dict[str, Any]:
    """An endpoint as the API shows it: no password, the type in capitals, the engine's own block always there."""
    engine = ENGINES[endpoint.engine]
    block = _echo(endpoint)
    return present(
        {
            "EndpointIdentifier": endpoint.identifier,
            "EndpointType": endpoint.type.upper(),
            "EngineName": endpoint.engine,
            "EngineDisplayName": engine.display,
            "Username": endpoint.username,
            "ServerName": endpoint.server_name,
            "Port": endpoint.port,
            "DatabaseName": endpoint.database,
            "ExtraConnectionAttributes": endpoint.attributes,
            "Status": endpoint.status,
            "KmsKeyId": endpoint.kms_key,
            "EndpointArn": endpoint.arn,
            "CertificateArn": endpoint.certificate_arn,
            "SslMode": endpoint.ssl_mode,
            "ServiceAccessRoleArn": endpoint_checks.role_of(endpoint),
            "ExternalTableDefinition": endpoint.table_definition,
            "IsReadOnly": False,
        }
        | ({engine.block: block} if engine.block else {})
    )


def effective(endpoint: Endpoint) -> dict[str, Any]:
    """The settings a worker goes by: the block, over it the extra connection attributes that name a member of it."""
    block = ENGINES[endpoint.engine].block
    settings = {name: value for name, value in endpoint.settings.items() if name not in _SHARED}
    attributes = parse_attributes(endpoint.attributes or "")
    if block is None or not attributes:
        return settings
    members = wire.model("dms").shape_for(block).members
    by_name = {name.lower(): name for name in members}
    for key, text in attributes.items():
        name = by_name.get(key.lower())
        if name is not None:
            settings[name] = _typed(members[name].type_name, text)
    if endpoint.engine == "s3":
        settings.setdefault("ServiceAccessRoleArn", endpoint_checks.role_of(endpoint))
    return settings


def parse_attributes(text: str) -> dict[str, str]:
    """`key=value;key=value` as a mapping; a value may hold `=`, never `;`."""
    pairs = (part.partition("=") for part in text.split(";") if "=" in part)
    return {key.strip(): value.strip() for key, _, value in pairs}


def _typed(type_name: str, text: str) -> Any:
    """An attribute's text as the member's type; what does not read as a number stays text for the worker to refuse."""
    if type_name == "boolean":
        return text.lower() in ("true", "y", "yes", "1")
    if type_name in ("integer", "long") and text.lstrip("-").isdigit():
        return int(text)
    return text


def _take(endpoint: Endpoint, params: dict[str, Any], block: dict[str, Any]) -> None:
    """Fill a new record from the request; what stands at the top wins over the same member of the block."""
    for member in _SHARED:
        value = block.pop(member, None)
        if value not in (None, ""):
            setattr(endpoint, _MEMBERS[member], value)
    for member, name in _MEMBERS.items():
        if params.get(member) not in (None, ""):
            setattr(endpoint, name, params[member])
    endpoint.settings = block


def _modified(endpoint: Endpoint, params: dict[str, Any]) -> Endpoint:
    """The record with the request's changes; ExactSettings replaces the block instead of merging into it."""
    name = params.get("EngineName") or endpoint.engine
    block_name = endpoint_checks.engine_of(name).block
    given = dict(params.get(block_name) or {}) if block_name else {}
    same_block = ENGINES[endpoint.engine].block == block_name
    keep = same_block and not (params.get("ExactSettings") and given)
    changed = replace(endpoint, engine=name)
    if given.get(endpoint_checks.SECRET_ID) and endpoint_checks.secret_of(endpoint) is None:
        # Moving to a secret leaves the plain login behind.
        changed.username = changed.password = changed.server_name = changed.port = None
    if params.get("EndpointIdentifier"):
        changed.identifier = params["EndpointIdentifier"].lower()
    merged = (dict(endpoint.settings) if keep else {}) | given
    if params.get("Password") and endpoint_checks.SECRET_ID not in given:
        merged.pop(endpoint_checks.SECRET_ID, None)
        merged.pop(endpoint_checks.SECRET_ROLE, None)
    _take(changed, params, merged)
    return changed


def _echo(endpoint: Endpoint) -> dict[str, Any]:
    block = {name: value for name, value in endpoint.settings.items() if name not in _SHARED}
    if endpoint.engine == "s3":
        block = dict(_S3_DEFAULTS) | block
        for name in _UPPER:
            if block.get(name):
                block[name] = str(block[name]).replace("-", "_").upper()
        block.setdefault("ServiceAccessRoleArn", endpoint_checks.role_of(endpoint) or "")
        return block
    top = {
        "Username": endpoint.username,
        "ServerName": endpoint.server_name,
        "Port": endpoint.port,
        "DatabaseName": endpoint.database,
    }
    if not ENGINES[endpoint.engine].login:
        return block
    members = wire.model("dms").shape_for(ENGINES[endpoint.engine].block or "").members
    return block | {name: value for name, value in top.items() if value is not None and name in members}


def _require_free(room: Room, endpoint: Endpoint) -> None:
    for other in room.store.endpoints.values():
        if other.arn == endpoint.arn and endpoint.serial == 0:
            raise exists(f"Endpoint {endpoint.arn} already exists.")
        if other.identifier == endpoint.identifier and other.arn != endpoint.arn:
            raise exists(f"Endpoint {endpoint.identifier} already exists.")


async def _remove(room: Room, endpoint: Endpoint) -> None:
    await room.world.pace.wait("dms.endpoint.delete")
    room.store.endpoints.pop(endpoint.arn, None)
    room.store.forget_connections(endpoint_arn=endpoint.arn)
    room.store.tags.pop(endpoint.arn, None)
    room.changed()
