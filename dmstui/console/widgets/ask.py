"""What a dialog can ask: confirm, type a name, choose, read. Pure state and text; `Dialog` shows one at a
time and hands it keys.

Each answers `key(name, character)` with None while it stays open, or an `Answer`. Nothing is confirmed by enter or
by the key that opened the dialog: enter presses Cancel, which has the focus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from dmstui.console.paint import Line, cut, fit, wrap, wrap_line
from dmstui.console.symbols import Shapes

Look = Literal["plain", "warn", "bad"]


@dataclass(frozen=True, slots=True)
class Answer:
    """How a dialog ended: `value` is True or the chosen row's key, None when it was cancelled."""

    value: object = None


CANCELLED = Answer(None)
_LEAVE = frozenset({"escape", "q", "n", "enter"})


class Ask(Protocol):
    """One question or one text."""

    title: str
    look: Look
    width: int

    def lines(self, width: int, height: int, drawn: Shapes) -> list[Line]:
        """The content, `width` cells wide, at most `height` lines."""
        ...

    def key(self, name: str, character: str | None) -> Answer | None:
        """A key was pressed; None keeps the dialog open."""
        ...

    def keys(self) -> str:
        """The keys that act now, for the footer."""
        ...


def _body(text: Sequence[str | Line], width: int) -> list[Line]:
    lines: list[Line] = []
    for entry in text:
        if isinstance(entry, str):
            lines += [((piece, "text"),) for piece in wrap(entry, width)]
        else:
            lines += wrap_line(entry, width)
    return lines


def _fitting(body: list[Line], height: int) -> list[Line]:
    if len(body) <= height:
        return body
    hidden = len(body) - height + 1
    return [*body[: height - 1], ((f"… {hidden} more {'line' if hidden == 1 else 'lines'}", "dim"),)]


@dataclass(slots=True)
class Confirm:
    """A deed with its effect, done by `y` (or another named key) only."""

    title: str
    text: Sequence[str | Line]
    deed: str
    press: str = "y"
    look: Look = "warn"
    width: int = 64
    other: tuple[str, str] | None = None  # a key that leads elsewhere first, and what it does

    def lines(self, width: int, height: int, drawn: Shapes) -> list[Line]:
        """Effect, then Cancel in focus beside the key that does it."""
        buttons: Line = (
            (" Cancel ", "bright+bold+reverse"),
            ("   ", ""),
            (f" {self.press} ", "key+bold"),
            (self.deed, "bad" if self.look == "bad" else "text"),
        )
        if self.other is not None:
            buttons = (*buttons, ("   ", ""), (f" {self.other[0]} ", "key+bold"), (self.other[1], "text"))
        return [*_fitting(_body(self.text, width), height - 2), (), buttons]

    def key(self, name: str, character: str | None) -> Answer | None:
        """Only the deed's own key does it."""
        if character == self.press:
            return Answer(True)
        if self.other is not None and character == self.other[0]:
            return Answer(self.other[0])
        return CANCELLED if name in _LEAVE else None

    def keys(self) -> str:
        """For the footer."""
        other = f"   {self.other[0]} {self.other[1]}" if self.other else ""
        return f"{self.press} {self.deed}{other}   esc cancel"


@dataclass(slots=True)
class TypeName:
    """A deed that cannot be taken back: its name must be typed, then `y` does it."""

    title: str
    text: Sequence[str | Line]
    name: str
    deed: str
    look: Look = "bad"
    width: int = 68
    typed: str = ""
    told: str = ""  # what enter was answered with

    @property
    def ready(self) -> bool:
        """The name stands there."""
        return self.typed == self.name

    def lines(self, width: int, height: int, drawn: Shapes) -> list[Line]:
        """Effect, the name to type, what was typed."""
        wrong = bool(self.typed) and not self.name.startswith(self.typed)
        ask: Line = (("Type ", "dim"), (cut(self.name, width - 12), "bright+bold"), (" to go on:", "dim"))
        field_: Line = (
            (f"{self.typed}{'' if self.ready else drawn.caret}", "bad+bold" if wrong else "bright+bold"),
            (f"   {self.told}" if self.told else "   does not match" if wrong else "", "bad"),
        )
        buttons: Line = (
            ((" y ", "key+bold"), (self.deed, "bad+bold"), ("   esc cancel", "dim"))
            if self.ready
            else ((" Cancel ", "bright+bold+reverse"), ("  esc", "dim"))
        )
        return [*_fitting(_body(self.text, width), height - 5), (), ask, field_, (), buttons]

    def key(self, name: str, character: str | None) -> Answer | None:
        """Typing; `y` after the whole name; esc leaves, enter only says what is missing."""
        if name == "escape":
            return CANCELLED
        if self.ready and character == "y":
            return Answer(True)
        if name == "enter":
            if self.ready:
                self.told = f"now y to {self.deed}, or esc"
            elif self.name.startswith(self.typed):
                self.told = "not the whole name yet"
            else:
                self.told = "does not match"
            return None
        self.told = ""
        if name == "backspace":
            self.typed = self.typed[:-1]
        elif name == "ctrl+u":
            self.typed = ""
        elif character and character.isprintable():
            self.typed += character
        return None

    def paste(self, text: str) -> None:
        """Pasted text counts as typed; a paste alone never does the deed."""
        self.typed += "".join(char for char in text if char.isprintable())

    def keys(self) -> str:
        """For the footer."""
        return f"y {self.deed}   esc cancel" if self.ready else "type the name   esc cancel"


