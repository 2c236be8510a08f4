"""Replication tasks as rows and detail."""

from __future__ import annotations

from dmstui.kinds.kind import Column, Kind, State, parsed
from dmstui.kinds.text import NONE, duration, when
from dmstui.model import ReplicationTask, Snapshot, handling, parse_failure, stop_reason

LATE = 60.0  # seconds of target latency from which a task counts as behind
_TROUBLE = {"RECOVERABLE_ERROR", "FATAL_ERROR", "STOPPED_DUE_TO_LOW_MEMORY", "STOPPED_DUE_TO_LOW_DISK"}


def latency(record: ReplicationTask, snapshot: Snapshot, name: str) -> float | None:
    """The newest point of a latency metric in seconds; None where there is none or the task does not run."""
    if record.status != "running":
        return None
    part = snapshot.metrics.get(record.arn)
    series = part.value.get(name) if part else None
    return series.last.value if series and series.last else None


def handling_latency(record: ReplicationTask, snapshot: Snapshot) -> float | None:
    """The newest max(0, target - source) of one period."""
    part = snapshot.metrics.get(record.arn)
    if record.status != "running" or part is None:
        return None
    series = handling(part.value.get("CDCLatencySource"), part.value.get("CDCLatencyTarget"))
    return series.last.value if series.last else None


def lag(record: ReplicationTask, snapshot: Snapshot) -> float | None:
    """How far the target is behind: the larger of both latencies."""
    known = [
        value
        for name in ("CDCLatencySource", "CDCLatencyTarget")
        if (value := latency(record, snapshot, name)) is not None
    ]
    return max(known, default=None)


def state(record: ReplicationTask, snapshot: Snapshot) -> State:
    """Failed or with tables in error is bad; behind is late; the rest as the status says."""
    errored = record.stats.tables_errored if record.stats else 0
    if record.status in {"failed", "failed-move"} or errored:
        return "bad"
    if record.status == "stopped":
        return "bad" if stop_reason(record.stop_reason) in _TROUBLE else "idle"
    if record.status == "running":
        behind = lag(record, snapshot)
        return "late" if behind is not None and behind >= LATE else "ok"
    if record.status == "ready":
        return "idle"
    return "busy" if record.status else "unknown"


def progress(record: ReplicationTask) -> int | None:
    """Full load in percent; None for a task without a full load and for one that never ran."""
    if not record.loads or record.stats is None or not record.has_run:
        return None
    return record.stats.progress


def reason(record: ReplicationTask) -> str:
    """Why it stands where it stands: the failure's headline, else the stop reason, else nothing."""
    if record.status in {"failed", "failed-move"}:
        failure = parse_failure(record.failure or record.stop_reason)
        return " ".join(failure.headline.split()) if failure else ""
    if record.status == "stopped":
        found = parse_failure(record.failure)
        if found and stop_reason(record.stop_reason) in _TROUBLE:
            return " ".join(found.headline.split())
        return stop_reason(record.stop_reason) or record.stop_reason
    return ""


def _instance(record: ReplicationTask, snapshot: Snapshot) -> str:
    instance = snapshot.instance(record.instance_arn)
    return instance.name if instance else record.instance_arn.rsplit(":", 1)[-1]


def _endpoint(arn: str, snapshot: Snapshot) -> str:
    endpoint = snapshot.endpoint(arn)
    return endpoint.name if endpoint else arn.rsplit(":", 1)[-1]


def _tables(record: ReplicationTask) -> str:
    if record.stats is None or not record.has_run:
        return NONE
    stats = record.stats
    total = stats.tables_loaded + stats.tables_loading + stats.tables_queued + stats.tables_errored
    return f"{stats.tables_loaded}/{total}"


