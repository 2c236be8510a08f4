"""A PostgreSQL database as a source: what it holds in DMS types, and its rows as the server's own text."""

from __future__ import annotations

import asyncio
import csv
import io
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from dmstui.sandbox.engines.postgres import catalogue, check, load, session

pytestmark = pytest.mark.asyncio(loop_scope="module")

TABLES = """
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN price AS numeric(12,2);
CREATE DOMAIN fee AS price CHECK (VALUE >= 0);
CREATE TYPE pair AS (a int, b text);
CREATE TABLE every_type (
    id bigint GENERATED ALWAYS AS IDENTITY, s smallint, i integer, r real, d double precision, n numeric(12,2),
    n_bare numeric, n_wide numeric(50,10), n_negative numeric(5,-2), f fee, m money, c char(5), c1 char,
    v varchar(20), v_bare varchar, t text, b boolean, by bytea, da date, ti time, tz timetz, ts timestamp(3),
    tsz timestamptz, iv interval, u uuid, j json, jb jsonb, a int[], aa text[][], e mood, ip inet, net cidr,
    mac macaddr, ra int4range, bi bit(4), vb varbit(9), p point, pa path, tv tsvector, co pair,
    x xml, mr int4multirange,
    PRIMARY KEY (i, id)
);
CREATE TABLE keyless (n int);
CREATE TABLE whole (n int); ALTER TABLE whole REPLICA IDENTITY FULL;
CREATE TABLE by_index (n int NOT NULL, UNIQUE (n)); ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_n_key;
CREATE TABLE nothing (n int PRIMARY KEY); ALTER TABLE nothing REPLICA IDENTITY NOTHING;
CREATE TABLE deferred (n int PRIMARY KEY DEFERRABLE);
CREATE UNLOGGED TABLE unlogged (n int PRIMARY KEY);
CREATE TABLE parts (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
CREATE TABLE parts_a PARTITION OF parts FOR VALUES FROM (0) TO (100);
CREATE TABLE parts_b PARTITION OF parts FOR VALUES FROM (100) TO (200);
CREATE VIEW seen AS SELECT n FROM keyless;
CREATE MATERIALIZED VIEW mat AS SELECT 1 AS n;
CREATE TABLE awsdms_ddl_audit (n int);
CREATE SCHEMA "Odd ""name"; CREATE TABLE "Odd ""name"."Table.1" ("Col ""x" int PRIMARY KEY);
CREATE SCHEMA closed; CREATE TABLE closed.hidden (n int);
CREATE TABLE dropped (a int, b int, c int PRIMARY KEY, d int); ALTER TABLE dropped DROP COLUMN b;
"""

TYPES = {
    "id": "int8", "s": "int2", "i": "int4", "r": "real4", "d": "real8", "n": "numeric(12,2)",
    "n_bare": "numeric(28,6)", "n_wide": "string(52)", "n_negative": "numeric(7,0)", "f": "numeric(12,2)",
    "m": "numeric(38,4)", "c": "wstring(5)", "c1": "wstring(1)", "v": "wstring(20)", "v_bare": "wstring(8000)",
    "t": "nclob", "b": "string(5)", "by": "blob", "da": "date", "ti": "time", "tz": "time", "ts": "datetime",
    "tsz": "datetime", "iv": "string(128)", "u": "string(36)", "j": "nclob", "jb": "nclob", "a": "nclob",
    "aa": "nclob", "e": "string(64)", "ip": "string(50)", "net": "string(50)", "mac": "string(18)",
    "ra": "string(255)", "bi": "string(4)", "vb": "string(9)", "p": "string(255)", "pa": "clob", "tv": "clob",
    "co": "nclob", "x": "clob", "mr": "string(255)",
}  # fmt: skip


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=["16", pytest.param("18", marks=pytest.mark.long)]
)
async def source(request: Any, yard: Any) -> Any:
    server = await yard.server(version=request.param)
    async with yard.client(server) as client:
        await client.execute(TABLES)
    return server


@pytest_asyncio.fixture(loop_scope="module")
async def reader(yard: Any, source: Any) -> Any:
    connection = await session.connect(yard.access(source))
    yield connection
    await connection.close()


