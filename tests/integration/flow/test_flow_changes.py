"""Change processing of the worker against a real PostgreSQL slot and a bucket."""

from __future__ import annotations

import asyncio
import json
import random
import re
from typing import Any

import pytest

SEED = (
    "CREATE TABLE shop.item (id int PRIMARY KEY, name text, price numeric(12,2))",
    "INSERT INTO shop.item SELECT i, 'n' || i, i FROM generate_series(1, 300) i",
    "GRANT ALL ON ALL TABLES IN SCHEMA shop TO master",
)
CDC = {"migration_type": "cdc"}


def counted(task: Any, table: str = "item", applied: bool = True) -> tuple[int, int, int]:
    prefix = "applied_" if applied else ""
    event = task.tables[table]
    return tuple(event[f"{prefix}{word}"] for word in ("inserts", "updates", "deletes"))  # type: ignore[return-value]


async def test_only_what_is_committed_after_running_arrives(lab: Any) -> None:
    await lab.sql(*SEED)
    task = await lab.start(task=CDC)
    await task.until(lambda t: t.of("running"))
    await lab.sql(
        "UPDATE shop.item SET price = price + 1 WHERE id <= 100",
        "INSERT INTO shop.item VALUES (1000, 'neu', 5)",
        "DELETE FROM shop.item WHERE id > 298 AND id < 1000",
    )
    await task.until(lambda t: counted(t) == (1, 100, 2))
    assert (await task.stop())["stop_reason"] == "NORMAL"
    keys = lab.keys("lake/shop/item/")
    assert keys
    assert all(re.fullmatch(r"lake/shop/item/\d{8}-\d{9}\.parquet", key) for key in keys)
    rows = lab.table("lake/shop/item/").to_pylist()
    assert [row["Op"] for row in rows] == ["U"] * 100 + ["I"] + ["D"] * 2
    assert rows[100]["name"] == "neu"
    assert rows[101]["id"] == 299
    assert rows[101]["name"] is None  # the log holds only the key of a deleted row
    names = {each["name"] for each in task.of("metric")}
    assert {"CDCLatencySource", "CDCLatencyTarget", "CDCThroughputRowsSource"} <= names


async def test_load_and_changes_together_hold_every_row_once(lab: Any) -> None:
    await lab.sql(*SEED)
    task = await lab.start(task={"migration_type": "full-load-and-cdc"})
    await task.until(lambda t: t.of("running"))
    await lab.sql("INSERT INTO shop.item SELECT i, 'later', 0 FROM generate_series(1001, 1200) i")
    await task.until(lambda t: any(e["phase"] == "change processing" for e in t.of("phase")))
    await lab.sql("INSERT INTO shop.item SELECT i, 'last', 0 FROM generate_series(2001, 2200) i")
    await task.until(lambda t: t.tables["item"]["full_load_rows"] + counted(t)[0] == 700)
    await task.stop()
    rows = lab.table("lake/shop/item/")
    assert sorted(rows.column("id").to_pylist()) == [*range(1, 301), *range(1001, 1201), *range(2001, 2201)]
    assert [e["phase"] for e in task.of("phase")] == ["full load", "cached changes", "change processing"]


async def test_goes_on_after_stop_and_after_kill_without_loss_or_doubling(lab: Any) -> None:
    await lab.sql(*SEED)
    task = await lab.start(task=CDC)
    await task.until(lambda t: t.of("running"))
    await lab.sql("INSERT INTO shop.item SELECT i, 'a', 0 FROM generate_series(1001, 1100) i")
    await task.until(lambda t: counted(t, applied=False) == (100, 0, 0))
    await task.stop()
    assert counted(task) == (100, 0, 0)
    await lab.sql("INSERT INTO shop.item SELECT i, 'b', 0 FROM generate_series(1101, 1200) i")
    again = {"migration_type": "cdc", "start_type": "resume-processing"}
    task = await lab.start(task=again, resume=task.resume)
    await task.until(lambda t: counted(t) == (200, 0, 0))
    await lab.sql("INSERT INTO shop.item SELECT i, 'c', 0 FROM generate_series(1201, 1300) i")
    await task.until(lambda t: counted(t, applied=False)[0] == 300)
    await task.kill()  # captured, maybe half written
    task = await lab.start(task=again, resume=task.resume)
    await task.until(lambda t: counted(t) == (300, 0, 0))
    await task.stop()
    assert sorted(lab.table("lake/shop/item/").column("id").to_pylist()) == list(range(1001, 1301))


