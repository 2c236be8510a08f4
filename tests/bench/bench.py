"""`make bench`: start-up, key latency, memory, API calls and idle bytes, each against its floor in the same run.

The big figures come from the fleet (tests/fleet). Prints one line a figure: what, measured, budget, verdict; exits 1
when a budget is missed. Budgets are those of the design: ratios to a floor measured here, or absolute limits.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from terminal import Terminal  # type: ignore[import-not-found]

HERE = Path(__file__).parent
EMPTY_APP = "from textual.app import App\nfrom textual.widgets import Static\n" + (
    "class Empty(App):\n    def compose(self):\n        yield Static('tasks')\nEmpty().run(mouse=False)\n"
)
ENV = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "TEXTUAL_ANIMATIONS": "none",
}


@dataclass(frozen=True)
class Figure:
    """One measured figure and the most it may be."""

    what: str
    measured: float
    budget: float
    unit: str
    note: str = ""

    @property
    def kept(self) -> bool:
        """Whether the budget is kept."""
        return self.measured <= self.budget

    def line(self) -> str:
        """As printed."""
        verdict = "ok  " if self.kept else "OVER"
        return (
            f"{verdict} {self.what:<58} {self.measured:>9.2f} {self.unit:<8} of {self.budget:.2f} {self.note}"
        )


@contextmanager
def fleet(tasks: int, tables: int) -> Iterator[str]:
    """A served fleet; its URL."""
    server = subprocess.Popen(
        [
            sys.executable,
            str(HERE.parent / "fleet" / "server.py"),
            "--tasks",
            str(tasks),
            "--tables",
            str(tables),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None and server.stdin is not None
    try:
        yield server.stdout.readline().strip()
    finally:
        server.stdin.close()
        server.wait(10)


def asked(url: str) -> dict[str, dict[str, int]]:
    """What the fleet was asked so far."""
    with urllib.request.urlopen(f"{url}/_fleet/calls", timeout=5) as answer:
        found: dict[str, dict[str, int]] = json.load(answer)
        return found


def console(url: str) -> list[str]:
    """The command that opens the console on an endpoint."""
    return [sys.executable, "-m", "dmstui", "--endpoint-url", url]


def median(measure: Callable[[], float], runs: int = 5) -> float:
    """The median of some runs after one that is not counted."""
    measure()
    return statistics.median(measure() for _ in range(runs))


def first_frame(command: list[str], pattern: bytes) -> float:
    """Seconds from start until the text shows."""
    with Terminal(command, ENV) as terminal:
        return float(terminal.until(pattern, 30))


def start_figures(url: str) -> Iterator[Figure]:
    """Start to first frame against an empty app; first frame to live data."""
    floor = median(lambda: first_frame([sys.executable, "-c", EMPTY_APP], rb"tasks"))
    shown = median(lambda: first_frame(console(url), rb"(?i)monitor"))
    live = median(lambda: first_frame(console(url), rb"orders-\d|billing-\d|stock-\d|audit-\d"), runs=3)
    yield Figure(
        "start to first frame, against an empty Textual app",
        shown / floor,
        1.5,
        "times",
        f"floor {floor:.2f} s",
    )
    yield Figure("first frame to live data", live - shown, 1.0, "s", f"first frame {shown:.2f} s")


def keys(url: str, tasks: int) -> tuple[float, float]:
    """Median seconds and bytes of a cursor key on a list of `tasks`."""
    with Terminal(console(url), ENV) as terminal:
        terminal.until(rb"orders-\d|billing-\d|stock-\d|audit-\d|clicks-\d", 30)
        terminal.key(b"2", 0.5)
        terminal.quiet(0.7, 6)
        times = [terminal.key(b"j" if index < 15 else b"k") for index in range(30)]
        return statistics.median(t for t, _ in times), statistics.median(b for _, b in times)


def key_figures(small: str, big: str) -> Iterator[Figure]:
    """A key on 1,000 tasks against the same key on 50."""
    few, _ = keys(small, 50)
    many, size = keys(big, 1000)
    yield Figure(
        "key to repaint, 1,000 tasks against 50",
        many / few,
        1.5,
        "times",
        f"{many * 1000:.1f} ms, {size:.0f} bytes",
    )


def steady_figures(url: str, seconds: float) -> Iterator[Figure]:
    """DMS calls, memory and bytes of a console that is left alone on the big fleet."""
    with Terminal(console(url), ENV) as terminal:
        terminal.until(rb"orders-\d|billing-\d|stock-\d|audit-\d|clicks-\d", 30)
        terminal.quiet(1.0, 15)
        before, begun, bytes_before = asked(url), time.perf_counter(), len(terminal.received)
        while time.perf_counter() - begun < seconds:
            terminal.read(1.0)
        spent = time.perf_counter() - begun
        after = asked(url)
        dms = sum(
            after["calls"].get(n, 0) - before["calls"].get(n, 0)
            for n in after["calls"]
            if n.startswith("dms:")
        )
        yield Figure("DMS calls, 1,000 tasks, steady", dms / spent, 1.0, "calls/s")
        yield Figure("memory, 1,000 tasks", terminal.memory(), 150.0, "MB")
        sent = (len(terminal.received) - bytes_before) * 60 / spent
        yield Figure(
            "bytes to the terminal while data changes",
            sent / 1000,
            400.0,
            "kB/min",
            "the fleet changes every second",
        )


def main() -> int:
    """Run all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the steady state is watched")
    chosen = parser.parse_args()
    figures: list[Figure] = []

    def show(found: Iterator[Figure]) -> None:
        for figure in found:
            print(figure.line(), flush=True)
            figures.append(figure)

    with fleet(50, 50) as small, fleet(1000, 10_000) as big:
        show(start_figures(small))
        show(key_figures(small, big))
        show(steady_figures(big, chosen.seconds))
    missed = [figure for figure in figures if not figure.kept]
    print(f"{len(figures) - len(missed)} of {len(figures)} budgets kept")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
