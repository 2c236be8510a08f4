"""RDS: instances, subnet groups, parameter groups. Clusters are in rds_cluster.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dmstui.sandbox.cloudformation.types.base import (
    Properties,
    Provisioner,
    RefusalError,
    Site,
    invalid,
    is_gone,
    pick,
)

STEADY = {"available", "stopped", "storage-optimization"}
BROKEN = {"failed", "incompatible-parameters", "incompatible-network", "incompatible-restore", "storage-full"}


async def retag(at: Site, arn: str, old: Properties, new: Properties) -> None:
    """Bring an RDS resource's tags from the old properties to the new."""
    set_, removed = at.tag_changes(old, new)
    if set_:
        await at.call("rds", "AddTagsToResource", ResourceName=arn, Tags=set_)
    if removed:
        await at.call("rds", "RemoveTagsFromResource", ResourceName=arn, TagKeys=removed)


def arn_of(at: Site, kind: str, name: str) -> str:
    """The ARN of an RDS resource; `kind` is RDS's short word (db, cluster, pg, subgrp …)."""
    world = at.world
    return f"arn:{world.partition}:rds:{world.region}:{world.account_id}:{kind}:{name}"


def parameter_list(values: Mapping[str, Any]) -> list[dict[str, str]]:
    """Parameters of a group as a template maps them → the API's list. Pure."""
    return [
        {"ParameterName": name, "ParameterValue": str(value), "ApplyMethod": "pending-reboot"}
        for name, value in values.items()
    ]


class DBSubnetGroup(Provisioner):
    type = "AWS::RDS::DBSubnetGroup"
    required = "DBSubnetGroupDescription SubnetIds"
    fixed = "DBSubnetGroupName"
    mutable = "DBSubnetGroupDescription SubnetIds Tags"

    async def create(self, at: Site, p: Properties) -> str:
        name = str(p.get("DBSubnetGroupName") or at.name(255)).lower()
        await at.call(
            "rds",
            "CreateDBSubnetGroup",
            DBSubnetGroupName=name,
            Tags=at.tags(p) or None,
            **pick(p, "DBSubnetGroupDescription SubnetIds"),
        )
        return name

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        await at.call(
            "rds",
            "ModifyDBSubnetGroup",
            DBSubnetGroupName=physical_id,
            **pick(p, "DBSubnetGroupDescription SubnetIds"),
        )
        await retag(at, arn_of(at, "subgrp", physical_id), old, p)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        try:
            await at.call("rds", "DeleteDBSubnetGroup", DBSubnetGroupName=physical_id)
        except RefusalError as refusal:
            if not is_gone(refusal):
                raise


class DBParameterGroup(Provisioner):
    type = "AWS::RDS::DBParameterGroup"
    required = "Description Family"
    fixed = "DBParameterGroupName Description Family"
    mutable = "Parameters Tags"
    attributes = "DBParameterGroupName"
    noun = "DBParameterGroup"
    kind = "pg"

    async def create(self, at: Site, p: Properties) -> str:
        name = str(p.get(f"{self.noun}Name") or at.name(255)).lower()
        given = {f"{self.noun}Name": name}
        await at.call(
            "rds",
            f"Create{self.noun}",
            DBParameterGroupFamily=p["Family"],
            Description=p["Description"],
            Tags=at.tags(p) or None,
            **given,
        )
        return name

    async def settle(self, at: Site, physical_id: str, p: Properties) -> None:
        await self._set(at, physical_id, p.get("Parameters") or {})
        await self.rest(at)

    async def _set(self, at: Site, name: str, values: Mapping[str, Any]) -> None:
        found = parameter_list(values)
        group = {f"{self.noun}Name": name}
        for start in range(0, len(found), 20):
            await at.call("rds", f"Modify{self.noun}", Parameters=found[start : start + 20], **group)

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        return {f"{self.noun}Name": physical_id}

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        before, after = old.get("Parameters") or {}, p.get("Parameters") or {}
        gone = [
            {"ParameterName": name, "ApplyMethod": "pending-reboot"} for name in before if name not in after
        ]
        if gone:
            group = {f"{self.noun}Name": physical_id}
            await at.call("rds", f"Reset{self.noun}", Parameters=gone, **group)
        await self._set(
            at, physical_id, {name: value for name, value in after.items() if before.get(name) != value}
        )
        await retag(at, arn_of(at, self.kind, physical_id), old, p)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        try:
            group = {f"{self.noun}Name": physical_id}
            await at.call("rds", f"Delete{self.noun}", **group)
        except RefusalError as refusal:
            if not is_gone(refusal):
                raise


