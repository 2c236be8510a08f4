"""The scripts of scenario postgresql-to-s3: no chance in the seed, verify agrees with the mappings and finds lies."""

from __future__ import annotations

import importlib.util
import io
import json
import re
import subprocess
import types
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dmstui import catalog
from dmstui.mappings import DataType, parse

SCENARIO = catalog.scenario("postgresql-to-s3")


@cache
def verify() -> types.ModuleType:
    path = SCENARIO.scripts["verify"].path
    spec = importlib.util.spec_from_file_location("verify_postgresql_to_s3", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# -- seed and change ---------------------------------------------------------------------------------------------------

CHANCE = (
    r"\brandom\(", r"\bnow\(", r"clock_timestamp", r"current_(date|time|timestamp)", r"gen_random_uuid", r"uuidv\d",
    r"create extension", r"\bcrypt\(", r"\bdigest\(", r"tablesample", r"txid_current",
)  # fmt: skip


@pytest.mark.parametrize("step", ["seed", "change"])
@pytest.mark.parametrize("word", CHANCE)
def test_scripts_use_neither_chance_nor_the_clock_nor_extensions(step: str, word: str) -> None:
    assert not re.search(word, SCENARIO.scripts[step].text, re.IGNORECASE)


@pytest.mark.parametrize("step", ["seed", "change"])
def test_shell_scripts_parse_as_posix_sh(step: str) -> None:
    done = subprocess.run(
        ["sh", "-n", str(SCENARIO.scripts[step].path)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_scripts_read_only_what_the_contract_gives_them() -> None:
    allowed = {
        "DMSTUI_SOURCE_URL",
        "DMSTUI_TARGET_URL",
        "DMSTUI_SCALE",
        "DMSTUI_SEED",
        "DMSTUI_KIND",
        "AWS_REGION",
    }
    for script in SCENARIO.scripts.values():
        assert set(re.findall(r"\b(?:DMSTUI|AWS)_[A-Z_]+\b", script.text)) <= allowed


@pytest.mark.parametrize("step", ["seed", "change"])
def test_a_database_that_is_not_there_is_said_in_json(step: str, tmp_path: Any) -> None:
    environment = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "DMSTUI_SOURCE_URL": f"postgresql://a@/b?host={tmp_path}",
    }
    psql = tmp_path / "psql"
    psql.write_text("#!/bin/sh\necho 'psql: error: connection refused' >&2\nexit 2\n")
    psql.chmod(0o755)
    done = subprocess.run(
        ["sh", str(SCENARIO.scripts[step].path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    said = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 1
    assert (said["step"], said["ok"]) == (step, False)
    assert set(said) == {"step", "table", "rows", "ok", "detail"}


def test_an_unknown_kind_of_change_is_refused() -> None:
    environment = {"PATH": "/usr/bin:/bin", "DMSTUI_SOURCE_URL": "x", "DMSTUI_KIND": "storm"}
    done = subprocess.run(
        ["sh", str(SCENARIO.scripts["change"].path)],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 1
    assert not json.loads(done.stdout)["ok"]


# -- verify and the mappings say the same ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    name: str
    type: DataType


@dataclass(frozen=True)
class Table:
    schema: str
    name: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ("id",)
    kind: str = "table"


def tables_of_the_seed() -> list[Table]:
    found = []
    for schema, name, body in re.findall(
        r"create table (\w+)\.(\w+) \((.*?)\);", SCENARIO.scripts["seed"].text, re.DOTALL
    ):
        parts = re.split(r",\s*(?![^()]*\))", body.strip())
        names = [part.split()[0] for part in parts if not part.startswith("primary key")]
        found.append(Table(schema, name, tuple(Column(each, DataType("wstring", 100)) for each in names)))
    return found


def test_seed_makes_related_tables_enough() -> None:
    assert len(tables_of_the_seed()) == 15
    assert len(re.findall(r"references shop\.\w+", SCENARIO.scripts["seed"].text)) >= 10


def test_verify_expects_the_columns_that_the_mappings_make() -> None:
    plans = {
        f"{plan.source_schema}.{plan.source_table}": plan
        for plan in parse(SCENARIO.table_mappings).plan(tables_of_the_seed())
    }
    assert len(plans) == 14
    assert "shop.import_prices" not in plans
    for name, plan in plans.items():
        source = next(each for each in tables_of_the_seed() if f"{each.schema}.{each.name}" == name)
        expected = verify().expected(name, [(column.name, "text") for column in source.columns], 0)
        assert sorted(column for column, _ in expected) == sorted(column.name for column in plan.columns), (
            name
        )
        assert verify().TABLE_NAMES.get(name, name) == f"{plan.target_schema}.{plan.target_table}"
        assert (name in verify().WHERE) == bool(plan.filters)
        masked = {column.source for column in plan.columns if column.mask}
        assert set(verify().MASKED.get(name, {})) == masked
        assert (name in verify().CUT) == (plan.lob is not None and plan.lob.bulk_max_size is not None)
        if name in verify().CUT:
            assert plan.lob is not None
            assert plan.lob.bulk_max_size == verify().CUT_BYTES // 1024


# -- verify compares ---------------------------------------------------------------------------------------------------

COLUMNS = [
    ("id", "int8"), ("name", "text"), ("price", "numeric"), ("at", "timestamptz"), ("day", "date"), ("hour", "time"),
    ("blob", "bytea"), ("flag", "bool"), ("weight", "float4"),
]  # fmt: skip
MOMENT = datetime(2026, 3, 4, 5, 6, 7, 89000, UTC)
SOURCE = [
    ["1", "川", "4.99", str(int(MOMENT.timestamp() * 1000)), "20516", "30600500", "00ff", "true", "0.125"],
    ["2", "", "100", None, None, None, None, None, None],
    ["3", None, "0.000001", "0", "-1", "0", "", "false", "2"],
]
LAKE = {
    "id": [1, 2, 3],
    "name": ["川", "", None],
    "price": [Decimal("4.990000"), Decimal("100.000000"), Decimal("0.000001")],
    "at": [MOMENT, None, datetime(1970, 1, 1, tzinfo=UTC)],
    "day": [date(2026, 3, 4), None, date(1969, 12, 31)],
    "hour": [time(8, 30, 0, 500000), None, time(0)],
    "blob": [b"\x00\xff", None, b""],
    "flag": [True, None, False],
    "weight": [0.125, None, 2.0],
}
TYPES: dict[str, Any] = {
    "id": pa.int64(), "name": pa.string(), "price": pa.decimal128(28, 6), "at": pa.timestamp("ms"),
    "day": pa.date32(), "hour": pa.time32("ms"), "blob": pa.binary(), "flag": pa.bool_(), "weight": pa.float32(),
}  # fmt: skip


def parquet(rows: dict[str, list[Any]], operations: list[str] | None = None) -> bytes:
    count = len(rows["id"])
    columns = {"Op": pa.array(operations or ["I"] * count)}
    for name, values in rows.items():
        plain = [each.replace(tzinfo=None) if isinstance(each, datetime) else each for each in values]
        columns[name] = pa.array(plain, TYPES.get(name, pa.string()))
    columns["dms_timestamp"] = pa.array(["2026-11-23 10:00:00.000000"] * count)
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


class Bucket:
    """boto3's S3 client over a dict."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects

    def get_paginator(self, _: str) -> Any:
        return types.SimpleNamespace(
            paginate=lambda Bucket, Prefix: [  # noqa: N803
                {"Contents": [{"Key": key} for key in self.objects if key.startswith(Prefix)]}
            ]
        )

    def get_object(self, Bucket: str, Key: str) -> Any:  # noqa: N803
        return {"Body": io.BytesIO(self.objects[Key])}


LOAD = "lake/s/t/LOAD00000001.parquet"


def compared(monkeypatch: pytest.MonkeyPatch, objects: dict[str, bytes], *, merge: bool = False) -> Any:
    """(rows, what is wrong) of table s.t against these objects."""

    def psql(sql: str) -> Iterator[list[str | None]]:
        assert sql.endswith("from s.t")
        yield from SOURCE

    monkeypatch.setattr(verify(), "psql", psql)
    monkeypatch.setattr(verify().boto3, "client", lambda _: Bucket(objects))
    count, wrong, _, _ = verify().compare("s.t", COLUMNS, ["id"], verify().Lake("s3://b/lake"), merge)
    return count, wrong


def changed(**values: list[Any]) -> bytes:
    return parquet({**LAKE, **values})


def subset(*places: int) -> dict[str, list[Any]]:
    return {name: [values[place] for place in places] for name, values in LAKE.items()}


def test_equal_rows_in_any_order_and_any_number_of_files(monkeypatch: pytest.MonkeyPatch) -> None:
    objects = {LOAD: parquet(subset(2, 0)), "lake/s/t/LOAD00000002.parquet": parquet(subset(1))}
    assert compared(monkeypatch, objects) == (3, None)


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        ({LOAD: parquet(subset(0, 1))}, "1 missing in the lake, e.g. id=3"),
        ({LOAD: parquet(subset(0, 1, 2, 2))}, "1 twice, e.g. id=3"),
        ({LOAD: parquet({**subset(0, 1, 2), "id": [1, 2, 4]})}, "1 only in the lake, e.g. id=4"),
        ({LOAD: changed(name=["川", None, None])}, "1 different, e.g. id=2"),
        ({LOAD: changed(name=["川", "", ""])}, "1 different, e.g. id=3"),
        ({LOAD: changed(price=[Decimal("4.99"), Decimal("100"), Decimal("0.000002")])}, "1 different, e.g. id=3"),
        ({LOAD: changed(at=[MOMENT.replace(microsecond=88000), None, LAKE["at"][2]])}, "1 different, e.g. id=1"),
        ({LOAD: changed(flag=[True, False, False])}, "1 different, e.g. id=2"),
        ({LOAD: changed(blob=[b"\x00\xff", b"", b""])}, "1 different, e.g. id=2"),
        ({LOAD: parquet({k: v for k, v in LAKE.items() if k != "flag"})}, "columns missing ['flag']"),
        ({LOAD: changed(secret=["a", "b", "c"])}, "not expected ['secret']"),
        ({}, "3 missing in the lake"),
    ],
    ids=["missing", "twice", "other key", "null for empty", "empty for null", "number", "time", "boolean", "bytes",
         "column gone", "column too many", "no file"],
)  # fmt: skip
def test_a_planted_difference_is_found(monkeypatch: pytest.MonkeyPatch, planted: Any, said: str) -> None:
    try:
        _, wrong = compared(monkeypatch, planted)
    except ValueError as error:
        wrong = str(error)
    assert wrong
    assert said in wrong


def test_changes_are_replayed_in_the_order_of_their_files(monkeypatch: pytest.MonkeyPatch) -> None:
    old = {**subset(0, 1), "name": ["old", "older"]}
    doomed = {**subset(0), "id": [9]}
    objects = {
        LOAD: parquet({name: old[name] + doomed[name] for name in old}),
        "changes/s/t/20261123-100000000.parquet": parquet(
            {**subset(0, 2), "name": ["between", None]}, ["U", "I"]
        ),
        "changes/s/t/20261123-100001000.parquet": parquet(
            {name: subset(0, 1)[name] + doomed[name] for name in LAKE}, ["U", "U", "D"]
        ),
    }
    assert compared(monkeypatch, objects, merge=True) == (3, None)
    _, wrong = compared(monkeypatch, objects, merge=False)
    assert wrong


@pytest.mark.parametrize(
    ("longest", "arrived", "cut"),
    [
        (30000, 8192, 8192), (30000, 4096, 4096), (100, 100, 100),
        (30000, 30000, 0), (30000, 100, 0), (30000, 20000, 0), (5000, 5000, 0),
    ],
)  # fmt: skip
def test_the_column_cut_on_purpose_is_cut_where_the_mappings_say(
    monkeypatch: pytest.MonkeyPatch, longest: int, arrived: int, cut: int
) -> None:
    name = next(iter(verify().CUT))
    monkeypatch.setattr(verify(), "psql", lambda _: iter([[str(longest)]]))
    lake = types.SimpleNamespace(longest=lambda keys, column: arrived)
    length, wrong = verify().cut_length(name, lake, [LOAD])
    assert length == cut
    assert (wrong is None) == (cut > 0)
