"""What a resource kind is: its columns, its key, its detail, its operations. Tables and --json both read it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from dmstui.kinds.text import iso

if TYPE_CHECKING:
    from dmstui.model import Snapshot

R = TypeVar("R")
# How a record stands, for shape and colour: `late` is behind but working, `busy` is changing by itself.
State = Literal["bad", "late", "ok", "busy", "idle", "unknown"]


@dataclass(frozen=True, slots=True)
class Column(Generic[R]):
    """One column of a kind.

    cell: the text shown. sort: what orders it and what a filter compares, None for "has none". value: what --json
    carries, the cell's text when left out. width: cells it takes; flexible: takes what others leave. from_width:
    the narrowest terminal that shows it, unless the table is wide. descending: largest first when sorted.
    duration: `sort` is in seconds.
    """

    id: str
    title: str
    width: int
    cell: Callable[[R, Snapshot], str]
    sort: Callable[[R, Snapshot], Any] | None = None
    value: Callable[[R, Snapshot], Any] | None = None
    align: Literal["left", "right"] = "left"
    from_width: int = 0
    flexible: bool = False
    descending: bool = False
    duration: bool = False


@dataclass(frozen=True, slots=True)
class Kind(Generic[R]):
    """A resource kind. `operations` are ids of the verbs that apply; `records` finds all of them in a Snapshot."""

    name: str
    plural: str
    columns: tuple[Column[R], ...]
    key: Callable[[R], str]
    title: Callable[[R], str]
    records: Callable[[Snapshot], tuple[R, ...]]
    detail: Callable[[R, Snapshot], list[tuple[str, str]]]
    state: Callable[[R, Snapshot], State]
    operations: tuple[str, ...] = ()

    def row(self, record: R, snapshot: Snapshot) -> list[str]:
        """The cells in order."""
        return [column.cell(record, snapshot) for column in self.columns]

    def as_json(self, record: R, snapshot: Snapshot) -> dict[str, Any]:
        """The record with all its fields, and below them the columns that are worked out."""
        found = plain(record)
        for column in self.columns:
            if column.value is not None:
                found[column.id] = plain(column.value(record, snapshot))
        return dict(found)

    def column(self, column_id: str) -> Column[R]:
        """A column by id; KeyError when there is none."""
        for column in self.columns:
            if column.id == column_id:
                return column
        raise KeyError(column_id)


def plain(value: Any) -> Any:
    """A record as JSON can carry it: times in ISO 8601 UTC, dataclasses and tuples opened."""
    if isinstance(value, datetime):
        return iso(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value


def parsed(text: str | None) -> Any:
    """A JSON text opened, so that exports nest it; as it stands when it is none."""
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text
