"""Log groups, streams and events as CloudWatch Logs has them: rooms and PutLogEvents write, `cloudwatch_logs` reads."""

from __future__ import annotations

import bisect
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dmstui.sandbox.service import Fault
from dmstui.sandbox.stores.spool import Spool

MAX_EVENTS = 100_000
MAX_MESSAGE = 256 * 1024
_OVERHEAD = 26  # bytes AWS counts for an event besides its text


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One line; times in milliseconds since 1970, `number` grows with arrival over the whole store."""

    at: int
    ingested: int
    message: str
    number: int

    @property
    def event_id(self) -> str:
        """An id of 56 digits that sorts by time and arrival."""
        return f"{self.at:026d}{self.number:030d}"


@dataclass(slots=True)
class LogStream:
    name: str
    created: int
    events: list[LogEvent] = field(default_factory=list)
    size: int = 0
    dropped: int = 0  # events forgotten at the front, so that read positions stay true

    def add(self, event: LogEvent) -> None:
        if not self.events or self.events[-1].at <= event.at:
            self.events.append(event)
        else:
            bisect.insort(self.events, event, key=lambda known: (known.at, known.number))
        self.size += len(event.message.encode("utf-8", "replace")) + _OVERHEAD
        if len(self.events) > MAX_EVENTS:
            cut = MAX_EVENTS // 10
            del self.events[:cut]
            self.dropped += cut

    def between(self, start: int | None, end: int | None) -> tuple[int, int]:
        """The slice of events with start <= time < end."""
        low = 0 if start is None else bisect.bisect_left(self.events, start, key=lambda event: event.at)
        high = (
            len(self.events)
            if end is None
            else bisect.bisect_left(self.events, end, key=lambda event: event.at)
        )
        return low, max(low, high)


@dataclass(slots=True)
class LogGroup:
    name: str
    created: int
    retention: int | None = None
    tags: dict[str, str] = field(default_factory=dict)
    streams: dict[str, LogStream] = field(default_factory=dict)
    kms_key: str | None = None
    log_class: str = "STANDARD"


class LogStore:
    """All log groups of the account."""

    def __init__(self, spool: Spool | None = None) -> None:
        self.groups: dict[str, LogGroup] = {}
        self._number = 0
        self._spool = spool or Spool(None)
        for line in self._spool.read():
            self._apply(line)
        self._spool.rewrite(self._lines())

    # -- what rooms call -----------------------------------------------------------------------------------------

    def put(self, group: str, stream: str, events: Sequence[tuple[int, str]]) -> None:
        """Add lines (milliseconds since 1970, text), making the group and the stream when they are missing."""
        if group not in self.groups:
            self.create_group(group)
        if stream not in self.groups[group].streams:
            self.create_stream(group, stream)
        self.append(group, stream, events)

    # -- what the service calls ----------------------------------------------------------------------------------

    def group(self, name: str) -> LogGroup:
        found = self.groups.get(name)
        if found is None:
            raise Fault("ResourceNotFoundException", "The specified log group does not exist.")
        return found

    def stream(self, group: str, name: str) -> LogStream:
        found = self.group(group).streams.get(name)
        if found is None:
            raise Fault("ResourceNotFoundException", "The specified log stream does not exist.")
        return found

    def create_group(self, name: str, **fields: Any) -> None:
        if name in self.groups:
            raise Fault("ResourceAlreadyExistsException", "The specified log group already exists")
        self._record(["group", name, _now(), fields])

    def create_stream(self, group: str, name: str) -> None:
        if name in self.group(group).streams:
            raise Fault("ResourceAlreadyExistsException", "The specified log stream already exists")
        self._record(["stream", group, name, _now()])

    def append(self, group: str, stream: str, events: Sequence[tuple[int, str]]) -> None:
        if events:
            self._record(["events", group, stream, _now(), [(at, text[:MAX_MESSAGE]) for at, text in events]])

    def delete_group(self, name: str) -> None:
        self.group(name)
        self._record(["delete-group", name])

    def delete_stream(self, group: str, name: str) -> None:
        self.stream(group, name)
        self._record(["delete-stream", group, name])

    def retain(self, name: str, days: int | None) -> None:
        self.group(name)
        self._record(["retention", name, days])

    def tag(self, name: str, tags: dict[str, str], remove: Sequence[str] = ()) -> None:
        self.group(name)
        self._record(["tags", name, tags, list(remove)])

    def close(self) -> None:
        self._spool.close()

    # -- keeping -------------------------------------------------------------------------------------------------

    def _record(self, line: list[Any]) -> None:
        self._apply(line)
        self._spool.write(line)

    def _apply(self, line: list[Any]) -> None:
        match line:
            case ["group", name, at, fields]:
                self.groups[name] = LogGroup(name, at, **fields)
            case ["stream", group, name, at]:
                self.groups[group].streams[name] = LogStream(name, at)
            case ["events", group, stream, at, events]:
                target = self.groups[group].streams[stream]
                for when, message in events:
                    self._number += 1
                    target.add(LogEvent(int(when), at, message, self._number))
                self._expire(self.groups[group], target)
            case ["delete-group", name]:
                self.groups.pop(name, None)
            case ["delete-stream", group, name]:
                self.groups[group].streams.pop(name, None)
            case ["retention", name, days]:
                self.groups[name].retention = days
            case ["tags", name, tags, remove]:
                self.groups[name].tags.update(tags)
                for key in remove:
                    self.groups[name].tags.pop(key, None)

    def _expire(self, group: LogGroup, stream: LogStream) -> None:
        if group.retention is None:
            return
        oldest = _now() - group.retention * 86_400_000
        low, _ = stream.between(oldest, None)
        if low:
            del stream.events[:low]
            stream.dropped += low

    def _lines(self) -> list[Any]:
        lines: list[Any] = []
        for group in self.groups.values():
            fields = {
                "retention": group.retention,
                "tags": group.tags,
                "kms_key": group.kms_key,
                "log_class": group.log_class,
            }
            lines.append(["group", group.name, group.created, fields])
            for stream in group.streams.values():
                lines.append(["stream", group.name, stream.name, stream.created])
                lines.extend(
                    ["events", group.name, stream.name, event.ingested, [(event.at, event.message)]]
                    for event in stream.events
                )
        return lines


def _now() -> int:
    return int(time.time() * 1000)
