"""CloudFormation stacks as rows and detail."""

from __future__ import annotations

from dmstui.kinds.kind import Column, Kind, State
from dmstui.kinds.text import NONE, when
from dmstui.model import Snapshot, Stack


def state(record: Stack, _: Snapshot) -> State:
    """Under way, failed, standing."""
    if not record.settled:
        return "busy"
    return "bad" if record.failed else "ok"


def detail(record: Stack, _: Snapshot) -> list[tuple[str, str]]:
    """Status, parameters, outputs, tags."""
    rows = [
        ("Name", record.name),
        ("Status", record.status),
        ("Reason", record.reason or NONE),
        ("Description", record.description or NONE),
        ("Created", when(record.created) or NONE),
        ("Updated", when(record.updated) or NONE),
        ("Scenario", record.scenario or NONE),
    ]
    rows += [(f"Parameter {name}", value) for name, value in sorted(record.parameters.items())]
    rows += [(f"Output {output.key}", output.value) for output in record.outputs]
    rows += [(f"Tag {name}", value) for name, value in sorted(record.tags.items())]
    return [*rows, ("Id", record.id)]


KIND: Kind[Stack] = Kind(
    name="stack",
    plural="stacks",
    columns=(
        Column("name", "Stack", 32, lambda r, s: r.name, lambda r, s: r.name, flexible=True),
        Column("status", "Status", 27, lambda r, s: r.status, lambda r, s: r.status),
        Column(
            "scenario",
            "Scenario",
            22,
            lambda r, s: r.scenario or "",
            lambda r, s: r.scenario,
            lambda r, s: r.scenario,
            from_width=90,
        ),
        Column(
            "changed",
            "Changed",
            20,
            lambda r, s: when(r.updated or r.created),
            lambda r, s: r.updated or r.created,
            from_width=100,
            descending=True,
        ),
        Column(
            "reason",
            "Reason",
            40,
            lambda r, s: r.reason,
            lambda r, s: r.reason or None,
            from_width=120,
            flexible=True,
        ),
    ),
    key=lambda record: record.name,
    title=lambda record: record.name,
    records=lambda snapshot: snapshot.stacks.value,
    detail=detail,
    state=state,
    operations=("delete-stack",),
)
