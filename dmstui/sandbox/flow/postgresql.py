"""PostgreSQL as a source (see `flow.source.Source`), over the source side of the engine room. For engine `postgres`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pyarrow as pa
from pyarrow import csv

from dmstui.sandbox.engines.base import Address, Credentials, SourceTable
from dmstui.sandbox.engines.postgres import catalogue, load, lsn, session
from dmstui.sandbox.flow.events import Events
from dmstui.sandbox.flow.source import ChangeStream, Moment
from dmstui.sandbox.flow.spec import TaskSpec

CHUNK = 4 << 20
"""Bytes of CSV that become one batch: large enough for Arrow, small enough for eight tables at once."""
BOM = b"\xef\xbb\xbf"


def parsed(piece: bytes, columns: Sequence[str]) -> pa.Table:
    """Whole rows of COPY's CSV as text columns: an unquoted empty field is NULL, a quoted one an empty text."""
    if piece.startswith(BOM):  # Arrow takes the first for a mark of the file, but it is the row's
        piece = BOM + piece
    return csv.read_csv(
        pa.BufferReader(piece),
        read_options=csv.ReadOptions(
            column_names=list(columns), block_size=max(len(piece) + 1, 1024), use_threads=False
        ),
        parse_options=csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            null_values=[""],
        ),
    )


def seen(snapshot: str, transaction: int) -> bool:
    """Whether a snapshot (`xmin:xmax:xip,...`, 64-bit ids) holds a transaction (32-bit id, as pgoutput gives it)."""
    low, high, running = snapshot.split(":")
    oldest, newest = int(low), int(high)
    # the 64-bit id nearest to the snapshot's end with these 32 low bits
    number = transaction & 0xFFFFFFFF
    number += (newest - number + 0x80000000) >> 32 << 32
    if number < oldest:
        return True
    return number < newest and number not in {int(each) for each in running.split(",") if each}


class PostgresSource:
    """See `flow.source.Source`."""

    def __init__(self, spec: TaskSpec, events: Events) -> None:
        self._task = spec
        self._spec = spec.source
        self._events = events
        self._main: Any = None
        self._holder: Any = None
        self._idle: list[Any] = []
        self._token = ""

    def access(self, credentials: Credentials | None = None) -> session.Access:
        """How to log in: as the endpoint's user unless told otherwise."""
        spec = self._spec
        return session.Access(
            Address(spec.host, spec.port, spec.database),
            credentials or Credentials(spec.user, spec.password),
            spec.ssl_mode,
            spec.ca_pem,
            spec.server_name,
        )

    def _setting(self, name: str, default: bool = False) -> bool:
        return str(self._spec.settings.get(name, default)).lower() in {"true", "y", "1"}

    async def open(self) -> None:
        """See the protocol."""
        self._main = await session.connect(self.access())
        script = self._spec.settings.get("AfterConnectScript")
        if script:
            await self._main.execute(str(script))

    async def _connection(self) -> Any:
        """The connection for questions, anew where the old one is gone."""
        if self._main is None or self._main.is_closed():
            self._main = await session.connect(self.access())
        return self._main

    async def close(self) -> None:
        """See the protocol."""
        await self.release()
        if self._main is not None:
            await _hang_up(self._main)
            self._main = None

    async def describe(self) -> Sequence[SourceTable]:
        """See the protocol."""
        return await catalogue.describe(
            await self._connection(), map_boolean=self._setting("MapBooleanAsBoolean")
        )

    def quote(self, name: str) -> str:
        """See the protocol."""
        return load.quote(name)

    # reading as of one moment

    async def moment(self) -> Moment:
        """See the protocol: a snapshot exported by a transaction that stays open."""
        await self.release()
        self._holder = await session.connect(self.access())
        token, what = await load.export_snapshot(self._holder)
        self._token = token
        return Moment(token, what)

    async def release(self) -> None:
        """See the protocol."""
        connections, self._idle = [*self._idle, self._holder], []
        self._holder, self._token = None, ""
        await asyncio.gather(*(_hang_up(each) for each in connections if each is not None))

    async def _reader(self, moment: Moment) -> Any:
        """A connection that reads at the moment; those done with a table are used again."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        connection = await session.connect(self.access())
        try:
            await load.import_snapshot(connection, moment.token)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def read(
        self, table: SourceTable, columns: Sequence[str], where: str | None, moment: Moment
    ) -> AsyncIterator[tuple[pa.Table, int]]:
        """See the protocol."""
        connection = await self._reader(moment)
        query = load.statement(table.schema, table.name, columns, where)
        loop = asyncio.get_running_loop()
        try:
            async for piece in load.rows(connection, query, chunk=CHUNK):
                yield await loop.run_in_executor(None, parsed, piece, columns), len(piece)
        except BaseException:
            # its transaction is aborted or in the middle of a COPY: of no use to another table
            connection.terminate()
            raise
        if self._token == moment.token:
            self._idle.append(connection)
        else:
            await _hang_up(connection)

    def unseen(self, moment: str, transaction: int) -> bool:
        """See the protocol."""
        return not seen(moment, transaction)

    # changes

    def position(self, text: str) -> int:
        """See the protocol."""
        return lsn.parse(text)

    def spelled(self, position: int) -> str:
        """See the protocol."""
        return lsn.spell(position)

    async def end(self) -> int:
        """See the protocol."""
        connection = await self._connection()
        return int(lsn.parse(await connection.fetchval("SELECT pg_current_wal_flush_lsn()::text")))

    async def prepare_changes(self, tables: Sequence[SourceTable], position: str | None) -> str:
        """See the protocol."""
        raise NotImplementedError

    async def changes(self, position: str) -> ChangeStream:
        """See the protocol."""
        raise NotImplementedError

    async def drop_changes(self) -> None:
        """See the protocol."""
        raise NotImplementedError


async def _hang_up(connection: Any) -> None:
    try:
        await connection.close(timeout=2)
    except Exception:
        connection.terminate()
