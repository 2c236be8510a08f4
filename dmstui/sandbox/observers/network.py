"""What the VPC lets through, read from moto's security groups and subnets. The rooms of DMS ask it for their verdicts.

Stateful as security groups are: only the opening direction is judged, outbound of the caller and inbound of the callee.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dmstui.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Rule:
    """One direction's permission: protocol as AWS writes it, ports (None: all), and who is on the other side."""

    protocol: str
    from_port: int | None
    to_port: int | None
    cidr: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in the VPC: its security groups and the ranges its address lies in."""

    groups: tuple[str, ...]
    cidrs: tuple[str, ...]


def permits(rules: Iterable[Rule], port: int, groups: Sequence[str], cidrs: Sequence[str]) -> bool:
    """Whether `rules` let TCP `port` through to or from somebody in `groups` or in one of the ranges `cidrs`. Pure."""
    for rule in rules:
        if rule.protocol not in ("-1", "tcp", "6"):
            continue
        if rule.protocol != "-1" and rule.from_port is not None and rule.to_port is not None:
            low, high = rule.from_port, rule.to_port
            if low != -1 and not low <= port <= high:
                continue
        if rule.group is not None and rule.group in groups:
            return True
        if rule.cidr is not None and any(_inside(cidr, rule.cidr) for cidr in cidrs):
            return True
    return False


def _inside(inner: str, outer: str) -> bool:
    """Whether the whole range `inner` lies in `outer`."""
    try:
        small, big = ipaddress.ip_network(inner, strict=False), ipaddress.ip_network(outer, strict=False)
    except ValueError:
        return False
    if isinstance(small, ipaddress.IPv4Network) and isinstance(big, ipaddress.IPv4Network):
        return small.subnet_of(big)
    if isinstance(small, ipaddress.IPv6Network) and isinstance(big, ipaddress.IPv6Network):
        return small.subnet_of(big)
    return False


def reachable(
    world: World,
    from_groups: Sequence[str],
    to_groups: Sequence[str],
    port: int,
    *,
    from_cidrs: Sequence[str] = (),
    to_cidrs: Sequence[str] = (),
) -> bool:
    """Whether the security groups let a connection from one place to another on TCP `port`.

    The ranges are those of the subnets; without them the VPC's own ranges of the groups are taken.
    """
    callers, callees = _groups(world, from_groups), _groups(world, to_groups)
    here = tuple(from_cidrs) or _vpc_cidrs(world, callers)
    there = tuple(to_cidrs) or _vpc_cidrs(world, callees)
    outbound = [rule for group in callers for rule in rules_of(group.egress_rules)]
    inbound = [rule for group in callees for rule in rules_of(group.ingress_rules)]
    return permits(outbound, port, to_groups, there) and permits(inbound, port, from_groups, here)


def rules_of(rules: Iterable[Any]) -> list[Rule]:
    """moto's rules as ours."""
    found = []
    for rule in list(rules):
        source = rule.source_group or {}
        found.append(
            Rule(
                str(rule.ip_protocol),
                rule.from_port,
                rule.to_port,
                rule.cidr_ipv4 or rule.cidr_ipv6,
                source.get("GroupId"),
            )
        )
    return found


def _groups(world: World, ids: Sequence[str]) -> list[Any]:
    backend = world.moto.backend("ec2")
    return [groups[name] for name in ids for groups in list(backend.groups.values()) if name in groups]


def _vpc_cidrs(world: World, groups: Iterable[Any]) -> tuple[str, ...]:
    backend = world.moto.backend("ec2")
    vpcs = {group.vpc_id for group in groups}
    return tuple(vpc.cidr_block for vpc in list(backend.vpcs.values()) if vpc.id in vpcs)


def subnet_cidrs(world: World, subnet_ids: Iterable[str]) -> tuple[str, ...]:
    """The ranges of subnets; one that is gone has none."""
    wanted = set(subnet_ids)
    backend = world.moto.backend("ec2")
    return tuple(
        subnet.cidr_block
        for zone in list(backend.subnets.values())
        for subnet in list(zone.values())
        if subnet.id in wanted
    )


def database_at(world: World, host: str) -> Place | None:
    """Where the RDS database with that endpoint address stands, or None for an address of no RDS database."""
    name = host.partition(".")[0].lower()
    backend = world.moto.backend("rds")
    database = backend.databases.get(name)
    cluster = backend.clusters.get(name)
    found = cluster if ".cluster-" in host else database
    if found is None or ".rds." not in host:
        return None
    # An instance keeps the name in a private field: its property can only be written.
    group_name = getattr(found, "_db_subnet_group_name", None) or getattr(
        cluster, "db_subnet_group_name", None
    )
    group = backend.subnet_groups.get(group_name) if group_name else None
    subnets = [subnet["SubnetIdentifier"] for subnet in group.subnets] if group is not None else []
    return Place(tuple(found.vpc_security_group_ids or ()), subnet_cidrs(world, subnets))
