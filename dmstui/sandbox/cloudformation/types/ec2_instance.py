"""EC2's hosts: instances and launch templates. A host here runs no user data; it signals once it has started."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from dmstui.sandbox.cloudformation.types.base import (
    Properties,
    Provisioner,
    RefusalError,
    Site,
    as_list,
    flag,
    is_gone,
    pick,
)
from dmstui.sandbox.cloudformation.types.ec2 import forgiving, retag, specification

NO_USER_DATA = " (the host of the sandbox is ready without running its user data)"


class Instance(Provisioner):
    type = "AWS::EC2::Instance"
    fixed = (
        "AvailabilityZone BlockDeviceMappings CpuOptions EbsOptimized HibernationOptions ImageId InstanceType "
        "Ipv6AddressCount KeyName LaunchTemplate NetworkInterfaces PrivateIpAddress SecurityGroupIds "
        "SecurityGroups SubnetId Tenancy UserData"
    )
    mutable = (
        "CreditSpecification DisableApiTermination IamInstanceProfile InstanceInitiatedShutdownBehavior "
        "MetadataOptions Monitoring PropagateTagsToVolumeOnCreation SourceDestCheck Tags"
    )
    absent = (
        "AdditionalInfo Affinity ElasticGpuSpecifications ElasticInferenceAccelerators EnclaveOptions HostId "
        "HostResourceGroupArn Ipv6Addresses KernelId LicenseSpecifications PlacementGroupName "
        "PrivateDnsNameOptions RamdiskId SsmAssociations Volumes"
    )
    attributes = "AvailabilityZone InstanceId PrivateDnsName PrivateIp PublicDnsName PublicIp VpcId"

    async def create(self, at: Site, p: Properties) -> str:
        own = (
            "BlockDeviceMappings CpuOptions CreditSpecification DisableApiTermination EbsOptimized "
            "HibernationOptions ImageId InstanceInitiatedShutdownBehavior InstanceType Ipv6AddressCount KeyName "
            "LaunchTemplate MetadataOptions PrivateIpAddress SecurityGroupIds SecurityGroups SubnetId"
        )
        given = pick(p, own)
        if "NetworkInterfaces" in p:
            given["NetworkInterfaces"] = [_interface(item) for item in as_list(p["NetworkInterfaces"])]
        if "IamInstanceProfile" in p:
            given["IamInstanceProfile"] = {"Name": p["IamInstanceProfile"]}
        if "Monitoring" in p:
            given["Monitoring"] = {"Enabled": flag(p["Monitoring"])}
        placement = {
            key: value
            for key, value in (("AvailabilityZone", p.get("AvailabilityZone")), ("Tenancy", p.get("Tenancy")))
            if value
        }
        tags = specification(at, "instance", p)
        if flag(p.get("PropagateTagsToVolumeOnCreation")):
            tags += specification(at, "volume", p)
        answer = await at.call(
            "ec2",
            "RunInstances",
            **given,
            Placement=placement or None,
            UserData=_decoded(p.get("UserData")),
            MinCount=1,
            MaxCount=1,
            TagSpecifications=tags,
        )
        return str(answer["Instances"][0]["InstanceId"])

    async def settle(self, at: Site, physical_id: str, p: Properties) -> None:
        await at.pause("ec2.instance.start")

        async def running() -> bool:
            found = await at.call("ec2", "DescribeInstances", InstanceIds=[physical_id])
            state = found["Reservations"][0]["Instances"][0]["State"]["Name"]
            if state in {"terminated", "shutting-down"}:
                raise at.not_stabilized(f"Instance {physical_id} is {state}")
            return bool(state == "running")

        await at.until(running, f"instance {physical_id} to run")
        at.signal(physical_id, "SUCCESS", NO_USER_DATA)
        at.code.signal_handles_in(_decoded(p.get("UserData")) or "", physical_id)

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        found = await at.call("ec2", "DescribeInstances", InstanceIds=[physical_id])
        host = found["Reservations"][0]["Instances"][0]
        return {
            "InstanceId": physical_id,
            "AvailabilityZone": host["Placement"]["AvailabilityZone"],
            "PrivateDnsName": host.get("PrivateDnsName", ""),
            "PrivateIp": host.get("PrivateIpAddress", ""),
            "PublicDnsName": host.get("PublicDnsName", ""),
            "PublicIp": host.get("PublicIpAddress", ""),
            "VpcId": host.get("VpcId", ""),
        }

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        for name, value in (
            ("DisableApiTermination", {"Value": flag(p.get("DisableApiTermination"))}),
            ("SourceDestCheck", {"Value": flag(p.get("SourceDestCheck", True))}),
            (
                "InstanceInitiatedShutdownBehavior",
                {"Value": p.get("InstanceInitiatedShutdownBehavior", "stop")},
            ),
        ):
            if old.get(name) != p.get(name):
                await at.call("ec2", "ModifyInstanceAttribute", InstanceId=physical_id, **{name: value})
        if old.get("MetadataOptions") != p.get("MetadataOptions") and p.get("MetadataOptions"):
            await at.call(
                "ec2", "ModifyInstanceMetadataOptions", InstanceId=physical_id, **p["MetadataOptions"]
            )
        if old.get("IamInstanceProfile") != p.get("IamInstanceProfile") and "IamInstanceProfile" in p:
            await self._profile(at, physical_id, p["IamInstanceProfile"])
        for name in ("CreditSpecification", "Monitoring"):
            if old.get(name) != p.get(name):
                raise RefusalError(f"Update of property {name} of {self.type} is not in the sandbox.")
        await retag(at, physical_id, old, p)

    async def _profile(self, at: Site, physical_id: str, name: str) -> None:
        found = await at.call(
            "ec2",
            "DescribeIamInstanceProfileAssociations",
            Filters=[{"Name": "instance-id", "Values": [physical_id]}],
        )
        for item in found["IamInstanceProfileAssociations"]:
            await at.call(
                "ec2",
                "ReplaceIamInstanceProfileAssociation",
                AssociationId=item["AssociationId"],
                IamInstanceProfile={"Name": name},
            )

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        try:
            await at.call("ec2", "TerminateInstances", InstanceIds=[physical_id])
        except RefusalError as refusal:
            if is_gone(refusal):
                return
            raise
        await at.pause("ec2.instance.terminate")

        async def terminated() -> bool:
            try:
                found = await at.call("ec2", "DescribeInstances", InstanceIds=[physical_id])
            except RefusalError as refusal:
                if is_gone(refusal):
                    return True
                raise
            hosts = [host for item in found["Reservations"] for host in item["Instances"]]
            return not hosts or hosts[0]["State"]["Name"] == "terminated"

        await at.until(terminated, f"instance {physical_id} to terminate")


def _interface(item: dict[str, Any]) -> dict[str, Any]:
    """A network interface as a template writes it → the API's member (groups have another name). Pure."""
    made = {key: value for key, value in item.items() if key != "GroupSet"}
    if "GroupSet" in item:
        made["Groups"] = item["GroupSet"]
    return made