async def test_tables_and_types(reader: Any) -> None:
    tables = {(table.schema, table.name): table for table in await catalogue.describe(reader)}
    assert {name for schema, name in tables if schema == "public"} == {
        "every_type", "keyless", "whole", "by_index", "nothing", "deferred", "unlogged", "parts_a", "parts_b", "seen",
        "dropped",
    }  # fmt: skip
    every = tables["public", "every_type"]
    assert {column.name: str(column.type) for column in every.columns} == TYPES
    assert every.primary_key == ("i", "id") and every.identity
    by_name = {column.name: column for column in every.columns}
    assert by_name["i"].key == 1 and by_name["id"].key == 2 and by_name["s"].key is None
    assert (
        by_name["n"].native_type == "numeric(12,2)" and by_name["s"].nullable and not by_name["id"].nullable
    )
    assert by_name["tsz"].native_type == "timestamp with time zone" and by_name["ts"].type.scale == 3
    identity = {name for (schema, name), table in tables.items() if table.identity}
    assert identity == {"every_type", "whole", "by_index", "parts_a", "parts_b", "Table.1", "dropped"}
    assert tables["public", "seen"].kind == "view"
    assert tables['Odd "name', "Table.1"].primary_key == ('Col "x',)
    assert [column.name for column in tables["public", "dropped"].columns] == ["a", "c", "d"]
    assert tables["public", "dropped"].primary_key == ("c",)
    mapped = {table.name: table for table in await catalogue.describe(reader, map_boolean=True)}
    assert str(next(each for each in mapped["every_type"].columns if each.name == "b").type) == "boolean"


async def test_only_what_the_user_may_read(yard: Any, source: Any) -> None:
    async with yard.client(source) as client:
        await client.execute("CREATE ROLE narrow LOGIN PASSWORD 'x'; GRANT SELECT ON keyless TO narrow")
        await client.execute("GRANT SELECT (v) ON parts_a TO narrow")
    access = yard.access(source)
    narrow = type(access.credentials)("narrow", "x")
    connection = await session.connect(yard.access(source, credentials=narrow))
    try:
        assert {table.name for table in await catalogue.describe(connection)} == {"keyless", "parts_a"}
    finally:
        await connection.close()


async def test_row_estimate(yard: Any, source: Any, reader: Any) -> None:
    async with yard.client(source) as client:
        await client.execute(
            "CREATE TABLE estimated AS SELECT generate_series(1, 5000) AS n; ANALYZE estimated"
        )
    tables = {table.name: table for table in await catalogue.describe(reader)}
    assert tables["estimated"].rows == 5000


async def copied(connection: Any, query: str, chunk: int = load.CHUNK) -> tuple[list[list[str]], int]:
    pieces = [piece async for piece in load.rows(connection, query, chunk=chunk)]
    assert all(piece.endswith(b"\n") for piece in pieces)
    text = b"".join(pieces).decode()
    return list(csv.reader(io.StringIO(text, newline=""))), len(pieces)


async def test_values_are_the_servers_own_text_in_one_form(yard: Any, source: Any, reader: Any) -> None:
    async with yard.client(source) as client:
        # How the owner's sessions are set must not show in what is read.
        await client.execute(
            "ALTER ROLE shopadmin SET timezone = 'Asia/Tokyo'; ALTER ROLE shopadmin SET datestyle = 'German'"
        )
    again = await session.connect(yard.access(source))
    try:
        query = """
            SELECT timestamptz '2024-02-29 12:00:00+09', date '2024-02-29', '0044-03-15 BC'::date,
                   'infinity'::timestamp, 0.1::float4, 'NaN'::numeric, 12.5::money, interval '1 year 2 days',
                   '\\xDEADBEEF'::bytea, true,
                   NULL::text, '', E'two\\nlines, "quoted"', 'ab'::char(4), '{1,NULL}'::int[]
        """
        rows, _ = await copied(again, query)
    finally:
        await again.close()
    assert rows == [
        [
            "2024-02-29 03:00:00+00", "2024-02-29", "0044-03-15 BC", "infinity", "0.1", "NaN", "$12.50",
            "1 year 2 days", "\\xdeadbeef", "t", "", "", 'two\nlines, "quoted"', "ab  ", "{1,NULL}",
        ]
    ]  # fmt: skip


async def test_null_and_empty_text_differ(reader: Any) -> None:
    pieces = [piece async for piece in load.rows(reader, "SELECT NULL::text, ''::text")]
    assert pieces == [b',""\n']


