"""The console with the real monitor on a served fleet of 200 tasks: data, pages, filter, order, a throttled account."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from dmstui.aws.options import ConnectionOptions
from dmstui.console.app import ConsoleApp
from dmstui.console.run import make_monitor

SERVER = Path(__file__).parents[1] / "fleet" / "server.py"
TASKS, TABLES = 200, 1200


@contextmanager
def served(calls_per_second: float) -> Iterator[str]:
    """A fleet; its URL."""
    line = [sys.executable, str(SERVER), "--tasks", str(TASKS), "--tables", str(TABLES), "--instances", "8"]
    server = subprocess.Popen(
        [*line, "--calls-per-second", str(calls_per_second)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin is not None and server.stdout is not None
    try:
        yield server.stdout.readline().strip()
    finally:
        server.stdin.close()
        server.wait(10)
        server.stdout.close()


@pytest.fixture(scope="module")
def fleet() -> Iterator[str]:
    """A fleet that takes as many calls as come."""
    with served(1000) as url:
        yield url


@asynccontextmanager
async def watching(
    url: str, monkeypatch: pytest.MonkeyPatch, refresh: float | None = 1.0
) -> AsyncIterator[tuple[ConsoleApp, Pilot[int | None]]]:
    """The console on it; its monitor ends with it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "fleet")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "fleet")
    options = ConnectionOptions(endpoint_url=url, region="eu-west-1", refresh=refresh)
    app = ConsoleApp(options, make_monitor, ticking=False)
    async with app.run_test(size=(140, 40)) as pilot:
        yield app, pilot


async def until(app: ConsoleApp, reached: Callable[[], Any], what: str) -> None:
    """Wait for a condition; fails with what the console last said."""
    end = time.monotonic() + 15
    while not reached():
        assert time.monotonic() < end, f"never {what}; notes: {[note.text for note in app.line.notes]}"
        await asyncio.sleep(0.02)


def names(app: ConsoleApp) -> list[str]:
    """The tasks of the view in front, in the order shown."""
    rows = app.front.table.rows
    return [rows.records[key].name for key in rows.shown]


async def press(pilot: Pilot[int | None], *keys: str) -> None:
    """Press keys and let them be worked off."""
    for key in keys:
        await pilot.press(key)
    await pilot.pause()


async def opened(app: ConsoleApp, pilot: Pilot[int | None]) -> None:
    """The tasks screen with all tasks."""
    await until(app, lambda: len(app.known.tasks.value) == TASKS, "all pages of tasks")
    await press(pilot, "2")
    await until(app, lambda: app.front.NAME == "tasks" and app.front.ready, "the tasks screen")
    await until(app, lambda: app.front.table.shown == TASKS, "all tasks shown")


async def changed(app: ConsoleApp) -> None:
    """Until tasks came in that are not those known now; asked for again, since by itself that takes five seconds."""
    before = app.known.tasks
    while app.known.tasks.value == before.value:
        at = app.known.tasks.at
        app.nudge()
        await until(app, lambda at=at: app.known.tasks.at != at, "an answer")  # type: ignore[misc]


def throttled(url: str) -> int:
    """How many calls the fleet refused."""
    with urllib.request.urlopen(f"{url}/_fleet/calls", timeout=5) as answer:
        return int(json.load(answer)["throttled"])


async def test_filter_order_and_cursor_hold_while_the_data_changes(
    fleet: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(fleet, monkeypatch) as (app, pilot):
        await opened(app, pilot)
        table = app.front.table
        assert len(set(names(app))) == TASKS
        table.sort_by("name", False)
        assert names(app) == sorted(names(app))
        table.narrow("orders")
        wanted = sorted(task.name for task in app.known.tasks.value if "orders" in task.name)
        assert names(app) == wanted
        assert 0 < len(wanted) < TASKS
        await press(pilot, "g", "j", "j", "j")
        under = table.cursor_record.name
        assert under == wanted[3]
        for _ in range(2):
            await changed(app)
            await pilot.pause()
            assert names(app) == wanted
            assert table.cursor_record.name == under
            assert table.cursor_record is app.known.task(table.cursor_record.arn)
        table.narrow("")
        await press(pilot, "G")
        assert table.cursor_record.name == names(app)[-1]
        assert table.visible_keys[-1] == table.cursor_key


async def test_all_pages_of_a_wide_tasks_tables_come_in(fleet: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with watching(fleet, monkeypatch) as (app, pilot):
        await opened(app, pilot)
        wide = next(task for task in app.known.tasks.value if task.name == "wide-everything")
        app.go("task", wide.arn, below=True)
        await until(app, lambda: app.front.NAME == "task" and app.front.ready, "the task's screen")
        await until(app, lambda: app.front.table.shown == TABLES, "all pages of tables")
        assert len({row.name for row in app.known.tables[wide.arn].value}) == TABLES
        await until(app, lambda: app.known.metrics.get(wide.arn), "metrics of the task in front")


async def test_a_throttled_account_is_asked_less_often_and_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(0.5) as url:  # forty calls at once, then one each two seconds
        async with watching(url, monkeypatch, refresh=0.2) as (app, pilot):
            await opened(app, pilot)
            for _ in range(60):
                app.nudge()
                await pilot.pause()
                if app.known.notes:
                    break
                await asyncio.sleep(0.1)
            await until(app, lambda: app.known.notes, "a note of the throttling")
            assert "asking" in app.known.notes[0]
            assert await asyncio.to_thread(throttled, url) > 0
            assert app.known.notes[0] in [note.text for note in app.line.notes]
            assert app.front.table.shown == TASKS
            await press(pilot, "G")
            assert app.front.table.cursor_record.name == names(app)[-1]
            assert app.return_code is None
