"""What a source is to the flow: described, read as of one moment, followed change by change. One class an engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from dmstui.sandbox.engines.base import SourceTable


@dataclass(frozen=True, slots=True)
class Moment:
    """One state of the source, shared by all connections that read. `seen` names the transactions it holds."""

    token: str
    seen: str


@dataclass(slots=True)
class Change:
    """One changed row. `operation`: I, U, D, or T for a truncate. Values are texts by column name.

    `unchanged` names columns whose value the source did not send, because it is large and was not touched.
    """

    operation: str
    schema: str
    table: str
    new: Mapping[str, str | None] = field(default_factory=dict)
    old: Mapping[str, str | None] = field(default_factory=dict)
    unchanged: frozenset[str] = frozenset()
    columns: tuple[str, ...] = ()
    """The columns the table has at this point of the log."""


@dataclass(slots=True)
class Transaction:
    """One committed transaction. `position` is where reading goes on after it; `committed` in epoch seconds."""

    id: int
    position: int
    committed: float
    changes: list[Change]
    bytes: int = 0


class ChangeStream(Protocol):
    """The changes of a source from a position on."""

    async def next(self, wait: float) -> list[Transaction]:
        """The next committed transactions, [] after `wait` seconds without any."""

    async def confirm(self, position: int) -> None:
        """Everything up to here is durable on the target: the source may forget it."""

    async def close(self) -> None:
        """Stop reading; the source keeps the position."""


class Source(Protocol):
    """A source endpoint."""

    async def open(self) -> None:
        """Connect and look whether the source can be read; raises the engine's own errors."""

    async def close(self) -> None:
        """Let go of every connection."""

    async def describe(self) -> Sequence[SourceTable]:
        """All tables and views the user may read."""

    async def moment(self) -> Moment:
        """Fix a moment to read at; it holds until `release`."""

    async def release(self) -> None:
        """Let go of the moment."""

    def read(
        self, table: SourceTable, columns: Sequence[str], where: str | None, moment: Moment
    ) -> AsyncIterator[tuple[pa.Table, int]]:
        """The rows as of the moment, in batches of text columns, each with its size on the wire in bytes."""

    def quote(self, name: str) -> str:
        """A name as the engine quotes it."""

    def unseen(self, moment: str, transaction: int) -> bool:
        """Whether a transaction came after a load's moment, so that its changes are still to be applied."""

    async def prepare_changes(self, tables: Sequence[SourceTable], position: str | None) -> str:
        """Make ready to follow changes; returns the position they begin at."""

    async def changes(self, position: str) -> ChangeStream:
        """Follow the changes after a position."""

    async def drop_changes(self) -> None:
        """Remove what `prepare_changes` made at the source."""

    async def end(self) -> int:
        """The position of the newest change there is."""

    def position(self, text: str) -> int:
        """A position in the engine's spelling as a number that grows."""

    def spelled(self, position: int) -> str:
        """A position as DMS shows it."""


def text_array(values: Sequence[str | None]) -> pa.Array:
    """Texts as a column."""
    return pa.array(values, pa.string())