class DBClusterParameterGroup(DBParameterGroup):
    type = "AWS::RDS::DBClusterParameterGroup"
    required = "Description Family Parameters"
    fixed = "DBClusterParameterGroupName Description Family"
    attributes = ""
    noun = "DBClusterParameterGroup"
    kind = "cluster-pg"


class DBInstance(Provisioner):
    type = "AWS::RDS::DBInstance"
    fixed = (
        "AvailabilityZone CharacterSetName DBClusterIdentifier DBInstanceIdentifier DBName DBSnapshotIdentifier "
        "DBSubnetGroupName Engine KmsKeyId MasterUsername StorageEncrypted Timezone"
    )
    mutable = (
        "AllocatedStorage AllowMajorVersionUpgrade ApplyImmediately AutoMinorVersionUpgrade BackupRetentionPeriod "
        "CACertificateIdentifier CopyTagsToSnapshot DBInstanceClass DBParameterGroupName DeleteAutomatedBackups "
        "DeletionProtection EnableCloudwatchLogsExports EnableIAMDatabaseAuthentication EnablePerformanceInsights "
        "EngineLifecycleSupport EngineVersion Iops LicenseModel MasterUserPassword MaxAllocatedStorage "
        "MonitoringInterval MonitoringRoleArn MultiAZ NetworkType OptionGroupName PerformanceInsightsKMSKeyId "
        "PerformanceInsightsRetentionPeriod Port PreferredBackupWindow PreferredMaintenanceWindow PromotionTier "
        "PubliclyAccessible StorageThroughput StorageType Tags VPCSecurityGroups"
    )
    absent = (
        "AssociatedRoles AutomaticBackupReplicationKmsKeyId AutomaticBackupReplicationRegion "
        "AutomaticBackupReplicationRetentionPeriod BackupTarget CertificateRotationRestart CustomIAMInstanceProfile "
        "DBClusterSnapshotIdentifier DBSecurityGroups DBSystemId DatabaseInsightsMode DedicatedLogVolume Domain "
        "DomainAuthSecretArn DomainDnsIps DomainFqdn DomainIAMRoleName DomainOu ManageMasterUserPassword "
        "MasterUserAuthenticationType MasterUserSecret NcharCharacterSetName ProcessorFeatures ReplicaMode "
        "RestoreTime SourceDBClusterIdentifier SourceDBInstanceAutomatedBackupsArn SourceDBInstanceIdentifier "
        "SourceDbiResourceId SourceRegion TdeCredentialArn TdeCredentialPassword UseDefaultProcessorFeatures "
        "UseLatestRestorableTime"
    )
    attributes = (
        "CertificateDetails.CAIdentifier CertificateDetails.ValidTill DBInstanceArn DbiResourceId "
        "Endpoint.Address Endpoint.HostedZoneId Endpoint.Port"
    )
    # Not members of the creating call: they speak of updates or of deletion.
    later = (
        "AllowMajorVersionUpgrade",
        "ApplyImmediately",
        "DeleteAutomatedBackups",
        "Tags",
        "VPCSecurityGroups",
        "DBSnapshotIdentifier",
    )
    modified = (
        "AllocatedStorage AutoMinorVersionUpgrade BackupRetentionPeriod CACertificateIdentifier CopyTagsToSnapshot "
        "DBInstanceClass DBParameterGroupName DeletionProtection EnableIAMDatabaseAuthentication "
        "EnablePerformanceInsights EngineLifecycleSupport EngineVersion Iops LicenseModel MasterUserPassword "
        "MaxAllocatedStorage MonitoringInterval MonitoringRoleArn MultiAZ NetworkType OptionGroupName "
        "PerformanceInsightsRetentionPeriod PreferredBackupWindow PreferredMaintenanceWindow PromotionTier "
        "PubliclyAccessible StorageThroughput StorageType"
    )

    def policy(self, p: Properties) -> str:
        return "Delete" if "DBClusterIdentifier" in p else "Snapshot"

    def check(self, p: Properties, logical_id: str) -> None:
        super().check(p, logical_id)
        if "DBInstanceClass" not in p and "DBSnapshotIdentifier" not in p:
            raise invalid(logical_id, "#: required key [DBInstanceClass] not found")

    async def create(self, at: Site, p: Properties) -> str:
        name = str(p.get("DBInstanceIdentifier") or at.name(63)).lower()
        given = {key: value for key, value in p.items() if key not in self.later}
        given["DBInstanceIdentifier"] = name
        tags, groups = at.tags(p) or None, p.get("VPCSecurityGroups")
        if "DBSnapshotIdentifier" in p:
            for unwanted in (
                "MasterUsername",
                "MasterUserPassword",
                "DBName",
                "StorageEncrypted",
                "KmsKeyId",
                "EngineVersion",
            ):
                given.pop(unwanted, None)
            given["DBSnapshotIdentifier"] = p["DBSnapshotIdentifier"]
            await at.call(
                "rds", "RestoreDBInstanceFromDBSnapshot", **given, VpcSecurityGroupIds=groups, Tags=tags
            )
        else:
            await at.call("rds", "CreateDBInstance", **given, VpcSecurityGroupIds=groups, Tags=tags)
        return name

    async def _found(self, at: Site, name: str) -> dict[str, Any] | None:
        try:
            answer = await at.call("rds", "DescribeDBInstances", DBInstanceIdentifier=name)
        except RefusalError as refusal:
            if is_gone(refusal):
                return None
            raise
        return dict(answer["DBInstances"][0])

    async def settle(self, at: Site, physical_id: str, p: Properties) -> None:
        async def available() -> bool:
            found = await self._found(at, physical_id)
            status = str(found["DBInstanceStatus"]) if found else "deleted"
            if status in BROKEN or found is None or status == "deleting":
                raise at.not_stabilized(f"DBInstance {physical_id} is in state {status}")
            return status in STEADY

        await at.until(available, f"DBInstance {physical_id} to be available")

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        found = await self._found(at, physical_id) or {}
        endpoint = found.get("Endpoint") or {}
        certificate = found.get("CertificateDetails") or {}
        till = certificate.get("ValidTill")
        return {
            "DBInstanceArn": found.get("DBInstanceArn", ""),
            "DbiResourceId": found.get("DbiResourceId", ""),
            "Endpoint.Address": endpoint.get("Address", ""),
            "Endpoint.Port": str(endpoint.get("Port", "")),
            "Endpoint.HostedZoneId": endpoint.get("HostedZoneId", ""),
            "CertificateDetails.CAIdentifier": certificate.get(
                "CAIdentifier", found.get("CACertificateIdentifier", "")
            ),
            "CertificateDetails.ValidTill": till.isoformat() if till else "",
        }

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        changes = {name: p[name] for name in self.modified.split() if name in p and old.get(name) != p[name]}
        if old.get("VPCSecurityGroups") != p.get("VPCSecurityGroups"):
            changes["VpcSecurityGroupIds"] = p.get("VPCSecurityGroups")
        if old.get("Port") != p.get("Port"):
            changes["DBPortNumber"] = p.get("Port")
        if old.get("EnableCloudwatchLogsExports") != p.get("EnableCloudwatchLogsExports"):
            before, after = (
                old.get("EnableCloudwatchLogsExports") or [],
                p.get("EnableCloudwatchLogsExports") or [],
            )
            changes["CloudwatchLogsExportConfiguration"] = {
                "EnableLogTypes": [item for item in after if item not in before],
                "DisableLogTypes": [item for item in before if item not in after],
            }
        if changes:
            await at.call(
                "rds",
                "ModifyDBInstance",
                DBInstanceIdentifier=physical_id,
                ApplyImmediately=p.get("ApplyImmediately", True),
                **changes,
                **pick(p, "AllowMajorVersionUpgrade"),
            )
            await at.pause("cloudformation.poll")
            await self.settle(at, physical_id, p)
        await retag(at, arn_of(at, "db", physical_id), old, p)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        final = f"{physical_id[:200]}-snapshot-{at.unique(8).lower()}" if at.snapshot else None
        try:
            await at.call(
                "rds",
                "DeleteDBInstance",
                DBInstanceIdentifier=physical_id,
                SkipFinalSnapshot=final is None,
                FinalDBSnapshotIdentifier=final,
                **pick(p, "DeleteAutomatedBackups"),
            )
        except RefusalError as refusal:
            found = await self._found(at, physical_id)
            if not is_gone(refusal) and (found is None or found["DBInstanceStatus"] != "deleting"):
                raise

        async def gone() -> bool:
            return await self._found(at, physical_id) is None

        await at.until(gone, f"DBInstance {physical_id} to be deleted")


TYPES = (DBInstance, DBSubnetGroup, DBParameterGroup, DBClusterParameterGroup)
