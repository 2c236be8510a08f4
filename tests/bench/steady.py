"""What a console that is left alone asks of AWS: DMS calls a second, metrics a minute, points a call."""

from __future__ import annotations

import time
from typing import Any

import stage
from figures import Figure, Figures
from terminal import Terminal


def _dms(calls: dict[str, Any]) -> int:
    return sum(count for name, count in calls["calls"].items() if name.startswith("dms:"))


def steady(url: str, tasks: int, seconds: float) -> Figures:
    """Watch the monitor screen on a fleet for so long after its first pictures."""
    from dmstui.monitor.schedule import latency_interval

    with Terminal(stage.console(url), stage.ENV) as terminal:
        terminal.until(stage.TASK_NAME, 30)
        terminal.quiet(1.5, 15)
        before, begun, bytes_before = stage.asked(url), time.perf_counter(), len(terminal.received)
        while time.perf_counter() - begun < seconds:
            terminal.read(0.5)
        spent = time.perf_counter() - begun
        after = stage.asked(url)
        sent = len(terminal.received) - bytes_before
    calls = _dms(after) - _dms(before)
    throttled = after["throttled"] - before["throttled"]
    yield Figure(
        f"DMS calls, {tasks} tasks, steady",
        calls / spent,
        1.0,
        "calls/s",
        f"{calls} in {spent:.0f} s, {throttled} throttled",
    )
    seen = len(before["metric_calls"])
    first, later = after["metric_calls"][:seen], after["metric_calls"][seen:]
    opening, running = sum(call[1] for call in first), sum(call[1] for call in later)
    # The look at every task's latency on opening comes back once an interval of the schedule, not in this run.
    every = latency_interval(opening // 2, sandbox=False)
    again = 0.0 if spent >= every else opening * 60 / every
    yield Figure(
        "CloudWatch metrics asked a minute",
        running * 60 / spent + again,
        200.0,
        "metrics",
        f"{running} in {spent:.0f} s, and {opening} on opening, again every {every:.0f} s",
    )
    yield Figure(
        "CloudWatch points asked in one call",
        float(max((call[2] for call in after["metric_calls"]), default=0)),
        5000.0,
        "points",
        f"{len(after['metric_calls'])} calls",
    )
    yield Figure(
        "bytes to the terminal while a fleet changes",
        sent * 60 / spent / 1000,
        400.0,
        "kB/min",
        "20 kB/s carries 1,200",
    )
