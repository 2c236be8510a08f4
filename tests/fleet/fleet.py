"""A big account that never was: instances, tasks, tables, events and metrics as pure functions of a seed and a second.

The fleet server answers from it; bench and the tests of size are the only readers. The same seed and second
always give the same answer, so two runs can be compared.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

ACCOUNT, REGION = "123456789012", "eu-west-1"
EPOCH = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
TOPICS = (
    "orders",
    "billing",
    "stock",
    "audit",
    "clicks",
    "parts",
    "prices",
    "crm",
    "hr",
    "ledger",
    "claims",
    "fleet",
)
CLASSES = ("dms.c6i.large", "dms.c6i.xlarge", "dms.r6i.large", "dms.r6i.xlarge", "dms.t3.medium")
MAPPINGS = json.dumps(
    {
        "rules": [
            {
                "rule-type": "selection",
                "rule-id": "1",
                "rule-name": "1",
                "object-locator": {"schema-name": "app", "table-name": "%"},
                "rule-action": "include",
            }
        ]
    }
)


def number(*parts: object) -> int:
    """A fixed number for these parts: the fleet's only source of variety."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=6).digest(), "big")


def fraction(*parts: object) -> float:
    """As `number`, from 0 to 1."""
    return number(*parts) / 2**48


def identifier(*parts: object) -> str:
    """An ARN's last part: 26 capitals."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=26).digest()
    return "".join(chr(65 + byte % 26) for byte in digest)


def arn(kind: str, *parts: object) -> str:
    """The ARN of one of the fleet's things."""
    return f"arn:aws:dms:{REGION}:{ACCOUNT}:{kind}:{identifier(kind, *parts)}"


