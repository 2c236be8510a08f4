"""The one-line bars around every screen: where am I (header), which screens there are (navigation), which
keys act (footer).

All three are given finished spans by the app and only send the cells that changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dmstui.console.paint import Line, Span, cut_line, justify, width
from dmstui.console.widgets.lines import LineWidget


class Bar(LineWidget):
    """A line with a left and a right part."""

    DEFAULT_CSS = """
    Bar { height: 1; }
    """

    def __init__(self, background: str = "", **options: Any) -> None:
        super().__init__(**options)
        self._background = background
        self._left: Line = ()
        self._right: Line = ()
        self.filling: Span = (" ", "")

    def show(self, left: Sequence[Span], right: Sequence[Span] = ()) -> None:
        """Set both parts; the same ones cost nothing."""
        if tuple(left) != self._left or tuple(right) != self._right:
            self._left, self._right = tuple(left), tuple(right)
            self.redraw()

    def line(self, y: int, width: int) -> Line:
        """The bar's text."""
        return justify(self._left, self._right, width, self.filling)

    def under(self, y: int) -> str:
        """The bar's background."""
        return self._background


@dataclass(frozen=True, slots=True)
class KeyHint:
    """A key that acts now and what it does."""

    key: str
    deed: str


class Footer(Bar):
    """The keys that act now, as many as fit; help is always the last."""

    def keys(self, hints: Sequence[KeyHint], last: KeyHint) -> None:
        """Show these hints in this order."""
        self._hints = (*hints,)
        self._last = last
        self.show(fitting(hints, last, self.size.width or 80))

    def on_resize(self) -> None:
        """A new width fits other keys."""
        if hasattr(self, "_hints"):
            self.keys(self._hints, self._last)


def fitting(hints: Sequence[KeyHint], last: KeyHint, cells: int) -> Line:
    """As many hints as fit into the cells, then the last one."""
    tail = hint(last)
    room = cells - width(tail) - 1
    spans: list[Span] = [(" ", "")]
    for one in hints:
        piece = (*hint(one), ("  ", ""))
        if width(spans) + width(piece) > room:
            break
        spans += piece
    return cut_line((*spans, *tail), cells)


def hint(one: KeyHint) -> Line:
    """One key and its deed."""
    return ((one.key, "key+bold"), (f" {one.deed}", "dim"))
