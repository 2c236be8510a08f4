"""Reads a table in full as the server's own text: COPY in CSV, pieces of whole rows. The flow's full load calls it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg

from dmstui.sandbox.engines.postgres.roles import identifier

CHUNK = 1 << 20
"""Bytes a piece has at least (but for the last): enough for a CSV parser to be busy, little to hold in memory."""
PIECES_AHEAD = 4
LOOK_SECONDS = 1.0
"""How often a silent copy is looked after."""


def quote(name: str) -> str:
    """A name as PostgreSQL quotes it."""
    return identifier(name)


def statement(schema: str, table: str, columns: Sequence[str], where: str | None = None) -> str:
    """The SELECT that reads a table; `where` is a SQL condition without the word."""
    wanted = ", ".join(map(quote, columns))
    condition = f" WHERE {where}" if where else ""
    # Not ONLY: a table with inheritance children is read with their rows, as DMS does.
    return f"SELECT {wanted} FROM {quote(schema)}.{quote(table)}{condition}"


async def rows(connection: Any, query: str, *, chunk: int = CHUNK) -> AsyncIterator[bytes]:
    """CSV (NULL unquoted and empty, an empty text quoted), each piece ending with a row.

    Closing the iterator early ends the connection, and the query with it. Raises what asyncpg raises, also in the
    middle.
    """
    pieces: asyncio.Queue[bytes | None] = asyncio.Queue(PIECES_AHEAD)
    gathered = bytearray()

    async def take(data: bytes) -> None:
        # The server sends one message a row and the driver never splits messages, so `data` ends with a row.
        gathered.extend(data)
        if len(gathered) >= chunk:
            await pieces.put(bytes(gathered))
            gathered.clear()

    async def copy() -> None:
        try:
            await connection.copy_from_query(query, output=take, format="csv")
            if gathered:
                await pieces.put(bytes(gathered))
        finally:
            with contextlib.suppress(asyncio.QueueFull):
                pieces.put_nowait(None)

    task = asyncio.create_task(copy(), name="copy")
    try:
        while True:
            getting = asyncio.create_task(pieces.get())
            await _first(getting, task, connection)
            if not getting.done():
                # The copy has ended; what it left in the queue comes first, its error last.
                if pieces.empty():
                    getting.cancel()
                    break
                await getting
            piece = getting.result()
            if piece is None:
                break
            yield piece
        while not pieces.empty():
            piece = pieces.get_nowait()
            if piece is not None:
                yield piece
        await task
    finally:
        if not task.done():
            # Not a cancel alone: a row that crosses the driver's cancel request is taken for its answer, and the
            # connection stays in the COPY. Whoever leaves early has no use for it anyway.
            connection.terminate()
            task.cancel()
            await asyncio.wait({task}, timeout=LOOK_SECONDS)


async def _first(getting: asyncio.Task[Any], copying: asyncio.Task[Any], connection: Any) -> None:
    """Wait for the next piece or the end of the copy.

    Raises ConnectionDoesNotExistError where the connection went and the driver does not say so: it misses an end
    that comes while it hands over a piece, and then waits for ever.
    """
    gone = False
    while True:
        done, _ = await asyncio.wait(
            {getting, copying}, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        if done:
            return
        if gone and connection.is_closed():
            getting.cancel()
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
        gone = connection.is_closed()


async def export_snapshot(connection: Any) -> tuple[str, str]:
    """Begin a transaction that fixes one moment: (token for `import_snapshot`, pg_snapshot text of what it sees).

    The moment lasts until this connection's transaction ends.
    """
    await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    row = await connection.fetchrow(
        "SELECT pg_export_snapshot() AS token, pg_current_snapshot()::text AS seen"
    )
    return row["token"], row["seen"]


async def import_snapshot(connection: Any, token: str) -> None:
    """Begin a transaction on another connection that sees the same moment."""
    await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    await connection.execute(f"SET TRANSACTION SNAPSHOT '{token}'")


async def end_snapshot(connection: Any) -> None:
    """End the transaction of either."""
    await connection.execute("ROLLBACK")