@dataclass(frozen=True, slots=True)
class Choice:
    """One row of a chooser: the key that picks it, what it is, what it does, and why it cannot be picked."""

    press: str
    label: str
    note: str = ""
    refusal: str | None = None
    look: Look = "plain"
    value: object = None


@dataclass(slots=True)
class Choose:
    """Rows picked by their letters; impossible ones stand below with the reason."""

    title: str
    choices: Sequence[Choice]
    text: Sequence[str | Line] = ()
    enter_picks: bool = False
    look: Look = "plain"
    width: int = 70
    cursor: int = 0

    @property
    def open_choices(self) -> list[Choice]:
        """Those that can be picked now."""
        return [choice for choice in self.choices if choice.refusal is None]

    def lines(self, width: int, height: int, drawn: Shapes) -> list[Line]:
        """Possible rows first, then what is not offered and why."""
        lines: list[Line] = _body(self.text, width)
        rows = self.open_choices
        label = max((len(choice.label) for choice in rows), default=0)
        room = max(1, height - len(lines) - 2)
        first = max(0, min(self.cursor - room // 2, len(rows) - room))
        for index, choice in enumerate(rows[first : first + room], first):
            here = self.enter_picks and index == self.cursor
            notes = wrap(choice.note, max(8, width - label - 8)) if choice.note else [""]
            lines.append(
                (
                    (f"{drawn.cursor} " if here else "  ", "accent+bold"),
                    (fit(choice.press, 2), "key+bold"),
                    (fit(choice.label, label + 2), "bright+bold" if here else "text"),
                    (notes[0], "bad" if choice.look == "bad" else "warn" if choice.look == "warn" else "dim"),
                )
            )
            lines += [
                ((" " * (label + 6) + more, "bad" if choice.look == "bad" else "dim"),) for more in notes[1:]
            ]
        refused = [choice for choice in self.choices if choice.refusal is not None]
        if refused:
            lines.append(())
        for choice in refused:
            pieces = wrap(f"{choice.label}: {choice.refusal}", width - 4)
            lines.append((("  ", ""), (f"{drawn.unknown} {pieces[0]}", "dim")))
            lines += [((f"    {piece}", "dim"),) for piece in pieces[1:]]
        lines += [(), ((self.keys(), "dim"),)]
        return _fitting(lines, height)

    def key(self, name: str, character: str | None) -> Answer | None:
        """A row's letter picks it; enter only where the choice destroys nothing."""
        rows = self.open_choices
        for choice in rows:
            if character == choice.press:
                return Answer(choice.value if choice.value is not None else choice.press)
        if name == "escape" or character == "q":
            return CANCELLED
        if self.enter_picks and rows:
            if name in {"down", "j"}:
                self.cursor = min(len(rows) - 1, self.cursor + 1)
            elif name in {"up", "k"}:
                self.cursor = max(0, self.cursor - 1)
            elif name == "enter":
                choice = rows[self.cursor]
                return Answer(choice.value if choice.value is not None else choice.press)
        elif name == "enter":
            return CANCELLED
        return None

    def keys(self) -> str:
        """For the footer."""
        if self.enter_picks and len(self.choices) > 6:
            return "letter or enter chooses   esc cancel"
        letters = " ".join(choice.press for choice in self.open_choices)
        if self.enter_picks:
            return f"{letters} or enter chooses   esc cancel"
        return f"{letters} choose   esc cancel" if letters else "esc cancel"


@dataclass(slots=True)
class Reading:
    """A text to scroll through: help, details, messages."""

    title: str
    text: Sequence[str | Line]
    look: Look = "plain"
    width: int = 96
    top: int = 0
    _height: int = field(default=1, repr=False)
    _count: int = field(default=0, repr=False)

    def lines(self, width: int, height: int, drawn: Shapes) -> list[Line]:
        """The part of the text that is scrolled into view."""
        body = _body(self.text, width)
        self._count, self._height = len(body), height
        self.top = max(0, min(self.top, len(body) - height))
        return body[self.top : self.top + height]

    def key(self, name: str, character: str | None) -> Answer | None:
        """Scrolling; esc, q, ? and enter close."""
        half = max(1, self._height // 2)
        by = {
            "down": 1,
            "j": 1,
            "up": -1,
            "k": -1,
            "pagedown": self._height - 1,
            "space": self._height - 1,
            "pageup": 1 - self._height,
            "ctrl+d": half,
            "ctrl+u": -half,
            "home": -self._count,
            "g": -self._count,
            "end": self._count,
            "G": self._count,
        }.get(name)
        if by is not None:
            self.top = max(0, min(self.top + by, self._count - self._height))
            return None
        return CANCELLED if name in {"escape", "q", "enter", "question_mark", "f1"} else None

    def keys(self) -> str:
        """For the footer, with how much is below."""
        below = self._count - self._height - self.top
        more = f", {below} {'line' if below == 1 else 'lines'} below" if below > 0 else ""
        return f"j k scroll{more}   esc close"


def pairs(rows: Sequence[tuple[str, str]]) -> list[Line]:
    """Label and value lines with the labels aligned; what a window is too narrow for goes on below the value."""
    label = max((len(name) for name, _ in rows), default=0)
    lines: list[Line] = []
    for name, value in rows:
        first, *more = value.split("\n")
        lines.append(((fit(name, label + 2), "dim"), (first, "text")))
        lines += [((" " * (label + 2), ""), (piece, "text")) for piece in more]
    return lines
