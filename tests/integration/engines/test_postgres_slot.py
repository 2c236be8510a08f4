"""A logical slot read as a task reads it: nothing lost, nothing twice, and the source's own work untouched."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from typing import Any

import pytest
import pytest_asyncio

from dmstui.sandbox.engines.base import EngineFailureError, Kind, Phase
from dmstui.sandbox.engines.postgres import changes, errors, lsn
from dmstui.sandbox.engines.postgres.changes import SlotReader, Transaction

LONG = pytest.mark.long
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["16", pytest.param("18", marks=LONG)])
async def source(request: Any, yard: Any) -> Any:
    return await yard.server({"rds.logical_replication": "1"}, version=request.param)


async def everything(reader: SlotReader, until: int, seconds: float = 30) -> list[Transaction]:
    """All transactions up to a position of the log."""
    found: list[Transaction] = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found += await reader.next(0.2)
        if reader.server_end >= until or (found and found[-1].position >= until):
            return found + await reader.next(0.01)
    raise AssertionError(f"the stream did not reach {lsn.spell(until)} in {seconds} s")


async def mark(connection: Any) -> int:
    """Where the log stands after what was done so far."""
    return lsn.parse(await connection.fetchval("SELECT pg_current_wal_insert_lsn()::text"))


def rows(
    transactions: list[Transaction], table: str
) -> list[tuple[str, dict[str, str | None], dict[str, str | None]]]:
    return [
        (change.operation, dict(change.new), dict(change.old))
        for transaction in transactions
        for change in transaction.changes
        if change.table == table
    ]


async def test_operations_as_the_log_tells_them(yard: Any, source: Any) -> None:
    reader = SlotReader(yard.access(source, admin=True), "ops")
    dice = random.Random(1)
    big = "".join(dice.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(20_000))
    async with yard.client(source) as client:
        await client.execute(
            "CREATE TABLE kept (id int PRIMARY KEY, note text, body text);"
            "CREATE TABLE keyless (n int);"
            "CREATE TABLE whole (n int, body text); ALTER TABLE whole REPLICA IDENTITY FULL"
        )
        start = await reader.prepare()
        await reader.open(start)
        try:
            await client.execute("INSERT INTO kept VALUES (1, 'é', repeat('x', 10))")
            await client.execute("UPDATE kept SET body = $1", big)
            await client.execute("UPDATE kept SET note = NULL")
            await client.execute("UPDATE kept SET id = 2")
            await client.execute("DELETE FROM kept")
            await client.execute("INSERT INTO keyless VALUES (1)")
            await client.execute("UPDATE keyless SET n = 2")
            await client.execute("DELETE FROM keyless")
            await client.execute("INSERT INTO whole VALUES (1, $1)", big)
            await client.execute("UPDATE whole SET n = 2")
            await client.execute("BEGIN; INSERT INTO kept VALUES (3, 'gone', ''); ROLLBACK")
            await client.execute("BEGIN; INSERT INTO kept VALUES (4, 'a', ''); SAVEPOINT s;")
            await client.execute("INSERT INTO kept VALUES (5, 'gone', ''); ROLLBACK TO s; COMMIT")
            await client.execute("TRUNCATE kept, keyless")
            found = await everything(reader, await mark(client))
            status = await reader.status()
            assert status is not None and status.active
        finally:
            await reader.drop()

    kept = rows(found, "kept")
    assert kept[0] == ("I", {"id": "1", "note": "é", "body": "x" * 10}, {})
    assert kept[1] == ("U", {"id": "1", "note": "é", "body": big}, {})
    assert kept[2] == ("U", {"id": "1", "note": None}, {}), "an untouched large value is left out"
    assert kept[3] == ("U", {"id": "2", "note": None}, {"id": "1"})
    assert kept[4] == ("D", {}, {"id": "2"})
    assert [each[1] for each in kept[5:]] == [{"id": "4", "note": "a", "body": ""}, {}]
    assert [each[0] for each in rows(found, "keyless")] == ["I", "T"], (
        "as DMS: updates without a key pass it by"
    )
    assert rows(found, "whole")[1] == ("U", {"n": "2", "body": big}, {"n": "1", "body": big})
    unchanged = [change.unchanged for each in found for change in each.changes if change.table == "kept"]
    assert unchanged[2] == {"body"} and unchanged[3] == {"body"}
    assert all(before.position < after.position for before, after in itertools.pairwise(found))
    assert await left(yard, source) == (0, 0, 0)


async def left(yard: Any, source: Any) -> tuple[int, int, int]:
    async with source.session("shop") as admin:
        return tuple(
            await admin.fetchrow(
                "SELECT (SELECT count(*) FROM pg_replication_slots), (SELECT count(*) FROM pg_publication), "
                "(SELECT count(*) FROM pg_event_trigger)"
            )
        )


async def test_identity_follows_ddl(yard: Any, source: Any) -> None:
    """A key dropped or made while a task runs neither breaks updates at the source nor loses them later."""
    reader = SlotReader(yard.access(source, admin=True), "identity")
    async with yard.client(source) as client:
        await client.execute(
            "CREATE TABLE moving (id int PRIMARY KEY, v int); INSERT INTO moving VALUES (1, 0)"
        )
        await reader.open(await reader.prepare())
        try:
            await client.execute("UPDATE moving SET v = 1")
            await client.execute("ALTER TABLE moving DROP CONSTRAINT moving_pkey")
            await client.execute("UPDATE moving SET v = 2")
            await client.execute("ALTER TABLE moving ADD PRIMARY KEY (id)")
            await client.execute("UPDATE moving SET v = 3")
            async with client.transaction():
                await client.execute('CREATE TABLE "Fresh one" (id int PRIMARY KEY)')
                await client.execute('INSERT INTO "Fresh one" VALUES (1)')
                await client.execute('UPDATE "Fresh one" SET id = 2')
            await client.execute("CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id)")
            await client.execute("CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (10)")
            await client.execute("INSERT INTO parts VALUES (1); UPDATE parts SET id = 2")
            found = await everything(reader, await mark(client))
        finally:
            await reader.drop()
            await client.execute('DROP TABLE moving, "Fresh one", parts')
    assert [each[1].get("v") for each in rows(found, "moving")] == ["1", "3"]
    assert [each[0] for each in rows(found, "Fresh one")] == ["I", "U"]
    assert [each[0] for each in rows(found, "parts_low")] == ["I", "U"], "under the child's name"


async def test_nothing_lost_under_writers(yard: Any, source: Any) -> None:
    """Three writers, breaks of the reader at unconfirmed places: applied by key, the result equals the table."""
    reader = SlotReader(yard.access(source, admin=True), "writers")
    async with yard.client(source) as client:
        await client.execute("CREATE TABLE busy (id int PRIMARY KEY, v int NOT NULL)")
        start = await reader.prepare()
        stop = asyncio.Event()

        async def write(seed: int) -> None:
            dice = random.Random(seed)
            async with yard.client(source) as own:
                while not stop.is_set():
                    statement = dice.choice(
                        (
                            "INSERT INTO busy VALUES ({0}, {1}) ON CONFLICT (id) DO UPDATE SET v = excluded.v",
                            "UPDATE busy SET v = {1} WHERE id = {0}",
                            "DELETE FROM busy WHERE id = {0}",
                        )
                    ).format(dice.randrange(300), dice.randrange(1_000_000))
                    end = "ROLLBACK" if dice.random() < 0.2 else "COMMIT"
                    await own.execute(f"BEGIN; {statement}; {end}")

        writers = [asyncio.create_task(write(seed)) for seed in range(3)]
        copy: dict[str, str | None] = {}
        applied = 0
        seen = 0

        def apply(transactions: list[Transaction]) -> None:
            nonlocal applied, seen
            for transaction in transactions:
                assert transaction.position > applied, "a transaction came twice in one run"
                applied = transaction.position
                for change in transaction.changes:
                    seen += 1
                    if change.operation == "D":
                        copy.pop(change.old["id"] or "", None)
                    else:
                        copy[change.new["id"] or ""] = change.new["v"]

        for turn in range(4):
            # Each turn begins after what was applied, though less was confirmed: a crash between apply and confirm.
            await reader.open(lsn.spell(applied) if applied else start)
            until = time.monotonic() + 0.7
            while time.monotonic() < until:
                apply(await reader.next(0.1))
                if turn % 2:
                    await reader.confirm(applied)
            await reader.close()
        stop.set()
        await asyncio.gather(*writers)
        await reader.open(lsn.spell(applied))
        try:
            apply(await everything(reader, await mark(client)))
        finally:
            await reader.drop()
        table = {str(row["id"]): str(row["v"]) for row in await client.fetch("SELECT * FROM busy")}
        await client.execute("DROP TABLE busy")
    assert seen > 300
    assert copy == table


async def test_confirm_lets_the_log_go(yard: Any, source: Any) -> None:
    reader = SlotReader(yard.access(source, admin=True), "letgo")
    async with yard.client(source) as client:
        await client.execute("CREATE TABLE log_rows (id serial PRIMARY KEY, v text)")
        await reader.open(await reader.prepare())
        try:
            await client.execute(
                "INSERT INTO log_rows (v) SELECT repeat('x', 500) FROM generate_series(1, 4000)"
            )
            found = await everything(reader, await mark(client))
            before = await reader.status()
            assert before is not None and before.behind_bytes is not None and before.behind_bytes > 1_000_000
            await reader.confirm(found[-1].position)
            deadline = time.monotonic() + 15
            while True:
                after = await reader.status()
                assert after is not None
                if after.confirmed == found[-1].position:
                    break
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)
            await reader.close()
            assert await reader.prepare() == lsn.spell(found[-1].position), "the slot is kept after a stop"
        finally:
            await reader.drop()
            await client.execute("DROP TABLE log_rows")


@pytest.mark.parametrize(
    ("gone", "version"),
    [("publication", "16"), ("publication", "18"), pytest.param("slot", "16", marks=LONG)],
)
async def test_what_was_taken_away_is_told(yard: Any, gone: str, version: str) -> None:
    """PostgreSQL 18 passes over a missing publication in silence; a task must not."""
    source = await yard.server({"rds.logical_replication": "1"}, version=version)
    reader = SlotReader(yard.access(source, admin=True), "taken")
    await reader.open(await reader.prepare())
    try:
        async with source.session("shop") as admin:
            if gone == "publication":
                await admin.execute(f"DROP PUBLICATION {reader.publications.updates}")
            else:
                pid = await admin.fetchval(
                    "SELECT active_pid FROM pg_replication_slots WHERE slot_name = 'taken'"
                )
                await admin.execute("SELECT pg_terminate_backend($1)", pid)
                await changes.drop_slot(admin, "taken")
        error = errors.classify(await failure(reader))
        if gone == "slot":  # the stream ended first: the next start meets the missing slot
            assert error.kind is Kind.RECOVERABLE or error.phase is Phase.SLOT
            await reader.close()
            with pytest.raises(EngineFailureError) as again:
                await reader.open()
            error = again.value.error
        assert error.kind is Kind.FATAL and error.phase is Phase.SLOT and "does not exist" in error.message
    finally:
        await reader.drop()


async def failure(reader: SlotReader) -> BaseException:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            await reader.next(0.2)
        except Exception as wrong:
            return wrong
    raise AssertionError("the reader told nothing")


async def test_resume_without_its_publications_is_refused(yard: Any, source: Any) -> None:
    """New ones would not show what was written while there were none: that would be a silent loss."""
    reader = SlotReader(yard.access(source, admin=True), changes.slot_name("TASK", "shop"))
    start = await reader.prepare()
    assert await reader.prepare() == start
    async with source.session("shop") as admin:
        await admin.execute(f"DROP PUBLICATION {reader.publications.inserts}")
    with pytest.raises(EngineFailureError, match="does not exist") as wrong:
        await reader.prepare()
    assert wrong.value.error.kind is Kind.FATAL
    await reader.drop()
    assert await left(yard, source) == (0, 0, 0)


async def test_open_transaction_blocks_the_slot_and_is_named(yard: Any, source: Any) -> None:
    reader = SlotReader(yard.access(source, admin=True), "blocked")
    async with yard.client(source) as client:
        await client.execute("CREATE TABLE blocker (n int)")
        pid = client.get_server_pid()
        told: list[int] = []
        await client.execute("BEGIN; INSERT INTO blocker VALUES (1)")
        with pytest.raises(EngineFailureError) as wrong:
            await reader.prepare(waiting=told.extend, seconds=1.0)
        assert pid in told and str(pid) in wrong.value.error.message
        assert await left(yard, source) == (0, 0, 0), "a start given up leaves nothing"
        noticed = asyncio.Event()
        waiting = asyncio.create_task(reader.prepare(waiting=lambda _: noticed.set()))
        await asyncio.wait_for(noticed.wait(), 20)
        await client.execute("COMMIT")
        assert lsn.parse(await asyncio.wait_for(waiting, 20)) > 0
        await reader.drop()
        await client.execute("DROP TABLE blocker")


async def test_stopped_server_ends_the_stream(yard: Any, source: Any) -> None:
    reader = SlotReader(yard.access(source, admin=True), "downs")
    await reader.open(await reader.prepare())
    try:
        await source.stop()
        error = errors.classify(await failure(reader))
        assert error.kind is Kind.RECOVERABLE, error
        await reader.close()
        await source.start()
        await reader.open()
    finally:
        await reader.drop()


async def test_lost_slot(yard: Any) -> None:
    server = await yard.server({"rds.logical_replication": "1", "max_slot_wal_keep_size": "16"}, version="18")
    reader = SlotReader(yard.access(server, admin=True), "lost")
    await reader.prepare()
    async with server.session("shop") as admin:
        await admin.execute("CREATE TABLE filler (v text)")
        deadline = time.monotonic() + 60
        while True:
            await admin.execute("INSERT INTO filler SELECT repeat('y', 1000) FROM generate_series(1, 40000)")
            await admin.execute("SELECT pg_switch_wal(); CHECKPOINT")
            status = await reader.status()
            assert status is not None
            if status.lost:
                break
            assert time.monotonic() < deadline
    with pytest.raises(EngineFailureError) as wrong:
        await reader.open()
    assert wrong.value.error.sqlstate == "55000" and wrong.value.error.kind is Kind.FATAL
    await reader.drop()
    await yard.room.delete(server.spec.name)
