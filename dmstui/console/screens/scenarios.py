"""Screen 6: the guided migrations; enter opens one's guide, `s` offers its next steps."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from dmstui.console import task_deeds
from dmstui.console.paint import Line
from dmstui.console.screens.listing import ListingView
from dmstui.kinds import Kind, scenario
from dmstui.model import Part, Snapshot


class ScenariosView(ListingView):
    """The catalogue."""

    NAME, TITLE, NUMBER = "scenarios", "Scenarios", 6
    ABOUT = (
        "Each scenario is a migration with a guide: it deploys a stack, fills a source, runs a DMS task,"
        " verifies and cleans up. Enter reads the guide; s offers the steps that are possible now."
    )
    KIND: ClassVar[Kind[Any]] = scenario.KIND
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "steps", "steps: deploy, seed …", id="scenarios.steps"),
        Binding("v", "progress", "stack", id="scenarios.progress"),
    ]

    def part(self, snapshot: Snapshot) -> Part[tuple[Any, ...]]:
        """The catalogue needs no AWS."""
        return Part(scenario.KIND.records(snapshot), snapshot.at)

    def status(self) -> Line:
        """Stacks could not be read: the state column may be wrong."""
        error = self.console.known.stacks.error
        return ((f"stacks: {error.code} ", "warn"),) if error is not None else ()

    def open_row(self, record: Any) -> None:
        """The guide."""
        self.console.go("guide", record.name, below=True)

    def action_steps(self) -> None:
        """What can be done now."""
        record: Any = self.rows.cursor_record
        if record is not None:
            task_deeds.choose_step(self.console, record)

    def action_progress(self) -> None:
        """The scenario's stack, resource by resource."""
        record: Any = self.rows.cursor_record
        if record is not None:
            stack = scenario.deployed(record, self.console.known)
            if stack is not None:
                self.console.go("progress", stack.name, below=True)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Steps change things; progress needs a stack."""
        record: Any = self.rows.cursor_record
        if action == "steps":
            return record is not None and not self.console.read_only
        if action == "progress":
            return record is not None and scenario.deployed(record, self.console.known) is not None
        return True
