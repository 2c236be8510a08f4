"""Resources of a stack as rows and detail."""

from __future__ import annotations

from dmstui.kinds.kind import Column, Kind
from dmstui.kinds.stack_event import status_state
from dmstui.kinds.text import NONE, when
from dmstui.model import Snapshot, StackResource


def detail(record: StackResource, _: Snapshot) -> list[tuple[str, str]]:
    """Where the resource stands."""
    return [
        ("Resource", record.logical_id),
        ("Type", record.type),
        ("Physical id", record.physical_id or NONE),
        ("Status", record.status),
        ("Reason", record.reason or NONE),
        ("Changed", when(record.at) or NONE),
    ]


KIND: Kind[StackResource] = Kind(
    name="stack-resource",
    plural="stack resources",
    columns=(
        Column("logical_id", "Resource", 28, lambda r, s: r.logical_id, lambda r, s: r.logical_id),
        Column("type", "Type", 36, lambda r, s: r.type, lambda r, s: r.type, from_width=100),
        Column("status", "Status", 20, lambda r, s: r.status, lambda r, s: r.status),
        Column(
            "physical_id",
            "Physical id",
            40,
            lambda r, s: r.physical_id,
            lambda r, s: r.physical_id,
            from_width=120,
            flexible=True,
        ),
        Column("reason", "Reason", 40, lambda r, s: r.reason, lambda r, s: r.reason or None, flexible=True),
    ),
    key=lambda record: record.logical_id,
    title=lambda record: record.logical_id,
    records=lambda snapshot: (),
    detail=detail,
    state=lambda record, snapshot: status_state(record.status),
)
