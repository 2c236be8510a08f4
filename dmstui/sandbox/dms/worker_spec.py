"""The first line a worker reads: a task, its endpoints as reached now, what the last checkpoint left. For runner.py."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from dmstui.sandbox.dms import endpoints, reach, roles
from dmstui.sandbox.dms.endpoint_checks import role_of
from dmstui.sandbox.dms.engines import ENGINES, POSTGRES, S3
from dmstui.sandbox.dms.identifiers import suffix
from dmstui.sandbox.dms.room import Room
from dmstui.sandbox.dms.store import Endpoint, Instance, Task

METRIC_SECONDS = 5.0
_CHECKPOINT = "checkpoint:V1#"


async def document(room: Room, task: Task, instance: Instance, start_type: str) -> dict[str, Any]:
    """The spec of a run; raises UnreachableError where an endpoint cannot be used at all."""
    source = room.store.endpoints[task.source_arn]
    target = room.store.endpoints[task.target_arn]
    world = room.world
    position, at = start_point(task.cdc_start_position)
    return {
        "task": {
            "arn": task.arn,
            "suffix": suffix(task.arn),
            "name": task.identifier,
            "migration_type": task.migration_type,
            "settings": task.settings,
            "mappings": task.mappings,
            "start_type": start_type,
            "cdc_start_position": position,
            "cdc_start_time": at,
            "cdc_stop_position": task.cdc_stop_position,
        },
        "source": await _source(room, instance, source),
        "target": _target(room, target),
        "aws": {
            "endpoint_url": world.endpoint_url,
            "access_key": world.keys.internal.access_key,
            "secret_key": world.keys.internal.secret_key,
            "region": world.region,
        },
        "resume": task.resume if start_type == "resume-processing" else None,
        "metric_period": METRIC_SECONDS,
    }


def start_point(text: str | None) -> tuple[str | None, str | None]:
    """(native position, ISO time) of a CdcStartPosition, which may be either, or an earlier task's checkpoint."""
    if not text:
        return None, None
    if text.startswith(_CHECKPOINT):
        parts = text.split("#")
        return (parts[2] if len(parts) > 2 else None), None
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return text, None
    return None, text


def checkpoint(position: str, serial: int) -> str:
    """A position in the shape of RecoveryCheckpoint, which `start_point` reads back."""
    return f"{_CHECKPOINT}{serial}#{position}#0#0#*#0#0"


async def _source(room: Room, instance: Instance, endpoint: Endpoint) -> dict[str, Any]:
    if ENGINES[endpoint.engine].kind != POSTGRES:
        raise reach.lacking(endpoint, "source of a task")
    found = await reach.way(room, instance, endpoint)
    server = room.world.engines.by_address(found.login.server_name, found.login.port)
    admin = server.admin if server is not None else None
    return {
        "engine": POSTGRES,
        "server_name": found.login.server_name,
        "host": found.route.host,
        "port": found.route.port,
        "user": found.login.user,
        "password": found.login.password,
        "database": found.login.database,
        "ssl_mode": found.login.ssl_mode,
        "ca_pem": found.login.ca_pem,
        "admin": {"user": admin.user, "password": admin.password} if admin else None,
        "settings": endpoints.effective(endpoint),
        "endpoint_name": endpoint.identifier,
        "connect_seconds": reach.patience(room, instance, found, reach.TIMEOUT_SECONDS),
    }


def _target(room: Room, endpoint: Endpoint) -> dict[str, Any]:
    if ENGINES[endpoint.engine].kind != S3:
        raise reach.lacking(endpoint, "target of a task")
    settings_ = endpoints.effective(endpoint)
    refusal = roles.bucket_refusal(room.world, role_of(endpoint) or "", str(settings_.get("BucketName", "")))
    if refusal:
        raise reach.UnreachableError("Failed to connect to S3.", refusal)
    return {"engine": S3, "settings": settings_, "endpoint_name": endpoint.identifier}
