"""The line above the footer: a thin rule, a message, or the prompt for `/` and `:` with completion. No toasts.

Messages stay until the next one or until their time is over; the last 200 are kept for `:messages`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from textual import events
from textual.message import Message as TextualMessage
from textual.widget import Widget

from dmstui.console.paint import Line, clean, cut, cut_line
from dmstui.console.symbols import SymbolSet, shapes
from dmstui.console.widgets.lines import LineWidget

Tone = Literal["info", "ok", "warn", "bad", "busy"]
SHOWN_SECONDS = {"info": 6.0, "ok": 8.0, "warn": 15.0, "bad": 60.0, "busy": 3600.0}
_LOOK = {"info": "text", "ok": "ok", "warn": "warn", "bad": "bad", "busy": "accent"}


@dataclass(frozen=True, slots=True)
class Note:
    """A message with the wall time it was said at."""

    at: str
    text: str
    tone: Tone


class CommandLine(LineWidget, can_focus=True):
    """Shows notes; `ask` turns it into a prompt that takes the keys until enter or esc."""

    class Submitted(TextualMessage):
        """Enter ended the prompt."""

        def __init__(self, sign: str, text: str) -> None:
            super().__init__()
            self.sign = sign
            self.text = text

    class Edited(TextualMessage):
        """The prompt's text changed."""

        def __init__(self, sign: str, text: str) -> None:
            super().__init__()
            self.sign = sign
            self.text = text

    class Left(TextualMessage):
        """Esc ended the prompt."""

        def __init__(self, sign: str) -> None:
            super().__init__()
            self.sign = sign

    def __init__(
        self,
        now: Callable[[], float],
        wall: Callable[[], str],
        symbols: SymbolSet = "braille",
        **options: Any,
    ) -> None:
        """now: monotonic seconds; wall: the time of day as text."""
        super().__init__(**options)
        self.now = now
        self.wall = wall
        self.symbols = symbols
        self.notes: deque[Note] = deque(maxlen=200)
        self.sign = ""
        self.text = ""
        self.at = 0
        self.problem = ""
        self.hint = ""
        self._note: Note | None = None
        self._standing: Note | None = None
        self._until = 0.0
        self._complete: Callable[[str], Sequence[str]] = lambda _: ()
        self._completions: list[str] = []
        self._tab = -1
        self._stem = ""
        self._history: dict[str, list[str]] = {}
        self._back = 0
        self._previous: Widget | None = None

    # notes

    def say(self, text: str, tone: Tone = "info") -> None:
        """Show a message; `busy` comes back after what is said in between, until `rest`."""
        note = Note(self.wall(), " ".join(clean(text).split()), tone)
        if self._note is not None and (note.text, tone) == (self._note.text, self._note.tone):
            self._until = self.now() + SHOWN_SECONDS[tone]
            return
        self.notes.append(note)
        if tone == "busy":
            self._standing = note
        self._note, self._until = note, self.now() + SHOWN_SECONDS[tone]
        self.redraw()

    def settle(self) -> None:
        """Take away a message whose time is over; called by the app's clock."""
        if self._note is not None and self.now() >= self._until:
            self._next()

    def rest(self) -> None:
        """Nothing is under way any more."""
        self._standing = None
        if self._note is not None and self._note.tone == "busy":
            self._next()

    def _next(self) -> None:
        self._note = self._standing
        self._until = self.now() + SHOWN_SECONDS["busy"]
        self.redraw()

    def dismiss(self) -> None:
        """Take the message away now, unless work is still going on."""
        if self._note is not None and self._note.tone != "busy":
            self._next()

    @property
    def note(self) -> Note | None:
        """The message on the line."""
        return self._note

    # prompt

    @property
    def is_open(self) -> bool:
        """It is a prompt now."""
        return bool(self.sign)

    def ask(
        self,
        sign: str,
        text: str = "",
        complete: Callable[[str], Sequence[str]] = lambda _: (),
        hint: str = "",
    ) -> None:
        """Become a prompt with this sign and text; `complete` gives whole texts that begin with what stands
        there.
        """
        if not self.sign:
            self._previous = self.screen.focused
        self.sign, self.text, self.at = sign, text, len(text)
        self.problem, self.hint = "", hint
        self._complete = complete
        self._refresh_completions()
        self._back = 0
        self.screen.set_focus(self)
        self.redraw()

    def close(self) -> None:
        """Stop being a prompt and give the focus back."""
        previous = self._previous
        self.sign = self.text = self.problem = self.hint = ""
        self._previous = None
        if previous is not None and previous.is_mounted:
            self.screen.set_focus(previous)
        self.redraw()

    def complain(self, problem: str) -> None:
        """Say beside the text what is wrong with it; empty when nothing is."""
        if problem != self.problem:
            self.problem = problem
            self.redraw()

    def on_key(self, event: events.Key) -> None:
        """Editing."""
        if not self.sign:
            return
        event.stop()
        event.prevent_default()
        if event.key == "enter":
            self._submit()
        elif event.key == "escape":
            sign = self.sign
            self.close()
            self.post_message(self.Left(sign))
        elif event.key in {"tab", "shift+tab"}:
            self._next_completion(1 if event.key == "tab" else -1)
        elif event.key in {"up", "down"}:
            self._recall(1 if event.key == "up" else -1)
        elif event.key in {"left", "right", "home", "end", "ctrl+a", "ctrl+e"}:
            self._step(event.key)
        elif event.key in {"backspace", "ctrl+h"}:
            if self.at:
                self._edit(self.text[: self.at - 1] + self.text[self.at :], self.at - 1)
            elif not self.text:
                sign = self.sign
                self.close()
                self.post_message(self.Left(sign))
        elif event.key == "delete":
            self._edit(self.text[: self.at] + self.text[self.at + 1 :], self.at)
        elif event.key == "ctrl+u":
            self._edit(self.text[self.at :], 0)
        elif event.key == "ctrl+w":
            head = self.text[: self.at].rstrip()
            head = head[: head.rfind(" ") + 1]
            self._edit(head + self.text[self.at :], len(head))
        elif event.character and event.character.isprintable():
            self._edit(self.text[: self.at] + event.character + self.text[self.at :], self.at + 1)

    def on_paste(self, event: events.Paste) -> None:
        """Pasted text is typed, newlines as blanks; it never submits."""
        if self.sign:
            event.stop()
            text = clean(" ".join(event.text.split()))
            self._edit(self.text[: self.at] + text + self.text[self.at :], self.at + len(text))

    def _submit(self) -> None:
        sign, text = self.sign, self.text
        history = self._history.setdefault(sign, [])
        if text and (not history or history[-1] != text):
            history.append(text)
        self.close()
        self.post_message(self.Submitted(sign, text))

    def _edit(self, text: str, at: int) -> None:
        self.text, self.at = text, at
        self._refresh_completions()
        self.redraw()
        self.post_message(self.Edited(self.sign, text))

    def _refresh_completions(self) -> None:
        self._completions = list(self._complete(self.text))
        self._tab = -1
        self._stem = self.text

    def _next_completion(self, by: int) -> None:
        if not self._completions:
            return
        self._tab = (self._tab + by) % len(self._completions)
        self.text = self._completions[self._tab]
        self.at = len(self.text)
        self.redraw()
        self.post_message(self.Edited(self.sign, self.text))

    def _recall(self, by: int) -> None:
        history = self._history.get(self.sign, [])
        self._back = max(0, min(len(history), self._back + by))
        text = history[-self._back] if self._back else self._stem
        self.text, self.at = text, len(text)
        self.redraw()
        self.post_message(self.Edited(self.sign, text))

    def _step(self, key: str) -> None:
        if key in {"right", "end", "ctrl+e"} and self.at == len(self.text) and self._completions:
            # at the end, right takes the completion that is shown dim
            self._edit(self._completions[0], len(self._completions[0]))
            return
        self.at = {
            "left": max(0, self.at - 1),
            "right": min(len(self.text), self.at + 1),
            "home": 0,
            "ctrl+a": 0,
        }.get(key, len(self.text))
        self.redraw()

    # painting

    def line(self, y: int, width: int) -> Line:
        """Prompt, message or rule."""
        drawn = shapes(self.symbols)
        if self.sign:
            return self._prompt(width)
        if self._note is not None:
            sign = {"ok": drawn.ok, "warn": drawn.late, "bad": drawn.bad, "busy": drawn.busy}.get(
                self._note.tone
            )
            look = _LOOK[self._note.tone]
            return ((f" {sign} " if sign else " ", look), (cut(self._note.text, width - 4), look))
        return ((drawn.rule * width, "faint"),)

    def _prompt(self, width: int) -> Line:
        tail = ""
        if self._completions and self._tab < 0 and self.at == len(self.text):
            first = self._completions[0]
            tail = first[len(self.text) :] if first.lower().startswith(self.text.lower()) else ""
        under = self.text[self.at : self.at + 1] or tail[:1] or " "
        after = self.text[self.at + 1 :]
        rest = tail[1:] if self.at >= len(self.text) else tail
        others = [entry for entry in self._completions if entry != self.text][:12]
        if self.problem:
            side: Line = ((f"   {self.problem}", "bad"),)
        elif self.hint and not self.text:
            side = ((f"   {self.hint}", "dim"),)
        elif len(others) > 1:
            side = (("   " + "  ".join(entry.rsplit(" ", 1)[-1] for entry in others), "dim"),)
        else:
            side = ()
        look = "bad" if self.problem else "bright+bold"
        return cut_line(
            (
                (f" {self.sign}", "key+bold"),
                (self.text[: self.at], look),
                (under, "bright+reverse"),
                (after, look),
                (rest, "faint"),
                *side,
            ),
            width,
        )

    def under(self, y: int) -> str:
        """A prompt has a background of its own."""
        return "on-input" if self.sign else ""
