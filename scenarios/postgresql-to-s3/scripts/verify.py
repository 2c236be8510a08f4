"""Compares the source with the Parquet files row by row, as table mappings and LOB settings should have made them.

Run on the workbench (Run Command) or in the sandbox. Reads DMSTUI_SOURCE_URL, DMSTUI_TARGET_URL (s3://bucket/lake) and
DMSTUI_KIND: `load` (default) takes the files of the full load alone; `current` replays the change files of the folder
changes/ over them first. Prints one JSON line a table and one for the whole; exit 1 on any difference.
"""

import csv
import hashlib
import io
import json
import os
import subprocess
import sys

import boto3
import pyarrow as pa
import pyarrow.parquet as pq

# What table-mappings.json says, in the words of this script. A unit test holds the two together.
SELECTED = (
    "table_schema = 'shop' and table_name not like 'import\\_%'"
    " or table_schema = 'web' and table_name = 'page_views'"
)
WHERE = {"web.page_views": "visited_on >= '2026-07-01'"}
TABLE_NAMES = {"shop.order_lines": "shop.sales_lines"}
COLUMN_NAMES = {"shop.orders": {"placed_at": "ordered_at"}}
REMOVED = {"shop.customers": {"password_hash"}}
MASKED = {"shop.customers": {"phone": "regexp_replace(phone, '[0-9]', '#', 'g')"}}
ADDED = {
    "shop.customers": {"full_name": "coalesce(given_name || ' ' || family_name, given_name)"},
    "shop.order_lines": {"line_total": "trim_scale(round(quantity * unit_price, 2))"},
}
CUT = {"shop.support_tickets": "transcript"}
CUT_BYTES = (
    8 * 1024
)  # bulk-max-size of the table; DMS counts two bytes a character of an NCLOB, others count one
OF_DMS = ("Op", "dms_timestamp")

# How a column is read from PostgreSQL so that it can be compared with what DMS's type mapping puts into Parquet.
AS_TEXT = {
    "bool": "{0}::text",
    "numeric": "trim_scale(round({0}, 6))",  # unsized NUMERIC becomes NUMERIC(28,6)
    "float4": "{0}::float8",
    "timestamptz": "(extract(epoch from {0}) * 1000)::bigint",  # DATETIME in UTC, milliseconds
    "timestamp": "(extract(epoch from {0}) * 1000)::bigint",
    "date": "{0} - date '1970-01-01'",
    "time": "(extract(epoch from {0}) * 1000)::int",
    "bytea": "encode({0}, 'hex')",
}
NULL = "\\N"


def psql(sql):
    """Rows of a query as lists of texts, None for NULL; RuntimeError with the server's words."""
    command = ["psql", os.environ["DMSTUI_SOURCE_URL"], "-X", "-q", "-v", "ON_ERROR_STOP=1"]
    command += ["-c", f"copy ({sql}) to stdout (format csv, null '{NULL}')"]
    environment = dict(os.environ, PGCLIENTENCODING="UTF8")
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        for row in csv.reader(io.TextIOWrapper(process.stdout, "utf-8", newline="")):
            yield [None if value == NULL else value for value in row]
        message = process.stderr.read().decode(errors="replace").strip()
    if process.returncode:
        raise RuntimeError(message)


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def tables():
    """{schema.table: ([(column, type)], [key columns])} of what the mappings select."""
    found = {}
    for schema, table, column, kind, key in psql(
        "select table_schema, table_name, column_name, udt_name, coalesce((select k.ordinal_position"
        " from information_schema.key_column_usage k join information_schema.table_constraints t"
        " using (constraint_schema, constraint_name, table_schema, table_name)"
        " where t.constraint_type = 'PRIMARY KEY' and k.table_schema = c.table_schema"
        " and k.table_name = c.table_name and k.column_name = c.column_name), 0)"
        f" from information_schema.columns c where {SELECTED} order by 1, 2, c.ordinal_position"
    ):
        columns, keys = found.setdefault(f"{schema}.{table}", ([], []))
        columns.append((column, kind))
        if int(key):
            keys.append((int(key), column))
    return {
        name: (columns, [column for _, column in sorted(keys)]) for name, (columns, keys) in found.items()
    }


