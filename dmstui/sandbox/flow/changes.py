"""Change processing: captures committed changes, keeps them until due, makes them durable. Called by the worker.

The order of a portion is what keeps changes from being lost or doubled: its names go into a checkpoint, then it is
written, then its position goes into a checkpoint, then the source is told that it may forget. Whatever is killed in
between, the next run removes what the named files hold and reads the same changes again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from dmstui.mappings import MappingRunError
from dmstui.sandbox.engines.base import Kind
from dmstui.sandbox.flow.capture import TableQueue
from dmstui.sandbox.flow.errors import TroubleError, trouble
from dmstui.sandbox.flow.fullload import load_tables
from dmstui.sandbox.flow.metrics import Latency
from dmstui.sandbox.flow.run import Run, TaskTable
from dmstui.sandbox.flow.source import Change, ChangeStream, Transaction
from dmstui.sandbox.flow.statistics import Name, State
from dmstui.sandbox.flow.until import StopPosition
from dmstui.sandbox.writers.base import Written

BATCH_WAIT = 0.5
"""Longest wait for changes in seconds, so that a stop or a due portion is seen in time."""

BREATH = 2000
IDLE_CONFIRM = 2.0
"""Seconds between two confirmations while all changes are of tables the task does not have."""


class ChangeProcessing:
    """Follows the source from the run's position. Used for cached changes first, then for good."""

    def __init__(self, run: Run, until: StopPosition | None = None) -> None:
        self.run = run
        self._until = until
        self._queues: dict[Name, TableQueue] = {}
        self._closed: list[TableQueue] = []
        """Queues of a structure their table has no longer; written before the others."""
        self._other: set[Name] = set()
        self._held: list[tuple[Transaction, Change]] = []
        self._reloads: dict[Name, asyncio.Task[None]] = {}
        self._requests: list[Name] = []
        self._number = 0
        self._read_to = 0
        self._confirmed = 0
        self._confirmed_at = 0.0
        self._bytes = 0
        self._oldest: float | None = None
        self._oldest_since = 0.0
        self._last_commit: float | None = None
        self._caught_up = False
        self._last_read = time.time()
        self._warned: set[tuple[str, str, str]] = set()
        self.progress: Callable[[], None] = lambda: None

    def latency(self) -> Latency:
        """Source: age of the newest captured event while there is more to read. Target: of the oldest not durable."""
        now = time.time()
        source = 0.0
        if now - self._last_read > 2.0:  # the source cannot be read
            source = now - self._last_read
        elif not self._caught_up and self._last_commit is not None:
            source = max(0.0, now - self._last_commit)
        waiting = now - self._oldest if self._oldest is not None else 0.0
        return Latency(source, max(source, waiting))

    def request_reload(self, names: list[Name]) -> None:
        """Ask for tables to be loaded again while changes go on."""
        self._requests += names

    def abandon(self) -> None:
        """Forget what is not durable: it will be read again. Counters go back to what is durable."""
        self._queues.clear()
        self._closed.clear()
        self._held.clear()
        self._bytes, self._oldest = 0, None
        for task in self._reloads.values():
            task.cancel()
        self._reloads.clear()
        for record in self.run.statistics:
            record.revert()
        self._waiting()

    async def follow(self, stream: ChangeStream, end: int | None = None) -> str | None:
        """Process changes until a stop is asked for (answer NORMAL), the stop position is reached (its reason), or
        everything up to `end` is on the target (None)."""
        run = self.run
        target = run.target
        reason: str | None = None
        while True:
            await self._reload(stream)
            stopping = run.stop.is_set()
            until = self._until
            if until is not None and until.server and reason is None and time.time() >= until.at:
                # what was committed until now is still applied
                end, reason = await run.source.end(), until.reason
            due = self._due()
            idle = self._oldest is None and self._read_to > self._confirmed
            if due or stopping or (idle and time.monotonic() - self._confirmed_at > IDLE_CONFIRM):
                await self._flush(stream)
            if stopping:
                await self._end_reloads()
                return "NORMAL"
            wait = BATCH_WAIT
            if self._oldest is not None:
                wait = min(wait, max(0.01, self._oldest_since + target.change_interval - time.monotonic()))
            transactions = await stream.next(wait)
            self._last_read = time.time()
            self._caught_up = not transactions
            self.progress()
            for transaction in transactions:
                if until is not None and not until.server and transaction.committed > until.at:
                    await self._flush(stream)
                    return until.reason
                await self._take(transaction)
            self._waiting()
            self._beat(stream)
            if end is not None and max(self._read_to, stream.reached()) >= end and not self._reloads:
                await self._flush(stream)
                return reason

    def _beat(self, stream: ChangeStream) -> None:
        """With HeartbeatEnable an idle source is told every HeartbeatFrequency minutes that it may forget its log."""
        settings = self.run.spec.source.settings
        if str(settings.get("HeartbeatEnable", False)).lower() not in {"true", "y", "1"}:
            return
        pause = float(settings.get("HeartbeatFrequency") or 5) * 60
        if self._oldest is None and not self._held and time.monotonic() - self._confirmed_at > pause:
            self._read_to = max(self._read_to, stream.reached())

    def _all(self) -> list[TableQueue]:
        return [*self._closed, *self._queues.values()]

    def _due(self) -> bool:
        if self._oldest is None:
            return False
        late = time.monotonic() - self._oldest_since >= self.run.target.change_interval
        large = self._bytes >= min(self.run.target.change_bytes, self.run.settings.memory_limit)
        return late or large

    def _waiting(self) -> None:
        self.run.meter.waiting.memory_target = sum(map(len, self._all())) + len(self._held)

    # capture

    async def _take(self, transaction: Transaction) -> None:
        self._read_to = max(self._read_to, transaction.position)
        self._last_commit = transaction.committed
        counters = self.run.meter.counters
        counters.cdc_bytes_source += transaction.bytes
        for place, change in enumerate(transaction.changes):
            if place % BREATH == 0:  # a large transaction must not keep commands and metrics waiting
                await asyncio.sleep(0)
            table = await self._table(change)
            if table is None:
                continue
            if table.record.state is State.RELOADING:
                self._held.append((transaction, change))
                continue
            self._capture(table, transaction, change)
        if self._oldest is None and any(len(each) or each.truncate for each in self._all()):
            self._oldest, self._oldest_since = transaction.committed, time.monotonic()

    async def _table(self, change: Change) -> TaskTable | None:
        """The task's table a change is of, None where there is none or it is suspended."""
        name = change.schema, change.table
        if name in self._other:
            return None
        table = self.run.tables.get(name)
        if table is None:
            table = await self._discover(name)
            if table is None:
                return None
        if table.record.state in {State.ERROR, State.MISSING, State.CANCELLED}:
            return None
        columns = change.columns
        if columns and self.run.settings.handle_alter and columns != _columns(table):
            table = await self._altered(name, table, columns)
        return table

    async def _discover(self, name: Name) -> TaskTable | None:
        """A table made after the task began: part of it where the selection rules take it."""
        run = self.run
        tables = [each for each in await run.source.describe() if (each.schema, each.name) == name]
        plans = run.mappings.plan(tables)
        if not plans:
            self._other.add(name)
            return None
        table = run.include(tables[0], plans[0])
        run.log(
            "METADATA_MANAGER", "I", f"Table {table.label} was created at the source and is now replicated"
        )
        table.record.ddls += 1
        run.statistics.state(table.record, State.COMPLETED)
        return table

    async def _altered(self, name: Name, table: TaskTable, columns: tuple[str, ...]) -> TaskTable:
        """The source's columns changed: rows from here on have the new structure, files before keep theirs."""
        run = self.run
        tables = [each for each in await run.source.describe() if (each.schema, each.name) == name]
        plans = run.mappings.plan(tables)
        if not plans or _columns_of(tables[0].columns) == _columns(table):
            return table  # dropped since, or a change from before the load
        queue = self._queues.pop(name, None)
        if queue is not None:
            self._closed.append(queue)
        table = run.include(tables[0], plans[0])
        table.record.ddls += 1
        table.record.applied_ddls += 1
        run.log(
            "METADATA_MANAGER", "I", f"Structure of table {table.label} changed to ({', '.join(columns)})"
        )
        return table

    def _capture(self, table: TaskTable, transaction: Transaction, change: Change) -> None:
        run, name = self.run, (change.schema, change.table)
        moment = table.record.moment
        if moment is not None and not run.source.unseen(moment, transaction.id):
            return  # the load has it
        queue = self._queues.get(name)
        if queue is None:
            try:
                queue = self._queues[name] = TableQueue(table, run.shaper(table))
            except MappingRunError as wrong:
                run.suspend(table, trouble(wrong), "TARGET_APPLY")
                return
        if change.operation == "T":
            self._truncated(table, queue)
            return
        row = self._row(table, change)
        try:
            accepted = table.plan.accepts(row)
        except ValueError as wrong:
            run.suspend(
                table,
                TroubleError(Kind.TABLE, f"Filter of table {table.label}.", str(wrong)),
                "SOURCE_CAPTURE",
            )
            return
        if not accepted:
            return
        self._number += 1
        queue.add(change, row, transaction, self._number)
        table.record.count(change.operation)
        run.meter.counters.cdc_rows_source += 1
        self._bytes += 32 + sum(len(value) for value in row.values() if value is not None)

    def _truncated(self, table: TaskTable, queue: TableQueue) -> None:
        if not self.run.settings.handle_truncate:
            self.run.log(
                "SOURCE_CAPTURE",
                "W",
                f"TRUNCATE of table {table.label} was ignored, as the task settings say",
            )
            return
        self.run.log("SOURCE_CAPTURE", "I", f"Table {table.label} was truncated at the source")
        table.record.count("T")
        for each in self._closed:
            if each.table.record is table.record:
                each.empty()
        queue.empty()

    def _row(self, table: TaskTable, change: Change) -> Mapping[str, str | None]:
        if change.operation == "D":
            return change.old
        if not change.unchanged:
            return change.new
        row = dict(change.new)
        for column in change.unchanged:
            if column in change.old:
                row[column] = change.old[column]
                continue
            row[column] = None
            key = change.schema, change.table, column
            if key not in self._warned:
                self._warned.add(key)
                self.run.log(
                    "SOURCE_CAPTURE",
                    "W",
                    f"Column '{column}' of table {table.label} is stored out of line and was not changed by an "
                    "UPDATE: the log does not hold its value, and the target gets NULL. With REPLICA IDENTITY FULL "
                    "the log holds it",
                )
        return row

    # apply

    async def _flush(self, stream: ChangeStream) -> None:
        run = self.run
        position = self._read_to
        if position <= self._confirmed:
            return
        queues = [queue for queue in self._all() if len(queue) or queue.truncate]
        if not queues:  # nothing of ours: the source may forget it, no file is owed
            run.position = run.source.spelled(position)
            run.checkpoint(force=False)
            await self._confirm(stream, position)
            return
        changes, kept = [], []
        for queue in queues:
            try:
                shaped = await run.blocking(queue.shaped)
            except MappingRunError as wrong:
                run.suspend(queue.table, trouble(wrong), "TARGET_APPLY")
                continue
            changes.append(shaped)
            kept.append(queue)
        portion = run.target.portion(changes, run.marks)
        run.pending = portion.keys
        run.checkpoint()
        for queue in kept:
            if queue.truncate:
                await run.blocking(run.target.truncate, queue.table.plan)
                queue.table.record.count("T", applied=True)
        written = await run.blocking(portion.write)
        total = 0
        for queue, each in zip(kept, written, strict=True):
            self._rejected(queue.table, each)
            for operation, rows in queue.counts().items():
                queue.table.record.count(operation, rows, applied=True)
                total += rows
            run.meter.counters.cdc_bytes_target += each.bytes
        run.meter.counters.cdc_rows_target += total
        run.marks, run.pending = portion.marks, []
        run.position = run.source.spelled(position)
        for record in run.statistics:
            record.settle()
        self._queues.clear()
        self._closed.clear()
        self._bytes, self._oldest = 0, None
        self._waiting()
        run.checkpoint()
        run.log(
            "TARGET_APPLY",
            "I",
            f"{total} changes of {len(kept)} tables were written to {len(portion.keys)} files up to position "
            f"{run.position}",
        )
        await self._confirm(stream, position)

    async def _confirm(self, stream: ChangeStream, position: int) -> None:
        await stream.confirm(position)
        self._confirmed, self._confirmed_at = position, time.monotonic()

    def _rejected(self, table: TaskTable, written: Written) -> None:
        if not written.rejected:
            return
        try:
            self.run.rejected(table, written.rejected, "TARGET_APPLY")
        except TroubleError as wrong:
            if wrong.kind is not Kind.TABLE:
                raise
            self.run.suspend(table, wrong, "TARGET_APPLY")

    # reload

    async def _reload(self, stream: ChangeStream) -> None:
        run = self.run
        for name, task in list(self._reloads.items()):
            if task.done():
                del self._reloads[name]
                task.result()
        if self._held and not self._reloads:
            held, self._held = self._held, []
            for transaction, change in held:
                table = await self._table(change)
                if table is not None:
                    self._capture(table, transaction, change)
            if self._oldest is None and any(map(len, self._all())):
                self._oldest, self._oldest_since = held[0][0].committed, time.monotonic()
        if not self._requests or self._reloads:
            return
        await self._flush(stream)
        requests, self._requests = list(dict.fromkeys(self._requests)), []
        tables = [table for name in requests if (table := run.tables.get(name)) is not None]
        for table in tables:
            run.statistics.state(table.record, State.RELOADING)
            run.log("TASK_MANAGER", "I", f"Table {table.label} is being reloaded")
        run.checkpoint()

        async def load() -> None:
            moment = await run.source.moment()
            try:
                await load_tables(run, tables, moment)
            finally:
                await run.source.release()

        if tables:
            task = asyncio.create_task(load())
            self._reloads = {(t.source.schema, t.source.name): task for t in tables}

    async def _end_reloads(self) -> None:
        tasks = set(self._reloads.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _columns(table: TaskTable) -> tuple[str, ...]:
    return _columns_of(table.source.columns)


def _columns_of(columns: object) -> tuple[str, ...]:
    return tuple(each.name for each in columns)  # type: ignore[attr-defined]
