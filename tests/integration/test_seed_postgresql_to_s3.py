"""The seed of scenario postgresql-to-s3 in a real PostgreSQL: the same rows each time, as its guide says."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from dmstui import catalog
from dmstui.sandbox.authority import Authority
from dmstui.sandbox.engines.base import ServerSpec
from dmstui.sandbox.engines.binaries import postgres
from dmstui.sandbox.engines.postgres.server import PostgresServer
from dmstui.sandbox.engines.room import EngineRoom
from dmstui.sandbox.gate import Gate

SCENARIO = catalog.scenario("postgresql-to-s3")
HOST = "books.c0.us-east-1.rds.amazonaws.com"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: Any) -> AsyncIterator[PostgresServer]:
    gate = Gate(Authority("us-east-1"))
    room = EngineRoom(tmp_path_factory.mktemp("seed"), gate)
    spec = ServerSpec("books", "postgres", "16", "shopkeeper", "secret99", "bookshop", {}, HOST)
    try:
        yield await room.create(spec)
    finally:
        await room.close()
        await gate.close()


async def run(server: PostgresServer, step: str, **variables: str) -> list[dict[str, Any]]:
    """The lines a script prints; AssertionError when it fails."""
    url = (
        f"postgresql://{server.spec.user}:{server.spec.password}@/bookshop"
        f"?host={server.socket_dir}&port={server.inner_port}"
    )
    process = await asyncio.create_subprocess_exec(
        "sh", str(SCENARIO.scripts[step].path), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={"PATH": f"{postgres('16').bin}:{os.defpath}", "DMSTUI_SOURCE_URL": url, **variables},
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()
    return [json.loads(line) for line in out.decode().splitlines()]


async def seeded(server: PostgresServer) -> None:
    """Seed unless a test before did; any seed will do."""
    async with server.session("bookshop") as connection:
        if await connection.fetchval("select to_regclass('web.page_views')") is None:
            await run(server, "seed")


async def digests(server: PostgresServer) -> dict[str, str]:
    """{table: hash of all its rows}."""
    async with server.session("bookshop") as connection:
        tables = await connection.fetch(
            "select schemaname || '.' || tablename from pg_tables where schemaname in ('shop', 'web')"
        )
        return {
            name: await connection.fetchval(
                f"select coalesce(md5(string_agg(md5(t::text), '' order by md5(t::text))), '') from {name} t"
            )
            for (name,) in tables
        }


async def test_same_seed_same_rows_and_another_seed_others(server: PostgresServer) -> None:
    said = await run(server, "seed")
    first = await digests(server)
    assert {line["table"] for line in said} == set(first)
    assert all(line["ok"] and set(line) == {"step", "table", "rows", "ok", "detail"} for line in said)
    assert sum(line["rows"] for line in said) >= 200_000
    await run(server, "change", DMSTUI_KIND="burst")
    assert await digests(server) != first
    await run(server, "seed")
    assert await digests(server) == first
    await run(server, "seed", DMSTUI_SEED="43")
    other = await digests(server)
    same = {name for name, digest in first.items() if other[name] == digest}
    assert same == {"shop.currencies", "shop.gift_cards"}


@pytest.mark.long
async def test_scale_multiplies_the_rows(server: PostgresServer) -> None:
    said = await run(server, "seed", DMSTUI_SCALE="2")
    rows = {line["table"]: line["rows"] for line in said}
    assert rows["shop.orders"] == 80_000
    assert rows["shop.customers"] == 20_000


async def test_only_the_named_column_is_longer_than_the_settings_allow(server: PostgresServer) -> None:
    await seeded(server)
    limit = json.loads(SCENARIO.task_settings)["TargetMetadata"]["LobMaxSize"] * 1024
    async with server.session("bookshop") as connection:
        columns = await connection.fetch(
            "select table_schema || '.' || table_name, column_name, udt_name from information_schema.columns"
            " where table_schema in ('shop', 'web') and udt_name in ('text', 'jsonb', 'bytea', '_text')"
        )
        assert len(columns) >= 10
        longest = {}
        for table, column, kind in columns:
            # DMS counts two bytes a character of an NCLOB.
            size = f'octet_length("{column}")' if kind == "bytea" else f'2 * length("{column}"::text)'
            longest[table, column] = await connection.fetchval(
                f"select coalesce(max({size}), 0) from {table}"
            )
    assert max(longest.values()) > 128 * 1024
    assert all(size <= limit for size in longest.values())
    assert longest["shop.support_tickets", "transcript"] > 2 * 8 * 1024
    assert len([size for size in longest.values() if size > 64 * 1024]) >= 1


async def test_nothing_is_finer_than_the_type_mapping_keeps(server: PostgresServer) -> None:
    await seeded(server)
    async with server.session("bookshop") as connection:
        for table, column, kind in await connection.fetch(
            "select table_schema || '.' || table_name, column_name, udt_name from information_schema.columns"
            " where table_schema in ('shop', 'web') and udt_name in ('numeric', 'timestamptz', 'timestamp')"
        ):
            finer = (
                f"{column} <> round({column}, 6)"
                if kind == "numeric"
                else f"{column} <> date_trunc('milliseconds', {column})"
            )
            assert await connection.fetchval(f"select count(*) from {table} where {finer}") == 0, (
                table,
                column,
            )
