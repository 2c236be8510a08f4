"""PostgreSQL as a source (see `flow.source.Source`), over the source side of the engine room. For engine `postgres`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pyarrow as pa
from pyarrow import csv

from dmstui.sandbox.engines.base import Address, Credentials, EngineFailureError, Kind, SourceTable
from dmstui.sandbox.engines.postgres import catalogue, check, errors, load, lsn, session
from dmstui.sandbox.engines.postgres.changes import SlotReader, slot_name
from dmstui.sandbox.flow.errors import TroubleError
from dmstui.sandbox.flow.events import Events
from dmstui.sandbox.flow.source import ChangeStream, Moment, Transaction
from dmstui.sandbox.flow.spec import TaskSpec

CHUNK = 2 << 20
"""Bytes of CSV that become one batch: large enough for Arrow, small enough for eight tables at once."""
BOM = b"\xef\xbb\xbf"
LSN = re.compile(r"\b[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}\b")
REFUSED = frozenset({"wal-sender-timeout", "read-replica"})
"""Findings of `check.source` that no statement of ours would fail with, yet a task of DMS does."""


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
        self._slot = ""
        self._blockers: tuple[int, ...] = ()

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
        self._main = await session.connect(self.access(), seconds=self._spec.connect_seconds)
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

    async def prepare_changes(self, position: str | None, resume: bool) -> str:
        """See the protocol: slot and publications, made by the engine's superuser where the user may replicate."""
        connection = await self._connection()
        for finding in await check.source(connection, cdc=True):
            advice = f" {finding.advice}" if finding.advice else ""
            self._events.log("SOURCE_CAPTURE", "W", f"{finding.text}.{advice}")
            if finding.code in REFUSED:
                raise TroubleError(
                    Kind.FATAL, "Endpoint initialization failed.", finding.text, "source", 1020912
                )
        self._slot = self._named_slot() or slot_name(self._task.suffix, self._spec.database)
        reader = await self._reader_of_slot()
        status = await reader.status()
        named = self._named_slot() is not None
        if (named or resume) and status is None:
            raise EngineFailureError(
                errors.server_error("42704", f'replication slot "{self._slot}" does not exist')
            )
        start = log_position(position)
        if start is not None and not named and not resume and status is None:
            raise TroubleError(
                Kind.FATAL,
                "CdcStartPosition of a PostgreSQL source needs the endpoint setting slotName.",
                code=0,
            )
        if start is None and not named and not resume:
            await reader.drop()
        made = await reader.prepare(waiting=self._waiting, seconds=self._timeout())
        self._events.log(
            "SOURCE_CAPTURE",
            "I",
            f"Replication slot '{self._slot}' with plugin pgoutput, publications "
            f"{', '.join(reader.publications.names)}; position {made}",
        )
        return start or made

    def _timeout(self) -> float:
        load_settings = self._task.settings.get("FullLoadSettings") or {}
        return float(load_settings.get("TransactionConsistencyTimeout") or 600)

    def _waiting(self, pids: Sequence[int]) -> None:
        if tuple(pids) != self._blockers:
            self._blockers = tuple(pids)
            named = ", ".join(map(str, pids))
            self._events.log(
                "SOURCE_CAPTURE",
                "I",
                f"Waiting for transactions open at the start to finish (process {named})",
            )

    def _named_slot(self) -> str | None:
        """The slot somebody made by hand and the endpoint names; it is never dropped."""
        return str(self._spec.settings.get("SlotName") or "") or None

    async def _reader_of_slot(self) -> SlotReader:
        """A reader as the internal superuser, whom RDS's rds_replication stands for; else as the user, who fails."""
        spec = self._spec
        credentials = None
        if spec.admin_user and await check.may_replicate(await self._connection()):
            credentials = Credentials(spec.admin_user, spec.admin_password or "")
        return SlotReader(self.access(credentials), self._slot)

    async def changes(self, position: str) -> ChangeStream:
        """See the protocol."""
        reader = await self._reader_of_slot()
        try:
            await reader.open(position or None)
        except BaseException:
            await reader.close()
            raise
        return SlotStream(reader)

    async def drop_changes(self) -> None:
        """See the protocol. A slot made by hand stays."""
        if self._named_slot() is not None:
            return
        spec = self._spec
        self._slot = slot_name(self._task.suffix, spec.database)
        credentials = Credentials(spec.admin_user, spec.admin_password or "") if spec.admin_user else None
        await SlotReader(self.access(credentials), self._slot).drop()


class SlotStream:
    """See `flow.source.ChangeStream`."""

    def __init__(self, reader: SlotReader) -> None:
        self._reader = reader
        self._reached = 0

    async def next(self, wait: float) -> Sequence[Transaction]:
        """See the protocol."""
        # what the server had read before this look is given out when the look finds nothing
        end = self._reader.server_end
        found = await self._reader.next(wait)
        self._reached = max(self._reached, found[-1].position if found else end)
        return found

    def reached(self) -> int:
        """See the protocol."""
        return self._reached

    async def confirm(self, position: int) -> None:
        """See the protocol."""
        await self._reader.confirm(position)

    async def close(self) -> None:
        """See the protocol."""
        await self._reader.close()


def log_position(text: str | None) -> str | None:
    """The log sequence number in a CdcStartPosition: as it is, or inside a `checkpoint:V1#...`; None where none is."""
    if not text:
        return None
    found = LSN.search(text)
    if found is None:
        raise TroubleError(Kind.FATAL, f"CdcStartPosition '{text}' is not a position of PostgreSQL.", code=0)
    return lsn.spell(lsn.parse(found.group(0)))


async def _hang_up(connection: Any) -> None:
    try:
        await connection.close(timeout=2)
    except Exception:
        connection.terminate()
