"""Values as PostgreSQL has them against values as a reader that is not ours finds them in the bucket."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import pytest

GRANT = "GRANT ALL ON ALL TABLES IN SCHEMA shop TO master"
NUL_TIME = dt.datetime(2024, 2, 29, 11, 34, 56, 123456)

TYPES = """
CREATE TYPE shop.mood AS ENUM ('gut', 'schlecht');
CREATE TABLE shop.all_types (
  id int PRIMARY KEY, small smallint, big bigint, sized numeric(12,2), wide numeric(38,10), huge numeric(50,2),
  free numeric, r real, d double precision, flag boolean, at timestamptz, local timestamp, day date, clock time,
  code char(5), name varchar(40), body text, doc jsonb, raw json, tags text[], grid int[][], id2 uuid, bin bytea,
  mood shop.mood, span interval, cash money, ip inet, bits bit(4), "Odd ""Name" text)
"""
ROW = """
INSERT INTO shop.all_types VALUES (1, -32768, 9223372036854775807, 1234567890.12,
  1234567890123456789012345678.0123456789, 123456789012345678901234567890123456789012345678.25, 0.611111104488373,
  0.1, 1e-300, true, '2024-02-29 12:34:56.123456+01', '2024-02-29 12:34:56.123456', '0001-01-01',
  '23:59:59.999999', 'ab',
  'Zoë, "quoted"', E'line\\none\\r\\n\\ttab', '{"b": 1, "a": [1.10, null]}', '{"b":1,  "a":2}', '{a,"b c",NULL}',
  '{{1,2},{3,4}}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\\x00ff10', 'gut', '1 year 2 days', '-1234.5',
  '10.0.0.1/8', B'1010', '日本語 ñ 😀 \\N')
