"""Round ticks for the charts: 1-2-5 steps for counts, steps of the clock for durations and for the time
axis. Pure.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

from dmstui.console import format as fmt

Unit = Literal["duration", "count"]

_SECONDS = (
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    10800,
    21600,
    43200,
    86400,
    172800,
    604800,
)
_TIMES = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 10800, 21600, 43200, 86400, 172800, 604800)


def step(top: float, wanted: int, unit: Unit) -> float:
    """The smallest round step with which at most `wanted` steps reach `top`."""
    least = max(top, 1e-9) / max(1, wanted)
    if unit == "duration":
        for seconds in _SECONDS:
            if seconds >= least:
                return float(seconds)
        return math.ceil(least / 604800) * 604800.0
    power = 10.0 ** math.floor(math.log10(least))
    for factor in (1, 2, 5, 10):
        if factor * power >= least * (1 - 1e-9):
            return max(1.0, factor * power) if top >= 1 else factor * power
    return 10 * power


def scale(top: float, rows: int, unit: Unit) -> list[float]:
    """Rising tick values from zero to one at or above `top`, as many as `rows` of text carry well."""
    if top <= 0:
        top = 1.0
    wanted = 1 if rows < 4 else 2 if rows < 7 else 3 if rows < 9 else 5
    one = step(top, wanted, unit)
    number = max(1, math.ceil(top / one - 1e-9))
    return [one * index for index in range(number + 1)]


def label(value: float, unit: Unit) -> str:
    """A tick's text: `0`, `30s`, `2m`, `1h`, `500`, `1.5k`."""
    if value == 0:
        return "0"
    if unit == "duration":
        if value < 1:
            return f"{value:.1f}s"
        for size, name in ((86400, "d"), (3600, "h"), (60, "m")):
            if value >= size and value % size == 0:
                return f"{value / size:.0f}{name}"
        return fmt.duration(value)
    text = fmt.count(value)
    return text.replace(".0", "", 1) if text[-1:].isalpha() else text


def times(start: float, end: float, columns: int, zone: tzinfo = UTC) -> list[tuple[float, str]]:
    """Round times between two epoch seconds about 12 columns apart, each with its text; a new day shows its
    date.
    """
    if end <= start or columns < 6:
        return []
    wanted = max(1, columns // 12)
    one = next((seconds for seconds in _TIMES if (end - start) / seconds <= wanted), _TIMES[-1])
    offset = (datetime.fromtimestamp(start, zone).utcoffset() or timedelta()).total_seconds()
    first = math.ceil((start + offset) / one) * one - offset
    result: list[tuple[float, str]] = []
    previous = ""
    at = first
    while at <= end:
        moment = datetime.fromtimestamp(at, zone)
        day = moment.strftime("%d %b")
        if one >= 86400 or (previous and day != previous):
            text = day
        else:
            text = moment.strftime("%H:%M:%S" if one < 60 else "%H:%M")
        previous = day
        result.append((at, text))
        at += one
    return result
