"""The one dialog of the console: a box on a layer above the screen that takes every key while it is open.

A layer costs 14 kB to open where a modal screen costs 49. Focus goes back where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual import events
from textual.widget import Widget

from dmstui.console.paint import Line, cut, width
from dmstui.console.symbols import SymbolSet, shapes
from dmstui.console.widgets.ask import Answer, Ask, Reading, TypeName
from dmstui.console.widgets.lines import LineWidget

TYPE_AHEAD_SECONDS = 0.3
BURST_SECONDS = 0.03


class Dialog(LineWidget, can_focus=True):
    """Shows one `Ask` in a frame. `open` gives the answer to a callback; only one is open at a time."""

    DEFAULT_CSS = """
    Dialog { layer: dialog; position: absolute; display: none; width: 60; height: 10; background: $surface; }
    """

    def __init__(self, now: Callable[[], float], symbols: SymbolSet = "braille", **options: Any) -> None:
        super().__init__(**options)
        self.now = now
        self.symbols = symbols
        self.ask: Ask | None = None
        self._opening_key = ""
        self._opened_at = 0.0
        self._pressed_at = -1.0
        self._answered: Callable[[Answer], None] | None = None
        self._previous: Widget | None = None
        self._content: list[Line] = []

    @property
    def is_open(self) -> bool:
        """A question is on the screen."""
        return self.ask is not None

    def open(self, ask: Ask, answered: Callable[[Answer], None] | None = None, opening_key: str = "") -> None:
        """Show the question. Keys of the first 300 ms are ignored, except esc, and so is the opening key once."""
        if self.ask is None and self.screen.focused not in {None, self}:
            # a dialog opened by another's answer gives the focus back to where that one took it from
            self._previous = self.screen.focused
        self.ask = ask
        self._answered = answered
        self._opening_key = opening_key
        self._opened_at = self.now()
        self._pressed_at = -1.0
        self._place()
        self.display = True
        self.focus()
        self.refresh()

    def close(self, answer: Answer) -> None:
        """Take the dialog away and hand on the answer."""
        answered, previous = self._answered, self._previous
        self.ask = self._answered = None
        self.display = False
        if previous is not None and previous.is_mounted:
            previous.focus()
        if answered is not None:
            answered(answer)

    def update(self) -> None:
        """The question's text changed by itself."""
        self._place()
        self.redraw()

    def on_key(self, event: events.Key) -> None:
        """Every key ends here."""
        event.stop()
        event.prevent_default()
        ask = self.ask
        if ask is None:
            return
        at = self.now()
        harmless = isinstance(ask, Reading)
        # a burst is a paste into the wrong window, and what was typed ahead was meant for the screen below
        quick = at - self._pressed_at < BURST_SECONDS
        burst = quick and not isinstance(ask, TypeName)
        self._pressed_at = at
        if not harmless and event.key != "escape" and (burst or at - self._opened_at < TYPE_AHEAD_SECONDS):
            return
        if not harmless and event.key == self._opening_key and not isinstance(ask, TypeName):
            return
        if isinstance(ask, TypeName) and ask.ready and quick:
            return  # a paste that goes on after the name must not do the deed
        answer = ask.key(event.key, event.character)
        if answer is not None:
            self.close(answer)
        else:
            self.update()

    def on_paste(self, event: events.Paste) -> None:
        """Pasted text goes into a name field and nowhere else."""
        event.stop()
        if isinstance(self.ask, TypeName):
            self.ask.paste(event.text)
            self.update()

    def on_blur(self) -> None:
        """Focus stays here while the question is open."""
        if self.ask is not None:
            self.call_after_refresh(self._hold_focus)

    def _hold_focus(self) -> None:
        if self.ask is not None:
            self.focus()

    def _place(self) -> None:
        if self.ask is None:
            return
        across, down = self.screen.size
        wide = max(10, min(self.ask.width, across - 2))
        room = max(3, down - 4)
        self._content = self.ask.lines(wide - 4, room - 2, shapes(self.symbols))
        tall = min(room, len(self._content) + 2)
        self.styles.width, self.styles.height = wide, tall
        self.styles.offset = ((across - wide) // 2, max(1, (down - tall) // 2))

    def on_screen_resize(self) -> None:
        """Keep to the middle."""
        self._place()

    def line(self, y: int, width_: int) -> Line:
        """A frame line or one line of the content between two bars."""
        ask = self.ask
        if ask is None:
            return ()
        height = self.size.height
        plain_set = self.symbols == "ascii"
        rule, bar = ("-", "|") if plain_set else ("─", "│")
        corners = "++++" if plain_set else "╭╮╰╯"
        look = {"plain": "accent", "warn": "warn", "bad": "bad"}[ask.look]
        if y == 0:
            drawn = shapes(self.symbols)
            sign = f"{drawn.bad} " if ask.look == "bad" else ""
            title = cut(f" {sign}{ask.title} ", width_ - 4)
            return (
                (corners[0] + rule, look),
                (title, f"{look}+bold"),
                (rule * (width_ - 3 - len(title)) + corners[1], look),
            )
        if y == height - 1:
            foot = ""
            if isinstance(ask, Reading):
                foot = cut(f" {ask.keys()} ", width_ - 4)
            return (
                (corners[2] + rule * (width_ - 3 - len(foot)), look),
                (foot, "dim"),
                (rule + corners[3], look),
            )
        body = self._content[y - 1] if y - 1 < len(self._content) else ()
        gap = max(0, width_ - 4 - width(body))
        return ((f"{bar} ", look), *body, (" " * gap, ""), (f" {bar}", look))
