"""The life of a sandbox process: quick, clear about what is wrong, and gone with its parent."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest


def serve(*arguments: str, timeout: float = 30) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "dmstui", "sandbox", "--serve", *arguments]
    return subprocess.run(
        line, text=True, capture_output=True, timeout=timeout, stdin=subprocess.DEVNULL, check=False
    )


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--speed", "0"], 2, "speed must lie between"),
        (["--speed", "nan"], 2, "speed must lie between"),
        (["--speed", "fast"], 2, "not a valid float"),
        (["--port", "70000"], 2, "port must lie between"),
        (["--state", "/proc/nowhere"], 1, "state folder /proc/nowhere cannot be used"),
        (["--state", __file__], 1, "cannot be used|is not a folder"),
        (["--state", ""], 2, "the name is empty"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(arguments: list[str], code: int, sentence: str) -> None:
    done = serve(*arguments)
    assert done.returncode == code
    assert re.search(sentence, done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = serve("--port", str(port))
    assert done.returncode == 1
    assert f"Port {port} is taken" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_folder_of_somebody_elses_files_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("mine")
    done = serve("--state", str(tmp_path))
    assert done.returncode == 1
    assert "holds other files" in done.stderr


@pytest.mark.parametrize("content", ["", "not JSON", "[]"])
def test_a_damaged_folder_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "sandbox.json").write_text(content)
    done = serve("--state", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.endswith("its sandbox.json is damaged.\n")
    assert done.stderr.count("\n") == 1


def test_a_state_folder_serves_one_sandbox(new_sandbox: Callable[..., Any], tmp_path: Path) -> None:
    new_sandbox("--state", str(tmp_path / "s"))
    done = serve("--state", str(tmp_path / "s"))
    assert done.returncode == 1
    assert "Another sandbox uses" in done.stderr


def session_of(parent: int) -> set[int]:
    """A process and all its descendants now."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, todo = set(), [parent]
    while todo:
        one = todo.pop()
        found.add(one)
        todo += children.get(one, [])
    return found


def alive(pids: set[int]) -> set[int]:
    left = set()
    for pid in pids:
        try:
            state = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            left.add(pid)
    return left


def database(sandbox: Any, name: str) -> None:
    rds = sandbox.client("rds")
    rds.create_db_instance(
        DBInstanceIdentifier=name,
        Engine="postgres",
        DBInstanceClass="db.t4g.micro",
        MasterUsername="keeper",
        MasterUserPassword="secret-enough",
        AllocatedStorage=20,
        DBName="shop",
    )
    rds.get_waiter("db_instance_available").wait(
        DBInstanceIdentifier=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


def test_it_is_ready_soon_and_ends_clean(new_sandbox: Callable[..., Any], eventually: Any) -> None:
    began = time.monotonic()
    one = new_sandbox()
    one.client("sts").get_caller_identity()
    assert time.monotonic() - began < 10  # 3 s on an idle machine; tests share theirs
    work = [
        Path(descriptor).parent
        for descriptor in (
            str(link.readlink())
            for link in (Path("/proc") / str(one.process.pid) / "fd").iterdir()
            if link.exists()
        )
        if descriptor.endswith("/lock") and "dmstui-sandbox-" in descriptor
    ]
    assert len(work) == 1
    database(one, "clean")
    family = session_of(one.process.pid)
    assert len(family) > 2
    assert one.close() == 0
    eventually(lambda: not alive(family), 10, "processes left")
    assert not work[0].exists()


@pytest.mark.long
@pytest.mark.parametrize("victim", ["parent", "sandbox"])
def test_nothing_is_left_when_it_is_killed(victim: str, eventually: Any, tmp_path: Path) -> None:
    # A parent of its own, which can be killed without killing the test.
    code = textwrap.dedent("""
        import subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-m", "dmstui", "sandbox", "--serve", "--speed", "2000"],
                                 stdout=open(sys.argv[1], "w"))
        print(child.pid, flush=True)
        time.sleep(600)
    """)
    out = tmp_path / "exports"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(out)], stdout=subprocess.PIPE, text=True
    ) as parent:
        try:
            assert parent.stdout is not None
            child = int(parent.stdout.readline())
            eventually(lambda: out.read_text().count("\n") == 5, 30, "exports")
            exports = dict(re.findall(r"export (\w+)=(\S+)", out.read_text()))
            make_database(exports)
            family = session_of(child)
            assert len(family) > 2
            os.kill(parent.pid if victim == "parent" else child, signal.SIGKILL)
            eventually(lambda: not alive(family), 15, "processes left")
        finally:
            parent.kill()


