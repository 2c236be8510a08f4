"""Replication instances: create, describe, modify, reboot, delete, and what a restart means for the tasks on them."""

from __future__ import annotations

import time
from typing import Any

from dmstui.sandbox.dms import (
    events,
    filters,
    identifiers,
    instance_life,
    network,
    paging,
    roles,
    subnet_groups,
    windows,
)
from dmstui.sandbox.dms.classes import (
    CLASSES,
    DEFAULT_VERSION,
    MAX_STORAGE_GB,
    MIN_STORAGE_GB,
    VERSIONS,
    newer,
)
from dmstui.sandbox.dms.faults import bad_combination, bad_value, exists, invalid_state, not_found, quota
from dmstui.sandbox.dms.room import Room, moment, present
from dmstui.sandbox.dms.store import Instance, SubnetGroup
from dmstui.sandbox.service import Call, Handler

MAX_INSTANCES = 60
# member of ModifyReplicationInstance → what waits for the window unless ApplyImmediately
_PENDING = ("ReplicationInstanceClass", "AllocatedStorage", "MultiAZ", "EngineVersion", "NetworkType")


def operations(room: Room) -> dict[str, Handler]:
    """The handlers of this group."""

    async def create(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        instance = _new(room, params)
        room.put_tags(instance.arn, identifiers.check_tags(params.get("Tags") or []))
        room.store.instances[instance.arn] = instance
        events.tell(room, 67, instance.identifier, "Replication instance is being created.")
        room.spawn(instance_life.bring_up(room, instance), f"create {instance.identifier}")
        return {"ReplicationInstance": answer(room, instance)}

    async def describe(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        found = filters.select(
            room.store.instances.values(),
            params.get("Filters"),
            {
                "replication-instance-arn": lambda i: i.arn,
                "replication-instance-id": lambda i: i.identifier,
                "replication-instance-class": lambda i: i.instance_class,
                "engine-version": lambda i: i.engine_version,
            },
            names=frozenset({"replication-instance-id"}),
            folded=frozenset({"replication-instance-id"}),
        )
        if params.get("Filters") and not found:
            raise not_found("No Replication Instances found matching provided filters")
        shown, marker = paging.page(found, params, lambda i: i.serial)
        return paging.answer("ReplicationInstances", [answer(room, i) for i in shown], marker)

    async def modify(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        instance = room.store.instance(params["ReplicationInstanceArn"])
        _require_available(instance, "modified")
        waiting = _checked_changes(room, instance, params)
        await _change_at_once(room, instance, params)
        if params.get("ApplyImmediately") and (waiting or instance.pending):
            instance.pending |= waiting
            instance_life.begin_changes(room, instance)
        else:
            instance.pending |= waiting
        room.changed()
        return {"ReplicationInstance": answer(room, instance)}

    async def reboot(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        instance = room.store.instance(params["ReplicationInstanceArn"])
        _require_available(instance, "rebooted")
        failover, planned = params.get("ForceFailover"), params.get("ForcePlannedFailover")
        if failover and planned:
            raise bad_combination("ForceFailover and ForcePlannedFailover cannot both be true.")
        if (failover or planned) and not instance.multi_az:
            raise bad_combination("A failover can only be forced on a Multi-AZ replication instance.")
        instance.status = "rebooting"
        events.tell(room, 26, instance.identifier, "Replication instance is offline: reboot started.")
        room.spawn(
            instance_life.restart(room, instance, "dms.instance.reboot"), f"reboot {instance.identifier}"
        )
        return {"ReplicationInstance": answer(room, instance)}

    async def delete(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        instance = room.store.instance(params["ReplicationInstanceArn"])
        if room.store.tasks_of_instance(instance.arn):
            raise invalid_state(f"Replication Instance {instance.arn} has one or more replication tasks.")
        if instance.status not in ("available", "failed", "incompatible-network", "storage-full"):
            raise invalid_state(
                f"Replication Instance {instance.arn} is {instance.status} and cannot be deleted."
            )
        instance.status = "deleting"
        events.tell(room, 66, instance.identifier, "Replication instance is being deleted.")
        room.spawn(instance_life.tear_down(room, instance), f"delete {instance.identifier}")
        return {"ReplicationInstance": answer(room, instance)}

    async def task_logs(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        instance = room.store.instance(params["ReplicationInstanceArn"])
        _require_available(instance, "asked for its task logs")
        logged = [t for t in room.store.tasks_of_instance(instance.arn) if t.log_bytes]
        shown, marker = paging.page(logged, params, lambda t: t.serial)
        logs = [
            {
                "ReplicationTaskName": task.identifier,
                "ReplicationTaskArn": task.arn,
                "ReplicationInstanceTaskLogSize": task.log_bytes,
            }
            for task in shown
        ]
        listed = paging.answer("ReplicationInstanceTaskLogs", logs, marker)
        return {"ReplicationInstanceArn": instance.arn} | listed

    return {
        "CreateReplicationInstance": create,
        "DescribeReplicationInstances": describe,
        "ModifyReplicationInstance": modify,
        "RebootReplicationInstance": reboot,
        "DeleteReplicationInstance": delete,
        "DescribeReplicationInstanceTaskLogs": task_logs,
    }


def answer(room: Room, instance: Instance) -> dict[str, Any]:
    """An instance as the API shows it."""
    group = room.store.subnet_groups.get(instance.subnet_group)
    private = [instance.private_ip] if instance.private_ip else []
    public = [instance.public_ip] if instance.public_ip else []
    return present(
        {
            "ReplicationInstanceIdentifier": instance.identifier,
            "ReplicationInstanceClass": instance.instance_class,
            "ReplicationInstanceStatus": instance.status,
            "AllocatedStorage": instance.storage_gb,
            "InstanceCreateTime": moment(instance.created) if instance.status != "creating" else None,
            "VpcSecurityGroups": [
                {"VpcSecurityGroupId": group_id, "Status": "active"} for group_id in instance.security_groups
            ],
            "AvailabilityZone": instance.zone,
            "ReplicationSubnetGroup": subnet_groups.answer(group) if group else None,
            "PreferredMaintenanceWindow": instance.maintenance_window,
            "PendingModifiedValues": dict(instance.pending),
            "MultiAZ": instance.multi_az,
            "EngineVersion": instance.engine_version,
            "AutoMinorVersionUpgrade": instance.auto_minor,
            "KmsKeyId": instance.kms_key,
            "ReplicationInstanceArn": instance.arn,
            "ReplicationInstancePublicIpAddress": instance.public_ip,
            "ReplicationInstancePrivateIpAddress": instance.private_ip,
            "ReplicationInstancePublicIpAddresses": public,
            "ReplicationInstancePrivateIpAddresses": private,
            "PubliclyAccessible": instance.public,
            "SecondaryAvailabilityZone": _secondary(group, instance) if instance.multi_az else None,
            "DnsNameServers": instance.dns,
            "NetworkType": instance.network_type,
        }
    )


def _new(room: Room, params: dict[str, Any]) -> Instance:
    store, world = room.store, room.world
    name = identifiers.name(
        "ReplicationInstanceIdentifier", params["ReplicationInstanceIdentifier"], 63
    ).lower()
    suffix = identifiers.new_suffix(params.get("ResourceIdentifier"))
    if (
        any(i.identifier == name for i in store.instances.values())
        or room.arn("rep", suffix) in store.instances
    ):
        raise exists(f"Replication Instance {name} already exists.")
    if len(store.instances) >= MAX_INSTANCES:
        raise quota(f"The quota of {MAX_INSTANCES} replication instances is reached.")
    offered = CLASSES.get(params["ReplicationInstanceClass"])
    if offered is None:
        raise bad_value(f"Invalid replication instance class: {params['ReplicationInstanceClass']}")
    version = _version(params.get("EngineVersion") or DEFAULT_VERSION)
    if params.get("MultiAZ") and params.get("AvailabilityZone"):
        raise bad_combination("AvailabilityZone cannot be specified for a Multi-AZ replication instance.")
    dns = params.get("DnsNameServers")
    if dns and len(dns.split(",")) > 4:
        raise bad_value("DnsNameServers takes at most four addresses.")
    roles.require_vpc_role(world)
    group = _subnet_group(room, params.get("ReplicationSubnetGroupIdentifier"))
    now = time.time()
    return Instance(
        arn=room.arn("rep", suffix),
        identifier=name,
        instance_class=offered.name,
        storage_gb=_storage(params.get("AllocatedStorage", offered.default_storage_gb)),
        engine_version=version,
        zone=_zone(group, params.get("AvailabilityZone")),
        subnet_group=group.identifier,
        security_groups=_security_groups(room, params.get("VpcSecurityGroupIds"), group.vpc_id),
        maintenance_window=windows.check_window(
            params.get("PreferredMaintenanceWindow") or "sun:06:00-sun:06:30"
        ),
        multi_az=bool(params.get("MultiAZ", False)),
        auto_minor=bool(params.get("AutoMinorVersionUpgrade", True)),
        public=bool(params.get("PubliclyAccessible", True)),
        kms_key=params.get("KmsKeyId")
        or f"arn:{world.partition}:kms:{world.region}:{world.account_id}:alias/aws/dms",
        network_type=params.get("NetworkType") or "IPV4",
        dns=dns,
        created=now,
        serial=store.next(),
    )


def _subnet_group(room: Room, identifier: str | None) -> SubnetGroup:
    if not identifier:
        return subnet_groups.default_group(room)
    group = room.store.subnet_groups.get(identifier.lower())
    if group is None:
        raise not_found(f"Replication Subnet Group '{identifier}' not found.")
    return group


def _security_groups(room: Room, given: list[str] | None, vpc_id: str) -> list[str]:
    if not given:
        default = network.default_security_group(room.world, vpc_id)
        return [default] if default else []
    for group_id in given:
        vpc = network.security_group_vpc(room.world, group_id)
        if vpc is None:
            raise bad_value(f"The security group '{group_id}' does not exist.")
        if vpc != vpc_id:
            raise bad_value(
                f"The security group '{group_id}' does not belong to VPC {vpc_id} of the replication subnet group."
            )
    return list(dict.fromkeys(given))


def _zone(group: SubnetGroup, wanted: str | None) -> str:
    zones = sorted(zone for _subnet, zone in group.subnets)
    if wanted is None:
        return zones[0]
    if wanted not in zones:
        raise bad_value(f"The replication subnet group '{group.identifier}' has no subnet in {wanted}.")
    return wanted


def _secondary(group: SubnetGroup | None, instance: Instance) -> str | None:
    zones = sorted(zone for _subnet, zone in group.subnets) if group else []
    return next((zone for zone in zones if zone != instance.zone), None)


def _storage(size: int) -> int:
    if not MIN_STORAGE_GB <= size <= MAX_STORAGE_GB:
        raise bad_value(f"AllocatedStorage must lie between {MIN_STORAGE_GB} and {MAX_STORAGE_GB} GB.")
    return size


def _version(text: str) -> str:
    if text not in {entry.version for entry in VERSIONS}:
        raise bad_value(f"No replication engine found with version: {text}")
    return text


def _require_available(instance: Instance, deed: str) -> None:
    if instance.status != "available":
        raise invalid_state(f"Replication Instance {instance.arn} is {instance.status} and cannot be {deed}.")


def _checked_changes(room: Room, instance: Instance, params: dict[str, Any]) -> dict[str, Any]:
    """The changes asked for that wait for the window, refused where DMS refuses them."""
    changes = {member: params[member] for member in _PENDING if params.get(member) is not None}
    now = {
        "ReplicationInstanceClass": instance.instance_class,
        "AllocatedStorage": instance.storage_gb,
        "MultiAZ": instance.multi_az,
        "EngineVersion": instance.engine_version,
        "NetworkType": instance.network_type,
    }
    changes = {member: value for member, value in changes.items() if value != now[member]}
    wanted = changes.get("ReplicationInstanceClass")
    if wanted is not None and wanted not in CLASSES:
        raise bad_value(f"Invalid replication instance class: {wanted}")
    if "AllocatedStorage" in changes and _storage(changes["AllocatedStorage"]) < instance.storage_gb:
        raise bad_value("AllocatedStorage can grow, not shrink.")
    version = changes.get("EngineVersion")
    if version is not None:
        _version(version)
        if newer(instance.engine_version, version):
            raise bad_value(
                f"Cannot downgrade replication engine from {instance.engine_version} to {version}."
            )
        if version.split(".")[0] != instance.engine_version.split(".")[0] and not params.get(
            "AllowMajorVersionUpgrade"
        ):
            raise bad_combination("A major version upgrade requires AllowMajorVersionUpgrade.")
    if params.get("PreferredMaintenanceWindow"):
        windows.check_window(params["PreferredMaintenanceWindow"])
    if params.get("ReplicationInstanceIdentifier"):
        name = identifiers.name(
            "ReplicationInstanceIdentifier", params["ReplicationInstanceIdentifier"], 63
        ).lower()
        if any(i.identifier == name and i is not instance for i in room.store.instances.values()):
            raise exists(f"Replication Instance {name} already exists.")
    return changes


async def _change_at_once(room: Room, instance: Instance, params: dict[str, Any]) -> None:
    """What no modify waits for: name, window, minor upgrades, security groups."""
    if params.get("ReplicationInstanceIdentifier"):
        instance.identifier = params["ReplicationInstanceIdentifier"].lower()
    if params.get("PreferredMaintenanceWindow"):
        instance.maintenance_window = params["PreferredMaintenanceWindow"].lower()
    if params.get("AutoMinorVersionUpgrade") is not None:
        instance.auto_minor = bool(params["AutoMinorVersionUpgrade"])
    if params.get("VpcSecurityGroupIds"):
        group = room.store.subnet_groups[instance.subnet_group]
        instance.security_groups = _security_groups(room, params["VpcSecurityGroupIds"], group.vpc_id)
        if instance.interface:
            await network.regroup(room.world, instance.interface, instance.security_groups)
