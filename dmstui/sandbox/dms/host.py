"""An instance's own metrics: what its worker processes really use, set against the size of its class; and its upkeep.

CloudWatch's dimension is the name the user gave. A figure that cannot be read on this system is left out.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dmstui.sandbox.dms import instance_life
from dmstui.sandbox.dms.classes import CLASSES
from dmstui.sandbox.dms.room import Room
from dmstui.sandbox.dms.store import Instance
from dmstui.sandbox.dms.worker_events import NAMESPACE
from dmstui.sandbox.dms.worker_spec import METRIC_SECONDS

GB = 1 << 30
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process has used: CPU seconds since it began, resident, swapped, and bytes to and from disk so far."""

    cpu_seconds: float
    resident: int
    swapped: int
    read_bytes: int
    written_bytes: int
    reads: int
    writes: int


def usage(pid: int) -> Usage | None:
    """The process's figures from /proc, or None where there is none (another system, or the process has gone)."""
    folder = Path("/proc") / str(pid)
    try:
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        status = _pairs((folder / "status").read_text())
        io = _pairs((folder / "io").read_text())
    except (OSError, ValueError):
        return None
    return Usage(
        cpu_seconds=(int(fields[11]) + int(fields[12])) / _TICKS,
        resident=_kilobytes(status, "VmRSS"),
        swapped=_kilobytes(status, "VmSwap"),
        read_bytes=int(io.get("read_bytes", 0)),
        written_bytes=int(io.get("write_bytes", 0)),
        reads=int(io.get("syscr", 0)),
        writes=int(io.get("syscw", 0)),
    )


async def keep(room: Room) -> None:
    """Publish every instance's figures each period, and open maintenance windows. Runs as long as the sandbox."""
    before: dict[int, Usage] = {}
    last = time.monotonic()
    while True:
        await asyncio.sleep(METRIC_SECONDS)
        now = time.monotonic()
        seen: dict[int, Usage] = {}
        for instance in list(room.store.instances.values()):
            if instance.status in ("available", "modifying", "storage-full"):
                _publish(room, instance, before, seen, now - last)
        before, last = seen, now
        instance_life.maintain(room)


def _publish(
    room: Room, instance: Instance, before: dict[int, Usage], seen: dict[int, Usage], period: float
) -> None:
    size = CLASSES[instance.instance_class]
    pids = [run.pid for run in room.runs.values() if run.instance.arn == instance.arn and run.pid is not None]
    found = {pid: figures for pid in pids if (figures := usage(pid)) is not None}
    seen.update(found)
    if len(found) < len(pids):
        return
    known = [(before[pid], figures) for pid, figures in found.items() if pid in before]

    def rate(name: str) -> float:
        used = sum(float(getattr(new, name)) - float(getattr(old, name)) for old, new in known)
        return max(0.0, used) / period

    resident = sum(figures.resident for figures in found.values())
    values = (
        ("CPUUtilization", min(100.0, rate("cpu_seconds") / size.vcpus * 100), "Percent"),
        ("FreeableMemory", max(0, size.memory_bytes - resident), "Bytes"),
        ("FreeMemory", max(0, size.memory_bytes - resident), "Bytes"),
        ("AvailableMemory", max(0, size.memory_bytes - resident), "Bytes"),
        ("SwapUsage", sum(figures.swapped for figures in found.values()), "Bytes"),
        ("FreeStorageSpace", max(0, instance.storage_gb * GB - _log_bytes(room, instance)), "Bytes"),
        ("ReadThroughput", rate("read_bytes"), "Bytes/Second"),
        ("WriteThroughput", rate("written_bytes"), "Bytes/Second"),
        ("ReadIOPS", rate("reads"), "Count/Second"),
        ("WriteIOPS", rate("writes"), "Count/Second"),
    )
    at = datetime.now(UTC)
    for name, value, unit in values:
        dimensions = {"ReplicationInstanceIdentifier": instance.identifier}
        room.world.metrics.put(NAMESPACE, name, dimensions, float(value), unit, at)


def _log_bytes(room: Room, instance: Instance) -> int:
    """What lies on the instance's disk: the logs of its tasks."""
    return sum(task.log_bytes for task in room.store.tasks_of_instance(instance.arn))


def _pairs(text: str) -> dict[str, str]:
    return {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}


def _kilobytes(status: dict[str, str], name: str) -> int:
    return int(status.get(name, "0 kB").split()[0]) * 1024
