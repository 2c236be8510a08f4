"""What start, resume and reload share: check, send once, and follow the task until it stands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from dmstui.aws import Connection
from dmstui.model import AwsError, ReplicationTask, Snapshot, allowed, parse_failure, stop_reason
from dmstui.model.actions import START_TYPES, Action
from dmstui.operations.operation import Progress, read_only_refusal, refused
from dmstui.operations.polling import pause_of, poll

DEFAULT_SECONDS = 3600.0


def refusal_of(action: Action, task: ReplicationTask, snapshot: Snapshot) -> str | None:
    """Why this start is not possible now; connections that are known to fail count."""
    reason = read_only_refusal(snapshot) or allowed(action, task)
    if reason:
        return reason
    for arn in (task.source_arn, task.target_arn):
        connection = snapshot.connection(task.instance_arn, arn)
        if connection is not None and connection.status == "failed":
            return f"the last connection test of {connection.endpoint_name} failed; test it again first"
    instance = snapshot.instance(task.instance_arn)
    if instance is not None and instance.status != "available":
        return f"its replication instance {instance.name} is {instance.status}"
    return None


async def set_going(
    aws: Connection,
    task: ReplicationTask,
    action: Action,
    *,
    wait: bool,
    seconds: float | None,
    cdc_start_time: datetime | None = None,
    cdc_start_position: str | None = None,
    cdc_stop_position: str | None = None,
) -> AsyncIterator[Progress]:
    """Start the task the given way. With `wait`: a full load until it ends, any other until it runs."""
    now = await aws.dms.task(task.arn)
    position = bool(cdc_start_time or cdc_start_position)
    reason = allowed(action, now, position=position)
    if reason:
        raise refused(f"{now.name}: {reason}")
    try:
        started = await aws.dms.start_task(
            task.arn,
            START_TYPES[action],
            cdc_start_time=cdc_start_time,
            cdc_start_position=cdc_start_position,
            cdc_stop_position=cdc_stop_position,
        )
    except AwsError as error:
        if error.code != "Unclear":
            raise
        # No answer came back: say what the task itself says, and do not repeat the call.
        started = await aws.dms.task(task.arn)
        if started.status == now.status:
            raise
        yield Progress(f"{task.name}: no answer to the start, but the task is {started.status}", data=started)
    yield Progress(f"{task.name} is {started.status}", done=not wait, data=started)
    if not wait:
        return
    async for step in follow(aws, started, seconds=seconds):
        yield step


async def follow(aws: Connection, task: ReplicationTask, *, seconds: float | None) -> AsyncIterator[Progress]:
    """A started task until it runs (a full load: until it ends), one Progress a change."""

    def settled(current: ReplicationTask) -> bool:
        if current.status == "running":
            return current.migration_type != "full-load"
        return current.status in {"stopped", "failed", "ready", "failed-move"}

    told = _standing(task)
    latest = task
    async for latest in poll(
        lambda: aws.dms.task(task.arn),
        settled,
        pause=pause_of(aws),
        seconds=seconds or DEFAULT_SECONDS,
        what=f"{task.name}",
    ):
        text = _standing(latest)
        if text != told and not settled(latest):
            told = text
            yield Progress(text, fraction=_fraction(latest), data=latest)
    if latest.status == "failed":
        failure = parse_failure(latest.failure or latest.stop_reason)
        message = " ".join(failure.headline.split()) if failure else "the service gave no reason"
        raise AwsError(
            "TaskFailed", f"{latest.name}: {message}", "", f"See its log: dmstui task logs {latest.name}"
        )
    yield Progress(_standing(latest), done=True, fraction=_fraction(latest), data=latest)


def _fraction(task: ReplicationTask) -> float | None:
    if task.stats is None or not task.loads:
        return None
    return task.stats.progress / 100


def _standing(task: ReplicationTask) -> str:
    text = f"{task.name} is {task.status}"
    if task.status == "stopped" and task.stop_reason:
        return f"{text}: {stop_reason(task.stop_reason) or task.stop_reason}"
    if task.stats and task.loads and task.status == "running":
        stats = task.stats
        total = stats.tables_loaded + stats.tables_loading + stats.tables_queued + stats.tables_errored
        text += f", full load {stats.progress} %, {stats.tables_loaded} of {total} tables"
        if stats.tables_errored:
            text += f", {stats.tables_errored} in error"
    return text
