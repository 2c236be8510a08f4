"""The Database Migration Service of the sandbox: its API and the tasks it runs. The assembly calls `service`."""

from __future__ import annotations

from dmstui.sandbox.service import Service, SimpleService
from dmstui.sandbox.world import World


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
    return SimpleService(NAME, operations)


__all__ = ["service"]
