"""Runs one catalogue script as the workbench would: against the stack's own database and bucket, in an empty folder.

Called by `run_command`. A script sees nothing of the user's environment, and its key works only while it runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from botocore.exceptions import BotoCoreError, ClientError

from dmstui.catalog.commands import CommandMatch
from dmstui.sandbox import libraries
from dmstui.sandbox.engines import binaries
from dmstui.sandbox.engines.base import EngineUnavailableError, Server
from dmstui.sandbox.world import World

# Read so much of a script's output at most; SSM shows far less.
_KEEP = 200_000


@dataclass(frozen=True, slots=True)
class Result:
    """How a script ended; `timed_out` when its time was over first."""

    code: int
    stdout: str
    stderr: str
    timed_out: bool = False


async def run(
    world: World, match: CommandMatch, lines: Sequence[str], stack: str | None, seconds: float
) -> Result:
    """Run the script of a recognised command for the workbench of `stack`; cancelling kills it."""
    key = world.keys.issue("script")
    folder = Path(tempfile.mkdtemp(prefix="script-", dir=world.work_dir))
    try:
        environment = _base(folder) | {
            "AWS_ENDPOINT_URL": world.endpoint_url,
            "AWS_ACCESS_KEY_ID": key.access_key,
            "AWS_SECRET_ACCESS_KEY": key.secret_key,
            "AWS_REGION": world.region,
            "AWS_DEFAULT_REGION": world.region,
        }
        environment |= await _stack_environment(world, match, stack)
        file = folder / "_script.sh"
        file.write_text("\n".join(lines) + "\n")
        return await _execute(["/bin/sh", str(file)], environment, folder, seconds)
    finally:
        world.keys.revoke(key.access_key)
        shutil.rmtree(folder, ignore_errors=True)


def _base(folder: Path) -> dict[str, str]:
    path = [str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]
    with contextlib.suppress(EngineUnavailableError, IndexError):
        path.insert(0, str(binaries.available()[-1].bin))
    return {
        "PATH": ":".join(path),
        # With another HOME the interpreter no longer finds libraries of a user's own site.
        "PYTHONPATH": os.pathsep.join(libraries.folders()),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


async def _stack_environment(world: World, match: CommandMatch, stack: str | None) -> dict[str, str]:
    """DMSTUI_SOURCE_URL and DMSTUI_TARGET_URL of the stack's resources; those it lacks are left out."""
    if stack is None:
        return {}
    resources = match.scenario.resources
    physical = await _physical_ids(world, stack)
    found: dict[str, str] = {}
    source = world.engines.get(physical.get(resources.get("source_database", ""), ""))
    if source is not None:
        found["DMSTUI_SOURCE_URL"] = url(source)
    bucket = physical.get(resources.get("bucket", ""))
    target = world.engines.get(physical.get(resources.get("target_database", ""), ""))
    if target is not None:
        found["DMSTUI_TARGET_URL"] = url(target)
    elif bucket:
        folder = match.scenario.target.folder
        found["DMSTUI_TARGET_URL"] = f"s3://{bucket}/{folder}" if folder else f"s3://{bucket}"
    return found


async def _physical_ids(world: World, stack: str) -> dict[str, str]:
    try:
        async with world.client("cloudformation") as cloudformation:
            answer: dict[str, Any] = await cloudformation.describe_stack_resources(StackName=stack)
    except (ClientError, BotoCoreError):
        return {}
    return {
        entry["LogicalResourceId"]: entry["PhysicalResourceId"]
        for entry in answer["StackResources"]
        if entry.get("PhysicalResourceId")
    }


def url(server: Server) -> str:
    """The libpq URL of a server over its unix socket, as the resource's master user."""
    spec = server.spec
    query = urlencode({"host": str(server.socket_dir), "port": server.inner_port}, quote_via=quote)
    login = f"{quote(spec.user, safe='')}:{quote(spec.password, safe='')}"
    return f"postgresql://{login}@/{quote(spec.database, safe='')}?{query}"


async def _execute(line: Sequence[str], environment: dict[str, str], folder: Path, seconds: float) -> Result:
    process = await asyncio.create_subprocess_exec(
        *line,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env=environment,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    readers = asyncio.gather(_read(process.stdout), _read(process.stderr))
    timed_out = False
    try:
        async with asyncio.timeout(seconds):
            await asyncio.shield(readers)
            await process.wait()
    except TimeoutError:
        timed_out = True
    finally:
        # The whole session goes: a script's psql must not outlive it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    code = await process.wait()
    stdout, stderr = await readers
    return Result(code if code >= 0 else 128 - code, stdout, stderr, timed_out)


async def _read(stream: asyncio.StreamReader) -> str:
    kept = bytearray()
    while piece := await stream.read(65_536):
        if len(kept) < _KEEP:
            kept += piece
    return kept.decode("utf-8", "replace")
