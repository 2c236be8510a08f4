"""AWS DMS in model objects: paged by hand through Marker, mutations go out once. Called as `connection.dms`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dmstui.model import (
    AwsError,
    Connection,
    Endpoint,
    Event,
    ReplicationInstance,
    ReplicationTask,
    TableStatistics,
    TaskStats,
)

if TYPE_CHECKING:
    from dmstui.aws.connection import Connection as Aws

_PAGE = 100
_STATISTICS_PAGE = 500
RELOAD_AT_ONCE = 10  # ReloadTables takes no more in one call


class Dms:
    """The operations the product uses; each raises AwsError alone."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    async def _pages(
        self, operation: str, member: str, page: int = _PAGE, **params: Any
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """Each page's list. A filter that meets nothing is an empty list here, a fault in the service."""
        marker: str | None = None
        seen: set[str] = set()
        while True:
            try:
                answer = await self._aws.call("dms", operation, MaxRecords=page, Marker=marker, **params)
            except AwsError as error:
                if error.missing and "Filters" in params:
                    return
                raise
            yield answer.get(member, [])
            marker = answer.get("Marker") or None
            # A service that gives the same marker again would be asked for ever.
            if marker is None or marker in seen:
                return
            seen.add(marker)

    async def _all(
        self, operation: str, member: str, page: int = _PAGE, **params: Any
    ) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        async for part in self._pages(operation, member, page, **params):
            found.extend(part)
        return found

    # Reading

    async def instances(self, arn: str | None = None) -> tuple[ReplicationInstance, ...]:
        """All replication instances, or the one of an ARN (empty when it is gone)."""
        entries = await self._all(
            "DescribeReplicationInstances", "ReplicationInstances", **_filter("replication-instance-arn", arn)
        )
        return tuple(instance_of(entry) for entry in entries)

    async def tasks(self, arn: str | None = None, *, full: bool = False) -> tuple[ReplicationTask, ...]:
        """All tasks, or the one of an ARN (empty when it is gone); `full` with mappings and settings."""
        entries = await self._all(
            "DescribeReplicationTasks",
            "ReplicationTasks",
            WithoutSettings=not full,
            **_filter("replication-task-arn", arn),
        )
        return tuple(task_of(entry) for entry in entries)

    async def task(self, arn: str, *, full: bool = False) -> ReplicationTask:
        """One task; AwsError `ResourceNotFoundFault` when it is gone."""
        found = await self.tasks(arn, full=full)
        if not found:
            raise AwsError("ResourceNotFoundFault", f"there is no task {arn}", "DescribeReplicationTasks")
        return found[0]

    async def endpoints(self, arn: str | None = None) -> tuple[Endpoint, ...]:
        """All endpoints, or the one of an ARN."""
        entries = await self._all("DescribeEndpoints", "Endpoints", **_filter("endpoint-arn", arn))
        return tuple(endpoint_of(entry) for entry in entries)

    async def connections(self, endpoint_arn: str | None = None) -> tuple[Connection, ...]:
        """The last known results of all connection tests, or those of one endpoint."""
        entries = await self._all(
            "DescribeConnections", "Connections", **_filter("endpoint-arn", endpoint_arn)
        )
        return tuple(connection_of(entry) for entry in entries)

    async def table_statistics(
        self, task_arn: str, *, state: str | None = None
    ) -> AsyncIterator[tuple[TableStatistics, ...]]:
        """A task's tables page by page (500 each); `state` asks for one TableState only."""
        pages = self._pages(
            "DescribeTableStatistics",
            "TableStatistics",
            _STATISTICS_PAGE,
            ReplicationTaskArn=task_arn,
            **_filter("table-state", state),
        )
        async for page in pages:
            yield tuple(table_of(entry) for entry in page)

    async def all_table_statistics(
        self, task_arn: str, *, state: str | None = None
    ) -> tuple[TableStatistics, ...]:
        """All pages of `table_statistics` at once."""
        return tuple([row async for page in self.table_statistics(task_arn, state=state) for row in page])

    async def events(self, minutes: int = 60) -> tuple[Event, ...]:
        """DMS's events of the last minutes, newest first."""
        entries = await self._all("DescribeEvents", "Events", Duration=minutes)
        events = [event_of(entry) for entry in entries]
        return tuple(sorted(events, key=lambda event: event.at, reverse=True))

    async def engine_versions(self) -> list[dict[str, Any]]:
        """DescribeEngineVersions as the service gives it: Version, Lifecycle, dates."""
        return await self._all("DescribeEngineVersions", "EngineVersions")

    async def orderable_classes(self) -> tuple[str, ...]:
        """The replication instance classes the region orders."""
        entries = await self._all("DescribeOrderableReplicationInstances", "OrderableReplicationInstances")
        return tuple(sorted({str(entry.get("ReplicationInstanceClass", "")) for entry in entries}))

    async def account_attributes(self) -> dict[str, Any]:
        """DescribeAccountAttributes: quotas and their use."""
        return await self._aws.call("dms", "DescribeAccountAttributes")

    # Changing

    async def start_task(
        self,
        arn: str,
        start_type: str,
        *,
        cdc_start_time: datetime | None = None,
        cdc_start_position: str | None = None,
        cdc_stop_position: str | None = None,
    ) -> ReplicationTask:
        """StartReplicationTask with start-replication, resume-processing or reload-target."""
        answer = await self._aws.call(
            "dms",
            "StartReplicationTask",
            ReplicationTaskArn=arn,
            StartReplicationTaskType=start_type,
            CdcStartTime=cdc_start_time,
            CdcStartPosition=cdc_start_position,
            CdcStopPosition=cdc_stop_position,
        )
        return task_of(answer["ReplicationTask"])

    async def stop_task(self, arn: str) -> ReplicationTask:
        """StopReplicationTask."""
        answer = await self._aws.call("dms", "StopReplicationTask", ReplicationTaskArn=arn)
        return task_of(answer["ReplicationTask"])

    async def delete_task(self, arn: str) -> None:
        """DeleteReplicationTask; poll until it is gone."""
        await self._aws.call("dms", "DeleteReplicationTask", ReplicationTaskArn=arn)

    async def reload_tables(
        self, arn: str, tables: Sequence[tuple[str, str]], *, validate_only: bool = False
    ) -> None:
        """ReloadTables for at most ten (schema, table) pairs."""
        if not 1 <= len(tables) <= RELOAD_AT_ONCE:
            raise ValueError(f"ReloadTables takes 1 to {RELOAD_AT_ONCE} tables, not {len(tables)}")
        await self._aws.call(
            "dms",
            "ReloadTables",
            ReplicationTaskArn=arn,
            TablesToReload=[{"SchemaName": schema, "TableName": table} for schema, table in tables],
            ReloadOption="validate-only" if validate_only else "data-reload",
        )

    async def test_connection(self, instance_arn: str, endpoint_arn: str) -> Connection:
        """TestConnection: starts the test; poll `connections` for its result."""
        answer = await self._aws.call(
            "dms", "TestConnection", ReplicationInstanceArn=instance_arn, EndpointArn=endpoint_arn
        )
        return connection_of(answer["Connection"])


