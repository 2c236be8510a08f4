"""A cursor key on long lists against the same key on 50 rows, over a fast terminal and over a thin line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import stage
from figures import Figure, Figures, median
from terminal import Terminal

THIN_LINE = 20_000  # bytes a second


@contextmanager
def opened(url: str, *, tables: int = 0) -> Iterator[Terminal]:
    """The console on a fleet: its tasks, or the tables of its first task, all of them known."""
    with Terminal(stage.console(url), stage.ENV) as terminal:
        terminal.until(stage.TASK_NAME, 30)
        terminal.key(b"2", 0.5)
        if tables:
            terminal.type(b"/wide-everything")
            for _ in range(2):
                terminal.key(b"\r", 0.4)
            terminal.until(f"{tables:,}".encode(), 60)
        terminal.quiet(0.7, 8)
        yield terminal


def key(terminal: Terminal) -> tuple[float, float]:
    """Median seconds and bytes of a cursor key."""
    pressed = [terminal.key(b"j" if index % 20 < 10 else b"k") for index in range(60)]
    return median([seconds for seconds, _ in pressed]), median([float(size) for _, size in pressed])


def keys(small: str, big: str, tasks: int, tables: int) -> Figures:
    """Key to repaint on tasks, then on tables; then 60 keys over a thin line on both."""
    for what, rows, count in (("tasks", 0, tasks), ("tables", tables, tables)):
        with opened(small, tables=50 if rows else 0) as few, opened(big, tables=rows) as many:
            (few_seconds, _), (many_seconds, size) = key(few), key(many)
            note = f"{many_seconds * 1000:.1f} ms, {size:.0f} bytes; floor {few_seconds * 1000:.1f} ms"
            yield Figure(
                f"key to repaint, {count:,} {what} against 50", many_seconds / few_seconds, 1.5, "times", note
            )
            before = len(many.received)
            stands = many.slow(b"j", 60, 0.05, THIN_LINE)
            sent = (len(many.received) - before) / 1000
            yield Figure(
                f"60 x down over 20 kB/s, {count:,} {what}: picture stands after",
                stands,
                1.0,
                "s",
                f"{sent:.0f} kB",
            )
