"""The life of a running task: start its worker process, feed it, take what it reports, and end it or see it die.

The worker is `python -m dmstui.sandbox.flow`; it moves the rows. Operations of tasks.py and instances.py call here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

import dmstui
from dmstui.sandbox.dms import events, lines, roles, worker_spec
from dmstui.sandbox.dms.identifiers import suffix
from dmstui.sandbox.dms.reach import UnreachableError
from dmstui.sandbox.dms.room import Room
from dmstui.sandbox.dms.store import Instance, Task
from dmstui.sandbox.dms.worker_events import take

log = logging.getLogger(__name__)

STOP_SECONDS = 60.0
CLEANUP_SECONDS = 60.0
LINE_LIMIT = 64 * 1024 * 1024
RESUMED_WAIT = 90.0
FLAGS = {"start-replication": "fresh start", "reload-target": "reload target", "resume-processing": "resume"}
INTERRUPTED = "Replication instance was restarted while the full load was running."


class Run:
    """One run of one task."""

    def __init__(self, room: Room, task: Task, instance: Instance, start_type: str) -> None:
        self.room = room
        self.task = task
        self.instance = instance
        self.start_type = start_type
        self.process: asyncio.subprocess.Process | None = None
        self.ended: dict[str, Any] | None = None
        self._stopping = False
        self._interrupted = False
        self._finished = asyncio.Event()
        logging_on = bool(task.settings["Logging"].get("EnableLogging"))
        enabled = logging_on and roles.account_role(room.world, roles.LOGS_ROLE)
        self.log = lines.TaskLog(
            room.world.logs, task, lines.group_name(instance.identifier), enabled=enabled
        )
        if enabled:
            task.settings["Logging"]["CloudWatchLogGroup"] = lines.group_name(instance.identifier)
            task.settings["Logging"]["CloudWatchLogStream"] = lines.stream_name(task.arn)

    @property
    def pid(self) -> int | None:
        """The worker's process id while it lives."""
        return self.process.pid if self.process is not None and self.process.returncode is None else None

    def begin(self) -> None:
        self.room.runs[self.task.arn] = self
        self.room.spawn(self._life(), f"task {self.task.identifier}")

    def stop(self) -> None:
        """Ask the worker to stop; `stopped` follows when it has."""
        self._stopping = True
        self.command({"command": "stop"})
        if self.process is not None:
            self.room.spawn(self._insist(), f"stop {self.task.identifier}")

    def command(self, command: dict[str, Any]) -> None:
        if self.process is not None and self.process.stdin is not None and self.process.returncode is None:
            self.process.stdin.write((json.dumps(command) + "\n").encode())

    async def interrupt(self) -> None:
        """End the worker as the loss of its machine does."""
        self._interrupted = True
        self._kill()
        await self._finished.wait()

    async def _insist(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._finished.wait(), STOP_SECONDS)
            return
        log.warning("task %s did not stop within %.0f s: its worker is killed", self.task.arn, STOP_SECONDS)
        self._kill()

    def _kill(self) -> None:
        if self.pid is not None and self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()

    async def _life(self) -> None:
        try:
            await self.room.world.pace.wait("dms.task.start")
            if not self._stopping and not self._interrupted:
                spec = await worker_spec.document(self.room, self.task, self.instance, self.start_type)
                await self._work(spec)
            self._conclude()
        except UnreachableError as error:
            self._note("E", f"Endpoint initialization failed. {error}")
            self._fail(f"Endpoint initialization failed. {error}")
        except asyncio.CancelledError:
            # The sandbox ends: the record keeps saying `running`, and a restart takes the task up again.
            self._kill()
            raise
        except Exception as error:
            log.exception("task %s", self.task.arn)
            self._fail(f"Replication task failed {type(error).__name__}: {error}")
        finally:
            self.log.flush()
            if self.room.runs.get(self.task.arn) is self:
                del self.room.runs[self.task.arn]
            self._finished.set()
            self.room.changed()

    async def _work(self, spec: dict[str, Any]) -> None:
        """Start the worker and take its events until it has gone."""
        with _stderr(self.room, self.task) as errors:
            process = self.process = await _spawn(errors)
        self.log.thread = process.pid
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write((json.dumps(spec) + "\n").encode())
        if self._stopping:
            self.command({"command": "stop"})
            self.room.spawn(self._insist(), f"stop {self.task.identifier}")
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:
                log.error("task %s: the worker sent a line over %d bytes", self.task.arn, LINE_LIMIT)
                self._kill()
                break
            if not line:
                break
            if line.startswith(b"{"):
                take(self, json.loads(line))
        await process.wait()

    def _conclude(self) -> None:
        """What became of the task, from the worker's last word or its silence."""
        if self._interrupted:
            return
        if self.ended is None:
            if self._stopping:
                self._stop("NORMAL")
                return
            code = self.process.returncode if self.process is not None else None
            self._note("E", f"The task stopped abnormally (exit {code})")
            self._fail("The task stopped abnormally")
        elif self.ended.get("status") == "stopped":
            self._stop(str(self.ended.get("stop_reason") or "NORMAL"))
        else:
            self._fail(
                str(self.ended.get("message") or "Replication task failed"),
                str(self.ended.get("stop_reason") or "FATAL_ERROR"),
                str(self.ended.get("level") or "FATAL"),
            )

    def _stop(self, reason: str) -> None:
        task = self.task
        if reason in ("FULL_LOAD_ONLY_FINISHED", "STOPPED_AFTER_FULL_LOAD") and task.load_finished is None:
            task.load_finished = time.time()
        if reason == "FULL_LOAD_ONLY_FINISHED":
            task.percent = 100
        task.stop_reason = f"Stop Reason {reason}"
        task.failure = None
        _end(task, "stopped")
        events.tell(self.room, 79, task.identifier, f"Replication task has stopped. Stop Reason {reason}")

    def _fail(self, message: str, reason: str = "FATAL_ERROR", level: str = "FATAL") -> None:
        fail(self.room, self.task, message, reason, level)

    def _note(self, severity: str, message: str) -> None:
        self.log.write("TASK_MANAGER", severity, message, time.time())


