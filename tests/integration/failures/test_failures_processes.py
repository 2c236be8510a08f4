"""Processes that are killed: the command that deploys, and the whole sandbox with tasks at work."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

NAME = "postgresql-to-s3"
SLOW = {"RowGroupLength": 20, "MaxFileSize": 2_000}


def test_a_deploy_whose_command_was_killed_goes_on_and_is_followed(sandbox: Any, eventually: Any) -> None:
    stack = f"orphan-{uuid.uuid4().hex[:6]}"
    named = ["--stack-name", stack]

    def status() -> Any:
        return json.loads(sandbox.cli("scenario", "status", NAME, *named, "--json").stdout)["stack"]

    with subprocess.Popen(
        [sys.executable, "-m", "dmstui", "scenario", "deploy", NAME, "--yes", "--wait", *named],
        env=sandbox.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as deploying:
        assert deploying.stderr is not None
        for line in deploying.stderr:
            if "CREATE_COMPLETE" in line:  # the first resource stands
                break
        deploying.kill()
    assert deploying.returncode == -signal.SIGKILL
    shown = status()
    assert shown["status"] == "CREATE_IN_PROGRESS"
    again = sandbox.cli("scenario", "deploy", NAME, "--yes", "--wait", *named)
    assert f"{stack} is CREATE_IN_PROGRESS already: following it" in again.stdout + again.stderr
    assert f"{stack} is CREATE_COMPLETE" in again.stdout
    # one deploy, not two
    events = sandbox.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    begun = Counter(e["LogicalResourceId"] for e in events if e["ResourceStatus"] == "CREATE_COMPLETE")
    assert set(begun.values()) == {1}
    assert status()["status"] == "CREATE_COMPLETE"
    sandbox.cli("scenario", "delete", NAME, "--yes", *named)
    eventually(lambda: status() is None, 60, "the deletion")


@pytest.mark.long
def test_a_killed_sandbox_leaves_nobody_and_comes_back_with_its_tasks(
    new_sandbox: Callable[..., Any],
    deploy: Callable[..., Any],
    offspring: Callable[[int], dict[int, str]],
    alive: Callable[[int], bool],
    tmp_path: Path,
) -> None:
    state = str(tmp_path / "state")
    shop = deploy(new_sandbox("--state", state), "kept")
    changes, loads = shop.schema(), shop.schema()
    shop.sql(
        f"CREATE TABLE {loads}.large (id int PRIMARY KEY, words text); "
        f"INSERT INTO {loads}.large SELECT i, repeat(md5(i::text), 4) FROM generate_series(1, 700000) i"
    )
    cdc_target, cdc_folder = shop.lake_endpoint()
    load_target, load_folder = shop.lake_endpoint(**SLOW)
    errors = {"ErrorBehavior": shop.always_again}
    following = shop.task("cdc", shop.selecting(changes), errors, TargetEndpointArn=cdc_target)
    loading = shop.task("full-load", shop.selecting(loads, "large"), errors, TargetEndpointArn=load_target)
    shop.start(following)
    shop.wait(following, "running")
    shop.sql(f"INSERT INTO {changes}.item SELECT i, 'early' FROM generate_series(1, 500) i")
    shop.until(lambda: shop.statistics(following)["item"]["AppliedInserts"] == 500, 30, "the first changes")
    shop.start(loading)
    shop.until(
        lambda: shop.statistics(loading).get("large", {}).get("FullLoadRows", 0) > 0, 30, "a load under way"
    )
    # committed, but perhaps not yet in the lake when everything dies
    shop.sql(f"INSERT INTO {changes}.item SELECT i, 'late' FROM generate_series(501, 900) i")
    process = shop.sandbox.process
    family = offspring(process.pid)
    assert sum("dmstui.sandbox.flow" in line for line in family.values()) == 2
    assert any("postgres" in line for line in family.values())
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)
    shop.until(lambda: not [pid for pid in family if alive(pid)], 20, "processes left")

    again = new_sandbox("--state", state)
    shop = type(shop)(again, "kept")
    assert shop.database_status() == "available", again.log
    shop.wait(following, "running")
    shop.sql(f"INSERT INTO {changes}.item SELECT i, 'later' FROM generate_series(901, 1000) i")
    shop.until(
        lambda: ("I", 1000, "later") in shop.operations(f"{cdc_folder}/{changes}/item"), 60, "the last row"
    )
    found = shop.operations(f"{cdc_folder}/{changes}/item")
    assert set(found.values()) == {1}
    assert sorted(key for _, key, _ in found) == list(range(1, 1001))
    # the statistics come a little after the files
    shop.until(lambda: shop.statistics(following)["item"]["AppliedInserts"] == 1000, 15, "the counter")

    # a load does not survive its machine; resumed, it ends with every row once
    shown = shop.described(loading)
    assert shown["Status"] == "failed"
    assert "Stop Reason RECOVERABLE_ERROR Error Level RECOVERABLE" in shown["LastFailureMessage"]
    shop.start(loading, "resume-processing")
    assert shop.wait(loading, "stopped", seconds=120)["StopReason"] == "Stop Reason FULL_LOAD_ONLY_FINISHED"
    table = shop.lake(f"{load_folder}/{loads}/large")
    assert table is not None
    assert sorted(table.column("id").to_pylist()) == list(range(1, 700_001))
    # and the rest of the account is as it was
    assert shop.cli("status").stdout.count("CREATE_COMPLETE") == 1
    for endpoint in (shop.source, shop.target):
        assert shop.connection(endpoint)["Status"] == "successful"
    for arn in (following, loading):
        shop.delete(arn)
    shop.cli("delete", "--yes", "--wait")


@pytest.mark.long
def test_a_sandbox_killed_in_the_middle_of_a_deploy_comes_back_to_it(
    new_sandbox: Callable[..., Any], tmp_path: Path, eventually: Any
) -> None:
    state, named = str(tmp_path / "state"), ["--stack-name", "half"]
    first = new_sandbox("--state", state, speed=100)
    first.cli("scenario", "deploy", NAME, "--yes", *named)

    def the_long_wait() -> bool:
        """Most of a deploy's minutes: the replication instance is asked for and all else waits for it."""
        found = first.client("cloudformation").describe_stack_resources(StackName="half")["StackResources"]
        coming = {
            each["LogicalResourceId"]: each
            for each in found
            if each["ResourceStatus"] == "CREATE_IN_PROGRESS"
        }
        return (
            "ReplicationInstance" in coming
            and coming.keys() <= {"ReplicationInstance", "SourceDatabase"}
            and all(each.get("PhysicalResourceId") for each in coming.values())
        )

    eventually(the_long_wait, 60, "the deploy's long wait")
    first.process.kill()
    first.process.wait(10)
    second = new_sandbox("--state", state, speed=100)
    shown = json.loads(second.cli("scenario", "status", NAME, *named, "--json").stdout)["stack"]
    assert shown["status"] in ("CREATE_IN_PROGRESS", "CREATE_COMPLETE")
    done = second.cli("scenario", "deploy", NAME, "--yes", "--wait", *named, check=False)
    events = second.client("cloudformation").describe_stack_events(StackName="half")["StackEvents"]
    failed = [
        (e["LogicalResourceId"], e["ResourceStatusReason"]) for e in events if "FAILED" in e["ResourceStatus"]
    ]
    assert not failed, "\n".join(map(str, failed))
    assert "half is CREATE_COMPLETE" in done.stdout or "nothing to change" in done.stdout
    second.cli("scenario", "delete", NAME, "--yes", "--wait", *named)


