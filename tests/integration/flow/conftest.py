"""A laboratory for the worker: a real PostgreSQL behind the gate, a bucket, and the worker as the process it is."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dmstui.sandbox.authority import Authority
from dmstui.sandbox.engines.base import ServerSpec
from dmstui.sandbox.engines.room import EngineRoom
from dmstui.sandbox.gate import Gate

MOTO = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""
ALL = {
    "rule-type": "selection",
    "rule-id": "1",
    "rule-name": "1",
    "object-locator": {"schema-name": "shop", "table-name": "%"},
    "rule-action": "include",
}


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """moto in a process of its own, which ends when its stdin does."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    process = subprocess.Popen(
        [sys.executable, "-c", MOTO],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    assert process.stdout is not None
    port = process.stdout.readline().strip().decode()
    assert port, "moto did not start"
    yield f"http://127.0.0.1:{port}"
    process.kill()
    process.wait(10)


class Task:
    """One worker process: what it said so far, and ways to wait for it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.events: list[dict[str, Any]] = []
        self.tables: dict[str, dict[str, Any]] = defaultdict(lambda: defaultdict(int))
        """The last event of each table; 0 for what was not told yet."""
        self.checkpoint: dict[str, Any] | None = None
        self._news = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            event = json.loads(line)
            self.events.append(event)
            if event["event"] == "table":
                self.tables[event["table"]].update(event)
            elif event["event"] == "checkpoint":
                self.checkpoint = event
            self._news.set()
        self._news.set()

    def say(self, **command: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [each for each in self.events if each["event"] == kind]

    def log(self) -> str:
        return "\n".join(f"[{e['component']}]{e['severity']}: {e['message']}" for e in self.of("log"))

    async def until(self, condition: Callable[[Task], Any], seconds: float = 30) -> Any:
        """Wait for a condition on what was said; fails with the log when the time is over or the worker gone."""
        end = time.monotonic() + seconds
        while not (answer := condition(self)):
            left = end - time.monotonic()
            if left <= 0 or self._reading.done():
                raise AssertionError(
                    f"not seen; log:\n{self.log()}\nended: {self.of('ended')} tables: {self.tables}"
                )
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), min(left, 0.5))
        return answer

    async def ended(self, seconds: float = 60) -> dict[str, Any]:
        await self.until(lambda task: task.of("ended"), seconds)
        await asyncio.wait_for(self.process.wait(), 10)
        return self.of("ended")[0]

    async def stop(self) -> dict[str, Any]:
        self.say(command="stop")
        return await self.ended(20)

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        await self._reading

    @property
    def resume(self) -> dict[str, Any]:
        assert self.checkpoint is not None
        return json.loads(json.dumps(self.checkpoint["resume"]))


class Lab:
    """One source, one bucket, any number of workers."""

    def __init__(self, room: EngineRoom, server: Any, authority: Authority, url: str, bucket: str) -> None:
        self.room, self.server, self.authority, self.url, self.bucket = room, server, authority, url, bucket
        self.s3 = boto3.client(
            "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
        )
        self.s3.create_bucket(Bucket=bucket)
        self.tasks: list[Task] = []

    async def sql(self, *statements: str) -> None:
        async with self.server.session("shop") as connection:
            for each in statements:
                await connection.execute(each)

    async def rows(self, query: str) -> list[Any]:
        async with self.server.session("shop") as connection:
            return [tuple(row) for row in await connection.fetch(query)]

    def spec(self, **changes: Any) -> dict[str, Any]:
        """A spec; members of `task`, `source`, `target` and `settings` may be given to change it."""
        rules = changes.get("rules", [ALL])
        document: dict[str, Any] = {
            "task": {
                "arn": "arn:aws:dms:us-east-1:123456789012:task:ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                "suffix": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                "name": "lab",
                "migration_type": "full-load",
                "settings": changes.get("settings", {}),
                "mappings": json.dumps({"rules": rules}),
                "start_type": "start-replication",
                "cdc_start_position": None,
                "cdc_start_time": None,
                "cdc_stop_position": None,
                **changes.get("task", {}),
            },
            "source": {
                "engine": "postgres",
                "server_name": self.server.spec.host,
                "host": "127.0.0.1",
                "port": self.server.port,
                "user": "master",
                "password": "secret99",
                "database": "shop",
                "ssl_mode": "require",
                "ca_pem": None,
                "admin": {"user": self.server.admin.user, "password": self.server.admin.password},
                "settings": {},
                "endpoint_name": "lab-source",
                **changes.get("source", {}),
            },
            "target": {
                "engine": "s3",
                "endpoint_name": "lab-target",
                "settings": {
                    "BucketName": self.bucket,
                    "BucketFolder": "lake",
                    "DataFormat": "parquet",
                    "CdcMaxBatchInterval": 1,
                    **changes.get("target", {}),
                },
            },
            "aws": {"endpoint_url": self.url, "access_key": "a", "secret_key": "b", "region": "us-east-1"},
            "resume": changes.get("resume"),
            "metric_period": changes.get("metric_period", 0.5),
        }
        return document

    async def start(self, *arguments: str, **changes: Any) -> Task:
        """Start a worker as the DMS room does."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "dmstui.sandbox.flow",
            *arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            limit=1 << 26,
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(self.spec(**changes)).encode() + b"\n")
        task = Task(process)
        self.tasks.append(task)
        return task

    def keys(self, prefix: str = "") -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [each["Key"] for page in pages for each in page.get("Contents", ())]

    def body(self, key: str) -> bytes:
        data: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return data

    def table(self, prefix: str) -> pa.Table:
        """Everything under a prefix, files in the order of their names."""
        files = [pq.read_table(io.BytesIO(self.body(key))) for key in self.keys(prefix)]
        return pa.concat_tables(files, promote_options="default") if files else pa.table({})

    async def close(self) -> None:
        for task in self.tasks:
            await task.kill()


@pytest.fixture
async def lab(moto_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Lab]:
    """A fresh server with database `shop`, and a bucket of its own."""
    authority = Authority("us-east-1")
    gate = Gate(authority)
    room = EngineRoom(tmp_path / "engines", gate)
    parameters = {"rds.logical_replication": "1", "rds.force_ssl": "1"}
    parameters |= dict(getattr(request, "param", {}))
    server = await room.create(
        ServerSpec(
            "lab",
            "postgres",
            "16",
            "master",
            "secret99",
            "shop",
            parameters,
            "lab.abc.us-east-1.rds.amazonaws.com",
        )
    )
    bucket = "lab-" + str(time.monotonic_ns())
    laboratory = Lab(room, server, authority, moto_url, bucket)
    await laboratory.sql("CREATE SCHEMA shop AUTHORIZATION master", "GRANT rds_replication TO master")
    try:
        yield laboratory
    finally:
        await laboratory.close()
        await room.close()
