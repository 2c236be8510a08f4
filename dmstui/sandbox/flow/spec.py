"""What a task is to do: the first line the worker reads, as records. Sent by the DMS room, read by the worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FULL_LOAD, CDC, BOTH = "full-load", "cdc", "full-load-and-cdc"


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """A source endpoint; `host` and `port` are where to dial, `server_name` what a certificate must name."""

    engine: str
    server_name: str
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    ssl_mode: str = "none"
    ca_pem: str | None = field(default=None, repr=False)
    admin_user: str | None = None
    admin_password: str | None = field(default=None, repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict)
    endpoint_name: str = ""
    connect_seconds: float = 60.0
    """How long the first connection may take; the parent shortens it where it knows that packets are dropped."""


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """A target endpoint."""

    engine: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    endpoint_name: str = ""


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """A task and its two endpoints. `resume` is what the last checkpoint of an earlier run carried."""

    arn: str
    suffix: str
    name: str
    migration_type: str
    start_type: str
    mappings: str
    settings: Mapping[str, Any]
    source: SourceSpec
    target: TargetSpec
    aws: Mapping[str, str] = field(repr=False)
    resume: Mapping[str, Any] | None = None
    cdc_start_position: str | None = None
    cdc_start_time: str | None = None
    cdc_stop_position: str | None = None
    metric_period: float = 5.0

    @property
    def loads(self) -> bool:
        """Whether the task has a full load."""
        return self.migration_type != CDC

    @property
    def captures(self) -> bool:
        """Whether the task has change processing."""
        return self.migration_type != FULL_LOAD

    @property
    def resumes(self) -> bool:
        """Whether this run goes on where an earlier one ended."""
        return self.start_type == "resume-processing"


def read_spec(document: Mapping[str, Any]) -> TaskSpec:
    """Read the document; raises KeyError or ValueError where it lacks something."""
    task, source, target = document["task"], document["source"], document["target"]
    admin = source.get("admin") or {}
    return TaskSpec(
        arn=task["arn"],
        suffix=task["suffix"],
        name=task["name"],
        migration_type=task["migration_type"],
        start_type=task["start_type"],
        mappings=task["mappings"],
        settings=task.get("settings") or {},
        source=SourceSpec(
            engine=source["engine"],
            server_name=source.get("server_name") or source["host"],
            host=source["host"],
            port=int(source["port"]),
            user=source.get("user") or "",
            password=source.get("password") or "",
            database=source.get("database") or "",
            ssl_mode=source.get("ssl_mode") or "none",
            ca_pem=source.get("ca_pem"),
            admin_user=admin.get("user"),
            admin_password=admin.get("password"),
            settings=source.get("settings") or {},
            endpoint_name=source.get("endpoint_name") or "",
            connect_seconds=float(source.get("connect_seconds") or 60),
        ),
        target=TargetSpec(target["engine"], target.get("settings") or {}, target.get("endpoint_name") or ""),
        aws=document["aws"],
        resume=document.get("resume"),
        cdc_start_position=task.get("cdc_start_position"),
        cdc_start_time=task.get("cdc_start_time"),
        cdc_stop_position=task.get("cdc_stop_position"),
        metric_period=float(document.get("metric_period") or 5.0),
    )
