"""Reload single tables of a running task, ten in a call as the service takes them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from dmstui.aws import Connection
from dmstui.aws.dms import RELOAD_AT_ONCE
from dmstui.model import AwsError, ReplicationTask, Snapshot, allowed
from dmstui.operations.operation import Danger, Operation, Progress, read_only_refusal, refused, reported


def refusal(task: ReplicationTask, snapshot: Snapshot) -> str | None:
    """Why its tables cannot be reloaded now."""
    return read_only_refusal(snapshot) or allowed("reload-tables", task)


def effect(task: ReplicationTask, snapshot: Snapshot) -> list[str]:
    """What it does."""
    return [
        "Each table is prepared on the target and loaded again while the task goes on.",
        "Its counters start over.",
    ]


@reported
async def run(
    aws: Connection,
    task: ReplicationTask,
    tables: Sequence[tuple[str, str]] = (),
    *,
    validate_only: bool = False,
) -> AsyncIterator[Progress]:
    """Ask for the reload of (schema, table) pairs. A refused batch names its tables; the others still go out."""
    wanted = list(dict.fromkeys(tables))
    if not wanted:
        raise refused("no table is given")
    now = await aws.dms.task(task.arn)
    reason = allowed("reload-tables", now)
    if reason:
        raise refused(f"{now.name}: {reason}")
    failures: list[AwsError] = []
    asked = 0
    for first in range(0, len(wanted), RELOAD_AT_ONCE):
        batch = wanted[first : first + RELOAD_AT_ONCE]
        names = ", ".join(f"{schema}.{table}" for schema, table in batch)
        try:
            await aws.dms.reload_tables(task.arn, batch, validate_only=validate_only)
        except AwsError as error:
            failures.append(error)
            yield Progress(
                f"refused for {names}: {error.message}", fraction=(first + len(batch)) / len(wanted)
            )
            continue
        asked += len(batch)
        yield Progress(f"asked to reload {names}", fraction=(first + len(batch)) / len(wanted))
    if failures:
        first_failure = failures[0]
        raise AwsError(
            first_failure.code,
            f"{asked} of {len(wanted)} tables asked for; {first_failure.message}",
            first_failure.operation,
            first_failure.hint,
        )
    yield Progress(f"{asked} table{'' if asked == 1 else 's'} will be loaded again", done=True, fraction=1.0)


OPERATION = Operation("reload-tables", "Reload tables", "r", Danger.CONFIRM, "task", refusal, effect, run)
