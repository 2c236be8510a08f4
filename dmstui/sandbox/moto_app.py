"""moto inside the sandbox's process: its own server application called as WSGI in worker threads, behind the front only."""

from __future__ import annotations

import asyncio
import io
import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO, Any

from dmstui.sandbox.service import Fault

# What the front serves through moto: imported in the background at start so that the first call finds them.
PRELOAD = ("sts", "s3", "ec2", "iam", "rds", "ssm", "secretsmanager", "kms", "sns", "events", "dynamodb")


@dataclass(frozen=True, slots=True)
class MotoAnswer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


class MotoApp:
    """moto's application and its backends for one account and region."""

    def __init__(self, account_id: str, region: str) -> None:
        self.account_id = account_id
        self.region = region
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="moto")
        self._application: Any = None
        self._loading: asyncio.Task[None] | None = None
        self._import_lock = threading.Lock()
        # moto's ids come from Python's global random: calls that change something run one at a time so that a seed
        # set before a call decides the ids it makes, now and when a journal is replayed.
        self._mutation = threading.Lock()

    def begin(self) -> None:
        """Start importing moto in the background."""
        self._loading = asyncio.get_running_loop().create_task(self._load(), name="moto import")

    async def ready(self) -> None:
        """Wait until moto is imported."""
        if self._loading is None:
            self.begin()
        assert self._loading is not None
        await asyncio.shield(self._loading)

    async def _load(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._pool, self._import)

    def _import(self) -> None:
        with self._import_lock:
            if self._application is not None:
                return
            os.environ["MOTO_ACCOUNT_ID"] = self.account_id
            os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
            os.environ["MOTO_S3_DEFAULT_KEY_BUFFER_SIZE"] = str(1 << 20)
            os.environ["MOTO_SERVICE_CATALOGUE_LOADED"] = "true"
            from moto.backends import get_backend
            from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

            def create(service: Any) -> Any:
                app = create_backend_app(service)
                app.debug = False
                return app

            for name in PRELOAD:
                get_backend(name)
            self._application = DomainDispatcherApplication(create)

    def backend(self, service: str, region: str | None = None) -> Any:
        """moto's backend object of `service` (botocore's name) in this account; global services have one for all."""
        if self._application is None:
            self._import()
        from moto.backends import get_backend

        by_account: Any = get_backend(service)  # type: ignore[arg-type]
        regions = by_account[self.account_id]
        for name in (region or self.region, "aws", "global"):
            if name in regions:
                return regions[name]
        raise Fault("InvalidParameterValue", f"The sandbox has no {service} in {region or self.region}.")

    async def call(self, environ: dict[str, Any], *, mutating: bool, seed: int | None = None) -> MotoAnswer:
        """Run one WSGI request in a worker thread and collect its answer."""
        await self.ready()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._run, environ, mutating, seed)

    def run(self, environ: dict[str, Any], *, mutating: bool, seed: int | None = None) -> MotoAnswer:
        """The same for callers that are in a thread already (replay of a journal)."""
        if self._application is None:
            self._import()
        return self._run(environ, mutating, seed)

    def _run(self, environ: dict[str, Any], mutating: bool, seed: int | None) -> MotoAnswer:
        if mutating:
            with self._mutation:
                if seed is not None:
                    _seed(seed)
                return self._wsgi(environ)
        return self._wsgi(environ)

    def _wsgi(self, environ: dict[str, Any]) -> MotoAnswer:
        status: list[int] = []
        headers: list[tuple[str, str]] = []

        def start_response(line: str, fields: list[tuple[str, str]], _exc: Any = None) -> Any:
            status.append(int(line.split(" ", 1)[0]))
            headers.extend(fields)
            return lambda _data: None

        result = self._application(environ, start_response)
        try:
            body = b"".join(result)
        finally:
            close = getattr(result, "close", None)
            if close:
                close()
        return MotoAnswer(status[-1], headers, body)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _seed(seed: int) -> None:
    """Seed every source of chance that moto draws ids from."""
    random.seed(seed)
    try:
        from moto.moto_api._internal import mock_random
    except ImportError:
        return
    mock_random.seed(seed)


def wsgi_environ(
    method: str,
    raw_path: str,
    path: str,
    query: str,
    headers: list[tuple[str, str]],
    body: IO[bytes],
    length: int,
) -> dict[str, Any]:
    """A WSGI environment for moto; `path` is decoded as WSGI wants it (latin-1 of the UTF-8 bytes)."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path.encode().decode("latin-1"),
        "RAW_URI": raw_path,
        "REQUEST_URI": raw_path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": body,
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        "CONTENT_LENGTH": str(length),
    }
    preserved: dict[str, str] = {}
    for name, value in headers:
        upper = name.upper().replace("-", "_")
        if upper in ("CONTENT_LENGTH", "TRANSFER_ENCODING"):
            continue
        key = "CONTENT_TYPE" if upper == "CONTENT_TYPE" else f"HTTP_{upper}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
        if "_" in name:
            preserved[key] = name
    if preserved:
        from moto.core.request import PRESERVED_HEADER_NAMES_ENVIRON_KEY

        environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = preserved
    return environ
