"""Events of a stack as rows and detail."""

from __future__ import annotations

from dmstui.kinds.kind import Column, Kind, State
from dmstui.kinds.text import NONE, when
from dmstui.model import Snapshot, StackEvent


def status_state(status: str) -> State:
    """A CloudFormation status -> how it stands."""
    if status.endswith("_FAILED") or status.startswith("ROLLBACK"):
        return "bad"
    if status.endswith("_IN_PROGRESS"):
        return "busy"
    return "ok" if status.endswith("_COMPLETE") else "idle"


def detail(record: StackEvent, _: Snapshot) -> list[tuple[str, str]]:
    """The whole event."""
    return [
        ("Time", when(record.at)),
        ("Resource", record.logical_id),
        ("Type", record.type),
        ("Status", record.status),
        ("Reason", record.reason or NONE),
        ("Physical id", record.physical_id or NONE),
    ]


KIND: Kind[StackEvent] = Kind(
    name="stack-event",
    plural="stack events",
    columns=(
        Column("at", "Time", 20, lambda r, s: when(r.at), lambda r, s: r.at, descending=True),
        Column("logical_id", "Resource", 28, lambda r, s: r.logical_id, lambda r, s: r.logical_id),
        Column("type", "Type", 34, lambda r, s: r.type, lambda r, s: r.type, from_width=120),
        Column("status", "Status", 20, lambda r, s: r.status, lambda r, s: r.status),
        Column("reason", "Reason", 50, lambda r, s: r.reason, lambda r, s: r.reason or None, flexible=True),
    ),
    key=lambda record: record.id,
    title=lambda record: f"{record.logical_id} {record.status}",
    records=lambda snapshot: (),
    detail=detail,
    state=lambda record, snapshot: status_state(record.status),
)
