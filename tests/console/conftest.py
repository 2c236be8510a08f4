"""The console under test: a monitor without AWS that posts made-up Snapshots, keys without sleeping, waiting
for conditions.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Future
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import console_samples as samples
from textual import events

from dmstui.aws.options import ConnectionOptions
from dmstui.console.app import ConsoleApp
from dmstui.console.clock import FrozenClock
from dmstui.model import Snapshot

NAMES = {
    " ": "space",
    "/": "slash",
    ":": "colon",
    "?": "question_mark",
    "+": "plus",
    "-": "minus",
    "*": "asterisk",
    "!": "exclamation_mark",
    "[": "left_square_bracket",
    "]": "right_square_bracket",
    "<": "less_than_sign",
    ">": "greater_than_sign",
    "`": "grave_accent",
    "|": "vertical_line",
    "=": "equals_sign",
    "_": "underscore",
    ".": "full_stop",
}


class FakeMonitor:
    """Posts what it is told; keeps what it was asked."""

    def __init__(self, snapshot: Snapshot | None) -> None:
        self.snapshot = snapshot
        self.asked: list[tuple[str, Any]] = []
        self.submitted: list[Callable[[Any], Coroutine[Any, Any, Any]]] = []
        self.connection: Any = None
        self.tasks: list[asyncio.Task[Any]] = []
        self._post: Callable[[Snapshot], None] = lambda _: None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, post: Callable[[Snapshot], None]) -> None:
        self._post = post
        if self.snapshot is not None:
            post(self.snapshot)

    def post(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._post(snapshot)

    def stop(self, wait: float = 3.0) -> None:
        self.asked.append(("stop", None))

    def focus(self, arn: str | None, reach: timedelta | None = None) -> None:
        self.asked.append(("focus", arn))

    def open_task(self, arn: str) -> None:
        self.asked.append(("open_task", arn))

    def close_task(self, arn: str) -> None:
        self.asked.append(("close_task", arn))

    def watch_stack(self, name: str | None) -> None:
        self.asked.append(("watch_stack", name))

    def nudge(self, kind: str, key: str) -> None:
        self.asked.append(("nudge", key))

    def refresh(self) -> None:
        self.asked.append(("refresh", None))

    def pause(self, paused: bool) -> None:
        self.asked.append(("pause", paused))

    def submit(self, work: Callable[[Any], Coroutine[Any, Any, Any]]) -> Future[Any]:
        self.submitted.append(work)
        self.tasks.append(asyncio.get_running_loop().create_task(work(self.connection)))
        return Future()


class Console:
    """An app in a pilot: keys, waiting, what the screen says."""

    def __init__(self, app: ConsoleApp, monitor: FakeMonitor, clock: FrozenClock, pilot: Any) -> None:
        self.app, self.monitor, self.clock, self.pilot = app, monitor, clock, pilot

    async def keys(self, *keys: str) -> None:
        """Press keys one after another, each settled before the next; no sleeping."""
        for key in keys:
            character = key if len(key) == 1 else " " if key == "space" else None
            named = NAMES.get(key, key)
            self.app.post_message(events.Key(named, character))
            await self.settle()
            self.clock.advance(1.0)

    async def type(self, text: str) -> None:
        """Press the keys of a text."""
        await self.keys(*text)

    async def settle(self) -> None:
        """Until the app has worked off what was posted and the view in front has the keys."""
        for turn in range(200):
            done = asyncio.Event()
            if not self.app.call_after_refresh(done.set):
                return
            await asyncio.wait_for(done.wait(), 10)
            if turn >= 2 and self._at_rest():
                return

    def _at_rest(self) -> bool:
        app = self.app
        if not app.is_running or len(app.screen_stack) > 1:
            return True
        focused = app.screen.focused
        if app.dialog.is_open or app.line.is_open:
            return focused in {app.dialog, app.line}
        return app.front.ready and focused is not None and app.front in focused.ancestors

    async def until(self, condition: Callable[[], bool], seconds: float = 5.0) -> None:
        """Wait for a condition."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"never came true; the screen says:\n{self.text()}")
            await asyncio.sleep(0.005)
            await self.settle()

    async def post(self, snapshot: Snapshot) -> None:
        """A new picture from the monitor."""
        self.monitor.post(snapshot)
        await self.until(lambda: self.app.snapshot is snapshot)
        await self.settle()

    def text(self) -> str:
        """What is on the screen, as text."""
        lines = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in lines)

    def says(self, *words: str) -> bool:
        """All of the words are on the screen."""
        text = self.text()
        return all(word in text for word in words)


def made(snapshot: Snapshot | None = None, **options: Any) -> tuple[ConsoleApp, FakeMonitor, FrozenClock]:
    """An app on a made-up account, its monitor and its clock; `snapshot` None stays before the first picture."""
    clock = FrozenClock(samples.NOW)
    monitor = FakeMonitor(snapshot)
    symbols = options.pop("symbols", "braille")
    look = options.pop("look", "dark")
    app = ConsoleApp(
        ConnectionOptions(**({"region": "eu-west-1", "profile": "prod-eu"} | options)),
        lambda _: monitor,
        clock=clock,
        symbols=symbols,
        look=look,
        ticking=False,
    )
    return app, monitor, clock


@asynccontextmanager
async def opened(
    snapshot: Snapshot | None = None, size: tuple[int, int] = (80, 24), **options: Any
) -> AsyncIterator[Console]:
    """The console running on a made-up account."""
    app, monitor, clock = made(snapshot, **options)
    async with app.run_test(size=size) as pilot:
        console = Console(app, monitor, clock, pilot)
        if snapshot is not None:
            await console.until(lambda: app.snapshot is not None)
        await console.settle()
        yield console
    for task in monitor.tasks:
        task.cancel()


@pytest.fixture
def console() -> Any:
    """`async with console(snapshot, size) as c:`."""
    return opened
