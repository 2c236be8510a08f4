"""Screen 2: every replication task with all the columns of its kind."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widget import Widget

from dmstui.console import states
from dmstui.console.screens.tables import fill, kind_table, title
from dmstui.console.screens.task_keys import TaskView
from dmstui.console.widgets.kind_columns import by_state
from dmstui.console.widgets.line_table import LineTable
from dmstui.console.widgets.pane import Pane
from dmstui.kinds.task import KIND
from dmstui.model import ReplicationTask, Snapshot


class TasksView(TaskView):
    """The tasks alone, wide."""

    NAME, TITLE, NUMBER = "tasks", "Tasks", 2
    ABOUT = "All tasks of the region. Mark several with space to start or stop them together."

    def compose(self) -> ComposeResult:
        """One table."""
        self.tasks = kind_table(
            self,
            KIND,
            markable=True,
            order=lambda one: states.trouble_order(one, self.console.known),
            changes={
                "name": {"flexible": False},
                "reason": {"from_width": 70, "cell": lambda one: states.why(one, self.console.known)},
                "source_latency": {"from_width": 90},
            },
            looks={"reason": by_state(KIND, lambda: self.console.known)},
        )
        self.pane = Pane("Tasks", self.tasks)
        yield self.pane

    def default_focus(self) -> Widget | None:
        """The table."""
        return self.tasks

    def subject(self) -> ReplicationTask | None:
        """The task under the cursor."""
        record = self.tasks.cursor_record
        return record if isinstance(record, ReplicationTask) else None

    def chosen_tasks(self) -> list[ReplicationTask]:
        """Marked tasks, else the one under the cursor."""
        return self.tasks.chosen()

    def hidden_marks(self) -> int:
        """Marked tasks that the filter hides."""
        return self.tasks.hidden_marks

    def update(self, snapshot: Snapshot) -> None:
        """New rows."""
        fill(self, self.tasks, snapshot.tasks, "tasks", "6 opens the scenarios: deploy one to get a task.")
        title(self.pane, "Tasks", self.tasks)

    def on_line_table_changed(self, _: LineTable.Changed) -> None:
        """The title says filter and marks."""
        title(self.pane, "Tasks", self.tasks)
        self.console.look()

    def on_line_table_moved(self, _: LineTable.Moved) -> None:
        """Other keys may act now."""
        self.console.look()

    def on_line_table_entered(self, message: LineTable.Entered) -> None:
        """Enter opens the task."""
        self.console.go("task", message.record.arn, below=True)
