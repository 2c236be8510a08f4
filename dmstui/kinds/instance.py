"""Replication instances as rows and detail."""

from __future__ import annotations

from dmstui.kinds.kind import Column, Kind, State
from dmstui.kinds.text import NONE, when, yes
from dmstui.model import ReplicationInstance, Snapshot

_BROKEN = {
    "failed",
    "storage-full",
    "incompatible-credentials",
    "incompatible-network",
    "inaccessible-encryption-credentials",
}


def state(record: ReplicationInstance, _: Snapshot) -> State:
    """Broken, working, changing."""
    if record.status in _BROKEN:
        return "bad"
    return "ok" if record.status == "available" else "busy"


def _tasks(record: ReplicationInstance, snapshot: Snapshot) -> int:
    return sum(1 for task in snapshot.tasks.value if task.instance_arn == record.arn)


def _running(record: ReplicationInstance, snapshot: Snapshot) -> int:
    return sum(
        1 for task in snapshot.tasks.value if task.instance_arn == record.arn and task.status == "running"
    )


def _metric(record: ReplicationInstance, snapshot: Snapshot, name: str) -> float | None:
    part = snapshot.instance_metrics.get(record.arn)
    series = part.value.get(name) if part else None
    return series.last.value if series and series.last else None


def _cpu(record: ReplicationInstance, snapshot: Snapshot) -> str:
    value = _metric(record, snapshot, "CPUUtilization")
    return NONE if value is None else f"{value:.0f}%"


def _free(record: ReplicationInstance, snapshot: Snapshot) -> str:
    value = _metric(record, snapshot, "FreeableMemory")
    return NONE if value is None else f"{value / 1024**3:.1f} GB"


def detail(record: ReplicationInstance, snapshot: Snapshot) -> list[tuple[str, str]]:
    """Everything the service says of it."""
    rows = [
        ("Identifier", record.name),
        ("Status", record.status),
        ("Class", record.instance_class),
        ("Engine version", record.engine_version),
        ("Storage", NONE if record.storage is None else f"{record.storage} GB"),
        ("Multi-AZ", yes(record.multi_az)),
        ("Zone", record.availability_zone or NONE),
        ("Public", yes(record.public)),
        ("Private addresses", ", ".join(record.private_addresses) or NONE),
        ("Subnet group", record.subnet_group or NONE),
        ("VPC", record.vpc_id or NONE),
        ("Security groups", ", ".join(record.security_groups) or NONE),
        ("Maintenance window", record.maintenance_window or NONE),
        ("Tasks", f"{_tasks(record, snapshot)}, {_running(record, snapshot)} running"),
        ("Created", when(record.created) or NONE),
        ("ARN", record.arn),
    ]
    if record.pending:
        rows.append(
            ("Waiting to change", ", ".join(f"{name} = {value}" for name, value in record.pending.items()))
        )
    return rows


KIND: Kind[ReplicationInstance] = Kind(
    name="instance",
    plural="instances",
    columns=(
        Column("name", "Instance", 24, lambda r, s: r.name, lambda r, s: r.name, flexible=True),
        Column("status", "Status", 12, lambda r, s: r.status, lambda r, s: r.status),
        Column(
            "tasks",
            "Tasks",
            5,
            lambda r, s: str(_tasks(r, s)),
            _tasks,
            _tasks,
            align="right",
            descending=True,
        ),
        Column(
            "cpu",
            "CPU",
            5,
            _cpu,
            lambda r, s: _metric(r, s, "CPUUtilization"),
            lambda r, s: _metric(r, s, "CPUUtilization"),
            align="right",
            descending=True,
        ),
        Column(
            "free_memory",
            "Free mem",
            8,
            _free,
            lambda r, s: _metric(r, s, "FreeableMemory"),
            lambda r, s: _metric(r, s, "FreeableMemory"),
            align="right",
            from_width=100,
        ),
        Column(
            "class", "Class", 14, lambda r, s: r.instance_class, lambda r, s: r.instance_class, from_width=60
        ),
        Column(
            "version",
            "Version",
            8,
            lambda r, s: r.engine_version,
            lambda r, s: r.engine_version,
            from_width=90,
        ),
        Column(
            "storage",
            "GB",
            5,
            lambda r, s: NONE if r.storage is None else str(r.storage),
            lambda r, s: r.storage,
            align="right",
            from_width=100,
        ),
        Column(
            "multi_az", "Multi-AZ", 8, lambda r, s: yes(r.multi_az), lambda r, s: r.multi_az, from_width=110
        ),
        Column(
            "zone",
            "Zone",
            12,
            lambda r, s: r.availability_zone,
            lambda r, s: r.availability_zone,
            from_width=130,
        ),
    ),
    key=lambda record: record.arn,
    title=lambda record: record.name,
    records=lambda snapshot: snapshot.instances.value,
    detail=detail,
    state=state,
    operations=("test-connection",),
)
