"""Where a key goes: to the dialog or the prompt that is open at the moment it is handled, else to the screen.

The focus moves a moment after a prompt was opened, so keys typed in one go with `:` would still reach the screen
below; here they are handed over by what is open. What arrives faster than fingers type was pasted, and moves the
cursor at most. Mixed into `ConsoleApp`, before everything else it does with an event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events

if TYPE_CHECKING:
    from textual.app import App

    from dmstui.console.app import ConsoleApp

    _Base = App[int]
else:
    _Base = object

BURST_SECONDS = 0.02
# Keys that only move or leave: they may come as fast as they like.
MOVING = frozenset(
    {
        "up",
        "down",
        "left",
        "right",
        "home",
        "end",
        "pageup",
        "pagedown",
        "tab",
        "shift+tab",
        "escape",
        "enter",
    }
    | {"left_square_bracket", "right_square_bracket", "grave_accent"}
    | {f"ctrl+{letter}" for letter in "bcdfuz"}
    | set("jkhgGnN1234567")
)


def pasted(key: str, before: str, gap: float) -> bool:
    """The key was not typed: it follows another one at once. A key held down repeats itself, and moving is
    harmless. gap: seconds since the key `before`.
    """
    return gap < BURST_SECONDS and key != before and key not in MOVING


class KeyRoute(_Base):
    """Key and paste events of the app, handed on by what is open."""

    _key_before = ""
    _key_at = float("-inf")

    @property
    def _app(self) -> ConsoleApp:
        return self  # type: ignore[return-value]

    async def on_event(self, event: events.Event) -> None:
        """Take what belongs to the dialog or the prompt, leave the rest to Textual."""
        if isinstance(event, (events.Key, events.Paste)) and not event.is_forwarded:
            taken = self._key(event) if isinstance(event, events.Key) else self._paste(event)
            if taken:
                return
        await super().on_event(event)

    def _key(self, event: events.Key) -> bool:
        app = self._app
        at = app.clock.at(event.time)
        before, gap = self._key_before, at - self._key_at
        self._key_before, self._key_at = event.key, at
        if len(app.screen_stack) != 1:
            return False
        if app.dialog.is_open:
            app.dialog.on_key(event)
            app.look()
            return True
        if app.line.is_open:
            app.line.on_key(event)
            return True
        if pasted(event.key, before, gap):
            app.say("ignored what came too fast to be typed; : and / take pasted text")
            return True
        opens = {"colon": "prompt", "slash": "filter"}.get(event.key)
        if opens is not None and app.check_action(opens, ()):
            app.key_pressed = event.key
            getattr(app, f"action_{opens}")()
            return True
        return False

    def _paste(self, event: events.Paste) -> bool:
        app = self._app
        if len(app.screen_stack) != 1:
            return False
        if app.dialog.is_open:
            app.dialog.on_paste(event)
        elif app.line.is_open:
            app.line.on_paste(event)
        else:
            app.say("pasted text does nothing here; : and / take it")
        return True
