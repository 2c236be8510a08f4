"""DMS: instances, subnet groups, endpoints, tasks, certificates, event subscriptions.

Ref gives the ARN of instances, endpoints, tasks and certificates, the name of subnet groups and subscriptions. Nothing
here starts or stops a task: a stack that deletes a running one fails with what DMS says.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dmstui.sandbox.cloudformation.types.base import (
    Properties,
    Provisioner,
    RefusalError,
    Site,
    is_gone,
    pick,
)

MOVING = {"creating", "modifying", "upgrading", "rebooting", "maintenance", "moving"}


async def described(
    at: Site, operation: str, filter_name: str, value: str, member: str
) -> dict[str, Any] | None:
    """The one record that a filter finds, or None."""
    try:
        answer = await at.call("dms", operation, Filters=[{"Name": filter_name, "Values": [value]}])
    except RefusalError as refusal:
        if is_gone(refusal):
            return None
        raise
    found = answer.get(member) or []
    return dict(found[0]) if found else None


async def retag(at: Site, arn: str, old: Properties, new: Properties) -> None:
    """Bring a DMS resource's tags from the old properties to the new."""
    set_, removed = at.tag_changes(old, new)
    if set_:
        await at.call("dms", "AddTagsToResource", ResourceArn=arn, Tags=set_)
    if removed:
        await at.call("dms", "RemoveTagsFromResource", ResourceArn=arn, TagKeys=removed)


class ReplicationSubnetGroup(Provisioner):
    type = "AWS::DMS::ReplicationSubnetGroup"
    required = "ReplicationSubnetGroupDescription SubnetIds"
    fixed = "ReplicationSubnetGroupIdentifier"
    mutable = "ReplicationSubnetGroupDescription SubnetIds Tags"
    step = "dms.subnet-group"

    async def create(self, at: Site, p: Properties) -> str:
        name = str(p.get("ReplicationSubnetGroupIdentifier") or at.name(255)).lower()
        await at.call(
            "dms",
            "CreateReplicationSubnetGroup",
            ReplicationSubnetGroupIdentifier=name,
            Tags=at.tags(p) or None,
            **pick(p, "ReplicationSubnetGroupDescription SubnetIds"),
        )
        return name

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        await at.call(
            "dms",
            "ModifyReplicationSubnetGroup",
            ReplicationSubnetGroupIdentifier=physical_id,
            **pick(p, "ReplicationSubnetGroupDescription SubnetIds"),
        )
        world = at.world
        arn = f"arn:{world.partition}:dms:{world.region}:{world.account_id}:subgrp:{physical_id}"
        await retag(at, arn, old, p)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        try:
            await at.call("dms", "DeleteReplicationSubnetGroup", ReplicationSubnetGroupIdentifier=physical_id)
        except RefusalError as refusal:
            if not is_gone(refusal):
                raise


class ReplicationInstance(Provisioner):
    type = "AWS::DMS::ReplicationInstance"
    required = "ReplicationInstanceClass"
    fixed = (
        "AvailabilityZone DnsNameServers KmsKeyId PubliclyAccessible ReplicationSubnetGroupIdentifier "
        "ResourceIdentifier"
    )
    mutable = (
        "AllocatedStorage AllowMajorVersionUpgrade AutoMinorVersionUpgrade EngineVersion MultiAZ NetworkType "
        "PreferredMaintenanceWindow ReplicationInstanceClass ReplicationInstanceIdentifier Tags VpcSecurityGroupIds"
    )
    attributes = "Id ReplicationInstancePrivateIpAddresses ReplicationInstancePublicIpAddresses"

    async def create(self, at: Site, p: Properties) -> str:
        given = {key: value for key, value in p.items() if key not in {"Tags", "AllowMajorVersionUpgrade"}}
        given.setdefault("ReplicationInstanceIdentifier", at.name(63, lower=True))
        answer = await at.call("dms", "CreateReplicationInstance", **given, Tags=at.tags(p) or None)
        return str(answer["ReplicationInstance"]["ReplicationInstanceArn"])

    async def _found(self, at: Site, arn: str) -> dict[str, Any] | None:
        return await described(
            at, "DescribeReplicationInstances", "replication-instance-arn", arn, "ReplicationInstances"
        )

    async def settle(self, at: Site, physical_id: str, p: Properties) -> None:
        async def available() -> bool:
            found = await self._found(at, physical_id)
            status = found["ReplicationInstanceStatus"] if found else "deleted"
            if status not in MOVING | {"available"}:
                raise at.not_stabilized(f"Replication instance {physical_id} is {status}")
            return bool(status == "available")

        await at.until(available, f"replication instance {physical_id} to be available")

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        found = await self._found(at, physical_id) or {}
        private = found.get("ReplicationInstancePrivateIpAddresses") or [
            found.get("ReplicationInstancePrivateIpAddress")
        ]
        public = found.get("ReplicationInstancePublicIpAddresses") or [
            found.get("ReplicationInstancePublicIpAddress")
        ]
        return {
            "Id": found.get("ReplicationInstanceIdentifier", ""),
            "ReplicationInstancePrivateIpAddresses": ",".join(item for item in private if item),
            "ReplicationInstancePublicIpAddresses": ",".join(item for item in public if item),
        }

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        names = (
            "AllocatedStorage AutoMinorVersionUpgrade EngineVersion MultiAZ NetworkType PreferredMaintenanceWindow "
            "ReplicationInstanceClass ReplicationInstanceIdentifier VpcSecurityGroupIds"
        )
        changes = {name: p[name] for name in names.split() if name in p and old.get(name) != p[name]}
        if changes:
            await at.call(
                "dms",
                "ModifyReplicationInstance",
                ReplicationInstanceArn=physical_id,
                ApplyImmediately=True,
                **changes,
                **pick(p, "AllowMajorVersionUpgrade"),
            )
            await at.pause("cloudformation.poll")
            await self.settle(at, physical_id, p)
        await retag(at, physical_id, old, p)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        async def quiet() -> bool:
            found = await self._found(at, physical_id)
            return found is None or found["ReplicationInstanceStatus"] not in MOVING

        # One that is still being made cannot be deleted yet.
        await at.until(quiet, f"replication instance {physical_id} to settle")
        try:
            await at.call("dms", "DeleteReplicationInstance", ReplicationInstanceArn=physical_id)
        except RefusalError as refusal:
            found = await self._found(at, physical_id)
            if not is_gone(refusal) and (found is None or found["ReplicationInstanceStatus"] != "deleting"):
                raise

        async def gone() -> bool:
            return await self._found(at, physical_id) is None

        await at.until(gone, f"replication instance {physical_id} to be deleted")


