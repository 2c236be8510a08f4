"""The lines of a task's log: DMS's format, the filter by severity, and writing them to CloudWatch Logs in batches."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from dmstui.sandbox.dms.identifiers import suffix
from dmstui.sandbox.dms.store import Task
from dmstui.sandbox.stores.logs import LogStore

# Error, warning, info, trace, debug, verbose: what a severity setting lets through, DMS's own letters.
LETTERS = {
    "LOGGER_SEVERITY_ERROR": "E",
    "LOGGER_SEVERITY_WARNING": "EW",
    "LOGGER_SEVERITY_INFO": "EWI",
    "LOGGER_SEVERITY_DEFAULT": "EWI",
    "LOGGER_SEVERITY_DEBUG": "EWITD",
    "LOGGER_SEVERITY_DETAILED_DEBUG": "EWITDV",
}
FLUSH_SECONDS = 0.4
BATCH = 500


def group_name(instance_identifier: str) -> str:
    """The log group of an instance's tasks."""
    return f"dms-tasks-{instance_identifier}"


def stream_name(task_arn: str) -> str:
    """The log stream of a task: by its ARN's last part, never by its name."""
    return f"dms-task-{suffix(task_arn)}"


def render(thread: int, at: float, component: str, severity: str, message: str) -> str:
    """One line as DMS writes it; `thread` is the id of the worker process."""
    time = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S:%f")
    return f"{thread % 100_000_000:08d}: {time} [{component[:16]:<16}]{severity}:  {message}"


def shown(settings: dict[str, Any], component: str, severity: str) -> bool:
    """Whether the log settings let a line of that component and severity through."""
    for entry in settings.get("LogComponents") or []:
        if entry["Id"] == component:
            return severity in LETTERS[entry["Severity"]]
    return severity in LETTERS["LOGGER_SEVERITY_DEFAULT"]


class TaskLog:
    """Writes one run's lines; nothing at all while logging is off or DMS may not write."""

    def __init__(self, store: LogStore, task: Task, group: str, *, enabled: bool) -> None:
        self._store = store
        self._task = task
        self._group = group
        self._enabled = enabled
        self._waiting: list[tuple[int, str]] = []
        self._timer: asyncio.TimerHandle | None = None
        self.thread = 0

    def write(self, component: str, severity: str, message: str, at: float) -> None:
        """Take a line; it is in CloudWatch within half a second."""
        if not self._enabled or not shown(self._task.settings["Logging"], component, severity):
            return
        line = render(self.thread, at, component, severity, message)
        self._task.log_bytes += len(line.encode()) + 1
        self._waiting.append((int(at * 1000), line))
        if len(self._waiting) >= BATCH:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Hand over what waits. The group keeps its retention: it is made only when missing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lines, self._waiting = self._waiting, []
        if lines:
            self._store.put(self._group, stream_name(self._task.arn), sorted(lines, key=lambda line: line[0]))
