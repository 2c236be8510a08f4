"""Table statistics and reloading: DescribeTableStatistics, ReloadTables."""

from __future__ import annotations

from typing import Any

from dmstui.sandbox.dms import events, filters, paging, states
from dmstui.sandbox.dms.faults import bad_combination, bad_value
from dmstui.sandbox.dms.room import Room, moment, present
from dmstui.sandbox.dms.store import TableRow, Task
from dmstui.sandbox.service import Call, Handler

# member of the answer → counter of the row
_COUNTERS = {
    "Inserts": "inserts",
    "Deletes": "deletes",
    "Updates": "updates",
    "Ddls": "ddls",
    "AppliedInserts": "applied_inserts",
    "AppliedDeletes": "applied_deletes",
    "AppliedUpdates": "applied_updates",
    "AppliedDdls": "applied_ddls",
    "FullLoadRows": "full_load_rows",
    "FullLoadErrorRows": "full_load_error_rows",
    "ValidationPendingRecords": "validation_pending",
    "ValidationFailedRecords": "validation_failed",
    "ValidationSuspendedRecords": "validation_suspended",
}


def operations(room: Room) -> dict[str, Handler]:
    """The handlers of this group."""

    async def describe(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        task = room.store.task(params["ReplicationTaskArn"])
        # No match is an empty list here, never a fault; so is a task that never ran.
        found = filters.select(
            task.tables.values(),
            params.get("Filters"),
            {
                "schema-name": lambda r: r.schema,
                "table-name": lambda r: r.table,
                "table-state": lambda r: r.state,
            },
            folded=frozenset({"table-state"}),
        )
        shown, marker = paging.page(found, params, lambda r: r.serial, high=500)
        listed = paging.answer("TableStatistics", [answer(row) for row in shown], marker)
        return {"ReplicationTaskArn": task.arn} | listed

    async def reload(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        task = room.store.task(params["ReplicationTaskArn"])
        wanted = params["TablesToReload"]
        refusal = states.reload_refusal(task.status, task.migration_type, len(wanted))
        if refusal is not None:
            raise refusal
        option = params.get("ReloadOption") or "data-reload"
        if option not in ("data-reload", "validate-only"):
            raise bad_value(f"Invalid ReloadOption: {option}")
        if option == "validate-only" and not (task.settings.get("ValidationSettings") or {}).get(
            "EnableValidation"
        ):
            raise bad_combination("validate-only is valid only for a task with validation enabled")
        names = [(entry["SchemaName"], entry["TableName"]) for entry in wanted]
        if len(set(names)) < len(names):
            raise bad_value("The list of tables to reload contains duplicates")
        for schema, table in names:
            if f"{schema}\0{table}" not in task.tables:
                raise bad_value(f"The table {schema}.{table} is not part of the task")
        _send(room, task, names, option)
        events.tell(
            room,
            81,
            task.identifier,
            f"Reload of tables requested: {', '.join(f'{schema}.{table}' for schema, table in names)}",
        )
        return {"ReplicationTaskArn": task.arn}

    return {"DescribeTableStatistics": describe, "ReloadTables": reload}


def answer(row: TableRow) -> dict[str, Any]:
    """One row as the API shows it."""
    return present(
        {
            "SchemaName": row.schema,
            "TableName": row.table,
            **{member: row.counts.get(counter, 0) for member, counter in _COUNTERS.items()},
            "FullLoadCondtnlChkFailedRows": 0,
            "FullLoadStartTime": moment(row.load_start),
            "FullLoadEndTime": moment(row.load_end),
            "FullLoadReloaded": row.reloaded,
            "LastUpdateTime": moment(row.updated),
            "TableState": row.state,
            "ValidationState": row.validation_state,
            "ValidationStateDetails": row.validation_details,
            "ResyncState": "Not enabled",
            "ResyncRowsAttempted": 0,
            "ResyncRowsSucceeded": 0,
            "ResyncRowsFailed": 0,
            "ResyncProgress": 0.0,
        }
    )


def _send(room: Room, task: Task, names: list[tuple[str, str]], option: str) -> None:
    run = room.runs.get(task.arn)
    if run is not None:
        tables = [{"schema": schema, "table": table} for schema, table in names]
        run.command({"command": "reload-tables", "tables": tables, "option": option})
