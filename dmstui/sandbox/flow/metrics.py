"""Measures a run and reports it under the names CloudWatch knows (reference dms.md 5.1): rates over the last period."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

from dmstui.sandbox.flow.events import Events

RATE, KB_RATE = "Count/Second", "Kilobytes/Second"


@dataclass(slots=True)
class Counters:
    """What passed since the run began: rows and bytes; `incoming` and the rest are how many wait right now."""

    load_rows_source: int = 0
    load_bytes_source: int = 0
    load_rows_target: int = 0
    load_bytes_target: int = 0
    cdc_rows_source: int = 0
    cdc_bytes_source: int = 0
    cdc_rows_target: int = 0
    cdc_bytes_target: int = 0


@dataclass(slots=True)
class Waiting:
    """Changes on their way: captured but uncommitted at the source, and not yet durable on the target."""

    memory_source: int = 0
    disk_source: int = 0
    memory_target: int = 0
    disk_target: int = 0


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds; target holds source in it."""

    source: float
    target: float

    @property
    def handling(self) -> float:
        """What the task itself adds."""
        return max(0.0, self.target - self.source)


class Meter:
    """Counts for one run and reports every period."""

    def __init__(self, events: Events, cpu: Callable[[], float] = time.process_time) -> None:
        self.counters = Counters()
        self.waiting = Waiting()
        self.latency: Callable[[], Latency | None] = lambda: None
        self.loading = False
        self._events = events
        self._cpu = cpu
        self._last = Counters()
        self._last_time = time.monotonic()
        self._last_cpu = cpu()

    def passed(self) -> tuple[int, ...]:
        """What passed so far, to tell whether a try got anywhere."""
        return tuple(getattr(self.counters, each.name) for each in fields(Counters))

    def report(self) -> None:
        """Send one data point of each metric that means something now."""
        now, cpu, at = time.monotonic(), self._cpu(), time.time()
        period = max(now - self._last_time, 1e-3)
        rate = {
            each.name: (getattr(self.counters, each.name) - getattr(self._last, each.name)) / period
            for each in fields(Counters)
        }
        self._last = Counters(*(getattr(self.counters, each.name) for each in fields(Counters)))

        def send(name: str, value: float, unit: str) -> None:
            self._events.metric(name, round(value, 3), unit, at)

        if self.loading or rate["load_rows_target"] or rate["load_rows_source"]:
            send("FullLoadThroughputRowsSource", rate["load_rows_source"], RATE)
            send("FullLoadThroughputRowsTarget", rate["load_rows_target"], RATE)
            send("FullLoadThroughputBandwidthSource", rate["load_bytes_source"] / 1024, KB_RATE)
            send("FullLoadThroughputBandwidthTarget", rate["load_bytes_target"] / 1024, KB_RATE)
        latency = self.latency()
        if latency is not None:
            send("CDCLatencySource", latency.source, "Seconds")
            send("CDCLatencyTarget", latency.target, "Seconds")
            send("CDCThroughputRowsSource", rate["cdc_rows_source"], RATE)
            send("CDCThroughputRowsTarget", rate["cdc_rows_target"], RATE)
            send("CDCThroughputBandwidthSource", rate["cdc_bytes_source"] / 1024, KB_RATE)
            send("CDCThroughputBandwidthTarget", rate["cdc_bytes_target"] / 1024, KB_RATE)
            send("CDCIncomingChanges", self.waiting.memory_target + self.waiting.disk_target, "Count")
            send("CDCChangesMemorySource", self.waiting.memory_source, "Count")
            send("CDCChangesDiskSource", self.waiting.disk_source, "Count")
            send("CDCChangesMemoryTarget", self.waiting.memory_target, "Count")
            send("CDCChangesDiskTarget", self.waiting.disk_target, "Count")
        send("CPUUtilization", (cpu - self._last_cpu) / period * 100, "Percent")
        send("MemoryUsage", float(resident_bytes()), "Bytes")
        self._last_time, self._last_cpu = now, cpu


def resident_bytes() -> int:
    """Resident memory of this process; where /proc is missing, the highest it ever had."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return int(peak if sys.platform == "darwin" else peak * 1024)
