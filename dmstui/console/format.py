"""Durations, counts, sizes, ages and times as the screens write them: short, right-aligned friendly, never
misleading. Pure.

`—` means it does not apply, blank means nothing to say, `?` means not known.
"""

from __future__ import annotations

from datetime import datetime, timedelta

NOT_APPLICABLE = "—"
UNKNOWN = "?"


def duration(seconds: float | None) -> str:
    """Seconds in at most two units: `8s`, `4m12s`, `1h05m`, `3d4h`; below ten seconds a fraction only under one."""
    if seconds is None:
        return NOT_APPLICABLE
    if 0 < seconds < 1:
        return f"{seconds:.1f}s"
    whole = round(max(0.0, seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d{whole % 86400 // 3600}h"


def count(number: float | None) -> str:
    """A count in at most five characters: `310`, `9.8k`, `12k`, `1.2M`; a fraction below ten keeps one place."""
    if number is None:
        return NOT_APPLICABLE
    size = abs(number)
    if size < 1000:
        return f"{number:.1f}" if 0 < size < 10 and size != round(size) else f"{number:.0f}"
    for limit, unit in ((1e6, "k"), (1e9, "M"), (1e12, "G"), (1e15, "T")):
        if size < limit * 0.9995:
            scaled = number * 1000 / limit
            return f"{scaled:.1f}{unit}" if abs(scaled) < 9.95 else f"{scaled:.0f}{unit}"
    return f"{number:.1e}"


def exact(number: int | None) -> str:
    """A whole number with thousands apart: `1,204,331`."""
    return NOT_APPLICABLE if number is None else f"{number:,}"


def size(number: float | None) -> str:
    """Bytes in powers of 1024: `512 B`, `1.2 GB`."""
    if number is None:
        return NOT_APPLICABLE
    value = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if abs(value) < 1024:
            return f"{value:.0f} {unit}" if unit == "B" or abs(value) >= 10 else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TB"


def age(seconds: float) -> str:
    """How old something is, in coarse steps so that the header is not repainted every second: 5 s, 30 s, 1
    min, 5 min.
    """
    whole = max(0, int(seconds))
    if whole < 5:
        return "now"
    if whole < 30:
        return f"{whole // 5 * 5}s"
    if whole < 60:
        return "30s"
    if whole < 300:
        return f"{whole // 60}m"
    if whole < 3600:
        return f"{whole // 300 * 5}m"
    if whole < 86400:
        return f"{whole // 3600}h"
    return f"{whole // 86400}d"


def clock(at: datetime | None) -> str:
    """`14:02:31`, in the time's own zone."""
    return at.strftime("%H:%M:%S") if at else ""


def when(at: datetime | None, now: datetime | None = None) -> str:
    """A time of today as `14:02:31`, an earlier one with its date: `23 Nov 14:02`."""
    if at is None:
        return ""
    if now is not None and now - at < timedelta(hours=20) and now.date() == at.date():
        return at.strftime("%H:%M:%S")
    return at.strftime("%d %b %H:%M")


def dollars(amount: float) -> str:
    """`$0.07`, `$1.20`, `$14`; small amounts keep two digits that say something."""
    if amount >= 10:
        return f"${amount:.0f}"
    if amount >= 0.1 or amount == 0:
        return f"${amount:.2f}"
    return f"${amount:.3f}"


def plural(number: int, one: str, many: str | None = None) -> str:
    """`1 table`, `8 tables`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
