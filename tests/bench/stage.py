"""What the figures are taken on: the fleet, a sandbox, and the command that opens the console on either."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

TESTS = Path(__file__).parent.parent
ENV = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "DMSTUI_"))} | {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "TEXTUAL_ANIMATIONS": "none",
}
TASK_NAME = rb"(orders|billing|stock|audit|clicks|parts|prices|crm|hr|ledger|claims|fleet)-\d|wide-everything"


@contextmanager
def fleet(tasks: int, tables: int, instances: int = 50) -> Iterator[str]:
    """A served fleet; its URL."""
    line = [sys.executable, str(TESTS / "fleet" / "server.py"), "--tasks", str(tasks)]
    line += ["--tables", str(tables), "--instances", str(instances)]
    server = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None and server.stdin is not None
    try:
        yield server.stdout.readline().strip()
    finally:
        server.stdin.close()
        server.wait(10)


def asked(url: str) -> dict[str, Any]:
    """What the fleet was asked so far: counts of calls by name, throttles, and each GetMetricData."""
    with urllib.request.urlopen(f"{url}/_fleet/calls", timeout=5) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def console(url: str = "") -> list[str]:
    """The command that opens the console, on an endpoint or on what the environment says."""
    return [str(Path(sys.executable).with_name("dmstui")), *(["--endpoint-url", url] if url else [])]


def _file(path: Path) -> ModuleType:
    name = f"bench_{path.parent.name}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def integration() -> ModuleType:
    """The integration tests' `Sandbox`: one served by the command, asked as a user would."""
    return _file(TESTS / "integration" / "conftest.py")


def laboratory() -> ModuleType:
    """The integration tests' `build`: network, PostgreSQL, endpoints and an instance on a sandbox."""
    return _file(TESTS / "integration" / "dms" / "conftest.py")


@contextmanager
def sandbox(speed: float = 600) -> Iterator[Any]:
    """A served sandbox of the bench's own."""
    served = integration().Sandbox(speed=speed)
    try:
        yield served
    finally:
        served.close()
