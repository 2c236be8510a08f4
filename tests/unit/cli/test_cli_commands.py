"""The command itself, run as a user runs it, without any AWS: help, usage, what is imported, what needs credentials."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

GROUPS = ("scenario", "task", "instance", "endpoint", "connection", "event", "stack", "sandbox", "doctor")


def run(tmp_path: Path, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "HTTP", "http"))
    }
    env = (
        kept | {"HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "eu-west-1"} | extra
    )
    return subprocess.run(
        [sys.executable, "-m", "dmstui", *arguments],
        capture_output=True,
        text=True,
        env=env,
        timeout=60,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def test_help_lists_every_group_and_imports_none(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom dmstui.cli.root import command_line\n"
        "try:\n    command_line()(['--help'], prog_name='dmstui')\nexcept SystemExit:\n    pass\n"
        "bad=[m for m in sys.modules if m.split('.')[0] in ('textual','moto','botocore','aiohttp','plotext')]\n"
        "assert not bad, bad"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    for group in GROUPS:
        assert f"\n  {group} " in done.stdout


def test_a_listing_loads_neither_textual_nor_moto(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom dmstui.cli.root import command_line\n"
        "try:\n    command_line()(['--endpoint-url','http://127.0.0.1:9','task','list'], prog_name='dmstui')\n"
        "except SystemExit as e:\n    assert e.code == 1, e.code\n"
        "bad={m.split('.')[0] for m in sys.modules} & {'textual','moto','plotext','boto3'}\n"
        "assert not bad, bad"
    )
    env = os.environ | {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "eu-west-1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=env, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Unreachable" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nonsense"], 2, "No such command"),
        (["task", "metrics", "x", "--since", "1y"], 2, "30m"),
        (["task", "list"], 1, "dmstui sandbox"),
        (["--profile", "nope", "task", "list"], 1, "no profile 'nope'"),
        (["task", "list", "--profile", "nope"], 1, "no profile 'nope'"),
        (["scenario", "show", "nope"], 2, "postgresql-to-s3"),
        (["scenario", "deploy", "postgresql-to-s3", "--parameter", "x"], 2, "NAME=VALUE"),
        (["scenario", "deploy", "postgresql-to-s3"], 3, "--yes"),
        ([], 2, "needs a terminal"),
    ],
)
def test_wrong_usage_and_missing_credentials(
    tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_scenarios_are_listed_and_shown_without_aws(tmp_path: Path) -> None:
    done = run(tmp_path, "scenario", "list", "--json")
    found = {entry["name"]: entry for entry in json.loads(done.stdout)}
    one = found["postgresql-to-s3"]
    assert one["steps"][0]["id"] == "deploy"
    assert one["cost"]["usd_per_hour"] > 0
    guide = run(tmp_path, "scenario", "show", "postgresql-to-s3", "--guide")
    assert guide.stdout.startswith("#")


def test_doctor_without_credentials_names_what_was_tried(tmp_path: Path) -> None:
    done = run(tmp_path, "doctor", "--json")
    assert done.returncode == 1
    found = {entry["check"]: entry for entry in json.loads(done.stdout)}
    assert found["credentials"]["verdict"] == "fail"
    assert ".aws/config" in found["credentials"]["detail"]
