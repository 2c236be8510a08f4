"""`View`, the base of the screens: a part of the one Textual screen that fills the middle, with its own keys
and help.

Header, navigation, message line, footer and dialog exist once, around it. A view is mounted at its first
visit and then
only shown and hidden, which costs a third of pushing a Textual screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual.widget import Widget

from dmstui.console.paint import Line
from dmstui.console.widgets.line_table import LineTable
from dmstui.console.widgets.text_pane import TextPane

if TYPE_CHECKING:
    from dmstui.console.app import ConsoleApp
    from dmstui.model import ReplicationTask, Snapshot


class View(Widget):
    """One screen. `NAME` is what `:` takes, `TITLE` what the navigation shows, `NUMBER` its key, 0 for none."""

    DEFAULT_CSS = """
    View { height: 1fr; width: 100%; layout: vertical; }
    """
    NAME: ClassVar[str] = ""
    TITLE: ClassVar[str] = ""
    NUMBER: ClassVar[int] = 0
    ABOUT: ClassVar[str] = ""

    def __init__(self, **options: Any) -> None:
        super().__init__(id=f"view-{self.NAME}", **options)
        self.ready = False

    def on_mount(self) -> None:
        """Its widgets exist now: it may be filled."""
        self.ready = True
        self.console.arrived()

    @property
    def console(self) -> ConsoleApp:
        """The app, by its own type."""
        from dmstui.console.app import ConsoleApp

        assert isinstance(self.app, ConsoleApp)
        return self.app

    @property
    def snapshot(self) -> Snapshot | None:
        """The newest picture, None before the first."""
        return self.console.snapshot

    def arrive(self, argument: str) -> None:
        """The view comes to the front, for this thing (a task's ARN, a scenario's name) or for none."""

    def leave(self) -> None:
        """Another view comes to the front."""

    def update(self, snapshot: Snapshot) -> None:
        """A new picture; called only while the view is in front, and when it comes there."""

    def default_focus(self) -> Widget | None:
        """What takes the keys when the view comes to the front."""
        return None

    def crumbs(self) -> Line:
        """The navigation line of a view below another; empty for the numbered ones."""
        return ()

    def status(self) -> Line:
        """The right-hand part of the navigation line."""
        return ()

    @property
    def table(self) -> LineTable | None:
        """The table that `/`, `o` and copying mean: the one with the focus, else the view's first."""
        focused = self.screen.focused
        if isinstance(focused, LineTable) and self in focused.ancestors:
            return focused
        return next(iter(self.query(LineTable)), None)

    @property
    def text(self) -> TextPane | None:
        """The text that `/` searches, when one has the focus."""
        focused = self.screen.focused
        return focused if isinstance(focused, TextPane) else None

    @property
    def something(self) -> bool:
        """There is a thing under the cursor to describe and copy; asked at every footer, so it must be cheap."""
        table = self.table
        return table is not None and table.cursor_key is not None

    def detail(self) -> tuple[str, Sequence[tuple[str, str]]] | None:
        """Title and label-value rows of the thing under the cursor, for `d`."""
        return None

    def copies(self) -> Sequence[tuple[str, str, str]]:
        """What `Y` offers for the thing under the cursor: (letter, label, text); the first is what `y` takes."""
        return ()

    def subject(self) -> ReplicationTask | None:
        """The task that deeds and `:` verbs without a name mean."""
        return None

    @property
    def searched(self) -> TextPane | None:
        """The text pane that `/` searches while the prompt has the keys."""
        return next((pane for pane in self.query(TextPane) if pane.display), None)

    def why_not(self, action: str) -> str:
        """Why one of this view's keys does nothing now; empty where there is nothing to say."""
        return ""

    def back(self) -> bool:
        """Esc: take one thing away here. False when nothing was left and the view itself should go."""
        table = self.table
        return table is not None and table.peel()
