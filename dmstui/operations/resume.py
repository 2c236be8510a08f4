"""Resume a task from where it stopped (resume-processing)."""

from __future__ import annotations

from collections.abc import AsyncIterator

from dmstui.aws import Connection
from dmstui.model import ReplicationTask, Snapshot, start_choices
from dmstui.operations.operation import Danger, Operation, Progress, reported
from dmstui.operations.starting import refusal_of, set_going


def refusal(task: ReplicationTask, snapshot: Snapshot) -> str | None:
    """Why it cannot be resumed now."""
    return refusal_of("resume", task, snapshot)


def effect(task: ReplicationTask, snapshot: Snapshot) -> list[str]:
    """What a resume does."""
    return [start_choices(task)[1].consequence]


@reported
async def run(
    aws: Connection, task: ReplicationTask, *, wait: bool = False, seconds: float | None = None
) -> AsyncIterator[Progress]:
    """Resume it; with `wait` a full load until it ends, any other until it runs."""
    async for step in set_going(aws, task, "resume", wait=wait, seconds=seconds):
        yield step


OPERATION = Operation("resume", "Resume", "s", Danger.CONFIRM, "task", refusal, effect, run)
