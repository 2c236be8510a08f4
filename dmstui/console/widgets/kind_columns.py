"""Turns a kind's columns into a table's: the one place where `kinds/` meets the line table. Screens call it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dmstui.console.symbols import STYLE
from dmstui.console.widgets.columns import TableColumn
from dmstui.kinds import Column, Kind
from dmstui.model import Snapshot

Look = Callable[[Any], str]


def from_kind(
    kind: Kind[Any],
    snapshot: Callable[[], Snapshot],
    only: Sequence[str] = (),
    looks: Mapping[str, Look] | None = None,
    **changes: Mapping[str, object],
) -> tuple[TableColumn, ...]:
    """The columns of a kind, all or only those named, in that order.

    looks: a style for a column's cells. changes: by column id, fields of the column to replace.
    Columns called status, state or test are coloured by the record's state.
    """
    wanted = [kind.column(name) for name in only] if only else list(kind.columns)
    made = []
    for column in wanted:
        look = (looks or {}).get(column.id)
        if look is None and column.id in {"status", "state", "test", "stack"}:
            look = by_state(kind, snapshot)
        one = _column(column, snapshot, look)
        made.append(replace(one, **changes[column.id]) if column.id in changes else one)  # type: ignore[arg-type]
    return tuple(made)


def by_state(kind: Kind[Any], snapshot: Callable[[], Snapshot]) -> Look:
    """A style that follows the record's state; plain when all is well."""

    def look(record: Any) -> str:
        state = kind.state(record, snapshot())
        return "" if state in {"ok", "idle", "unknown"} else STYLE[state].removesuffix("+bold")

    return look


def _column(column: Column[Any], snapshot: Callable[[], Snapshot], look: Look | None) -> TableColumn:
    sort = column.sort
    return TableColumn(
        id=column.id,
        title=column.title,
        width=column.width,
        cell=lambda record: column.cell(record, snapshot()),
        align=column.align,
        sort=(lambda record: sort(record, snapshot())) if sort is not None else None,
        look=look,
        from_width=column.from_width,
        flexible=column.flexible,
        duration=column.duration,
        descending=column.descending,
    )
