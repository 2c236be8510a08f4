"""How kinds write durations, counts, sizes and times in a cell: short and never misleading. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

NONE = "—"  # does not apply or is not known


def duration(seconds: float | None) -> str:
    """Seconds in at most two units: `0.4s`, `8s`, `4m12s`, `1h05m`, `3d04h`."""
    if seconds is None:
        return NONE
    if 0 < seconds < 1:
        return f"{seconds:.1f}s"
    whole = round(max(0.0, seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02d}h"


def exact(number: int | None) -> str:
    """A whole number with thousands apart: `1,204,331`."""
    return NONE if number is None else f"{number:,}"


def when(at: datetime | None) -> str:
    """UTC with the zone printed: `2026-11-24 14:02:31Z`."""
    return "" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def iso(at: datetime | None) -> str | None:
    """ISO 8601 in UTC for exports."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def yes(value: bool) -> str:
    """`yes` or `no`."""
    return "yes" if value else "no"
