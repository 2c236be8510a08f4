"""DMS's own objects as frozen records: instance, task, endpoint, connection, table statistics, event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

SETTLED_TASK = frozenset({"ready", "stopped", "failed", "running", "failed-move"})
SETTLED_INSTANCE = frozenset(
    {
        "available",
        "failed",
        "storage-full",
        "incompatible-credentials",
        "incompatible-network",
        "inaccessible-encryption-credentials",
        "deleted",
    }
)


def suffix(arn: str) -> str:
    """The ARN's last part: what CloudWatch dimensions, log streams and slot names are made of."""
    return arn.rsplit(":", 1)[-1]


@dataclass(frozen=True, slots=True)
class ReplicationInstance:
    """DescribeReplicationInstances. Storage in GB."""

    arn: str
    name: str
    status: str
    instance_class: str
    engine_version: str = ""
    storage: int | None = None
    multi_az: bool = False
    availability_zone: str = ""
    public: bool = False
    private_addresses: tuple[str, ...] = ()
    public_addresses: tuple[str, ...] = ()
    subnet_group: str = ""
    vpc_id: str = ""
    security_groups: tuple[str, ...] = ()
    kms_key: str = ""
    maintenance_window: str = ""
    auto_minor_upgrade: bool = False
    created: datetime | None = None
    pending: Mapping[str, str] = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        """No change is under way."""
        return self.status in SETTLED_INSTANCE


@dataclass(frozen=True, slots=True)
class TaskStats:
    """ReplicationTaskStats: progress in percent, counts of tables of the current or last full load."""

    progress: int = 0
    elapsed_ms: int = 0
    tables_loaded: int = 0
    tables_loading: int = 0
    tables_queued: int = 0
    tables_errored: int = 0
    fresh_start: datetime | None = None
    start: datetime | None = None
    stop: datetime | None = None
    full_load_start: datetime | None = None
    full_load_finish: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReplicationTask:
    """DescribeReplicationTasks. `mappings` and `settings` are None where the list was asked without them."""

    arn: str
    name: str
    status: str
    migration_type: str
    instance_arn: str = ""
    source_arn: str = ""
    target_arn: str = ""
    created: datetime | None = None
    started: datetime | None = None
    stop_reason: str = ""
    failure: str = ""
    cdc_start_position: str = ""
    cdc_stop_position: str = ""
    checkpoint: str = ""
    target_instance_arn: str = ""
    stats: TaskStats | None = None
    mappings: str | None = None
    settings: str | None = None

    @property
    def suffix(self) -> str:
        """The ARN's last part, used in CloudWatch and logs."""
        return suffix(self.arn)

    @property
    def settled(self) -> bool:
        """The status will not change by itself within seconds (a running full load may still end)."""
        return self.status in SETTLED_TASK

    @property
    def has_run(self) -> bool:
        """It was started at least once, also when that run failed."""
        if self.status in {"starting", "running", "stopping", "stopped"} or self.started is not None:
            return True
        return self.stats is not None and (self.stats.fresh_start or self.stats.start) is not None

    @property
    def loads(self) -> bool:
        """Its migration type has a full load."""
        return self.migration_type.startswith("full-load")

    @property
    def captures(self) -> bool:
        """Its migration type has change data capture."""
        return self.migration_type.endswith("cdc")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """DescribeEndpoints. `kind` is `source` or `target` in lower case; settings never hold a password."""

    arn: str
    name: str
    kind: str
    engine: str
    status: str = ""
    engine_display: str = ""
    server: str = ""
    port: int | None = None
    database: str = ""
    username: str = ""
    ssl_mode: str = ""
    certificate_arn: str = ""
    secret_id: str = ""
    extra_attributes: str = ""
    kms_key: str = ""
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Connection:
    """DescribeConnections: the last known result of a test, not a live state."""

    instance_arn: str
    endpoint_arn: str
    status: str
    instance_name: str = ""
    endpoint_name: str = ""
    failure: str = ""

    @property
    def key(self) -> str:
        """What tells one pair from another."""
        return f"{self.instance_arn}|{self.endpoint_arn}"


@dataclass(frozen=True, slots=True)
class TableStatistics:
    """DescribeTableStatistics, one row per selected table. Names are the source's. Counters are rows."""

    schema: str
    table: str
    state: str
    full_load_rows: int = 0
    full_load_error_rows: int = 0
    full_load_condition_failed_rows: int = 0
    inserts: int = 0
    updates: int = 0
    deletes: int = 0
    ddls: int = 0
    applied_inserts: int | None = None
    applied_updates: int | None = None
    applied_deletes: int | None = None
    applied_ddls: int | None = None
    full_load_start: datetime | None = None
    full_load_end: datetime | None = None
    reloaded: bool = False
    updated: datetime | None = None
    validation_state: str = ""
    validation_details: str = ""
    validation_pending: int = 0
    validation_failed: int = 0
    validation_suspended: int = 0

    @property
    def name(self) -> str:
        """schema.table"""
        return f"{self.schema}.{self.table}"

    @property
    def captured(self) -> int:
        """Changes read from the source."""
        return self.inserts + self.updates + self.deletes + self.ddls

    @property
    def applied(self) -> int | None:
        """Changes written to the target, None where the service does not say."""
        counts = (self.applied_inserts, self.applied_updates, self.applied_deletes, self.applied_ddls)
        known = [count for count in counts if count is not None]
        return sum(known) if known else None

    @property
    def errored(self) -> bool:
        """The table needs a person."""
        return self.state == "Table error" or self.validation_state in {
            "Mismatched records",
            "Table error",
            "Error",
        }


@dataclass(frozen=True, slots=True)
class Event:
    """DescribeEvents."""

    at: datetime
    source: str
    source_type: str
    message: str
    categories: tuple[str, ...] = ()
