"""What deploy and delete share: following a stack by its events, and finding the cause of a failure."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from dmstui.aws import Connection
from dmstui.model import AwsError, Stack, StackEvent
from dmstui.operations.operation import Progress
from dmstui.operations.polling import pause_of, poll

_BEGIN = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")


def of_last_operation(events: Sequence[StackEvent]) -> tuple[StackEvent, ...]:
    """Events newest first -> those of the last create, update or delete, oldest first."""
    found: list[StackEvent] = []
    for event in events:
        found.append(event)
        if event.of_stack and event.status in _BEGIN:
            break
    return tuple(reversed(found))


def cause(events: Sequence[StackEvent]) -> StackEvent | None:
    """The first failure in time that is not merely the consequence of another; None when nothing failed."""
    failed = [event for event in events if event.status.endswith("_FAILED") and not event.of_stack]
    own = [event for event in failed if "cancelled" not in event.reason.lower()]
    for found in (own, failed):
        if found:
            return min(found, key=lambda event: event.at)
    return None


def progress_of(events: Sequence[StackEvent], total: int) -> float | None:
    """Share of resources that are through, from the events of one operation."""
    if total <= 0:
        return None
    latest = {event.logical_id: event.status for event in events if not event.of_stack}
    through = sum(1 for status in latest.values() if not status.endswith("_IN_PROGRESS"))
    return min(1.0, through / total)


def line(event: StackEvent) -> str:
    """One event as a line of text."""
    reason = f": {event.reason}" if event.reason and event.reason != "User Initiated" else ""
    return f"{event.status} {event.logical_id} ({event.type}){reason}"


async def follow(
    aws: Connection, stack_id: str, *, total: int, seconds: float | None, known: str | None = None
) -> AsyncIterator[Progress]:
    """Each event of the running operation as a Progress, then the settled stack as the last (not `done`) one.

    known: id of the newest event before this operation; None shows the last operation from its beginning.
    A stack that is gone gives no last Progress.
    """
    shown: list[StackEvent] = []
    newest = known

    async def ask() -> tuple[Stack | None, tuple[StackEvent, ...]]:
        # The stack first: events read after it settled are complete.
        stack = await aws.cloudformation.stack(stack_id)
        if stack is None:
            return None, ()
        return stack, await aws.cloudformation.events(stack_id, known=newest)

    last: Stack | None = None
    async for stack, fresh in poll(
        ask,
        lambda answer: answer[0] is None or answer[0].settled,
        pause=pause_of(aws, real=4.0, sandbox=0.4),
        seconds=seconds,
        what="the stack",
    ):
        last = stack
        if fresh:
            rows = of_last_operation(fresh) if newest is None else tuple(reversed(fresh))
            newest = fresh[0].id
            for event in rows:
                shown.append(event)
                yield Progress(line(event), fraction=progress_of(shown, total), data=event)
    if last is not None:
        yield Progress(f"{last.name}: {last.status}", fraction=1.0, data=last)


def failure(stack: Stack, events: Sequence[StackEvent], operation: str, hint: str) -> AwsError:
    """The error for a stack that did not come where it should."""
    first = cause(events)
    if first is None:
        return AwsError("StackFailed", f"{stack.name} is {stack.status}: {stack.reason}", operation, hint)
    return AwsError(
        "StackFailed",
        f"{stack.name} is {stack.status}: {first.logical_id} ({first.type}): {first.reason}",
        operation,
        hint,
    )
