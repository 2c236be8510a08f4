"""How change processing writes and ends under the endpoint's and the task's settings."""

from __future__ import annotations

import datetime as dt
import re
import time
from typing import Any

import pytest

GRANT = "GRANT ALL ON ALL TABLES IN SCHEMA shop TO master"
SEED = (
    "CREATE TABLE shop.item (id int PRIMARY KEY, name text)",
    "INSERT INTO shop.item SELECT i, 'n' || i FROM generate_series(1, 20) i",
    GRANT,
)
CHANGES = (
    "INSERT INTO shop.item VALUES (100, 'new')",
    "UPDATE shop.item SET name = 'other' WHERE id = 1",
    "DELETE FROM shop.item WHERE id = 2",
)


async def changed(lab: Any, **changes: Any) -> Any:
    """A cdc task that saw one insert, one update and one delete, and was stopped."""
    task = await lab.start(task={"migration_type": "cdc"}, **changes)
    await task.until(lambda t: t.of("running"))
    await lab.sql(*CHANGES)
    await task.until(lambda t: t.tables["item"]["deletes"] == 1)
    await task.stop()
    event = task.tables["item"]
    assert (event["applied_inserts"], event["applied_updates"], event["applied_deletes"]) == (1, 1, 1)
    return task


async def test_inserts_only_after_a_load_without_op_has_no_op(lab: Any) -> None:
    await lab.sql(*SEED)
    await changed(lab, target={"CdcInsertsOnly": True, "TimestampColumnName": "ts"})
    rows = lab.table("lake/shop/item/").to_pylist()
    assert [set(row) for row in rows] == [{"id", "name", "ts"}]
    at = dt.datetime.strptime(rows[0]["ts"], "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=dt.UTC)
    assert abs(at.timestamp() - time.time()) < 60


async def test_inserts_and_updates_in_date_folders(lab: Any) -> None:
    await lab.sql(*SEED)
    await changed(
        lab,
        target={
            "CdcInsertsAndUpdates": True,
            "DatePartitionEnabled": True,
            "DatePartitionSequence": "DDMMYYYY",
            "DatePartitionDelimiter": "DASH",
            "DatePartitionTimezone": "Asia/Seoul",
        },
    )
    assert [row["Op"] for row in lab.table("lake/shop/item/").to_pylist()] == ["I", "U"]
    written = lab.keys("lake/")
    assert all(re.fullmatch(r"lake/shop/item/\d\d-\d\d-\d{4}/\d{8}-\d{9}\.parquet", key) for key in written)


@pytest.mark.long
async def test_transactions_in_their_order(lab: Any) -> None:
    await lab.sql(*SEED, "CREATE TABLE shop.other (id int PRIMARY KEY)", GRANT)
    task = await lab.start(
        task={"migration_type": "cdc"}, target={"PreserveTransactions": True, "CdcPath": "txn"}
    )
    await task.until(lambda t: t.of("running"))
    await lab.sql(
        "BEGIN; INSERT INTO shop.other VALUES (1); INSERT INTO shop.item VALUES (101, 'x, y');"
        " INSERT INTO shop.other VALUES (2); COMMIT"
    )
    await task.until(lambda t: t.tables["other"]["inserts"] == 2)
    await task.stop()
    (key,) = lab.keys()
    assert re.fullmatch(r"lake/txn/CDC_TXN-\d{17}\.csv", key)
    assert lab.body(key).decode() == 'I,other,shop,1\nI,item,shop,101,"x, y"\nI,other,shop,2\n'


async def test_value_out_of_line_that_an_update_left_alone(lab: Any) -> None:
    await lab.sql(
        *SEED,
        "ALTER TABLE shop.item ALTER name SET STORAGE EXTERNAL",
        "UPDATE shop.item SET name = repeat('x', 9000)",
        "ALTER TABLE shop.item ADD n int",
        "CREATE TABLE shop.whole (LIKE shop.item INCLUDING ALL)",
        "INSERT INTO shop.whole SELECT * FROM shop.item",
        "ALTER TABLE shop.whole REPLICA IDENTITY FULL",
        GRANT,
    )
    task = await lab.start(task={"migration_type": "cdc"})
    await task.until(lambda t: t.of("running"))
    await lab.sql("UPDATE shop.item SET n = 1 WHERE id < 3", "UPDATE shop.whole SET n = 1 WHERE id = 1")
    await task.until(lambda t: t.tables["item"]["updates"] == 2 and t.tables["whole"]["updates"] == 1)
    await task.stop()
    assert lab.table("lake/shop/item/").column("name").to_pylist() == [None, None]
    assert len(lab.table("lake/shop/whole/").column("name")[0].as_py()) == 9000
    assert task.log().count("is stored out of line") == 1


@pytest.mark.long
async def test_stops_where_the_task_says(lab: Any) -> None:
    await lab.sql(*SEED)
    at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=3)
    position = f"commit_time:{at:%Y-%m-%dT%H:%M:%S}"
    task = await lab.start(task={"migration_type": "cdc", "cdc_stop_position": position})
    await task.until(lambda t: t.of("running"))
    number = 1000
    while not task.of("ended"):
        number += 1
        await lab.sql(f"INSERT INTO shop.item VALUES ({number}, 'x')")
        assert time.time() < at.timestamp() + 20
    assert (await task.ended())["stop_reason"] == "STOPPED_AT_COMMIT_TIME"
    assert task.tables["item"]["applied_inserts"] < number - 1000
    at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2)
    position = f"server_time:{at:%Y-%m-%dT%H:%M:%S}"
    task = await lab.start(task={"migration_type": "cdc", "cdc_stop_position": position})
    assert (await task.ended())["stop_reason"] == "STOPPED_AT_SERVER_TIME"


