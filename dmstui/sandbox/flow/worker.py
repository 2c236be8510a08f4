"""One run of a replication task from the first line on stdin to the `ended` event. Called by `python -m ...flow`."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from dmstui.mappings import MappingError, parse
from dmstui.sandbox.engines.base import Kind
from dmstui.sandbox.flow.changes import ChangeProcessing
from dmstui.sandbox.flow.endpoints import make_source, make_target
from dmstui.sandbox.flow.errors import NO_TABLES, Ending, TroubleError, failed, stopped, trouble
from dmstui.sandbox.flow.events import Events
from dmstui.sandbox.flow.fullload import load_tables
from dmstui.sandbox.flow.metrics import Meter
from dmstui.sandbox.flow.run import Run, TaskTable
from dmstui.sandbox.flow.settings import task_settings
from dmstui.sandbox.flow.spec import BOTH, CDC, FULL_LOAD, TaskSpec
from dmstui.sandbox.flow.statistics import Name, State, Statistics, recalled
from dmstui.sandbox.flow.until import StopPosition, stop_position

T = TypeVar("T")
KINDS = {FULL_LOAD: "full load", CDC: "CDC", BOTH: "full load and CDC"}
STARTS = {"start-replication": "fresh start", "reload-target": "fresh start", "resume-processing": "resume"}
PERFORMANCE_EVERY = 30.0


class Worker:
    """Runs the task once."""

    def __init__(self, spec: TaskSpec, events: Events) -> None:
        """Raises TroubleError for settings, mappings or engines that cannot be."""
        self.spec = spec
        self.events = events
        try:
            mappings = parse(spec.mappings)
            self.until: StopPosition | None = stop_position(spec.cdc_stop_position)
        except (MappingError, ValueError) as wrong:
            raise TroubleError(Kind.FATAL, str(wrong), code=0) from wrong
        self.run = Run(
            spec=spec,
            settings=task_settings(spec.settings),
            mappings=mappings,
            events=events,
            statistics=Statistics(events),
            meter=Meter(events),
            source=make_source(spec, events),
            target=make_target(spec, mappings.others),
            stop=asyncio.Event(),
        )
        self._processing: ChangeProcessing | None = None
        self._reloads: list[Name] = []
        self._ticking: asyncio.Task[None] | None = None
        self._running = False

    # commands

    def command(self, command: Mapping[str, Any]) -> None:
        """Take one command."""
        match command.get("command"):
            case "stop":
                self.run.stop.set()
            case "reload-tables":
                names = [(each["schema"], each["table"]) for each in command.get("tables", ())]
                if command.get("option") == "validate-only":
                    self.run.log("TASK_MANAGER", "W", "Validation is not enabled for this task")
                elif self._processing is not None:
                    self._processing.request_reload(names)
                else:
                    self._reloads += names
            case other:
                self.run.log("TASK_MANAGER", "W", f"Unknown command '{other}'")

    # the run

    async def work(self) -> Ending:
        """Run the task to its end; never raises."""
        run, spec = self.run, self.spec
        self.events.log(
            "TASK_MANAGER",
            "I",
            f"Task '{spec.suffix}' running {KINDS.get(spec.migration_type, spec.migration_type)} in "
            f"{STARTS.get(spec.start_type, spec.start_type)} mode",
        )
        self._ticking = asyncio.create_task(self._tick())
        try:
            ending = await self._work()
        except Exception as wrong:
            found = trouble(wrong)
            run.log("TASK_MANAGER", "E", f"{found.headline} {found.detail}".strip())
            run.log(
                "TASK_MANAGER",
                "E",
                f"Task - {spec.suffix} is in ERROR state, updating starting status to AR_NOT_APPLICABLE",
            )
            ending = failed(found)
        self._ticking.cancel()
        await asyncio.gather(self._ticking, return_exceptions=True)
        with contextlib.suppress(Exception):
            await asyncio.wait_for(run.source.close(), 3)
        run.statistics.tell(everything=True)
        if self._running:  # a run shorter than a period has its point too
            run.meter.report()
        if ending.status == "stopped":
            run.log("TASK_MANAGER", "I", f"Task management thread terminated, stop reason {ending.reason}")
        return ending

    async def _work(self) -> Ending:
        run, spec = self.run, self.spec
        ready = await run.unless_stopped(self._initialise())
        if ready is None:
            return stopped("NORMAL")
        self.events.emit("running")
        self._running = True
        if spec.loads:
            ending = await self._full_load()
            if ending is not None:
                return ending
        return await self._change_processing()

    async def _initialise(self) -> bool:
        run, spec = self.run, self.spec
        try:
            await run.source.open()
        except Exception as wrong:
            raise self._unreachable(wrong, "source", spec.source.endpoint_name) from wrong
        try:
            await run.blocking(run.target.open)
        except Exception as wrong:
            raise self._unreachable(wrong, "target", spec.target.endpoint_name) from wrong
        self._warn()
        tables = await run.source.describe()
        plans = run.mappings.plan(tables)
        resume = spec.resume if spec.resumes else None
        if resume:
            for document in resume.get("tables", ()):
                run.statistics.add(recalled(document))
            run.position = resume.get("position")
            run.marks = dict(resume.get("marks", {}))
            run.extra = dict(resume.get("extra", {}))
            await run.blocking(run.target.forget, resume.get("pending", ()))
        run.take(tables, plans)
        for record in run.statistics:
            if record.name not in run.tables:
                run.statistics.state(record, State.MISSING)
            elif record.state is State.MISSING:
                record.state = State.WAITING
        if not plans:
            if run.settings.errors.fail_on_no_tables:
                raise TroubleError(Kind.FATAL, NO_TABLES, code=0)
            run.log("TASK_MANAGER", "W", NO_TABLES)
        for table in run.tables.values():
            run.log("TABLES_MANAGER", "I", f"Table {table.label} is part of the task as "
                    f"'{table.plan.target_schema}'.'{table.plan.target_table}'")  # fmt: skip
            if not spec.loads and table.record.state is State.WAITING:
                table.record.state = State.COMPLETED
        if spec.captures:
            followed = run.position if resume else None
            run.position = await run.source.prepare_changes(
                followed or spec.cdc_start_position, resume=followed is not None
            )
        run.statistics.tell(everything=True)
        run.checkpoint()
        return True

    def _unreachable(self, wrong: BaseException, side: str, name: str) -> TroubleError:
        found = trouble(wrong)
        headline = found.headline
        if side == "source":
            headline = "Endpoint initialization failed. Failed to connect to the source database."
        self.run.log(
            "SOURCE_CAPTURE" if side == "source" and not self.spec.loads else
            "SOURCE_UNLOAD" if side == "source" else "TARGET_LOAD",
            "E",
            f"Endpoint '{name}': {found.detail or found.headline}",
        )  # fmt: skip
        # before a task runs there is nothing to go on with: no second try
        return TroubleError(Kind.FATAL, headline, found.detail, side, found.code)

    def _warn(self) -> None:
        """What the settings ask for that this target does not do."""
        run, settings = self.run, self.run.settings
        if settings.full_lob:
            run.log(
                "TARGET_LOAD",
                "W",
                "Full LOB mode is not supported by the target endpoint; limited size LOB mode is used, "
                f"LobMaxSize {settings.lob_max_size} KB",
            )
        if settings.batch_apply:
            run.log("TARGET_APPLY", "W", "BatchApplyEnabled is not supported by an S3 target and is ignored")
        if settings.validation:
            run.log("VALIDATOR", "W", "Data validation of an S3 target is not done by the sandbox")

    # full load

    async def _full_load(self) -> Ending | None:
        """Load what is not loaded; None = go on with changes."""
        run = self.run
        began = False
        while True:
            for name in self._requested():
                run.statistics.state(run.tables[name].record, State.RELOADING)
            left = [t for t in run.tables.values() if t.record.state not in {State.COMPLETED, State.ERROR}]
            if not left:
                break
            if not began:
                began = True
                self.events.emit("phase", phase="full load")
            done = await self._persist(lambda left=left: self._load(left))  # type: ignore[misc]
            if done is None:
                run.checkpoint()
                return stopped("NORMAL")
        run.statistics.tell(everything=True)
        run.checkpoint()
        errors = sum(each.state is State.ERROR for each in run.statistics)
        if not self.spec.captures:
            run.log("TASK_MANAGER", "I", f"All tables are loaded ({errors} in error)")
            return stopped("FULL_LOAD_ONLY_FINISHED")
        run.log("TASK_MANAGER", "I", "All tables are loaded. Starting CDC")
        if run.settings.stop_not_applied and not run.extra.get("after_load"):
            run.extra["after_load"] = True
            run.checkpoint()
            return stopped("STOPPED_AFTER_FULL_LOAD")
        return None

    def _requested(self) -> list[Name]:
        requested, self._reloads = self._reloads, []
        return [name for name in dict.fromkeys(requested) if name in self.run.tables]

    async def _load(self, tables: list[TaskTable]) -> bool:
        moment = await self.run.source.moment()
        try:
            await load_tables(self.run, tables, moment)
        finally:
            with contextlib.suppress(Exception):
                await self.run.source.release()
        return True

    # changes

    async def _change_processing(self) -> Ending:
        run = self.run
        processing = self._processing = ChangeProcessing(run, self.until)
        processing.request_reload(self._requested())
        run.meter.latency = processing.latency
        cached = self.spec.loads and not run.extra.get("cached_applied")
        if cached:
            self.events.emit("phase", phase="cached changes")
            end = await self._persist(run.source.end)
            ending = "NORMAL" if end is None else await self._follow(processing, end)
            if ending is not None:
                return stopped(ending)
            run.extra["cached_applied"] = True
            run.checkpoint()
            run.log("TASK_MANAGER", "I", "Cached changes are applied")
            if run.settings.stop_applied:
                return stopped("STOPPED_AFTER_CACHED_EVENTS")
        self.events.emit("phase", phase="change processing")
        return stopped(await self._follow(processing, None) or "NORMAL")

    async def _follow(self, processing: ChangeProcessing, end: int | None) -> str | None:
        run = self.run

        async def follow() -> tuple[str | None]:
            if run.pending:
                await run.blocking(run.target.forget, run.pending)
                run.pending = []
            stream = await run.source.changes(run.position or "")
            run.log("SOURCE_CAPTURE", "I", f"Reading changes from position {run.position}")
            try:
                return (await processing.follow(stream, end),)
            finally:
                with contextlib.suppress(Exception):
                    await stream.close()

        # a stop lets `follow` write what it has, so it is not cancelled
        answer = await self._persist(follow, processing.abandon, cancel=False)
        return "NORMAL" if answer is None else answer[0]

    # errors, time

    async def _persist(
        self,
        work: Callable[[], Awaitable[T]],
        abandon: Callable[[], None] = lambda: None,
        cancel: bool = True,
    ) -> T | None:
        """Do work, again after recoverable errors as the task settings say; None if a stop came before its end."""
        run = self.run
        attempt = 0
        while True:
            before = run.meter.passed()
            try:
                return await run.unless_stopped(work()) if cancel else await work()
            except Exception as wrong:
                found = trouble(wrong)
                abandon()
                if found.kind is not Kind.RECOVERABLE:
                    raise
                attempt = 1 if run.meter.passed() != before else attempt + 1
                phase = (
                    ("UNLOAD", "LOAD")
                    if run.meter.loading or self._processing is None
                    else ("CAPTURE", "APPLY")
                )
                run.log(
                    f"SOURCE_{phase[0]}" if found.side == "source" else f"TARGET_{phase[1]}",
                    "E",
                    f"{found.headline} {found.detail}".strip(),
                )
                wait = run.settings.errors.waits(attempt)
                if wait is None:
                    raise
                run.log("TASK_MANAGER", "W", f"Task encountered a recoverable error. Trying again in {wait:g} "
                        f"seconds (attempt {attempt})")  # fmt: skip
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(run.stop.wait(), wait)
                if run.stop.is_set():
                    return None

    async def _tick(self) -> None:
        """Statistics twice a second and more, metrics every period, the PERFORMANCE line every half minute."""
        run = self.run
        metric_at = time.monotonic() + self.spec.metric_period
        performance_at = time.monotonic() + PERFORMANCE_EVERY
        while True:
            await asyncio.sleep(min(0.25, self.spec.metric_period))
            run.statistics.tell()
            now = time.monotonic()
            if now >= metric_at:
                metric_at += self.spec.metric_period
                run.meter.report()
            latency = run.meter.latency()
            if now >= performance_at and latency is not None:
                performance_at = now + PERFORMANCE_EVERY
                run.log(
                    "PERFORMANCE",
                    "I",
                    f"Source latency {latency.source:.2f} seconds, Target latency {latency.target:.2f} seconds, "
                    f"Handling latency {latency.handling:.2f} seconds",
                )
