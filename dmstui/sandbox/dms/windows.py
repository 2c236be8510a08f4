"""Maintenance windows such as `sun:06:00-sun:06:30`, in UTC: their rules, and whether one is open. Pure."""

from __future__ import annotations

import re
from datetime import datetime

from dmstui.sandbox.dms.faults import bad_value

_WINDOW = re.compile(
    r"(?P<d1>mon|tue|wed|thu|fri|sat|sun):(?P<h1>[01]\d|2[0-3]):(?P<m1>[0-5]\d)"
    r"-(?P<d2>mon|tue|wed|thu|fri|sat|sun):(?P<h2>[01]\d|2[0-3]):(?P<m2>[0-5]\d)"
)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEK_MINUTES = 7 * 24 * 60


def in_window(window: str, at: datetime) -> bool:
    """Whether a UTC time lies in a maintenance window such as ``sun:06:00-sun:06:30``."""
    start, length = _window_minutes(window)
    minute = at.weekday() * 1440 + at.hour * 60 + at.minute
    return (minute - start) % _WEEK_MINUTES < length


def check_window(text: str) -> str:
    """A maintenance window as given, refused where it is malformed or shorter than half an hour."""
    try:
        _start, length = _window_minutes(text.lower())
    except ValueError:
        raise bad_value(
            f"Invalid PreferredMaintenanceWindow: {text}. The format is ddd:hh24:mi-ddd:hh24:mi in UTC."
        ) from None
    if length < 30:
        raise bad_value("The preferred maintenance window must be at least 30 minutes long.")
    return text.lower()


def _window_minutes(window: str) -> tuple[int, int]:
    """Start in minutes since Monday midnight, and length in minutes."""
    match = _WINDOW.fullmatch(window)
    if match is None:
        raise ValueError(window)
    start = _DAYS.index(match["d1"]) * 1440 + int(match["h1"]) * 60 + int(match["m1"])
    end = _DAYS.index(match["d2"]) * 1440 + int(match["h2"]) * 60 + int(match["m2"])
    return start, (end - start) % _WEEK_MINUTES
