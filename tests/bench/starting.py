"""Start to first frame against an empty Textual app, first frame to live data of a sandbox, idle bytes there."""

from __future__ import annotations

import sys
import time
from typing import Any

import stage
from figures import Figure, Figures, alternating
from terminal import Terminal

EMPTY_APP = "from textual.app import App\nfrom textual.widgets import Static\n" + (
    "class Empty(App):\n    def compose(self):\n        yield Static('Monitor')\nEmpty().run(mouse=False)\n"
)


def shows(command: list[str], pattern: bytes, env: dict[str, str]) -> float:
    """Seconds from start until the text shows."""
    with Terminal(command, env) as terminal:
        return terminal.until(pattern, 30)


def start(url: str) -> Figures:
    """Start to the first frame, in turns with an empty app."""
    floor, shown = alternating(
        lambda: shows([sys.executable, "-c", EMPTY_APP], rb"Monitor", stage.ENV),
        lambda: shows(stage.console(url), rb"Monitor", stage.ENV),
        runs=15,
    )
    yield Figure(
        "start to first frame, against an empty Textual app",
        shown / floor,
        1.5,
        "times",
        f"{shown:.3f} s; floor {floor:.3f} s, least of 15 each in turns",
    )


def live(served: Any, name: bytes) -> Figures:
    """First frame to what the sandbox holds: `name` is one of its resources on the monitor."""
    env = stage.ENV | served.exports
    frame, data = alternating(
        lambda: shows(stage.console(), rb"Monitor", env),
        lambda: shows(stage.console(), name, env),
        runs=3,
    )
    yield Figure("first frame to live data, sandbox", data - frame, 1.0, "s", f"data after {data:.2f} s")


def idle(served: Any, seconds: float) -> Figures:
    """Bytes that reach the terminal while an empty sandbox stands still."""
    with Terminal(stage.console(), stage.ENV | served.exports) as terminal:
        terminal.until(rb"Monitor", 30)
        terminal.quiet(2.5, 20)
        before, begun = len(terminal.received), time.perf_counter()
        while time.perf_counter() - begun < seconds:
            terminal.read(0.5)
        spent = time.perf_counter() - begun
        sent = (len(terminal.received) - before) * 60 / spent
        yield Figure("bytes to the terminal, idle, 140x40", sent / 1000, 2.0, "kB/min", f"over {spent:.0f} s")