def _filter(name: str, value: str | None) -> dict[str, Any]:
    return {} if value is None else {"Filters": [{"Name": name, "Values": [value]}]}


def _utc(value: object) -> datetime | None:
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def instance_of(entry: Mapping[str, Any]) -> ReplicationInstance:
    """The API's ReplicationInstance -> record."""
    group = entry.get("ReplicationSubnetGroup") or {}
    return ReplicationInstance(
        arn=entry.get("ReplicationInstanceArn", ""),
        name=entry.get("ReplicationInstanceIdentifier", ""),
        status=entry.get("ReplicationInstanceStatus", ""),
        instance_class=entry.get("ReplicationInstanceClass", ""),
        engine_version=entry.get("EngineVersion", ""),
        storage=entry.get("AllocatedStorage"),
        multi_az=bool(entry.get("MultiAZ")),
        availability_zone=entry.get("AvailabilityZone", ""),
        public=bool(entry.get("PubliclyAccessible")),
        private_addresses=tuple(entry.get("ReplicationInstancePrivateIpAddresses") or ()),
        public_addresses=tuple(entry.get("ReplicationInstancePublicIpAddresses") or ()),
        subnet_group=group.get("ReplicationSubnetGroupIdentifier", ""),
        vpc_id=group.get("VpcId", ""),
        security_groups=tuple(
            item.get("VpcSecurityGroupId", "") for item in entry.get("VpcSecurityGroups") or ()
        ),
        kms_key=entry.get("KmsKeyId", ""),
        maintenance_window=entry.get("PreferredMaintenanceWindow", ""),
        auto_minor_upgrade=bool(entry.get("AutoMinorVersionUpgrade")),
        created=_utc(entry.get("InstanceCreateTime")),
        pending={name: str(value) for name, value in (entry.get("PendingModifiedValues") or {}).items()},
    )


def task_of(entry: Mapping[str, Any]) -> ReplicationTask:
    """The API's ReplicationTask -> record."""
    stats = entry.get("ReplicationTaskStats")
    return ReplicationTask(
        arn=entry.get("ReplicationTaskArn", ""),
        name=entry.get("ReplicationTaskIdentifier", ""),
        status=entry.get("Status", ""),
        migration_type=entry.get("MigrationType", ""),
        instance_arn=entry.get("ReplicationInstanceArn", ""),
        source_arn=entry.get("SourceEndpointArn", ""),
        target_arn=entry.get("TargetEndpointArn", ""),
        created=_utc(entry.get("ReplicationTaskCreationDate")),
        started=_utc(entry.get("ReplicationTaskStartDate")),
        stop_reason=entry.get("StopReason", ""),
        failure=entry.get("LastFailureMessage", ""),
        cdc_start_position=entry.get("CdcStartPosition", ""),
        cdc_stop_position=entry.get("CdcStopPosition", ""),
        checkpoint=entry.get("RecoveryCheckpoint", ""),
        target_instance_arn=entry.get("TargetReplicationInstanceArn", ""),
        stats=None if stats is None else stats_of(stats),
        mappings=entry.get("TableMappings"),
        settings=entry.get("ReplicationTaskSettings"),
    )


