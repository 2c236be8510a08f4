"""What a task's status and type allow, and why not otherwise: one table for operations, keys, commands.

Facts: the API model's texts for StartReplicationTask, ReloadTables, ModifyReplicationTask and
DeleteReplicationTask; the AWS DMS guide on starting and resuming tasks. Nothing here calls AWS: the service
may still refuse what this table allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dmstui.model.replication import Connection, ReplicationInstance, ReplicationTask

Action = Literal["start", "resume", "reload", "stop", "reload-tables", "test", "modify", "move", "delete"]
ACTIONS: tuple[Action, ...] = (
    "start",
    "resume",
    "reload",
    "stop",
    "reload-tables",
    "test",
    "modify",
    "move",
    "delete",
)
# StartReplicationTaskType of the API for each of our verbs.
START_TYPES: dict[str, str] = {
    "start": "start-replication",
    "resume": "resume-processing",
    "reload": "reload-target",
}

_AT_REST = frozenset({"ready", "stopped", "failed", "failed-move"})
_FROM: dict[Action, frozenset[str]] = {
    "start": _AT_REST,
    "resume": _AT_REST,
    "reload": _AT_REST,
    "stop": frozenset({"running", "starting"}),
    "reload-tables": frozenset({"running"}),
    "test": frozenset(
        {"creating", "ready", "starting", "running", "stopping", "stopped", "failed", "modifying", "testing"}
    ),
    "modify": _AT_REST,
    "move": frozenset({"stopped", "failed", "failed-move", "ready"}),
    "delete": frozenset({"ready", "stopped", "failed", "failed-move", "moving"}),
}
_NEEDS: dict[Action, str] = {
    "start": "a start needs it at rest",
    "resume": "a resume needs it at rest",
    "reload": "a reload needs it at rest: stop it first",
    "stop": "only a running task can be stopped",
    "reload-tables": "tables can be reloaded only while the task runs",
    "test": "wait until that ends",
    "modify": "a change needs it at rest: stop it first",
    "move": "a move needs it at rest: stop it first",
    "delete": "it must be stopped before it can be deleted",
}


def allowed(action: Action, task: ReplicationTask, *, position: bool = False) -> str | None:
    """None when the task's status and type allow the action, else the reason why not, one sentence part.

    position: a CDC start time or position is given, which lets a cdc task start afresh again.
    """
    if task.status not in _FROM[action]:
        return f"the task is {task.status}; {_NEEDS[action]}"
    if action == "start":
        return _start(task, position)
    if action == "resume" and not task.has_run:
        return "it has never run, so there is nothing to resume; start it"
    if action == "reload":
        if not task.loads:
            return "a cdc task has no full load to repeat; resume it, or start it from a position"
        if not task.has_run:
            return "it has never run; start it"
    if action == "reload-tables" and not task.loads:
        return "a cdc task has no full load, so its tables cannot be reloaded"
    return None


def _start(task: ReplicationTask, position: bool) -> str | None:
    if not task.has_run:
        return None
    if task.migration_type == "cdc":
        return None if position else "it has already run; resume it, or give a start position or time"
    return "it has already run, and a first start is allowed once; resume it or reload the target"


@dataclass(frozen=True, slots=True)
class StartChoice:
    """One way to set a task going: verb, the API's start type, what it does, and why it may not be chosen."""

    verb: Action
    start_type: str
    consequence: str
    destructive: bool
    refusal: str | None


def start_choices(task: ReplicationTask) -> tuple[StartChoice, ...]:
    """All three start types with their legality for this task and what each would do."""
    return (
        StartChoice("start", START_TYPES["start"], _START_TEXT[_type(task)], False, allowed("start", task)),
        StartChoice(
            "resume", START_TYPES["resume"], _RESUME_TEXT[_type(task)], False, allowed("resume", task)
        ),
        StartChoice(
            "reload", START_TYPES["reload"], _RELOAD_TEXT[_type(task)], True, allowed("reload", task)
        ),
    )


def _type(task: ReplicationTask) -> str:
    return task.migration_type if task.migration_type in _START_TEXT else "full-load-and-cdc"


_START_TEXT = {
    "full-load": "First run: loads every selected table, then stops.",
    "cdc": "First run: captures changes from now, or from the start position of the task.",
    "full-load-and-cdc": "First run: loads every selected table, then keeps applying changes.",
}
_RESUME_TEXT = {
    "full-load": "Loads again, from their beginning, the tables that were not finished; finished ones stay.",
    "cdc": "Goes on from the last checkpoint; no change is lost while the source still keeps its log.",
    "full-load-and-cdc": "Finishes the load, then goes on from the last checkpoint.",
}
_RELOAD_TEXT = {
    "full-load": "Loads every table afresh; target tables are prepared as TargetTablePrepMode says.",
    "cdc": "Not for cdc tasks.",
    "full-load-and-cdc": "Loads every table afresh as TargetTablePrepMode says, then captures from there.",
}


def test_refusal(instance: ReplicationInstance | None, connection: Connection | None) -> str | None:
    """Why this pair of instance and endpoint cannot be tested now; None when it can."""
    if instance is None:
        return "no replication instance to test from"
    if instance.status != "available":
        return f"the replication instance {instance.name} is {instance.status}; a test needs it available"
    if connection is not None and connection.status == "testing":
        return "a test is already running"
    return None