@pytest.mark.long
async def test_stops_around_cached_changes(lab: Any) -> None:
    await lab.sql(*SEED)
    both = {"migration_type": "full-load-and-cdc"}
    settings = {
        "FullLoadSettings": {"StopTaskCachedChangesNotApplied": True, "StopTaskCachedChangesApplied": True}
    }
    task = await lab.start(task=both, settings=settings)
    assert (await task.ended())["stop_reason"] == "STOPPED_AFTER_FULL_LOAD"
    await lab.sql("INSERT INTO shop.item VALUES (50, 'cached')")
    resumed = both | {"start_type": "resume-processing"}
    task = await lab.start(task=resumed, settings=settings, resume=task.resume)
    assert (await task.ended())["stop_reason"] == "STOPPED_AFTER_CACHED_EVENTS"
    assert task.tables["item"]["applied_inserts"] == 1
    assert task.tables["item"]["full_load_rows"] == 20
    task = await lab.start(task=resumed, settings=settings, resume=task.resume)
    await lab.sql("INSERT INTO shop.item VALUES (51, 'later')")
    await task.until(lambda t: t.tables["item"]["applied_inserts"] == 2)
    assert (await task.stop())["stop_reason"] == "NORMAL"
    assert sorted(lab.table("lake/shop/item/").column("id").to_pylist()) == [*range(1, 21), 50, 51]


async def test_reloads_a_table_while_changes_go_on(lab: Any) -> None:
    await lab.sql(*SEED, "CREATE TABLE shop.other (id int PRIMARY KEY)", GRANT)
    task = await lab.start(task={"migration_type": "full-load-and-cdc"})
    await task.until(lambda t: any(e["phase"] == "change processing" for e in t.of("phase")))
    await lab.sql("INSERT INTO shop.item VALUES (60, 'a')", "INSERT INTO shop.other VALUES (1)")
    await task.until(lambda t: t.tables["other"]["applied_inserts"] == 1)
    task.say(command="reload-tables", tables=[{"schema": "shop", "table": "item"}], option="data-reload")
    await task.until(lambda t: t.tables["item"]["state"] == "Table is being reloaded")
    await lab.sql("INSERT INTO shop.item VALUES (61, 'b')", "INSERT INTO shop.other VALUES (2)")
    await task.until(
        lambda t: t.tables["item"]["reloaded"] and t.tables["item"]["state"] == "Table completed"
    )
    await lab.sql("INSERT INTO shop.item VALUES (62, 'c')")
    await task.until(lambda t: t.tables["item"]["full_load_rows"] + t.tables["item"]["applied_inserts"] == 23)
    await task.until(lambda t: t.tables["other"]["applied_inserts"] == 2)
    await task.stop()
    assert sorted(lab.table("lake/shop/item/").column("id").to_pylist()) == [*range(1, 21), 60, 61, 62]
    assert sorted(lab.table("lake/shop/other/").column("id").to_pylist()) == [1, 2]


@pytest.mark.long
async def test_starts_from_a_slot_made_by_hand(lab: Any) -> None:
    await lab.sql(*SEED)
    start = await lab.rows("SELECT lsn::text FROM pg_create_logical_replication_slot('mine', 'pgoutput')")
    chosen = {"migration_type": "cdc", "cdc_start_position": start[0][0]}
    task = await lab.start(task=chosen, source={"settings": {"SlotName": "mine"}})
    await task.until(lambda t: t.of("running"))
    await lab.sql(*CHANGES)
    await task.until(lambda t: t.tables["item"]["deletes"] == 1)
    await task.stop()
    await (await lab.start("--cleanup", task=chosen, source={"settings": {"SlotName": "mine"}})).ended()
    assert await lab.rows("SELECT slot_name FROM pg_replication_slots") == [("mine",)]
    task = await lab.start(task=chosen, source={"settings": {"SlotName": "missing"}})
    assert '"missing" does not exist' in (await task.ended())["message"]
