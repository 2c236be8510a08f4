"""The network a replication instance stands in: subnets, zones, security groups of moto's EC2, and its interface.

Called by subnet groups, instances and connection tests.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from dmstui.sandbox.world import World

log = logging.getLogger(__name__)

# What AWS writes on the interface of a replication instance; people who clean up by hand look for it.
INTERFACE = "DMSNetworkInterface"


@dataclass(frozen=True, slots=True)
class Subnet:
    id: str
    vpc_id: str
    zone: str


def subnet(world: World, subnet_id: str) -> Subnet | None:
    """The VPC subnet of that id, or None."""
    for zone in list(world.moto.backend("ec2").subnets.values()):
        found = zone.get(subnet_id)
        if found is not None:
            return _subnet(found)
    return None


def default_vpc_subnets(world: World) -> list[Subnet]:
    """All subnets of the default VPC."""
    ec2 = world.moto.backend("ec2")
    defaults = {vpc.id for vpc in list(ec2.vpcs.values()) if str(vpc.is_default).lower() == "true"}
    return [
        _subnet(entry)
        for zone in list(ec2.subnets.values())
        for entry in list(zone.values())
        if entry.vpc_id in defaults
    ]


def security_group_vpc(world: World, group_id: str) -> str | None:
    """The VPC of a security group, or None when there is no such group."""
    for vpc_id, groups in list(world.moto.backend("ec2").groups.items()):
        if group_id in groups:
            return str(vpc_id)
    return None


def default_security_group(world: World, vpc_id: str) -> str | None:
    """The VPC's own group `default`."""
    for group in list(world.moto.backend("ec2").groups.get(vpc_id, {}).values()):
        if group.name == "default":
            return str(group.id)
    return None


async def attach(world: World, subnet_id: str, groups: list[str]) -> tuple[str, str]:
    """Make the instance's interface; answers its id and address. Raises ClientError where the subnet is gone."""
    async with world.client("ec2") as ec2:
        answer = await ec2.create_network_interface(SubnetId=subnet_id, Groups=groups, Description=INTERFACE)
    made = answer["NetworkInterface"]
    return str(made["NetworkInterfaceId"]), str(made["PrivateIpAddress"])


async def detach(world: World, interface: str) -> None:
    """Remove the instance's interface; one that is gone already is no error."""
    try:
        async with world.client("ec2") as ec2:
            await ec2.delete_network_interface(NetworkInterfaceId=interface)
    except (ClientError, BotoCoreError) as error:
        log.info("network interface %s: %s", interface, error)


async def regroup(world: World, interface: str, groups: list[str]) -> None:
    """Put the interface into other security groups."""
    async with world.client("ec2") as ec2:
        await ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=groups)


def _subnet(entry: Any) -> Subnet:
    return Subnet(str(entry.id), str(entry.vpc_id), str(entry.availability_zone))
