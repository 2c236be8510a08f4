"""What one run of a task shares: settings, endpoints, tables, counters, log. Made by the worker for load and apply."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from dmstui.mappings import TableMappings, TablePlan
from dmstui.sandbox.engines.base import Kind, SourceTable
from dmstui.sandbox.flow.errors import TroubleError
from dmstui.sandbox.flow.events import Events
from dmstui.sandbox.flow.metrics import Meter
from dmstui.sandbox.flow.rows import Shaper, without_lobs
from dmstui.sandbox.flow.settings import TaskSettings
from dmstui.sandbox.flow.source import Source
from dmstui.sandbox.flow.spec import TaskSpec
from dmstui.sandbox.flow.statistics import Name, State, Statistics, TableRecord
from dmstui.sandbox.writers.base import Rejection, Target

T = TypeVar("T")


@dataclass(slots=True)
class TaskTable:
    """One table of the task: what the source says of it, what the mappings make of it. `id` is its place in logs."""

    id: int
    source: SourceTable
    plan: TablePlan
    record: TableRecord

    @property
    def label(self) -> str:
        """How log lines name it."""
        return f"'{self.plan.source_schema}'.'{self.plan.source_table}' (Id = {self.id})"


@dataclass
class Run:
    """One run of one task."""

    spec: TaskSpec
    settings: TaskSettings
    mappings: TableMappings
    events: Events
    statistics: Statistics
    meter: Meter
    source: Source
    target: Target
    stop: asyncio.Event
    started: float = field(default_factory=time.time)
    tables: dict[Name, TaskTable] = field(default_factory=dict)
    position: str | None = None
    """Up to where changes are durable on the target."""
    marks: dict[str, Any] = field(default_factory=dict)
    pending: list[str] = field(default_factory=list)
    """Names of what an interrupted write may have left on the target."""
    extra: dict[str, Any] = field(default_factory=dict)
    checkpoints: bool = True
    table_errors: int = 0
    _pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(max_workers=12, thread_name_prefix="flow")
    )
    _reported: dict[tuple[str, str, str], int] = field(default_factory=dict)
    _last_checkpoint: float = 0.0

    def log(self, component: str, severity: str, message: str) -> None:
        """One line of the task log."""
        self.events.log(component, severity, message)

    async def blocking(self, call: Callable[..., T], *arguments: Any) -> T:
        """Make a blocking call in a thread; a cancelled wait still sees the call through to its end."""
        future = asyncio.get_running_loop().run_in_executor(self._pool, call, *arguments)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            raise

    def take(self, tables: Sequence[SourceTable], plans: Sequence[TablePlan]) -> None:
        """Make the task's tables of what the mappings selected; records of an earlier run are kept."""
        by_name = {(each.schema, each.name): each for each in tables}
        for plan in plans:
            self.include(by_name[plan.source_schema, plan.source_table], plan)

    def include(self, table: SourceTable, plan: TablePlan) -> TaskTable:
        """Take one table in, or its new definition."""
        name = table.schema, table.name
        known = self.tables.get(name)
        record = self.statistics.get(name) or self.statistics.add(TableRecord(*name))
        record.weight = max(1, table.rows)
        plan = without_lobs(plan, self.settings.lob_mode(plan.lob))
        if self.settings.target_schema:
            plan = replace(plan, target_schema=self.settings.target_schema)
        self.tables[name] = TaskTable(known.id if known else len(self.tables) + 1, table, plan, record)
        return self.tables[name]

    def shaper(self, table: TaskTable) -> Shaper:
        """A shaper of this table's rows; raises MappingRunError."""
        settings = self.spec.source.settings
        trim = str(settings.get("TrimSpaceInChar", True)).lower() not in {"false", "n", "0"}

        def truncated(column: str, count: int, kept: int) -> None:
            self.truncated(table, column, count, kept)

        return Shaper(table.plan, table.source, self.settings.lob_mode(table.plan.lob), truncated, trim)

    def truncated(self, table: TaskTable, column: str, count: int, kept: int) -> None:
        """LOB values were cut: a warning once a column and run, or the end of the task if the endpoint says so."""
        plan = table.plan
        key = plan.source_schema, plan.source_table, column
        first = key not in self._reported
        self._reported[key] = self._reported.get(key, 0) + count
        text = (
            f"The value of column '{column}' in table '{plan.source_schema}.{plan.source_table}' "
            f"was truncated to length {kept}"
        )
        if str(self.spec.source.settings.get("FailTasksOnLobTruncation", False)).lower() in {
            "true",
            "y",
            "1",
        }:
            raise TroubleError(
                Kind.FATAL, "LOB data truncation, FailTasksOnLobTruncation is set.", text, "source"
            )
        if first:
            self.log("TARGET_LOAD", "W", text)

    def cut_values(self, table: TaskTable) -> dict[str, int]:
        """How many values of each column were cut in this run."""
        plan = table.plan
        return {
            column: count
            for (schema, name, column), count in self._reported.items()
            if (schema, name) == (plan.source_schema, plan.source_table)
        }

    def rejected(self, table: TaskTable, rejections: Sequence[Rejection], component: str) -> None:
        """Rows the target cannot hold: left out, logged, or an error, as the error policies say (dms.md 4.6)."""
        errors = self.settings.errors
        record = table.record
        for each in rejections:
            policy = errors.data_truncation if each.truncation else errors.data
            record.full_load_error_rows += 1
            record.data_errors += 1
            text = (
                f"Value '{each.value}' of column '{each.column}' in table "
                f"'{table.plan.source_schema}.{table.plan.source_table}' {each.reason}; the record is not written"
            )
            if policy == "IGNORE_RECORD":
                continue
            if policy == "STOP_TASK":
                raise TroubleError(Kind.FATAL, "Data error, the task is stopped.", text, "target", 1022506)
            if policy == "SUSPEND_TABLE":
                raise TroubleError(Kind.TABLE, "Data error, the table is suspended.", text, "target", 1022506)
            if record.data_errors <= 20:
                self.log(component, "E", text)
            elif record.data_errors == 21:
                self.log(
                    component, "W", f"Further data errors of table {table.label} are counted, not logged"
                )
            limit = errors.data_escalation_count
            if limit and record.data_errors >= limit:
                kind = Kind.FATAL if errors.data_escalation == "STOP_TASK" else Kind.TABLE
                raise TroubleError(
                    kind, f"{limit} data errors in table {table.label}.", text, "target", 1022506
                )

    def suspend(self, table: TaskTable, wrong: TroubleError, component: str) -> None:
        """A table error: the table is suspended, or the task fails (TableErrorPolicy and its escalation)."""
        errors = self.settings.errors
        self.log(component, "E", f"{wrong.headline} {wrong.detail}".strip())
        self.table_errors += 1
        count = errors.table_escalation_count
        if errors.table == "STOP_TASK" or (
            count and self.table_errors >= count and errors.table_escalation == "STOP_TASK"
        ):
            self.statistics.state(table.record, State.ERROR)
            raise TroubleError(Kind.FATAL, wrong.headline, wrong.detail, wrong.side, wrong.code)
        self.log("TASK_MANAGER", "W", f"Table {table.label} was suspended due to an error")
        self.statistics.state(table.record, State.ERROR)

    def checkpoint(self, force: bool = True) -> None:
        """Tell the parent what a resume needs. Unforced ones come at most four times a second."""
        now = time.monotonic()
        if not self.checkpoints or (not force and now - self._last_checkpoint < 0.25):
            return
        self._last_checkpoint = now
        self.events.emit(
            "checkpoint",
            position=self.position,
            resume={
                "version": 1,
                "tables": [each.remembered() for each in self.statistics],
                "position": self.position,
                "marks": self.marks,
                "pending": self.pending,
                "extra": self.extra,
            },
        )

    async def unless_stopped(self, work: Awaitable[T]) -> T | None:
        """Await work, or cancel it as soon as a stop is asked for; None then."""
        task = asyncio.ensure_future(work)
        stop = asyncio.ensure_future(self.stop.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return None
        finally:
            stop.cancel()
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
