"""What a source is to the flow: described, read as of one moment, followed change by change. One class an engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from dmstui.sandbox.engines.base import SourceTable


@dataclass(frozen=True, slots=True)
class Moment:
    """One state of the source, shared by all connections that read. `seen` names the transactions it holds."""

    token: str
    seen: str


class Change(Protocol):
    """One changed row. `operation`: I, U, D, or T for a truncate. Values are texts by column name.

    `unchanged` names columns whose value the source did not send, because it is large and was not touched;
    `columns` are those the table has at this point of the log. `old` is the row or its key before the change.
    """

    @property
    def operation(self) -> str: ...
    @property
    def schema(self) -> str: ...
    @property
    def table(self) -> str: ...
    @property
    def new(self) -> Mapping[str, str | None]: ...
    @property
    def old(self) -> Mapping[str, str | None]: ...
    @property
    def unchanged(self) -> frozenset[str]: ...
    @property
    def columns(self) -> tuple[str, ...]: ...


class Transaction(Protocol):
    """One committed transaction. `position` is where reading goes on after it; `committed` in epoch seconds."""

    @property
    def id(self) -> int: ...
    @property
    def position(self) -> int: ...
    @property
    def committed(self) -> float: ...
    @property
    def changes(self) -> Sequence[Change]: ...
    @property
    def bytes(self) -> int: ...


class ChangeStream(Protocol):
    """The changes of a source from a position on."""

    async def next(self, wait: float) -> Sequence[Transaction]:
        """The next committed transactions, [] after `wait` seconds without any."""

    def reached(self) -> int:
        """The position up to which everything has been given out by `next`."""

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

    async def prepare_changes(self, position: str | None, resume: bool) -> str:
        """Make ready to follow changes, or see whether they can still be followed from `position` in a resume.

        Returns the position they begin at. `position` of a first start is CdcStartPosition.
        """

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
