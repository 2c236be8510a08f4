"""Change processing whose source, worker or stop comes at a bad moment: no change is lost, none arrives twice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import asyncpg
import psycopg
import pytest


class Writer:
    """Commits rows into `item` one after another in a thread of its own; `committed` are those the server confirmed."""

    def __init__(self, shop: Any, schema: str) -> None:
        shown = next(each for each in shop.sandbox.databases() if each["name"] == shop.database)
        self._text = (
            f"host={shown['host']} port={shown['port']} user={shown['user']} password={shown['password']} "
            f"dbname={shown['database']} connect_timeout=5"
        )
        self._schema = schema
        self._end = threading.Event()
        self.committed: list[int] = []
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def _write(self) -> None:
        number = 0
        while not self._end.is_set():
            with (
                contextlib.suppress(psycopg.Error),
                psycopg.connect(self._text, autocommit=True) as connection,
            ):
                while not self._end.wait(0.01):
                    number += 1  # a number whose commit nobody confirmed is not used again
                    connection.execute(f"INSERT INTO {self._schema}.item VALUES (%s, 'w')", (number,))
                    self.committed.append(number)

    def finish(self) -> None:
        self._end.set()
        self._thread.join(20)


@pytest.fixture
def schema(shop: Any) -> Iterator[str]:
    name = shop.schema()
    yield name
    shop.until(lambda: shop.database_status() == "available", 60, "the database")
    shop.sql(f"DROP SCHEMA {name} CASCADE")


def check_arrival(shop: Any, arn: str, folder: str, schema: str, writer: Writer) -> None:
    """Everything the source holds is in the lake exactly once."""
    writer.finish()
    rows = {key for (key,) in shop.sql(f"SELECT id FROM {schema}.item")}
    assert set(writer.committed) <= rows
    assert len(rows) > 20
    last = max(rows)
    shop.until(lambda: ("I", last, "w") in shop.operations(f"{folder}/{schema}/item"), 30, "the last row")
    found = shop.operations(f"{folder}/{schema}/item")
    assert set(found.values()) == {1}
    assert {key for _, key, _ in found} == rows
    shop.until(lambda: shop.statistics(arn)["item"]["AppliedInserts"] == len(rows), 15, "the counter")


@pytest.fixture
def following(shop: Any, schema: str) -> Iterator[Callable[..., Any]]:
    """Starts a cdc task with a writer at work; everything ends with the test."""
    made: list[tuple[str, Writer]] = []

    def start(errors: Any = None) -> tuple[str, str, Writer]:
        target, folder = shop.lake_endpoint()
        arn = shop.task(
            "cdc",
            shop.selecting(schema),
            {"ErrorBehavior": errors or shop.always_again},
            TargetEndpointArn=target,
        )
        shop.start(arn)
        shop.wait(arn, "running")
        writer = Writer(shop, schema)
        made.append((arn, writer))
        return arn, folder, writer

    yield start
    for arn, writer in made:
        writer.finish()
        shop.delete(arn)


def grows(shop: Any, arn: str, by: int = 10) -> None:
    """More changes arrive than have until now."""
    now = shop.statistics(arn).get("item", {}).get("AppliedInserts", 0)
    shop.until(
        lambda: shop.statistics(arn).get("item", {}).get("AppliedInserts", 0) >= now + by,
        45,
        "further changes",
    )


def test_stop_and_resume_at_once_again_and_again(shop: Any, following: Any, schema: str) -> None:
    arn, folder, writer = following()
    for _ in range(3):
        shop.dms.stop_replication_task(ReplicationTaskArn=arn)
        assert shop.wait(arn, "stopped")["StopReason"] == "Stop Reason NORMAL"
        shop.start(arn, "resume-processing")
        shop.wait(arn, "running")
    grows(shop, arn)
    check_arrival(shop, arn, folder, schema, writer)


async def test_many_logins_at_once_all_come_through(shop: Any) -> None:
    """A startup packet may come in one piece with the end of the TLS handshake: it begins one connection, not two."""
    shown = next(each for each in shop.sandbox.databases() if each["name"] == shop.database)
    login = {name: shown[name] for name in ("host", "port", "user", "password", "database")}

    async def log_in() -> int:
        async with gate:
            connection = await asyncpg.connect(**login, ssl="require", timeout=30)
            try:
                return int(await connection.fetchval("SELECT 1"))
            finally:
                await connection.close(timeout=10)

    gate = asyncio.Semaphore(12)
    assert await asyncio.gather(*(log_in() for _ in range(200))) == [1] * 200


def test_the_engine_killed_under_change_processing(shop: Any, following: Any, schema: str) -> None:
    arn, folder, writer = following()
    grows(shop, arn)
    engine = shop.engine_pid()
    os.kill(engine, signal.SIGKILL)
    shop.says(
        arn, r"SOURCE_CAPTURE.*\]E:.*SqlState: 08\w{3} .*(server closed the connection|Connection refused)"
    )
    shop.says(arn, r"\]W:.*recoverable error\. Trying again in 1 seconds")
    shop.until(lambda: shop.database_status() == "available", 30, "the database")
    grows(shop, arn)
    assert shop.described(arn)["Status"] == "running"
    assert shop.engine_pid() != engine
    check_arrival(shop, arn, folder, schema, writer)


@pytest.mark.long
def test_the_source_stopped_by_rds_under_change_processing(shop: Any, following: Any, schema: str) -> None:
    arn, folder, writer = following()
    rds = shop.client("rds")
    grows(shop, arn)
    rds.stop_db_instance(DBInstanceIdentifier=shop.database)
    shop.until(lambda: shop.database_status() == "stopped", 30, "the database")
    shop.says(arn, r"SOURCE_CAPTURE.*\]E:.*SqlState: (57P0\d|08S01|08001) ")
    shop.says(arn, r"SOURCE_CAPTURE.*\]E:.*SqlState: 08001 NativeError: 101 .*Connection refused")
    assert shop.described(arn)["Status"] == "running"
    rds.start_db_instance(DBInstanceIdentifier=shop.database)
    shop.until(lambda: shop.database_status() == "available", 30, "the database")
    grows(shop, arn)
    check_arrival(shop, arn, folder, schema, writer)


@pytest.mark.long
def test_a_source_that_stays_away_ends_change_processing(shop: Any, following: Any, schema: str) -> None:
    arn, folder, writer = following(shop.always_again | {"RecoverableErrorCount": 2})
    rds = shop.client("rds")
    grows(shop, arn)
    rds.stop_db_instance(DBInstanceIdentifier=shop.database)
    failed = shop.wait(arn, "failed")
    assert failed["LastFailureMessage"] == failed["StopReason"]
    assert "SqlState: 08001 NativeError: 101 Message: [unixODBC]could not connect" in failed["StopReason"]
    assert failed["StopReason"].endswith("Stop Reason RECOVERABLE_ERROR Error Level RECOVERABLE")
    shop.until(lambda: shop.database_status() == "stopped", 30, "the database")
    rds.start_db_instance(DBInstanceIdentifier=shop.database)
    shop.until(lambda: shop.database_status() == "available", 30, "the database")
    shop.start(arn, "resume-processing")
    grows(shop, arn)
    check_arrival(shop, arn, folder, schema, writer)


@pytest.mark.long
def test_the_worker_killed_and_resumed_at_once(
    shop: Any, following: Any, schema: str, offspring: Callable[[int], dict[int, str]]
) -> None:
    def workers() -> set[int]:
        lines = offspring(shop.sandbox.process.pid)
        return {pid for pid, line in lines.items() if "dmstui.sandbox.flow" in line}

    before = workers()
    arn, folder, writer = following()
    for _ in range(3):
        grows(shop, arn)
        (worker,) = workers() - before
        os.kill(worker, signal.SIGKILL)
        failed = shop.wait(arn, "failed")
        assert failed["LastFailureMessage"].startswith("Last Error  The task stopped abnormally")
        assert failed["LastFailureMessage"].endswith("Stop Reason FATAL_ERROR Error Level FATAL")
        shop.start(arn, "resume-processing")
        shop.wait(arn, "running")
    grows(shop, arn)
    check_arrival(shop, arn, folder, schema, writer)
