"""`LineWidget`, the base of everything the console paints: a subclass says what stands on each line, and
only lines that changed are sent.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from rich.color import Color
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from dmstui.console.paint import Line, difference, in_ascii, strip


class LineWidget(Widget):
    """A widget whose `line(y, width)` gives the spans of one content line.

    `redraw` compares with what was painted last and refreshes the cells that differ, without a layout: a header
    whose age moved costs a hundred bytes instead of six thousand.
    """

    DEFAULT_CSS = """
    LineWidget { height: 1; width: 100%; }
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._painted: dict[int, tuple[Line, str]] = {}
        self._painted_width = 0

    def line(self, y: int, width: int) -> Line:
        """The spans of content line y, `width` cells wide."""
        raise NotImplementedError

    def under(self, y: int) -> str:
        """A style laid below line y, such as a cursor's background; empty for none."""
        return ""

    @property
    def dark(self) -> bool:
        """The theme has a dark background."""
        return self.app.current_theme.dark

    @property
    def ground(self) -> Style | None:
        """The background as a rich style; None leaves the terminal's own."""
        _, background = self.background_colors
        return _ground(background.rgb) if background.ansi is None and background.a > 0 else None

    def render_line(self, y: int) -> Strip:
        """Textual asks for one line of content."""
        width = self.size.width
        line, under = self.line(y, width), self.under(y)
        if getattr(self.app, "symbols", "") == "ascii":
            line = in_ascii(line)
        if width != self._painted_width:
            self._painted.clear()
            self._painted_width = width
        self._painted[y] = (line, under)
        return strip(line, width, self.dark, under, self.ground)

    def redraw(self) -> None:
        """Repaint the cells that changed since the last painting."""
        if not self.is_mounted or not self.display:
            return
        width, height = self.size
        if width != self._painted_width:
            self.refresh()
            return
        for y in range(height):
            before = self._painted.get(y)
            line, under = self.line(y, width), self.under(y)
            if getattr(self.app, "symbols", "") == "ascii":
                line = in_ascii(line)
            if before is None or before[1] != under:
                self.refresh(Region(0, y, width, 1))
                continue
            changed = difference(before[0], line, width)
            if changed:
                self.refresh(Region(changed[0], y, changed[1] - changed[0], 1))

    def notify_style_update(self) -> None:
        """A theme change repaints all."""
        self._painted.clear()
        super().notify_style_update()


@lru_cache(maxsize=32)
def _ground(colour: tuple[int, int, int]) -> Style:
    return Style(bgcolor=Color.from_rgb(*colour))
