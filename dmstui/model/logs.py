"""A task's log line and the parser of its text; `aws.logs` builds it, console and cli print it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

# DMS writes: thread id, time, component padded to 16, severity letter, message, place in its own source.
_LINE = re.compile(r"^(\d{8}): (\S+) \[(.{16})\]([EWITDV]):\s+(.*?)(?:\s+\(([\w.]+:\d+)\))?$", re.DOTALL)

SEVERITIES = {"E": "error", "W": "warning", "I": "info", "T": "trace", "D": "debug", "V": "verbose"}


@dataclass(frozen=True, slots=True)
class LogLine:
    """One CloudWatch event of a task's stream. `severity` is DMS's letter, empty for other shapes."""

    at: datetime
    component: str
    severity: str
    message: str
    text: str
    event_id: str = ""


def parse_line(at: datetime, text: str, event_id: str = "") -> LogLine:
    """A CloudWatch event's time and text -> LogLine. A text of another shape is kept whole as the message."""
    found = _LINE.match(text.rstrip("\n"))
    if not found:
        return LogLine(at, "", "", text.rstrip("\n"), text, event_id)
    return LogLine(at, found.group(3).strip(), found.group(4), found.group(5), text, event_id)