@dataclass(frozen=True)
class Fleet:
    """How big the account is. `wide_tables` is the number of tables of task 0."""

    tasks: int = 1000
    instances: int = 50
    wide_tables: int = 10_000
    seed: int = 7

    def now(self, second: int) -> datetime:
        """The account's clock at this second of the run."""
        return EPOCH + timedelta(seconds=second)

    def instance(self, index: int) -> dict[str, Any]:
        """One member of DescribeReplicationInstances."""
        return {
            "ReplicationInstanceIdentifier": f"dms-{chr(97 + index % 26)}{index:02d}",
            "ReplicationInstanceArn": arn("rep", self.seed, index),
            "ReplicationInstanceClass": CLASSES[index % len(CLASSES)],
            "ReplicationInstanceStatus": "storage-full" if index == 3 else "available",
            "AllocatedStorage": 100,
            "EngineVersion": "3.5.4",
            "MultiAZ": index % 4 == 0,
            "PubliclyAccessible": False,
            "AvailabilityZone": f"{REGION}a",
            "ReplicationInstancePrivateIpAddresses": [f"10.1.{index}.10"],
            "InstanceCreateTime": EPOCH - timedelta(days=90),
        }

    @lru_cache(maxsize=4096)  # noqa: B019 - one fleet a process
    def _fixed(self, index: int) -> dict[str, Any]:
        kind = ("cdc", "full-load-and-cdc", "full-load")[number(self.seed, "kind", index) % 3]
        topic = TOPICS[number(self.seed, "topic", index) % len(TOPICS)]
        return {
            "ReplicationTaskIdentifier": f"{topic}-{index:04d}" if index else "wide-everything",
            "ReplicationTaskArn": arn("task", self.seed, index),
            "ReplicationInstanceArn": arn("rep", self.seed, index % self.instances),
            "SourceEndpointArn": arn("endpoint", "source", index % 20),
            "TargetEndpointArn": arn("endpoint", "target", index % 20),
            "MigrationType": "full-load-and-cdc" if index == 0 else kind,
            "ReplicationTaskCreationDate": EPOCH - timedelta(days=30),
            "ReplicationTaskStartDate": EPOCH - timedelta(hours=5),
        }

    def task(self, index: int, second: int, *, settings: bool = False) -> dict[str, Any]:
        """One member of DescribeReplicationTasks; a few change their state every second."""
        task = dict(self._fixed(index))
        draw = number(self.seed, "state", index, (second + index) // 300) % 1000
        status = "failed" if draw < 3 else "stopped" if draw < 20 else "running"
        if index == 0:
            status = "running"
        loading = task["MigrationType"] == "full-load" and status == "running"
        task["Status"] = status
        task["ReplicationTaskStats"] = {
            "FullLoadProgressPercent": (second + index) % 100 if loading else 100,
            "ElapsedTimeMillis": second * 1000,
            "TablesLoaded": 30,
            "TablesLoading": 4 if loading else 0,
            "TablesQueued": 6 if loading else 0,
            "TablesErrored": 3 if draw % 97 == 0 else 0,
            "StartDate": EPOCH - timedelta(hours=5),
        }
        if status == "failed":
            message = "Last Error  Replication task failed. Stop Reason FATAL_ERROR Error Level FATAL"
            task |= {"LastFailureMessage": message, "StopReason": message}
        elif status == "stopped":
            task["StopReason"] = "Stop Reason NORMAL"
        if settings:
            task |= {"TableMappings": MAPPINGS, "ReplicationTaskSettings": json.dumps({"Logging": {}})}
        return task

    def tables(self, task: int) -> int:
        """How many tables a task has."""
        return self.wide_tables if task == 0 else 40

    def table(self, task: int, index: int, second: int) -> dict[str, Any]:
        """One member of DescribeTableStatistics; every table's counters grow, each at its own pace."""
        rate = 1 + number(self.seed, "rate", task, index) % 50
        changes = rate * second
        wrong = number(self.seed, "wrong", task, index) % 500 == 0
        return {
            "SchemaName": "app" if index % 3 else "hr",
            "TableName": f"table_{index:05d}",
            "Inserts": changes,
            "Updates": changes // 2,
            "Deletes": changes // 9,
            "Ddls": 0,
            "AppliedInserts": max(0, changes - rate),
            "AppliedUpdates": max(0, changes - rate) // 2,
            "AppliedDeletes": max(0, changes - rate) // 9,
            "FullLoadRows": number(self.seed, "rows", task, index) % 5_000_000,
            "FullLoadErrorRows": 0,
            "TableState": "Table error" if wrong else "Table completed",
            "ValidationState": "Not enabled",
            "LastUpdateTime": self.now(second),
        }

    def endpoint(self, index: int) -> dict[str, Any]:
        """One member of DescribeEndpoints: twenty sources, then twenty targets."""
        side = "source" if index < 20 else "target"
        return {
            "EndpointIdentifier": f"{side}-{index % 20:02d}",
            "EndpointArn": arn("endpoint", side, index % 20),
            "EndpointType": side.upper(),
            "EngineName": ("mysql", "postgres", "oracle")[index % 3] if side == "source" else "redshift",
            "ServerName": f"{side}-{index}.example.internal",
            "Port": 5432,
            "Status": "active",
            "SslMode": "require",
        }

    def events(self, second: int) -> list[dict[str, Any]]:
        """DescribeEvents: one every ten minutes of the last day."""
        return [
            {
                "SourceIdentifier": self._fixed(number(self.seed, "event", index) % self.tasks)[
                    "ReplicationTaskIdentifier"
                ],
                "SourceType": "replication-task",
                "Message": "Replication task started, with flag = resume",
                "EventCategories": ["state change"],
                "Date": EPOCH - timedelta(minutes=10 * index),
            }
            for index in range(144)
        ]

    def metric(self, name: str, dimensions: tuple[str, ...], at: datetime, period: int) -> float | None:
        """The value of a metric in one period, None where the task sent nothing: gaps are part of the picture."""
        slot = int(at.timestamp()) // period
        if number(self.seed, "gap", dimensions, slot // 20) % 37 == 0:
            return None
        phase = fraction(self.seed, dimensions) * math.tau
        wave = 1 + math.sin(slot / 40 + phase) + fraction(self.seed, name, dimensions, slot)
        scale = {"CDCLatencySource": 4, "CDCLatencyTarget": 9, "CPUUtilization": 30}.get(name, 800)
        return round(wave * scale, 3)
