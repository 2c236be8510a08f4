"""Start a task for the first time (start-replication)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from dmstui.aws import Connection
from dmstui.model import ReplicationTask, Snapshot, start_choices
from dmstui.operations.operation import Danger, Operation, Progress, reported
from dmstui.operations.starting import refusal_of, set_going


def refusal(task: ReplicationTask, snapshot: Snapshot) -> str | None:
    """Why it cannot be started now."""
    return refusal_of("start", task, snapshot)


def effect(task: ReplicationTask, snapshot: Snapshot) -> list[str]:
    """What a start does."""
    return [start_choices(task)[0].consequence]


@reported
async def run(
    aws: Connection,
    task: ReplicationTask,
    *,
    cdc_start_time: datetime | None = None,
    cdc_start_position: str | None = None,
    cdc_stop_position: str | None = None,
    wait: bool = False,
    seconds: float | None = None,
) -> AsyncIterator[Progress]:
    """Start it; with `wait` a full load until it ends, any other until it runs."""
    async for step in set_going(
        aws,
        task,
        "start",
        wait=wait,
        seconds=seconds,
        cdc_start_time=cdc_start_time,
        cdc_start_position=cdc_start_position,
        cdc_stop_position=cdc_stop_position,
    ):
        yield step


OPERATION = Operation("start", "Start", "s", Danger.CONFIRM, "task", refusal, effect, run)
