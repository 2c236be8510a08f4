"""Stop a running task."""

from __future__ import annotations

from collections.abc import AsyncIterator

from dmstui.aws import Connection
from dmstui.model import AwsError, ReplicationTask, Snapshot, allowed, stop_reason
from dmstui.operations.operation import Danger, Operation, Progress, read_only_refusal, refused, reported
from dmstui.operations.polling import pause_of, until


def refusal(task: ReplicationTask, snapshot: Snapshot) -> str | None:
    """Why it cannot be stopped now."""
    return read_only_refusal(snapshot) or allowed("stop", task)


def effect(task: ReplicationTask, snapshot: Snapshot) -> list[str]:
    """What a stop does."""
    sentences = ["Reading and writing end; what was written stays."]
    if task.loads and task.stats is not None and task.stats.progress < 100:
        sentences.append(
            f"The full load is at {task.stats.progress} %: tables that are not finished start over at a resume."
        )
    if task.captures:
        sentences.append("Changes wait in the source's log until a resume; the source must keep it so long.")
    return sentences


@reported
async def run(
    aws: Connection, task: ReplicationTask, *, wait: bool = False, seconds: float | None = None
) -> AsyncIterator[Progress]:
    """Stop it; with `wait` until it has stopped."""
    now = await aws.dms.task(task.arn)
    reason = allowed("stop", now)
    if reason:
        raise refused(f"{now.name}: {reason}")
    try:
        stopping = await aws.dms.stop_task(task.arn)
    except AwsError as error:
        if error.code != "Unclear":
            raise
        stopping = await aws.dms.task(task.arn)
        if stopping.status not in {"stopping", "stopped"}:
            raise
    yield Progress(f"{task.name} is {stopping.status}", done=not wait, data=stopping)
    if not wait:
        return
    latest = await until(
        lambda: aws.dms.task(task.arn),
        lambda current: current.status not in {"stopping", "running", "starting"},
        pause=pause_of(aws),
        seconds=seconds or 900,
        what=task.name,
    )
    why = stop_reason(latest.stop_reason)
    yield Progress(f"{task.name} is {latest.status}" + (f": {why}" if why else ""), done=True, data=latest)


OPERATION = Operation("stop", "Stop", "x", Danger.CONFIRM, "task", refusal, effect, run)