def start(room: Room, task: Task, start_type: str) -> None:
    """Begin a run: `starting` now, `running` when the worker says so."""
    now = time.time()
    task.status = "starting"
    task.stop_reason = task.failure = None
    task.started, task.stopped, task.running_since = now, None, None
    task.shows_stats = True
    if start_type != "resume-processing" or not task.ran:
        task.fresh_start = now
        task.resume = task.checkpoint = task.phase = None
        task.load_started = task.load_finished = None
        task.percent = 100 if task.migration_type == "cdc" else 0
        task.loaded = task.loading = task.queued = task.errored = 0
        task.tables = {}
    task.ran = True
    task.last_start_type = start_type
    Run(room, task, room.store.instances[task.instance_arn], start_type).begin()
    room.changed()


def fail(room: Room, task: Task, message: str, reason: str = "FATAL_ERROR", level: str = "FATAL") -> None:
    """Both fields of a failed task hold one long text: Last Error … Stop Reason … Error Level …"""
    text = message if message.startswith("Last Error") else f"Last Error  {message}"
    if "Stop Reason " not in text:
        text = f"{text} Stop Reason {reason} Error Level {level}"
    task.stop_reason = task.failure = text
    _end(task, "failed")
    events.tell(room, 78, task.identifier, f"Replication task has failed. {text}")


def _end(task: Task, status: str) -> None:
    task.status = status
    task.stopped = time.time()
    task.loading = 0


async def interrupt(room: Room, instance: Instance) -> list[Task]:
    """The instance restarts: every worker on it dies. Answers the tasks that go on by themselves afterwards."""
    runs = [run for run in room.runs.values() if run.instance.arn == instance.arn]
    await asyncio.gather(*(run.interrupt() for run in runs))
    return [run.task for run in runs if _survives(room, run.task)]


