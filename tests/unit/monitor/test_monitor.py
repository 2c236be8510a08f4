"""The monitor's thread with a made-up AWS: parts arrive, fail alone, hurry, slow down, pause, and it ends."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from dmstui.aws import ConnectionOptions
from dmstui.aws.calls import Ledger
from dmstui.model import (
    AwsError,
    MetricPoint,
    MetricSeries,
    ReplicationInstance,
    ReplicationTask,
    Snapshot,
    Stack,
    StackEvent,
    StackResource,
    TableStatistics,
)
from dmstui.monitor import Monitor

INSTANCE = ReplicationInstance("arn:aws:dms:r:a:rep:I", "rep", "available", "dms.t3.micro")
ARN = "arn:aws:dms:r:a:task:T"


class Aws:
    """Answers like a Connection, from lists the test changes; one answer can be made to fail."""

    def __init__(self, options: ConnectionOptions) -> None:
        self.options = options
        self.ledger = Ledger()
        self.ledger.sandbox = True
        self.sandbox = self.loopback = True
        self.region, self.profile = "eu-west-1", "lab"
        self.status = "running"
        self.fail: dict[str, AwsError] = {}
        self.asked: Counter[str] = Counter()
        self.opening: AwsError | None = None
        self.dms = self.cloudformation = self.cloudwatch = self.logs = self.sts = self

    async def __aenter__(self) -> Aws:
        if self.opening:
            raise self.opening
        return self

    async def close(self) -> None:
        self.asked["close"] += 1

    async def client(self, service: str) -> None:
        self.asked["client"] += 1

    def now(self) -> datetime:
        return self.ledger.now()

    def count(self, name: str) -> None:
        self.asked[name] += 1
        if name in self.fail:
            raise self.fail[name]

    async def identity(self) -> Any:
        self.count("identity")
        return type("Identity", (), {"account": "42"})()

    async def instances(self, arn: str | None = None) -> tuple[ReplicationInstance, ...]:
        self.count("instances")
        return (INSTANCE,)

    async def tasks(self, arn: str | None = None) -> tuple[ReplicationTask, ...]:
        self.count("tasks" if arn is None else "one-task")
        return (ReplicationTask(ARN, "t", self.status, "full-load-and-cdc", instance_arn=INSTANCE.arn),)

    async def task(self, arn: str, *, full: bool = False) -> ReplicationTask:
        self.count("settings")
        return ReplicationTask(ARN, "t", self.status, "full-load-and-cdc", settings="{}", mappings="{}")

    async def endpoints(self) -> tuple[Any, ...]:
        self.count("endpoints")
        return ()

    async def connections(self, endpoint_arn: str | None = None) -> tuple[Any, ...]:
        self.count("connections")
        return ()

    async def stacks(self) -> tuple[Stack, ...]:
        self.count("stacks")
        return (Stack("id", "s", "CREATE_IN_PROGRESS"),)

    async def stack(self, name: str) -> Stack:
        return Stack("id", "s", "CREATE_IN_PROGRESS")

    async def resources(self, name: str) -> tuple[StackResource, ...]:
        self.count("resources")
        return (StackResource("Task", "arn", "AWS::DMS::ReplicationTask", "CREATE_IN_PROGRESS"),)

    async def events(self, *given: Any, **named: Any) -> tuple[Any, ...]:
        if given:
            self.count("stack-events")
            return (
                ()
                if named.get("known")
                else (StackEvent("e", self.now(), "s", "id", "x", "y", stack_id="id"),)
            )
        self.count("events")
        return ()

    async def table_statistics(self, arn: str) -> AsyncIterator[tuple[TableStatistics, ...]]:
        self.count("tables")
        yield (TableStatistics("a", "b", "Full load", full_load_rows=self.asked["tables"]),)

    async def series(self, queries: Any, start: datetime, end: datetime, period: int) -> dict[str, Any]:
        self.count("series")
        self.ledger.metrics_asked += len(queries)
        point = MetricPoint(datetime.fromtimestamp(int(end.timestamp()) - period, UTC), 1.0)
        found: dict[str, dict[str, MetricSeries]] = {}
        for query in queries:
            found.setdefault(query.key, {})[query.metric.name] = MetricSeries(
                query.metric.name, "s", period, (point,)
            )
        return found

    async def tail(self, *given: Any, **named: Any) -> tuple[tuple[Any, ...], str | None]:
        self.count("logs")
        return (), None


class Watch:
    """A monitor on a made-up AWS and what it posted."""

    def __init__(self, prepare: Callable[[Aws], None] = lambda aws: None) -> None:
        self.aws = Aws(ConnectionOptions())
        prepare(self.aws)
        self.monitor = Monitor(ConnectionOptions(), connect=lambda options: self.aws)  # type: ignore[arg-type,return-value]
        self.last: Snapshot | None = None
        self.news = threading.Condition()
        self.threads: set[str] = set()

    def take(self, snapshot: Snapshot) -> None:
        with self.news:
            self.last = snapshot
            self.threads.add(threading.current_thread().name)
            self.news.notify_all()

    def until(self, holds: Callable[[Snapshot], bool], seconds: float = 10) -> Snapshot:
        with self.news:
            assert self.news.wait_for(lambda: self.last is not None and holds(self.last), seconds), self.last
            assert self.last is not None
            return self.last


@pytest.fixture
def watch() -> Iterator[Watch]:
    made = Watch()
    made.monitor.start(made.take)
    yield made
    made.monitor.stop()


def test_all_parts_arrive_from_a_thread_of_its_own(watch: Watch) -> None:
    found = watch.until(lambda s: bool(s.tasks.value and s.instances.value and s.account and s.stacks.value))
    assert (found.region, found.profile, found.account, found.sandbox) == ("eu-west-1", "lab", "42", True)
    assert watch.threads == {"monitor"}


def test_a_failing_part_fails_alone_and_keeps_its_last_value(watch: Watch) -> None:
    watch.until(lambda s: bool(s.instances.value and s.tasks.value))
    watch.aws.fail["instances"] = AwsError("AccessDenied", "no")
    found = watch.until(lambda s: s.instances.error is not None)
    assert found.instances.value == (INSTANCE,)
    assert found.tasks.error is None
    before = watch.aws.asked["tasks"]
    watch.until(lambda s: watch.aws.asked["tasks"] > before)


def test_an_unchanged_value_keeps_its_object(watch: Watch) -> None:
    first = watch.until(lambda s: bool(s.tasks.value))
    asked = watch.aws.asked["tasks"]
    later = watch.until(lambda s: watch.aws.asked["tasks"] > asked + 1 and s.tasks.at != first.tasks.at)
    assert later.tasks.value is first.tasks.value


def test_focus_asks_for_all_chart_metrics_and_open_for_tables_and_settings(watch: Watch) -> None:
    watch.monitor.focus(ARN)
    watch.monitor.open_task(ARN)
    found = watch.until(
        lambda s: (
            ARN in s.metrics
            and "CDCIncomingChanges" in s.metrics[ARN].value
            and bool(s.tables.get(ARN) and s.tables[ARN].value)
            and bool(s.settings.get(ARN) and s.settings[ARN].value)
        )
    )
    assert found.metrics[ARN].value["CDCLatencySource"].period == 5
    watch.monitor.close_task(ARN)
    watch.monitor.submit(_nothing).result(5)
    asked = watch.aws.asked["tables"]
    tasks = watch.aws.asked["tasks"]
    watch.until(lambda s: watch.aws.asked["tasks"] > tasks + 1)
    assert watch.aws.asked["tables"] <= asked + 1


async def _nothing(aws: Any) -> None:
    return None


def test_latency_of_running_tasks_comes_without_focus(watch: Watch) -> None:
    found = watch.until(lambda s: bool(s.metrics.get(ARN)))
    assert set(found.metrics[ARN].value) == {"CDCLatencySource", "CDCLatencyTarget"}


def test_a_nudge_polls_one_task_quickly_until_it_settles(watch: Watch) -> None:
    watch.until(lambda s: bool(s.tasks.value))
    watch.aws.status = "starting"
    watch.monitor.nudge("task", ARN)
    watch.until(lambda s: s.tasks.value[0].status == "starting")
    assert watch.aws.asked["one-task"] >= 1
    watch.aws.status = "running"
    watch.until(lambda s: s.tasks.value[0].status == "running")


def test_a_watched_stack_brings_events_and_resources(watch: Watch) -> None:
    watch.monitor.watch_stack("s")
    found = watch.until(lambda s: bool(s.stack_resources.get("s") and s.stack_resources["s"].value))
    assert found.stack_events["s"].value[0].id == "e"


def test_pause_stops_the_polling_but_not_operations(watch: Watch) -> None:
    watch.until(lambda s: bool(s.tasks.value))
    watch.monitor.pause(True)
    watch.until(lambda s: s.paused)
    watch.monitor.submit(_nothing).result(5)
    asked = watch.aws.asked["tasks"]
    time.sleep(1.5)  # longer than the sandbox's pace of tasks
    assert watch.aws.asked["tasks"] == asked
    watch.monitor.pause(False)
    watch.until(lambda s: not s.paused and watch.aws.asked["tasks"] > asked)


def test_throttles_slow_dms_and_are_told() -> None:
    made = Watch(lambda aws: aws.ledger.throttles.update({"dms": 1}))
    made.monitor.start(made.take)
    try:
        found = made.until(lambda s: bool(s.notes))
        assert "throttles" in found.notes[0]
    finally:
        made.monitor.stop()


def test_submit_runs_in_the_loop_and_hands_errors_back(watch: Watch) -> None:
    async def fails(aws: Any) -> None:
        raise AwsError("X", "y")

    async def counts(aws: Any) -> int:
        return len(await aws.dms.tasks())

    assert watch.monitor.submit(counts).result(5) == 1
    error = watch.monitor.submit(fails).exception(5)
    assert isinstance(error, AwsError)


def test_a_connection_that_cannot_open_is_shown_in_every_part() -> None:
    def broken(aws: Aws) -> None:
        aws.opening = AwsError("NoProfile", "there is no profile 'x'")

    made = Watch(broken)
    made.monitor.start(made.take)
    try:
        found = made.until(lambda s: s.tasks.error is not None)
        assert found.instances.error is not None
        assert not found.tasks.loading
        error = made.monitor.submit(_nothing).exception(5)
        assert isinstance(error, AwsError)
        assert error.code == "NoProfile"
    finally:
        made.monitor.stop()


def test_stop_ends_the_thread_and_closes_the_connection() -> None:
    made = Watch()
    made.monitor.start(made.take)
    made.until(lambda s: bool(s.tasks.value))
    made.monitor.stop()
    assert "monitor" not in {thread.name for thread in threading.enumerate()}
    assert made.aws.asked["close"] == 1
