"""Scenario 2 by the command line alone, against a running sandbox: deploy, seed, test, start, look, verify, delete.

One stack for the whole file; the tests walk through it in order and each leaves what the next needs.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from dmstui.aws import ConnectionOptions
from dmstui.model import Snapshot
from dmstui.monitor import Monitor

NAME = "postgresql-to-s3"
STACK = f"dmstui-{NAME}"


class Lab:
    """The deployed scenario: runs commands and knows its task."""

    def __init__(self, sandbox: Any) -> None:
        self.sandbox = sandbox
        self.task = ""

    def run(self, *arguments: str, code: int = 0, timeout: float = 150) -> Any:
        done = self.sandbox.cli(*arguments, check=False, timeout=timeout)
        assert done.returncode == code, f"{arguments} -> {done.returncode}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code).stdout)


@pytest.fixture(scope="module")
def lab(sandbox: Any) -> Iterator[Lab]:
    made = Lab(sandbox)
    done = made.run("scenario", "deploy", NAME, "--yes", "--wait")
    assert f"{STACK} is CREATE_COMPLETE" in done.stdout
    assert "CREATE_COMPLETE" in done.stderr
    made.task = made.json("scenario", "status", NAME)["task"]["name"]
    yield made
    made.run("scenario", "delete", NAME, "--yes", "--wait")
    left = sandbox.client("cloudformation").describe_stacks()["Stacks"]
    assert STACK not in {stack["StackName"] for stack in left if stack["StackStatus"] != "DELETE_COMPLETE"}


def test_the_stack_stands_and_a_second_deploy_changes_nothing(lab: Lab) -> None:
    status = lab.json("scenario", "status", NAME)
    assert status["stack"]["status"] == "CREATE_COMPLETE"
    assert status["instance"]["status"] == "available"
    assert status["task"]["status"] == "ready"
    assert "nothing to change" in lab.run("scenario", "deploy", NAME, "--yes", "--wait").stdout
    resources = lab.json("stack", "status", STACK)["resources"]
    assert {one["status"] for one in resources} == {"CREATE_COMPLETE"}


def test_what_needs_a_yes_is_refused_without_one(lab: Lab) -> None:
    lab.run("scenario", "delete", NAME, code=3)
    lab.run("stack", "delete", STACK, code=3)
    lab.run("task", "reload", lab.task, code=3)


def test_the_source_is_seeded(lab: Lab) -> None:
    found = lab.json("scenario", "run", NAME, "seed")
    rows = {line["table"]: line["rows"] for line in found["lines"] if line["table"]}
    assert found["exit_code"] == 0
    assert len(rows) >= 8
    assert sum(rows.values()) >= 200_000


def test_connections_are_tested(lab: Lab) -> None:
    found = lab.json("connection", "test", lab.task)
    assert [entry["ok"] for entry in found] == [True, True]
    assert {
        entry["last"] for entry in [{"last": one["status"]} for one in lab.json("connection", "list")]
    } >= {"successful"}


def test_read_only_refuses_to_start(lab: Lab) -> None:
    done = lab.run("--read-only", "task", "start", lab.task, code=3)
    assert "read-only" in done.stderr
    assert lab.json("task", "show", lab.task)["status"] == "ready"


def test_the_task_loads_every_table_and_verify_agrees(lab: Lab) -> None:
    lab.run("task", "resume", lab.task, code=3)
    found = lab.json("task", "start", lab.task, "--wait")
    assert found["task"]["stop_reason"].endswith("FULL_LOAD_ONLY_FINISHED")
    tables = lab.json("task", "tables", lab.task)
    assert {one["state"] for one in tables} == {"Table completed"}
    assert sum(one["full_load_rows"] for one in tables) > 150_000
    again = lab.run("task", "start", lab.task, code=3)
    assert "resume it or reload" in again.stderr
    verified = lab.json("scenario", "run", NAME, "verify")
    assert verified["ok"]
    assert all(line["ok"] for line in verified["lines"])


def test_show_logs_metrics_and_events_tell_of_the_run(lab: Lab) -> None:
    task = lab.json("task", "show", lab.task)
    assert task["settings"]["Logging"]["EnableLogging"] is True
    assert task["mappings"]["rules"]
    lines = [json.loads(line) for line in lab.run("task", "logs", lab.task, "--json").stdout.splitlines()]
    assert any(line["component"] == "TASK_MANAGER" for line in lines)
    warnings = lab.run("task", "logs", lab.task, "--severity", "W").stdout
    assert "truncated" in warnings
    points = lab.json("task", "metrics", lab.task)
    loaded = points["FullLoadThroughputRowsTarget"]
    assert loaded["period"] == 5
    assert max(value for _, value in loaded["points"]) > 0
    assert "full load written (f)" in lab.run("task", "metrics", lab.task, "--plot").stdout
    events = [event["message"] for event in lab.json("event", "list") if event["source"] == lab.task]
    assert any("FULL_LOAD_ONLY_FINISHED" in message for message in events)


def test_a_task_is_found_by_name_arn_and_suffix_in_text_too(lab: Lab) -> None:
    arn = lab.json("task", "show", lab.task)["arn"]
    assert lab.json("task", "show", arn)["name"] == lab.task
    assert lab.json("task", "show", arn.rsplit(":", 1)[-1])["name"] == lab.task
    assert lab.task in lab.run("task", "list").stdout
    lab.run("task", "show", "no-such-task", code=1)


def test_doctor_finds_nothing_in_the_way(lab: Lab) -> None:
    found = {entry["check"]: entry["verdict"] for entry in lab.json("doctor")}
    assert "fail" not in found.values()
    assert found["identity"] == found["clock"] == found["versions"] == found["sandbox"] == "ok"
    assert {verdict for check, verdict in found.items() if ":Describe" in check} == {"ok"}


def test_the_monitor_sees_the_same_and_runs_operations(lab: Lab) -> None:
    exports = lab.sandbox.exports
    monitor = Monitor(
        ConnectionOptions(
            region=exports["AWS_REGION"],
            endpoint_url=exports["AWS_ENDPOINT_URL"],
            access_key=exports["AWS_ACCESS_KEY_ID"],
            secret_key=exports["AWS_SECRET_ACCESS_KEY"],
        )
    )
    arn = lab.json("task", "show", lab.task)["arn"]
    last: list[Snapshot] = []
    news = threading.Condition()

    def take(snapshot: Snapshot) -> None:
        with news:
            last[:] = [snapshot]
            news.notify_all()

    def whole() -> bool:
        if not last:
            return False
        seen = last[0]
        parts = (seen.tables, seen.settings, seen.logs, seen.metrics)
        return bool(
            seen.account
            and seen.sandbox
            and all(arn in part and part[arn].value for part in parts)
            and seen.stack_resources.get(STACK)
        )

    monitor.start(take)
    try:
        monitor.open_task(arn)
        monitor.focus(arn)
        monitor.watch_stack(STACK)
        with news:
            assert news.wait_for(whole, 30), last
        seen = last[0]
        assert len(seen.tables[arn].value) >= 8
        assert seen.settings[arn].value is not None
        task = seen.task(arn)
        assert task is not None
        assert task.status == "stopped"
        assert seen.calls > 0
        from dmstui.operations import start

        async def refused(aws: Any) -> str:
            return [step async for step in start.run(aws, task)][-1].error.code  # type: ignore[union-attr]

        assert monitor.submit(refused).result(20) == "Refused"
    finally:
        monitor.stop()
