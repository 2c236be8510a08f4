"""Screen 5: what DMS reported, newest first."""

from __future__ import annotations

from typing import Any, ClassVar

from dmstui.console.screens.listing import ListingView
from dmstui.kinds import Kind, event
from dmstui.model import Part, Snapshot


class EventsView(ListingView):
    """DMS events of instances and tasks."""

    NAME, TITLE, NUMBER = "events", "Events", 5
    ABOUT = "Events of replication instances and tasks as DMS keeps them, for two weeks."
    KIND: ClassVar[Kind[Any]] = event.KIND
    EMPTY = "Events appear as instances and tasks are made, started and stopped."

    def table_options(self) -> dict[str, Any]:
        """Newest first."""
        return {"order": lambda one: -one.at.timestamp(), "live": True}

    def part(self, snapshot: Snapshot) -> Part[tuple[Any, ...]]:
        """The events."""
        return snapshot.events
