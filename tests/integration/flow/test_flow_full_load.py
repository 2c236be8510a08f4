"""The full load of the worker against a real PostgreSQL and a bucket."""

from __future__ import annotations

from typing import Any


async def test_moves_every_row_and_says_so(lab: Any) -> None:
    await lab.sql(
        "CREATE TABLE shop.item (id int PRIMARY KEY, name text, price numeric(12,2))",
        "INSERT INTO shop.item SELECT i, 'n' || i, i / 100.0 FROM generate_series(1, 25000) i",
        "CREATE TABLE shop.empty (id int PRIMARY KEY)",
        "GRANT ALL ON ALL TABLES IN SCHEMA shop TO master",
    )
    task = await lab.start()
    ending = await task.ended()
    print(task.log())
    assert ending == {
        "event": "ended", "status": "stopped", "stop_reason": "FULL_LOAD_ONLY_FINISHED", "message": None, "level": None,
    }  # fmt: skip
    assert lab.keys() == ["lake/shop/item/LOAD00000001.parquet"]
    rows = lab.table("lake/shop/item/").sort_by("id")
    assert rows.num_rows == 25000
    assert rows.column("name")[24999].as_py() == "n25000"
