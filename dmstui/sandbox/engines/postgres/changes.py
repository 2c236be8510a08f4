"""Follows a PostgreSQL source change by change through a logical slot. The flow makes one SlotReader a task."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dmstui.sandbox.engines.base import EngineError, EngineFailureError
from dmstui.sandbox.engines.postgres import errors, lsn, publications, session
from dmstui.sandbox.engines.postgres.pgoutput import Begin, Commit, Decoder, Message, RowChange
from dmstui.sandbox.engines.postgres.replication import KeepAlive, ReplicationStream

CREATE_SECONDS = 600.0
"""How long DMS waits for transactions open at the start (TransactionConsistencyTimeout)."""
BUFFERED_CHANGES = 50_000
BUFFERED_BYTES = 64 << 20
"""What is read ahead of the target at most; beyond, the server keeps the changes. One transaction always fits."""
STATUS_EVERY = 3.0
"""Seconds between signs of life to the server; wal_sender_timeout is 10 s at least (dms.md 6.4)."""
LOOK_EVERY = 1.0
"""Seconds between looks at slot and publications: PostgreSQL 18 passes over a missing publication without a word."""


@dataclass(slots=True)
class Transaction:
    """One committed transaction. `position` is where reading goes on after it; `committed` in epoch seconds."""

    id: int
    position: int
    committed: float
    changes: list[RowChange]
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class SlotStatus:
    """A slot as the server shows it; positions as numbers, sizes in bytes. `wal_status` is None once it is dropped."""

    active: bool
    wal_status: str | None
    restart: int | None
    confirmed: int | None
    retained_bytes: int | None
    behind_bytes: int | None
    safe_bytes: int | None

    @property
    def lost(self) -> bool:
        return self.wal_status == "lost"


_STATUS = """
SELECT active, wal_status, restart_lsn::text AS restart, confirmed_flush_lsn::text AS confirmed,
       pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint AS retained,
       pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint AS behind, safe_wal_size AS safe
FROM pg_replication_slots WHERE slot_name = $1
"""


def slot_name(task: str, database: str) -> str:
    """The slot of a task, always the same and in DMS's shape: letters, digits and `_`, 63 characters at most."""
    digest = hashlib.sha256(f"{task}:{database}".encode()).hexdigest()
    head = (
        "".join(each if each.isalnum() and each.isascii() else "_" for each in task.lower())[:16].strip("_")
        or "task"
    )
    parts = (digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32])
    return f"{head}_00{int(digest[:5], 16) % 1_000_000:06d}_{'_'.join(parts)}"


_OURS = re.compile(r"_00[0-9]{6}(_[0-9a-f]{4,12}){5}$")
"""A name `slot_name` made, not somebody at the source."""


