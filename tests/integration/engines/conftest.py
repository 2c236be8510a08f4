"""Real PostgreSQL servers for the tests of this folder, one room a module, made as the sandbox makes them."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import pytest_asyncio

from dmstui.sandbox.authority import Authority
from dmstui.sandbox.engines.base import Address, Credentials, ServerSpec
from dmstui.sandbox.engines.postgres.server import PostgresServer
from dmstui.sandbox.engines.postgres.session import Access
from dmstui.sandbox.engines.room import EngineRoom
from dmstui.sandbox.gate import Gate

_numbers = itertools.count(1)


class Yard:
    """A room, its gate and its authority, with short ways to make a server and to log in."""

    def __init__(self, work_dir: Path) -> None:
        self.authority = Authority("eu-central-1")
        self.gate = Gate(self.authority)
        self.room = EngineRoom(work_dir, self.gate)

    async def server(
        self, parameters: Mapping[str, str] | None = None, *, version: str = "16", **members: Any
    ) -> PostgresServer:
        name = f"db{next(_numbers)}"
        spec = {
            "name": name,
            "engine": "postgres",
            "version": version,
            "user": "shopadmin",
            "password": "it's a\\secret",
            "database": "shop",
            "parameters": parameters or {},
            "host": f"{name}.c0.eu-central-1.rds.amazonaws.com",
        }
        return await self.room.create(ServerSpec(**{**spec, **members}))

    def access(self, server: PostgresServer, *, admin: bool = False, **members: Any) -> Access:
        login = server.admin if admin else Credentials(server.spec.user, server.spec.password)
        plain = {
            "address": Address("127.0.0.1", server.port, server.spec.database),
            "credentials": login,
            "ssl_mode": "verify-full",
            "ca_pem": self.authority.ca_pem,
            "server_name": server.spec.host,
        }
        return Access(**{**plain, **members})

    @contextlib.asynccontextmanager
    async def client(self, server: PostgresServer, **members: Any) -> AsyncIterator[Any]:
        """A client of this host: through the gate, under TLS."""
        wanted = {
            "ssl": "require",
            "user": server.spec.user,
            "password": server.spec.password,
            "database": server.spec.database,
        }
        connection = await asyncpg.connect(host="127.0.0.1", port=server.port, **{**wanted, **members})
        try:
            yield connection
        finally:
            await connection.close(timeout=10)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def yard(tmp_path_factory: Any) -> AsyncIterator[Yard]:
    made = Yard(tmp_path_factory.mktemp("yard"))
    try:
        yield made
    finally:
        await made.room.close()
        await made.gate.close()


Make = Callable[..., Awaitable[PostgresServer]]
