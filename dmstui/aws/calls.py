"""Counts calls and throttles and keeps the service's clock; one Ledger a connection, read by the monitor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# What passes under --read-only; everything else is refused before it is sent.
_READS = ("Describe", "Get", "List", "Filter", "Simulate")
# The Date header has whole seconds and travels: a smaller difference says nothing about this machine's clock.
_TOLERANCE = timedelta(seconds=2)


def reads_only(service: str, operation: str) -> bool:
    """The operation changes nothing. TestConnection changes no configuration and no data."""
    return service == "sts" or operation == "TestConnection" or operation.startswith(_READS)


class Ledger:
    """Calls made by service, throttles met, and how far this machine's clock is off the service's."""

    def __init__(self) -> None:
        self.by_service: Counter[str] = Counter()
        self.throttles: Counter[str] = Counter()
        self.metrics_asked = 0
        self.sandbox = False
        self._offset = timedelta(0)

    @property
    def calls(self) -> int:
        """All calls, retries included."""
        return sum(self.by_service.values())

    def sent(self, service: str) -> None:
        """One request went out."""
        self.by_service[service] += 1

    def throttled(self, service: str) -> None:
        """The service asked to be called less often."""
        self.throttles[service] += 1

    def answered(self, headers: Mapping[str, str], local: datetime | None = None) -> None:
        """Take the service's time from an answer's headers, and whether it is a sandbox that answers."""
        if (headers.get("server") or headers.get("Server")) == "sandbox":
            self.sandbox = True
        date = headers.get("date") or headers.get("Date")
        if not date:
            return
        try:
            remote = parsedate_to_datetime(date)
        except ValueError:
            return
        if remote.tzinfo is None:
            remote = remote.replace(tzinfo=UTC)
        offset = remote - (local or datetime.now(UTC))
        self._offset = offset if abs(offset) > _TOLERANCE else timedelta(0)

    @property
    def clock_offset(self) -> timedelta:
        """Service time minus this machine's, zero when within two seconds."""
        return self._offset

    def now(self) -> datetime:
        """The service's time, UTC."""
        return datetime.now(UTC) + self._offset
