"""What a target is to the flow: prepared a table at a time, loaded in batches, given changes in committed portions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from dmstui.mappings import TablePlan


class TargetError(Exception):
    """The target refused. `recoverable` = another try may succeed; `table` = only the table at hand is concerned."""

    def __init__(self, message: str, *, recoverable: bool = False, table: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.recoverable = recoverable
        self.table = table


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row the target's types cannot hold: left out of what is written, and handed to the error policy.

    `truncation` says that the value is of the right kind but too large (DataTruncationErrorPolicy), else
    DataErrorPolicy decides.
    """

    column: str
    value: str
    reason: str
    truncation: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one table as text columns named as the target columns: what a reader hands to a writer.

    Texts are PostgreSQL's canonical forms with ISO dates, UTC times without offset, `true`/`false` and `\\x` hex
    for bytes; NULL is null. `operations` (I, U, D) and `times` (commit times, or load time) are one a row in CDC.
    """

    table: pa.Table
    operations: Sequence[str] | None = None
    times: Sequence[str] | str = ""

    def __len__(self) -> int:
        return int(self.table.num_rows)


@dataclass(slots=True)
class Written:
    """What became of rows: how many were written, how many bytes that took, which were rejected."""

    rows: int = 0
    bytes: int = 0
    rejected: list[Rejection] = field(default_factory=list)

    def add(self, other: Written) -> None:
        """Count another portion in."""
        self.rows += other.rows
        self.bytes += other.bytes
        self.rejected += other.rejected


class Load(Protocol):
    """The full load of one table or segment. All calls block: the flow makes them in a thread, one at a time."""

    def write(self, rows: Rows) -> Written:
        """Take rows; what it says written may still be on its way until `finish`."""

    def finish(self) -> Written:
        """Make everything written durable."""

    def abort(self) -> None:
        """Forget what is not durable yet; what is, `Target.undo` removes."""


@dataclass(frozen=True, slots=True)
class TableChanges:
    """Changes of one table in commit order, to be made durable together with those of other tables."""

    plan: TablePlan
    rows: Rows
    commits: Sequence[float]
    """Commit time of each row, seconds since the epoch."""
    sequence: Sequence[int]
    """Place of each row among the changes of all tables."""


class Portion(Protocol):
    """Changes of several tables about to become durable together."""

    @property
    def keys(self) -> list[str]:
        """The names under which they will be found. Known before `write`, so that a kill can be cleaned up."""

    @property
    def marks(self) -> dict[str, Any]:
        """What the next portion has to know of this one, as JSON."""

    def write(self) -> list[Written]:
        """Make them durable; one answer a table, in the order given."""


class Target(Protocol):
    """A target endpoint. All calls block: the flow makes them in a thread."""

    def open(self) -> None:
        """Make sure that the target can be reached and written; raises TargetError."""

    def prepare(self, plan: TablePlan, mode: str) -> dict[str, Any]:
        """Bring a table into the state TargetTablePrepMode asks for; returns what `undo` needs, as JSON."""

    def undo(self, plan: TablePlan, base: Mapping[str, Any]) -> None:
        """Remove what a load that began with `base` wrote and never finished."""

    def load(self, plan: TablePlan, base: Mapping[str, Any], segment: tuple[int, str] | None) -> Load:
        """Begin to load a table, or the segment (its number from 1, its name or '') of it."""

    def portion(self, changes: Sequence[TableChanges], marks: Mapping[str, Any]) -> Portion:
        """Make changes ready to be written, given the marks of the portion before.

        The same changes after the same marks get the same names: written again after a kill they replace.
        """

    def forget(self, keys: Sequence[str]) -> None:
        """Remove what an interrupted `Portion.write` may have left."""

    def truncate(self, plan: TablePlan) -> None:
        """Carry out a TRUNCATE of the source table."""

    @property
    def change_interval(self) -> float:
        """Longest time in seconds a captured change may wait before it is written."""

    @property
    def change_bytes(self) -> int:
        """Size in bytes of waiting changes that makes them be written earlier."""
