"""When change processing ends by itself: CdcStopPosition (`server_time:`, `commit_time:`). Pure; the worker asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class StopPosition:
    """`server`: by the clock; else by the commit time of transactions. `at` in seconds since the epoch."""

    server: bool
    at: float

    @property
    def reason(self) -> str:
        """The stop reason of a task that got there."""
        return "STOPPED_AT_SERVER_TIME" if self.server else "STOPPED_AT_COMMIT_TIME"


def stop_position(text: str | None) -> StopPosition | None:
    """Read CdcStopPosition; None where there is none. Raises ValueError for what cannot be read. Times are UTC."""
    if not text:
        return None
    kind, _, when = text.strip().partition(":")
    if kind not in {"server_time", "commit_time"}:
        raise ValueError(f"CdcStopPosition '{text}' is neither server_time:... nor commit_time:...")
    try:
        moment = datetime.fromisoformat(when.strip())
    except ValueError:
        raise ValueError(f"CdcStopPosition '{text}' holds no time like 2018-02-09T12:12:12") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return StopPosition(kind == "server_time", moment.timestamp())
