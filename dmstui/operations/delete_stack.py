"""Delete a stack and follow it until it is gone."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

from dmstui.aws import Connection
from dmstui.model import AwsError, Snapshot, Stack, StackEvent
from dmstui.operations.operation import Danger, Operation, Progress, read_only_refusal, refused, reported
from dmstui.operations.stacks import failure, follow


def refusal(stack: Stack, snapshot: Snapshot) -> str | None:
    """Why it cannot be deleted now."""
    return read_only_refusal(snapshot) or standing_refusal(stack)


def standing_refusal(stack: Stack) -> str | None:
    """What stands in the way of a delete."""
    if stack.status in {"UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"}:
        return f"the stack {stack.name} is {stack.status}; wait until that ends"
    return None


def effect(stack: Stack, snapshot: Snapshot) -> list[str]:
    """What goes, in the order it goes."""
    resources = snapshot.stack_resources.get(stack.name)
    types = [resource.type for resource in resources.value] if resources else []
    sentences = ["The stack and everything it made is deleted; its data cannot be brought back."]
    if "AWS::DMS::ReplicationTask" in types or stack.scenario:
        sentences.append("A running task is stopped first, by the stack's own clean-up.")
    if "AWS::S3::Bucket" in types or stack.scenario:
        sentences.append("Buckets are emptied first, all versions.")
    if stack.scenario:
        sentences.append("The account-wide DMS roles stay: other work may use them, and they cost nothing.")
    return sentences


@reported
async def run(
    aws: Connection, stack: Stack | str, *, wait: bool = True, seconds: float | None = None
) -> AsyncIterator[Progress]:
    """Delete the stack (a record or a name); with `wait` each event until it is gone."""
    name = stack if isinstance(stack, str) else stack.name
    now = await aws.cloudformation.stack(name)
    if now is None:
        yield Progress(f"there is no stack {name}", done=True)
        return
    reason = standing_refusal(now)
    if reason:
        raise refused(reason)
    known: str | None = None
    total = 0
    if now.status == "DELETE_IN_PROGRESS":
        yield Progress(f"{name} is being deleted already: following it", data=now)
    else:
        before = await aws.cloudformation.events(now.id)
        known = before[0].id if before else None
        total = len(
            [item for item in await aws.cloudformation.resources(now.id) if item.status != "DELETE_COMPLETE"]
        )
        await aws.cloudformation.delete(name, token=str(uuid.uuid4()))
        yield Progress(f"{name}: delete asked for", done=not wait, fraction=0.0, data=now)
    if not wait:
        return
    events: list[StackEvent] = []
    final: Stack | None = None
    # By id: a deleted stack is found by its id alone.
    async for step in follow(aws, now.id, total=total, seconds=seconds or 7200, known=known):
        if isinstance(step.data, StackEvent):
            events.append(step.data)
        if isinstance(step.data, Stack):
            final = step.data
            continue
        yield step
    if final is not None and final.status != "DELETE_COMPLETE":
        if final.status == "DELETE_FAILED":
            raise failure(final, events, "", "Remove what stands in the way, then delete it again.")
        raise AwsError("StackFailed", f"{name} is {final.status}, not deleted", "DeleteStack")
    yield Progress(f"{name} is gone", done=True, fraction=1.0, data=final)


OPERATION = Operation("delete-stack", "Delete stack", "X", Danger.TYPE_NAME, "stack", refusal, effect, run)
