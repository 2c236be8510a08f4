"""One picture of everything the monitor knows, frozen; screens render it, a recording stores it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from dmstui.model.errors import AwsError
from dmstui.model.logs import LogLine
from dmstui.model.metrics import MetricSeries
from dmstui.model.replication import (
    Connection,
    Endpoint,
    Event,
    ReplicationInstance,
    ReplicationTask,
    TableStatistics,
)
from dmstui.model.stacks import Stack, StackEvent, StackResource

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """One part of the picture with its own time and its own error.

    value: what was last known, kept when a later poll failed. at: the service's time of that answer, None
    before the first. error: why the last poll failed, None when it did not. loading: the first answer is
    still under way. every: seconds between two polls now, 0 when not polled.
    """

    value: T
    at: datetime | None = None
    error: AwsError | None = None
    loading: bool = False
    every: float = 0.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the console shows. `at` is the service's clock, not this machine's.

    tables, metrics, logs and settings are keyed by task ARN; instance_metrics by instance ARN; stack_events
    (newest first) and stack_resources by stack name. `settings` holds the task described in full, with
    mappings and settings text. notes are sentences about the polling itself ("slowed down by throttling").
    dollars_a_day is what the metric queries cost at the present rate.
    """

    at: datetime
    region: str = ""
    account: str = ""
    profile: str = ""
    sandbox: bool = False
    read_only: bool = False
    paused: bool = False
    calls: int = 0
    dollars_a_day: float = 0.0
    notes: tuple[str, ...] = ()
    instances: Part[tuple[ReplicationInstance, ...]] = Part((), loading=True)
    tasks: Part[tuple[ReplicationTask, ...]] = Part((), loading=True)
    endpoints: Part[tuple[Endpoint, ...]] = Part((), loading=True)
    connections: Part[tuple[Connection, ...]] = Part((), loading=True)
    events: Part[tuple[Event, ...]] = Part((), loading=True)
    stacks: Part[tuple[Stack, ...]] = Part((), loading=True)
    tables: Mapping[str, Part[tuple[TableStatistics, ...]]] = field(default_factory=dict)
    metrics: Mapping[str, Part[Mapping[str, MetricSeries]]] = field(default_factory=dict)
    instance_metrics: Mapping[str, Part[Mapping[str, MetricSeries]]] = field(default_factory=dict)
    logs: Mapping[str, Part[tuple[LogLine, ...]]] = field(default_factory=dict)
    settings: Mapping[str, Part[ReplicationTask | None]] = field(default_factory=dict)
    stack_events: Mapping[str, Part[tuple[StackEvent, ...]]] = field(default_factory=dict)
    stack_resources: Mapping[str, Part[tuple[StackResource, ...]]] = field(default_factory=dict)

    def task(self, arn: str) -> ReplicationTask | None:
        """The task of this ARN."""
        return next((task for task in self.tasks.value if task.arn == arn), None)

    def instance(self, arn: str) -> ReplicationInstance | None:
        """The replication instance of this ARN."""
        return next((instance for instance in self.instances.value if instance.arn == arn), None)

    def endpoint(self, arn: str) -> Endpoint | None:
        """The endpoint of this ARN."""
        return next((endpoint for endpoint in self.endpoints.value if endpoint.arn == arn), None)

    def connection(self, instance_arn: str, endpoint_arn: str) -> Connection | None:
        """The last known test of this pair."""
        return next(
            (
                connection
                for connection in self.connections.value
                if connection.instance_arn == instance_arn and connection.endpoint_arn == endpoint_arn
            ),
            None,
        )

    def stack(self, name: str) -> Stack | None:
        """The stack of this name."""
        return next((stack for stack in self.stacks.value if stack.name == name), None)
