"""The keys that act on tasks, the same on every screen that lists or shows them; `TaskView` mixes them into
a view.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from dmstui.console import task_deeds
from dmstui.console.screens.view import View
from dmstui.kinds.task import KIND
from dmstui.model import ReplicationTask

TASK_KEYS: list[BindingType] = [
    Binding("s", "start", "start", id="task.start"),
    Binding("x", "stop", "stop", id="task.stop"),
    Binding("l", "open_tab('logs')", "logs", id="task.logs"),
    Binding("c", "open_tab('charts')", "charts", id="task.charts"),
    Binding("t", "test", "test", tooltip="test both connections", id="task.test"),
]


class TaskView(View):
    """A view whose cursor stands on a task."""

    BINDINGS: ClassVar[list[BindingType]] = TASK_KEYS

    def chosen_tasks(self) -> Sequence[ReplicationTask]:
        """Marked tasks, else the one under the cursor."""
        task = self.subject()
        return [task] if task is not None else []

    def hidden_marks(self) -> int:
        """Marked tasks that the filter hides."""
        return 0

    def action_start(self) -> None:
        """The start chooser."""
        task_deeds.choose_start(self.console, self.chosen_tasks())

    def action_stop(self) -> None:
        """Stop, asked about."""
        task_deeds.ask_stop(self.console, self.chosen_tasks(), self.hidden_marks())

    def action_test(self) -> None:
        """Test both connections of the task."""
        task = self.subject()
        if task is not None:
            task_deeds.test(self.console, task_deeds.pairs_of_task(self.console, task))

    def action_open_tab(self, tab: str) -> None:
        """The task's screen at this tab."""
        task = self.subject()
        if task is not None:
            self.console.go("task", f"{task.arn} {tab}", below=True)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys only where the state allows the deed; none that changes anything in read-only mode."""
        if action in {"start", "stop", "test", "open_tab"}:
            tasks = self.chosen_tasks()
            if not tasks:
                return False
            if action == "start":
                return not self.console.read_only and task_deeds.can_start(self.console, tasks)
            if action == "stop":
                return not self.console.read_only and task_deeds.can(self.console, "stop", tasks)
        return True

    def why_not(self, action: str) -> str:
        """Why a task's key does nothing."""
        names = {"start": ("resume", "start"), "stop": ("stop",)}.get(action)
        if names is None:
            return ""
        tasks = self.chosen_tasks()
        if not tasks:
            return "no task under the cursor"
        name = names[-1] if action == "stop" or not tasks[0].has_run else names[0]
        reason = task_deeds.refusal(self.console, name, tasks[0])
        return f"{tasks[0].name}: {reason}" if reason else ""

    def detail(self) -> tuple[str, Sequence[tuple[str, str]]] | None:
        """Everything known of the task under the cursor."""
        task = self.subject()
        return None if task is None else (task.name, KIND.detail(task, self.console.known))

    def copies(self) -> Sequence[tuple[str, str, str]]:
        """Name, ARN, what the console of AWS shows it under."""
        task = self.subject()
        if task is None:
            return ()
        region = self.console.known.region
        link = f"https://{region}.console.aws.amazon.com/dms/v2/home?region={region}#taskDetails/{task.name}"
        return (
            ("n", "name", task.name),
            ("a", "ARN", task.arn),
            ("s", "suffix (CloudWatch, log stream)", task.suffix),
            ("u", "console link", link),
        )
