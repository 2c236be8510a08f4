"""The world a room lives in: account, pace, moto, engines, stores, bus and its own memory. The process makes one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dmstui.sandbox.keys import KeyRing
from dmstui.sandbox.moto_app import MotoApp
from dmstui.sandbox.pace import Pace

if TYPE_CHECKING:
    from dmstui.sandbox.authority import Authority
    from dmstui.sandbox.engines.room import EngineRoom
    from dmstui.sandbox.gate import Gate
    from dmstui.sandbox.stores.logs import LogStore
    from dmstui.sandbox.stores.metrics import MetricStore

log = logging.getLogger(__name__)

ACCOUNT_ID = "123456789012"
Subscriber = Callable[..., Awaitable[None]]


class Bus:
    """Rooms tell each other what happened. A subscriber's failure is logged and never reaches the publisher."""

    def __init__(self) -> None:
        self._subscribers: dict[str, list[Subscriber]] = defaultdict(list)
        self._running: set[asyncio.Future[Any]] = set()

    def subscribe(self, topic: str, subscriber: Subscriber) -> None:
        """Call `subscriber(**data)` at each publication of `topic`."""
        self._subscribers[topic].append(subscriber)

    def publish(self, topic: str, **data: Any) -> asyncio.Future[Any]:
        """Start every subscriber of `topic`; awaiting the answer waits until all of them are through."""
        work = [self._deliver(topic, subscriber, data) for subscriber in self._subscribers[topic]]
        future: asyncio.Future[Any] = asyncio.gather(*work)
        if work:
            self._running.add(future)
            future.add_done_callback(self._running.discard)
        return future

    async def _deliver(self, topic: str, subscriber: Subscriber, data: dict[str, Any]) -> None:
        try:
            await subscriber(**data)
        except Exception:
            log.exception("a subscriber of %s failed", topic)


class World:
    """Everything a room may reach; `engines`, `gate`, `authority`, `metrics`, `logs` are set before rooms are made."""

    account_id = ACCOUNT_ID
    partition = "aws"

    engines: EngineRoom
    gate: Gate
    authority: Authority
    metrics: MetricStore
    logs: LogStore

    def __init__(
        self,
        *,
        region: str = "us-east-1",
        pace: Pace | None = None,
        work_dir: Path,
        state_dir: Path | None = None,
        run_template_code: bool = False,
    ) -> None:
        self.region = region
        self.pace = pace or Pace()
        self.work_dir = work_dir
        self.state_dir = state_dir
        self.run_template_code = run_template_code
        self.endpoint_url = ""
        self.keys = KeyRing()
        self.moto = MotoApp(self.account_id, region)
        self.bus = Bus()
        self._clients: dict[str, Any] = {}
        self._client_lock = asyncio.Lock()
        self._exits = contextlib.AsyncExitStack()
        self._session: Any = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._roles: dict[str, float] = {}

    # -- calling the sandbox as a user would ---------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def client(self, service: str) -> AsyncIterator[Any]:
        """An aiobotocore client of `service` that talks to this sandbox with an internal key (kept and shared)."""
        yield await self._client(service)

    async def _client(self, service: str) -> Any:
        found = self._clients.get(service)
        if found is not None:
            return found
        async with self._client_lock:
            if service not in self._clients:
                self._clients[service] = await self._open_client(service)
            return self._clients[service]

    async def _open_client(self, service: str) -> Any:
        session = await asyncio.to_thread(self._load_model, service)
        from aiobotocore.config import AioConfig

        config = AioConfig(
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
            max_pool_connections=50,
            connect_timeout=10,
            read_timeout=300,
        )
        key = self.keys.internal
        return await self._exits.enter_async_context(
            session.create_client(
                service,
                region_name=self.region,
                endpoint_url=self.endpoint_url,
                aws_access_key_id=key.access_key,
                aws_secret_access_key=key.secret_key,
                config=config,
            )
        )

    def _load_model(self, service: str) -> Any:
        """Import aiobotocore and read the service's model outside the loop: a big model takes half a second."""
        from aiobotocore.session import get_session

        if self._session is None:
            self._session = get_session()
        loader = self._session.get_component("data_loader")
        loader.load_service_model(service, "service-2")
        return self._session

    # -- background work -----------------------------------------------------------------------------------------

    def spawn(self, coro: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run `coro` in the background; an exception is logged under `name`, and closing the world cancels it."""
        task = asyncio.get_running_loop().create_task(coro, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("%s failed", task.get_name(), exc_info=task.exception())

    # -- a room's own memory, kept with --state ------------------------------------------------------------------

    def remember(self, room: str, document: dict[str, Any]) -> None:
        """Keep `document` (JSON) as the room's state; does nothing without a state folder."""
        if self.state_dir is None:
            return
        folder = self.state_dir / "rooms"
        folder.mkdir(mode=0o700, exist_ok=True)
        write_atomically(folder / f"{room}.json", json.dumps(document, default=str).encode())

    def recall(self, room: str) -> dict[str, Any] | None:
        """What the room last remembered, or None."""
        if self.state_dir is None:
            return None
        path = self.state_dir / "rooms" / f"{room}.json"
        if not path.exists():
            return None
        document: dict[str, Any] = json.loads(path.read_bytes())
        return document

    # -- facts the observers know --------------------------------------------------------------------------------

    def role_created(self, name: str) -> None:
        self._roles[name] = time.monotonic()

    def role_age(self, name: str) -> float:
        """Seconds since the IAM role was made (infinite for one made before this sandbox started)."""
        made = self._roles.get(name)
        return float("inf") if made is None else time.monotonic() - made

    def role_visible(self, name: str) -> bool:
        """Whether a service such as DMS sees the role already: IAM takes a while to spread a new one."""
        return self.role_age(name) >= self.pace.seconds("iam.visible")

    async def close(self) -> None:
        """Cancel what runs and close the clients; engines and gate are closed by who made them."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=5)
        with contextlib.suppress(Exception):
            await self._exits.aclose()
        self.moto.close()


def write_atomically(path: Path, data: bytes) -> None:
    """Replace `path` by `data` so that a reader or a kill sees the old or the new whole."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise
