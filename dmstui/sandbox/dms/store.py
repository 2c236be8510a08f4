"""The records of DMS in this sandbox and their JSON form; read and changed by the operation groups and the runner only.

Times are seconds since the epoch. A record's `serial` is its place in listings and never changes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from dmstui.sandbox.dms.faults import bad_value, not_found
from dmstui.sandbox.dms.identifiers import KINDS, check_arn

Document = dict[str, Any]
R = TypeVar("R")


@dataclass(slots=True)
class SubnetGroup:
    """A replication subnet group; `subnets` are (subnet id, availability zone)."""

    arn: str
    identifier: str
    description: str
    vpc_id: str
    subnets: list[list[str]]
    serial: int


@dataclass(slots=True)
class Instance:
    """A replication instance."""

    arn: str
    identifier: str
    instance_class: str
    storage_gb: int
    engine_version: str
    zone: str
    subnet_group: str
    security_groups: list[str]
    maintenance_window: str
    multi_az: bool
    auto_minor: bool
    public: bool
    kms_key: str
    network_type: str
    dns: str | None
    created: float
    serial: int
    status: str = "creating"
    private_ip: str | None = None
    public_ip: str | None = None
    interface: str | None = None
    pending: Document = field(default_factory=dict)
    maintained: float = 0.0


@dataclass(slots=True)
class Endpoint:
    """An endpoint; `settings` is the engine's own block as given and merged, `password` never leaves the store."""

    arn: str
    identifier: str
    type: str
    engine: str
    created: float
    serial: int
    username: str | None = None
    password: str | None = None
    server_name: str | None = None
    port: int | None = None
    database: str | None = None
    attributes: str | None = None
    ssl_mode: str = "none"
    certificate_arn: str | None = None
    kms_key: str | None = None
    role_arn: str | None = None
    table_definition: str | None = None
    settings: Document = field(default_factory=dict)
    status: str = "active"
    schemas: list[str] | None = None
    refresh: Document | None = None


@dataclass(slots=True)
class Connection:
    """The last known result of testing an endpoint from an instance."""

    instance_arn: str
    endpoint_arn: str
    serial: int
    status: str = "testing"
    message: str | None = None


@dataclass(slots=True)
class Certificate:
    """An imported certificate or wallet (`wallet` is base64)."""

    arn: str
    identifier: str
    created: float
    serial: int
    pem: str | None = None
    wallet: str | None = None
    valid_from: float | None = None
    valid_to: float | None = None
    algorithm: str | None = None
    key_length: int | None = None
    kms_key: str | None = None


@dataclass(slots=True)
class TableRow:
    """Statistics of one selected table of a task, as the worker last reported them."""

    schema: str
    table: str
    serial: int
    state: str = "Before load"
    updated: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    load_start: float | None = None
    load_end: float | None = None
    reloaded: bool = False
    validation_state: str = "Not enabled"
    validation_details: str | None = None


@dataclass(slots=True)
class Task:
    """A replication task: what it was made with, where it stands, and what its last run left."""

    arn: str
    identifier: str
    source_arn: str
    target_arn: str
    instance_arn: str
    migration_type: str
    mappings: str
    settings: Document
    created: float
    serial: int
    status: str = "creating"
    ran: bool = False
    stop_reason: str | None = None
    failure: str | None = None
    cdc_start_position: str | None = None
    cdc_stop_position: str | None = None
    task_data: str | None = None
    checkpoint: str | None = None
    resume: Document | None = None
    phase: str | None = None
    last_start_type: str | None = None
    moving_to: str | None = None
    shows_stats: bool = False
    fresh_start: float | None = None
    started: float | None = None
    running_since: float | None = None
    stopped: float | None = None
    load_started: float | None = None
    load_finished: float | None = None
    percent: int = 0
    loaded: int = 0
    loading: int = 0
    queued: int = 0
    errored: int = 0
    log_bytes: int = 0
    tables: dict[str, TableRow] = field(default_factory=dict)

    def row(self, schema: str, table: str) -> TableRow:
        """The statistics row of a table, made on first mention."""
        key = f"{schema}\0{table}"
        row = self.tables.get(key)
        if row is None:
            row = self.tables[key] = TableRow(schema, table, len(self.tables))
        return row


