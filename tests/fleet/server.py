"""Serves the fleet over HTTP as AWS would: paging, filters, throttling, a clock that goes on. For bench and tests only.

`python tests/fleet/server.py [--tasks N] [--tables N] [--calls-per-second N]` prints the endpoint's URL and serves
on 127.0.0.1 until its standard input closes.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from dmstui.sandbox import wire
from dmstui.sandbox.service import Fault

sys.path.insert(0, str(Path(__file__).parent))

from fleet import ACCOUNT, EPOCH, Fleet  # type: ignore[import-not-found]

NAMESPACES = {
    "GraniteServiceVersion20100801": "cloudwatch",
    "Logs_20140328": "logs",
    "AmazonDMSv20160101": "dms",
}


class Bucket:
    """The account's shared bucket of API calls: `rate` a second, `burst` at once."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst, self.left, self.at = rate, burst, burst, time.monotonic()

    def take(self) -> bool:
        """Whether a call may pass now."""
        now = time.monotonic()
        self.left = min(self.burst, self.left + (now - self.at) * self.rate)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Account:
    """Answers the operations the console reads with."""

    def __init__(self, fleet: Fleet, rate: float) -> None:
        self.fleet = fleet
        self.started = time.monotonic()
        self.bucket = Bucket(rate, burst=max(40.0, rate * 10))
        self.calls: Counter[str] = Counter()
        self.throttled = 0
        self.metric_calls: list[tuple[int, int, int]] = []
        self.index = {fleet.task(i, 0)["ReplicationTaskArn"]: i for i in range(fleet.tasks)}

    @property
    def second(self) -> int:
        """The second of the run; all answers within one agree."""
        return int(time.monotonic() - self.started)

    def page(
        self, params: dict[str, Any], count: int, make: Callable[[int], Any], most: int = 100
    ) -> tuple[list[Any], str | None]:
        """One page of things made by index, and the marker of the next."""
        start, size = int(params.get("Marker") or 0), min(int(params.get("MaxRecords") or most), 500)
        end = min(count, start + size)
        return [make(index) for index in range(start, end)], str(end) if end < count else None

    def answer(self, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """The answer of one operation; Fault for what the fleet does not know."""
        self.calls[f"{service}:{operation}"] += 1
        if service == "dms" and not self.bucket.take():
            self.throttled += 1
            raise Fault("ThrottlingException", "Rate exceeded")
        method = getattr(self, f"{service}_{operation}", None)
        if method is None:
            raise Fault("InvalidAction", f"the fleet does not answer {service} {operation}")
        result: dict[str, Any] = method(params)
        return result

    def sts_GetCallerIdentity(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/fleet", "UserId": "FLEET"}

    def dms_DescribeReplicationInstances(self, params: dict[str, Any]) -> dict[str, Any]:
        found, marker = self.page(params, self.fleet.instances, self.fleet.instance)
        return {"ReplicationInstances": found, "Marker": marker}

    def dms_DescribeReplicationTasks(self, params: dict[str, Any]) -> dict[str, Any]:
        second, full = self.second, not params.get("WithoutSettings")

        def task(index: int) -> dict[str, Any]:
            return self.fleet.task(index, second, settings=full)

        for each in params.get("Filters", ()):
            if each["Name"] == "replication-task-arn":
                wanted = [self.index[arn] for arn in each["Values"] if arn in self.index]
                return {"ReplicationTasks": [task(index) for index in wanted]}
        found, marker = self.page(params, self.fleet.tasks, task)
        return {"ReplicationTasks": found, "Marker": marker}

    def dms_DescribeTableStatistics(self, params: dict[str, Any]) -> dict[str, Any]:
        arn, second = params["ReplicationTaskArn"], self.second
        task = self.index[arn]

        def table(index: int) -> dict[str, Any]:
            return self.fleet.table(task, index, second)

        count = self.fleet.tables(task)
        states = [each["Values"] for each in params.get("Filters", ()) if each["Name"] == "table-state"]
        if states:
            found = [each for each in map(table, range(count)) if each["TableState"] in states[0]]
            return {"ReplicationTaskArn": arn, "TableStatistics": found[:500]}
        found, marker = self.page(params, count, table)
        return {"ReplicationTaskArn": arn, "TableStatistics": found, "Marker": marker}

    def dms_DescribeEndpoints(self, params: dict[str, Any]) -> dict[str, Any]:
        found, marker = self.page(params, 40, self.fleet.endpoint)
        return {"Endpoints": found, "Marker": marker}

    def dms_DescribeConnections(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"Connections": []}

    def dms_DescribeEvents(self, params: dict[str, Any]) -> dict[str, Any]:
        events = self.fleet.events(self.second)
        found, marker = self.page(params, len(events), events.__getitem__)
        return {"Events": found, "Marker": marker}

    def cloudwatch_GetMetricData(self, params: dict[str, Any]) -> dict[str, Any]:
        results = []
        reach = (params["EndTime"] - params["StartTime"]).total_seconds()
        points = sum(
            int(reach // query["MetricStat"]["Period"])
            for query in params["MetricDataQueries"]
            if "MetricStat" in query
        )
        self.metric_calls.append((self.second, len(params["MetricDataQueries"]), points))
        for query in params["MetricDataQueries"]:
            stat = query.get("MetricStat")
            if stat is None:
                continue
            name, period = stat["Metric"]["MetricName"], stat["Period"]
            dimensions = tuple(sorted(each["Value"] for each in stat["Metric"].get("Dimensions", ())))
            first, last = params["StartTime"].timestamp(), params["EndTime"].timestamp()
            times, values = [], []
            for slot in range(math_floor(first, period), math_floor(last, period), period):
                at = EPOCH.fromtimestamp(slot, EPOCH.tzinfo)
                value = self.fleet.metric(name, dimensions, at, period)
                if value is not None:
                    times.append(at)
                    values.append(value)
            times.reverse()
            values.reverse()
            results.append(
                {
                    "Id": query["Id"],
                    "Label": name,
                    "Timestamps": times,
                    "Values": values,
                    "StatusCode": "Complete",
                }
            )
        return {"MetricDataResults": results, "Messages": []}

    def cloudwatch_ListMetrics(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"Metrics": []}

    def logs_FilterLogEvents(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"events": [], "searchedLogStreams": []}

    def logs_GetLogEvents(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"events": []}

    def cloudformation_DescribeStacks(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"Stacks": []}

    def cloudformation_ListStacks(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"StackSummaries": []}


def math_floor(at: float, period: int) -> int:
    """The start of the period that holds this second."""
    return int(at) // period * period


def application(account: Account) -> web.Application:
    """The HTTP face of an account. `/_fleet/calls` tells what was asked: counts by operation, throttles, and of
    each GetMetricData its second, metrics and points.
    """

    async def asked(_: web.Request) -> web.Response:
        return web.json_response(
            {
                "calls": dict(account.calls),
                "throttled": account.throttled,
                "second": account.second,
                "metric_calls": account.metric_calls,
            }
        )

    async def handle(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.read()
        scope = headers.get("authorization", "").partition("Credential=")[2].split("/")
        signed = scope[3] if len(scope) > 3 else "dms"
        service = {"monitoring": "cloudwatch"}.get(signed, signed)
        service_model = wire.model(service)
        protocol = wire.spoken(service_model, headers, request.path)
        operation_name = wire.operation_name(protocol, headers, request.path, request.query_string, body)
        operation = service_model.operation_model(operation_name)
        try:
            params = wire.parse(protocol, operation, request.query_string, body)
            answer = wire.serialize(
                protocol, operation, account.answer(service, operation_name, params), "fleet"
            )
        except Fault as fault:
            answer = wire.serialize_fault(protocol, service, fault, "fleet")
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)

    app = web.Application(client_max_size=16 * 2**20)
    app.router.add_get("/_fleet/calls", asked)
    app.router.add_route("*", "/{tail:.*}", handle)
    return app


async def serve(account: Account) -> None:
    """Serve until standard input closes; the first line printed is the URL."""
    runner = web.AppRunner(application(account), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    print(f"http://127.0.0.1:{port}", flush=True)
    await asyncio.to_thread(sys.stdin.buffer.read)
    await runner.cleanup()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--instances", type=int, default=50)
    parser.add_argument("--tables", type=int, default=10_000)
    parser.add_argument("--calls-per-second", type=float, default=4.0)
    chosen = parser.parse_args()
    fleet = Fleet(chosen.tasks, chosen.instances, chosen.tables)
    asyncio.run(serve(Account(fleet, chosen.calls_per_second)))


if __name__ == "__main__":
    main()
