"""RDS: Aurora clusters."""

from __future__ import annotations

from typing import Any

from dmstui.sandbox.cloudformation.types.base import (
    Properties,
    Provisioner,
    RefusalError,
    Site,
    is_gone,
    pick,
)
from dmstui.sandbox.cloudformation.types.rds import BROKEN, STEADY, arn_of, retag


class DBCluster(Provisioner):
    type = "AWS::RDS::DBCluster"
    fixed = (
        "AvailabilityZones DBClusterIdentifier DBSubnetGroupName DatabaseName Engine EngineMode KmsKeyId "
        "MasterUsername StorageEncrypted"
    )
    mutable = (
        "AllocatedStorage AutoMinorVersionUpgrade BacktrackWindow BackupRetentionPeriod CopyTagsToSnapshot "
        "DBClusterInstanceClass DBClusterParameterGroupName DeleteAutomatedBackups DeletionProtection "
        "EnableCloudwatchLogsExports EnableHttpEndpoint EnableIAMDatabaseAuthentication EngineLifecycleSupport "
        "EngineVersion Iops MasterUserPassword MonitoringInterval MonitoringRoleArn NetworkType Port "
        "PreferredBackupWindow PreferredMaintenanceWindow ScalingConfiguration ServerlessV2ScalingConfiguration "
        "StorageType Tags VpcSecurityGroupIds"
    )
    absent = (
        "AssociatedRoles ClusterScalabilityType DBInstanceParameterGroupName DBSystemId DatabaseInsightsMode Domain "
        "DomainIAMRoleName EnableGlobalWriteForwarding EnableLocalWriteForwarding GlobalClusterIdentifier "
        "ManageMasterUserPassword MasterUserAuthenticationType MasterUserSecret PerformanceInsightsEnabled "
        "PerformanceInsightsKmsKeyId PerformanceInsightsRetentionPeriod PubliclyAccessible "
        "ReplicationSourceIdentifier RestoreToTime RestoreType SnapshotIdentifier SourceDBClusterIdentifier "
        "SourceDbClusterResourceId SourceRegion UseLatestRestorableTime"
    )
    attributes = "DBClusterArn DBClusterResourceId Endpoint.Address Endpoint.Port ReadEndpoint.Address"
    default_policy = "Snapshot"
    modified = (
        "AllocatedStorage AutoMinorVersionUpgrade BacktrackWindow BackupRetentionPeriod CopyTagsToSnapshot "
        "DBClusterInstanceClass DBClusterParameterGroupName DeletionProtection EnableHttpEndpoint "
        "EnableIAMDatabaseAuthentication EngineLifecycleSupport EngineVersion Iops MasterUserPassword "
        "MonitoringInterval MonitoringRoleArn NetworkType Port PreferredBackupWindow PreferredMaintenanceWindow "
        "ScalingConfiguration ServerlessV2ScalingConfiguration StorageType VpcSecurityGroupIds"
    )

    async def create(self, at: Site, p: Properties) -> str:
        name = str(p.get("DBClusterIdentifier") or at.name(63)).lower()
        given = {key: value for key, value in p.items() if key not in {"Tags", "DeleteAutomatedBackups"}}
        given["DBClusterIdentifier"] = name
        await at.call("rds", "CreateDBCluster", **given, Tags=at.tags(p) or None)
        return name

    async def _found(self, at: Site, name: str) -> dict[str, Any] | None:
        try:
            answer = await at.call("rds", "DescribeDBClusters", DBClusterIdentifier=name)
        except RefusalError as refusal:
            if is_gone(refusal):
                return None
            raise
        return dict(answer["DBClusters"][0])

    async def settle(self, at: Site, physical_id: str, p: Properties) -> None:
        async def available() -> bool:
            found = await self._found(at, physical_id)
            status = str(found["Status"]) if found else "deleted"
            if found is None or status in BROKEN or status == "deleting":
                raise at.not_stabilized(f"DBCluster {physical_id} is in state {status}")
            return status in STEADY

        await at.until(available, f"DBCluster {physical_id} to be available")

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        found = await self._found(at, physical_id) or {}
        return {
            "DBClusterArn": found.get("DBClusterArn", ""),
            "DBClusterResourceId": found.get("DbClusterResourceId", ""),
            "Endpoint.Address": found.get("Endpoint", ""),
            "Endpoint.Port": str(found.get("Port", "")),
            "ReadEndpoint.Address": found.get("ReaderEndpoint", ""),
        }

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        changes = {name: p[name] for name in self.modified.split() if name in p and old.get(name) != p[name]}
        if changes:
            await at.call(
                "rds", "ModifyDBCluster", DBClusterIdentifier=physical_id, ApplyImmediately=True, **changes
            )
            await at.pause("cloudformation.poll")
            await self.settle(at, physical_id, p)
        await retag(at, arn_of(at, "cluster", physical_id), old, p)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        final = f"{physical_id[:200]}-snapshot-{at.unique(8).lower()}" if at.snapshot else None
        try:
            await at.call(
                "rds",
                "DeleteDBCluster",
                DBClusterIdentifier=physical_id,
                SkipFinalSnapshot=final is None,
                FinalDBSnapshotIdentifier=final,
                **pick(p, "DeleteAutomatedBackups"),
            )
        except RefusalError as refusal:
            found = await self._found(at, physical_id)
            if not is_gone(refusal) and (found is None or found["Status"] != "deleting"):
                raise

        async def gone() -> bool:
            return await self._found(at, physical_id) is None

        await at.until(gone, f"DBCluster {physical_id} to be deleted")


TYPES = (DBCluster,)
