"""Frozen records of what AWS said and the rules that belong to them; every room reads it, it reads none.

No input, no output, no clock. Times are timezone-aware UTC datetimes as the service gave them.

A record's file is read when one of its names is first asked for: the first frame needs none of them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_NAMES = {
    "actions": "StartChoice allowed start_choices test_refusal",
    "errors": "AwsError",
    "failure": "Failure parse_failure stop_reason",
    "logs": "LogLine parse_line",
    "metrics": "CATALOGUE Metric MetricPoint MetricSeries TaskDimensions handling task_dimensions",
    "replication": "Connection Endpoint Event ReplicationInstance ReplicationTask TableStatistics TaskStats suffix",
    "snapshot": "Part Snapshot",
    "stacks": "Stack StackEvent StackOutput StackResource",
}
_FILES = {name: file for file, names in _NAMES.items() for name in names.split()}

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


def __getattr__(name: str) -> Any:
    file = _FILES.get(name)
    if file is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals().setdefault(name, getattr(importlib.import_module(f"{__name__}.{file}"), name))
