"""The table of every list: draws only the lines that are visible, keeps the cursor on its record over
refreshes, marks, sorts and filters.

Screens hand it records (`show`), read `cursor_record` and `chosen`, and listen to `Moved` and `Entered`. It
knows no AWS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message

from dmstui.console.paint import Line, Span, clean, cut_line, fit, wrap
from dmstui.console.symbols import STYLE, SymbolSet, shapes
from dmstui.console.widgets import columns as cols
from dmstui.console.widgets.columns import TableColumn
from dmstui.console.widgets.filter import BadFilterError, Filter, Row, parse
from dmstui.console.widgets.lines import LineWidget

RESORT_SECONDS = 10.0
QUIET_SECONDS = 3.0
TROUBLE = frozenset({"bad", "late"})


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
        self.columns = tuple(columns)
        self.record_key = key
        self.state = state
        self.default_order = default_order
        self.markable = markable
        self.headings = headings
        self.idle_cursor = idle_cursor
        self.live = live
        self.now = now
        self.symbols = symbols
        self.marks: set[str] = set()
        self.range_start: str | None = None
        self.filter = Filter()
        self.only_trouble = False
        self.wide = False
        self.sort_column: str | None = None
        self.descending = False
        self.placeholder: tuple[Line, ...] = ()
        self.notice: Line = ()
        self.stale = False
        self._records: dict[str, Any] = {}
        self._order: list[str] = []
        self._shown: list[str] = []
        self._places: dict[str, int] = {}
        self._texts: dict[str, tuple[Any, str]] = {}
        self._cursor: str | None = None
        self._top = 0
        self._left = 0
        self._moved = False
        self._layout = cols.Layout()
        self._sorted_at = -RESORT_SECONDS
        self._touched_at = -QUIET_SECONDS

    # what others read

    @property
    def total(self) -> int:
        """Records in all."""
        return len(self._records)

    @property
    def shown(self) -> int:
        """Records that the filter lets through."""
        return len(self._shown)

    @property
    def cursor_key(self) -> str | None:
        """The key under the cursor."""
        return self._cursor

    @property
    def cursor_record(self) -> Any | None:
        """The record under the cursor, None in an empty table."""
        return self._records.get(self._cursor) if self._cursor is not None else None

    @property
    def position(self) -> int:
        """The cursor's place among the shown rows, from 0; -1 in an empty table."""
        return self._places.get(self._cursor, -1) if self._cursor is not None else -1

    @property
    def visible_keys(self) -> tuple[str, ...]:
        """Keys of the rows in the window."""
        return tuple(self._shown[self._top : self._top + self.window])

    @property
    def window(self) -> int:
        """Rows of records that fit."""
        return max(1, self.size.height - (1 if self.headings else 0) - (1 if self.notice else 0))

    def chosen(self) -> list[Any]:
        """Marked records in table order, hidden ones left out; the one under the cursor when none is marked."""
        marked = [self._records[key] for key in self._shown if key in self.marks]
        if marked:
            return marked
        record = self.cursor_record
        return [] if record is None else [record]

    @property
    def hidden_marks(self) -> int:
        """Marked records that the filter hides."""
        return sum(1 for key in self.marks if key in self._records and key not in self._places)

    def summary(self) -> str:
        """`41 of 600  /lag>30s  3 marked`, shorter where there is less to say; for the title of the pane."""
        parts = [f"{self.shown:,} of {self.total:,}" if self.shown != self.total else f"{self.total:,}"]
        if self.filter:
            parts.append(f"/{self.filter.text}")
        if self.only_trouble:
            parts.append("only trouble")
        marked = sum(1 for key in self.marks if key in self._records)
        if marked:
            parts.append(f"{marked} marked" + (f", {self.hidden_marks} hidden" if self.hidden_marks else ""))
        if self.range_start:
            parts.append("v ends the range")
        return "  ".join(parts)

    # what others tell

    def show(self, records: Sequence[Any]) -> None:
        """The records as they are now, in any order. Cursor, marks and order hold by key."""
        fresh = {self.record_key(record): record for record in records}
        same = fresh.keys() == self._records.keys()
        self._records = fresh
        due = (
            self.now() - self._sorted_at >= RESORT_SECONDS and self.now() - self._touched_at >= QUIET_SECONDS
        )
        at_first = self.live and self.position <= 0 and not self._moved
        if not same or due or self.live:
            self._sort()
        self._narrow(to_first=at_first)

    def say(self, *placeholder: Line) -> None:
        """What stands in the table while it has no records: why it is empty, what is loading, what failed."""
        if placeholder != self.placeholder:
            self.placeholder = placeholder
            self.redraw()

    def narrow(self, text: str) -> None:
        """Filter by this text. Raises BadFilterError and keeps the last good filter when it cannot be read."""
        names = {column.id for column in self.columns}
        durations = {column.id for column in self.columns if column.duration}
        wanted = parse(text, names, durations)
        if wanted != self.filter:
            self.filter = wanted
            self._narrow()
            self.post_message(self.Changed(self))

    def sort_by(self, column_id: str | None, descending: bool | None = None) -> None:
        """Order by a column; again the other way round. None goes back to the screen's own order."""
        column = next((one for one in self.columns if one.id == column_id), None)
        if column is None:
            self.sort_column = None
        elif descending is not None:
            self.sort_column, self.descending = column.id, descending
        elif self.sort_column == column.id:
            self.descending = not self.descending
        else:
            self.sort_column, self.descending = column.id, column.descending
        self._sort()
        self._narrow()
        self.post_message(self.Changed(self))

    def go_to(self, key: str) -> bool:
        """Put the cursor on a record; False when it is not shown."""
        if key not in self._places:
            return False
        self._move_to(self._places[key])
        return True

    def peel(self) -> bool:
        """Esc takes one thing away: a range begun, then marks, then trouble, then the filter. False when
        none was left.
        """
        if self.range_start:
            self.range_start = None
        elif self.marks:
            self.marks.clear()
        elif self.only_trouble:
            self.only_trouble = False
            self._narrow()
        elif self.filter:
            self.filter = Filter()
            self._narrow()
        else:
            return False
        self.redraw()
        self.post_message(self.Changed(self))
        return True

    # order and filter

    def _sort(self) -> None:
        records = list(self._records.values())
        column = next((one for one in self.columns if one.id == self.sort_column), None)
        if column is not None:
            records = cols.ordered(records, column, self.descending)
        elif self.default_order is not None:
            records.sort(key=self.default_order)
        self._order = [self.record_key(record) for record in records]
        self._sorted_at = self.now()

    def _narrow(self, to_first: bool = False) -> None:
        before, row = self._cursor, max(0, self.position - self._top)
        index = self.position
        if self.filter or self.only_trouble:
            self._shown = [key for key in self._order if key in self._records and self._passes(key)]
        else:
            self._shown = [key for key in self._order if key in self._records]
        self._places = {key: place for place, key in enumerate(self._shown)}
        self.marks &= self._records.keys()
        if not self._shown:
            self._cursor, self._top = None, 0
        elif self._cursor not in self._places:
            self._cursor = self._shown[max(0, min(index, len(self._shown) - 1))]
        if to_first and self._shown:
            self._cursor, row = self._shown[0], 0
        if self._cursor is not None:
            self._top = self._clamp(self._places[self._cursor] - row)
        if self._cursor != before:
            self.post_message(self.Moved(self, vanished=before is not None and before not in self._records))
        self.redraw()

    def _passes(self, key: str) -> bool:
        record = self._records[key]
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
            held = (record, "  ".join(column.cell(record) for column in self.columns))
            self._texts[key] = held
        return held[1]

    # painting

    def on_resize(self) -> None:
        """A new width chooses its columns afresh."""
        self._layout = cols.Layout()
        if self._cursor is not None:
            self._top = self._clamp(self._top, keep=self._places[self._cursor])
        self.refresh()

    def _arrange(self, width: int) -> cols.Layout:
        layout = self._layout
        shown = cols.visible(self.columns, self.app.size.width, self.wide)
        if layout.total != width or layout.shown != shown:
            layout = cols.Layout(shown=shown, total=width)
        records = [self._records[key] for key in self.visible_keys]
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
        return 1 + (1 if self.markable else 0) + (2 if self.state is not None else 0)

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
        if not self._shown:
            return self._placeholder_line(y, width)
        index = self._top + y
        return self._row(self._shown[index], layout) if index < len(self._shown) else ()

    def under(self, y: int) -> str:
        """The cursor's row has a background, weaker while another pane has the keys."""
        index = self._top + y - (1 if self.headings else 0)
        if not self._shown or y < (1 if self.headings else 0) or index != self.position:
            return ""
        return "on-cursor" if self.has_focus else "on-cursor-idle" if self.idle_cursor else ""

    def _heading(self, layout: cols.Layout) -> Line:
        drawn = shapes(self.symbols)
        spans: list[Span] = [(" " * self._gutter, "")]
        for column in layout.shown:
            size = layout.widths.get(column.id, 0)
            if not size:
                continue
            sorts = column.id == self.sort_column
            title = column.title.upper() + ((drawn.down if self.descending else drawn.up) if sorts else "")
            spans += [(fit(title, size, column.align), "bright" if sorts else "dim"), (" ", "")]
        return self._shift(tuple(spans), 0)

    def _row(self, key: str, layout: cols.Layout) -> Line:
        record = self._records[key]
        drawn = shapes(self.symbols)
        here = key == self._cursor and (self.has_focus or self.idle_cursor)
        state = self.state(record) if self.state is not None else ""
        row_style = "dim" if self.stale or state == "idle" else "text"
        if here:
            row_style = "bright+bold" if self.has_focus else "bright"
        spans: list[Span] = [(drawn.cursor if here else " ", "accent+bold" if here else "")]
        if self.markable:
            spans.append((drawn.mark if self._marked(key) else " ", "mark+bold"))
        if self.state is not None:
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

    def _marked(self, key: str) -> bool:
        if key in self.marks:
            return True
        if self.range_start is None or self.range_start not in self._places:
            return False
        low, high = sorted((self._places[self.range_start], self.position))
        return low <= self._places[key] <= high

    def _placeholder_line(self, y: int, width: int) -> Line:
        if self._records:
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
        return max(0, min(top, len(self._shown) - window))

    def _move_to(self, index: int) -> None:
        if not self._shown:
            return
        self._touched_at = self.now()
        index = max(0, min(index, len(self._shown) - 1))
        before = self.position
        if index == before:
            return
        self._moved = index > 0
        self._cursor = self._shown[index]
        window = self.window
        if index < self._top or index >= self._top + window:
            # half a window at a time: a slow line repaints it rarely
            leap = window // 2
            top = index - leap if index >= self._top + window else index - window + leap
            self._top = self._clamp(top)
            self.redraw()
        elif self.range_start is not None:
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
        self._move_to(len(self._shown) - 1 if last else 0)

    def action_page(self, pages: float) -> None:
        """Move by a part of the window, the window moving along."""
        if not self._shown:
            return
        by = int(self.window * pages)
        row = self.position - self._top
        target = max(0, min(self.position + by, len(self._shown) - 1))
        if target == self.position:
            return
        self._touched_at = self.now()
        self._moved = target > 0
        self._cursor = self._shown[target]
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
        if self._cursor is None:
            return
        self.marks ^= {self._cursor}
        index = self.position
        if index + 1 < len(self._shown):
            self._move_to(index + 1)
        self.redraw()
        self.post_message(self.Changed(self))

    def action_range(self) -> None:
        """Begin a range at the cursor; again marks it."""
        if self._cursor is None:
            return
        if self.range_start is None or self.range_start not in self._places:
            self.range_start = self._cursor
        else:
            self.marks |= {key for key in self._shown if self._marked(key)}
            self.range_start = None
        self.redraw()
        self.post_message(self.Changed(self))

    def action_mark_all(self) -> None:
        """Mark all shown rows; unmark them when all are marked."""
        shown = set(self._shown)
        self.marks = self.marks - shown if shown <= self.marks else self.marks | shown
        self.redraw()
        self.post_message(self.Changed(self))

    def action_trouble(self) -> None:
        """Show only rows in trouble, or all again."""
        self.only_trouble = not self.only_trouble
        self._narrow()
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
            return self.markable and bool(self._shown)
        if action == "trouble":
            return self.state is not None
        if action == "enter":
            return bool(self._shown)
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


__all__ = ["BadFilterError", "LineTable", "TableColumn"]
