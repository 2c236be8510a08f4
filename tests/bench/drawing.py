"""Long lists and charts in this process, through the console's own widgets: shown, all rows replaced, one chart."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from figures import Figure, Figures, median, timed

NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
TASK = "arn:aws:dms:eu-west-1:123456789012:task:ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Still:
    """A monitor that asks no one: the bench posts the pictures."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


def picture(rows: int, turn: int) -> Any:
    """A Snapshot of one task with so many tables; every row differs from turn to turn."""
    from dmstui.model import Part, ReplicationTask, Snapshot, TableStatistics

    tables = tuple(
        TableStatistics(
            "app", f"table_{index:05d}", "Table completed", 1000 * index + turn, inserts=index * turn
        )
        for index in range(rows)
    )
    task = ReplicationTask(
        arn=TASK,
        name="wide",
        status="running",
        migration_type="full-load-and-cdc",
        source_arn="source",
        target_arn="target",
        instance_arn="instance",
    )
    return Snapshot(
        at=NOW + timedelta(seconds=turn),
        region="eu-west-1",
        tasks=Part((task,), NOW),
        tables={TASK: Part(tables, NOW)},
    )


async def _painted(app: Any) -> None:
    """Until what was posted is worked off and on the screen."""
    for _ in range(3):
        done = asyncio.Event()
        app.call_after_refresh(done.set)
        await done.wait()


async def _turns(reached: Callable[[], bool]) -> None:
    """Let the loop turn until the condition holds; sleeping would be measured, too."""
    while not reached():
        await asyncio.sleep(0)


async def _lists(rows: int) -> tuple[float, float]:
    """Seconds from enter on the task until its tables are painted; median seconds of a new picture of all rows."""
    from dmstui.aws.options import ConnectionOptions
    from dmstui.console.app import ConsoleApp
    from dmstui.console.clock import FrozenClock
    from dmstui.console.messages import SnapshotArrived

    clock = FrozenClock(NOW)
    app = ConsoleApp(ConnectionOptions(region="eu-west-1"), lambda _: Still(), clock=clock, ticking=False)
    async with app.run_test(size=(140, 40)) as pilot:
        first = picture(rows, 1)
        app.post_message(SnapshotArrived(first))
        await pilot.pause()
        app.go("task", TASK, below=True)  # the files of the screen are read before the clock runs
        await _painted(app)
        app.action_step_back()
        await _painted(app)
        app.views.pop("task").remove()
        await _painted(app)
        begun = time.perf_counter()
        app.go("task", TASK, below=True)
        await _turns(lambda: app.front.NAME == "task" and app.front.ready and app.front.table.shown == rows)
        await _painted(app)
        shown = time.perf_counter() - begun
        replaced = []
        for turn in range(2, 11):
            after = picture(rows, turn)
            clock.advance(20)  # so long after a key and the last ordering all rows are ordered anew, too
            begun = time.perf_counter()
            app.post_message(SnapshotArrived(after))
            await _turns(lambda after=after: app.snapshot is after)  # type: ignore[misc]
            await _painted(app)
            replaced.append(time.perf_counter() - begun)
        return shown, median(replaced)


def lists(rows: int) -> Figures:
    """A long list against 50 rows."""
    asyncio.run(_lists(50))
    seen = [(asyncio.run(_lists(50)), asyncio.run(_lists(rows))) for _ in range(3)]
    few, many = min(low[0] for low, _ in seen), min(high[0] for _, high in seen)
    replaced = min(high[1] for _, high in seen)
    floor = min(low[1] for low, _ in seen)
    yield Figure(
        f"{rows:,} tables shown, against 50",
        many / few,
        1.5,
        "times",
        f"{many * 1000:.0f} ms; floor {few * 1000:.0f} ms",
    )
    yield Figure(
        f"{rows:,} tables, all rows replaced",
        replaced * 1000,
        50.0,
        "ms",
        f"50 rows {floor * 1000:.0f} ms",
    )


def _plot(series: int, points: int) -> Any:
    from dmstui.console.widgets.plot import Plot, Series

    end = NOW.timestamp()
    start = end - points * 60
    inks = ("sky", "orange", "green", "purple")
    made = tuple(
        Series(
            f"series {number}",
            f"s{number}",
            tuple(
                (
                    start + 60 * at,
                    800 * (1 + math.sin(at / 17 + number)) + (at * 7919 + number * 104_729) % 331,
                )
                for at in range(points)
                if (at + number * 31) % 97
            ),
            inks[number % 4],
            60.0,
        )
        for number in range(series)
    )
    return Plot(start, end, "count", made)


async def _chart(series: int, points: int) -> float:
    """Least seconds from new data until the chart's lines are on the screen, 80x20."""
    from textual.app import App, ComposeResult

    from dmstui.console.widgets.chart import Chart

    chart = Chart()

    class One(App[None]):
        symbols = "braille"

        def compose(self) -> ComposeResult:
            yield chart

    app = One()
    async with app.run_test(size=(80, 20)):
        times = []
        plot = _plot(series, points)
        for turn in range(12):
            moved = replace(plot, start=plot.start + 60 * turn, end=plot.end + 60 * turn)
            await _painted(app)
            begun = time.perf_counter()
            chart.show(moved)
            await _painted(app)
            times.append(time.perf_counter() - begun)
        return min(times)


def charts() -> Figures:
    """Both sizes of the budget, on screen; the lines alone in the note."""
    from dmstui.console.widgets import plot as plots

    for series, points, budget in ((4, 180, 15.0), (8, 720, 25.0)):
        made = _plot(series, points)
        lines = min(timed(lambda made=made: plots.draw(made, 80, 19)) for _ in range(10))  # type: ignore[misc]
        screen = asyncio.run(_chart(series, points))
        yield Figure(
            f"one chart, {series} x {points} points, on screen at 80x20",
            screen * 1000,
            budget,
            "ms",
            f"{lines * 1000:.1f} ms of it to lines",
        )