def make_database(exports: dict[str, str]) -> None:
    import boto3

    rds = boto3.client(
        "rds",
        endpoint_url=exports["AWS_ENDPOINT_URL"],
        region_name=exports["AWS_REGION"],
        aws_access_key_id=exports["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=exports["AWS_SECRET_ACCESS_KEY"],
    )
    rds.create_db_instance(
        DBInstanceIdentifier="victim",
        Engine="postgres",
        DBInstanceClass="db.t4g.micro",
        MasterUsername="keeper",
        MasterUserPassword="secret-enough",
        AllocatedStorage=20,
    )
    rds.get_waiter("db_instance_available").wait(
        DBInstanceIdentifier="victim", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


@pytest.mark.long
def test_state_survives_a_kill(new_sandbox: Callable[..., Any], tmp_path: Path) -> None:
    folder = str(tmp_path / "state")
    first = new_sandbox("--state", folder)
    default = first.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    vpc = first.client("ec2").create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    s3 = first.client("s3")
    s3.create_bucket(Bucket="kept-bucket")
    big = os.urandom(300_000)
    s3.put_object(Bucket="kept-bucket", Key="k", Body=big)
    secret = first.client("secretsmanager").create_secret(Name="kept", SecretString="s")["ARN"]
    first.client("logs").create_log_group(logGroupName="kept")
    database(first, "kept")
    created = first.client("rds").describe_db_instances()["DBInstances"][0]["InstanceCreateTime"]
    [login] = first.databases()
    with psycopg.connect(connection_text(login)) as connection:
        connection.execute("create table t as select 42 as answer")
    first.process.kill()
    first.process.wait(10)
    second = new_sandbox("--state", folder)
    assert {vpc, default} == {found["VpcId"] for found in second.client("ec2").describe_vpcs()["Vpcs"]}
    assert second.client("s3").get_object(Bucket="kept-bucket", Key="k")["Body"].read() == big
    assert second.client("secretsmanager").get_secret_value(SecretId="kept")["ARN"] == secret
    assert second.client("logs").describe_log_groups(logGroupNamePrefix="kept")["logGroups"]
    [record] = second.client("rds").describe_db_instances()["DBInstances"]
    assert record["DBInstanceStatus"] == "available", second.log
    assert abs(record["InstanceCreateTime"] - created) < timedelta(seconds=1)
    [login] = second.databases()
    with psycopg.connect(connection_text(login)) as connection:
        assert connection.execute("select answer from t").fetchone() == (42,)
    # What is made now gets ids of its own.
    again = second.client("ec2").create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"]
    assert again != vpc


def connection_text(login: dict[str, Any]) -> str:
    return (
        f"host={login['host']} port={login['port']} user={login['user']} password={login['password']} "
        f"dbname={login['database']}"
    )


def test_databases_and_connect(sandbox: Any) -> None:
    database(sandbox, "listed")
    entry = next(found for found in sandbox.databases() if found["name"] == "listed")
    assert set(entry) == {
        "name", "engine", "version", "standin", "host", "port", "user", "password", "database"
    }  # fmt: skip
    assert (entry["engine"], entry["standin"], entry["user"], entry["database"]) == (
        "postgres",
        False,
        "keeper",
        "shop",
    )
    with psycopg.connect(connection_text(entry)) as connection:
        found = connection.execute("select version(), current_user, current_database()").fetchone()
    assert found is not None
    assert found[0].startswith("PostgreSQL ")
    assert found[1:] == ("keeper", "shop")
    shown = sandbox.cli("sandbox", "connect", "listed", "--", "-Atc", "select 6*7").stdout
    assert shown.strip() == "42"
    missing = sandbox.cli("sandbox", "connect", "nobody", check=False)
    assert missing.returncode == 1
    assert "listed" in missing.stderr
    assert "listed" in sandbox.cli("sandbox", "databases").stdout
    assert "postgres" in sandbox.cli("sandbox", "engines").stdout


def test_without_a_sandbox_the_way_is_told() -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    line = [sys.executable, "-m", "dmstui", "sandbox", "databases"]
    done = subprocess.run(line, env=kept, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "--serve" in done.stderr
