"""What a worker does when something is missing, refused, dropped, stopped or killed."""

from __future__ import annotations

from typing import Any

import pytest

GRANT = "GRANT ALL ON ALL TABLES IN SCHEMA shop TO master"
SEED = (
    "CREATE TABLE shop.item (id int PRIMARY KEY, name text)",
    "INSERT INTO shop.item VALUES (1, 'a')",
    GRANT,
)
RESUME = {"start_type": "resume-processing"}


async def test_wrong_password_gives_the_engines_words(lab: Any) -> None:
    await lab.sql(*SEED)
    task = await lab.start(source={"password": "wrong"})
    ending = await task.ended()
    assert ending["status"] == "failed"
    assert ending["level"] == "FATAL"
    assert ending["message"].startswith("Last Error  ")
    assert ending["message"].endswith("Stop Reason FATAL_ERROR Error Level FATAL")
    assert 'password authentication failed for user "master"' in ending["message"]
    assert not task.of("running")
    assert "password authentication failed" in task.log()


async def test_no_table_matches(lab: Any) -> None:
    await lab.sql(*SEED)
    rule = {
        "rule-type": "selection", "rule-id": "1", "rule-name": "1", "rule-action": "include",
        "object-locator": {"schema-name": "SHOP", "table-name": "%"},
    }  # fmt: skip
    ending = await (await lab.start(rules=[rule])).ended()
    assert "No tables were found at task initialization" in ending["message"]
    ignoring = {"ErrorBehavior": {"FailOnNoTablesCaptured": False}}
    ending = await (await lab.start(rules=[rule], settings=ignoring)).ended()
    assert ending["stop_reason"] == "FULL_LOAD_ONLY_FINISHED"


async def test_bucket_that_is_not_there(lab: Any) -> None:
    await lab.sql(*SEED)
    ending = await (await lab.start(target={"BucketName": "nowhere-at-all"})).ended()
    assert ending["status"] == "failed"
    assert "nowhere-at-all" in ending["message"]
    assert "NoSuchBucket" in ending["message"]


async def test_cdc_without_logical_wal_says_what_the_server_says(lab: Any) -> None:
    await lab.sql(*SEED)
    await lab.server.configure({"rds.force_ssl": "1"})
    await lab.server.reboot()
    task = await lab.start(task={"migration_type": "cdc"})
    ending = await task.ended()
    assert ending["status"] == "failed"
    assert "logical decoding requires" in ending["message"]
    assert "rds.logical_replication" in task.log()


async def test_cdc_without_the_role_is_refused_by_the_server(lab: Any) -> None:
    await lab.sql(*SEED, "REVOKE rds_replication FROM master", "REVOKE rds_superuser FROM master")
    await lab.sql("ALTER ROLE master NOREPLICATION")
    ending = await (await lab.start(task={"migration_type": "cdc"})).ended()
    assert ending["status"] == "failed"
    assert "42501" in ending["message"]


@pytest.mark.long
async def test_a_slot_taken_away_between_stop_and_resume(lab: Any) -> None:
    await lab.sql(*SEED)
    task = await lab.start(task={"migration_type": "cdc"})
    await task.until(lambda t: t.of("running"))
    await task.stop()
    await lab.sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
    ending = await (await lab.start(task={"migration_type": "cdc"} | RESUME, resume=task.resume)).ended()
    assert ending["status"] == "failed"
    assert "does not exist" in ending["message"]


async def test_one_table_in_error_does_not_stop_the_others(lab: Any) -> None:
    await lab.sql(
        *SEED,
        "CREATE TABLE shop.list (tags text[])",  # an ARRAY without a primary key
        "INSERT INTO shop.list VALUES ('{a}')",
        GRANT,
    )
    task = await lab.start()
    assert (await task.ended())["stop_reason"] == "FULL_LOAD_ONLY_FINISHED"
    assert task.tables["list"]["state"] == "Table error"
    assert task.tables["item"]["state"] == "Table completed"
    assert task.of("progress")[-1]["errored"] == 1
    stopping = {"ErrorBehavior": {"TableErrorPolicy": "STOP_TASK"}}
    assert (await (await lab.start(settings=stopping)).ended())["status"] == "failed"


async def test_a_table_locked_and_dropped_under_the_load(lab: Any) -> None:
    await lab.sql(*SEED, "CREATE TABLE shop.gone (id int PRIMARY KEY)", GRANT)
    async with lab.server.session("shop") as other:
        lock = other.transaction()
        await lock.start()
        await other.execute("LOCK TABLE shop.gone IN ACCESS EXCLUSIVE MODE")
        task = await lab.start()
        await task.until(lambda t: t.tables.get("item", {}).get("state") == "Table completed")
        await other.execute("DROP TABLE shop.gone")
        await lock.commit()
    assert (await task.ended())["stop_reason"] == "FULL_LOAD_ONLY_FINISHED"
    assert task.tables["gone"]["state"] == "Table error"
    assert "gone" in task.log()
    assert "42P01" in task.log() or "XX000" in task.log()


