"""Frozen records of what AWS said and the rules that belong to them; every room reads it, it reads none.

No input, no output, no clock. Times are timezone-aware UTC datetimes as the service gave them.
"""

from dmstui.model.actions import StartChoice, allowed, start_choices, test_refusal
from dmstui.model.errors import AwsError
from dmstui.model.failure import Failure, parse_failure, stop_reason
from dmstui.model.logs import LogLine, parse_line
from dmstui.model.metrics import (
    CATALOGUE,
    Metric,
    MetricPoint,
    MetricSeries,
    TaskDimensions,
    handling,
    task_dimensions,
)
from dmstui.model.replication import (
    Connection,
    Endpoint,
    Event,
    ReplicationInstance,
    ReplicationTask,
    TableStatistics,
    TaskStats,
    suffix,
)
from dmstui.model.snapshot import Part, Snapshot
from dmstui.model.stacks import Stack, StackEvent, StackOutput, StackResource

__all__ = [
    "CATALOGUE",
    "AwsError",
    "Connection",
    "Endpoint",
    "Event",
    "Failure",
    "LogLine",
    "Metric",
    "MetricPoint",
    "MetricSeries",
    "Part",
    "ReplicationInstance",
    "ReplicationTask",
    "Snapshot",
    "Stack",
    "StackEvent",
    "StackOutput",
    "StackResource",
    "StartChoice",
    "TableStatistics",
    "TaskDimensions",
    "TaskStats",
    "allowed",
    "handling",
    "parse_failure",
    "parse_line",
    "start_choices",
    "stop_reason",
    "suffix",
    "task_dimensions",
    "test_refusal",
]
