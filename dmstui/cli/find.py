"""Finds what a command's argument means: a name, an ARN or an ARN's last part; and pictures for the kinds' cells."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

from dmstui.aws import Connection as Aws
from dmstui.model import (
    AwsError,
    Endpoint,
    Part,
    ReplicationInstance,
    ReplicationTask,
    Snapshot,
    suffix,
)


class Named(Protocol):
    """What a record must have to be found."""

    @property
    def arn(self) -> str: ...

    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=Named)


def match(records: Sequence[N], wanted: str, what: str) -> N:
    """The record of this name, ARN or ARN suffix; AwsError names what there is, or what it could mean."""
    exact = [one for one in records if wanted in {one.arn, one.name, suffix(one.arn)}]
    if len(exact) == 1:
        return exact[0]
    if not exact:
        folded = wanted.lower()
        near = [one for one in records if folded in {one.name.lower(), suffix(one.arn).lower()}]
        near = near or [one for one in records if one.name.lower().startswith(folded)]
        if len(near) == 1:
            return near[0]
        names = ", ".join(one.name for one in (near or records)[:10]) or "none"
        more = " ..." if len(near or records) > 10 else ""
        raise AwsError("NotFound", f"there is no {what} {wanted!r}; there is {names}{more}")
    raise AwsError(
        "NotFound", f"{wanted!r} means more than one {what}: {', '.join(one.arn for one in exact)}"
    )


async def task(aws: Aws, wanted: str, *, full: bool = False) -> ReplicationTask:
    """The task an argument means."""
    if wanted.startswith("arn:"):
        return await aws.dms.task(wanted, full=full)
    found = match(await aws.dms.tasks(), wanted, "task")
    return await aws.dms.task(found.arn, full=True) if full else found


async def instance(aws: Aws, wanted: str) -> ReplicationInstance:
    """The replication instance an argument means."""
    return match(await aws.dms.instances(), wanted, "replication instance")


async def endpoint(aws: Aws, wanted: str) -> Endpoint:
    """The endpoint an argument means."""
    return match(await aws.dms.endpoints(), wanted, "endpoint")


async def snapshot(aws: Aws, *parts: str) -> Snapshot:
    """A picture with the asked parts (instances, tasks, endpoints, connections, stacks) for the kinds' cells."""
    calls: dict[str, Callable[[], Coroutine[Any, Any, tuple[Any, ...]]]] = {
        "instances": aws.dms.instances,
        "tasks": aws.dms.tasks,
        "endpoints": aws.dms.endpoints,
        "connections": aws.dms.connections,
        "stacks": aws.cloudformation.stacks,
    }
    # The first call makes the client; the others then share it.
    values = await asyncio.gather(*(calls[part]() for part in parts))
    at = aws.now()
    known: dict[str, Part[Any]] = {
        part: Part(value, at=at) for part, value in zip(parts, values, strict=True)
    }
    return Snapshot(
        at=at,
        region=aws.region,
        sandbox=aws.sandbox,
        read_only=aws.options.read_only,
        **known,  # type: ignore[arg-type]
    )
