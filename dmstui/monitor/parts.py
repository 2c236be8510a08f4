"""How each part of the picture is asked for and what of the answer goes into it. Called by `monitor`, in its loop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from dmstui.aws import Connection
from dmstui.aws.cloudwatch import Query
from dmstui.aws.logs import task_stream
from dmstui.model import AwsError, LogLine, MetricSeries, ReplicationTask, StackEvent, TableStatistics
from dmstui.monitor import metrics
from dmstui.monitor.picture import Picture
from dmstui.monitor.schedule import EVERY, interval, latency_interval

_LOG_LINES = 2000
_BUSY_STATES = ("Full load", "Table error", "Table is being reloaded")
_ALL_TABLES = 1000  # so many tables are asked for whole each time in a sandbox
_EMPTY: dict[str, Any] = {"metrics": {}, "instance_metrics": {}, "settings": None}


class Parts:
    """Asks for parts by their cycle's name: `tasks`, `tables:<arn>`, `stack:<name>`."""

    def __init__(self, aws: Connection, picture: Picture) -> None:
        self.aws = aws
        self.picture = picture
        self.focused: str | None = None
        self.stack: str | None = None
        self.reach: timedelta | None = None
        self._pages: dict[str, int] = {}
        self._errors: dict[str, AwsError] = {}
        self._log_tokens: dict[str, str] = {}
        self._whole_tables: dict[str, float] = {}
        self._deep: str | None = None

    @property
    def quick(self) -> bool:
        """No one's budget is at stake: a sandbox answers."""
        return self.aws.sandbox

    def set_focus(self, task_arn: str | None, reach: timedelta | None) -> None:
        """Which task's metrics are asked for each period, and how far back."""
        if reach != self.reach:
            self._deep = None
        self.focused, self.reach = task_arn, reach

    def open_task(self, arn: str) -> None:
        """Mark what will be asked for as on its way."""
        self.picture.expect_keyed("tables", arn, ())
        self.picture.expect_keyed("logs", arn, ())
        self.picture.expect_keyed("settings", arn, None)

    def interval(self, name: str, slowness: int, refresh: float | None) -> float:
        """Seconds to the next poll of a cycle."""
        part, _, key = name.partition(":")
        # What is asked for by instance and task waits for both, and then comes at once.
        early = self.picture.flat["tasks"].at is None or self.picture.flat["instances"].at is None
        if part in {"metrics", "focus-metrics", "instance-metrics", "logs"} and early:
            return 0.2
        if part == "metrics":
            running = sum(
                1 for task in self.picture.value("tasks") if task.status == "running" and task.captures
            )
            return latency_interval(running, sandbox=self.quick)
        if part == "tables" and not self.quick:
            part = "busy-tables"
        if part == "stack" and self._stack_settled(key):
            return interval("stacks", sandbox=self.quick)
        return interval(
            part, sandbox=self.quick, pages=self._pages.get(part, 1), slowness=slowness, refresh=refresh
        )

    def error_of(self, name: str) -> AwsError | None:
        """The error of the cycle's last poll."""
        return self._errors.get(name)

    def failed(self, name: str, error: AwsError, every: float) -> None:
        """Put a poll's error where its part is shown."""
        self._errors[name] = error
        part, _, key = name.partition(":")
        if part in self.picture.flat:
            self.picture.fail(part, error, every)
        elif part == "stack":
            self.picture.fail_keyed("stack_events", key, error, every, ())
            self.picture.fail_keyed("stack_resources", key, error, every, ())
        elif part == "focus-metrics" and self.focused:
            self.picture.fail_keyed("metrics", self.focused, error, every, {})
        elif part == "metrics":
            for task in self.picture.value("tasks"):
                if task.status == "running" and task.captures:
                    self.picture.fail_keyed("metrics", task.arn, error, every, {})
        elif part == "instance-metrics":
            for instance in self.picture.value("instances"):
                self.picture.fail_keyed("instance_metrics", instance.arn, error, every, {})
        elif key:
            self.picture.fail_keyed(part, key, error, every, _EMPTY.get(part, ()))

    async def poll(self, name: str, every: float) -> None:
        """Ask for one part and put the answer into the picture; AwsError when it was refused."""
        part, _, key = name.partition(":")
        await getattr(self, "_poll_" + part.replace("-", "_"))(key, every)
        self._errors.pop(name, None)

    def _set(self, name: str, value: tuple[Any, ...], every: float) -> None:
        self._pages[name] = max(1, -(-len(value) // 100))
        self.picture.set(name, value, self.aws.now(), every)

    async def _poll_instances(self, _: str, every: float) -> None:
        self._set("instances", await self.aws.dms.instances(), every)

    async def _poll_tasks(self, _: str, every: float) -> None:
        self._set("tasks", await self.aws.dms.tasks(), every)

    async def _poll_endpoints(self, _: str, every: float) -> None:
        self._set("endpoints", await self.aws.dms.endpoints(), every)

    async def _poll_connections(self, _: str, every: float) -> None:
        self._set("connections", await self.aws.dms.connections(), every)

    async def _poll_events(self, _: str, every: float) -> None:
        self._set("events", await self.aws.dms.events(minutes=24 * 60), every)

    async def _poll_stacks(self, _: str, every: float) -> None:
        self._set("stacks", await self.aws.cloudformation.stacks(), every)

    async def _poll_settings(self, arn: str, every: float) -> None:
        task = await self.aws.dms.task(arn, full=True)
        self.picture.set_keyed("settings", arn, task, self.aws.now(), every)

    async def _poll_tables(self, arn: str, every: float) -> None:
        """All pages at first and once a minute; between only those loading or in error."""
        now = asyncio.get_running_loop().time()
        known: tuple[TableStatistics, ...] = self.picture.keyed_value("tables", arn, ())
        whole = self._whole_tables.get(arn)
        small = self.quick and len(known) <= _ALL_TABLES
        if whole is None or small or now - whole >= EVERY["tables"][0]:
            found: list[TableStatistics] = []
            async for page in self.aws.dms.table_statistics(arn):
                found.extend(page)
                if whole is None and len(page) >= 500:
                    # The first pages show while the rest is on its way.
                    self.picture.set_keyed("tables", arn, tuple(found), self.aws.now(), every)
            self._whole_tables[arn] = now
            self.picture.set_keyed("tables", arn, tuple(found), self.aws.now(), every)
            return
        fresh: dict[str, TableStatistics] = {}
        for state in _BUSY_STATES:
            for row in await self.aws.dms.all_table_statistics(arn, state=state):
                fresh[row.name] = row
        left = {row.name for row in known if row.state in _BUSY_STATES and row.name not in fresh}
        if left:
            # Something left these states: only the whole list tells where it went.
            self._whole_tables.pop(arn, None)
            await self._poll_tables(arn, every)
            return
        merged = tuple(fresh.get(row.name, row) for row in known)
        self.picture.set_keyed("tables", arn, merged, self.aws.now(), every)

    async def _poll_logs(self, arn: str, every: float) -> None:
        task = self._task(arn)
        instance = next(
            (one for one in self.picture.value("instances") if task and one.arn == task.instance_arn), None
        )
        if task is None or instance is None:
            return
        group, stream = task_stream(instance.name, task.suffix)
        known: tuple[LogLine, ...] = self.picture.keyed_value("logs", arn, ())
        token = self._log_tokens.get(arn)
        lines, following = await self.aws.logs.tail(group, stream, limit=_LOG_LINES, token=token)
        if following:
            self._log_tokens[arn] = following
        value = (known + lines)[-_LOG_LINES:] if token and lines else (known if token else lines)
        self.picture.set_keyed("logs", arn, value, self.aws.now(), every)

    async def _poll_stack(self, name: str, every: float) -> None:
        known: tuple[StackEvent, ...] = self.picture.keyed_value("stack_events", name, ())
        stack = await self.aws.cloudformation.stack(name)
        if stack is None:
            # Gone: what it last said stays on show.
            self.picture.set_keyed("stack_events", name, known, self.aws.now(), every)
            await self._poll_stacks("", interval("stacks", sandbox=self.quick))
            return
        newest = known[0].id if known and known[0].stack_id == stack.id else None
        fresh, resources = await asyncio.gather(
            self.aws.cloudformation.events(stack.id, known=newest),
            self.aws.cloudformation.resources(stack.id),
        )
        at = self.aws.now()
        self.picture.set_keyed("stack_events", name, fresh + known if newest else fresh, at, every)
        self.picture.set_keyed("stack_resources", name, resources, at, every)
        others = tuple(one for one in self.picture.value("stacks") if one.name != stack.name)
        self.picture.set(
            "stacks",
            tuple(sorted((*others, stack), key=lambda one: one.name)),
            at,
            self.picture.flat["stacks"].every,
        )

    def _stack_settled(self, name: str) -> bool:
        stack = next((one for one in self.picture.value("stacks") if one.name == name), None)
        return stack is not None and stack.settled

    def _task(self, arn: str) -> ReplicationTask | None:
        return next((one for one in self.picture.value("tasks") if one.arn == arn), None)

    async def _poll_focus_metrics(self, _: str, every: float) -> None:
        task = self._task(self.focused) if self.focused else None
        if task is None:
            return
        queries = metrics.task_queries(task, self.picture.value("instances"))
        if not queries:
            return
        reach = self.reach or metrics.window(self.quick)
        # A task that was not in focus before has only its newest points.
        known = self._known(task.arn) if self._deep == task.arn else {}
        await self._ask_metrics("metrics", queries, {task.arn: known}, reach, every)
        self._deep = task.arn

    async def _poll_metrics(self, _: str, every: float) -> None:
        queries = metrics.latency_queries(
            self.picture.value("tasks"), self.picture.value("instances"), self.focused
        )
        if queries:
            known = {query.key: self._known(query.key) for query in queries}
            await self._ask_metrics("metrics", queries, known, metrics.recent(self.quick), every, keep=True)

    async def _poll_instance_metrics(self, _: str, every: float) -> None:
        queries = metrics.instance_queries(self.picture.value("instances"))
        if queries:
            await self._ask_metrics("instance_metrics", queries, {}, metrics.recent(self.quick), every)

    def _known(self, arn: str) -> Mapping[str, MetricSeries]:
        part = self.picture.keyed["metrics"].get(arn)
        return part.value if part else {}

    async def _ask_metrics(
        self,
        part: str,
        queries: list[Query],
        known: Mapping[str, Mapping[str, MetricSeries]],
        reach: timedelta,
        every: float,
        *,
        keep: bool = False,
    ) -> None:
        """One GetMetricData for all queries. keep: older points of a once focused task stay."""
        now, seconds = self.aws.now(), metrics.period(self.quick, reach)
        starts = [metrics.start_of(known.get(query.key, {}), now, reach, seconds) for query in queries]
        found = await self.aws.cloudwatch.series(
            queries, min(starts), metrics.floor(now, seconds) + timedelta(seconds=seconds), seconds
        )
        since = metrics.floor(now - (metrics.window(self.quick) if keep else reach), seconds)
        for key, fresh in found.items():
            value = metrics.merged(known.get(key, {}), fresh, since)
            self.picture.set_keyed(part, key, value, now, every)

    async def poll_one(self, kind: str, key: str) -> bool:
        """Ask for one task, instance, connection or stack; True when it has settled or is gone."""
        if kind == "task":
            tasks = await self.aws.dms.tasks(key)
            self._replace("tasks", [one for one in self.picture.value("tasks") if one.arn != key], tasks)
            return not tasks or tasks[0].settled
        if kind == "instance":
            instances = await self.aws.dms.instances(key)
            self._replace(
                "instances", [o for o in self.picture.value("instances") if o.arn != key], instances
            )
            return not instances or instances[0].settled
        if kind in {"connection", "endpoint"}:
            rows = await self.aws.dms.connections(key)
            self._replace(
                "connections",
                [one for one in self.picture.value("connections") if one.endpoint_arn != key],
                rows,
            )
            return all(row.status not in {"testing", "deleting"} for row in rows)
        if kind == "stack":
            await self._poll_stack(key, interval("stack", sandbox=self.quick))
            stack = next((one for one in self.picture.value("stacks") if one.name == key), None)
            return stack is None or stack.settled
        return True

    def _replace(self, name: str, others: list[Any], fresh: tuple[Any, ...]) -> None:
        """Put one resource's fresh answer among the others, in the place the service's order gives it."""
        before = self.picture.value(name)
        places = {_key(one): place for place, one in enumerate(before)}
        merged = sorted([*others, *fresh], key=lambda one: places.get(_key(one), len(places)))
        part = self.picture.flat[name]
        self.picture.set(name, tuple(merged), self.aws.now(), part.every)


def _key(record: Any) -> str:
    return str(getattr(record, "arn", "") or getattr(record, "key", ""))
