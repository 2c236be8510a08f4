"""The sandbox: ready to answer, its answers while a full load runs, and that load against the same rows by hand.

A million rows go from a PostgreSQL of the sandbox to Parquet in its S3 as a user would have it: endpoints, instance,
task. By hand is COPY from the same database, pyarrow, and PutObject to the same S3.
"""

from __future__ import annotations

import io
import time
from datetime import datetime
from typing import Any

import stage
from figures import Figure, Figures, median, timed

TABLE = (
    "CREATE SCHEMA shop; CREATE TABLE shop.orders (id bigint PRIMARY KEY, customer int NOT NULL, status text NOT NULL,"
    " total numeric(12,2) NOT NULL, placed_at timestamptz NOT NULL, note text)"
)
ROWS = (
    "INSERT INTO shop.orders SELECT i, i % 50000, (ARRAY['new','paid','sent'])[1 + i % 3], (i % 100000) / 100.0,"
    " timestamptz '2026-01-01' + i * interval '1 second', CASE WHEN i % 7 = 0 THEN 'note ' || i END"
    " FROM generate_series(1, {rows}) i"
)
ASKED = 0.02  # seconds between two questions while the load runs


def ready(served: Any) -> Figures:
    """From the command to the lines it prints, and on to the first answer of each kind of service."""
    first = 0.0
    for service, ask in (("sts", "get_caller_identity"), ("dms", "describe_replication_tasks"),
                         ("cloudformation", "describe_stacks"), ("rds", "describe_db_instances")):  # fmt: skip
        first += timed(getattr(served.client(service), ask))
    yield Figure(
        "sandbox: from start to the first answers of four services",
        served.ready_seconds + first,
        3.0,
        "s",
        f"lines printed after {served.ready_seconds:.2f} s",
    )


def laboratory(served: Any, rows: int) -> Any:
    """A network, a database with that many rows, an instance and endpoints on the sandbox."""
    made = stage.laboratory()
    lab = made.Lab(served, "bench")
    lab.role_named("dms-vpc-role", made.trust("dms.amazonaws.com"))
    lab.role_named("dms-cloudwatch-logs-role", made.trust("dms.amazonaws.com"))
    lab.network()
    lab.source_database()
    lab.sql(TABLE)
    lab.sql(ROWS.format(rows=rows))
    lab.sql("VACUUM ANALYZE shop.orders")
    lab.instance = lab.replication_instance()
    lab.endpoints()
    return lab


def _by_hand(lab: Any) -> float:
    """COPY, pyarrow, PutObject: seconds of the shortest program that does it."""
    import psycopg
    import pyarrow.csv
    import pyarrow.parquet

    shown = next(d for d in lab.sandbox.databases() if d["name"] == lab.database)
    s3 = lab.client("s3")
    begun = time.perf_counter()
    with psycopg.connect(
        host=shown["host"], port=shown["port"], user=shown["user"], password=shown["password"], dbname="shop"
    ) as connection:
        text = io.BytesIO()
        with connection.cursor().copy("COPY shop.orders TO STDOUT (FORMAT csv)") as copy:
            for piece in copy:
                text.write(piece)
    text.seek(0)
    options = pyarrow.csv.ReadOptions(column_names=["id", "customer", "status", "total", "placed_at", "note"])
    table = pyarrow.csv.read_csv(text, read_options=options)
    file = io.BytesIO()
    pyarrow.parquet.write_table(table, file)
    s3.put_object(Bucket=lab.bucket, Key="by-hand.parquet", Body=file.getvalue())
    return time.perf_counter() - begun


def _seconds(row: dict[str, Any]) -> float:
    begun, ended = row["FullLoadStartTime"], row["FullLoadEndTime"]
    assert isinstance(begun, datetime) and isinstance(ended, datetime)
    return (ended - begun).total_seconds()


def load(lab: Any, rows: int) -> Figures:
    """Run the load, ask meanwhile, then do it by hand."""
    import pyarrow.parquet

    arn = lab.task("load")
    lab.start(arn)
    answers: list[float] = []
    while True:
        begun = time.perf_counter()
        task = lab.described("task", arn)
        if task["Status"] == "running":
            answers.append(time.perf_counter() - begun)
        if task["Status"] in {"stopped", "failed"}:
            break
        time.sleep(ASKED)
    row = lab.statistics(arn)["orders"]
    assert row["FullLoadRows"] == rows, (task, row)
    moved = 0
    pages = lab.client("s3").list_objects_v2(Bucket=lab.bucket, Prefix="lake/shop/orders/LOAD")["Contents"]
    for each in pages:
        body = lab.client("s3").get_object(Bucket=lab.bucket, Key=each["Key"])["Body"].read()
        moved += pyarrow.parquet.read_metadata(io.BytesIO(body)).num_rows
    assert moved == rows, moved
    taken, hand = _seconds(row), min(_by_hand(lab) for _ in range(2))
    yield Figure(
        "sandbox: an API answer while a full load runs, median",
        median(answers) * 1000,
        100.0,
        "ms",
        f"{len(answers)} answers, longest {max(answers) * 1000:.0f} ms",
    )
    yield Figure(
        f"sandbox: {rows:,} rows to Parquet, against by hand",
        taken / hand,
        3.0,
        "times",
        f"{taken:.1f} s, {rows / taken:,.0f} rows/s; floor {hand:.1f} s",
    )
