"""The code a template brings: Lambda functions of custom resources run in a subprocess, and wait handles.

Called by types/cloudformation.py. Only code of the catalogue's templates runs, unless the sandbox was started with
``--run-template-code``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dmstui.sandbox import libraries
from dmstui.sandbox.cloudformation.callbacks import Callbacks, answer_of
from dmstui.sandbox.cloudformation.intrinsics import text
from dmstui.sandbox.cloudformation.types.base import RefusalError

if TYPE_CHECKING:
    from dmstui.sandbox.world import World

TRUSTSTORE = "truststore.pki.rds.amazonaws.com"
HOST = Path(__file__).with_name("code_host.py")
# Before the handler runs the interpreter starts and libraries load; on AWS that is not counted either.
START_SECONDS = 60.0
FUNCTION_ARN = re.compile(
    r"arn:[^:]+:lambda:(?P<region>[^:]+):(?P<account>\d+):function:(?P<name>[^:]+)(:.+)?\Z"
)
HANDLE_URL = re.compile(r"http://127\.0\.0\.1:\d+/[A-Za-z0-9_-]+")
OUTPUT_LIMIT = 1 << 20
LAST_OUTPUT = 400


@dataclass(slots=True)
class Handle:
    """What arrived at a wait handle: unique id → signal."""

    signals: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function as its record says, with the template it came from (None: made through the API)."""

    name: str
    arn: str
    runtime: str
    handler: str
    code: bytes
    timeout: float
    memory: int
    storage: int
    environment: Mapping[str, str]
    log_group: str
    template: str | None


Owner = Callable[[str], tuple[str, Mapping[str, Any]] | None]


