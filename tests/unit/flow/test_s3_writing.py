"""The S3 target without a service: names, columns, types, tags, and portions written again after a kill."""

from __future__ import annotations

import datetime as dt
import io
import math
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmstui.mappings import DataType, OtherRule, TablePlan, TargetColumn
from dmstui.sandbox.writers.base import Rows, TableChanges
from dmstui.sandbox.writers.s3 import naming
from dmstui.sandbox.writers.s3.delimited import delimited
from dmstui.sandbox.writers.s3.objects import translated
from dmstui.sandbox.writers.s3.settings import s3_settings
from dmstui.sandbox.writers.s3.tags import tags
from dmstui.sandbox.writers.s3.target import S3Target
from dmstui.sandbox.writers.s3.types import convert

PLAN = TablePlan("s", "t", "s", "t", (TargetColumn("id", DataType("int4"), source="id", key=1),))


class Shelf:
    """A bucket in memory."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def check(self) -> None: ...

    def put(self, key: str, body: IO[bytes], tags: dict[str, str] | None = None) -> None:
        self.objects[key] = body.read()

    def keys(self, prefix: str) -> list[str]:
        return sorted(key for key in self.objects if key.startswith(prefix))

    def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.objects.pop(key, None)

    def ids(self) -> list[int]:
        found = []
        for key in sorted(self.objects):
            found += pq.read_table(io.BytesIO(self.objects[key])).column("id").to_pylist()
        return found


def target(**document: Any) -> tuple[S3Target, Shelf]:
    shelf = Shelf()
    settings = s3_settings({"BucketName": "b", "DataFormat": "parquet", **document})
    return S3Target(settings, shelf), shelf  # type: ignore[arg-type]


def ids(numbers: Sequence[int], commits: Sequence[float] | None = None) -> TableChanges:
    table = pa.table({"id": pa.array([str(n) for n in numbers], pa.string())})
    rows = Rows(table, ["I"] * len(numbers), ["2024-01-01 00:00:00.000000"] * len(numbers))
    return TableChanges(PLAN, rows, list(commits or [1000.0] * len(numbers)), list(numbers))


@pytest.mark.parametrize(
    ("document", "load", "change", "operations"),
    [
        ({"IncludeOpForFullLoad": True, "CdcInsertsOnly": True}, True, True, "I"),
        ({}, False, True, "IUD"),
        ({"CdcInsertsOnly": "y"}, False, False, "I"),
        ({"IncludeOpForFullLoad": True}, True, True, "IUD"),
        ({"CdcInsertsAndUpdates": True}, False, True, "IU"),
    ],
)
def test_where_the_op_column_is(document: dict[str, Any], load: bool, change: bool, operations: str) -> None:
    settings = s3_settings(document)
    assert (settings.load_operation, settings.change_operation) == (load, change)
    assert settings.operations == frozenset(operations)


def test_settings_in_either_spelling() -> None:
    settings = s3_settings(
        {"DataFormat": "PARQUET", "ParquetVersion": "PARQUET_2_0", "EncryptionMode": "SSE_KMS"}
    )
    assert (settings.parquet, settings.parquet_version, settings.encryption) == (
        True,
        "parquet-2-0",
        "sse-kms",
    )
    assert s3_settings({"CdcMaxBatchInterval": 1}).cdc_interval == 1
    assert s3_settings({"CsvRowDelimiter": "\\n"}).row_delimiter == "\n"


def test_names() -> None:
    assert naming.load_key("f/s/t/", 26, "parquet") == "f/s/t/LOAD0000001A.parquet"
    assert naming.load_key("s/t/", 1, "csv", (2, "")) == "s/t/SEGMENT2_LOAD00000001.csv"
    assert naming.load_key("s/t/", 1, "csv", (2, "north")) == "s/t/north/LOAD00000001.csv"
    assert naming.load_number("s/t/LOAD0000001A.parquet") == 26
    assert naming.load_number("s/t/20240229-113456123.parquet") is None
    settings = s3_settings({"DatePartitionEnabled": True, "DatePartitionTimezone": "Asia/Seoul"})
    at = dt.datetime(2024, 2, 29, 20, 30, tzinfo=dt.UTC).timestamp()
    assert naming.partition(settings, at) == "2024/03/01/"
    assert naming.change_stamp(settings, int(at * 1000) + 7) == "20240301-053000007"
    assert naming.change_stamp(s3_settings({}), 1) == "19700101-000000001"


@pytest.mark.parametrize(
    ("sequence", "delimiter", "folder"),
    [
        ("YYYYMMDD", "SLASH", "2024/02/29/"),
        ("YYYYMMDDHH", "DASH", "2024-02-29-20/"),
        ("YYYYMM", "NONE", "202402/"),
        ("MMYYYYDD", "UNDERSCORE", "02_2024_29/"),
        ("DDMMYYYY", "SLASH", "29/02/2024/"),
    ],
)
def test_date_folders(sequence: str, delimiter: str, folder: str) -> None:
    document = {
        "DatePartitionEnabled": True,
        "DatePartitionSequence": sequence,
        "DatePartitionDelimiter": delimiter,
    }
    at = dt.datetime(2024, 2, 29, 20, 30, tzinfo=dt.UTC).timestamp()
    assert naming.partition(s3_settings(document), at) == folder


def test_preparing_deletes_what_dms_wrote_and_nothing_else() -> None:
    s3, shelf = target()
    foreign = ["s/t/notes.txt", "s/tt/LOAD00000001.parquet"]
    own = ["s/t/LOAD00000002.parquet", "s/t/2024/02/29/20240229-113456123.parquet"]
    shelf.objects = dict.fromkeys([*foreign, *own], b"")
    assert s3.prepare(PLAN, "DO_NOTHING") == {"first": 3}
    assert s3.prepare(PLAN, "DROP_AND_CREATE") == {"first": 1}
    assert sorted(shelf.objects) == sorted(foreign)


def test_a_half_load_is_undone_from_where_it_began() -> None:
    s3, shelf = target(MaxFileSize=1, RowGroupLength=100)
    shelf.objects = {"s/t/LOAD00000001.parquet": b"old"}
    base = s3.prepare(PLAN, "DO_NOTHING")
    load = s3.load(PLAN, base, None)
    load.write(ids(range(1000)).rows)
    load.finish()
    assert len(shelf.objects) > 2
    s3.undo(PLAN, base)
    assert list(shelf.objects) == ["s/t/LOAD00000001.parquet"]


def test_portions_of_one_millisecond_get_names_of_their_own() -> None:
    s3, shelf = target()
    first = s3.portion([ids([1, 2])], {})
    first.write()
    second = s3.portion([ids([3])], first.marks)
    second.write()
    assert first.keys != second.keys
    assert shelf.ids() == [1, 2, 3]


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.integers(0, 5), st.integers(1, 6))
def test_a_portion_killed_while_written_is_replaced(sizes: list[int], killed: int, size: int) -> None:
    """Whatever portions the second run cuts, every change is there once, in order."""
    changes = [(number, 1000.0 + number // 3 / 1000) for number in range(sum(sizes))]
    s3, shelf = target()
    marks: dict[str, Any] = {}
    start = 0
    for index, each in enumerate(sizes):
        piece = changes[start : start + each]
        portion = s3.portion([ids([n for n, _ in piece], [c for _, c in piece])], marks)
        portion.write()
        if index == killed:  # written, but neither marks nor position were kept
            break
        marks, start = portion.marks, start + each
    while start < len(changes):
        piece = changes[start : start + size]
        portion = s3.portion([ids([n for n, _ in piece], [c for _, c in piece])], marks)
        portion.write()
        marks, start = portion.marks, start + len(piece)
    assert shelf.ids() == [n for n, _ in changes]


def test_tags_of_the_locator_that_fits_best() -> None:
    def rule(number: int, schema: str, table: str, key: str, value: str) -> OtherRule:
        document = {
            "rule-action": "add-tag",
            "object-locator": {"schema-name": schema, "table-name": table},
            "tag-set": [{"key": key, "value": value}],
        }
        return OtherRule((number, str(number)), str(number), "post-processing", document)

    rules = [rule(1, "%", "%", "${schema-name}", "x-${table-name}"), rule(2, "s", "item", "k", "v")]
    assert tags(rules, "s", "item") == {"k": "v"}
    assert tags(rules, "s", "other") == {"s": "x-other"}
    assert tags([], "s", "other") == {}


def test_refusals_of_the_service() -> None:
    def refusal(code: str, status: int) -> Any:
        response = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
        return translated("put_object", "lake", response)

    assert not refusal("NoSuchBucket", 404).recoverable
    assert "denied" in refusal("AccessDenied", 403).message
    assert refusal("InternalError", 500).recoverable
    assert refusal("SlowDown", 503).recoverable


def test_fields_are_quoted_only_where_they_must_be() -> None:
    table = pa.table({"a": ["x", 'q"', "a,b", None, "two\nlines"], "b": pa.array([1, None, 3, 4, 5])})
    text = delimited(table, s3_settings({"CsvNullValue": "-"})).decode()
    assert text == 'x,1\n"q""",-\n"a,b",3\n-,4\n"two\nlines",5\n'
    plain = delimited(table, s3_settings({"Rfc4180": False, "CsvDelimiter": ";;"})).decode()
    assert plain.splitlines()[1] == 'q";;NULL'