@dataclass(slots=True)
class Happening:
    """One DMS event, as DescribeEvents shows it; `code` is its DMS-EVENT number."""

    at: float
    source: str
    source_type: str
    categories: list[str]
    message: str
    code: int
    serial: int


@dataclass(slots=True)
class Store:
    """All records of the account and region."""

    serial: int = 0
    subnet_groups: dict[str, SubnetGroup] = field(default_factory=dict)
    instances: dict[str, Instance] = field(default_factory=dict)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    certificates: dict[str, Certificate] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    connections: list[Connection] = field(default_factory=list)
    events: list[Happening] = field(default_factory=list)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)

    def next(self) -> int:
        """The serial of a new record."""
        self.serial += 1
        return self.serial

    def instance(self, arn: str) -> Instance:
        """The instance of that ARN, or the fault for an ARN of nothing."""
        return _get(self.instances, arn, "rep")

    def endpoint(self, arn: str) -> Endpoint:
        return _get(self.endpoints, arn, "endpoint")

    def task(self, arn: str) -> Task:
        return _get(self.tasks, arn, "task")

    def certificate(self, arn: str) -> Certificate:
        return _get(self.certificates, arn, "cert")

    def connection(self, instance_arn: str, endpoint_arn: str) -> Connection | None:
        """The row of that pair, if there is one."""
        for row in self.connections:
            if row.instance_arn == instance_arn and row.endpoint_arn == endpoint_arn:
                return row
        return None

    def forget_connections(self, *, endpoint_arn: str | None = None, instance_arn: str | None = None) -> None:
        """Remove the rows of an endpoint or of an instance."""
        self.connections = [
            row
            for row in self.connections
            if not (row.endpoint_arn == endpoint_arn or row.instance_arn == instance_arn)
        ]

    def tasks_of_instance(self, arn: str) -> list[Task]:
        return [task for task in self.tasks.values() if arn in (task.instance_arn, task.moving_to)]

    def tasks_of_endpoint(self, arn: str) -> list[Task]:
        return [task for task in self.tasks.values() if arn in (task.source_arn, task.target_arn)]

    def check_known(self, arn: str) -> None:
        """Refuse an ARN that names no resource which can carry tags."""
        kinds: Iterable[tuple[str, dict[str, Any]]] = (
            ("rep", self.instances),
            ("endpoint", self.endpoints),
            ("task", self.tasks),
            ("cert", self.certificates),
            ("subgrp", {group.arn: group for group in self.subnet_groups.values()}),
        )
        for kind, records in kinds:
            if f":{kind}:" in arn:
                _get(records, arn, kind)
                return
        raise bad_value(f"Invalid ARN: {arn}")

    def document(self) -> Document:
        """Everything as JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def restored(cls, document: Document) -> Store:
        """The store a document of `document()` describes."""
        tasks = {}
        for arn, entry in document.get("tasks", {}).items():
            rows = {key: TableRow(**row) for key, row in entry.pop("tables", {}).items()}
            tasks[arn] = Task(**entry, tables=rows)
        return cls(
            serial=document.get("serial", 0),
            subnet_groups={k: SubnetGroup(**v) for k, v in document.get("subnet_groups", {}).items()},
            instances={k: Instance(**v) for k, v in document.get("instances", {}).items()},
            endpoints={k: Endpoint(**v) for k, v in document.get("endpoints", {}).items()},
            certificates={k: Certificate(**v) for k, v in document.get("certificates", {}).items()},
            tasks=tasks,
            connections=[Connection(**v) for v in document.get("connections", [])],
            events=[Happening(**v) for v in document.get("events", [])],
            tags=document.get("tags", {}),
        )


def _get(records: Mapping[str, R], arn: str, kind: str) -> R:
    check_arn(arn, kind)
    found = records.get(arn)
    if found is None:
        raise not_found(f"{KINDS[kind].title()} not found: {arn}")
    return found