class Endpoint(Provisioner):
    type = "AWS::DMS::Endpoint"
    required = "EndpointType EngineName"
    fixed = "KmsKeyId ResourceIdentifier"
    mutable = (
        "CertificateArn DatabaseName DocDbSettings DynamoDbSettings ElasticsearchSettings EndpointIdentifier "
        "EndpointType EngineName ExtraConnectionAttributes GcpMySQLSettings IbmDb2Settings KafkaSettings "
        "KinesisSettings MicrosoftSqlServerSettings MongoDbSettings MySqlSettings NeptuneSettings OracleSettings "
        "Password Port PostgreSqlSettings RedisSettings RedshiftSettings S3Settings ServerName SslMode "
        "SybaseSettings Tags Username"
    )
    attributes = "ExternalId"
    step = "dms.endpoint.create"

    async def create(self, at: Site, p: Properties) -> str:
        given = {key: value for key, value in p.items() if key != "Tags"}
        given.setdefault("EndpointIdentifier", at.name(63, lower=True))
        answer = await at.call("dms", "CreateEndpoint", **given, Tags=at.tags(p) or None)
        return str(answer["Endpoint"]["EndpointArn"])

    async def _found(self, at: Site, arn: str) -> dict[str, Any] | None:
        return await described(at, "DescribeEndpoints", "endpoint-arn", arn, "Endpoints")

    async def settle(self, at: Site, physical_id: str, p: Properties) -> None:
        async def active() -> bool:
            found = await self._found(at, physical_id)
            return found is not None and found.get("Status", "active") == "active"

        await self.rest(at)
        await at.until(active, f"endpoint {physical_id} to be active")

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        found = await self._found(at, physical_id) or {}
        return {"ExternalId": found.get("ExternalId", "")}

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        names = [name for name in self.mutable.split() if name != "Tags"]
        changes = {name: p[name] for name in names if name in p and old.get(name) != p[name]}
        removed = [name for name in names if name in old and name not in p]
        if removed:
            raise RefusalError(
                f"Taking {', '.join(removed)} away from an endpoint in place is not in the sandbox."
            )
        if changes:
            # The type of engine tells DMS which settings are meant.
            await at.call(
                "dms",
                "ModifyEndpoint",
                EndpointArn=physical_id,
                **{**pick(p, "EndpointType EngineName"), **changes},
            )
            await self.settle(at, physical_id, p)
        await retag(at, physical_id, old, p)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        try:
            await at.call("dms", "DeleteEndpoint", EndpointArn=physical_id)
        except RefusalError as refusal:
            if not is_gone(refusal):
                raise

        async def gone() -> bool:
            return await self._found(at, physical_id) is None

        await at.until(gone, f"endpoint {physical_id} to be deleted")