"""


async def test_every_type_arrives_as_dms_maps_it(lab: Any) -> None:
    await lab.sql(
        TYPES,
        ROW,
        "INSERT INTO shop.all_types (id) VALUES (2)",
        "INSERT INTO shop.all_types (id, name, body, code, bin, tags, doc) VALUES (3, '', '', '', '', '{}', '{}')",
        "INSERT INTO shop.all_types (id, r, d, flag) VALUES (4, 'NaN', '-Infinity', false)",
        GRANT,
    )
    task = await lab.start()
    assert (await task.ended())["stop_reason"] == "FULL_LOAD_ONLY_FINISHED"
    table = lab.table("lake/shop/all_types/").sort_by("id")
    types = {field.name: str(field.type) for field in table.schema}
    assert types == {
        "id": "int32", "small": "int16", "big": "int64", "sized": "decimal128(12, 2)",
        "wide": "decimal128(38, 10)", "huge": "string", "free": "decimal128(28, 6)", "r": "float", "d": "double",
        "flag": "string", "at": "timestamp[us]", "local": "timestamp[us]", "day": "date32[day]",
        "clock": "time32[ms]", "code": "string", "name": "string", "body": "string", "doc": "string",
        "raw": "string", "tags": "string", "grid": "string", "id2": "string", "bin": "binary", "mood": "string",
        "span": "string", "cash": "decimal128(38, 4)", "ip": "string", "bits": "string", 'Odd "Name': "string",
    }  # fmt: skip
    first, nulls, empty, odd = table.to_pylist()
    assert first == {
        "id": 1, "small": -32768, "big": 2**63 - 1, "sized": Decimal("1234567890.12"),
        "wide": Decimal("1234567890123456789012345678.0123456789"),
        "huge": "123456789012345678901234567890123456789012345678.25", "free": Decimal("0.611111"),
        "r": 0.10000000149011612, "d": 1e-300, "flag": "true", "at": NUL_TIME,
        "local": dt.datetime(2024, 2, 29, 12, 34, 56, 123456), "day": dt.date(1, 1, 1),
        "clock": dt.time(23, 59, 59, 999000), "code": "ab", "name": 'Zoë, "quoted"',
        "body": "line\none\r\n\ttab", "doc": '{"a": [1.10, null], "b": 1}', "raw": '{"b":1,  "a":2}',
        "tags": '{a,"b c",NULL}', "grid": "{{1,2},{3,4}}", "id2": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "bin": b"\x00\xff\x10", "mood": "gut", "span": "1 year 2 days", "cash": Decimal("-1234.5000"),
        "ip": "10.0.0.1/8", "bits": "1010", 'Odd "Name': "日本語 ñ 😀 \\N",
    }  # fmt: skip
    assert {name for name, value in nulls.items() if value is not None} == {"id"}
    assert (empty["name"], empty["body"], empty["code"], empty["bin"], empty["tags"]) == (
        "",
        "",
        "",
        b"",
        "{}",
    )
    assert odd["r"] != odd["r"]  # NaN, which a float column holds
    assert odd["d"] == float("-inf")
    assert odd["flag"] == "false"


@pytest.mark.long
async def test_changes_carry_the_same_values_as_the_load(lab: Any) -> None:
    await lab.sql(TYPES, GRANT)
    task = await lab.start(task={"migration_type": "full-load-and-cdc"})
    await task.until(lambda t: any(e["phase"] == "change processing" for e in t.of("phase")))
    await lab.sql(ROW)
    await task.until(lambda t: t.tables["all_types"]["applied_inserts"] == 1)
    await task.stop()
    changed = lab.table("lake/shop/all_types/").drop_columns(["Op"])
    await (await lab.start(target={"BucketFolder": "second"})).ended()
    assert changed.to_pylist() == lab.table("second/shop/all_types/").to_pylist()


async def test_what_no_type_holds_is_left_out_and_counted(lab: Any) -> None:
    await lab.sql(
        "CREATE TABLE shop.odd (id int PRIMARY KEY, n numeric, d date, t timestamp)",
        "INSERT INTO shop.odd VALUES (1, 'NaN', null, null), (2, 1, 'infinity', null), (3, 2, null, '4000-01-01 BC'),"
        " (4, 1e25, null, null), (5, 5.0000005, '2024-01-01', '9999-12-31 23:59:59.999999')",
        GRANT,
    )
    task = await lab.start()
    assert (await task.ended())["stop_reason"] == "FULL_LOAD_ONLY_FINISHED"
    rows = lab.table("lake/shop/odd/").to_pylist()
    assert [(row["id"], row["n"]) for row in rows] == [(5, Decimal("5.000001"))]
    assert task.tables["odd"]["full_load_rows"] == 1
    assert task.tables["odd"]["full_load_error_rows"] == 4
    assert "Value 'NaN' of column 'n'" in task.log()
    suspending = {"ErrorBehavior": {"DataErrorPolicy": "SUSPEND_TABLE"}}
    task = await lab.start(settings=suspending)
    assert (await task.ended())["stop_reason"] == "FULL_LOAD_ONLY_FINISHED"
    assert task.tables["odd"]["state"] == "Table error"
    assert lab.keys("lake/shop/odd/") == []


async def test_lob_modes(lab: Any) -> None:
    await lab.sql(
        "CREATE TABLE shop.lob (id int PRIMARY KEY, short varchar(20), long text, bin bytea)",
        "INSERT INTO shop.lob VALUES (1, 'x', repeat('a', 600), decode(repeat('ab', 1100), 'hex')),"
        " (2, 'y', repeat('😀', 300), '\\x01'), (3, 'z', repeat('é', 512), null)",
        GRANT,
    )
    task = await lab.start(settings={"TargetMetadata": {"LobMaxSize": 1}})
    await task.ended()
    rows = lab.table("lake/shop/lob/").sort_by("id").to_pylist()
    assert [len(row["long"]) for row in rows] == [512, 256, 512]
    assert [row["bin"] and len(row["bin"]) for row in rows] == [1024, 1, None]
    warnings = [e["message"] for e in task.of("log") if e["severity"] == "W"]
    assert "The value of column 'long' in table 'shop.lob' was truncated to length 512" in warnings
    assert sum("was truncated to length" in each for each in warnings) == 2
    task = await lab.start(settings={"TargetMetadata": {"SupportLobs": False}})
    await task.ended()
    assert lab.table("lake/shop/lob/").column_names == ["id", "short"]
    task = await lab.start(settings={"TargetMetadata": {"FullLobMode": True, "LimitedSizeLobMode": False}})
    await task.ended()
    assert "Full LOB mode is not supported" in task.log()
    failing = {"FailTasksOnLobTruncation": True}
    task = await lab.start(settings={"TargetMetadata": {"LobMaxSize": 1}}, source={"settings": failing})
    assert (await task.ended())["status"] == "failed"


async def test_mappings_rename_filter_add_remove_mask_and_retype(lab: Any) -> None:
    await lab.sql(
        "CREATE TABLE shop.person (id int PRIMARY KEY, first text, last varchar(20), phone varchar(20), secret text,"
        " score numeric(6,2))",
        "INSERT INTO shop.person SELECT i, 'F' || i, 'L' || i, '+49 ' || i, 's', i / 4.0 FROM generate_series(1, 9) i",
        GRANT,
    )

    def rule(number: int, target: str, action: str, column: str | None = None, **more: Any) -> dict[str, Any]:
        locator = {"schema-name": "shop"}
        if target != "schema":
            locator["table-name"] = "person"
        if column:
            locator["column-name"] = column
        return {
            "rule-type": "transformation", "rule-id": str(number), "rule-name": str(number), "rule-target": target,
            "rule-action": action, "object-locator": locator, **more,
        }  # fmt: skip

    conditions = [{"filter-operator": "gte", "value": "4"}]
    rules = [
        {
            "rule-type": "selection", "rule-id": "1", "rule-name": "1", "rule-action": "include",
            "object-locator": {"schema-name": "shop", "table-name": "person"},
            "filters": [{"filter-type": "source", "column-name": "id", "filter-conditions": conditions}],
        },
        rule(2, "schema", "rename", value="lake_shop"),
        rule(3, "table", "add-suffix", value="_v1"),
        rule(4, "column", "rename", "last", value="surname"),
        rule(5, "column", "remove-column", "secret"),
        rule(6, "column", "data-masking-digits-mask", "phone", value="#"),
        rule(7, "column", "change-data-type", "score", **{"data-type": {"type": "real8"}}),
        rule(8, "column", "add-column", None, value="label", expression="upper($last) || '-' || $id",
             **{"data-type": {"type": "string", "length": 50}}),
    ]  # fmt: skip
    task = await lab.start(rules=rules, task={"migration_type": "full-load-and-cdc"})
    await task.until(lambda t: any(e["phase"] == "change processing" for e in t.of("phase")))
    await lab.sql(
        "INSERT INTO shop.person VALUES (10, 'F10', 'L10', '+1 10', 's', 2), (-1, 'F', 'L', '', 's', 1)",
    )
    await task.until(lambda t: t.tables["person"]["applied_inserts"] == 1)
    await task.stop()
    rows = lab.table("lake/lake_shop/person_v1/").sort_by("id").to_pylist()
    assert [row["id"] for row in rows] == [4, 5, 6, 7, 8, 9, 10]
    assert rows[0] == {
        "id": 4, "first": "F4", "surname": "L4", "phone": "+## #", "score": 1.0, "label": "L4-4", "Op": None,
    }  # fmt: skip
    assert rows[-1]["label"] == "L10-10"
    assert rows[-1]["Op"] == "I"
    assert rows[-1]["phone"] == "+# ##"


async def test_csv_with_every_setting(lab: Any) -> None:
    await lab.sql(
        "CREATE TABLE shop.c (id int PRIMARY KEY, t text, n numeric, at timestamptz, b bytea)",
        "INSERT INTO shop.c VALUES (1, 'a,b \"q\"', 1.5, '2024-01-01 00:00:00+00', '\\xab')",
        "INSERT INTO shop.c VALUES (2, null, null, null, null)",
        GRANT,
    )
    target = {"DataFormat": "csv", "AddColumnName": True, "IncludeOpForFullLoad": True, "CompressionType": "GZIP",
              "TimestampColumnName": "loaded"}  # fmt: skip
    await (await lab.start(target=target)).ended()
    assert lab.keys() == ["lake/shop/c/LOAD00000001.csv.gz"]
    text = gzip.decompress(lab.body("lake/shop/c/LOAD00000001.csv.gz")).decode()
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["Op", "loaded", "id", "t", "n", "at", "b"]
    assert rows[1][2:] == ["1", 'a,b "q"', "1.500000", "2024-01-01 00:00:00.000000", "ab"]
    assert rows[2][2:] == ["2", "NULL", "NULL", "NULL", "NULL"]
    assert rows[1][0] == "I"
    dt.datetime.strptime(rows[1][1], "%Y-%m-%d %H:%M:%S.%f")
    assert text.count("\n") == 3


async def test_parquet_obeys_the_endpoint(lab: Any) -> None:
    await lab.sql(
        "CREATE TABLE shop.p (id int PRIMARY KEY, t text, at timestamp)",
        "INSERT INTO shop.p SELECT i, md5(i::text), '2024-01-01 00:00:00.123456' FROM generate_series(1, 30000) i",
        GRANT,
    )
    target = {"RowGroupLength": 1000, "CompressionType": "GZIP", "MaxFileSize": 32, "EncodingType": "plain",
              "ParquetTimestampInMillisecond": True, "ParquetVersion": "parquet-2-0",
              "EnableStatistics": False}  # fmt: skip
    await (await lab.start(target=target)).ended()
    keys = lab.keys("lake/shop/p/")
    assert len(keys) > 9
    assert keys[9] == "lake/shop/p/LOAD0000000A.parquet"
    metadata = pq.ParquetFile(io.BytesIO(lab.body(keys[0]))).metadata
    column = metadata.row_group(0).column(1)
    assert metadata.row_group(0).num_rows == 1000
    assert column.compression == "GZIP"
    assert column.statistics is None
    assert not any("DICTIONARY" in each for each in column.encodings)
    table = lab.table("lake/shop/p/")
    assert table.num_rows == 30000
    assert str(table.schema.field("at").type) == "timestamp[ms]"
    assert table.column("at")[0].as_py() == dt.datetime(2024, 1, 1, 0, 0, 0, 123000)
    head = lab.s3.head_object(Bucket=lab.bucket, Key=keys[0])
    assert head["ServerSideEncryption"] == "AES256"


@pytest.mark.long
async def test_parallel_load_in_ranges_cuts_without_overlap(lab: Any) -> None:
    await lab.sql(
        "CREATE TABLE shop.seg (id int PRIMARY KEY, t text)",
        "INSERT INTO shop.seg SELECT i, 'x' FROM generate_series(1, 1000) i",
        GRANT,
    )
    selection = {
        "rule-type": "selection", "rule-id": "1", "rule-name": "1", "rule-action": "include",
        "object-locator": {"schema-name": "shop", "table-name": "seg"},
    }  # fmt: skip
    settings = {
        "rule-type": "table-settings", "rule-id": "2", "rule-name": "2",
        "object-locator": {"schema-name": "shop", "table-name": "seg"},
        "parallel-load": {"type": "ranges", "columns": ["id"], "boundaries": [["300"], ["700"]]},
    }  # fmt: skip
    task = await lab.start(rules=[selection, settings])
    assert (await task.ended())["stop_reason"] == "FULL_LOAD_ONLY_FINISHED"
    assert [key.rsplit("/", 1)[-1] for key in lab.keys("lake/shop/seg/")] == [
        f"SEGMENT{n}_LOAD00000001.parquet" for n in (1, 2, 3)
    ]
    assert sorted(lab.table("lake/shop/seg/").column("id").to_pylist()) == list(range(1, 1001))
    assert task.tables["seg"]["full_load_rows"] == 1000


async def test_all_tables_are_read_as_of_one_moment(lab: Any) -> None:
    """Money moves between two tables while both are loaded: their sum is what it always was."""
    await lab.sql(
        "CREATE TABLE shop.a (id int PRIMARY KEY, n int)",
        "CREATE TABLE shop.b (id int PRIMARY KEY, n int)",
        "INSERT INTO shop.a SELECT i, 1000 FROM generate_series(1, 50) i",
        "INSERT INTO shop.b SELECT i, 1000 FROM generate_series(1, 50) i",
        GRANT,
    )
    task = await lab.start(settings={"FullLoadSettings": {"MaxFullLoadSubTasks": 1}})
    while not task.of("ended"):
        await lab.sql("BEGIN; UPDATE shop.a SET n = n - 1; UPDATE shop.b SET n = n + 1; COMMIT")
    total = sum(lab.table("lake/shop/").column("n").to_pylist())
    assert total == 100_000