decimals = st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-(10**24), max_value=10**24)


@given(st.lists(st.none() | decimals, max_size=8))
def test_unsized_numbers_are_rounded_or_rejected(numbers: list[Decimal | None]) -> None:
    texts = pa.array([None if n is None else format(n, "f") for n in numbers], pa.string())
    converted = convert("n", texts, DataType("numeric", precision=28, scale=6))
    for index, number in enumerate(numbers):
        value = converted.array[index].as_py()
        if number is None:
            assert value is None
            continue
        expected = number.quantize(Decimal("0.000001"), ROUND_HALF_UP, Context(prec=60))
        if abs(expected) < Decimal(10) ** 22:
            assert value == expected
            assert index not in converted.bad
        else:
            assert value is None
            assert converted.bad[index].truncation


@given(st.lists(st.none() | st.binary(max_size=9), max_size=9), st.integers(0, 3))
def test_bytes_come_back_from_any_slice(values: list[bytes | None], skip: int) -> None:
    texts = pa.array([None if v is None else "\\x" + v.hex() for v in values], pa.string())[skip:]
    assert convert("b", texts, DataType("blob")).array.to_pylist() == values[skip:]


@given(st.lists(st.none() | st.datetimes(min_value=dt.datetime(1, 1, 1)), max_size=6), st.booleans())
def test_times_keep_their_microseconds_unless_asked_for_less(moments: list[Any], milliseconds: bool) -> None:
    texts = pa.array([m and m.isoformat(" ") for m in moments], pa.string())
    array = convert("t", texts, DataType("datetime"), milliseconds).array
    expected = [
        m and (m.replace(microsecond=m.microsecond // 1000 * 1000) if milliseconds else m) for m in moments
    ]
    assert array.to_pylist() == expected


@given(st.lists(st.none() | st.floats(width=32), max_size=6))
def test_floats_are_all_held(values: list[float | None]) -> None:
    names = {math.inf: "Infinity", -math.inf: "-Infinity"}
    texts = [None if v is None else "NaN" if math.isnan(v) else names.get(v, repr(v)) for v in values]
    array = convert("f", pa.array(texts, pa.string()), DataType("real4")).array
    for value, found in zip(values, array.to_pylist(), strict=True):
        assert found == value or (value is not None and math.isnan(value) and math.isnan(found))


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (DataType("int2"), "99999", None),
        (DataType("int4"), "12.5", 13),
        (DataType("int4"), "true", 1),
        (DataType("uint1"), "256", None),
        (DataType("boolean"), "f", False),
        (DataType("date"), "2024-02-29 10:00:00", dt.date(2024, 2, 29)),
        (DataType("date"), "10000-01-01", None),
        (DataType("datetime"), "2024-02-29", dt.datetime(2024, 2, 29)),
        (DataType("datetime"), "infinity", None),
        (DataType("time"), "24:00:00", None),
        (DataType("time"), "23:59:59.999999", dt.time(23, 59, 59, 999000)),
        (DataType("blob"), "plain", b"plain"),
        (DataType("numeric", precision=4, scale=1), "999.95", None),
        (DataType("numeric", precision=4, scale=1), "-999.94", Decimal("-999.9")),
    ],
)
def test_single_values(kind: DataType, text: str, value: Any) -> None:
    converted = convert("c", pa.array([text, None], pa.string()), kind)
    assert converted.array.to_pylist() == [value, None]
    assert (0 in converted.bad) is (value is None)
