"""Lines of a task's log as rows and detail."""

from __future__ import annotations

from dmstui.kinds.kind import Column, Kind, State
from dmstui.kinds.text import NONE, when
from dmstui.model import LogLine, Snapshot
from dmstui.model.logs import SEVERITIES


def state(record: LogLine, _: Snapshot) -> State:
    """Errors and warnings stand out."""
    return {"E": "bad", "W": "late"}.get(record.severity, "idle")  # type: ignore[return-value]


def detail(record: LogLine, _: Snapshot) -> list[tuple[str, str]]:
    """The whole line."""
    return [
        ("Time", when(record.at)),
        ("Component", record.component or NONE),
        ("Severity", SEVERITIES.get(record.severity, NONE)),
        ("Message", record.message),
        ("Line", record.text),
    ]


KIND: Kind[LogLine] = Kind(
    name="log",
    plural="log lines",
    columns=(
        Column("at", "Time", 20, lambda r, s: when(r.at), lambda r, s: r.at, descending=True),
        Column("severity", "S", 1, lambda r, s: r.severity, lambda r, s: r.severity),
        Column("component", "Component", 16, lambda r, s: r.component, lambda r, s: r.component),
        Column("message", "Message", 80, lambda r, s: r.message, lambda r, s: r.message, flexible=True),
    ),
    key=lambda record: record.event_id or f"{record.at.isoformat()}|{record.text}",
    title=lambda record: record.message,
    records=lambda snapshot: (),
    detail=detail,
    state=state,
)