def resume_interrupted(room: Room, tasks: list[Task]) -> None:
    """Take up the tasks an interruption left to go on."""
    for task in tasks:
        if task.arn in room.store.tasks and task.status in ("running", "starting"):
            start(room, task, "resume-processing")


def _survives(room: Room, task: Task) -> bool:
    """Change processing resumes by itself after its machine is back; a full load goes to error (AWS's words)."""
    if task.status == "stopping":
        task.stop_reason = "Stop Reason NORMAL"
        _end(task, "stopped")
        return False
    if task.migration_type == "cdc" or task.phase in ("change processing", "cached changes"):
        return True
    fail(room, task, INTERRUPTED, "RECOVERABLE_ERROR", "RECOVERABLE")
    return False


def recover(room: Room) -> None:
    """After a restart of the sandbox: tasks that ran meet what a host failure is to DMS."""
    going = [t for t in room.store.tasks.values() if t.status in ("starting", "running", "stopping")]
    survivors = [task for task in going if _survives(room, task)]
    if survivors:
        room.spawn(_resume_when_ready(room, survivors), "resume tasks")


async def _resume_when_ready(room: Room, tasks: list[Task]) -> None:
    """Wait for the sources' servers, which come up beside us, then resume; a worker without one says what is wrong."""
    await room.world.moto.ready()
    end = time.monotonic() + RESUMED_WAIT
    while time.monotonic() < end and not all(_source_stands(room, task) for task in tasks):  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    resume_interrupted(room, tasks)


def _source_stands(room: Room, task: Task) -> bool:
    from dmstui.sandbox.dms import reach

    endpoint = room.store.endpoints.get(task.source_arn)
    if endpoint is None or not hasattr(room.world, "engines"):
        return False
    try:
        found = reach.login(room, endpoint)
    except UnreachableError:
        return False
    return room.world.engines.by_address(found.server_name, found.port) is not None


async def clean_up(room: Room, task: Task) -> str | None:
    """Drop what the task made at its source; answers what went wrong, or None."""
    instance = room.store.instances.get(task.instance_arn)
    if instance is None or not _source_stands(room, task):
        return None
    try:
        spec = await worker_spec.document(room, task, instance, "resume-processing")
    except UnreachableError as error:
        return str(error)
    with _stderr(room, task) as errors:
        process = await _spawn(errors, "--cleanup")
    answer: dict[str, Any] = {}
    try:
        async with asyncio.timeout(CLEANUP_SECONDS):
            out, _ = await process.communicate((json.dumps(spec) + "\n").encode())
        for line in out.splitlines():
            if line.startswith(b"{"):
                said = json.loads(line)
                if said.get("event") == "ended":
                    answer = said
    except TimeoutError:
        return f"the clean-up did not end within {CLEANUP_SECONDS:.0f} s"
    finally:
        if process.returncode is None:
            process.kill()
    if not answer:
        return f"the clean-up ended with exit code {process.returncode}"
    return None if answer.get("status") == "stopped" else str(answer.get("message"))


def _stderr(room: Room, task: Task) -> Any:
    """Where the worker's own messages go: a file beside its swap, for whoever debugs the sandbox."""
    folder = room.world.work_dir / "tasks"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return (folder / f"{suffix(task.arn)}.err").open("ab")


async def _spawn(errors: Any, *arguments: str) -> asyncio.subprocess.Process:
    """A worker in a session of its own, with nothing of the user's AWS or proxy variables."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AWS_") and not name.lower().endswith("_proxy")
    }
    home = str(Path(dmstui.__file__).resolve().parent.parent)
    kept["PYTHONPATH"] = os.pathsep.join(part for part in (home, kept.get("PYTHONPATH", "")) if part)
    kept["AWS_EC2_METADATA_DISABLED"] = "true"
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "dmstui.sandbox.flow",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=errors,
        env=kept,
        limit=LINE_LIMIT,
        start_new_session=True,
    )
