"""Which call a task's status allows, and DMS's refusal where it does not. Pure; tasks.py and statistics.py ask."""

from __future__ import annotations

from dmstui.sandbox.dms.faults import bad_combination, bad_value, invalid_state
from dmstui.sandbox.service import Fault

START, RESUME, RELOAD = "start-replication", "resume-processing", "reload-target"
START_TYPES = (START, RESUME, RELOAD)
STARTABLE = ("ready", "stopped", "failed", "failed-move")
STOPPABLE = ("running", "starting")
DELETABLE = ("ready", "stopped", "failed", "failed-move", "moving")
MODIFIABLE = ("ready", "stopped", "failed", "failed-move")
MOVABLE = ("ready", "stopped", "failed", "failed-move")

ONLY_SEVERITIES = (
    "Replication Task, excluding logging severity task settings, cannot be modified while it is running state"
)


def start_refusal(
    status: str, ran: bool, migration_type: str, start_type: str, *, positioned: bool
) -> Fault | None:
    """Why a start of that type is refused; `positioned`: the call names a CDC start time or position."""
    if start_type not in START_TYPES:
        return bad_value(f"Invalid StartReplicationTaskType: {start_type}")
    if status not in STARTABLE:
        return invalid_state("Replication Task cannot be started, invalid state")
    if start_type == START and ran and not (migration_type == "cdc" and positioned):
        return bad_combination(
            "Start Type : START_REPLICATION, valid only for tasks running for the first time"
        )
    if start_type == RELOAD and migration_type == "cdc":
        return bad_combination("Start Type : RELOAD_TARGET, valid only for tasks with a full load")
    return None


def stop_refusal(status: str) -> Fault | None:
    if status in STOPPABLE:
        return None
    return invalid_state("Replication Task cannot be stopped, it is not running")


def delete_refusal(status: str) -> Fault | None:
    if status in DELETABLE:
        return None
    if status in ("running", "starting", "stopping"):
        return invalid_state("Replication Task must be stopped before it can be deleted")
    return invalid_state("Replication Task cannot be deleted, invalid state")


def modify_refusal(status: str, *, only_severities: bool) -> Fault | None:
    if status in MODIFIABLE or (status == "running" and only_severities):
        return None
    if status == "running":
        return invalid_state(ONLY_SEVERITIES)
    return invalid_state("Replication Task cannot be modified, invalid state")


def move_refusal(status: str) -> Fault | None:
    if status in MOVABLE:
        return None
    return invalid_state("Replication Task cannot be moved, invalid state")


def reload_refusal(status: str, migration_type: str, count: int) -> Fault | None:
    """Why ReloadTables is refused for that many tables."""
    if migration_type == "cdc":
        return bad_combination("Tables of a task that replicates changes only cannot be reloaded")
    if status != "running":
        return invalid_state("Replication Task must be running to reload tables")
    if not 1 <= count <= 10:
        return bad_value("At most 10 tables can be reloaded at once")
    return None
