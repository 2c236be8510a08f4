"""EC2's network: VPC, subnets, gateways, routes, endpoints, addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dmstui.sandbox.cloudformation.types.base import (
    Properties,
    Provisioner,
    RefusalError,
    Site,
    as_list,
    document,
    flag,
    is_gone,
    pick,
)


def specification(at: Site, kind: str, p: Mapping[str, Any]) -> list[dict[str, Any]]:
    """TagSpecifications with the stack's, CloudFormation's and the resource's own tags."""
    tags = at.tags(p) + [{"Key": key, "Value": value} for key, value in at.system_tags().items()]
    return [{"ResourceType": kind, "Tags": tags}]


async def retag(at: Site, physical_id: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Bring an EC2 resource's tags from the old properties to the new."""
    set_, removed = at.tag_changes(old, new)
    if set_:
        await at.call("ec2", "CreateTags", Resources=[physical_id], Tags=set_)
    if removed:
        await at.call("ec2", "DeleteTags", Resources=[physical_id], Tags=[{"Key": key} for key in removed])


async def forgiving(at: Site, operation: str, **parameters: Any) -> None:
    """A deleting call of EC2 for which it is no failure that the thing is gone already."""
    try:
        await at.call("ec2", operation, **parameters)
    except RefusalError as refusal:
        if not is_gone(refusal):
            raise


class VPC(Provisioner):
    type = "AWS::EC2::VPC"
    fixed = "CidrBlock InstanceTenancy"
    mutable = "EnableDnsHostnames EnableDnsSupport Tags"
    absent = "Ipv4IpamPoolId Ipv4NetmaskLength"
    seconds = 12
    attributes = "CidrBlock CidrBlockAssociations DefaultNetworkAcl DefaultSecurityGroup Ipv6CidrBlocks VpcId"

    async def create(self, at: Site, p: Properties) -> str:
        answer = await at.call(
            "ec2",
            "CreateVpc",
            **pick(p, "CidrBlock InstanceTenancy"),
            TagSpecifications=specification(at, "vpc", p),
        )
        return str(answer["Vpc"]["VpcId"])

    async def settle(self, at: Site, physical_id: str, p: Properties) -> None:
        await self._attributes(at, physical_id, {}, p)
        await self.rest(at)

    async def _attributes(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        for name in ("EnableDnsSupport", "EnableDnsHostnames"):
            if old.get(name) != p.get(name):
                value = flag(p.get(name, name == "EnableDnsSupport"))
                await at.call("ec2", "ModifyVpcAttribute", VpcId=physical_id, **{name: {"Value": value}})

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        vpc = (await at.call("ec2", "DescribeVpcs", VpcIds=[physical_id]))["Vpcs"][0]
        mine = [{"Name": "vpc-id", "Values": [physical_id]}]
        groups = await at.call(
            "ec2", "DescribeSecurityGroups", Filters=[*mine, {"Name": "group-name", "Values": ["default"]}]
        )
        lists = await at.call(
            "ec2", "DescribeNetworkAcls", Filters=[*mine, {"Name": "default", "Values": ["true"]}]
        )
        return {
            "VpcId": physical_id,
            "CidrBlock": vpc["CidrBlock"],
            "CidrBlockAssociations": [
                item["AssociationId"] for item in vpc.get("CidrBlockAssociationSet", [])
            ],
            "Ipv6CidrBlocks": [item["Ipv6CidrBlock"] for item in vpc.get("Ipv6CidrBlockAssociationSet", [])],
            "DefaultSecurityGroup": next((item["GroupId"] for item in groups["SecurityGroups"]), ""),
            "DefaultNetworkAcl": next((item["NetworkAclId"] for item in lists["NetworkAcls"]), ""),
        }

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        await self._attributes(at, physical_id, old, p)
        await retag(at, physical_id, old, p)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        await forgiving(at, "DeleteVpc", VpcId=physical_id)


class Subnet(Provisioner):
    type = "AWS::EC2::Subnet"
    required = "VpcId"
    fixed = "AvailabilityZone AvailabilityZoneId CidrBlock Ipv6CidrBlock VpcId"
    mutable = "AssignIpv6AddressOnCreation MapPublicIpOnLaunch Tags"
    absent = (
        "EnableDns64 EnableLniAtDeviceIndex Ipv4IpamPoolId Ipv4NetmaskLength Ipv6IpamPoolId Ipv6Native "
        "Ipv6NetmaskLength OutpostArn PrivateDnsNameOptionsOnLaunch"
    )
    attributes = (
        "AvailabilityZone AvailabilityZoneId CidrBlock Ipv6CidrBlocks NetworkAclAssociationId SubnetId VpcId"
    )

    async def create(self, at: Site, p: Properties) -> str:
        answer = await at.call(
            "ec2", "CreateSubnet", **pick(p, self.fixed), TagSpecifications=specification(at, "subnet", p)
        )
        return str(answer["Subnet"]["SubnetId"])

    async def settle(self, at: Site, physical_id: str, p: Properties) -> None:
        await self._attributes(at, physical_id, {}, p)
        await self.rest(at)

    async def _attributes(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        for name in ("MapPublicIpOnLaunch", "AssignIpv6AddressOnCreation"):
            if old.get(name) != p.get(name):
                await at.call(
                    "ec2",
                    "ModifySubnetAttribute",
                    SubnetId=physical_id,
                    **{name: {"Value": flag(p.get(name))}},
                )

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        subnet = (await at.call("ec2", "DescribeSubnets", SubnetIds=[physical_id]))["Subnets"][0]
        acls = await at.call(
            "ec2", "DescribeNetworkAcls", Filters=[{"Name": "association.subnet-id", "Values": [physical_id]}]
        )
        associations = [
            item["NetworkAclAssociationId"]
            for acl in acls["NetworkAcls"]
            for item in acl["Associations"]
            if item["SubnetId"] == physical_id
        ]
        return {
            **pick(subnet, "AvailabilityZone AvailabilityZoneId CidrBlock VpcId"),
            "SubnetId": physical_id,
            "Ipv6CidrBlocks": [
                item["Ipv6CidrBlock"] for item in subnet.get("Ipv6CidrBlockAssociationSet", [])
            ],
            "NetworkAclAssociationId": associations[0] if associations else "",
        }

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        await self._attributes(at, physical_id, old, p)
        await retag(at, physical_id, old, p)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        await forgiving(at, "DeleteSubnet", SubnetId=physical_id)


class InternetGateway(Provisioner):
    type = "AWS::EC2::InternetGateway"
    mutable = "Tags"
    seconds = 15
    attributes = "InternetGatewayId"

    async def create(self, at: Site, p: Properties) -> str:
        answer = await at.call(
            "ec2", "CreateInternetGateway", TagSpecifications=specification(at, "internet-gateway", p)
        )
        return str(answer["InternetGateway"]["InternetGatewayId"])

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        return {"InternetGatewayId": physical_id}

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        await retag(at, physical_id, old, p)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        await forgiving(at, "DeleteInternetGateway", InternetGatewayId=physical_id)


class VPCGatewayAttachment(Provisioner):
    type = "AWS::EC2::VPCGatewayAttachment"
    required = "VpcId"
    fixed = "VpcId InternetGatewayId"
    absent = "VpnGatewayId"
    attributes = "AttachmentType"

    async def create(self, at: Site, p: Properties) -> str:
        await at.call("ec2", "AttachInternetGateway", **pick(p, "InternetGatewayId VpcId"))
        return f"IGW|{p['VpcId']}"

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        return {"AttachmentType": "IGW"}

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        try:
            await at.call("ec2", "DetachInternetGateway", **pick(p, "InternetGatewayId VpcId"))
        except RefusalError as refusal:
            if not is_gone(refusal) and "NotAttached" not in refusal.code:
                raise


class RouteTable(Provisioner):
    type = "AWS::EC2::RouteTable"
    required = "VpcId"
    fixed = "VpcId"
    mutable = "Tags"
    attributes = "RouteTableId"

    async def create(self, at: Site, p: Properties) -> str:
        answer = await at.call(
            "ec2", "CreateRouteTable", VpcId=p["VpcId"], TagSpecifications=specification(at, "route-table", p)
        )
        return str(answer["RouteTable"]["RouteTableId"])

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        return {"RouteTableId": physical_id}

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        await retag(at, physical_id, old, p)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        await forgiving(at, "DeleteRouteTable", RouteTableId=physical_id)


class Route(Provisioner):
    type = "AWS::EC2::Route"
    required = "RouteTableId"
    fixed = "DestinationCidrBlock DestinationIpv6CidrBlock DestinationPrefixListId RouteTableId"
    mutable = (
        "EgressOnlyInternetGatewayId GatewayId InstanceId NatGatewayId NetworkInterfaceId TransitGatewayId "
        "VpcEndpointId VpcPeeringConnectionId"
    )
    absent = "CarrierGatewayId CoreNetworkArn LocalGatewayId"
    attributes = "CidrBlock"
    destinations = "DestinationCidrBlock DestinationIpv6CidrBlock DestinationPrefixListId"

    def _destination(self, p: Properties) -> str:
        return str(next(iter(pick(p, self.destinations).values()), ""))

    async def create(self, at: Site, p: Properties) -> str:
        await at.call("ec2", "CreateRoute", **p)
        return f"{p['RouteTableId']}|{self._destination(p)}"

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        return {"CidrBlock": self._destination(p)}

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        await at.call("ec2", "ReplaceRoute", **p)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        await forgiving(at, "DeleteRoute", **pick(p, f"RouteTableId {self.destinations}"))


class SubnetRouteTableAssociation(Provisioner):
    type = "AWS::EC2::SubnetRouteTableAssociation"
    required = "RouteTableId SubnetId"
    fixed = "RouteTableId SubnetId"
    attributes = "Id"

    async def create(self, at: Site, p: Properties) -> str:
        answer = await at.call("ec2", "AssociateRouteTable", **pick(p, self.required))
        return str(answer["AssociationId"])

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        return {"Id": physical_id}

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        await forgiving(at, "DisassociateRouteTable", AssociationId=physical_id)


class VPCEndpoint(Provisioner):
    type = "AWS::EC2::VPCEndpoint"
    required = "VpcId ServiceName"
    fixed = "VpcId ServiceName VpcEndpointType"
    mutable = "IpAddressType PolicyDocument PrivateDnsEnabled RouteTableIds SecurityGroupIds SubnetIds Tags DnsOptions"
    absent = "ResourceConfigurationArn ServiceNetworkArn ServiceRegion"
    attributes = "CreationTimestamp DnsEntries Id NetworkInterfaceIds"

    async def create(self, at: Site, p: Properties) -> str:
        given = {key: value for key, value in p.items() if key not in {"Tags", "PolicyDocument"}}
        answer = await at.call(
            "ec2",
            "CreateVpcEndpoint",
            **given,
            PolicyDocument=document(p.get("PolicyDocument")),
            TagSpecifications=specification(at, "vpc-endpoint", p),
        )
        return str(answer["VpcEndpoint"]["VpcEndpointId"])

    async def settle(self, at: Site, physical_id: str, p: Properties) -> None:
        await at.pause("ec2.vpc-endpoint" if p.get("VpcEndpointType") == "Interface" else self.step)

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        found = (await at.call("ec2", "DescribeVpcEndpoints", VpcEndpointIds=[physical_id]))["VpcEndpoints"][
            0
        ]
        entries = [
            f"{item.get('HostedZoneId', '')}:{item['DnsName']}" for item in found.get("DnsEntries", [])
        ]
        if not entries and p.get("VpcEndpointType") == "Interface":
            service = str(p["ServiceName"]).rpartition(".")[2]
            region = at.world.region
            letters = at.unique(17).lower()
            entries = [f"Z{at.unique(13)}:{physical_id}-{letters[:8]}.{service}.{region}.vpce.amazonaws.com"]
        return {
            "Id": physical_id,
            "CreationTimestamp": found["CreationTimestamp"].isoformat()
            if "CreationTimestamp" in found
            else "",
            "DnsEntries": entries,
            "NetworkInterfaceIds": list(found.get("NetworkInterfaceIds", [])),
        }

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        changes: dict[str, Any] = {}
        for name, member in (
            ("RouteTableIds", "RouteTableIds"),
            ("SubnetIds", "SubnetIds"),
            ("SecurityGroupIds", "SecurityGroupIds"),
        ):
            before, after = as_list(old.get(name)), as_list(p.get(name))
            changes[f"Add{member}"] = [item for item in after if item not in before] or None
            changes[f"Remove{member}"] = [item for item in before if item not in after] or None
        if old.get("PolicyDocument") != p.get("PolicyDocument"):
            changes["PolicyDocument"] = document(p.get("PolicyDocument"))
            changes["ResetPolicy"] = True if p.get("PolicyDocument") is None else None
        if old.get("PrivateDnsEnabled") != p.get("PrivateDnsEnabled"):
            changes["PrivateDnsEnabled"] = flag(p.get("PrivateDnsEnabled"))
        if any(value is not None for value in changes.values()):
            await at.call("ec2", "ModifyVpcEndpoint", VpcEndpointId=physical_id, **changes)
        await retag(at, physical_id, old, p)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        await forgiving(at, "DeleteVpcEndpoints", VpcEndpointIds=[physical_id])
        await self.rest(at)


class EIP(Provisioner):
    type = "AWS::EC2::EIP"
    fixed = "Address NetworkBorderGroup"
    mutable = "Domain InstanceId Tags"
    absent = "IpamPoolId PublicIpv4Pool TransferAddress"
    attributes = "AllocationId PublicIp"

    async def create(self, at: Site, p: Properties) -> str:
        answer = await at.call(
            "ec2",
            "AllocateAddress",
            Domain=p.get("Domain", "vpc"),
            Address=p.get("Address"),
            TagSpecifications=specification(at, "elastic-ip", p),
        )
        if "InstanceId" in p:
            await at.call(
                "ec2", "AssociateAddress", AllocationId=answer["AllocationId"], InstanceId=p["InstanceId"]
            )
        return str(answer["PublicIp"])

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        address = (await at.call("ec2", "DescribeAddresses", PublicIps=[physical_id]))["Addresses"][0]
        return {"AllocationId": address["AllocationId"], "PublicIp": physical_id}

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        found = await self.read(at, physical_id, p)
        if old.get("InstanceId") != p.get("InstanceId") and "InstanceId" in p:
            await at.call(
                "ec2", "AssociateAddress", AllocationId=found["AllocationId"], InstanceId=p["InstanceId"]
            )
        await retag(at, found["AllocationId"], old, p)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        try:
            found = await self.read(at, physical_id, p)
            address = (await at.call("ec2", "DescribeAddresses", PublicIps=[physical_id]))["Addresses"][0]
            if address.get("AssociationId"):
                await at.call("ec2", "DisassociateAddress", AssociationId=address["AssociationId"])
            await at.call("ec2", "ReleaseAddress", AllocationId=found["AllocationId"])
        except RefusalError as refusal:
            if not is_gone(refusal):
                raise


class NatGateway(Provisioner):
    type = "AWS::EC2::NatGateway"
    fixed = "AllocationId ConnectivityType PrivateIpAddress SubnetId"
    mutable = "Tags"
    absent = (
        "AvailabilityMode AvailabilityZoneAddresses MaxDrainDurationSeconds SecondaryAllocationIds "
        "SecondaryPrivateIpAddressCount SecondaryPrivateIpAddresses VpcId"
    )
    attributes = "NatGatewayId"

    async def create(self, at: Site, p: Properties) -> str:
        answer = await at.call(
            "ec2",
            "CreateNatGateway",
            **pick(p, "AllocationId ConnectivityType PrivateIpAddress SubnetId"),
            TagSpecifications=specification(at, "natgateway", p),
        )
        return str(answer["NatGateway"]["NatGatewayId"])

    async def settle(self, at: Site, physical_id: str, p: Properties) -> None:
        await at.pause("ec2.nat-gateway")

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        return {"NatGatewayId": physical_id}

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        await retag(at, physical_id, old, p)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        await forgiving(at, "DeleteNatGateway", NatGatewayId=physical_id)
        await self.rest(at)


TYPES = (
    VPC,
    Subnet,
    InternetGateway,
    VPCGatewayAttachment,
    RouteTable,
    Route,
    SubnetRouteTableAssociation,
    VPCEndpoint,
    EIP,
    NatGateway,
)
