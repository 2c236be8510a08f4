"""What happens to an instance between its calls: coming up, changes, restarts, going away. For instances.py."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from dmstui.sandbox.dms import events, network, runner
from dmstui.sandbox.dms.room import Room
from dmstui.sandbox.dms.store import Instance
from dmstui.sandbox.dms.windows import in_window


def maintain(room: Room) -> None:
    """Begin the changes that wait for the window now open; called every few seconds."""
    now = datetime.now(UTC)
    for instance in room.store.instances.values():
        if (
            instance.pending
            and instance.status == "available"
            and in_window(instance.maintenance_window, now)
        ):
            begin_changes(room, instance)


def recover(room: Room) -> None:
    """After a restart of the sandbox: finish what was under way when it ended."""
    for instance in list(room.store.instances.values()):
        if instance.status == "creating":
            room.spawn(bring_up(room, instance), f"create {instance.identifier}")
        elif instance.status == "deleting":
            room.spawn(tear_down(room, instance), f"delete {instance.identifier}")
        elif instance.status in ("modifying", "upgrading"):
            begin_changes(room, instance)
        elif instance.status == "rebooting":
            instance.status = "available"


def begin_changes(room: Room, instance: Instance) -> None:
    instance.status = "upgrading" if "EngineVersion" in instance.pending else "modifying"
    room.spawn(_apply_changes(room, instance), f"modify {instance.identifier}")


async def _apply_changes(room: Room, instance: Instance) -> None:
    """Bring the pending values about; a new class or engine version restarts the tasks."""
    changes = dict(instance.pending)
    name = instance.identifier
    if "ReplicationInstanceClass" in changes:
        events.tell(room, 12, name, "Replication instance class is being changed.")
    if "AllocatedStorage" in changes:
        events.tell(room, 18, name, "Storage of the replication instance is being increased.")
    if "MultiAZ" in changes:
        multi = bool(changes["MultiAZ"])
        events.tell(
            room,
            24 if multi else 30,
            name,
            f"Converting to {'Multi' if multi else 'Single'}-AZ configuration.",
        )
    interrupted = []
    if {"ReplicationInstanceClass", "EngineVersion"} & set(changes):
        interrupted = await runner.interrupt(room, instance)
    await room.world.pace.wait("dms.instance.modify")
    instance.instance_class = changes.get("ReplicationInstanceClass", instance.instance_class)
    instance.storage_gb = changes.get("AllocatedStorage", instance.storage_gb)
    instance.multi_az = changes.get("MultiAZ", instance.multi_az)
    instance.network_type = changes.get("NetworkType", instance.network_type)
    instance.engine_version = changes.get("EngineVersion", instance.engine_version)
    instance.pending = {k: v for k, v in instance.pending.items() if changes.get(k) != v}
    instance.status = "available"
    if "ReplicationInstanceClass" in changes:
        events.tell(room, 14, name, "Replication instance class has changed.")
    if "AllocatedStorage" in changes:
        events.tell(room, 17, name, "Storage of the replication instance has been increased.")
    if "MultiAZ" in changes:
        multi = bool(changes["MultiAZ"])
        events.tell(
            room,
            25 if multi else 29,
            name,
            f"Converted to {'Multi' if multi else 'Single'}-AZ configuration.",
        )
    if "EngineVersion" in changes:
        events.tell(room, 47, name, "Replication engine software has been updated.")
    runner.resume_interrupted(room, interrupted)
    room.changed()


async def restart(room: Room, instance: Instance, step: str) -> None:
    interrupted = await runner.interrupt(room, instance)
    await room.world.pace.wait(step)
    instance.status = "available"
    events.tell(room, 27, instance.identifier, "Replication instance is available again.")
    runner.resume_interrupted(room, interrupted)


async def bring_up(room: Room, instance: Instance) -> None:
    """Give a new instance its interface and address; no subnet left → incompatible-network."""
    await room.world.pace.wait("dms.instance.create")
    group = room.store.subnet_groups.get(instance.subnet_group)
    subnet_id = next((s for s, zone in group.subnets if zone == instance.zone), None) if group else None
    try:
        if subnet_id is None:
            raise LookupError(f"no subnet in {instance.zone}")
        instance.interface, instance.private_ip = await network.attach(
            room.world, subnet_id, instance.security_groups
        )
    except (LookupError, ClientError, BotoCoreError) as error:
        instance.status = "incompatible-network"
        events.tell(
            room, 36, instance.identifier, f"Replication instance is in an incompatible network: {error}"
        )
        return
    if instance.public:
        instance.public_ip = _public_ip(instance.serial)
    instance.created = time.time()
    instance.status = "available"
    events.tell(room, 5, instance.identifier, "Replication instance has been created.")


async def tear_down(room: Room, instance: Instance) -> None:
    await room.world.pace.wait("dms.instance.delete")
    if instance.interface:
        await network.detach(room.world, instance.interface)
    for route in room.world.gate.routes(instance.arn):
        await route.close()
    room.store.instances.pop(instance.arn, None)
    room.store.forget_connections(instance_arn=instance.arn)
    room.store.tags.pop(instance.arn, None)
    events.tell(room, 3, instance.identifier, "Replication instance has been deleted.")
    room.world.bus.publish("dms.instance.deleted", arn=instance.arn, identifier=instance.identifier)


def _public_ip(serial: int) -> str:
    """An address of TEST-NET-3 (RFC 5737): shown, never routed."""
    return f"203.0.113.{serial % 254 + 1}"
