"""The monitor: a thread with its own loop that polls AWS part by part and posts a Snapshot when something came in.

The console starts one and calls its methods from its own thread; `dmstui record` too. Operations run in its loop
through `submit`, on the same connection.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from dmstui.aws import Connection, ConnectionOptions
from dmstui.model import AwsError, Snapshot
from dmstui.monitor import metrics
from dmstui.monitor.parts import Parts
from dmstui.monitor.picture import Picture
from dmstui.monitor.record import Replay
from dmstui.monitor.schedule import DMS_PARTS, Slowness, interval

T = TypeVar("T")
log = logging.getLogger(__name__)

_COALESCE = 0.04  # seconds: answers that come together are posted together
_DENIED_PAUSE = 300.0
_FLAT = ("tasks", "instances", "connections", "endpoints", "events", "stacks")


class Monitor:
    """Polls what is watched. All methods may be called from any thread and return at once."""

    def __init__(
        self, options: ConnectionOptions, *, connect: Callable[[ConnectionOptions], Connection] = Connection
    ) -> None:
        self.options = options
        self._connect = connect
        self._post: Callable[[Snapshot], None] = lambda snapshot: None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ready: asyncio.Event | None = None
        self._aws: Connection | None = None
        self._failed: AwsError | None = None
        self._picture = Picture()
        self._parts: Parts | None = None
        self._slowness = Slowness()
        self._paused = False
        self._account = ""
        self._posting: asyncio.TimerHandle | None = None
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self._wake: dict[str, asyncio.Event] = {}
        self._asked: list[tuple[float, int]] = []
        self._closing = False
        self._replay: Replay | None = None

    # From any thread

    def start(self, post: Callable[[Snapshot], None]) -> None:
        """Begin; `post` is called with each Snapshot, in the monitor's thread."""
        if self._thread is not None:
            raise RuntimeError("the monitor runs already")
        self._post = post
        if self.options.recording is not None:
            self._replay = Replay(Path(self.options.recording), speed=self.options.recording_speed)
            self._replay.start(post)
            return
        self._loop = asyncio.new_event_loop()
        self._ready = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)
        self._thread.start()

    def stop(self, wait: float = 3.0) -> None:
        """End the thread; waits at most `wait` seconds for it."""
        self._closing = True
        if self._replay is not None:
            self._replay.stop(wait)
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        if thread.is_alive():
            loop.call_soon_threadsafe(self._cancel_all)
            if thread is not threading.current_thread():
                thread.join(wait)

    def focus(self, task_arn: str | None, reach: timedelta | None = None) -> None:
        """Poll all chart metrics of this task each period; `reach` is how far back they go."""
        self._soon(lambda parts: parts.set_focus(task_arn, reach), "focus-metrics")

    def open_task(self, arn: str) -> None:
        """Poll tables, settings, mappings and log of this task."""
        self._soon(lambda parts: parts.open_task(arn))
        self._begin(f"tables:{arn}", lambda: self._cycle(f"tables:{arn}"))
        self._begin(f"settings:{arn}", lambda: self._cycle(f"settings:{arn}"))
        self._begin(f"logs:{arn}", lambda: self._cycle(f"logs:{arn}"))

    def close_task(self, arn: str) -> None:
        """Poll them no more; what is known stays."""
        for name in ("tables", "settings", "logs"):
            self._end(f"{name}:{arn}")

    def watch_stack(self, name: str | None) -> None:
        """Poll events and resources of this stack quickly; None ends it."""

        def change(parts: Parts) -> None:
            before, parts.stack = parts.stack, name
            if before and before != name:
                self._end_here(f"stack:{before}")
            if name:
                self._begin_here(f"stack:{name}", lambda: self._cycle(f"stack:{name}"))

        self._soon(change)

    def nudge(self, kind: str, key: str) -> None:
        """Poll one task, instance, connection (endpoint ARN) or stack (name) quickly until it settles."""
        self._begin(f"nudge:{kind}:{key}", lambda: self._hurry(kind, key), restart=True)

    def refresh(self) -> None:
        """Ask for everything now."""
        self._soon(lambda parts: self._wake_all())

    def pause(self, paused: bool) -> None:
        """Poll nothing until told otherwise; operations still run."""
        if self._replay is not None:
            self._replay.pause(paused)

        def change(parts: Parts) -> None:
            self._paused = paused
            if not paused:
                self._wake_all()
            self._publish()

        self._soon(change)

    def submit(self, work: Callable[[Connection], Coroutine[Any, Any, T]]) -> Future[T]:
        """Run a coroutine function with the connection in the monitor's loop."""
        if self._replay is not None:
            refused: Future[T] = Future()
            refused.set_exception(AwsError("ReadOnly", "a recording can be looked at, not changed"))
            return refused
        if self._loop is None:
            raise RuntimeError("the monitor has not started")
        return asyncio.run_coroutine_threadsafe(self._work(work), self._loop)

    # In the monitor's thread

    async def _work(self, work: Callable[[Connection], Coroutine[Any, Any, T]]) -> T:
        assert self._ready is not None
        await self._ready.wait()
        if self._failed is not None or self._aws is None:
            raise self._failed or AwsError("NoConnection", "there is no connection")
        return await work(self._aws)

    def _run(self) -> None:
        loop = self._loop
        assert loop is not None
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(self._main())
        except asyncio.CancelledError:
            pass
        finally:
            left = asyncio.all_tasks(loop)
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    async def _main(self) -> None:
        assert self._ready is not None
        self._jobs["main"] = asyncio.current_task()  # type: ignore[assignment]
        aws = self._connect(self.options)
        try:
            if not await self._open(aws):
                await asyncio.Event().wait()
            for name in _FLAT:
                self._begin_here(name, lambda name=name: self._cycle(name))  # type: ignore[misc]
            for name in ("focus-metrics", "metrics", "instance-metrics"):
                self._begin_here(name, lambda name=name: self._cycle(name))  # type: ignore[misc]
            self._begin_here("account", self._who)
            await asyncio.Event().wait()  # until cancelled
        finally:
            others = [job for name, job in self._jobs.items() if name != "main"]
            for job in others:
                job.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await aws.close()

    async def _open(self, aws: Connection) -> bool:
        """Import AWS's modules and make the first clients with as little harm to the other thread as can be."""
        assert self._ready is not None
        collecting, switch = gc.isenabled(), sys.getswitchinterval()
        gc.disable()
        sys.setswitchinterval(0.001)
        try:
            await aws.__aenter__()
            self._aws = aws
            self._parts = Parts(aws, self._picture)
            await aws.client("dms")
        except AwsError as error:
            self._failed = error
            for name in _FLAT:
                self._picture.fail(name, error, 0.0)
            self._publish()
            self._ready.set()
            return False
        finally:
            sys.setswitchinterval(switch)
            if collecting:
                gc.enable()
        self._ready.set()
        return True

    async def _who(self) -> None:
        assert self._aws is not None
        try:
            self._account = (await self._aws.sts.identity()).account
        except AwsError as error:
            log.info("the caller's identity is not known: %s", error)
        self._publish()

    def _cancel_all(self) -> None:
        for job in list(self._jobs.values()):
            job.cancel()

    def _wake_all(self) -> None:
        for event in self._wake.values():
            event.set()

    def _soon(self, change: Callable[[Parts], object], *wake: str) -> None:
        """Apply a change in the loop once the connection stands, then wake the named cycles."""
        if self._loop is None or self._closing:
            return

        async def apply() -> None:
            assert self._ready is not None
            await self._ready.wait()
            if self._parts is None:
                return
            change(self._parts)
            for name in wake:
                if name in self._wake:
                    self._wake[name].set()

        asyncio.run_coroutine_threadsafe(apply(), self._loop)

    def _begin(self, name: str, job: Callable[[], Coroutine[Any, Any, None]], restart: bool = False) -> None:
        self._soon(lambda parts: self._begin_here(name, job, restart))

    def _begin_here(
        self, name: str, job: Callable[[], Coroutine[Any, Any, None]], restart: bool = False
    ) -> None:
        running = self._jobs.get(name)
        if running is not None and not running.done():
            if not restart:
                return
            running.cancel()
        self._jobs[name] = asyncio.ensure_future(self._guarded(name, job))

    async def _guarded(self, name: str, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await job()
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("the monitor's %s ended", name)

    def _end(self, name: str) -> None:
        self._soon(lambda parts: self._end_here(name))

    def _end_here(self, name: str) -> None:
        job = self._jobs.pop(name, None)
        if job is not None:
            job.cancel()

    async def _cycle(self, name: str) -> None:
        """Poll one part for ever: its own pace, slower after throttles, at once when woken."""
        assert self._parts is not None and self._aws is not None
        parts, part = self._parts, name.split(":", 1)[0]
        wake = self._wake.setdefault(name, asyncio.Event())
        try:
            while True:
                wake.clear()
                rest = 3600.0
                if not self._paused:
                    rest = await self._poll(parts, name, part)
                    self._publish()
                try:
                    await asyncio.wait_for(wake.wait(), rest)
                except TimeoutError:
                    continue
        finally:
            self._wake.pop(name, None)

    async def _poll(self, parts: Parts, name: str, part: str) -> float:
        """One poll; seconds until the next."""
        aws = parts.aws
        now = time.monotonic()
        every = parts.interval(name, self._slowness.factor, self.options.refresh)
        asked = aws.ledger.metrics_asked
        try:
            await parts.poll(name, every)
        except AwsError as error:
            parts.failed(name, error, every)
            if error.denied:
                every = max(every, _DENIED_PAUSE)
            elif error.code in {"NoCredentials", "Expired", "Unreachable"}:
                every = max(every, 5.0)
        if aws.ledger.metrics_asked > asked and not aws.sandbox:
            self._asked.append((now, aws.ledger.metrics_asked - asked))
        if part in DMS_PARTS and self._slowness.seen(aws.ledger.throttles["dms"], now):
            log.info("DMS is asked %d times less often", self._slowness.factor)
        # What the answer taught (pages, sandbox or not) already counts for the next wait.
        return max(
            every if parts.error_of(name) else 0.0,
            parts.interval(name, self._slowness.factor, self.options.refresh),
        )

    async def _hurry(self, kind: str, key: str) -> None:
        assert self._parts is not None
        deadline = time.monotonic() + 900
        seen = 0
        while time.monotonic() < deadline:
            every = interval("nudge", sandbox=self._parts.quick, slowness=self._slowness.factor)
            try:
                settled = await self._parts.poll_one(kind, key)
            except AwsError as error:
                if not error.throttled and error.code != "Unreachable":
                    return
                settled, every = False, max(every, 10.0)
            self._publish()
            seen += 1
            # The first answers may still show the state before the deed.
            if settled and seen >= 3:
                return
            await asyncio.sleep(every)

    def _publish(self) -> None:
        """Post a Snapshot soon; several answers at once make one."""
        loop = asyncio.get_running_loop()
        if self._posting is None and not self._closing:
            self._posting = loop.call_later(_COALESCE, self._post_now)

    def _post_now(self) -> None:
        self._posting = None
        snapshot = self.snapshot()
        try:
            self._post(snapshot)
        except Exception:
            log.exception("a Snapshot could not be handed on")

    def snapshot(self) -> Snapshot:
        """The picture as it is now; call it in the monitor's thread."""
        aws = self._aws
        now = time.monotonic()
        self._asked = [entry for entry in self._asked if now - entry[0] < 600]
        spent = sum(count for _, count in self._asked)
        span = max(60.0, now - self._asked[0][0]) if self._asked else 0.0
        region = self.options.region or ""
        if aws is not None:
            try:
                region = aws.region
            except AwsError:
                region = ""
        note = self._slowness.note()
        return self._picture.snapshot(
            at=aws.now() if aws else datetime.now(UTC),
            region=region,
            account=self._account,
            profile=(aws.profile if aws else self.options.profile) or "",
            sandbox=aws.sandbox if aws else self.options.sandbox,
            read_only=self.options.read_only,
            paused=self._paused,
            calls=aws.ledger.calls if aws else 0,
            dollars_a_day=metrics.dollars_a_day(spent, span),
            notes=(note,) if note else (),
        )
