"""Screen 3: replication instances."""

from __future__ import annotations

from typing import Any, ClassVar

from dmstui.console import states
from dmstui.console.screens.listing import ListingView
from dmstui.kinds import Kind, instance
from dmstui.model import Part, Snapshot


class InstancesView(ListingView):
    """Every replication instance of the region."""

    NAME, TITLE, NUMBER = "instances", "Instances", 3
    ABOUT = "The machines that tasks run on, with their load."
    KIND: ClassVar[Kind[Any]] = instance.KIND
    WHAT = "replication instances"
    EMPTY = "A scenario's stack brings one: 6 opens the scenarios."

    def table_options(self) -> dict[str, Any]:
        """Trouble first."""
        return {
            "order": lambda one: (states.ORDER[instance.state(one, self.console.known)], one.name),
            "changes": {"name": {"flexible": False}},
        }

    def part(self, snapshot: Snapshot) -> Part[tuple[Any, ...]]:
        """The instances."""
        return snapshot.instances
