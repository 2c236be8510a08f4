"""What the console says about a record beyond its fields: order of trouble, rates, WHY. Pure; tables and
headers read it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from dmstui.console import format as fmt
from dmstui.kinds import table as table_kind
from dmstui.kinds import task as task_kind
from dmstui.model import (
    MetricSeries,
    ReplicationTask,
    Snapshot,
    Stack,
    TableStatistics,
    parse_failure,
    stop_reason,
)

FRESH_PERIODS = 4
ORDER = {"bad": 0, "late": 1, "busy": 2, "ok": 3, "idle": 4, "unknown": 5}
_STOPS = {
    "NORMAL": "stopped by request",
    "STOPPED_AFTER_FULL_LOAD": "stopped after the full load, as its settings say",
    "STOPPED_AFTER_CACHED_EVENTS": "stopped after the cached changes, as its settings say",
    "STOPPED_AFTER_DDL_APPLY": "stopped after a DDL change, as its settings say",
    "EXPRESS_LICENSE_LIMITS_REACHED": "license limit reached",
    "STOPPED_DUE_TO_LOW_MEMORY": "stopped: the instance is low on memory",
    "STOPPED_DUE_TO_LOW_DISK": "stopped: the instance is low on disk",
    "STOPPED_AT_SERVER_TIME": "stopped at the set time",
    "STOPPED_AT_COMMIT_TIME": "stopped at the set commit time",
    "RECONFIGURATION_RESTART": "stopped for a reconfiguration",
    "RECYCLE_TASK": "restarting",
}
# What stands before the cause in DMS's texts: where in its own program it noticed, and its codes.
_NOISE = re.compile(
    r"Task error notification received from subtask \d+, thread \d+|\[[\w./]+\.\w+:\d+\]|\[\d{6,7}\]|Error Level \w+"
)
_TROUBLE = frozenset({"RECOVERABLE_ERROR", "FATAL_ERROR", "UNHANDLED_ERROR"})


def series(snapshot: Snapshot, arn: str, name: str) -> MetricSeries | None:
    """A metric of a task, None when nothing was asked or came."""
    part = snapshot.metrics.get(arn)
    return part.value.get(name) if part else None


def fresh_value(found: MetricSeries | None, now: datetime) -> float | None:
    """The newest value if it is young enough to speak of now: within four periods, at least half a minute."""
    if found is None or found.last is None:
        return None
    young = max(found.period * FRESH_PERIODS, 30)
    return found.last.value if (now - found.last.at).total_seconds() <= young else None


def loading(task: ReplicationTask) -> bool:
    """A running task whose full load is not finished."""
    if task.status != "running" or not task.loads or task.stats is None:
        return False
    return task.stats.progress < 100 or bool(task.stats.tables_loading or task.stats.tables_queued)


def rows_per_second(task: ReplicationTask, snapshot: Snapshot) -> float | None:
    """Rows written to the target a second, of the load and of changes together."""
    if task.status != "running":
        return None
    names = ("FullLoadThroughputRowsTarget", "CDCThroughputRowsTarget")
    values = [fresh_value(series(snapshot, task.arn, name), snapshot.at) for name in names]
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def recent_rates(
    task: ReplicationTask, snapshot: Snapshot, cells: int, minutes: float = 15.0
) -> list[float | None]:
    """Rows a second over the last minutes in so many slots, None where nothing is known; for a spark line."""
    slot = minutes * 60 / cells
    sums: list[float | None] = [None] * cells
    for name in ("FullLoadThroughputRowsTarget", "CDCThroughputRowsTarget"):
        found = series(snapshot, task.arn, name)
        for point in found.points if found else ():
            age = (snapshot.at - point.at).total_seconds()
            place = cells - 1 - int(age // slot)
            if 0 <= place < cells and age >= 0:
                sums[place] = max(sums[place] or 0.0, point.value)
    return sums


def trouble_order(task: ReplicationTask, snapshot: Snapshot) -> tuple[int, float, str]:
    """Sort key of the monitor: failed, late, changing, running, stopped; among equals the later first."""
    state = ORDER[task_kind.state(task, snapshot)]
    failed = 0 if task.status.startswith("failed") else 1
    return state * 2 + failed, -(task_kind.lag(task, snapshot) or 0.0), task.name


def why(task: ReplicationTask, snapshot: Snapshot) -> str:
    """One sentence part: what is known about why the task stands where it stands; blank when there is
    nothing to say.
    """
    stats = task.stats
    reason = stop_reason(task.stop_reason) or stop_reason(task.failure)
    if task.status in {"failed", "failed-move"} or (task.status == "stopped" and reason in _TROUBLE):
        return headline(task.failure or task.stop_reason) or "failed; the log says more"
    if task.status == "ready":
        return "" if task.has_run else "has not run yet"
    if task.status == "stopped":
        errored = (
            f", {fmt.plural(stats.tables_errored, 'table')} in error"
            if stats and stats.tables_errored
            else ""
        )
        if reason == "FULL_LOAD_ONLY_FINISHED":
            tables = f", {fmt.plural(stats.tables_loaded, 'table')}" if stats and stats.tables_loaded else ""
            return f"full load finished{tables}{errored}"
        return _STOPS.get(reason or "", reason.replace("_", " ").lower() if reason else "stopped") + errored
    if task.status == "running":
        return _running(task, snapshot)
    return {"starting": "connecting to source and target", "stopping": "finishing what is under way"}.get(
        task.status, ""
    )


def _running(task: ReplicationTask, snapshot: Snapshot) -> str:
    stats = task.stats
    total = (
        stats.tables_loaded + stats.tables_loading + stats.tables_queued + stats.tables_errored
        if stats
        else 0
    )
    if stats and stats.tables_errored:
        return f"{stats.tables_errored} of {fmt.plural(total, 'table')} in error"
    if loading(task) and stats:
        return (
            f"{stats.tables_loaded} of {fmt.plural(total, 'table')} loaded" if total else "full load begins"
        )
    behind = task_kind.lag(task, snapshot)
    if behind is not None and behind >= task_kind.LATE:
        source = task_kind.latency(task, snapshot, "CDCLatencySource") or 0.0
        return "source read is the limit" if source >= behind * 0.7 else "target apply is the limit"
    return "applying changes" if task.captures else ""


def headline(text: str | None) -> str:
    """The first sentence of a DMS failure text without its codes and braces."""
    failure = parse_failure(text)
    if failure is None:
        return ""
    words = _NOISE.sub(" ", failure.headline)
    return " ".join(words.split()).strip(" .;")


def under_way(snapshot: Snapshot) -> tuple[Stack, ...]:
    """Scenario stacks that are being made or deleted now."""
    return tuple(stack for stack in snapshot.stacks.value if not stack.settled and stack.scenario)


def counts(snapshot: Snapshot) -> Mapping[str, int]:
    """How many tasks are in each state."""
    found = dict.fromkeys(ORDER, 0)
    for task in snapshot.tasks.value:
        found[task_kind.state(task, snapshot)] += 1
    return found


def table_order(table: TableStatistics, snapshot: Snapshot) -> tuple[int, str]:
    """Tables in trouble first, then those loading, then by name."""
    return ORDER[table_kind.state(table, snapshot)], table.name
