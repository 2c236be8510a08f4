"""Replication subnet groups: create, describe, modify, delete, and the group `default` an instance gets without one."""

from __future__ import annotations

from typing import Any

from dmstui.sandbox.dms import filters, identifiers, network, paging, roles
from dmstui.sandbox.dms.faults import bad_value, exists, invalid_state, not_found, quota
from dmstui.sandbox.dms.room import Room
from dmstui.sandbox.dms.store import SubnetGroup
from dmstui.sandbox.service import Call, Fault, Handler

MAX_GROUPS = 60
MAX_SUBNETS = 60
DEFAULT = "default"


def operations(room: Room) -> dict[str, Handler]:
    """The handlers of this group."""

    async def create(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        name = identifiers.subnet_group_name(params["ReplicationSubnetGroupIdentifier"])
        tags = identifiers.check_tags(params.get("Tags") or [])
        roles.require_vpc_role(room.world)
        if name in room.store.subnet_groups:
            raise exists(f"The subnet group '{name}' already exists.")
        if len(room.store.subnet_groups) >= MAX_GROUPS:
            raise quota(f"The quota of {MAX_GROUPS} replication subnet groups is reached.")
        vpc_id, subnets = _covering(room, params["SubnetIds"])
        group = SubnetGroup(
            room.arn("subgrp", name),
            name,
            params["ReplicationSubnetGroupDescription"],
            vpc_id,
            subnets,
            room.store.next(),
        )
        room.store.subnet_groups[name] = group
        room.put_tags(group.arn, tags)
        room.changed()
        return {"ReplicationSubnetGroup": answer(group)}

    async def describe(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        # A group that is not there gives an empty answer here, unlike every other describe.
        found = filters.select(
            room.store.subnet_groups.values(),
            params.get("Filters"),
            {"replication-subnet-group-id": lambda g: g.identifier},
            folded=frozenset({"replication-subnet-group-id"}),
        )
        shown, marker = paging.page(found, params, lambda g: g.serial)
        return paging.answer("ReplicationSubnetGroups", [answer(group) for group in shown], marker)

    async def modify(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        group = _find(room, params["ReplicationSubnetGroupIdentifier"])
        roles.require_vpc_role(room.world)
        vpc_id, subnets = _covering(room, params["SubnetIds"])
        kept = {entry[0] for entry in subnets}
        for instance in room.store.instances.values():
            used = _subnet_of(group, instance.zone)
            if instance.subnet_group == group.identifier and used and used not in kept:
                raise Fault(
                    "SubnetAlreadyInUse",
                    f"The subnet {used} is in use by the replication instance {instance.identifier}.",
                )
        group.vpc_id, group.subnets = vpc_id, subnets
        if params.get("ReplicationSubnetGroupDescription"):
            group.description = params["ReplicationSubnetGroupDescription"]
        room.changed()
        return {"ReplicationSubnetGroup": answer(group)}

    async def delete(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        group = _find(room, params["ReplicationSubnetGroupIdentifier"])
        for instance in room.store.instances.values():
            if instance.subnet_group == group.identifier:
                raise invalid_state(
                    f"Cannot delete the subnet group '{group.identifier}' because at least one database instance: "
                    f"{instance.identifier} is still using it."
                )
        del room.store.subnet_groups[group.identifier]
        room.store.tags.pop(group.arn, None)
        room.changed()
        return {}

    return {
        "CreateReplicationSubnetGroup": create,
        "DescribeReplicationSubnetGroups": describe,
        "ModifyReplicationSubnetGroup": modify,
        "DeleteReplicationSubnetGroup": delete,
    }


def default_group(room: Room) -> SubnetGroup:
    """The group of all subnets of the default VPC, made on first use."""
    found = room.store.subnet_groups.get(DEFAULT)
    if found is not None:
        return found
    subnets = network.default_vpc_subnets(room.world)
    if not subnets:
        raise bad_value("No default VPC found in this region: specify a replication subnet group.")
    _require_two_zones({entry.zone for entry in subnets})
    group = SubnetGroup(
        room.arn("subgrp", DEFAULT),
        DEFAULT,
        DEFAULT,
        subnets[0].vpc_id,
        [[entry.id, entry.zone] for entry in subnets],
        room.store.next(),
    )
    room.store.subnet_groups[DEFAULT] = group
    return group


def answer(group: SubnetGroup) -> dict[str, Any]:
    """A group as the API shows it."""
    return {
        "ReplicationSubnetGroupIdentifier": group.identifier,
        "ReplicationSubnetGroupDescription": group.description,
        "VpcId": group.vpc_id,
        "SubnetGroupStatus": "Complete",
        "Subnets": [
            {
                "SubnetIdentifier": subnet_id,
                "SubnetAvailabilityZone": {"Name": zone},
                "SubnetStatus": "Active",
            }
            for subnet_id, zone in group.subnets
        ],
        "SupportedNetworkTypes": ["IPV4"],
    }


def _covering(room: Room, subnet_ids: list[str]) -> tuple[str, list[list[str]]]:
    """The VPC and the (subnet, zone) pairs of a group, refused as DMS refuses them."""
    if len(subnet_ids) > MAX_SUBNETS:
        raise quota(f"A replication subnet group holds at most {MAX_SUBNETS} subnets.")
    found = []
    for subnet_id in dict.fromkeys(subnet_ids):
        subnet = network.subnet(room.world, subnet_id)
        if subnet is None:
            raise Fault("InvalidSubnet", f"The subnet {subnet_id} is not valid: it does not exist.")
        found.append(subnet)
    vpcs = {subnet.vpc_id for subnet in found}
    if len(vpcs) > 1:
        raise Fault("InvalidSubnet", "Subnets of a replication subnet group must belong to the same VPC.")
    _require_two_zones({subnet.zone for subnet in found})
    return vpcs.pop(), [[subnet.id, subnet.zone] for subnet in found]


def _require_two_zones(zones: set[str]) -> None:
    if len(zones) < 2:
        raise Fault(
            "ReplicationSubnetGroupDoesNotCoverEnoughAZs",
            "The replication subnet group does not meet the requirement of at least two Availability Zones. "
            f"Zones covered: {', '.join(sorted(zones)) or 'none'}.",
        )


def _find(room: Room, identifier: str) -> SubnetGroup:
    group = room.store.subnet_groups.get(identifier.lower())
    if group is None:
        raise not_found(f"The replication subnet group '{identifier}' does not exist.")
    return group


def _subnet_of(group: SubnetGroup, zone: str) -> str | None:
    return next((subnet_id for subnet_id, at in group.subnets if at == zone), None)
