"""How often each part is asked for, and how much slower after a throttle. Pure; the monitor keeps to it.

Budgets: DMS one call a second for 600 tasks, because the account's bucket refills about four a second and everyone
shares it; CloudWatch 200 metrics a minute, because a thousand cost about a cent. A sandbox has neither limit.
"""

from __future__ import annotations

from dataclasses import dataclass

# Part -> seconds between polls on AWS, in a sandbox.
EVERY: dict[str, tuple[float, float]] = {
    "instances": (30.0, 2.0),
    "tasks": (15.0, 1.0),
    "endpoints": (300.0, 4.0),
    "connections": (120.0, 2.0),
    "events": (60.0, 3.0),
    "stacks": (60.0, 2.0),
    "tables": (60.0, 1.0),
    "busy-tables": (10.0, 1.0),
    "settings": (300.0, 5.0),
    "logs": (10.0, 1.5),
    "focus-metrics": (60.0, 2.0),
    "metrics": (300.0, 5.0),
    "instance-metrics": (300.0, 15.0),
    "stack": (5.0, 0.5),
    "nudge": (2.0, 0.4),
}
DMS_PARTS = frozenset(
    {"instances", "tasks", "endpoints", "connections", "events", "tables", "busy-tables", "settings"}
)
# Seconds of a page of a hundred: what keeps all DMS parts together under one call a second.
_SECONDS_PER_PAGE = {"tasks": 2.5, "connections": 12.0, "endpoints": 30.0, "instances": 12.0, "events": 12.0}
_METRICS_PER_MINUTE = 150
MAX_SLOWNESS = 8
QUIET_SECONDS = 300.0  # without a throttle before the pace is doubled again
PERIOD, SANDBOX_PERIOD = 60, 5


@dataclass(slots=True)
class Slowness:
    """How many times slower than usual DMS is asked, from the throttles met. `now` is any rising clock."""

    factor: int = 1
    throttles: int = 0
    since: float = 0.0

    def seen(self, throttles: int, now: float) -> bool:
        """Take in the count of throttles so far; True when the factor changed."""
        before = self.factor
        if throttles > self.throttles:
            self.throttles, self.since = throttles, now
            self.factor = min(MAX_SLOWNESS, self.factor * 2)
        elif self.factor > 1 and now - self.since >= QUIET_SECONDS:
            self.since = now
            self.factor //= 2
        return self.factor != before

    def note(self) -> str:
        """A sentence for the status line, empty at the usual pace."""
        return f"AWS throttles DMS calls: asking {self.factor} times less often" if self.factor > 1 else ""


def interval(
    part: str, *, sandbox: bool, pages: int = 1, slowness: int = 1, refresh: float | None = None
) -> float:
    """Seconds until the part is asked for again.

    pages: what its last answer took. refresh: the user's wish for tasks and instances; it never goes below
    what the pages allow.
    """
    real, quick = EVERY[part]
    if sandbox:
        return refresh if refresh and part in {"tasks", "instances"} else quick
    base = real
    if refresh and part in {"tasks", "instances"}:
        base = refresh
    base = max(base, pages * _SECONDS_PER_PAGE.get(part, 0.0))
    return base * slowness if part in DMS_PARTS else base


def latency_interval(tasks: int, *, sandbox: bool) -> float:
    """Seconds between two looks at the latency of all running tasks: two metrics a task, within the budget."""
    real, quick = EVERY["metrics"]
    if sandbox:
        return quick
    return max(real, tasks * 2 / _METRICS_PER_MINUTE * 60)
