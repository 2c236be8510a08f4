"""DMS events as rows and detail."""

from __future__ import annotations

from dmstui.kinds.kind import Column, Kind, State
from dmstui.kinds.text import when
from dmstui.model import Event, Snapshot


def state(record: Event, _: Snapshot) -> State:
    """Failures stand out."""
    if "failure" in record.categories:
        return "bad"
    return "late" if "low storage" in record.categories else "idle"


def detail(record: Event, _: Snapshot) -> list[tuple[str, str]]:
    """The whole event."""
    return [
        ("Time", when(record.at)),
        ("Source", record.source),
        ("Source type", record.source_type),
        ("Categories", ", ".join(record.categories)),
        ("Message", record.message),
    ]


KIND: Kind[Event] = Kind(
    name="event",
    plural="events",
    columns=(
        Column("at", "Time", 20, lambda r, s: when(r.at), lambda r, s: r.at, descending=True),
        Column("source", "Source", 26, lambda r, s: r.source, lambda r, s: r.source),
        Column(
            "categories",
            "Category",
            20,
            lambda r, s: ", ".join(r.categories),
            lambda r, s: r.categories,
            from_width=100,
        ),
        Column("message", "Message", 60, lambda r, s: r.message, lambda r, s: r.message, flexible=True),
    ),
    key=lambda record: f"{record.at.isoformat()}|{record.source}|{record.message}",
    title=lambda record: record.message,
    records=lambda snapshot: snapshot.events.value,
    detail=detail,
    state=state,
)
