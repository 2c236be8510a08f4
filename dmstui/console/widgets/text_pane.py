"""A long text to scroll and search: settings, mappings, logs, guides. It draws only the visible lines;
`tail` keeps to the end.

Screens hand it lines of spans; `/` searches, `n` and `N` go on, `w` turns wrapping off.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from dmstui.console.paint import Line, Span, plain, slice_line, wrap_line
from dmstui.console.widgets.lines import LineWidget


class TextPane(LineWidget, can_focus=True):
    """Lines of text in a window."""

    DEFAULT_CSS = """
    TextPane { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "scroll_lines(1)", "down", show=False, id="text.down"),
        Binding("k,up", "scroll_lines(-1)", "up", show=False, id="text.up"),
        Binding("g,home", "edge(0)", "beginning", show=False, id="text.first"),
        Binding("G,end", "edge(1)", "end", show=False, id="text.last"),
        Binding("ctrl+d", "page(0.5)", "half a page down", show=False, id="text.half_down"),
        Binding("ctrl+u", "page(-0.5)", "half a page up", show=False, id="text.half_up"),
        Binding("pagedown,space", "page(1)", "page down", show=False, id="text.page_down"),
        Binding("pageup", "page(-1)", "page up", show=False, id="text.page_up"),
        Binding("n", "again(1)", "next match", id="text.next"),
        Binding("N", "again(-1)", "previous match", show=False, id="text.previous"),
    ]

    class Scrolled(Message):
        """Another part of the text is shown."""

        def __init__(self, pane: TextPane) -> None:
            super().__init__()
            self.pane = pane

        @property
        def control(self) -> TextPane:
            """The pane it came from."""
            return self.pane

        def can_replace(self, message: Message) -> bool:
            """The last one counts."""
            return isinstance(message, TextPane.Scrolled)

    def __init__(
        self, *, tail: bool = False, layout: Callable[[int], Sequence[Line]] | None = None, **options: Any
    ) -> None:
        """tail: keep to the end as lines come. layout: makes the lines for a width, called again when it
        changes.
        """
        super().__init__(**options)
        self.tail = tail
        self.pattern: re.Pattern[str] | None = None
        self._make = layout
        self._source: tuple[Line, ...] = ()
        self._lines: list[Line] = []
        self._laid_for = 0
        self._top = 0
        self._hit = -1

    @property
    def count(self) -> int:
        """Lines in all, as wrapped."""
        return len(self._lines)

    @property
    def top(self) -> int:
        """First visible line."""
        return self._top

    @property
    def at_end(self) -> bool:
        """The last line is visible."""
        return self._top >= len(self._lines) - self.size.height

    def show(self, lines: Sequence[Line]) -> None:
        """Another text; the place in it is kept, or its end with `tail`."""
        fresh = tuple(lines)
        if fresh == self._source and self._make is None:
            return
        follow = self.tail and self.at_end
        self._source, self._make = fresh, None
        self._lay()
        if follow:
            self._top = self._clamp(len(self._lines))
        self._top = self._clamp(self._top)
        self.redraw()

    def show_made(self, make: Callable[[int], Sequence[Line]]) -> None:
        """Another text, made for the width."""
        self._make, self._top = make, 0
        self._lay()
        self.redraw()

    def search(self, text: str) -> str:
        """Mark and find a text; the empty one ends the search. Returns what is wrong with it, or an empty text."""
        if not text:
            self.pattern = None
            self.redraw()
            return ""
        try:
            raw = (
                text[1:-1]
                if len(text) > 2 and text.startswith("/") and text.endswith("/")
                else re.escape(text)
            )
            self.pattern = re.compile(raw, 0 if any(char.isupper() for char in text) else re.IGNORECASE)
        except re.error as problem:
            return f"pattern: {problem.msg}"
        found = self._find(self._top, 1)
        if found >= 0:
            self._hit = found
            self._top = self._clamp(found - self.size.height // 3)
        self.redraw()
        return "" if found >= 0 else "not found"

    def _find(self, start: int, by: int) -> int:
        if self.pattern is None:
            return -1
        for step in range(len(self._lines)):
            at = (start + by * step) % len(self._lines)
            if self.pattern.search(plain(self._lines[at])):
                return at
        return -1

    def _lay(self) -> None:
        self._laid_for = self.size.width
        if self._make is not None:
            self._lines = list(self._make(max(10, self._laid_for))) if self._laid_for else []
        else:
            self._lines = [piece for line in self._source for piece in wrap_line(line, self._laid_for or 80)]

    def on_resize(self) -> None:
        """Wrap again for the new width."""
        if self.size.width != self._laid_for:
            follow = self.tail and self.at_end
            self._lay()
            self._top = self._clamp(len(self._lines) if follow else self._top)
        self.refresh()

    def line(self, y: int, width: int) -> Line:
        """One visible line, matches of the search marked."""
        at = self._top + y
        if at >= len(self._lines):
            return ()
        line = self._lines[at]
        return highlight(line, self.pattern) if self.pattern is not None else line

    def _clamp(self, top: int) -> int:
        return max(0, min(top, len(self._lines) - self.size.height))

    def _go(self, top: int) -> None:
        top = self._clamp(top)
        if top != self._top:
            self._top = top
            self.redraw()
            self.post_message(self.Scrolled(self))

    def action_scroll_lines(self, by: int) -> None:
        """Scroll by lines."""
        self._go(self._top + by)

    def action_page(self, pages: float) -> None:
        """Scroll by a part of the window."""
        self._go(self._top + int(self.size.height * pages))

    def action_edge(self, end: int) -> None:
        """Go to the beginning or the end."""
        self._go(len(self._lines) if end else 0)

    def action_again(self, by: int) -> None:
        """Go to the next or previous match."""
        found = self._find(self._hit + by, by)
        if found >= 0:
            self._hit = found
            self._go(found - self.size.height // 3)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """`n` and `N` live during a search."""
        return self.pattern is not None if action == "again" else True

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel scrolls."""
        event.stop()
        self.action_scroll_lines(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel scrolls."""
        event.stop()
        self.action_scroll_lines(-3)


def highlight(line: Line, pattern: re.Pattern[str]) -> Line:
    """The line with every match of the pattern reversed."""
    text = plain(line)
    result: list[Span] = []
    at = 0
    for found in pattern.finditer(text):
        if found.start() == found.end():
            continue
        result += slice_line(line, at, found.start())
        result.append((found.group(), "mark+reverse"))
        at = found.end()
    result += slice_line(line, at, len(text))
    return tuple(result)
