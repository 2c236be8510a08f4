"""Tables of a task (its table statistics) as rows and detail."""

from __future__ import annotations

from collections.abc import Callable

from dmstui.kinds.kind import Column, Kind, State
from dmstui.kinds.text import NONE, duration, exact, when, yes
from dmstui.model import Snapshot, TableStatistics

_Number = Callable[[TableStatistics], int | None]


def state(record: TableStatistics, _: Snapshot) -> State:
    """In error or with mismatches is bad; loading is busy."""
    if record.errored:
        return "bad"
    if record.validation_failed or record.state == "Table does not exist":
        return "late"
    if record.state in {"Full load", "Table is being reloaded"}:
        return "busy"
    return "ok" if record.state == "Table completed" else "idle"


def load_seconds(record: TableStatistics, snapshot: Snapshot) -> float | None:
    """How long the table's load took, or has taken so far."""
    if record.full_load_start is None:
        return None
    end = record.full_load_end or (snapshot.at if record.state == "Full load" else None)
    return None if end is None else max(0.0, (end - record.full_load_start).total_seconds())


def load_rate(record: TableStatistics, snapshot: Snapshot) -> float | None:
    """Rows a second over the load."""
    seconds = load_seconds(record, snapshot)
    return record.full_load_rows / seconds if seconds else None


def detail(record: TableStatistics, snapshot: Snapshot) -> list[tuple[str, str]]:
    """Everything the service says of it."""
    rate = load_rate(record, snapshot)
    return [
        ("Schema", record.schema),
        ("Table", record.table),
        ("State", record.state),
        ("Rows loaded", exact(record.full_load_rows)),
        ("Rows refused", exact(record.full_load_error_rows)),
        ("Load began", when(record.full_load_start) or NONE),
        ("Load ended", when(record.full_load_end) or NONE),
        ("Load took", duration(load_seconds(record, snapshot))),
        ("Rows a second", NONE if rate is None else f"{rate:,.0f}"),
        ("Reloaded", yes(record.reloaded)),
        ("Inserts", f"{exact(record.inserts)} captured, {exact(record.applied_inserts)} applied"),
        ("Updates", f"{exact(record.updates)} captured, {exact(record.applied_updates)} applied"),
        ("Deletes", f"{exact(record.deletes)} captured, {exact(record.applied_deletes)} applied"),
        ("DDL", f"{exact(record.ddls)} captured, {exact(record.applied_ddls)} applied"),
        ("Validation", record.validation_state or NONE),
        ("Validation detail", record.validation_details or NONE),
        (
            "Rows in validation",
            f"{exact(record.validation_pending)} pending, {exact(record.validation_failed)} failed, "
            f"{exact(record.validation_suspended)} suspended",
        ),
        ("Counters as of", when(record.updated) or NONE),
    ]


def _counter(column_id: str, title: str, number: _Number, from_width: int = 0) -> Column[TableStatistics]:
    return Column(
        column_id,
        title,
        8,
        lambda r, s: exact(number(r)),
        lambda r, s: number(r),
        align="right",
        from_width=from_width,
        descending=True,
    )


KIND: Kind[TableStatistics] = Kind(
    name="table",
    plural="tables",
    columns=(
        Column("table", "Table", 30, lambda r, s: r.name, lambda r, s: r.name, flexible=True),
        Column("state", "State", 23, lambda r, s: r.state, lambda r, s: r.state),
        _counter("full_load_rows", "Rows", lambda r: r.full_load_rows),
        _counter("inserts", "Ins", lambda r: r.inserts),
        _counter("updates", "Upd", lambda r: r.updates),
        _counter("deletes", "Del", lambda r: r.deletes),
        _counter("ddls", "DDL", lambda r: r.ddls, 120),
        Column(
            "applied",
            "Applied",
            8,
            lambda r, s: exact(r.applied),
            lambda r, s: r.applied,
            lambda r, s: r.applied,
            align="right",
            from_width=90,
            descending=True,
        ),
        _counter("full_load_error_rows", "Errors", lambda r: r.full_load_error_rows, 100),
        Column(
            "rate",
            "Rows/s",
            8,
            lambda r, s: NONE if (rate := load_rate(r, s)) is None else f"{rate:,.0f}",
            load_rate,
            load_rate,
            align="right",
            from_width=120,
            descending=True,
        ),
        Column(
            "validation",
            "Validation",
            18,
            lambda r, s: "" if r.validation_state == "Not enabled" else r.validation_state,
            lambda r, s: r.validation_state,
            from_width=110,
        ),
    ),
    key=lambda record: record.name,
    title=lambda record: record.name,
    records=lambda snapshot: (),
    detail=detail,
    state=state,
    operations=("reload-tables",),
)
