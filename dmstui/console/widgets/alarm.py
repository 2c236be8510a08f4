"""The lasting line below the navigation while AWS does not answer; the app shows and hides it."""

from __future__ import annotations

from typing import Any

from dmstui.console.paint import Line, clean, cut, wrap
from dmstui.console.symbols import SymbolSet, shapes
from dmstui.console.widgets.lines import LineWidget

LINES = 3


class Alarm(LineWidget):
    """A text in the colour of trouble, up to three lines; gone while there is none."""

    DEFAULT_CSS = """
    Alarm { display: none; }
    """

    def __init__(self, symbols: SymbolSet = "braille", **options: Any) -> None:
        super().__init__(**options)
        self.symbols = symbols
        self._lines: list[str] = []

    def show(self, text: str) -> None:
        """Say this until something else is said; empty takes it away."""
        width = max(10, self.app.size.width - 4)
        lines = wrap(clean(text), width) if text else []
        if len(lines) > LINES:
            lines = [*lines[: LINES - 1], cut(" ".join(lines[LINES - 1 :]), width)]
        if lines == self._lines:
            return
        self._lines = lines
        self.display = bool(lines)
        self.styles.height = max(1, len(lines))
        self.redraw()

    def line(self, y: int, width: int) -> Line:
        """One line, the first with its sign."""
        sign = shapes(self.symbols).bad if y == 0 else " "
        return ((f" {sign} {self._lines[y] if y < len(self._lines) else ''}", "bright+bold"),)

    def under(self, y: int) -> str:
        """The badge's background: read at a glance, and apart from messages."""
        return "on-badge"