class CodeRoom:
    """Runs functions and keeps handles for one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.callbacks = Callbacks(world)
        self.handles: dict[str, Handle] = {}
        self.data: dict[tuple[str, str, int], dict[str, Any]] = {}
        # Name of a function → template and properties of the stack that made it; the book sets it.
        self.owner: Owner = lambda _name: None

    # -- wait handles ------------------------------------------------------------------------------------------------

    async def new_handle(self) -> str:
        """The URL of a new wait handle."""
        handle = Handle()

        def receive(body: bytes) -> None:
            with contextlib.suppress(ValueError):
                given = json.loads(body)
                if isinstance(given, Mapping) and given.get("UniqueId"):
                    handle.signals.setdefault(
                        str(given["UniqueId"]),
                        {key: str(given.get(key, "")) for key in ("Status", "Reason", "Data")},
                    )

        url = await self.callbacks.url(receive)
        self.handles[url] = handle
        return url

    def drop_handle(self, url: str) -> None:
        self.callbacks.forget(url)
        self.handles.pop(url, None)

    def signal_handles_in(self, user_data: str, unique_id: str) -> None:
        """A host of the sandbox runs no user data: it signals the handles that its user data names as done."""
        for url in HANDLE_URL.findall(user_data):
            handle = self.handles.get(url)
            if handle is not None:
                handle.signals.setdefault(unique_id, {"Status": "SUCCESS", "Reason": "", "Data": ""})

    # -- functions ---------------------------------------------------------------------------------------------------

    def function(self, token: str) -> Function:
        """The function a ServiceToken names; `RefusalError` when there is none or it may not run here."""
        match = FUNCTION_ARN.match(token)
        if match is None:
            raise RefusalError(
                f"ServiceToken {token} is not in the sandbox: only the ARN of a Lambda function is."
            )
        try:
            record = self.world.moto.backend("lambda").get_function(match["name"])
        except Exception:
            raise RefusalError(f"Lambda function {token} does not exist.") from None
        if not str(record.run_time).startswith("python3"):
            raise RefusalError(
                f"Lambda function {record.function_name} wants {record.run_time}: the sandbox runs Python only."
            )
        owned = self.owner(record.function_name)
        template, properties = owned if owned is not None else (None, {})
        logging = properties.get("LoggingConfig")
        group = logging.get("LogGroup") if isinstance(logging, Mapping) else None
        return Function(
            name=record.function_name,
            arn=record.function_arn,
            runtime=record.run_time,
            handler=record.handler,
            code=record.code_bytes,
            timeout=float(record.timeout),
            memory=int(record.memory_size),
            storage=int(record.ephemeral_storage),
            environment={str(key): text(value) for key, value in (record.environment_vars or {}).items()},
            log_group=group or f"/aws/lambda/{record.function_name}",
            template=template,
        )

    def runnable(self, token: str) -> Function:
        """The function, if its code may run: what is not the catalogue's does only where the user said so."""
        from dmstui.catalog import is_catalogue_template

        function = self.function(token)
        if self.world.run_template_code:
            return function
        if function.template is None or not is_catalogue_template(function.template):
            raise RefusalError(
                f"The code of {function.name} is not from a template of the catalogue and is not run here. "
                "Start the sandbox with --run-template-code to let it run on this machine."
            )
        return function

    async def custom(self, token: str, event: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Send a custom resource's request to its function and wait for the answer; `RefusalError` when it fails.

        `seconds` is the ServiceTimeout, of the wall.
        """
        function = self.runnable(token)
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        def receive(body: bytes) -> None:
            if not answered.done():
                answered.set_result(body)

        url = await self.callbacks.url(receive)
        running = asyncio.ensure_future(self.invoke(function, {**event, "ResponseURL": url}))
        try:
            ends: set[asyncio.Future[Any]] = {running, answered}
            await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if not answered.done():
                raise self._unanswered(function, running, seconds)
        finally:
            self.callbacks.forget(url)
            if not answered.done():
                running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
        try:
            answer = answer_of(answered.result())
        except ValueError as error:
            raise RefusalError(str(error)) from None
        if answer["Status"] == "FAILED":
            said = answer.get("Reason") or "no reason given"
            raise RefusalError(
                f"Received response status [FAILED] from custom resource. Message returned: {said} "
                f"(RequestId: {event['RequestId']})"
            )
        return answer

    @staticmethod
    def _unanswered(
        function: Function, running: asyncio.Future[tuple[int, str]], seconds: float
    ) -> RefusalError:
        if not running.done():
            return RefusalError(
                f"CloudFormation did not receive a response from your Custom Resource within {seconds:g} s."
            )
        code, output = running.result()
        last = " ".join(output[-LAST_OUTPUT:].split())
        return RefusalError(
            "CloudFormation did not receive a response from your Custom Resource: "
            f"{function.name} ended (exit code {code}) without answering. It last said: {last or 'nothing'}"
        )

    async def invoke(self, function: Function, event: dict[str, Any]) -> tuple[int, str]:
        """Run the function once; its exit code and what it printed, which also goes to its log stream."""
        request_id = str(uuid.uuid4())
        stream = f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{uuid.uuid4().hex}"
        folder = Path(tempfile.mkdtemp(prefix="lambda-", dir=self.world.work_dir))
        key = self.world.keys.issue("script")
        began = time.time()
        try:
            (folder / "home").mkdir()
            (folder / "code.zip").write_bytes(function.code)
            (folder / "task").mkdir()
            order = {
                "code": str(folder / "code.zip"),
                "folder": str(folder / "task"),
                "libraries": libraries.folders(),
                "result": str(folder / "result.json"),
                "handler": function.handler,
                "event": event,
                "function_name": function.name,
                "function_arn": function.arn,
                "request_id": request_id,
                "log_group": function.log_group,
                "log_stream": stream,
                "timeout": function.timeout,
                "memory": function.memory,
                "storage": function.storage,
                "truststore_host": TRUSTSTORE,
                "ca_pem": self.world.authority.ca_pem,
            }
            environment = {
                **function.environment,
                "AWS_ACCESS_KEY_ID": key.access_key,
                "AWS_SECRET_ACCESS_KEY": key.secret_key,
                "AWS_ENDPOINT_URL": self.world.endpoint_url,
                "AWS_REGION": self.world.region,
                "AWS_DEFAULT_REGION": self.world.region,
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_CONFIG_FILE": os.devnull,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                "AWS_LAMBDA_FUNCTION_NAME": function.name,
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
                "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
                "AWS_LAMBDA_LOG_STREAM_NAME": stream,
                "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
                "HOME": str(folder / "home"),
                "LANG": "C.UTF-8",
                "NO_PROXY": "127.0.0.1,localhost",
                "PATH": "/usr/bin:/bin",
                "TMPDIR": str(folder / "home"),
                "TZ": ":UTC",
            }
            code, output = await self._run(
                order, environment, folder / "home", function.timeout + START_SECONDS
            )
        finally:
            self.world.keys.revoke(key.access_key)
            shutil.rmtree(folder, ignore_errors=True)
        self._log(function, stream, request_id, output, began)
        return code, output

    @staticmethod
    async def _run(
        order: dict[str, Any], environment: Mapping[str, str], folder: Path, seconds: float
    ) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-B",
            "-u",
            str(HOST),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
        )
        assert process.stdin is not None and process.stdout is not None
        output = bytearray()

        async def collect() -> int:
            assert process.stdin is not None and process.stdout is not None
            # Standard input stays open: when the sandbox dies, it closes and the function ends.
            process.stdin.write(json.dumps(order, default=str).encode() + b"\n")
            with contextlib.suppress(ConnectionError):
                await process.stdin.drain()
            while chunk := await process.stdout.read(65536):
                if len(output) < OUTPUT_LIMIT:
                    output.extend(chunk)
            return await process.wait()

        try:
            code = await asyncio.wait_for(collect(), seconds)
        except TimeoutError:
            code = 1
            output.extend(b"\nTask timed out\n")
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.stdin.close()
            await process.wait()
        return code, output.decode(errors="replace")

    def _log(self, function: Function, stream: str, request_id: str, output: str, began: float) -> None:
        ended = time.time()
        lines = [
            f"START RequestId: {request_id} Version: $LATEST",
            *output.splitlines(),
            f"END RequestId: {request_id}",
        ]
        lines.append(
            f"REPORT RequestId: {request_id}\tDuration: {(ended - began) * 1000:.2f} ms\t"
            f"Memory Size: {function.memory} MB"
        )
        at = int(ended * 1000)
        with contextlib.suppress(Exception):
            self.world.logs.put(function.log_group, stream, [(at, line) for line in lines if line])
