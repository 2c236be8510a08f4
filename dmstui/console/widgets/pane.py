"""A titled part of a screen: a box with title and right-hand count on large terminals, one rule line on
small ones.
"""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget

from dmstui.console.paint import Line, cut
from dmstui.console.widgets.bars import Bar


class Pane(Widget):
    """Holds one widget under a title. The class `boxes` on the screen turns the rule into a frame."""

    def __init__(self, title: str, *children: Widget, bare: bool = False, **options: Any) -> None:
        """bare: no rule line on small terminals either."""
        super().__init__(**options)
        self._title, self._note = title, ""
        self._inside = children
        self._rule = Bar(classes="pane-rule")
        self.set_class(bare, "bare")

    def compose(self) -> ComposeResult:
        """Rule, then the content."""
        yield self._rule
        yield from self._inside

    def label(self, title: str, note: str = "") -> None:
        """Title at the left, note at the right."""
        if (title, note) != (self._title, self._note):
            self._title, self._note = title, note
            self._draw()

    def on_mount(self) -> None:
        """First title."""
        self._draw()

    def on_resize(self) -> None:
        """The filling between title and note depends on the width."""
        self._draw()

    def _draw(self) -> None:
        rule = "-" if getattr(self.app, "symbols", "") == "ascii" else "─"
        room = self.outer_size.width or 80
        note = cut(self._note, max(0, room - 12))
        title = cut(self._title, max(4, room - len(note) - 8))
        self._rule.filling = (rule, "faint")
        right: Line = ((f" {note} ", "dim"), (rule, "faint")) if note else ()
        self._rule.show(((f"{rule} ", "faint"), (title, "title+bold"), (" ", "")), right)
        filling = rule * max(1, room - len(title) - len(note) - 8)
        self.border_title = Content(f"{title} {filling} {note}" if note else title)
