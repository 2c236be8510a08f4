"""Amazon CloudWatch Logs: a task's stream as parsed lines. Called as `connection.logs`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dmstui.model import AwsError, LogLine, parse_line

if TYPE_CHECKING:
    from dmstui.aws.connection import Connection


def task_stream(instance_name: str, task_suffix: str) -> tuple[str, str]:
    """Log group and stream of a task."""
    return f"dms-tasks-{instance_name}", f"dms-task-{task_suffix}"


class Logs:
    """The operations the product uses; each raises AwsError alone."""

    def __init__(self, aws: Connection) -> None:
        self._aws = aws

    async def tail(
        self, group: str, stream: str, *, limit: int = 500, token: str | None = None
    ) -> tuple[tuple[LogLine, ...], str | None]:
        """The newest lines in rising time and the token for what comes after them.

        With `token` (of the answer before) only what came since. A group or stream that is not there yet
        gives no lines and no token: DMS makes both with the first line.
        """
        try:
            answer = await self._aws.call(
                "logs",
                "GetLogEvents",
                logGroupName=group,
                logStreamName=stream,
                limit=limit,
                startFromHead=token is not None,
                nextToken=token,
            )
        except AwsError as error:
            if error.missing:
                return (), None
            raise
        return _lines(answer.get("events", [])), answer.get("nextForwardToken")

    async def between(
        self, group: str, stream: str, *, start: datetime | None = None, pattern: str | None = None
    ) -> tuple[LogLine, ...]:
        """All lines since `start` that meet CloudWatch's filter pattern, in rising time."""
        found: list[LogLine] = []
        token: str | None = None
        while True:
            try:
                answer = await self._aws.call(
                    "logs",
                    "FilterLogEvents",
                    logGroupName=group,
                    logStreamNames=[stream],
                    startTime=None if start is None else int(start.timestamp() * 1000),
                    filterPattern=pattern,
                    nextToken=token,
                )
            except AwsError as error:
                if error.missing:
                    return ()
                raise
            found.extend(_lines(answer.get("events", [])))
            token = answer.get("nextToken") or None
            if token is None:
                return tuple(found)


def _lines(events: Sequence[dict[str, Any]]) -> tuple[LogLine, ...]:
    return tuple(
        parse_line(
            datetime.fromtimestamp(event["timestamp"] / 1000, UTC),
            event.get("message", ""),
            str(event.get("eventId", "")),
        )
        for event in events
    )
