"""Line tables over a kind, as screens build them: columns from `kinds/`, state shapes, the app's clock and
symbols.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dmstui.console import placeholders
from dmstui.console.screens.view import View
from dmstui.console.widgets.kind_columns import Look, from_kind
from dmstui.console.widgets.line_table import LineTable
from dmstui.console.widgets.pane import Pane
from dmstui.kinds import Kind
from dmstui.model import Part


def kind_table(
    view: View,
    kind: Kind[Any],
    *,
    only: Sequence[str] = (),
    changes: Mapping[str, Mapping[str, object]] | None = None,
    looks: Mapping[str, Look] | None = None,
    order: Callable[[Any], Any] | None = None,
    markable: bool = False,
    headings: bool = True,
    idle_cursor: bool = True,
    live: bool = False,
    name: str = "",
) -> LineTable:
    """A table of a kind for a view. order: the sort key until a column is chosen; default is trouble, then
    the title.
    """
    app = view.console

    def known_state(record: Any) -> str:
        return kind.state(record, app.known)

    return LineTable(
        from_kind(kind, lambda: app.known, only, looks, **(changes or {})),
        kind.key,
        state=known_state,
        default_order=order or (lambda record: kind.title(record).lower()),
        markable=markable,
        headings=headings,
        idle_cursor=idle_cursor,
        live=live,
        now=app.clock.monotonic,
        symbols=app.symbols,
        id=name or f"{view.NAME}-{kind.name}",
    )


def fill(view: View, table: LineTable, part: Part[tuple[Any, ...]], what: str, empty: str = "") -> None:
    """Put a part of the Snapshot into a table: rows, or why there are none; a failed poll keeps the old
    rows, dimmed.
    """
    app = view.console
    snapshot = app.known
    table.stale = placeholders.stale(part, snapshot) or bool(app.monitor_error)
    table.notice = placeholders.notice(part)
    table.say(*placeholders.lines(part, what, snapshot, app.monitor_error, empty))
    table.show(part.value)


def title(pane: Pane, text: str, table: LineTable) -> None:
    """The pane's title with the table's count, filter and marks at the right."""
    pane.label(text, table.summary())