@pytest.mark.long
def test_a_sandbox_killed_again_and_again_under_change_processing(
    new_sandbox: Callable[..., Any], deploy: Callable[..., Any], tmp_path: Path
) -> None:
    """At moments nobody chose: between a file and its checkpoint, between a checkpoint and its confirmation."""
    state = str(tmp_path / "state")
    shop = deploy(new_sandbox("--state", state), "often")
    schema = shop.schema()
    target, folder = shop.lake_endpoint()
    arn = shop.task(
        "cdc", shop.selecting(schema), {"ErrorBehavior": shop.always_again}, TargetEndpointArn=target
    )
    shop.start(arn)
    rows = 0
    moments = random.Random(7)
    for _ in range(5):
        shop.wait(arn, "running")
        end = time.monotonic() + moments.uniform(0.5, 3)
        while time.monotonic() < end:
            shop.sql(
                f"INSERT INTO {schema}.item SELECT i, 'w' FROM generate_series({rows + 1}, {rows + 20}) i"
            )
            rows += 20
        shop.sandbox.process.kill()
        shop.sandbox.process.wait(10)
        shop = type(shop)(new_sandbox("--state", state), "often")
    shop.wait(arn, "running")
    shop.sql(f"INSERT INTO {schema}.item VALUES ({rows + 1}, 'w')")
    lake = f"{folder}/{schema}/item"
    shop.until(lambda: ("I", rows + 1, "w") in shop.operations(lake), 60, "the last row")
    found = shop.operations(lake)
    doubled = {key: times for (_, key, _), times in found.items() if times != 1}
    assert not doubled
    assert sorted(key for _, key, _ in found) == list(range(1, rows + 2))