def detail(record: ReplicationTask, snapshot: Snapshot) -> list[tuple[str, str]]:
    """Everything the service says of it but settings and mappings, which have their own pages."""
    done = progress(record)
    rows = [
        ("Identifier", record.name),
        ("Status", record.status),
        ("Type", record.migration_type),
        ("Instance", _instance(record, snapshot)),
        ("Source", _endpoint(record.source_arn, snapshot)),
        ("Target", _endpoint(record.target_arn, snapshot)),
        ("Full load", NONE if done is None else f"{done} %"),
        ("Created", when(record.created) or NONE),
        ("Started", when(record.started) or NONE),
    ]
    if record.stats is not None:
        stats = record.stats
        rows += [
            (
                "Tables",
                f"{stats.tables_loaded} loaded, {stats.tables_loading} loading, "
                f"{stats.tables_queued} queued, {stats.tables_errored} in error",
            ),
            ("Elapsed", duration(stats.elapsed_ms / 1000)),
            ("Last start", when(stats.start) or NONE),
            ("Fresh start", when(stats.fresh_start) or NONE),
            ("Stopped", when(stats.stop) or NONE),
            ("Load began", when(stats.full_load_start) or NONE),
            ("Load ended", when(stats.full_load_finish) or NONE),
        ]
    source, target = (
        latency(record, snapshot, "CDCLatencySource"),
        latency(record, snapshot, "CDCLatencyTarget"),
    )
    if source is not None or target is not None:
        inside = handling_latency(record, snapshot)
        rows.append(
            ("Latency", f"source {duration(source)}, handling {duration(inside)}, target {duration(target)}")
        )
    for label, text in (
        ("Start position", record.cdc_start_position),
        ("Stop position", record.cdc_stop_position),
        ("Checkpoint", record.checkpoint),
        ("Stop reason", record.stop_reason),
        ("Failure", record.failure),
        ("Moving to", record.target_instance_arn),
    ):
        if text:
            rows.append((label, text))
    rows.append(("ARN", record.arn))
    return rows


def full_json(record: ReplicationTask, snapshot: Snapshot) -> dict[str, object]:
    """`as_json` with mappings and settings opened."""
    found = KIND.as_json(record, snapshot)
    found["mappings"], found["settings"] = parsed(record.mappings), parsed(record.settings)
    return found


def _percent(record: ReplicationTask, _: Snapshot) -> str:
    done = progress(record)
    return NONE if done is None else f"{done}%"


KIND: Kind[ReplicationTask] = Kind(
    name="task",
    plural="tasks",
    columns=(
        Column("name", "Task", 28, lambda r, s: r.name, lambda r, s: r.name, flexible=True),
        Column("status", "Status", 9, lambda r, s: r.status, lambda r, s: r.status),
        Column(
            "type", "Type", 17, lambda r, s: r.migration_type, lambda r, s: r.migration_type, from_width=100
        ),
        Column("load", "Load", 5, _percent, lambda r, s: progress(r), align="right"),
        Column(
            "tables",
            "Tables",
            7,
            lambda r, s: _tables(r),
            lambda r, s: r.stats.tables_loaded if r.stats else None,
            align="right",
            from_width=90,
        ),
        Column(
            "errors",
            "Err",
            4,
            lambda r, s: str(r.stats.tables_errored) if r.stats and r.stats.tables_errored else "",
            lambda r, s: r.stats.tables_errored if r.stats else 0,
            align="right",
            descending=True,
        ),
        Column(
            "source_latency",
            "Source",
            7,
            lambda r, s: duration(latency(r, s, "CDCLatencySource")),
            lambda r, s: latency(r, s, "CDCLatencySource"),
            lambda r, s: latency(r, s, "CDCLatencySource"),
            align="right",
            descending=True,
            duration=True,
        ),
        Column(
            "handling_latency",
            "Handling",
            8,
            lambda r, s: duration(handling_latency(r, s)),
            handling_latency,
            handling_latency,
            align="right",
            descending=True,
            duration=True,
            from_width=120,
        ),
        Column(
            "target_latency",
            "Target",
            7,
            lambda r, s: duration(latency(r, s, "CDCLatencyTarget")),
            lambda r, s: latency(r, s, "CDCLatencyTarget"),
            lambda r, s: latency(r, s, "CDCLatencyTarget"),
            align="right",
            descending=True,
            duration=True,
        ),
        Column("instance", "Instance", 16, _instance, _instance, _instance, from_width=110),
        Column(
            "elapsed",
            "Elapsed",
            8,
            lambda r, s: duration(r.stats.elapsed_ms / 1000) if r.stats and r.has_run else NONE,
            lambda r, s: r.stats.elapsed_ms / 1000 if r.stats else None,
            align="right",
            duration=True,
            from_width=130,
        ),
        Column(
            "reason",
            "Why",
            40,
            lambda r, s: reason(r),
            lambda r, s: reason(r) or None,
            lambda r, s: reason(r),
            from_width=100,
            flexible=True,
        ),
    ),
    key=lambda record: record.arn,
    title=lambda record: record.name,
    records=lambda snapshot: snapshot.tasks.value,
    detail=detail,
    state=state,
    operations=("start", "resume", "reload", "stop", "reload-tables", "test-connection"),
)
