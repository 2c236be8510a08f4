"""`ListingView`: a screen that is one table and, below it, the detail of the row under the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.widget import Widget

from dmstui.console.screens.tables import fill, kind_table, title
from dmstui.console.screens.view import View
from dmstui.console.widgets.ask import pairs
from dmstui.console.widgets.line_table import LineTable
from dmstui.console.widgets.pane import Pane
from dmstui.console.widgets.text_pane import TextPane
from dmstui.kinds import Kind
from dmstui.model import Part, Snapshot


class ListingView(View):
    """Subclasses name the kind, the part of the Snapshot and what to do when there is none."""

    KIND: ClassVar[Kind[Any]]
    WHAT: ClassVar[str] = ""
    EMPTY: ClassVar[str] = ""

    def table_options(self) -> dict[str, Any]:
        """What `kind_table` is told beyond the kind."""
        return {}

    def part(self, snapshot: Snapshot) -> Part[tuple[Any, ...]]:
        """The rows."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """Table above, detail below."""
        self.rows = kind_table(self, self.KIND, **self.table_options())
        self.below = TextPane(id=f"{self.NAME}-detail")
        self.rows_pane = Pane(self.TITLE, self.rows)
        self.below_pane = Pane("Detail", self.below, classes="listing-detail")
        yield self.rows_pane
        yield self.below_pane

    def default_focus(self) -> Widget | None:
        """The table."""
        return self.rows

    def update(self, snapshot: Snapshot) -> None:
        """New rows, and the detail of the one under the cursor."""
        fill(self, self.rows, self.part(snapshot), self.WHAT or self.KIND.plural, self.EMPTY)
        self._follow()

    def _follow(self) -> None:
        title(self.rows_pane, self.TITLE, self.rows)
        found = self.detail()
        self.below_pane.label(found[0] if found else "Detail")
        self.below.show(pairs(found[1]) if found else ())

    def detail(self) -> tuple[str, Sequence[tuple[str, str]]] | None:
        """Of the row under the cursor."""
        record: Any = self.rows.cursor_record
        if record is None:
            return None
        return self.KIND.title(record), self.KIND.detail(record, self.console.known)

    def copies(self) -> Sequence[tuple[str, str, str]]:
        """Title, key, the row as JSON."""
        import json

        record: Any = self.rows.cursor_record
        if record is None:
            return ()
        key = self.KIND.key(record)
        offers = [("n", "name", self.KIND.title(record))]
        if key.startswith("arn:"):
            offers.append(("a", "ARN", key))
        offers.append(
            ("j", "JSON", json.dumps(self.KIND.as_json(record, self.console.known), indent=2, default=str))
        )
        return offers

    def on_line_table_moved(self, _: LineTable.Moved) -> None:
        """The detail follows the cursor."""
        self._follow()
        self.console.look()

    def on_line_table_changed(self, _: LineTable.Changed) -> None:
        """The title says filter and marks."""
        self._follow()
        self.console.look()

    def on_line_table_entered(self, message: LineTable.Entered) -> None:
        """Enter opens the row. Textual calls this handler in every base class, so subclasses change `open_row`."""
        self.open_row(message.record)

    def open_row(self, record: Any) -> None:
        """Enter shows the whole detail."""
        self.console.action_describe()
