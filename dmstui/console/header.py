"""What the header and the navigation line say. Pure: the app feeds them to the bars.

The age moves in coarse steps, and is yellow after two missed polls.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from dmstui.console import format as fmt
from dmstui.console.paint import Line, Span
from dmstui.console.symbols import STYLE, Shapes

if TYPE_CHECKING:
    from dmstui.model import Snapshot


def place(
    snapshot: Snapshot | None, *, sandbox: bool, profile: str, region: str, read_only: bool
) -> list[Span]:
    """The left part: whose account, which region, which mode."""
    spans: list[Span] = [(" dmstui ", "accent+bold"), (" ", "")]
    if sandbox or (snapshot and snapshot.sandbox):
        spans.append((" sandbox ", "bright+bold+on-input"))
    else:
        spans.append(
            (snapshot.profile if snapshot and snapshot.profile else profile or "default", "bright+bold")
        )
    where = snapshot.region if snapshot and snapshot.region else region
    spans += [("  ", ""), (where or "no region yet", "text" if where else "dim")]
    if snapshot and snapshot.account:
        spans += [("  ", ""), (snapshot.account, "dim")]
    if read_only or (snapshot and snapshot.read_only):
        spans += [("  ", ""), (" read-only ", "bright+bold+on-badge")]
    return spans


def freshness(
    snapshot: Snapshot | None, since: float, cells: int, now: datetime, *, tight: bool = False
) -> list[Span]:
    """The right part: time, age of the data, calls made; `tight` leaves the time out.

    since: seconds since the snapshot arrived here.
    """
    spans: list[Span] = []
    if snapshot is None:
        return [("connecting ", "dim")]
    if snapshot.paused:
        spans += [("paused ", "warn+bold"), (" ", "")]
    wide = cells >= 110
    if wide and snapshot.dollars_a_day >= 0.005:
        spans += [(f"metrics {fmt.dollars(snapshot.dollars_a_day)} a day", "dim"), ("   ", "")]
    # in tens: a count that moved with every call would be the only thing sent while nothing happens
    spans += [(f"{snapshot.calls // 10 * 10:,} calls", "dim"), ("   " if wide else "  ", "")]
    old, late = age_of(snapshot, since)
    text = "no data yet" if old is None else f"age {fmt.age(old)}"
    spans += [(text, "warn+bold" if late else "dim"), ("   " if wide else "  ", "")]
    if not tight:
        spans.append((f"{now:%H:%M}Z ", "dim"))
    return spans


def age_of(snapshot: Snapshot, since: float) -> tuple[float | None, bool]:
    """Seconds since the tasks were last read, and whether two polls were missed."""
    part = snapshot.tasks
    if part.at is None:
        return None, False
    old = max(0.0, (snapshot.at - part.at).total_seconds()) + since
    return old, part.every > 0 and old > part.every * 2 + 5


def navigation(views: Sequence[tuple[int, str, str]], current: str, cells: int) -> Line:
    """`1 Monitor 2 Tasks …` with the current one standing out; titles shorten when they do not fit, and at last
    only the current one has its title.
    """
    for length in (20, 5, 0):
        spans: list[Span] = []
        for number, name, title in views:
            here = name == current
            ground = "+on-cursor" if here else ""
            text = title[: length or (20 if here else 0)]
            spans.append((f" {number}", f"{'accent' if here else 'key'}+bold{ground}"))
            spans.append((f" {text} " if text else "", f"bright+bold{ground}" if here else "dim"))
        if sum(len(text) for text, _ in spans) <= cells:
            return tuple(spans)
    return ()


def crumbs(trail: Sequence[str], drawn: Shapes) -> Line:
    """`Monitor › billing-cdc`."""
    spans: list[Span] = [(" ", "")]
    for index, text in enumerate(trail):
        if index:
            spans.append((f" {drawn.crumb} ", "faint"))
        spans.append((text, "bright+bold" if index == len(trail) - 1 else "dim"))
    return tuple(spans)


def tally(counts: dict[str, int], drawn: Shapes, *, short: bool) -> Line:
    """`▲ 2 failing  ◆ 3 late  ● 588 running  ○ 7 stopped`; what is zero is left out, except running."""
    names = {"bad": "failing", "late": "late", "busy": "changing", "ok": "running", "idle": "at rest"}
    spans: list[Span] = []
    for state, word in names.items():
        if counts.get(state, 0) or state == "ok":
            if spans:
                spans.append(("  ", ""))
            spans.append((f"{drawn.of(state)} {counts.get(state, 0):,}", STYLE[state]))
            if not short:
                spans.append((f" {word}", "dim"))
    return tuple(spans)
