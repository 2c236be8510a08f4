"""Endpoints as rows and detail."""

from __future__ import annotations

from dmstui.kinds.kind import Column, Kind, State
from dmstui.kinds.text import NONE
from dmstui.model import Endpoint, Snapshot


def last_test(record: Endpoint, snapshot: Snapshot) -> str:
    """The worst known result over all instances, empty when never tested."""
    found = {item.status for item in snapshot.connections.value if item.endpoint_arn == record.arn}
    for status in ("failed", "testing", "successful"):
        if status in found:
            return status
    return next(iter(found), "")


def state(record: Endpoint, snapshot: Snapshot) -> State:
    """As its connection tests went."""
    return {"failed": "bad", "testing": "busy", "successful": "ok"}.get(  # type: ignore[return-value]
        last_test(record, snapshot), "idle"
    )


def where(record: Endpoint, _: Snapshot) -> str:
    """Host and port, or the bucket."""
    if record.server:
        return f"{record.server}:{record.port}" if record.port else record.server
    bucket = record.settings.get("BucketName")
    folder = record.settings.get("BucketFolder")
    if bucket:
        return f"s3://{bucket}/{folder}" if folder else f"s3://{bucket}"
    return record.secret_id.rsplit(":", 1)[-1]


def detail(record: Endpoint, snapshot: Snapshot) -> list[tuple[str, str]]:
    """Everything the service says of it, settings included; it never gives passwords back."""
    rows = [
        ("Identifier", record.name),
        ("Kind", record.kind),
        ("Engine", record.engine_display or record.engine),
        ("Status", record.status),
        ("Where", where(record, snapshot) or NONE),
        ("Database", record.database or NONE),
        ("User", record.username or NONE),
        ("SSL mode", record.ssl_mode or NONE),
        ("Secret", record.secret_id or NONE),
        ("Certificate", record.certificate_arn or NONE),
        ("Extra attributes", record.extra_attributes or NONE),
    ]
    rows += [(name, str(value)) for name, value in sorted(record.settings.items())]
    for item in snapshot.connections.value:
        if item.endpoint_arn == record.arn:
            rows.append((f"Test from {item.instance_name or item.instance_arn}", item.failure or item.status))
    rows.append(("ARN", record.arn))
    return rows


KIND: Kind[Endpoint] = Kind(
    name="endpoint",
    plural="endpoints",
    columns=(
        Column("name", "Endpoint", 28, lambda r, s: r.name, lambda r, s: r.name, flexible=True),
        Column("kind", "Kind", 6, lambda r, s: r.kind, lambda r, s: r.kind),
        Column("engine", "Engine", 18, lambda r, s: r.engine, lambda r, s: r.engine),
        Column("test", "Last test", 10, last_test, last_test, last_test),
        Column("where", "Where", 40, where, where, where, from_width=90, flexible=True),
        Column("ssl_mode", "SSL", 11, lambda r, s: r.ssl_mode, lambda r, s: r.ssl_mode, from_width=110),
        Column("status", "Status", 8, lambda r, s: r.status, lambda r, s: r.status, from_width=120),
    ),
    key=lambda record: record.arn,
    title=lambda record: record.name,
    records=lambda snapshot: snapshot.endpoints.value,
    detail=detail,
    state=state,
    operations=("test-connection",),
)
