"""The running sandbox that integration tests share: one a worker, started by the command, asked over HTTP only."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

SPEED = 600
EXPORTS = (
    "AWS_ENDPOINT_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
)


def clean_environment() -> dict[str, str]:
    """The environment without anything of AWS, and with no engine of the machine's own in sight."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PG"))}
    kept["AWS_EC2_METADATA_DISABLED"] = "true"
    kept["AWS_PAGER"] = ""
    return kept


class Sandbox:
    """A served sandbox. `env` has what it printed; `client`, `aws`, `cli` and `databases` ask it as a user would."""

    def __init__(self, *arguments: str, speed: float = SPEED) -> None:
        self._log = tempfile.NamedTemporaryFile(prefix="sandbox-", suffix=".log")  # noqa: SIM115 - closed in close()
        began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dmstui", "sandbox", "--serve", "--speed", str(speed), *arguments],
            stdout=subprocess.PIPE,
            stderr=self._log,
            stdin=subprocess.DEVNULL,
            text=True,
            env=clean_environment(),
        )
        self.env = clean_environment()
        assert self.process.stdout is not None
        exports: dict[str, str] = {}
        while len(exports) < len(EXPORTS):
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError(f"the sandbox ended with {self.process.wait(10)}: {self.log}")
            match = re.fullmatch(r"export (\w+)=(\S+)\n", line)
            assert match, f"no export line: {line!r}"
            exports[match[1]] = match[2]
        self.ready_seconds = time.monotonic() - began
        self.exports = exports
        self.env |= exports
        self._clients: dict[str, Any] = {}

    @property
    def endpoint(self) -> str:
        return self.exports["AWS_ENDPOINT_URL"]

    @property
    def port(self) -> int:
        return int(self.endpoint.rpartition(":")[2])

    @property
    def log(self) -> str:
        return Path(self._log.name).read_text(errors="replace")

    def new_client(self, service: str, **arguments: Any) -> Any:
        """A boto3 client; `arguments` override what the exports say."""
        config = arguments.pop("config", Config(retries={"total_max_attempts": 1}))
        session = boto3.Session(
            aws_access_key_id=arguments.pop("aws_access_key_id", self.exports["AWS_ACCESS_KEY_ID"]),
            aws_secret_access_key=arguments.pop(
                "aws_secret_access_key", self.exports["AWS_SECRET_ACCESS_KEY"]
            ),
            aws_session_token=arguments.pop("aws_session_token", None),
            region_name=arguments.pop("region_name", self.exports["AWS_REGION"]),
        )
        return session.client(
            service, endpoint_url=arguments.pop("endpoint_url", self.endpoint), config=config
        )

    def client(self, service: str) -> Any:
        """The boto3 client of a service, made once."""
        if service not in self._clients:
            self._clients[service] = self.new_client(service)
        return self._clients[service]

    def run(self, *line: str, check: bool = True, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a command with the exports in its environment."""
        done = subprocess.run(
            line, env=self.env, text=True, capture_output=True, timeout=timeout, check=False
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(line)} -> {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def aws(self, *arguments: str, check: bool = True, timeout: float = 120) -> Any:
        """The stock `aws` command; its JSON, or its text where it prints none."""
        program = str(Path(sys.executable).with_name("aws"))
        done = self.run(program, *arguments, "--output", "json", check=check, timeout=timeout)
        if not check:
            return done
        try:
            return json.loads(done.stdout)
        except ValueError:
            return done.stdout

    def cli(
        self, *arguments: str, check: bool = True, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """The `dmstui` command."""
        return self.run(sys.executable, "-m", "dmstui", *arguments, check=check, timeout=timeout)

    def databases(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.cli("sandbox", "databases", "--json").stdout)
        return found

    def close(self) -> int:
        """End it as a user would; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._log.close()
        return int(self.process.returncode)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """The sandbox all integration tests of this worker share: name your resources so that they cannot meet others."""
    served = Sandbox()
    yield served
    print(served.log)  # pytest shows it when a test of the worker failed
    served.close()


@pytest.fixture
def new_sandbox() -> Iterator[Callable[..., Sandbox]]:
    """Starts sandboxes of a test's own; they end with the test."""
    made: list[Sandbox] = []

    def start(*arguments: str, speed: float = SPEED) -> Sandbox:
        made.append(Sandbox(*arguments, speed=speed))
        return made[-1]

    yield start
    for each in made:
        each.close()


def wait_for(question: Callable[[], Any], seconds: float = 30, what: str = "") -> Any:
    """Ask until the answer is true; AssertionError with the last answer when the time is over."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"{what or question} stayed {answer!r} for {seconds} s")
        time.sleep(0.05)


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """`wait_for` for test files (conftest cannot be imported in importlib mode)."""
    return wait_for
