"""Table statistics of a run (dms.md 2.6): counted by load and apply, sent as events, carried in checkpoints."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any

from dmstui.sandbox.flow.events import Events

Name = tuple[str, str]
"""Source schema and table."""

CHANGE_COUNTERS = tuple(
    f"{prefix}{word}" for prefix in ("", "applied_") for word in ("inserts", "updates", "deletes", "ddls")
)


class State(StrEnum):
    """TableState of DescribeTableStatistics."""

    MISSING = "Table does not exist"
    WAITING = "Before load"
    LOADING = "Full load"
    COMPLETED = "Table completed"
    CANCELLED = "Table cancelled"
    ERROR = "Table error"
    RELOADING = "Table is being reloaded"


@dataclass(slots=True)
class TableRecord:
    """One table of the task. Counters are absolute; times are seconds since the epoch."""

    schema: str
    table: str
    state: State = State.WAITING
    full_load_rows: int = 0
    full_load_error_rows: int = 0
    inserts: int = 0
    updates: int = 0
    deletes: int = 0
    ddls: int = 0
    applied_inserts: int = 0
    applied_updates: int = 0
    applied_deletes: int = 0
    applied_ddls: int = 0
    full_load_start: float | None = None
    full_load_end: float | None = None
    reloaded: bool = False
    validation_state: str = "Not enabled"
    # what a resume needs beside the counters
    base: dict[str, Any] | None = None
    """What `Target.undo` needs while the table is half loaded."""
    moment: str | None = None
    """Which transactions the load has seen: changes of others are still to be applied."""
    weight: int = field(default=1)
    """Estimated rows, for the progress in percent."""
    data_errors: int = 0
    durable: dict[str, int] = field(default_factory=dict)
    """The change counters as of what the target has for good: a checkpoint carries these."""

    @property
    def name(self) -> Name:
        """Source schema and table."""
        return self.schema, self.table

    def restart(self) -> None:
        """Counters begin again: the table is loaded from its start."""
        for each in fields(self):
            if each.name.startswith(("full_load", "applied")) or each.name in {
                "inserts", "updates", "deletes", "ddls", "data_errors",
            }:  # fmt: skip
                setattr(self, each.name, each.default)
        self.moment = self.base = None
        self.durable = {}

    def settle(self) -> None:
        """Everything counted so far is on the target."""
        self.durable = {name: value for name in CHANGE_COUNTERS if (value := getattr(self, name))}

    def revert(self) -> None:
        """What is not on the target will be read and counted again."""
        for name in CHANGE_COUNTERS:
            setattr(self, name, self.durable.get(name, 0))

    def count(self, operation: str, rows: int = 1, applied: bool = False) -> None:
        """Count captured or applied changes; operation is I, U, D or T (a DDL)."""
        word = {"I": "inserts", "U": "updates", "D": "deletes", "T": "ddls"}[operation]
        member = f"applied_{word}" if applied else word
        setattr(self, member, getattr(self, member) + rows)

    def event(self) -> dict[str, Any]:
        """The members of the `table` event."""
        document = asdict(self)
        for inner in ("base", "moment", "weight", "data_errors", "durable"):
            del document[inner]
        return document

    def remembered(self) -> dict[str, Any]:
        """The record as JSON for a checkpoint: what differs from a new one, change counters as of what is durable."""
        document = {
            each.name: value
            for each in fields(self)
            if each.name not in CHANGE_COUNTERS
            and each.name != "durable"
            and ((value := getattr(self, each.name)) != each.default or each.name in {"schema", "table"})
        }
        return document | self.durable


def recalled(document: Mapping[str, Any]) -> TableRecord:
    """A record out of a checkpoint."""
    known = {each.name for each in fields(TableRecord)}
    record = TableRecord(**{name: value for name, value in document.items() if name in known})
    record.state = State(record.state)
    record.settle()
    return record


class Statistics:
    """All tables of the task. Events go out at most twice a second a table, state changes at once."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._tables: dict[Name, TableRecord] = {}
        self._sent: dict[Name, tuple[float, dict[str, Any]]] = {}
        self._progress: dict[str, Any] = {}

    def add(self, record: TableRecord) -> TableRecord:
        """Take a table in (or anew)."""
        self._tables[record.name] = record
        return record

    def __getitem__(self, name: Name) -> TableRecord:
        return self._tables[name]

    def get(self, name: Name) -> TableRecord | None:
        """The record of a table the task knows."""
        return self._tables.get(name)

    def __iter__(self) -> Iterator[TableRecord]:
        return iter(list(self._tables.values()))

    def __len__(self) -> int:
        return len(self._tables)

    def state(self, record: TableRecord, state: State) -> None:
        """Change a table's state and tell it."""
        record.state = state
        self._send(record)

    def _send(self, record: TableRecord) -> None:
        event = record.event()
        sent = self._sent.get(record.name)
        if sent is None or sent[1] != event:
            self._events.emit("table", **event)
            self._sent[record.name] = time.monotonic(), event

    def tell(self, everything: bool = False) -> None:
        """Send what changed since it was last sent, tables sent less than half a second ago excepted."""
        now = time.monotonic()
        for record in list(self._tables.values()):
            sent = self._sent.get(record.name)
            if everything or sent is None or now - sent[0] >= 0.5:
                self._send(record)
        progress = self.progress()
        if progress != self._progress:
            self._progress = progress
            self._events.emit("progress", **progress)

    def progress(self, loads: bool = True) -> dict[str, int]:
        """The counts of ReplicationTaskStats; percent by estimated rows."""
        counts = dict.fromkeys(("loaded", "loading", "queued", "errored"), 0)
        done = total = 0.0
        for record in self._tables.values():
            weight = float(max(1, record.weight))
            total += weight
            match record.state:
                case State.COMPLETED:
                    counts["loaded"] += 1
                    done += weight
                case State.LOADING | State.RELOADING:
                    counts["loading"] += 1
                    done += min(record.full_load_rows, weight * 0.99)
                case State.ERROR | State.MISSING | State.CANCELLED:
                    counts["errored"] += 1
                    done += weight
                case _:
                    counts["queued"] += 1
        percent = 100 if total == 0 or done >= total else int(done * 100 / total)
        return {"percent": percent, **counts}