class SlotReader:
    """One slot of one task. `access` logs in as the server's internal superuser to the source database.

    `prepare()` makes slot and publications, `open()` streams, `next()` gives transactions in commit order, `confirm()`
    lets the server forget. What goes wrong is raised as asyncpg, ssl or OSError; `errors.classify` sorts it.
    """

    def __init__(self, access: session.Access, slot: str) -> None:
        self.access = access
        self.slot = slot
        self.publications = publications.Publications.of(slot)
        self.server_end = 0
        """How far the server has read its log for us: an idle source may be confirmed up to here (heartbeat)."""
        self._stream: ReplicationStream | None = None
        self._admin: Any = None
        self._tasks: list[asyncio.Task[None]] = []
        self._ready: deque[Transaction] = deque()
        self._buffered = [0, 0]
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._failure: BaseException | None = None
        self._received = 0
        self._durable = 0

    # -- slot and publications -----------------------------------------------------------------------

    async def prepare(
        self,
        *,
        waiting: Callable[[Sequence[int]], None] | None = None,
        seconds: float = CREATE_SECONDS,
    ) -> str:
        """Make publications and slot, unless they are there; returns the position changes begin at.

        A transaction that has written and is still open blocks it: `waiting` is told the pids every half second.
        Raises EngineFailureError after `seconds`; nothing is left behind then.
        """
        async with self._session() as admin:
            found = await self._status(admin)
            if found is not None and found.confirmed is not None:
                if _OURS.search(self.slot):
                    # Made together with the slot. New ones would not show what was written while there were none.
                    await self._require_publications(admin)
                await publications.create(admin, self.publications)
                return lsn.spell(found.confirmed)
            await publications.create(admin, self.publications)
            try:
                return await self._create_slot(admin, waiting, seconds)
            except BaseException:
                with contextlib.suppress(Exception):
                    async with self._session() as other:
                        await publications.drop(other, self.publications)
                raise

    async def _create_slot(
        self, admin: Any, waiting: Callable[[Sequence[int]], None] | None, seconds: float
    ) -> str:
        pid = admin.get_server_pid()
        creating = asyncio.create_task(
            admin.fetchval(
                "SELECT lsn::text FROM pg_create_logical_replication_slot($1, 'pgoutput')", self.slot
            )
        )
        deadline = time.monotonic() + seconds
        blockers: list[int] = []
        try:
            async with self._session() as watcher:
                while not creating.done():
                    await asyncio.wait({creating}, timeout=0.5)
                    if creating.done():
                        break
                    blockers = await watcher.fetchval("SELECT pg_blocking_pids($1)", pid)
                    if blockers and waiting is not None:
                        waiting(blockers)
                    if time.monotonic() > deadline:
                        raise EngineFailureError(_blocked(blockers))
            return str(await creating)
        finally:
            if not creating.done():
                creating.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await creating

    async def drop(self) -> None:
        """Stop reading and remove slot and publications; nothing to do where they are gone."""
        await self.close()
        async with self._session() as admin:
            await drop_slot(admin, self.slot)
            await publications.drop(admin, self.publications)

    async def status(self) -> SlotStatus | None:
        """The slot as the server shows it, None if there is none of this name."""
        if self._admin is not None and not self._admin.is_closed():
            return await self._status(self._admin)
        async with self._session() as admin:
            return await self._status(admin)

    async def _status(self, admin: Any) -> SlotStatus | None:
        row = await admin.fetchrow(_STATUS, self.slot)
        if row is None:
            return None
        restart, confirmed = row["restart"], row["confirmed"]
        return SlotStatus(
            row["active"],
            row["wal_status"],
            lsn.parse(restart) if restart else None,
            lsn.parse(confirmed) if confirmed else None,
            row["retained"],
            row["behind"],
            row["safe"],
        )

    async def current(self) -> int:
        """Where the server's log ends now."""
        async with self._session() as admin:
            return lsn.parse(await admin.fetchval("SELECT pg_current_wal_flush_lsn()::text"))

    @contextlib.asynccontextmanager
    async def _session(self) -> Any:
        connection = await session.connect(self.access)
        try:
            yield connection
        finally:
            with contextlib.suppress(Exception):
                await connection.close(timeout=5)

    # -- reading -------------------------------------------------------------------------------------

    async def open(self, position: str | None = None) -> None:
        """Start streaming after `position`, or where the slot stands. Earlier than the slot is not to be had."""
        await self.close()
        self._failure = None
        self._ready.clear()
        self._buffered = [0, 0]
        self._admin = await session.connect(self.access)
        await self._look()
        self._stream = await ReplicationStream.open(self.access)
        await self._stream.start(self.slot, position or "0/0", self.publications.names)
        self._durable = self._received = lsn.parse(position) if position else 0
        self._tasks = [
            asyncio.create_task(self._guard(self._read), name=f"slot {self.slot}"),
            asyncio.create_task(self._guard(self._report), name=f"slot {self.slot} status"),
            asyncio.create_task(self._guard(self._watch), name=f"slot {self.slot} watch"),
        ]

    async def next(self, wait: float, limit: int = 10_000) -> list[Transaction]:
        """The next committed transactions, about `limit` changes at most; [] after `wait` seconds without any.

        Raises the reader's failure once what came before it has been given out.
        """
        if not self._ready and self._failure is None:
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._news.wait()
        given: list[Transaction] = []
        count = 0
        while self._ready and count < limit:
            transaction = self._ready.popleft()
            count += len(transaction.changes)
            self._buffered[0] -= len(transaction.changes)
            self._buffered[1] -= transaction.bytes
            given.append(transaction)
        self._room.set()
        if not given and self._failure is not None:
            raise self._failure
        return given

    async def confirm(self, position: int) -> None:
        """Everything up to here is durable at the target: the server may forget it. Never goes back."""
        if position > self._durable and self._stream is not None and self._failure is None:
            self._durable = position
            self._stream.confirm(max(self._received, position), position)

    async def close(self) -> None:
        """Stop reading; the slot stays where it was last confirmed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if self._stream is not None:
            if self._failure is None and self._durable:
                self._stream.confirm(max(self._received, self._durable), self._durable)
            await self._stream.close()
            self._stream = None
        if self._admin is not None:
            with contextlib.suppress(Exception):
                await self._admin.close(timeout=5)
            self._admin = None

    async def _guard(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except asyncio.CancelledError:
            raise
        except BaseException as wrong:
            if self._failure is None:
                self._failure = wrong
            self._news.set()

    async def _read(self) -> None:
        assert self._stream is not None
        decoder = Decoder()
        begun: Begin | None = None
        changes: list[RowChange] = []
        size = 0
        while True:
            message = await self._stream.receive()
            if message is None:
                raise EOFError("server closed the connection unexpectedly")
            if isinstance(message, KeepAlive):
                self.server_end = max(self.server_end, message.end)
                self._received = max(self._received, message.end)
                if message.reply:
                    self._stream.confirm(self._received, self._durable)
                continue
            self._received = max(self._received, message.start)
            size += len(message.data)
            for event in decoder.decode(message.data):
                if isinstance(event, RowChange):
                    changes.append(event)
                elif isinstance(event, Begin):
                    begun, changes, size = event, [], 0
                elif isinstance(event, Commit):
                    assert begun is not None
                    await self._hand_over(Transaction(begun.xid, event.end, event.committed, changes, size))
                    begun, changes = None, []
                else:
                    assert isinstance(event, Message)

    async def _hand_over(self, transaction: Transaction) -> None:
        while self._ready and (self._buffered[0] >= BUFFERED_CHANGES or self._buffered[1] >= BUFFERED_BYTES):
            self._room.clear()
            await self._room.wait()
        self._ready.append(transaction)
        self._buffered[0] += len(transaction.changes)
        self._buffered[1] += transaction.bytes
        self._news.set()

    async def _report(self) -> None:
        """Signs of life, also while reading waits for the target."""
        while self._stream is not None:
            await asyncio.sleep(STATUS_EVERY)
            self._stream.confirm(self._received, self._durable)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            await self._look()

    async def _require_publications(self, admin: Any) -> None:
        missing = set(self.publications.names) - await publications.existing(admin, self.publications)
        if missing:
            name = min(missing)
            raise EngineFailureError(errors.server_error("42704", f'publication "{name}" does not exist'))

    async def _look(self) -> None:
        """Raise what a stream would not say: a publication or the slot taken away, or its log removed."""
        await self._require_publications(self._admin)
        found = await self._status(self._admin)
        if found is None:
            raise EngineFailureError(
                errors.server_error("42704", f'replication slot "{self.slot}" does not exist')
            )
        if found.lost:
            raise EngineFailureError(
                errors.server_error(
                    "55000",
                    f'can no longer access replication slot "{self.slot}"',
                    detail='This replication slot has been invalidated due to "wal_removed".',
                )
            )


def _blocked(pids: Sequence[int]) -> EngineError:
    """The failure of a slot that open transactions kept from being made."""
    named = ", ".join(map(str, pids)) or "unknown"
    return errors.server_error(
        "55P03",
        f"Timed out waiting for open transactions to finish before the task can start (process {named})",
    )


async def drop_slot(admin: Any, slot: str, *, seconds: float = 10.0) -> None:
    """Drop a slot; a reader that is still going away is waited for, then ended."""
    deadline = time.monotonic() + seconds
    while True:
        row = await admin.fetchrow("SELECT active_pid FROM pg_replication_slots WHERE slot_name = $1", slot)
        if row is None:
            return
        if row["active_pid"] is not None and time.monotonic() < deadline:
            if time.monotonic() > deadline - seconds / 2:
                await admin.execute("SELECT pg_terminate_backend($1)", row["active_pid"])
            await asyncio.sleep(0.05)
            continue
        await admin.execute("SELECT pg_drop_replication_slot($1)", slot)
        return
