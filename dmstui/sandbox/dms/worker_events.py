"""What a worker reports, taken into the task's record, its log and its metrics, event by event; runner.py calls."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dmstui.sandbox.dms import events, worker_spec
from dmstui.sandbox.dms.identifiers import suffix
from dmstui.sandbox.dms.store import TableRow

if TYPE_CHECKING:
    from dmstui.sandbox.dms.runner import Run

NAMESPACE = "AWS/DMS"
CHANGES = ("cached changes", "change processing")
SECURED_TABLES = 200
# counters of a `table` event, by the worker's names
COUNTERS = (
    "full_load_rows",
    "full_load_error_rows",
    "inserts",
    "updates",
    "deletes",
    "ddls",
    "applied_inserts",
    "applied_updates",
    "applied_deletes",
    "applied_ddls",
    "validation_pending",
    "validation_failed",
    "validation_suspended",
)


def take(run: Run, event: dict[str, Any]) -> None:
    """Apply one event. Unknown ones are left alone: a newer worker may say more."""
    handler = _HANDLERS.get(str(event.get("event")))
    if handler is not None:
        handler(run, event)


def _running(run: Run, _event: dict[str, Any]) -> None:
    from dmstui.sandbox.dms.runner import FLAGS

    task = run.task
    if task.status == "starting":
        task.status = "running"
    task.running_since = time.time()
    flag = FLAGS.get(run.start_type, run.start_type)
    events.tell(run.room, 69, task.identifier, f"Replication task started, with flag = {flag}")


def _phase(run: Run, event: dict[str, Any]) -> None:
    task, phase = run.task, str(event["phase"])
    now = time.time()
    if phase == "full load":
        task.load_started = task.load_started or now
    elif task.load_started and task.load_finished is None:
        task.load_finished = now
    if phase != "full load" and task.migration_type != "full-load":
        task.percent = 100
    task.phase = phase
    run.room.changed()


def _table(run: Run, event: dict[str, Any]) -> None:
    row: TableRow = run.task.row(str(event["schema"]), str(event["table"]))
    row.updated = time.time()
    row.state = str(event.get("state", row.state))
    for name in COUNTERS:
        if name in event:
            row.counts[name] = int(event[name])
    row.load_start = event.get("full_load_start", row.load_start)
    row.load_end = event.get("full_load_end", row.load_end)
    row.reloaded = bool(event.get("reloaded", row.reloaded))
    row.validation_state = str(event.get("validation_state", row.validation_state))
    row.validation_details = event.get("validation_details", row.validation_details)


def _progress(run: Run, event: dict[str, Any]) -> None:
    task = run.task
    if task.migration_type != "cdc":
        task.percent = int(event["percent"])
    task.loaded, task.loading = int(event["loaded"]), int(event["loading"])
    task.queued, task.errored = int(event["queued"]), int(event["errored"])


def _log(run: Run, event: dict[str, Any]) -> None:
    run.log.write(str(event["component"]), str(event["severity"]), str(event["message"]), float(event["at"]))


def _metric(run: Run, event: dict[str, Any]) -> None:
    run.room.world.metrics.put(
        NAMESPACE,
        str(event["name"]),
        {
            "ReplicationInstanceIdentifier": run.instance.identifier,
            "ReplicationTaskIdentifier": suffix(run.task.arn),
        },
        float(event["value"]),
        str(event["unit"]),
        datetime.fromtimestamp(float(event["at"]), UTC),
    )


def _checkpoint(run: Run, event: dict[str, Any]) -> None:
    task = run.task
    task.resume = event.get("resume")
    position = event.get("position")
    if position and task.migration_type != "full-load":
        task.checkpoint = worker_spec.checkpoint(str(position), task.serial)
        if task.migration_type == "cdc" and task.cdc_start_position is None:
            task.cdc_start_position = str(position)
    # The worker writes, and lets the source forget, on the strength of this: it must be known after a kill. In a load
    # of very many tables a save takes too long for each of them; a table not known to be loaded is loaded again.
    if task.migration_type == "cdc" or task.phase in CHANGES or len(task.tables) <= SECURED_TABLES:
        run.room.secure()
    else:
        run.room.changed()


def _ended(run: Run, event: dict[str, Any]) -> None:
    run.ended = event


_HANDLERS = {
    "running": _running,
    "phase": _phase,
    "table": _table,
    "progress": _progress,
    "log": _log,
    "metric": _metric,
    "checkpoint": _checkpoint,
    "ended": _ended,
}
