"""CloudWatch metrics and logs through boto3 and the `aws` command."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

DIMENSIONS = [{"Name": "TaskId", "Value": "T1"}]


def query(name: str, stat: str = "Average", period: int = 5, identity: str = "a") -> dict[str, Any]:
    metric = {"Namespace": "Store/Test", "MetricName": name, "Dimensions": DIMENSIONS}
    return {"Id": identity, "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}}


def test_points_are_summed_up_by_period(sandbox: Any) -> None:
    cloudwatch = sandbox.client("cloudwatch")
    end = datetime.now(UTC).replace(microsecond=0)
    end -= timedelta(seconds=end.timestamp() % 60)
    data = [
        {
            "MetricName": "Lag",
            "Dimensions": DIMENSIONS,
            "Timestamp": end - timedelta(seconds=number + 1),
            "Value": float(number),
            "Unit": "Seconds",
        }
        for number in range(120)
    ]
    cloudwatch.put_metric_data(Namespace="Store/Test", MetricData=data)
    window = {"StartTime": end - timedelta(minutes=2), "EndTime": end}
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[query("Lag")], ScanBy="TimestampAscending", **window
    )
    [found] = answer["MetricDataResults"]
    assert found["StatusCode"] == "Complete"
    assert found["Values"] == [117.0 - 5 * step for step in range(24)]
    assert found["Timestamps"][0] == end - timedelta(minutes=2)
    newest = cloudwatch.get_metric_data(MetricDataQueries=[query("Lag", "Maximum", 60)], **window)
    assert newest["MetricDataResults"][0]["Values"] == [59.0, 119.0]
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=[query("Lag"), query("Lag", identity="b")], MaxDatapoints=7, **window
    )
    values: dict[str, list[float]] = {"a": [], "b": []}
    for page in pages:
        for result in page["MetricDataResults"]:
            values[result["Id"]] += result["Values"]
    assert values["a"] == values["b"] == list(reversed(found["Values"]))
    statistics = cloudwatch.get_metric_statistics(
        Namespace="Store/Test",
        MetricName="Lag",
        Dimensions=DIMENSIONS,
        Period=60,
        Statistics=["Minimum", "SampleCount", "Sum"],
        ExtendedStatistics=["p50"],
        **window,
    )
    points = sorted(statistics["Datapoints"], key=lambda point: point["Timestamp"])
    assert [point["Minimum"] for point in points] == [60.0, 0.0]
    assert [point["SampleCount"] for point in points] == [60.0, 60.0]
    assert points[1]["ExtendedStatistics"]["p50"] == 29.0
    assert points[1]["Unit"] == "Seconds"


def test_the_aws_command_reads_metrics(sandbox: Any) -> None:
    sandbox.aws(
        "cloudwatch", "put-metric-data", "--namespace", "Store/Cli", "--metric-name", "m", "--value", "4.5"
    )
    found = sandbox.aws("cloudwatch", "list-metrics", "--namespace", "Store/Cli")["Metrics"]
    assert found == [{"Namespace": "Store/Cli", "MetricName": "m", "Dimensions": []}]
    now = datetime.now(UTC)
    queries = '[{"Id":"a","MetricStat":{"Metric":{"Namespace":"Store/Cli","MetricName":"m"},"Period":60,"Stat":"Sum"}}]'
    window = [
        "--start-time",
        (now - timedelta(minutes=5)).isoformat(),
        "--end-time",
        (now + timedelta(1)).isoformat(),
    ]
    data = sandbox.aws("cloudwatch", "get-metric-data", "--metric-data-queries", queries, *window)
    assert data["MetricDataResults"][0]["Values"] == [4.5]


def test_what_cloudwatch_refuses(sandbox: Any) -> None:
    cloudwatch = sandbox.client("cloudwatch")
    now = datetime.now(UTC)
    window = {"StartTime": now - timedelta(hours=1), "EndTime": now}
    with pytest.raises(ClientError, match="Namespace"):
        cloudwatch.put_metric_data(Namespace="AWS/DMS", MetricData=[{"MetricName": "m", "Value": 1.0}])
    with pytest.raises(ClientError, match="math"):
        cloudwatch.get_metric_data(MetricDataQueries=[{"Id": "a", "Expression": "1+1"}], **window)
    with pytest.raises(ClientError, match="Period"):
        cloudwatch.get_metric_data(MetricDataQueries=[query("Lag", period=7)], **window)
    with pytest.raises(ClientError, match="less than"):
        cloudwatch.get_metric_data(MetricDataQueries=[query("Lag")], StartTime=now, EndTime=now)
    # Alarms are moto's.
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []


def test_log_events_are_kept_filtered_and_paged(sandbox: Any) -> None:
    logs = sandbox.client("logs")
    logs.create_log_group(logGroupName="store-group", tags={"a": "b"})
    for name in ("one", "two"):
        logs.create_log_stream(logGroupName="store-group", logStreamName=name)
    start = int(time.time() * 1000) - 60_000
    for offset, name in enumerate(("one", "two")):
        events = [
            {
                "timestamp": start + 10 * number + offset,
                "message": f"{name} {number} {'E:' if number % 10 == 0 else 'I:'}",
            }
            for number in range(50)
        ]
        logs.put_log_events(logGroupName="store-group", logStreamName=name, logEvents=events)
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName="store-group", PaginationConfig={"PageSize": 7}
    )
    merged = [event for page in pages for event in page["events"]]
    assert len(merged) == 100
    assert [event["timestamp"] for event in merged] == sorted(event["timestamp"] for event in merged)
    assert len({event["eventId"] for event in merged}) == 100
    errors = logs.filter_log_events(logGroupName="store-group", filterPattern='"E:" -two')["events"]
    assert [event["message"] for event in errors] == [f"one {number} E:" for number in range(0, 50, 10)]
    read = {"logGroupName": "store-group", "logStreamName": "one", "limit": 20}
    token, seen = None, []
    while True:
        more = {"nextToken": token} if token else {"startFromHead": True}
        page = logs.get_log_events(**read, **more)
        seen += page["events"]
        if page["nextForwardToken"] == token:
            break
        token = page["nextForwardToken"]
    assert [event["message"].split()[1] for event in seen] == [str(number) for number in range(50)]
    assert [e["message"].split()[1] for e in logs.get_log_events(**read)["events"]][-1] == "49"
    logs.put_retention_policy(logGroupName="store-group", retentionInDays=7)
    [group] = logs.describe_log_groups(logGroupNamePrefix="store-group")["logGroups"]
    assert group["retentionInDays"] == 7
    assert logs.list_tags_for_resource(resourceArn=group["logGroupArn"])["tags"] == {"a": "b"}
    streams = logs.describe_log_streams(logGroupName="store-group", orderBy="LastEventTime", descending=True)
    assert [stream["logStreamName"] for stream in streams["logStreams"]] == ["two", "one"]
    arguments = ["--log-group-name", "store-group", "--log-stream-names", "two", "--start-time", str(start)]
    assert len(sandbox.aws("logs", "filter-log-events", *arguments)["events"]) == 50
    logs.delete_log_group(logGroupName="store-group")
    with pytest.raises(ClientError) as caught:
        logs.describe_log_streams(logGroupName="store-group")
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_events_too_old_are_told_and_not_kept(sandbox: Any) -> None:
    logs = sandbox.client("logs")
    logs.create_log_group(logGroupName="store-old")
    logs.create_log_stream(logGroupName="store-old", logStreamName="s")
    now = int(time.time() * 1000)
    old = {"timestamp": now - 15 * 86_400_000, "message": "old"}
    fresh = {"timestamp": now, "message": "fresh"}
    far = {"timestamp": now + 3 * 3_600_000, "message": "far"}
    answer = logs.put_log_events(logGroupName="store-old", logStreamName="s", logEvents=[old, fresh, far])
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 2}
    events = logs.get_log_events(logGroupName="store-old", logStreamName="s")["events"]
    assert [event["message"] for event in events] == ["fresh"]
