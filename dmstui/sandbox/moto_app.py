"""moto in the sandbox's process: its own server application, called as WSGI in worker threads by the front alone."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import importlib
import io
import logging
import os
import random
import threading
import time
import types
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import IO, Any
from urllib.parse import unquote_to_bytes

from dmstui.sandbox.journal import Entry, Journal
from dmstui.sandbox.service import Fault

log = logging.getLogger(__name__)

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
        self.journal: Journal | None = None
        self._made: set[str] = set()
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
            # Templates attach AWS's own policies (service-role/AmazonDMSVPCManagementRole and its like).
            os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
            os.environ["MOTO_S3_DEFAULT_KEY_BUFFER_SIZE"] = str(1 << 20)
            from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

            def create(service: Any) -> Any:
                app = create_backend_app(service)
                app.debug = False
                # An exception comes out of the call, so that the front can tell "not implemented" from a failure.
                app.config["PROPAGATE_EXCEPTIONS"] = True
                return app

            for name in PRELOAD:
                _backends().get_backend(name)
                self._found(name)
            self._application = DomainDispatcherApplication(create)
            self._replay()

    def _found(self, service: str) -> None:
        """Make the backend of a service by chance of its own: an EC2 backend brings a default VPC, whose ids last."""
        if self.journal is None or service in self._made:
            return
        self._made.add(service)
        _seed(self.journal.seed_of(service))
        # Global services have one backend for all regions, named by the partition.
        for name in (self.region, "aws"):
            with contextlib.suppress(Exception):
                by_account: Any = _backends().get_backend(service)
                _ = by_account[self.account_id][name]

    def backend(self, service: str, region: str | None = None) -> Any:
        """moto's backend object of `service` (botocore's name) in this account; global services have one for all."""
        if self._application is None:
            self._import()
        by_account: Any = _backends().get_backend(service)
        regions = by_account[self.account_id]
        for name in (region or self.region, "aws", "global"):
            if name in regions:
                return regions[name]
        raise Fault("InvalidParameterValue", f"The sandbox has no {service} in {region or self.region}.")

    async def call(
        self, service: str, environ: dict[str, Any], *, mutating: bool, entry: Entry | None = None
    ) -> MotoAnswer:
        """Run one WSGI request in a worker thread and collect its answer; `entry` is journaled when accepted."""
        await self.ready()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._run, service, environ, mutating, entry)

    def _run(self, service: str, environ: dict[str, Any], mutating: bool, entry: Entry | None) -> MotoAnswer:
        if not mutating and self.journal is None:
            return self._wsgi(environ)
        # With a journal, reads wait too: they draw from the same chance as the ids a replay has to meet again.
        with self._mutation:
            self._found(service)
            if entry is None or self.journal is None:
                return self._wsgi(environ)
            entry = replace(entry, at=time.time())
            answer = self._wsgi(environ, entry.seed)
            if answer.status < 400:
                self.journal.commit(entry, environ["wsgi.input"])
            return answer

    def _replay(self) -> None:
        """Give moto again what it accepted before, with the same chance and at the time it was."""
        if self.journal is None:
            return
        utils: Any = importlib.import_module("moto.core.utils")
        real = utils.datetime
        try:
            for entry, body, length in self.journal.entries():
                self._found(entry.service)
                utils.datetime = past(entry.at)
                environ = wsgi_environ(entry.method, entry.path, entry.query, entry.headers, body, length)
                try:
                    answer = self._wsgi(environ, entry.seed)
                except Exception:
                    log.exception("journal entry %d failed in replay", entry.number)
                    continue
                if answer.status >= 400:
                    log.error("journal entry %d was refused in replay: %d", entry.number, answer.status)
        finally:
            utils.datetime = real
        random.seed()
        _seed(random.getrandbits(64))

    def _wsgi(self, environ: dict[str, Any], seed: int | None = None) -> MotoAnswer:
        status: list[int] = []
        headers: list[tuple[str, str]] = []

        def start_response(line: str, fields: list[tuple[str, str]], _exc: Any = None) -> Any:
            status.append(int(line.split(" ", 1)[0]))
            headers.extend(fields)
            return lambda _data: None

        # Making a service's application may draw from chance; the seed is for the call alone.
        application = self._application.get_application(environ)
        if seed is not None:
            _seed(seed)
        result = application(environ, start_response)
        try:
            body = b"".join(result)
        finally:
            close = getattr(result, "close", None)
            if close:
                close()
        return MotoAnswer(status[-1], headers, body)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _backends() -> Any:
    """moto's registry of backends; its declared types name every service one by one."""
    return importlib.import_module("moto.backends")


def _seed(seed: int) -> None:
    """Seed every source of chance that moto draws ids from."""
    random.seed(seed)
    try:
        from moto.moto_api._internal import mock_random
    except ImportError:
        return
    mock_random.seed(seed)


def past(at: float) -> Any:
    """The datetime module with `at` for now, for the one module of moto from which its records take their time."""

    class Past(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            return datetime.datetime.fromtimestamp(at, tz)

    return types.SimpleNamespace(**(vars(datetime) | {"datetime": Past}))


def wsgi_environ(  # noqa: PLR0917
    method: str, raw_path: str, query: str, headers: Sequence[tuple[str, str]], body: IO[bytes], length: int
) -> dict[str, Any]:
    """A WSGI environment for moto, from a path still encoded (WSGI wants it as latin-1 of the decoded bytes)."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(raw_path).decode("latin-1"),
        "RAW_URI": f"{raw_path}?{query}" if query else raw_path,
        "REQUEST_URI": f"{raw_path}?{query}" if query else raw_path,
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
