"""The console with a probe in its event loop: `python tests/bench/probed.py URL OUTPUT` opens it on an endpoint.

At its end OUTPUT holds JSON: how late the loop was at worst and at the 99th percentile, in seconds, the process's own
CPU time within the worst delay, what stood on the stack then, and the longest garbage collection.
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from dmstui.aws.options import ConnectionOptions
from dmstui.console.app import ConsoleApp
from dmstui.console.run import make_monitor

STEP = 0.01


class Probe:
    """A task in the loop that sleeps a step and notes how late it wakes; a thread that looks at long delays."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self.worst: dict[str, Any] = {"seconds": 0.0}
        self.collecting = 0.0
        self._beat = time.perf_counter()
        self._stack: list[str] = []
        self._loop_thread = threading.get_ident()
        self._collection = 0.0
        gc.callbacks.append(self._collect)
        threading.Thread(target=self._watch, daemon=True).start()

    async def run(self) -> None:
        """For as long as the app runs."""
        while True:
            begun, used = time.perf_counter(), time.process_time()
            self._beat = begun
            self._stack = []
            await asyncio.sleep(STEP)
            late = time.perf_counter() - begun - STEP
            self.late.append(late)
            if late > self.worst["seconds"]:
                cpu = time.process_time() - used
                self.worst = {"seconds": late, "cpu": cpu, "stack": self._stack, "at": len(self.late) * STEP}

    def _watch(self) -> None:
        while True:
            time.sleep(STEP)
            if not self._stack and time.perf_counter() - self._beat > 0.05:
                frame = sys._current_frames().get(self._loop_thread)
                self._stack = traceback.format_stack(frame)[-6:] if frame else []

    def _collect(self, phase: str, _: dict[str, Any]) -> None:
        if phase == "start":
            self._collection = time.perf_counter()
        else:
            self.collecting = max(self.collecting, time.perf_counter() - self._collection)

    def found(self) -> dict[str, Any]:
        """What was seen."""
        ordered = statistics.quantiles(self.late, n=1000) if len(self.late) > 1 else [0.0]
        return {
            "worst": self.worst,
            "p99": ordered[-10],
            "p50": ordered[len(ordered) // 2],
            "gc": self.collecting,
        }


class Probed(ConsoleApp):
    """The console, watched from its first data on."""

    probe: Probe | None = None

    def begin(self) -> None:
        super().begin()
        self.probe = Probe()
        self.watching = asyncio.ensure_future(self.probe.run())

    def exit(self, *args: Any, **options: Any) -> None:
        """Leaving waits for the terminal: that is no stall."""
        self.watching.cancel()
        super().exit(*args, **options)


def main() -> None:
    """Open it; write what was seen."""
    url, output = sys.argv[1:]
    app = Probed(ConnectionOptions(endpoint_url=url, region="eu-west-1"), make_monitor)
    app.run(mouse=False)
    if app.probe is not None:
        Path(output).write_text(json.dumps(app.probe.found()))


if __name__ == "__main__":
    main()
