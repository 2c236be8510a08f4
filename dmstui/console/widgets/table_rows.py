"""The rows behind a line table without any drawing: order, filter, marks and a cursor that is a key. Pure;
`LineTable` owns one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dmstui.console.widgets import columns as cols
from dmstui.console.widgets.columns import TableColumn
from dmstui.console.widgets.filter import Filter, Row, parse

TROUBLE = frozenset({"bad", "late"})


class TableRows:
    """Records told apart by key. Cursor, marks and order hold by key while records come and go."""

    def __init__(
        self,
        columns: Sequence[TableColumn],
        key: Callable[[Any], str],
        state: Callable[[Any], str] | None = None,
        default_order: Callable[[Any], Any] | None = None,
    ) -> None:
        """state: a record's state name. default_order: sort key until a column is chosen."""
        self.columns = tuple(columns)
        self.key = key
        self.state = state
        self.default_order = default_order
        self.filter = Filter()
        self.only_trouble = False
        self.sort_column: str | None = None
        self.descending = False
        self.marks: set[str] = set()
        self.range_start: str | None = None
        self.records: dict[str, Any] = {}
        self.shown: list[str] = []
        self.places: dict[str, int] = {}
        self.cursor: str | None = None
        self._order: list[str] = []
        self._texts: dict[str, tuple[Any, str]] = {}

    @property
    def position(self) -> int:
        """The cursor's place among the shown rows, from 0; -1 without rows."""
        return self.places.get(self.cursor, -1) if self.cursor is not None else -1

    @property
    def record(self) -> Any | None:
        """The record under the cursor."""
        return self.records.get(self.cursor) if self.cursor is not None else None

    def replace(self, records: Sequence[Any], *, resort: bool, to_first: bool = False) -> None:
        """The records as they are now. They keep their order unless some came or went, or `resort` is asked for."""
        fresh = {self.key(record): record for record in records}
        changed = fresh.keys() != self.records.keys()
        self.records = fresh
        if changed or resort:
            self.sort()
        self.narrow(to_first=to_first)

    def sort(self) -> None:
        """Order by the chosen column, else by the default."""
        records = list(self.records.values())
        column = next((one for one in self.columns if one.id == self.sort_column), None)
        if column is not None:
            records = cols.ordered(records, column, self.descending)
        elif self.default_order is not None:
            records.sort(key=self.default_order)
        self._order = [self.key(record) for record in records]

    def sort_by(self, column_id: str | None, descending: bool | None = None) -> None:
        """Choose a column; again the other way round. None goes back to the default order."""
        column = next((one for one in self.columns if one.id == column_id), None)
        if column is None:
            self.sort_column = None
        elif descending is not None:
            self.sort_column, self.descending = column.id, descending
        elif self.sort_column == column.id:
            self.descending = not self.descending
        else:
            self.sort_column, self.descending = column.id, column.descending
        self.sort()
        self.narrow()

    def narrow(self, *, to_first: bool = False) -> None:
        """Work out which rows are shown; a cursor whose record is gone or hidden goes to the row that took
        its place.
        """
        index = self.position
        if self.filter or self.only_trouble:
            self.shown = [key for key in self._order if key in self.records and self._passes(key)]
        else:
            self.shown = [key for key in self._order if key in self.records]
        self.places = {key: place for place, key in enumerate(self.shown)}
        self.marks &= self.records.keys()
        if not self.shown:
            self.cursor = None
        elif to_first:
            self.cursor = self.shown[0]
        elif self.cursor not in self.places:
            self.cursor = self.shown[max(0, min(index, len(self.shown) - 1))]

    def filter_by(self, text: str) -> bool:
        """Filter by a text; True when that changed anything. Raises BadFilterError and keeps the last good
        filter.
        """
        wanted = parse(
            text,
            {column.id for column in self.columns},
            {column.id for column in self.columns if column.duration},
        )
        if wanted == self.filter:
            return False
        self.filter = wanted
        self.narrow()
        return True

    def _passes(self, key: str) -> bool:
        record = self.records[key]
        if self.only_trouble and self.state is not None and self.state(record) not in TROUBLE:
            return False
        if not self.filter:
            return True
        named = {column.id: column for column in self.columns}
        return self.filter.accepts(
            Row(
                self._text(key, record),
                lambda name: named[name].cell(record),
                lambda name: named[name].number(record),
            )
        )

    def _text(self, key: str, record: Any) -> str:
        held = self._texts.get(key)
        if held is None or held[0] is not record:
            # numbers are compared by column; leaving them out keeps ten thousand rows under a tenth of a second
            held = (
                record,
                "  ".join(column.cell(record) for column in self.columns if column.align == "left"),
            )
            self._texts[key] = held
        return held[1]

    # marks

    def marked(self, key: str) -> bool:
        """Marked, or within the range that is being made."""
        if key in self.marks:
            return True
        if self.range_start is None or self.range_start not in self.places:
            return False
        low, high = sorted((self.places[self.range_start], self.position))
        return low <= self.places.get(key, -1) <= high

    def mark_range(self) -> None:
        """Begin a range at the cursor; again marks it."""
        if self.range_start is None or self.range_start not in self.places:
            self.range_start = self.cursor
        else:
            self.marks |= {key for key in self.shown if self.marked(key)}
            self.range_start = None

    def mark_all(self) -> None:
        """Mark all shown rows; unmark them when all are marked."""
        shown = set(self.shown)
        self.marks = self.marks - shown if shown <= self.marks else self.marks | shown

    @property
    def hidden_marks(self) -> int:
        """Marked records that the filter hides."""
        return sum(1 for key in self.marks if key in self.records and key not in self.places)

    def chosen(self) -> list[Any]:
        """Marked records in table order, hidden ones left out; the one under the cursor when none is marked."""
        marked = [self.records[key] for key in self.shown if key in self.marks]
        if marked:
            return marked
        return [] if self.record is None else [self.record]

    def peel(self) -> bool:
        """Take one thing away: a range begun, then marks, then trouble, then the filter. False when none was
        left.
        """
        if self.range_start:
            self.range_start = None
        elif self.marks:
            self.marks.clear()
        elif self.only_trouble:
            self.only_trouble = False
            self.narrow()
        elif self.filter:
            self.filter = Filter()
            self.narrow()
        else:
            return False
        return True

    def summary(self) -> str:
        """`41 of 600  /lag>30s  3 marked`, shorter where there is less to say."""
        total = len(self.records)
        parts = [f"{len(self.shown):,} of {total:,}" if len(self.shown) != total else f"{total:,}"]
        if self.filter:
            parts.append(f"/{self.filter.text}")
        if self.only_trouble:
            parts.append("only trouble")
        marked = sum(1 for key in self.marks if key in self.records)
        if marked:
            parts.append(f"{marked} marked" + (f", {self.hidden_marks} hidden" if self.hidden_marks else ""))
        if self.range_start:
            parts.append("v ends the range")
        return "  ".join(parts)
