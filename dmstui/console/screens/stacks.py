"""Screen 7: CloudFormation stacks; enter shows one resource by resource, `x` deletes after its name was typed."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from dmstui.console import states, task_deeds
from dmstui.console.screens.listing import ListingView
from dmstui.kinds import Kind, stack
from dmstui.model import Part, Snapshot, Stack


class StacksView(ListingView):
    """Every stack of the region that is not gone."""

    NAME, TITLE, NUMBER = "stacks", "Stacks", 7
    ABOUT = "CloudFormation stacks of this region, scenarios' and others. Enter shows resources and events."
    KIND: ClassVar[Kind[Any]] = stack.KIND
    EMPTY = "6 opens the scenarios."
    BINDINGS: ClassVar[list[BindingType]] = [Binding("x", "delete", "delete", id="stacks.delete")]

    def table_options(self) -> dict[str, Any]:
        """Trouble first, then those under way."""
        return {
            "order": lambda one: (states.ORDER[stack.state(one, self.console.known)], one.name),
            "changes": {"name": {"flexible": False}},
        }

    def part(self, snapshot: Snapshot) -> Part[tuple[Any, ...]]:
        """The stacks."""
        return snapshot.stacks

    def _record(self) -> Stack | None:
        record = self.rows.cursor_record
        return record if isinstance(record, Stack) else None

    def open_row(self, record: Any) -> None:
        """Resource by resource."""
        self.console.go("progress", record.name, below=True)

    def action_delete(self) -> None:
        """Delete the stack under the cursor."""
        record = self._record()
        if record is not None:
            task_deeds.ask_delete(self.console, record)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where a delete is possible."""
        if action == "delete":
            record = self._record()
            return (
                record is not None
                and not self.console.read_only
                and task_deeds.refusal(self.console, "delete_stack", record) is None
            )
        return True