def stats_of(entry: Mapping[str, Any]) -> TaskStats:
    """The API's ReplicationTaskStats -> record."""
    return TaskStats(
        progress=entry.get("FullLoadProgressPercent", 0),
        elapsed_ms=entry.get("ElapsedTimeMillis", 0),
        tables_loaded=entry.get("TablesLoaded", 0),
        tables_loading=entry.get("TablesLoading", 0),
        tables_queued=entry.get("TablesQueued", 0),
        tables_errored=entry.get("TablesErrored", 0),
        fresh_start=_utc(entry.get("FreshStartDate")),
        start=_utc(entry.get("StartDate")),
        stop=_utc(entry.get("StopDate")),
        full_load_start=_utc(entry.get("FullLoadStartDate")),
        full_load_finish=_utc(entry.get("FullLoadFinishDate")),
    )


_SECRET_WORDS = ("password", "secretkey", "privatekey", "passphrase")


def endpoint_of(entry: Mapping[str, Any]) -> Endpoint:
    """The API's Endpoint -> record; anything that could be a password is dropped."""
    settings: dict[str, object] = {}
    for name, value in entry.items():
        if name.endswith("Settings") and isinstance(value, Mapping):
            settings.update(
                {
                    key: item
                    for key, item in value.items()
                    if not any(word in key.lower() for word in _SECRET_WORDS)
                }
            )
    return Endpoint(
        arn=entry.get("EndpointArn", ""),
        name=entry.get("EndpointIdentifier", ""),
        kind=str(entry.get("EndpointType", "")).lower(),
        engine=entry.get("EngineName", ""),
        status=entry.get("Status", ""),
        engine_display=entry.get("EngineDisplayName", ""),
        server=entry.get("ServerName", "") or str(settings.get("ServerName", "")),
        port=entry.get("Port"),
        database=entry.get("DatabaseName", "") or str(settings.get("DatabaseName", "")),
        username=entry.get("Username", ""),
        ssl_mode=entry.get("SslMode", ""),
        certificate_arn=entry.get("CertificateArn", ""),
        secret_id=str(settings.get("SecretsManagerSecretId", "")),
        extra_attributes=entry.get("ExtraConnectionAttributes", ""),
        kms_key=entry.get("KmsKeyId", ""),
        settings=settings,
    )


def connection_of(entry: Mapping[str, Any]) -> Connection:
    """The API's Connection -> record."""
    return Connection(
        instance_arn=entry.get("ReplicationInstanceArn", ""),
        endpoint_arn=entry.get("EndpointArn", ""),
        status=entry.get("Status", ""),
        instance_name=entry.get("ReplicationInstanceIdentifier", ""),
        endpoint_name=entry.get("EndpointIdentifier", ""),
        failure=entry.get("LastFailureMessage", ""),
    )


def table_of(entry: Mapping[str, Any]) -> TableStatistics:
    """The API's TableStatistics -> record."""
    return TableStatistics(
        schema=entry.get("SchemaName", ""),
        table=entry.get("TableName", ""),
        state=entry.get("TableState", ""),
        full_load_rows=entry.get("FullLoadRows", 0),
        full_load_error_rows=entry.get("FullLoadErrorRows", 0),
        full_load_condition_failed_rows=entry.get("FullLoadCondtnlChkFailedRows", 0),
        inserts=entry.get("Inserts", 0),
        updates=entry.get("Updates", 0),
        deletes=entry.get("Deletes", 0),
        ddls=entry.get("Ddls", 0),
        applied_inserts=entry.get("AppliedInserts"),
        applied_updates=entry.get("AppliedUpdates"),
        applied_deletes=entry.get("AppliedDeletes"),
        applied_ddls=entry.get("AppliedDdls"),
        full_load_start=_utc(entry.get("FullLoadStartTime")),
        full_load_end=_utc(entry.get("FullLoadEndTime")),
        reloaded=bool(entry.get("FullLoadReloaded")),
        updated=_utc(entry.get("LastUpdateTime")),
        validation_state=entry.get("ValidationState", ""),
        validation_details=entry.get("ValidationStateDetails", ""),
        validation_pending=entry.get("ValidationPendingRecords", 0),
        validation_failed=entry.get("ValidationFailedRecords", 0),
        validation_suspended=entry.get("ValidationSuspendedRecords", 0),
    )


def event_of(entry: Mapping[str, Any]) -> Event:
    """The API's Event -> record."""
    return Event(
        at=_utc(entry.get("Date")) or datetime.fromtimestamp(0, UTC),
        source=entry.get("SourceIdentifier", ""),
        source_type=entry.get("SourceType", ""),
        message=entry.get("Message", ""),
        categories=tuple(entry.get("EventCategories") or ()),
    )
