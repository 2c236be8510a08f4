"""A recording gives back the Snapshots that were written, also when the file was cut short."""

from __future__ import annotations

import gzip
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dmstui.aws import ConnectionOptions
from dmstui.model import (
    AwsError,
    Endpoint,
    LogLine,
    MetricPoint,
    MetricSeries,
    Part,
    ReplicationInstance,
    ReplicationTask,
    Snapshot,
    Stack,
    StackOutput,
    TableStatistics,
    TaskStats,
)
from dmstui.monitor import Monitor
from dmstui.monitor.record import BadRecordingError, Recorder, read

AT = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
TASK = ReplicationTask("arn:t", "t", "running", "cdc", started=AT, stats=TaskStats(progress=40, start=AT))


def first() -> Snapshot:
    series = MetricSeries("CDCLatencySource", "s", 60, (MetricPoint(AT, 1.5), MetricPoint(AT, 2.0)))
    return Snapshot(
        at=AT,
        region="eu-west-1",
        notes=("slow",),
        instances=Part((ReplicationInstance("arn:i", "i", "available", "c", pending={"a": "b"}),), at=AT),
        tasks=Part((TASK,), at=AT, every=15.0),
        endpoints=Part(
            (Endpoint("arn:e", "e", "source", "postgres", settings={"HeartbeatEnable": True}),), at=AT
        ),
        events=Part((), error=AwsError("AccessDenied", "no", "DescribeEvents", "ask")),
        stacks=Part((Stack("id", "s", "CREATE_COMPLETE", outputs=(StackOutput("k", "v"),)),), at=AT),
        tables={"arn:t": Part((TableStatistics("a", "b", "Full load", full_load_start=AT),), at=AT)},
        metrics={"arn:t": Part({"CDCLatencySource": series}, at=AT)},
        logs={"arn:t": Part((LogLine(AT, "SORTER", "I", "x", "y"),), at=AT)},
        settings={"arn:t": Part(replace(TASK, settings="{}", mappings="{}"), at=AT)},
    )


def three() -> list[Snapshot]:
    one = first()
    later = AT + timedelta(seconds=2)
    two = replace(one, at=later, tasks=replace(one.tasks, at=later), calls=7)
    stopped = replace(TASK, status="stopped")
    three = replace(
        two,
        at=later + timedelta(seconds=2),
        tasks=Part((stopped,), at=later),
        tables={**two.tables, "arn:u": Part((), loading=True)},
    )
    return [one, two, three]


def written(path: Path) -> Path:
    recorder = Recorder(path)
    for snapshot in three():
        recorder.write(snapshot)
    recorder.close()
    return path


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    found = list(read(written(tmp_path / "a.rec")))
    assert [seconds for seconds, _ in found] == [0, 2, 4]
    assert [snapshot for _, snapshot in found] == three()


def test_a_file_cut_short_gives_what_it_holds(tmp_path: Path) -> None:
    path = written(tmp_path / "a.rec")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 12])
    found = [snapshot for _, snapshot in read(path)]
    assert found == three()[: len(found)]


@pytest.mark.parametrize(
    "content",
    [b"hello", gzip.compress(b"{}\n"), gzip.compress(b"[1]\n"), gzip.compress(b"x\n")],
    ids=["no gzip", "no header", "a list", "no JSON"],  # gzip writes the time: the bytes are no stable name
)
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.rec"
    path.write_bytes(content)
    with pytest.raises(BadRecordingError):
        list(read(path))


def test_the_monitor_plays_a_recording_and_changes_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "a.rec")
    monitor = Monitor(ConnectionOptions(recording=str(path), recording_speed=1000))
    came: list[Snapshot] = []
    enough = threading.Event()

    def take(snapshot: Snapshot) -> None:
        came.append(snapshot)
        if len(came) == 3:
            enough.set()

    async def work(_: object) -> None:
        return None

    monitor.start(take)
    try:
        assert enough.wait(10)
        assert all(snapshot.read_only for snapshot in came)
        assert came[-1].tasks.value[0].status == "stopped"
        monitor.focus("arn:t")
        monitor.refresh()
        error = monitor.submit(work).exception(timeout=1)
        assert isinstance(error, AwsError)
        assert error.code == "ReadOnly"
    finally:
        monitor.stop()