SIZES = {"t0": 1000, "t1": 400_000, "t2": 1000, "t3": 1000}
BIG = (
    *(f"CREATE TABLE shop.{name} (id int PRIMARY KEY, pad text)" for name in SIZES),
    *(
        f"INSERT INTO shop.{name} SELECT i, repeat(md5(i::text), 4) FROM generate_series(1, {rows}) i"
        for name, rows in SIZES.items()
    ),
    GRANT,
)


SLOW = {"MaxFileSize": 2000, "RowGroupLength": 20}
"""Many tiny row groups take time, so that a test can meet a load under way; small files so that some are left."""


def half(task: Any) -> bool:
    """One table is loaded, another is under way."""
    states = [each["state"] for each in task.tables.values()]
    loading = [e for e in task.tables.values() if e["state"] == "Full load" and e["full_load_rows"] > 0]
    return "Table completed" in states and bool(loading)


async def complete(lab: Any) -> None:
    for name, rows in SIZES.items():
        ids = lab.table(f"lake/shop/{name}/").column("id").to_pylist()
        assert sorted(ids) == list(range(1, rows + 1)), name


async def test_stop_in_the_middle_of_the_load_then_resume(lab: Any) -> None:
    await lab.sql(*BIG)
    task = await lab.start(settings={"FullLoadSettings": {"MaxFullLoadSubTasks": 1}}, target=SLOW)
    await task.until(half, 60)
    assert (await task.stop())["stop_reason"] == "NORMAL"
    done = {name for name, event in task.tables.items() if event["state"] == "Table completed"}
    assert 0 < len(done) < 4
    again = await lab.start(task=RESUME, resume=task.resume, target=SLOW)
    assert (await again.ended(90))["stop_reason"] == "FULL_LOAD_ONLY_FINISHED"
    loaded_again = {e["message"].split("'")[3] for e in again.of("log") if "Load finished" in e["message"]}
    assert loaded_again == set(SIZES) - done
    await complete(lab)


@pytest.mark.long
async def test_kill_in_the_middle_of_the_load_then_resume_even_where_files_are_left(lab: Any) -> None:
    await lab.sql(*BIG)
    settings = {"FullLoadSettings": {"MaxFullLoadSubTasks": 2, "TargetTablePrepMode": "DO_NOTHING"}}
    task = await lab.start(settings=settings, target=SLOW)
    await task.until(half, 60)
    await task.kill()
    again = await lab.start(task=RESUME, resume=task.resume, settings=settings, target=SLOW)
    assert (await again.ended(90))["stop_reason"] == "FULL_LOAD_ONLY_FINISHED"
    await complete(lab)


@pytest.mark.long
async def test_source_stopped_in_the_middle_of_the_load_comes_back(lab: Any) -> None:
    await lab.sql(*BIG)
    quick = {
        "FullLoadSettings": {"MaxFullLoadSubTasks": 1},
        "ErrorBehavior": {"RecoverableErrorInterval": 1, "RecoverableErrorThrottling": False},
    }
    task = await lab.start(settings=quick, target=SLOW)
    await task.until(half, 60)
    await lab.server.stop()
    await task.until(lambda t: "recoverable error" in t.log())
    await lab.server.start()
    assert (await task.ended(90))["stop_reason"] == "FULL_LOAD_ONLY_FINISHED"
    assert "SqlState: " in task.log()
    await complete(lab)


async def test_source_stopped_for_good_fails_the_task_when_tries_are_used_up(lab: Any) -> None:
    await lab.sql(*SEED)
    quick = {"ErrorBehavior": {"RecoverableErrorInterval": 0.2, "RecoverableErrorCount": 2}}
    task = await lab.start(settings=quick, task={"migration_type": "cdc"})
    await task.until(lambda t: t.of("running"))
    await lab.server.stop()
    ending = await task.ended()
    assert ending["stop_reason"] == "RECOVERABLE_ERROR"
    assert ending["level"] == "RECOVERABLE"
    assert ending["message"].endswith("Stop Reason RECOVERABLE_ERROR Error Level RECOVERABLE")


@pytest.mark.long
async def test_changes_go_on_after_the_source_was_away(lab: Any) -> None:
    await lab.sql(*SEED)
    quick = {"ErrorBehavior": {"RecoverableErrorInterval": 0.3, "RecoverableErrorThrottling": False}}
    task = await lab.start(settings=quick, task={"migration_type": "cdc"})
    await task.until(lambda t: t.of("running"))
    await lab.sql("INSERT INTO shop.item SELECT i, 'x' FROM generate_series(10, 59) i")
    await task.until(lambda t: t.tables["item"]["inserts"] == 50)
    await lab.server.reboot()
    await task.until(lambda t: "recoverable error" in t.log())
    await lab.sql("INSERT INTO shop.item SELECT i, 'y' FROM generate_series(60, 109) i")
    await task.until(lambda t: t.tables["item"]["applied_inserts"] == 100)
    await task.stop()
    assert sorted(lab.table("lake/shop/item/").column("id").to_pylist()) == list(range(10, 110))
