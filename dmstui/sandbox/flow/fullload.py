"""Full load: reads the tables as of one moment, MaxFullLoadSubTasks at once, and writes them. Called by the worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pyarrow as pa

from dmstui.mappings import Headers
from dmstui.sandbox.engines.base import Kind
from dmstui.sandbox.flow.errors import TroubleError, trouble
from dmstui.sandbox.flow.rows import Shaper
from dmstui.sandbox.flow.run import Run, TaskTable
from dmstui.sandbox.flow.segments import Segment, segments
from dmstui.sandbox.flow.source import Moment
from dmstui.sandbox.flow.statistics import State
from dmstui.sandbox.writers.base import Written


@dataclass(slots=True)
class TableLoad:
    """A table under way, shared by its segments."""

    table: TaskTable
    segments: Sequence[Segment]
    left: int = 0
    begun: bool = False
    failed: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def parallel(self) -> bool:
        """Whether the table is loaded in more than one segment."""
        return len(self.segments) > 1


def stamp(at: float) -> str:
    """A time as DMS writes it into the timestamp column."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


async def load_tables(run: Run, tables: Sequence[TaskTable], moment: Moment) -> None:
    """Load these tables, in their order, as of the moment. Raises TroubleError for what ends or interrupts the load."""
    loads = []
    for table in tables:
        parts = segments(table.plan.parallel, run.source.quote)
        loads.append(TableLoad(table, parts, left=len(parts)))
    queue = [(load, segment) for load in loads for segment in load.segments]
    queue.reverse()
    run.meter.loading = True

    async def subtask(number: int) -> None:
        while queue:
            load, segment = queue.pop()
            if not load.failed:
                await _load_segment(run, load, segment, number, moment)

    count = min(run.settings.subtasks, len(queue))
    workers = [asyncio.create_task(subtask(number)) for number in range(1, count + 1)]
    try:
        if workers:
            await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        run.meter.loading = False


async def _load_segment(run: Run, load: TableLoad, segment: Segment, number: int, moment: Moment) -> None:
    table = load.table
    try:
        async with load.lock:
            if not load.begun:
                await _begin(run, load, moment)
                load.begun = True
        rows = await _copy(run, load, segment, number, moment)
    except Exception as wrong:
        found = trouble(wrong, f"Failed to load table {table.label}.")
        if found.kind is not Kind.TABLE:
            raise found from wrong
        if not load.failed:
            load.failed = True
            await run.blocking(run.target.undo, table.plan, table.record.base or {})
            table.record.base = None
            run.suspend(table, found, "SOURCE_UNLOAD" if found.side == "source" else "TARGET_LOAD")
            run.checkpoint()
        return
    run.log(
        "TARGET_LOAD",
        "I",
        f"Load finished for segment #{segment.number} of table {table.label} by subtask {number}. "
        f"{rows} records transferred.",
    )
    load.left -= 1
    if load.left == 0 and not load.failed:
        _complete(run, table)


async def _begin(run: Run, load: TableLoad, moment: Moment) -> None:
    table, record = load.table, load.table.record
    _check(table)
    reload = record.state is State.RELOADING
    if record.base is not None:  # half loaded by an earlier run
        await run.blocking(run.target.undo, table.plan, record.base)
    record.restart()
    record.full_load_start, record.full_load_end = time.time(), None
    record.reloaded = record.reloaded or reload
    record.moment = moment.seen
    if not reload:
        run.statistics.state(record, State.LOADING)
    run.log("TASK_MANAGER", "I", f"Start loading table {table.label} by subtask 1. Start load timestamp "
            f"{int(record.full_load_start * 1_000_000):016X}")  # fmt: skip
    mode = run.settings.prep_mode
    record.base = await run.blocking(run.target.prepare, table.plan, mode)
    run.log("METADATA_MANAGER", "I", f"Target table {table.label} was prepared ({mode})")
    run.checkpoint(force=len(run.tables) <= 200 or mode == "DO_NOTHING")


def _check(table: TaskTable) -> None:
    """What DMS refuses to load of a table."""
    for problem in table.plan.problems:
        raise TroubleError(
            Kind.TABLE, f"Table {table.label} cannot be loaded: {problem}.", "", "task", 1020401
        )
    arrays = [each.name for each in table.source.columns if each.native_type.endswith("[]")]
    if arrays and not table.source.primary_key and table.source.kind == "table":
        raise TroubleError(
            Kind.TABLE,
            f"Table {table.label} has the ARRAY column '{arrays[0]}' and no primary key: it is suspended.",
            "A table with an ARRAY data type must have a primary key.",
            "source",
        )


async def _copy(run: Run, load: TableLoad, segment: Segment, number: int, moment: Moment) -> int:
    """Move one segment; returns how many rows were written."""
    table, record = load.table, load.table.record
    shaper = run.shaper(table)
    conditions = [f"({text})" for text in (table.plan.where(run.source.quote), segment.where) if text]
    writer = run.target.load(
        table.plan, record.base or {}, (segment.number, segment.name) if load.parallel else None
    )
    sent = written = 0
    try:
        batches = run.source.read(table.source, shaper.needs, " AND ".join(conditions) or None, moment)
        async for batch, size in batches:
            sent += batch.num_rows
            run.meter.counters.load_rows_source += batch.num_rows
            run.meter.counters.load_bytes_source += size
            portion = await run.blocking(_write, run, shaper, writer, batch)
            _count(run, table, portion)
            written += portion.rows
        run.log(
            "SOURCE_UNLOAD",
            "I",
            f"Unload finished for segment #{segment.number} of table {table.label}. {sent} rows sent.",
        )
        _count(run, table, await run.blocking(writer.finish))
    except BaseException:
        writer.abort()
        raise
    return written


def _write(run: Run, shaper: Shaper, writer: object, batch: pa.Table) -> Written:
    """One batch from text to target; runs in a thread."""
    at = stamp(run.started if _task_start(run) else time.time())
    texts = {name: batch.column(name).chunk(0) for name in batch.column_names}
    rows = shaper.shape(texts, batch.num_rows, Headers(timestamp=at, commit_timestamp=at), times=at)
    result: Written = writer.write(rows)  # type: ignore[attr-defined]
    return result


def _task_start(run: Run) -> bool:
    value = run.spec.target.settings.get("UseTaskStartTimeForFullLoadTimestamp", False)
    return str(value).lower() in {"true", "y", "1"}


def _count(run: Run, table: TaskTable, written: Written) -> None:
    table.record.full_load_rows += written.rows
    run.meter.counters.load_rows_target += written.rows
    run.meter.counters.load_bytes_target += written.bytes
    if written.rejected:
        run.rejected(table, written.rejected, "TARGET_LOAD")


def _complete(run: Run, table: TaskTable) -> None:
    record = table.record
    record.base = None
    record.full_load_end = time.time()
    record.weight = max(1, record.full_load_rows)
    for column, count in run.cut_values(table).items():
        run.log(
            "TARGET_LOAD", "W", f"{count} values of column '{column}' of table {table.label} were truncated"
        )
    run.statistics.state(record, State.COMPLETED)
    run.log(
        "TASK_MANAGER",
        "I",
        f"Loading finished for table {table.label} by subtask 1. {record.full_load_rows} records transferred.",
    )
    run.checkpoint(force=len(run.tables) <= 200)
