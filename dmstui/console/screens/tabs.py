"""A row of tabs on one line and the switching between their widgets; `[ ]` step, the task and guide screens
use it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from dmstui.console.paint import Line, Span
from dmstui.console.widgets.bars import Bar

TAB_KEYS: ClassVar[list[BindingType]] = [  # type: ignore[misc]
    Binding("left_square_bracket", "tab(-1)", "tab before", show=False, id="tabs.before"),
    Binding("right_square_bracket", "tab(1)", "tabs", key_display="[ ]", id="tabs.next"),
]


class Tabs:
    """Which tab is in front. `names` are ids, titles are what the line shows."""

    def __init__(self, bar: Bar, tabs: Sequence[tuple[str, str, Widget]]) -> None:
        self.bar = bar
        self.tabs = list(tabs)
        self.current = self.tabs[0][0]
        self._notes: dict[str, str] = {}

    @property
    def widget(self) -> Widget:
        """The widget in front."""
        return next(widget for name, _, widget in self.tabs if name == self.current)

    def open(self, name: str) -> None:
        """Bring a tab to the front; an unknown name stays where it is."""
        if any(name == one for one, _, _ in self.tabs):
            self.current = name
        for one, _, widget in self.tabs:
            widget.display = one == self.current
        self.draw()

    def step(self, by: int) -> None:
        """The tab before or after, round and round."""
        names = [name for name, _, _ in self.tabs]
        self.open(names[(names.index(self.current) + by) % len(names)])

    def note(self, name: str, text: str) -> None:
        """A count behind a tab's title."""
        self._notes[name] = text

    def draw(self, right: Line = ()) -> None:
        """The line."""
        cells = self.bar.app.size.width
        for notes in (True, False):
            spans: list[Span] = [(" ", "")]
            for name, title, _ in self.tabs:
                text = f"{title} {self._notes[name]}" if notes and self._notes.get(name) else title
                here = name == self.current
                spans += [(f" {text} ", "bright+bold+on-cursor" if here else "dim"), (" ", "")]
            if sum(len(text) for text, _ in (*spans, *right)) <= cells:
                break
        self.bar.show(spans, right)
