"""The longest stall of the console's event loop in a run on the big fleet, and its memory after it."""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
import threading
import time
from pathlib import Path

import stage
from figures import Figure, Figures
from terminal import Terminal

# What a hand does in turns: rows, pages, screens, order, a task's tabs; every half second.
DOINGS = (
    b"j",
    b"j",
    b"k",
    b"\x04",
    b"\x15",
    b"G",
    b"g",
    b"2",
    b"j",
    b"\r",
    b"j",
    b"\x1b",
    b"3",
    b"5",
    b"1",
    b"j",
)


class Idle:
    """How late a thread of this process that only sleeps wakes meanwhile: what the machine itself adds."""

    def __init__(self) -> None:
        self.worst = 0.0
        self._going = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while self._going:
            begun = time.perf_counter()
            time.sleep(0.01)
            self.worst = max(self.worst, time.perf_counter() - begun - 0.01)

    def stop(self) -> float:
        """The worst so far."""
        self._going = False
        self._thread.join()
        return self.worst


def stalls(url: str, tasks: int, tables: int, seconds: float) -> Figures:
    """Open the console, all tables of the first task, then walk about for so long."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "stalls.json"
        idle = Idle()
        with Terminal(
            [sys.executable, str(Path(__file__).with_name("probed.py")), url, str(output)], stage.ENV
        ) as terminal:
            terminal.until(stage.TASK_NAME, 30)
            terminal.key(b"2", 0.4)
            terminal.type(b"/wide-everything")
            for _ in range(2):
                terminal.key(b"\r", 0.4)
            terminal.until(f"{tables:,}".encode(), 60)
            begun = time.perf_counter()
            for key in itertools.cycle(DOINGS):
                terminal.key(key, 0.45)
                if time.perf_counter() - begun > seconds:
                    break
            memory = terminal.memory()
        found, noise = json.loads(output.read_text()), idle.stop()
    worst = found["worst"]
    yield Figure(
        f"longest stall of the event loop in {seconds:.0f} s",
        worst["seconds"] * 1000,
        100.0,
        "ms",
        f"its CPU {worst.get('cpu', 0) * 1000:.0f} ms, p99 {found['p99'] * 1000:.1f} ms,"
        f" collector {found['gc'] * 1000:.0f} ms; floor: an idle thread {noise * 1000:.0f} ms",
    )
    if worst["seconds"] > 0.1:
        print(f"     {worst.get('at', 0):.0f} s after the start, in:\n" + "".join(worst.get("stack", [])))
    yield Figure(
        f"memory, {tasks:,} tasks and {tables:,} tables",
        memory,
        150.0,
        "MB",
        "resident at the end of that run",
    )