async def test_pieces_end_with_rows_and_none_is_lost(yard: Any, source: Any, reader: Any) -> None:
    query = "SELECT n, repeat(E'x\\ny', n % 50) FROM generate_series(1, 20000) n"
    rows, pieces = await copied(reader, query, chunk=64_000)
    assert pieces > 2 and [int(row[0]) for row in rows] == list(range(1, 20001))
    assert rows[48][1] == "x\ny" * 49


async def test_statement_quotes_and_filters(reader: Any, source: Any, yard: Any) -> None:
    async with yard.client(source) as client:
        await client.execute('INSERT INTO "Odd ""name"."Table.1" VALUES (1), (2)')
    query = load.statement('Odd "name', "Table.1", ['Col "x'], load.quote('Col "x') + " > 1")
    assert (await copied(reader, query))[0] == [["2"]]


async def test_errors_come_out_of_the_middle(reader: Any) -> None:
    got = 0
    with pytest.raises(asyncpg.DivisionByZeroError):
        async for piece in load.rows(
            reader, "SELECT 1 / (50000 - n) FROM generate_series(1, 90000) n", chunk=10_000
        ):
            got += len(piece)
    assert got > 0
    assert await reader.fetchval("SELECT 1") == 1, "the connection is of use afterwards"


async def test_leaving_early_ends_connection_and_query(yard: Any, source: Any, reader: Any) -> None:
    process = reader.get_server_pid()
    rows = load.rows(reader, "SELECT generate_series(1, 50000000)", chunk=10_000)
    assert await anext(rows)
    await asyncio.wait_for(rows.aclose(), 20)
    assert reader.is_closed()
    async with yard.client(source) as client, asyncio.timeout(20):
        running = True
        while running:
            running = await client.fetchval(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)", process
            )


async def test_a_connection_lost_while_the_reader_is_slow_is_told(
    yard: Any, source: Any, reader: Any
) -> None:
    process = reader.get_server_pid()
    rows = load.rows(reader, "SELECT generate_series(1, 5000000)", chunk=10_000)
    assert await anext(rows)
    async with yard.client(source) as client, asyncio.timeout(20):
        await client.fetchval("SELECT pg_terminate_backend($1)", process)
    with pytest.raises((asyncpg.ConnectionDoesNotExistError, asyncpg.AdminShutdownError)):
        async with asyncio.timeout(20):
            async for _ in rows:
                pass


async def test_one_moment_for_many_readers(yard: Any, source: Any, reader: Any) -> None:
    other = await session.connect(yard.access(source))
    async with yard.client(source) as client:
        await client.execute("CREATE TABLE moment (n int); INSERT INTO moment VALUES (1)")
        token, seen = await load.export_snapshot(reader)
        await client.execute("INSERT INTO moment VALUES (2)")
        await load.import_snapshot(other, token)
        assert (await copied(other, "SELECT n FROM moment"))[0] == [["1"]]
        assert len(seen.split(":")) == 3
        await load.end_snapshot(reader)
        await load.end_snapshot(other)
        assert (await copied(other, "SELECT count(*) FROM moment"))[0] == [["2"]]
        await client.execute("DROP TABLE moment")
    await other.close()


async def test_findings(yard: Any) -> None:
    server = await yard.server({"max_slot_wal_keep_size": "64", "wal_sender_timeout": "5000"})
    async with yard.client(server) as client:
        await client.execute("CREATE ROLE plain LOGIN PASSWORD 'x'")
        assert await check.source(client, cdc=False) == []
        codes = {finding.code: finding.fatal for finding in await check.source(client, cdc=True)}
        assert codes == {"wal-level": True, "wal-sender-timeout": True, "slot-keep-size": False}
        assert await check.may_replicate(client)
    async with yard.client(server, user="plain", password="x") as client:
        assert "replication-role" in {finding.code for finding in await check.source(client, cdc=True)}
        assert not await check.may_replicate(client)
    async with yard.client(server) as client:
        await client.execute("GRANT rds_replication TO plain")
    async with yard.client(server, user="plain", password="x") as client:
        assert await check.may_replicate(client)
    await server.configure({"rds.logical_replication": "1", "max_replication_slots": "1"})
    await server.reboot()
    async with yard.client(server) as client:
        assert await check.source(client, cdc=True) == []
        await client.execute("SELECT pg_create_logical_replication_slot('one', 'pgoutput')")
        assert [finding.code for finding in await check.source(client, cdc=True)] == ["slots-exhausted"]
