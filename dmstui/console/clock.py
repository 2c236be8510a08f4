"""The two clocks the console reads, in one object that tests replace by a frozen one: no widget asks the system."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """Monotonic seconds for waiting, UTC wall time for showing."""

    def monotonic(self) -> float:
        """Seconds that never jump."""
        return time.monotonic()

    def at(self, moment: float) -> float:
        """A moment of `monotonic` that an event carries."""
        return moment

    def wall(self) -> datetime:
        """Now, UTC."""
        return datetime.now(UTC)


class FrozenClock(Clock):
    """A clock that moves only when told."""

    def __init__(self, wall: datetime, monotonic: float = 1000.0) -> None:
        self._wall, self._monotonic = wall, monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        from datetime import timedelta

        self._wall += timedelta(seconds=seconds)
        self._monotonic += seconds

    def monotonic(self) -> float:
        """The seconds set."""
        return self._monotonic

    def at(self, moment: float) -> float:
        """The seconds set: the system's clock, by which events are stamped, plays no part."""
        return self._monotonic

    def wall(self) -> datetime:
        """The time set."""
        return self._wall
