"""How commands print: JSON, tables of a kind, label and value. A terminal gets what fits, a pipe gets everything."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from dmstui.kinds.kind import Column, Kind
    from dmstui.model import Snapshot


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_odd))


def _odd(value: Any) -> Any:
    from dmstui.kinds.kind import plain

    return str(value) if isinstance(value, Path) else plain(value)


def print_kind(
    kind: Kind[Any],
    records: Sequence[Any],
    snapshot: Snapshot,
    *,
    as_json: bool = False,
    hide: Iterable[str] = (),
) -> None:
    """Records as a table, or as a JSON list with every field."""
    if as_json:
        print_json([kind.as_json(record, snapshot) for record in records])
        return
    if not records:
        click.echo(f"no {kind.plural}", err=True)
        return
    columns = [column for column in kind.columns if column.id not in set(hide)]
    rows = [[column.cell(record, snapshot) for column in columns] for record in records]
    for line in table(columns, rows, width()):
        click.echo(line)


def width() -> int | None:
    """Columns of the terminal, None when standard output is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def table(columns: Sequence[Column[Any]], rows: Sequence[Sequence[str]], room: int | None) -> list[str]:
    """Lines of an aligned table. Without `room` nothing is left out or cut."""
    shown = [place for place, column in enumerate(columns) if room is None or column.from_width <= room]
    wide = [max(len(columns[place].title), *(len(row[place]) for row in rows)) for place in shown]
    if room is not None:
        over = sum(wide) + 2 * (len(wide) - 1) - room
        for index in sorted(range(len(shown)), key=lambda i: (not columns[shown[i]].flexible, -wide[i])):
            if over <= 0:
                break
            least = max(len(columns[shown[index]].title), 8)
            cut = min(over, max(0, wide[index] - least))
            wide[index] -= cut
            over -= cut
    lines = []
    for cells in ([column.title for column in columns], *rows):
        parts = []
        for index, place in enumerate(shown):
            text = cells[place]
            if len(text) > wide[index]:
                text = text[: wide[index] - 1] + "…"
            right = columns[place].align == "right"
            parts.append(text.rjust(wide[index]) if right else text.ljust(wide[index]))
        lines.append("  ".join(parts).rstrip())
    return lines


def print_detail(rows: Sequence[tuple[str, str]]) -> None:
    """Labels and values, the labels aligned."""
    longest = max((len(label) for label, _ in rows), default=0)
    for label, value in rows:
        first, *rest = str(value).splitlines() or [""]
        click.echo(f"{label.ljust(longest)}  {first}")
        for line in rest:
            click.echo(f"{' ' * longest}  {line}")