class ReplicationTask(Provisioner):
    type = "AWS::DMS::ReplicationTask"
    required = "MigrationType ReplicationInstanceArn SourceEndpointArn TableMappings TargetEndpointArn"
    fixed = "MigrationType ReplicationInstanceArn ResourceIdentifier SourceEndpointArn TargetEndpointArn"
    mutable = (
        "CdcStartPosition CdcStartTime CdcStopPosition ReplicationTaskIdentifier ReplicationTaskSettings TableMappings "
        "Tags TaskData"
    )

    async def create(self, at: Site, p: Properties) -> str:
        given = self._shaped({key: value for key, value in p.items() if key != "Tags"})
        given.setdefault("ReplicationTaskIdentifier", at.name(63, lower=True))
        answer = await at.call("dms", "CreateReplicationTask", **given, Tags=at.tags(p) or None)
        return str(answer["ReplicationTask"]["ReplicationTaskArn"])

    @staticmethod
    def _shaped(p: Mapping[str, Any]) -> dict[str, Any]:
        """CdcStartTime is a number of seconds here and a date in the API."""
        made = dict(p)
        if "CdcStartTime" in made:
            made["CdcStartTime"] = datetime.fromtimestamp(float(made["CdcStartTime"]), UTC)
        return made

    async def _found(self, at: Site, arn: str) -> dict[str, Any] | None:
        return await described(
            at, "DescribeReplicationTasks", "replication-task-arn", arn, "ReplicationTasks"
        )

    async def settle(self, at: Site, physical_id: str, p: Properties) -> None:
        async def ready() -> bool:
            found = await self._found(at, physical_id)
            status = found["Status"] if found else "deleted"
            if status in {"deleted", "deleting"}:
                raise at.not_stabilized(f"Replication task {physical_id} is {status}")
            return status not in {"creating", "modifying"}

        await at.until(ready, f"replication task {physical_id} to be ready")

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        names = [name for name in self.mutable.split() if name != "Tags"]
        changes = {name: p[name] for name in names if name in p and old.get(name) != p[name]}
        if changes:
            await at.call(
                "dms", "ModifyReplicationTask", ReplicationTaskArn=physical_id, **self._shaped(changes)
            )
            await self.settle(at, physical_id, p)
        await retag(at, physical_id, old, p)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        async def quiet() -> bool:
            found = await self._found(at, physical_id)
            return found is None or found["Status"] not in {"creating", "modifying"}

        await at.until(quiet, f"replication task {physical_id} to settle")
        try:
            await at.call("dms", "DeleteReplicationTask", ReplicationTaskArn=physical_id)
        except RefusalError as refusal:
            found = await self._found(at, physical_id)
            if not is_gone(refusal) and (found is None or found["Status"] != "deleting"):
                raise

        async def gone() -> bool:
            return await self._found(at, physical_id) is None

        await at.until(gone, f"replication task {physical_id} to be deleted")


class Certificate(Provisioner):
    type = "AWS::DMS::Certificate"
    fixed = "CertificateIdentifier CertificatePem CertificateWallet"

    async def create(self, at: Site, p: Properties) -> str:
        name = p.get("CertificateIdentifier") or at.name(63, lower=True)
        answer = await at.call(
            "dms",
            "ImportCertificate",
            CertificateIdentifier=name,
            **pick(p, "CertificatePem CertificateWallet"),
        )
        return str(answer["Certificate"]["CertificateArn"])

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        try:
            await at.call("dms", "DeleteCertificate", CertificateArn=physical_id)
        except RefusalError as refusal:
            if not is_gone(refusal):
                raise


class EventSubscription(Provisioner):
    type = "AWS::DMS::EventSubscription"
    required = "SnsTopicArn"
    fixed = "SourceIds SubscriptionName"
    mutable = "Enabled EventCategories SnsTopicArn SourceType Tags"

    async def create(self, at: Site, p: Properties) -> str:
        name = p.get("SubscriptionName") or at.name(63, lower=True)
        given = pick(p, "Enabled EventCategories SnsTopicArn SourceIds SourceType")
        await at.call(
            "dms", "CreateEventSubscription", SubscriptionName=name, **given, Tags=at.tags(p) or None
        )
        return str(name)

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        given = pick(p, "Enabled EventCategories SnsTopicArn SourceType")
        await at.call("dms", "ModifyEventSubscription", SubscriptionName=physical_id, **given)
        world = at.world
        await retag(
            at, f"arn:{world.partition}:dms:{world.region}:{world.account_id}:es:{physical_id}", old, p
        )

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        try:
            await at.call("dms", "DeleteEventSubscription", SubscriptionName=physical_id)
        except RefusalError as refusal:
            if not is_gone(refusal):
                raise


TYPES = (
    ReplicationSubnetGroup,
    ReplicationInstance,
    Endpoint,
    ReplicationTask,
    Certificate,
    EventSubscription,
)
