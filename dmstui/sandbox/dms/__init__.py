"""The Database Migration Service of the sandbox: its API and the tasks it runs. The assembly calls `service`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dmstui.sandbox.service import Call, Handler, Service, SimpleService
from dmstui.sandbox.world import World

if TYPE_CHECKING:
    from dmstui.sandbox.dms.room import Room


def service(world: World) -> Service:
    """DMS for the front; takes up what an earlier sandbox with the same state folder left."""
    from dmstui.sandbox.dms import (
        certificates,
        connections,
        endpoints,
        events,
        host,
        instance_life,
        instances,
        runner,
        schemas,
        statistics,
        subnet_groups,
        tags,
        tasks,
        versions,
    )
    from dmstui.sandbox.dms.room import NAME, Room

    room = Room(world)
    groups = (
        instances,
        subnet_groups,
        endpoints,
        connections,
        certificates,
        tasks,
        statistics,
        schemas,
        events,
        versions,
        tags,
    )
    operations = {}
    for group in groups:
        operations.update(group.operations(room))
    if room.restored:
        connections.recover(room)
        endpoints.recover(room)
        instance_life.recover(room)
        tasks.recover(room)
        runner.recover(room)
    room.spawn(host.keep(room), "instance metrics")
    return SimpleService(NAME, {name: _kept(room, name, made) for name, made in operations.items()})


def _kept(room: Room, name: str, handler: Handler) -> Handler:
    """The handler of an operation that changes something saves before it answers."""
    if name.startswith(("Describe", "List")):
        return handler

    async def handle(call: Call, params: dict[str, Any]) -> dict[str, Any]:
        answer = await handler(call, params)
        room.answered()
        return answer

    return handle


__all__ = ["service"]
