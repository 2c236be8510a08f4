"""Reload a task's whole target (reload-target)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from dmstui.aws import Connection
from dmstui.model import ReplicationTask, Snapshot, start_choices
from dmstui.operations.operation import Danger, Operation, Progress, reported
from dmstui.operations.starting import refusal_of, set_going

_PREPARATION = {
    "DROP_AND_CREATE": "The target tables are dropped and made again.",
    "TRUNCATE_BEFORE_LOAD": "The target tables are emptied first.",
    "DO_NOTHING": "The target tables are left as they are: rows may be doubled or collide with keys.",
}


def refusal(task: ReplicationTask, snapshot: Snapshot) -> str | None:
    """Why it cannot be reloaded now."""
    return refusal_of("reload", task, snapshot)


def effect(task: ReplicationTask, snapshot: Snapshot) -> list[str]:
    """What a reload does, with the number of tables and rows where they are known."""
    sentences = [start_choices(task)[2].consequence]
    part = snapshot.settings.get(task.arn)
    mode = preparation(part.value.settings if part and part.value else None)
    if mode in _PREPARATION:
        sentences.append(_PREPARATION[mode])
    tables = snapshot.tables.get(task.arn)
    if tables and tables.value:
        rows = sum(table.full_load_rows for table in tables.value)
        sentences.append(f"{len(tables.value)} tables with {rows:,} loaded rows are loaded again.")
    return sentences


def preparation(settings: str | None) -> str:
    """FullLoadSettings.TargetTablePrepMode out of the settings text, empty when it is not there."""
    try:
        found = json.loads(settings or "{}").get("FullLoadSettings", {})
    except (ValueError, AttributeError):
        return ""
    return str(found.get("TargetTablePrepMode", "")) if isinstance(found, dict) else ""


@reported
async def run(
    aws: Connection, task: ReplicationTask, *, wait: bool = False, seconds: float | None = None
) -> AsyncIterator[Progress]:
    """Reload it; with `wait` a full load until it ends, any other until it runs."""
    async for step in set_going(aws, task, "reload", wait=wait, seconds=seconds):
        yield step


OPERATION = Operation("reload", "Reload target", "s", Danger.TYPE_NAME, "task", refusal, effect, run)
