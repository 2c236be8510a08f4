"""The guide of scenario postgresql-to-s3, command by command, and the lake read by pyarrow alone."""

from __future__ import annotations

import asyncio
import io
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pyarrow.parquet as pq
import pytest

from dmstui import catalog

SCENARIO = catalog.scenario("postgresql-to-s3")
STACK = SCENARIO.stack_name
SPEED = 400


@dataclass(frozen=True)
class Block:
    """One block of commands of the guide, under its heading."""

    heading: str
    text: str


def blocks(guide: str, way: str) -> list[Block]:
    """The commands a reader runs who always takes the dmstui or always the aws alternative."""
    found: list[Block] = []
    heading, before, end = "", "", 0
    for match in re.finditer(r"^#+ ([^\n]+)$|^```sh\n(.*?)^```", guide, re.MULTILINE | re.DOTALL):
        before = guide[end : match.start()].strip()
        end = match.end()
        if match[1]:
            heading = match[1]
        elif before == "or" and way == "aws":
            found[-1] = Block(heading, match[2])
        elif before != "or":
            found.append(Block(heading, match[2]))
    return found


class Reader:
    """Somebody in one shell in a copy of the repository's two folders."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        root = SCENARIO.folder.parents[1]
        for name in ("scenarios", "cloudformation"):
            shutil.copytree(root / name, folder / name)
        program = folder / "bin" / "dmstui"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m dmstui "$@"\n')
        program.chmod(0o755)
        path = f"{program.parent}:{Path(sys.executable).parent}:{environment['PATH']}"
        self.shell = subprocess.Popen(
            ["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1,
            cwd=folder, env={**environment, "PATH": path, "AWS_PAGER": ""},
        )  # fmt: skip
        self.said: dict[str, str] = {}

    def run(self, block: Block) -> str:
        """The output of one block; AssertionError if a command of it failed."""
        assert self.shell.stdin and self.shell.stdout
        self.shell.stdin.write(f"set -e\n{block.text}set +e\necho '@@ done'\n")
        output = []
        for line in self.shell.stdout:
            if line == "@@ done\n":
                self.said[block.heading] = self.said.get(block.heading, "") + "".join(output)
                return "".join(output)
            output.append(line)
        raise AssertionError(f"{block.heading}: {block.text}\nended the shell:\n{''.join(output)}")

    def close(self) -> None:
        self.shell.kill()
        self.shell.wait(10)
        for pipe in (self.shell.stdin, self.shell.stdout):
            if pipe:
                pipe.close()


# -- what the lake must hold, in other words than the verify script's

ARRAYS_AND_DOCUMENTS = {"pen_names", "tags", "lines", "attributes", "preferences", "client", "status"}


def plain(value: Any) -> Any:
    """A value of asyncpg or of pyarrow in the one form both can be compared in."""
    if isinstance(value, Decimal):
        return value.quantize(Decimal("0.000001"))
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return round(aware.timestamp() * 1000)
    if isinstance(value, date | UUID):
        return str(value)
    return value


def mapped(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """One source row as the mappings of the guide make it."""
    if table == "orders":
        row["ordered_at"] = row.pop("placed_at")
    elif table == "customers":
        del row["password_hash"]
        given, family = row["given_name"], row["family_name"]
        row["full_name"] = f"{given} {family}" if family is not None else given
        row["phone"] = re.sub(r"\d", "#", row["phone"]) if row["phone"] is not None else None
    elif table == "order_lines":
        row["line_total"] = row["quantity"] * row["unit_price"]
    elif table == "support_tickets":
        row["transcript"] = row["transcript"][:4096]
    return row


async def source_rows(database: dict[str, Any]) -> dict[str, Counter[Any]]:
    """{schema/table of the lake: rows} of the real PostgreSQL."""
    connection = await asyncpg.connect(
        host=database["host"], port=database["port"], user=database["user"], password=database["password"],
        database=database["database"], ssl="require", timeout=20,
    )  # fmt: skip
    found: dict[str, Counter[Any]] = {}
    try:
        tables = await connection.fetch(
            "select schemaname, tablename from pg_tables where schemaname in ('shop', 'web')"
            " and tablename <> 'import_prices'"
        )
        for schema, table in tables:
            columns = await connection.fetch(
                "select attname from pg_attribute where attrelid = $1::text::regclass and attnum > 0"
                " and not attisdropped",
                f"{schema}.{table}",
            )
            names = [f"{n}::text" if n in ARRAYS_AND_DOCUMENTS else n for (n,) in columns]
            where = " where visited_on >= '2026-07-01'" if table == "page_views" else ""
            rows = await connection.fetch(
                f"select {', '.join(n.replace('client::text', 'host(client)') for n in names)}"
                f" from {schema}.{table}{where}"
            )
            keys = [n.removesuffix("::text") for n in names]
            lake = "sales_lines" if table == "order_lines" else table
            found[f"{schema}/{lake}"] = Counter(
                frozenset((k, plain(v)) for k, v in mapped(table, dict(zip(keys, row, strict=True))).items())
                for row in rows
            )
    finally:
        await connection.close()
    return found


def lake_rows(s3: Any, bucket: str, folder: str) -> dict[str, Counter[Any]]:
    """{schema/table: rows} of every Parquet file under a folder."""
    found: dict[str, Counter[Any]] = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{folder}/"):
        for each in page.get("Contents", []):
            table = "/".join(each["Key"].split("/")[1:3])
            body = s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
            data = pq.read_table(io.BytesIO(body))
            assert set(data.column("Op").to_pylist()) == {"I"}
            assert None not in data.column("dms_timestamp").to_pylist()
            rows = data.drop_columns(["Op", "dms_timestamp"]).to_pylist()
            counted = found.setdefault(table, Counter())
            counted.update(frozenset((k, plain(v)) for k, v in row.items()) for row in rows)
    return found


EXPECTED = {
    "A wrong password in the secret": "28P01",
    "A security group without the rule": "08001",
    "A mapping in the wrong case": "No tables were found at task initialization",
    "A table that is gone": "lake/shop/reviews/LOAD00000001.parquet",
}
LEFT = {
    "dms": ("describe_replication_instances", "ReplicationInstances"),
    "s3": ("list_buckets", "Buckets"),
    "logs": ("describe_log_groups", "logGroups"),
    "secretsmanager": ("list_secrets", "SecretList"),
    "lambda": ("list_functions", "Functions"),
    "rds": ("describe_db_instances", "DBInstances"),
}


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("way", ["dmstui", "aws"])
def test_the_guide_from_the_first_command_to_the_last(
    way: str, new_sandbox: Callable[..., Any], tmp_path: Path
) -> None:
    sandbox = new_sandbox(speed=SPEED)
    reader = Reader(tmp_path, sandbox.env)
    try:
        for block in blocks(SCENARIO.guide, way):
            began = time.monotonic()
            output = reader.run(block)
            print(f"== {block.heading} ({time.monotonic() - began:.1f} s)\n{output}")
            if block.heading.startswith("7 Verify"):
                check_the_lake(sandbox)
            if block.heading.startswith("6 Watch"):
                assert "truncated" in output
    finally:
        reader.close()
    for heading, words in EXPECTED.items():
        assert words in reader.said[heading], heading
    assert "source equals load and changes" in reader.said["8 Keep the lake fresh (12 minutes)"]
    # Each break ended in a repair: the last thing said there is good news.
    for heading in list(EXPECTED)[:2]:
        assert reader.said[heading].rstrip().splitlines()[-1].startswith("successful"), heading
    assert "FULL_LOAD_ONLY_FINISHED" in reader.said["A mapping in the wrong case"].splitlines()[-1]
    assert "source equals full load" in reader.said["A table that is gone"]
    check_that_nothing_is_left(sandbox)


def check_the_lake(sandbox: Any) -> None:
    """Every row of every file is the row the source, the mappings and the type mapping say, and no other."""
    stacks = sandbox.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stacks[0]["Outputs"]}
    dms = sandbox.client("dms")
    task = dms.describe_replication_tasks(
        Filters=[{"Name": "replication-task-arn", "Values": [outputs["TaskArn"]]}]
    )["ReplicationTasks"][0]
    assert task["Status"] == "stopped"
    assert "FULL_LOAD_ONLY_FINISHED" in task["StopReason"]
    statistics = dms.describe_table_statistics(ReplicationTaskArn=outputs["TaskArn"])["TableStatistics"]
    assert {each["TableState"] for each in statistics} == {"Table completed"}
    lake = lake_rows(sandbox.client("s3"), outputs["BucketName"], "lake")
    (database,) = sandbox.databases()
    source = asyncio.run(source_rows(database))
    assert len(source) == len(statistics) == 14
    assert source.pop("shop/gift_cards") == Counter()
    assert set(lake) == set(source)
    for table, rows in source.items():
        missing, surplus = rows - lake[table], lake[table] - rows
        assert not missing, (
            f"{table}: {sum(missing.values())} missing, e.g. {sorted(next(iter(missing)), key=str)}"
        )
        assert not surplus, (
            f"{table}: {sum(surplus.values())} surplus, e.g. {sorted(next(iter(surplus)), key=str)}"
        )
    assert sum(rows.total() for rows in lake.values()) == sum(each["FullLoadRows"] for each in statistics)
    assert sum(rows.total() for rows in lake.values()) > 200_000


def check_that_nothing_is_left(sandbox: Any) -> None:
    """Only the account's two roles stay."""
    for service, (operation, member) in LEFT.items():
        assert getattr(sandbox.client(service), operation)()[member] == [], service
    roles = {each["RoleName"] for each in sandbox.client("iam").list_roles()["Roles"]}
    assert roles == {"dms-vpc-role", "dms-cloudwatch-logs-role"}
    assert sandbox.databases() == []
