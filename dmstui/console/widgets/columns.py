"""Columns of a line table: what each shows, how wide it is drawn, which fit a terminal, which letter sorts
it. Pure; `LineTable` draws with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from dmstui.console.paint import Span

# Letters that mean something else when pressed with shift, or stand one shift away from a deed.
RESERVED = frozenset("GRYLSXTJNHDF")


@dataclass(frozen=True, slots=True)
class TableColumn:
    """One column: `cell` gives a record's text, `sort` its place (None sorts last), `look` the style of its text.

    width: cells it takes before anything is left over. flexible: it takes what the others leave.
    from_width: the narrowest terminal that shows it, unless the table is wide. duration: numbers count seconds.
    """

    id: str
    title: str
    width: int
    cell: Callable[[Any], str]
    align: Literal["left", "right"] = "left"
    sort: Callable[[Any], Any] | None = None
    look: Callable[[Any], str] | None = None
    from_width: int = 0
    flexible: bool = False
    duration: bool = False
    descending: bool = False

    def number(self, record: Any) -> float | None:
        """The record's value as a number for filters; None where the column has none."""
        value = self.sort(record) if self.sort else None
        if isinstance(value, tuple):
            value = value[-1] if value else None
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


@dataclass(slots=True)
class Layout:
    """The columns shown now with their widths; widths only grow until the terminal's width or the columns
    change.
    """

    shown: tuple[TableColumn, ...] = ()
    widths: dict[str, int] = field(default_factory=dict)
    natural: dict[str, int] = field(default_factory=dict)
    total: int = 0


def visible(columns: Sequence[TableColumn], terminal: int, wide: bool) -> tuple[TableColumn, ...]:
    """The columns a terminal of this width shows; all of them when the table is wide."""
    return tuple(column for column in columns if wide or terminal >= column.from_width)


def measure(
    columns: Sequence[TableColumn], records: Sequence[Any], before: Mapping[str, int]
) -> dict[str, int]:
    """The widest text of each column among these records, its title and what was widest before."""
    found = {}
    for column in columns:
        longest = max((len(column.cell(record)) for record in records), default=0)
        found[column.id] = max(before.get(column.id, 0), len(column.title) + 1, longest)
    return found


def widths(columns: Sequence[TableColumn], natural: Mapping[str, int], space: int) -> dict[str, int]:
    """Share `space` cells among columns, one blank between two. Columns that find no room at all get 0.

    Each gets what its texts need up to its own width; what is left goes to cut columns from the left, then to the
    flexible ones. With too little space flexible columns give first, then those on the right vanish.
    """
    result = {column.id: min(column.width, max(natural[column.id], len(column.title))) for column in columns}
    order = list(columns)

    def left() -> int:
        used = [result[column.id] for column in order if result[column.id]]
        return space - sum(used) - max(0, len(used) - 1)

    for column in reversed(order):
        if left() >= 0:
            break
        if column.flexible:
            result[column.id] = max(8, result[column.id] + left())
    for column in sorted(order[1:], key=lambda one: one.from_width, reverse=True):
        if left() >= 0:
            break
        result[column.id] = 0
    if left() < 0:
        result[order[0].id] = max(4, result[order[0].id] + left())
    for column in order:
        spare = left()
        if spare <= 0:
            break
        if result[column.id] and not column.flexible:
            result[column.id] += min(spare, max(0, natural[column.id] - result[column.id]))
    flexible = [column for column in order if column.flexible and result[column.id]]
    spare = left()
    for index, column in enumerate(flexible):
        result[column.id] += (
            spare // len(flexible) + (1 if index < spare % len(flexible) else 0) if spare > 0 else 0
        )
    return result


def letters(columns: Sequence[TableColumn]) -> dict[str, str]:
    """A capital letter for each sortable column, from its title where one is free: {letter: column id}."""
    taken: dict[str, str] = {}
    for column in columns:
        if column.sort is None:
            continue
        spare = "ABCEIKMOPQUVWZ"
        for letter in (*column.title.upper(), *spare):
            if letter.isalpha() and letter.isascii() and letter not in RESERVED and letter not in taken:
                taken[letter] = column.id
                break
    return taken


def ordered(records: Sequence[Any], column: TableColumn, descending: bool) -> list[Any]:
    """The records sorted by a column; those without a value last in both directions, equals in their old order."""
    if column.sort is None:
        return list(records)
    keyed = [(column.sort(record), record) for record in records]
    known = [pair for pair in keyed if pair[0] is not None]
    known.sort(key=lambda pair: pair[0], reverse=descending)
    return [record for _, record in known] + [record for value, record in keyed if value is None]


def span(column: TableColumn, record: Any, text: str, row_style: str) -> Span:
    """The cell as a span in its own style, else in the row's."""
    own = column.look(record) if column.look else ""
    return text, own or row_style