def expected(name, columns, cut):
    """[(name in the lake, SQL expression)] for one source table."""
    made = []
    for column, kind in columns:
        if column in REMOVED.get(name, ()):
            continue
        text = AS_TEXT.get(kind, "{0}").format(quoted(column))
        text = MASKED.get(name, {}).get(column, text)
        if CUT.get(name) == column and cut:
            text = f"left({quoted(column)}, {cut})"
        made.append((COLUMN_NAMES.get(name, {}).get(column, column), text))
    return made + list(ADDED.get(name, {}).items())


def texts(array):
    """One column of a record batch as texts that equal those of AS_TEXT."""
    kind = array.type
    if pa.types.is_timestamp(kind):
        array = (
            array.cast(pa.timestamp("ms"), safe=False)
            if kind.tz is None
            else array.cast(pa.timestamp("ms", kind.tz), safe=False)
        )
        return [None if value is None else str(value) for value in array.cast(pa.int64()).to_pylist()]
    if pa.types.is_date32(kind):
        return [None if value is None else str(value) for value in array.cast(pa.int32()).to_pylist()]
    if pa.types.is_time32(kind):
        milliseconds = array.cast(pa.time32("ms")).cast(pa.int32())
        return [None if value is None else str(value) for value in milliseconds.to_pylist()]
    if pa.types.is_time64(kind):
        microseconds = array.cast(pa.time64("us")).cast(pa.int64())
        return [None if value is None else str(value // 1000) for value in microseconds.to_pylist()]
    values = array.to_pylist()
    if pa.types.is_decimal(kind):
        return [None if value is None else plain(format(value, "f")) for value in values]
    if pa.types.is_floating(kind):
        return [None if value is None else plain(repr(value)) for value in values]
    if pa.types.is_boolean(kind):
        return [None if value is None else str(value).lower() for value in values]
    if pa.types.is_binary(kind):
        return [None if value is None else value.hex() for value in values]
    return [None if value is None else str(value) for value in values]


def plain(number):
    return number.rstrip("0").rstrip(".") or "0" if "." in number else number


def digest(row):
    joined = "\x1f".join("\x00" if value is None else value for value in row)
    return int.from_bytes(hashlib.blake2b(joined.encode(), digest_size=12).digest(), "big")


class Lake:
    """The Parquet files of one bucket."""

    def __init__(self, url):
        self.bucket, _, self.folder = url.removeprefix("s3://").partition("/")
        self.s3 = boto3.client("s3")

    def files(self, folder, table, load):
        """Keys of the load's or the changes' files of one table in the order in which they were written."""
        prefix = f"{folder}/{table.replace('.', '/')}/"
        keys = []
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
            keys += [each["Key"] for each in page.get("Contents", []) if each["Key"].endswith(".parquet")]
        return sorted(key for key in keys if ("LOAD" in key.rsplit("/", 1)[1]) == load)

    def batches(self, key):
        body = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return pq.ParquetFile(io.BytesIO(body)).iter_batches(20000)

    def rows(self, key, wanted):
        """(operation, row of texts) of one file; ValueError if its columns are not those expected."""
        for batch in self.batches(key):
            names = [name for name in batch.schema.names if name not in OF_DMS]
            if sorted(names) != sorted(wanted):
                missing, surplus = sorted(set(wanted) - set(names)), sorted(set(names) - set(wanted))
                raise ValueError(f"{key}: columns missing {missing}, not expected {surplus}")
            columns = [texts(batch.column(name)) for name in wanted]
            operations = (
                batch.column("Op").to_pylist() if "Op" in batch.schema.names else ["I"] * batch.num_rows
            )
            yield from zip(operations, zip(*columns, strict=True), strict=True)

    def longest(self, keys, column):
        """The longest text of a column in characters."""
        lengths = [0]
        for key in keys:
            for batch in self.batches(key):
                lengths += [len(value or "") for value in batch.column(column).to_pylist()]
        return max(lengths)


def cut_length(name, lake, keys):
    """(characters at which the column on purpose was cut, None) or (0, what is wrong)."""
    column = CUT[name]
    longest = int(next(psql(f"select coalesce(max(length({quoted(column)})), 0) from {name}"))[0])
    arrived = lake.longest(keys, column)
    if CUT_BYTES // 4 <= arrived <= CUT_BYTES < longest or arrived == longest <= CUT_BYTES // 4:
        return arrived, None
    return (
        0,
        f"{column} should be cut at {CUT_BYTES} bytes: the longest has {longest}, in the lake {arrived} characters",
    )


def lake_rows(lake, target, wanted, key_places, merge):
    """({key: digest}, number of files, keys written twice by the load)."""
    held, twice = {}, []
    loads = lake.files(lake.folder, target, True)
    for key in loads:
        for _, row in lake.rows(key, wanted):
            place = tuple(row[index] for index in key_places)
            if place in held:
                twice.append(place)
            held[place] = digest(row)
    changes = lake.files("changes", target, False) if merge else []
    for key in changes:
        for operation, row in lake.rows(key, wanted):
            place = tuple(row[index] for index in key_places)
            if operation == "D":
                held.pop(place, None)
            else:
                held[place] = digest(row)
    return held, len(loads) + len(changes), twice


def compare(name, columns, keys, lake, merge):
    """(rows of the source, None or what differs, number of files, hash of all rows in any order) for one table."""
    target = TABLE_NAMES.get(name, name)
    cut = 0
    if name in CUT and (files := lake.files(lake.folder, target, True)):
        cut, wrong = cut_length(name, lake, files)
        if wrong:
            return 0, wrong, len(files), 0
    made = expected(name, columns, cut)
    wanted = [column for column, _ in made]
    key_places = [wanted.index(COLUMN_NAMES.get(name, {}).get(column, column)) for column in keys]
    held, files, twice = lake_rows(lake, target, wanted, key_places, merge)
    in_lake, count, total = len(held) + len(twice), 0, 0
    missing, different = [], []
    where = f" where {WHERE[name]}" if name in WHERE else ""
    for row in psql(f"select {', '.join(text for _, text in made)} from {name}{where}"):
        count += 1
        mine, place = digest(row), tuple(row[index] for index in key_places)
        total = (total + mine) % 2**96
        theirs = held.pop(place, None)
        if theirs is None:
            missing.append(place)
        elif theirs != mine:
            different.append(place)
    parts = [
        ("missing in the lake", missing),
        ("different", different),
        ("only in the lake", list(held)),
        ("twice", twice),
    ]
    found = [f"{len(places)} {what}, e.g. {shown(keys, places[0])}" for what, places in parts if places]
    wrong = f"source {count} rows, lake {in_lake}: " + "; ".join(found) if found else None
    return count, wrong, files, total


def shown(keys, place):
    return " ".join(f"{column}={value}" for column, value in zip(keys, place, strict=True))


def say(table, rows, ok, detail):
    print(
        json.dumps({"step": "verify", "table": table, "rows": rows, "ok": ok, "detail": detail[:600]}),
        flush=True,
    )


def main():
    csv.field_size_limit(2**30)
    merge = os.environ.get("DMSTUI_KIND") == "current"
    what = "load and changes" if merge else "full load"
    rows, bad, done = 0, 0, 0
    try:
        lake = Lake(os.environ["DMSTUI_TARGET_URL"])
        selected = tables()
    except Exception as error:
        say(None, 0, False, f"{type(error).__name__}: {error}")
        return 1
    for name, (columns, keys) in selected.items():
        try:
            count, wrong, files, total = compare(name, columns, keys, lake, merge)
        except Exception as error:
            count, wrong, files, total = 0, f"{type(error).__name__}: {error}", 0, 0
        target = TABLE_NAMES.get(name, name)
        say(name, count, not wrong, wrong or f"{target} in {files} files, hash {total:024x}")
        rows, bad, done = rows + count, bad + bool(wrong), done + 1
    ok = done > 0 and not bad
    detail = (
        f"{done} tables, source equals {what}"
        if ok
        else f"{bad} of {done} tables differ"
        if done
        else "the source has no such tables: run seed"
    )
    say(None, rows, ok, detail)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