async def test_follows_new_columns_new_tables_and_truncates(lab: Any) -> None:
    await lab.sql(*SEED, "CREATE TABLE shop.gone (id int PRIMARY KEY)")
    task = await lab.start(task=CDC)
    await task.until(lambda t: t.of("running"))
    await lab.sql(
        "INSERT INTO shop.item VALUES (1001, 'x', 1)",
        "ALTER TABLE shop.item ADD COLUMN colour text",
        "INSERT INTO shop.item VALUES (1002, 'y', 2, 'red')",
        "CREATE TABLE shop.fresh (id int PRIMARY KEY)",
        "GRANT ALL ON shop.fresh TO master",
        "INSERT INTO shop.fresh VALUES (7)",
        "INSERT INTO shop.gone VALUES (1)",
        "TRUNCATE shop.gone",
        "INSERT INTO shop.gone VALUES (2)",
    )
    await task.until(
        lambda t: counted(t)[0] == 2 and counted(t, "fresh")[0] == 1 and counted(t, "gone")[0] == 2
    )
    await task.stop()
    rows = lab.table("lake/shop/item/").sort_by("id").to_pylist()
    assert [(row["id"], row.get("colour")) for row in rows] == [(1001, None), (1002, "red")]
    assert lab.table("lake/shop/fresh/").column("id").to_pylist() == [7]
    assert lab.table("lake/shop/gone/").column("id").to_pylist() == [2]
    assert task.tables["item"]["ddls"] == 1


async def test_keyless_updates_pass_at_the_source_and_are_not_replicated(lab: Any) -> None:
    await lab.sql("CREATE TABLE shop.nokey (id int)", "GRANT ALL ON ALL TABLES IN SCHEMA shop TO master")
    task = await lab.start(task=CDC)
    await task.until(lambda t: t.of("running"))
    await lab.sql(
        "INSERT INTO shop.nokey VALUES (1), (2)", "UPDATE shop.nokey SET id = 3", "DELETE FROM shop.nokey"
    )
    await task.until(lambda t: counted(t, "nokey")[0] == 2)
    await task.stop()
    assert counted(task, "nokey") == (2, 0, 0)


async def test_cleanup_drops_the_slot(lab: Any) -> None:
    await lab.sql(*SEED)
    task = await lab.start(task=CDC)
    await task.until(lambda t: t.of("running"))
    await task.stop()
    assert len(await lab.rows("SELECT 1 FROM pg_replication_slots")) == 1
    task = await lab.start("--cleanup", task=CDC)
    assert (await task.ended())["status"] == "stopped"
    assert await lab.rows("SELECT 1 FROM pg_replication_slots") == []
    assert await lab.rows("SELECT 1 FROM pg_publication") == []
    assert json.dumps(task.events)


@pytest.mark.long
async def test_killed_again_and_again_under_writers(lab: Any) -> None:
    """A load and its changes, killed at random moments while rows come, change and go: every change is there once."""
    await lab.sql(
        "CREATE TABLE shop.item (id int PRIMARY KEY, n int)",
        "CREATE TABLE shop.other (id int PRIMARY KEY, n int)",
        "INSERT INTO shop.item SELECT i, 0 FROM generate_series(1, 50000) i",
        "GRANT ALL ON ALL TABLES IN SCHEMA shop TO master",
    )
    chance = random.Random(7)
    writing = True

    async def write() -> None:
        number = 100_000
        while writing:
            number += 10
            await lab.sql(
                f"BEGIN; INSERT INTO shop.item SELECT i, 0 FROM generate_series({number}, {number + 9}) i;"
                f" UPDATE shop.item SET n = n + 1 WHERE id = {chance.randrange(1, 50000)};"
                f" INSERT INTO shop.other VALUES ({number}, 0); COMMIT"
            )
            await asyncio.sleep(0.01)

    writer = asyncio.create_task(write())
    both: dict[str, Any] = {"migration_type": "full-load-and-cdc"}
    target = {"CdcMaxBatchInterval": 0.2, "RowGroupLength": 100}
    resume = None
    for _ in range(8):
        task = await lab.start(task=both, resume=resume, target=target)
        await asyncio.sleep(chance.uniform(0.5, 3))
        await task.kill()
        if task.checkpoint is not None:
            resume = task.resume
            both["start_type"] = "resume-processing"
    writing = False
    await writer
    items = (await lab.rows("SELECT count(*), sum(n) FROM shop.item"))[0]
    others = (await lab.rows("SELECT count(*) FROM shop.other"))[0][0]

    def done(task: Any) -> bool:
        item, other = task.tables["item"], task.tables["other"]
        loaded = (
            item["full_load_rows"] + item["applied_inserts"],
            other["full_load_rows"] + other["applied_inserts"],
        )
        return bool(loaded == (items[0], others))

    task = await lab.start(task=both, resume=resume, target=target)
    await task.until(done, 60)
    await task.stop()
    rows = lab.table("lake/shop/item/").to_pylist()
    ids = [row["id"] for row in rows if row["Op"] != "U"]
    assert len(ids) == len(set(ids)) == items[0]
    latest: dict[int, int] = {}
    for row in rows:  # LOAD files sort behind the digits of change files
        if row["Op"] is None:
            latest.setdefault(row["id"], row["n"])
        else:
            latest[row["id"]] = max(latest.get(row["id"], 0), row["n"])
    assert sum(latest.values()) == items[1]
    found = lab.table("lake/shop/other/").column("id").to_pylist()
    assert len(found) == len(set(found)) == others
