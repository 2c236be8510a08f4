"""Connection tests (instance x endpoint, last known result) as rows and detail."""

from __future__ import annotations

from dmstui.kinds.kind import Column, Kind, State
from dmstui.kinds.text import NONE
from dmstui.model import Connection, Snapshot, parse_failure


def state(record: Connection, _: Snapshot) -> State:
    """As the last test went."""
    return {"failed": "bad", "testing": "busy", "successful": "ok", "deleting": "busy"}.get(  # type: ignore[return-value]
        record.status, "unknown"
    )


def detail(record: Connection, _: Snapshot) -> list[tuple[str, str]]:
    """The last test's result; SQLSTATE apart where the message has one."""
    rows = [
        ("Instance", record.instance_name),
        ("Endpoint", record.endpoint_name),
        ("Last test", record.status),
        ("Failure", record.failure or NONE),
    ]
    failure = parse_failure(record.failure)
    if failure and failure.sqlstate:
        rows.append(("SQLSTATE", failure.sqlstate))
    return [*rows, ("Instance ARN", record.instance_arn), ("Endpoint ARN", record.endpoint_arn)]


KIND: Kind[Connection] = Kind(
    name="connection",
    plural="connections",
    columns=(
        Column("endpoint_name", "Endpoint", 28, lambda r, s: r.endpoint_name, lambda r, s: r.endpoint_name),
        Column("instance_name", "Instance", 24, lambda r, s: r.instance_name, lambda r, s: r.instance_name),
        Column("status", "Last test", 11, lambda r, s: r.status, lambda r, s: r.status),
        Column(
            "failure",
            "Why",
            50,
            lambda r, s: " ".join(r.failure.split()),
            lambda r, s: r.failure or None,
            flexible=True,
        ),
    ),
    key=lambda record: record.key,
    title=lambda record: f"{record.endpoint_name} from {record.instance_name}",
    records=lambda snapshot: snapshot.connections.value,
    detail=detail,
    state=state,
    operations=("test-connection",),
)