def _decoded(user_data: Any) -> str | None:
    """User data stands in templates as base64; botocore encodes it by itself."""
    if not user_data:
        return None
    try:
        return base64.b64decode(str(user_data), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise RefusalError("Invalid BASE64 encoding of user data.") from None


class LaunchTemplate(Provisioner):
    type = "AWS::EC2::LaunchTemplate"
    required = "LaunchTemplateData"
    fixed = "LaunchTemplateName"
    mutable = "LaunchTemplateData TagSpecifications VersionDescription"
    attributes = "DefaultVersionNumber LatestVersionNumber LaunchTemplateId"

    async def create(self, at: Site, p: Properties) -> str:
        answer = await at.call(
            "ec2",
            "CreateLaunchTemplate",
            LaunchTemplateName=p.get("LaunchTemplateName") or at.name(128),
            LaunchTemplateData=p["LaunchTemplateData"],
            VersionDescription=p.get("VersionDescription"),
            TagSpecifications=p.get("TagSpecifications") or specification(at, "launch-template", {}),
        )
        return str(answer["LaunchTemplate"]["LaunchTemplateId"])

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        found = await at.call("ec2", "DescribeLaunchTemplates", LaunchTemplateIds=[physical_id])
        template = found["LaunchTemplates"][0]
        return {
            "LaunchTemplateId": physical_id,
            "DefaultVersionNumber": str(template["DefaultVersionNumber"]),
            "LatestVersionNumber": str(template["LatestVersionNumber"]),
        }

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        if old["LaunchTemplateData"] != p["LaunchTemplateData"]:
            await at.call(
                "ec2",
                "CreateLaunchTemplateVersion",
                LaunchTemplateId=physical_id,
                LaunchTemplateData=p["LaunchTemplateData"],
                VersionDescription=p.get("VersionDescription"),
            )

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        await forgiving(at, "DeleteLaunchTemplate", LaunchTemplateId=physical_id)


TYPES = (Instance, LaunchTemplate)
