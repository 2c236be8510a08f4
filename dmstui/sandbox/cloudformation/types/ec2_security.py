"""EC2's security groups and their rules, inline or as resources of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dmstui.sandbox.cloudformation.types.base import Properties, Provisioner, RefusalError, Site, as_list
from dmstui.sandbox.cloudformation.types.ec2 import forgiving, retag, specification

INGRESS_MEMBERS = {
    "CidrIp",
    "CidrIpv6",
    "Description",
    "FromPort",
    "IpProtocol",
    "SourcePrefixListId",
    "SourceSecurityGroupId",
    "SourceSecurityGroupName",
    "SourceSecurityGroupOwnerId",
    "ToPort",
}
EGRESS_MEMBERS = {
    "CidrIp",
    "CidrIpv6",
    "Description",
    "DestinationPrefixListId",
    "DestinationSecurityGroupId",
    "FromPort",
    "IpProtocol",
    "ToPort",
}
ALL_EGRESS = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


def permission(rule: Mapping[str, Any], *, egress: bool) -> dict[str, Any]:
    """A rule as a template writes it → an IpPermission of the API. Pure."""
    known = EGRESS_MEMBERS if egress else INGRESS_MEMBERS
    for name in rule:
        if name not in known:
            raise RefusalError(f"Encountered unsupported property {name} in a security group rule")
    described = {"Description": rule["Description"]} if rule.get("Description") else {}
    made: dict[str, Any] = {"IpProtocol": str(rule["IpProtocol"])}
    if "FromPort" in rule:
        made["FromPort"] = int(rule["FromPort"])
    if "ToPort" in rule:
        made["ToPort"] = int(rule["ToPort"])
    side = "Destination" if egress else "Source"
    if "CidrIp" in rule:
        made["IpRanges"] = [{"CidrIp": rule["CidrIp"], **described}]
    if "CidrIpv6" in rule:
        made["Ipv6Ranges"] = [{"CidrIpv6": rule["CidrIpv6"], **described}]
    if f"{side}PrefixListId" in rule:
        made["PrefixListIds"] = [{"PrefixListId": rule[f"{side}PrefixListId"], **described}]
    pair = {
        "GroupId": rule.get(f"{side}SecurityGroupId"),
        "GroupName": rule.get(f"{side}SecurityGroupName"),
        "UserId": rule.get(f"{side}SecurityGroupOwnerId"),
    }
    pair = {key: value for key, value in pair.items() if value is not None}
    if pair:
        made["UserIdGroupPairs"] = [{**pair, **described}]
    return made


async def allow(at: Site, group: str, rules: Sequence[Mapping[str, Any]], *, egress: bool) -> None:
    """Add rules to a group."""
    operation = f"AuthorizeSecurityGroup{'Egress' if egress else 'Ingress'}"
    for rule in rules:
        try:
            await at.call("ec2", operation, GroupId=group, IpPermissions=[permission(rule, egress=egress)])
        except RefusalError as refusal:
            # Set already by the run that a restart of the sandbox broke off.
            if "Duplicate" not in refusal.code:
                raise


async def revoke(at: Site, group: str, permissions: Sequence[Mapping[str, Any]], *, egress: bool) -> None:
    """Take rules away; those that are gone are no failure."""
    operation = f"RevokeSecurityGroup{'Egress' if egress else 'Ingress'}"
    for item in permissions:
        await forgiving(at, operation, GroupId=group, IpPermissions=[dict(item)])


class SecurityGroup(Provisioner):
    type = "AWS::EC2::SecurityGroup"
    required = "GroupDescription"
    fixed = "GroupDescription GroupName VpcId"
    mutable = "SecurityGroupEgress SecurityGroupIngress Tags"
    attributes = "GroupId Id VpcId"

    async def create(self, at: Site, p: Properties) -> str:
        answer = await at.call(
            "ec2",
            "CreateSecurityGroup",
            Description=p["GroupDescription"],
            GroupName=p.get("GroupName") or at.name(255),
            VpcId=p.get("VpcId"),
            TagSpecifications=specification(at, "security-group", p),
        )
        return str(answer["GroupId"])

    async def settle(self, at: Site, physical_id: str, p: Properties) -> None:
        await allow(at, physical_id, as_list(p.get("SecurityGroupIngress")), egress=False)
        if p.get("SecurityGroupEgress"):
            # Own egress rules take the place of the one that lets everything out.
            await revoke(at, physical_id, [ALL_EGRESS], egress=True)
            await allow(at, physical_id, as_list(p["SecurityGroupEgress"]), egress=True)
        await self.rest(at)

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        group = (await at.call("ec2", "DescribeSecurityGroups", GroupIds=[physical_id]))["SecurityGroups"][0]
        return {"GroupId": physical_id, "Id": physical_id, "VpcId": group.get("VpcId", "")}

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        for name, egress in (("SecurityGroupIngress", False), ("SecurityGroupEgress", True)):
            before, after = as_list(old.get(name)), as_list(p.get(name))
            gone = [permission(rule, egress=egress) for rule in before if rule not in after]
            if egress and not before and after:
                gone.append(dict(ALL_EGRESS))
            await revoke(at, physical_id, gone, egress=egress)
            await allow(at, physical_id, [rule for rule in after if rule not in before], egress=egress)
            if egress and before and not after:
                await at.call(
                    "ec2",
                    "AuthorizeSecurityGroupEgress",
                    GroupId=physical_id,
                    IpPermissions=[dict(ALL_EGRESS)],
                )
        await retag(at, physical_id, old, p)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        await forgiving(at, "DeleteSecurityGroup", GroupId=physical_id)


class _Rule(Provisioner):
    """One rule as a resource."""

    egress = False
    attributes = "Id"

    def _rule(self, p: Properties) -> dict[str, Any]:
        return {key: value for key, value in p.items() if key not in {"GroupId", "GroupName"}}

    async def create(self, at: Site, p: Properties) -> str:
        operation = f"AuthorizeSecurityGroup{'Egress' if self.egress else 'Ingress'}"
        answer = await at.call(
            "ec2",
            operation,
            GroupId=p.get("GroupId"),
            IpPermissions=[permission(self._rule(p), egress=self.egress)],
        )
        rules = answer.get("SecurityGroupRules") or []
        return str(rules[0]["SecurityGroupRuleId"]) if rules else f"sgr-{at.unique(17).lower()}"

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        return {"Id": physical_id}

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        await revoke(at, p["GroupId"], [permission(self._rule(old), egress=self.egress)], egress=self.egress)
        await allow(at, p["GroupId"], [self._rule(p)], egress=self.egress)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        if "GroupId" in p:
            await revoke(
                at, p["GroupId"], [permission(self._rule(p), egress=self.egress)], egress=self.egress
            )


class SecurityGroupIngress(_Rule):
    type = "AWS::EC2::SecurityGroupIngress"
    required = "IpProtocol"
    fixed = (
        "CidrIp CidrIpv6 FromPort GroupId IpProtocol SourcePrefixListId SourceSecurityGroupId "
        "SourceSecurityGroupName SourceSecurityGroupOwnerId ToPort"
    )
    mutable = "Description"
    absent = "GroupName"


class SecurityGroupEgress(_Rule):
    type = "AWS::EC2::SecurityGroupEgress"
    required = "GroupId IpProtocol"
    fixed = "CidrIp CidrIpv6 DestinationPrefixListId DestinationSecurityGroupId FromPort GroupId IpProtocol ToPort"
    mutable = "Description"
    egress = True


TYPES = (SecurityGroup, SecurityGroupIngress, SecurityGroupEgress)
