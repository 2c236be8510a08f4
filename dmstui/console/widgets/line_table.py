"""The table of every list: draws only the lines that are visible, keeps the cursor on its record over
refreshes, marks, sorts and filters.

Screens hand it records (`show`), read `cursor_record` and `chosen`, and listen to `Moved` and `Entered`. It
knows no AWS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message

from dmstui.console.paint import Line, Span, clean, cut_line, fit, wrap
from dmstui.console.symbols import STYLE, SymbolSet, shapes
from dmstui.console.widgets import columns as cols
from dmstui.console.widgets.columns import TableColumn
from dmstui.console.widgets.filter import Filter
from dmstui.console.widgets.lines import LineWidget
from dmstui.console.widgets.table_rows import TableRows

RESORT_SECONDS = 10.0
QUIET_SECONDS = 3.0


class LineTable(LineWidget, can_focus=True):
    """Rows of frozen records, told apart by key."""

    DEFAULT_CSS = """
    LineTable { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", "down", show=False, id="table.down"),
        Binding("k,up", "move(-1)", "up", show=False, id="table.up"),
        Binding("g,home", "edge(0)", "first", show=False, id="table.first"),
        Binding("G,end", "edge(1)", "last", show=False, id="table.last"),
        Binding("ctrl+d", "page(0.5)", "half a page down", show=False, id="table.half_down"),
        Binding("ctrl+u", "page(-0.5)", "half a page up", show=False, id="table.half_up"),
        Binding("pagedown", "page(1)", "page down", show=False, id="table.page_down"),
        Binding("pageup", "page(-1)", "page up", show=False, id="table.page_up"),
        Binding("left", "sideways(-8)", "scroll left", show=False, id="table.left"),
        Binding("right", "sideways(8)", "scroll right", show=False, id="table.right"),
        Binding("enter", "enter", "open", id="table.enter"),
        Binding("space", "mark", "mark", id="table.mark"),
        Binding("v", "range", "mark a range", show=False, id="table.range"),
        Binding("asterisk", "mark_all", "mark all shown", show=False, id="table.mark_all"),
        Binding("exclamation_mark", "trouble", "only trouble", show=False, id="table.trouble"),
        Binding("w", "wide", "all columns", show=False, id="table.wide"),
    ]

    class Moved(Message):
        """The cursor stands on another record, or on none."""

        def __init__(self, table: LineTable, vanished: bool = False) -> None:
            super().__init__()
            self.table = table
            self.vanished = vanished

        @property
        def control(self) -> LineTable:
            """The table it came from."""
            return self.table

        def can_replace(self, message: Message) -> bool:
            """A burst of moves counts once."""
            return isinstance(message, LineTable.Moved) and message.table is self.table

    class Entered(Message):
        """Enter was pressed on a record."""

        def __init__(self, table: LineTable, record: Any) -> None:
            super().__init__()
            self.table = table
            self.record = record

        @property
        def control(self) -> LineTable:
            """The table it came from."""
            return self.table

    class Changed(Message):
        """Filter, order or marks changed: titles and footers look again."""

        def __init__(self, table: LineTable) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> LineTable:
            """The table it came from."""
            return self.table

    def __init__(
        self,
        columns: Sequence[TableColumn],
        key: Callable[[Any], str],
        *,
        state: Callable[[Any], str] | None = None,
        default_order: Callable[[Any], Any] | None = None,
        markable: bool = False,
        headings: bool = True,
        idle_cursor: bool = True,
        live: bool = False,
        now: Callable[[], float] = lambda: 0.0,
        symbols: SymbolSet = "braille",
        **options: Any,
    ) -> None:
        """state: a record's state name for shape and colour. default_order: sort key until a column is chosen.

        idle_cursor: show the cursor while another pane has the keys. live: order at every refresh, and stay on the
        first row until the reader moves (events, progress). now: monotonic seconds, so that tests can stop
        the clock.
        """
        super().__init__(**options)
        self.rows = TableRows(columns, key, state, default_order)
        self.markable = markable
        self.headings = headings
        self.idle_cursor = idle_cursor
        self.live = live
        self.now = now
        self.symbols = symbols
        self.wide = False
        self.placeholder: tuple[Line, ...] = ()
        self.notice: Line = ()
        self.stale = False
        self._top = 0
        self._left = 0
        self._moved = False
        self._layout = cols.Layout()
        self._sorted_at = -RESORT_SECONDS
        self._touched_at = -QUIET_SECONDS

    # what others read

    @property
    def columns(self) -> tuple[TableColumn, ...]:
        """All columns, shown or not."""
        return self.rows.columns

    @property
    def filter(self) -> Filter:
        """The filter in force."""
        return self.rows.filter

    @property
    def marks(self) -> set[str]:
        """Keys of the marked records."""
        return self.rows.marks

    @property
    def only_trouble(self) -> bool:
        """Only rows in trouble are shown."""
        return self.rows.only_trouble

    @property
    def sort_column(self) -> str | None:
        """The column chosen to order by."""
        return self.rows.sort_column

    @property
    def total(self) -> int:
        """Records in all."""
        return len(self.rows.records)

    @property
    def shown(self) -> int:
        """Records that the filter lets through."""
        return len(self.rows.shown)

    @property
    def cursor_key(self) -> str | None:
        """The key under the cursor."""
        return self.rows.cursor

    @property
    def cursor_record(self) -> Any | None:
        """The record under the cursor, None in an empty table."""
        return self.rows.record

    @property
    def position(self) -> int:
        """The cursor's place among the shown rows, from 0; -1 in an empty table."""
        return self.rows.position

    @property
    def visible_keys(self) -> tuple[str, ...]:
        """Keys of the rows in the window."""
        return tuple(self.rows.shown[self._top : self._top + self.window])

    @property
    def window(self) -> int:
        """Rows of records that fit."""
        return max(1, self.size.height - (1 if self.headings else 0) - (1 if self.notice else 0))

    def chosen(self) -> list[Any]:
        """Marked records in table order, hidden ones left out; the one under the cursor when none is marked."""
        return self.rows.chosen()

    @property
    def hidden_marks(self) -> int:
        """Marked records that the filter hides."""
        return self.rows.hidden_marks

    def summary(self) -> str:
        """Count, filter and marks, for the title of the pane."""
        return self.rows.summary()

    # what others tell

    def show(self, records: Sequence[Any]) -> None:
        """The records as they are now, in any order. A live value moves rows at most every ten seconds, and never
        within three of a key.
        """
        due = (
            self.now() - self._sorted_at >= RESORT_SECONDS and self.now() - self._touched_at >= QUIET_SECONDS
        )
        to_first = self.live and self.position <= 0 and not self._moved
        if due:
            self._sorted_at = self.now()
        with self._keeping():
            self.rows.replace(records, resort=due or self.live, to_first=to_first)

    def say(self, *placeholder: Line) -> None:
        """What stands in the table while it has no records: why it is empty, what is loading, what failed."""
        if placeholder != self.placeholder:
            self.placeholder = placeholder
            self.redraw()

    def narrow(self, text: str) -> None:
        """Filter by this text. Raises BadFilterError and keeps the last good filter when it cannot be read."""
        with self._keeping():
            changed = self.rows.filter_by(text)
        if changed:
            self.post_message(self.Changed(self))

    def sort_by(self, column_id: str | None, descending: bool | None = None) -> None:
        """Order by a column; again the other way round. None goes back to the screen's own order."""
        with self._keeping():
            self.rows.sort_by(column_id, descending)
        self._sorted_at = self.now()
        self.post_message(self.Changed(self))

    def peel(self) -> bool:
        """Esc takes one thing away: a range begun, then marks, then trouble, then the filter."""
        with self._keeping():
            peeled = self.rows.peel()
        if peeled:
            self.post_message(self.Changed(self))
        return peeled

    @contextmanager
    def _keeping(self) -> Iterator[None]:
        """Whatever changes the rows: the cursor's record stays on its line of the screen, and a cursor that went to
        another record says so.
        """
        before, line = self.rows.cursor, max(0, self.position - self._top)
        yield
        after = self.rows.cursor
        self._top = self._clamp(self.position - line) if after is not None else 0
        if after != before:
            vanished = before is not None and before not in self.rows.records
            self.post_message(self.Moved(self, vanished=vanished))
        self.redraw()

    # painting

    def on_resize(self) -> None:
        """A new width chooses its columns afresh."""
        self._layout = cols.Layout()
        self._top = self._clamp(self._top, keep=max(0, self.position))
        self.refresh()

    def _arrange(self, width: int) -> cols.Layout:
        layout = self._layout
        shown = cols.visible(self.columns, self.app.size.width, self.wide)
        if layout.total != width or layout.shown != shown:
            layout = cols.Layout(shown=shown, total=width)
        records = [self.rows.records[key] for key in self.visible_keys]
        natural = cols.measure(shown, records, layout.natural)
        if natural != layout.natural or not layout.widths:
            layout.natural = natural
            space = width - self._gutter - 1
            layout.widths = (
                {column.id: min(60, natural[column.id]) for column in shown}
                if self.wide
                else cols.widths(shown, natural, space)
            )
        self._layout = layout
        return layout

    @property
    def _gutter(self) -> int:
        return 1 + (1 if self.markable else 0) + (2 if self.rows.state is not None else 0)

    def redraw(self) -> None:
        """Repaint what changed; the widths are settled first, since one cell may widen its column."""
        if self.is_mounted and self.size.width:
            self._arrange(self.size.width)
        super().redraw()

    def line(self, y: int, width: int) -> Line:
        """One line: headings, a record, the notice at the bottom, or a placeholder."""
        layout = self._arrange(width) if y == 0 or self._layout.total != width else self._layout
        if self.headings:
            if y == 0:
                return self._heading(layout)
            y -= 1
        if self.notice and y == self.window:
            return cut_line(self.notice, width)
        if not self.rows.shown:
            return self._placeholder_line(y, width)
        index = self._top + y
        return self._row(self.rows.shown[index], layout) if index < len(self.rows.shown) else ()

    def under(self, y: int) -> str:
        """The cursor's row has a background, weaker while another pane has the keys."""
        index = self._top + y - (1 if self.headings else 0)
        if not self.rows.shown or y < (1 if self.headings else 0) or index != self.position:
            return ""
        return "on-cursor" if self.has_focus else "on-cursor-idle" if self.idle_cursor else ""

    def _heading(self, layout: cols.Layout) -> Line:
        drawn = shapes(self.symbols)
        spans: list[Span] = [(" " * self._gutter, "")]
        for column in layout.shown:
            size = layout.widths.get(column.id, 0)
            if not size:
                continue
            sorts = column.id == self.rows.sort_column
            title = column.title.upper() + (
                (drawn.down if self.rows.descending else drawn.up) if sorts else ""
            )
            spans += [(fit(title, size, column.align), "bright" if sorts else "dim"), (" ", "")]
        return self._shift(tuple(spans), 0)

    def _row(self, key: str, layout: cols.Layout) -> Line:
        record = self.rows.records[key]
        drawn = shapes(self.symbols)
        here = key == self.rows.cursor and (self.has_focus or self.idle_cursor)
        state = self.rows.state(record) if self.rows.state is not None else ""
        row_style = "dim" if self.stale or state == "idle" else "text"
        if here:
            row_style = "bright+bold" if self.has_focus else "bright"
        spans: list[Span] = [(drawn.cursor if here else " ", "accent+bold" if here else "")]
        if self.markable:
            spans.append((drawn.mark if self.rows.marked(key) else " ", "mark+bold"))
        if self.rows.state is not None:
            spans.append((f"{drawn.of(state)} ", "dim" if self.stale else STYLE.get(state, "dim")))
        for column in layout.shown:
            size = layout.widths.get(column.id, 0)
            if not size:
                continue
            text = fit(clean(column.cell(record)), size, column.align)
            spans.append((text, row_style) if self.stale else cols.span(column, record, text, row_style))
            spans.append((" ", ""))
        return self._shift(tuple(spans), self._gutter)

    def _shift(self, line: Line, keep: int) -> Line:
        if not self._left:
            return line
        kept: list[Span] = []
        at, skip = 0, self._left
        for text, name in line:
            if at < keep:
                kept.append((text, name))
                at += len(text)
                continue
            if skip >= len(text):
                skip -= len(text)
                continue
            kept.append((text[skip:], name))
            skip = 0
        return tuple(kept)

    def _placeholder_line(self, y: int, width: int) -> Line:
        if self.rows.records:
            what = f"/{self.filter.text}" if self.filter else "only trouble"
            text: tuple[Line, ...] = (((f"0 of {self.total:,} fit {what} · esc clears", "dim"),),)
        else:
            text = self.placeholder
        lines: list[Line] = []
        for one in text:
            if len(one) == 1:
                lines += [((f"  {piece}", one[0][1]),) for piece in wrap(one[0][0], width - 4)]
            else:
                lines.append(((("  "), ""), *one))
        return lines[y] if y < len(lines) else ()

    # moving

    def _clamp(self, top: int, keep: int | None = None) -> int:
        window = self.window
        if keep is not None:
            top = min(top, keep)
            if keep >= top + window:
                top = keep - window + 1
        return max(0, min(top, len(self.rows.shown) - window))

    def _move_to(self, index: int) -> None:
        if not self.rows.shown:
            return
        self._touched_at = self.now()
        index = max(0, min(index, len(self.rows.shown) - 1))
        before = self.position
        if index == before:
            return
        self._moved = index > 0
        self.rows.cursor = self.rows.shown[index]
        window = self.window
        if index < self._top or index >= self._top + window:
            # half a window at a time: a slow line repaints it rarely
            leap = window // 2
            top = index - leap if index >= self._top + window else index - window + leap
            self._top = self._clamp(top)
            self.redraw()
        elif self.rows.range_start is not None:
            self.redraw()
        else:
            shift = (1 if self.headings else 0) - self._top
            for one in (before, index):
                self.refresh(Region(0, one + shift, self.size.width, 1))
        self.post_message(self.Moved(self))

    def action_move(self, by: int) -> None:
        """Move the cursor by rows."""
        self._move_to(self.position + by)

    def action_edge(self, last: int) -> None:
        """Go to the first or the last row."""
        self._move_to(len(self.rows.shown) - 1 if last else 0)

    def action_page(self, pages: float) -> None:
        """Move by a part of the window, the window moving along."""
        if not self.rows.shown:
            return
        by = int(self.window * pages)
        row = self.position - self._top
        target = max(0, min(self.position + by, len(self.rows.shown) - 1))
        if target == self.position:
            return
        self._touched_at = self.now()
        self._moved = target > 0
        self.rows.cursor = self.rows.shown[target]
        self._top = self._clamp(target - row)
        self._top = self._clamp(self._top, keep=target)
        self.redraw()
        self.post_message(self.Moved(self))

    def action_sideways(self, by: int) -> None:
        """Scroll a wide table's columns."""
        if self.wide:
            total = sum(self._layout.widths.values()) + len(self._layout.widths)
            limit = max(0, total + self._gutter - self.size.width)
            self._left = max(0, min(limit, self._left + by))
            self.redraw()

    # marks and choices

    def action_mark(self) -> None:
        """Mark or unmark the row under the cursor and go down."""
        if self.rows.cursor is None:
            return
        self.rows.marks ^= {self.rows.cursor}
        if self.position + 1 < self.shown:
            self._move_to(self.position + 1)
        self._marks_changed()

    def action_range(self) -> None:
        """Begin a range at the cursor; again marks it."""
        if self.rows.cursor is not None:
            self.rows.mark_range()
            self._marks_changed()

    def action_mark_all(self) -> None:
        """Mark all shown rows; unmark them when all are marked."""
        self.rows.mark_all()
        self._marks_changed()

    def _marks_changed(self) -> None:
        self.redraw()
        self.post_message(self.Changed(self))

    def action_trouble(self) -> None:
        """Show only rows in trouble, or all again."""
        with self._keeping():
            self.rows.only_trouble = not self.rows.only_trouble
            self.rows.narrow()
        self.post_message(self.Changed(self))

    def action_wide(self) -> None:
        """Show every column at its full width, scrolled by the arrows; again: what fits."""
        self.wide = not self.wide
        self._left = 0
        self._layout = cols.Layout()
        self.refresh()

    def action_enter(self) -> None:
        """Open the record under the cursor."""
        record = self.cursor_record
        if record is not None:
            self.post_message(self.Entered(self, record))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys without a meaning here are hidden."""
        if action in {"mark", "range", "mark_all"}:
            return self.markable and bool(self.rows.shown)
        if action == "trouble":
            return self.rows.state is not None
        if action == "enter":
            return bool(self.rows.shown)
        return True

    def on_key(self, event: events.Key) -> None:
        """Shift and a column's letter sort by it."""
        char = event.character
        if char and char.isupper() and (column := cols.letters(self.columns).get(char)):
            event.stop()
            self.sort_by(column)

    def on_focus(self) -> None:
        """The cursor's row looks alive."""
        self.redraw()

    def on_blur(self) -> None:
        """The cursor's row looks idle."""
        self.redraw()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves the cursor."""
        event.stop()
        self.action_move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves the cursor."""
        event.stop()
        self.action_move(-3)

    def on_click(self, event: events.Click) -> None:
        """A click puts the cursor on a row."""
        row = event.y - (1 if self.headings else 0)
        if 0 <= row < self.window:
            self._move_to(self._top + row)
