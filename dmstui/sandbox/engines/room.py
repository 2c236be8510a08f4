"""All database servers of one sandbox: made, found by name or address, taken up again, closed. The front makes it."""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from dmstui.sandbox.engines import binaries, launch
from dmstui.sandbox.engines.base import LaunchError, ServerSpec
from dmstui.sandbox.engines.postgres.server import PostgresServer
from dmstui.sandbox.engines.postgres.template import Template, template
from dmstui.sandbox.gate import Gate

log = logging.getLogger(__name__)

POSTGRES_ENGINES = frozenset({"postgres", "aurora-postgresql"})


class EngineRoom:
    """Implements `base.EngineRoom`. `keep`: data folders in `work_dir` outlive this run and are taken up again."""

    def __init__(
        self, work_dir: Path, gate: Gate, *, keep: bool = False, way: launch.Way | None = None
    ) -> None:
        self._work_dir = work_dir
        self._gate = gate
        self._keep = keep
        self._way = way
        self._servers: dict[str, PostgresServer] = {}
        self._launchers: dict[str, launch.Launcher] = {}
        self._busy: dict[str, asyncio.Lock] = {}
        self._roots: set[Path] = set()
        self.crashed: Callable[[str], None] = lambda name: None
        """Told the name of a server whose process ended unasked; whoever stands for RDS starts it again."""

    async def prepare(self, version: str) -> None:
        """Make the template of a version beforehand, so that the first database of it starts as quickly as the next.

        Raises EngineUnavailableError, LaunchError.
        """
        await self._template(await self._launcher(version))

    async def _template(self, run_as: launch.Launcher) -> Template:
        # Several databases of one stack are made at once: only the first has to make the template.
        async with self._busy.setdefault(f"template {run_as.binaries.major}", asyncio.Lock()):
            return await template(run_as)

    async def create(self, spec: ServerSpec) -> PostgresServer:
        """Make, start and publish a server; one kept from an earlier run is taken up with its data.

        Raises EngineUnavailableError for an engine or version the machine lacks, LaunchError when it will not start.
        """
        if spec.engine not in POSTGRES_ENGINES:
            raise LaunchError(f"the engine {spec.engine} is not in the sandbox")
        async with self._busy.setdefault(spec.name, asyncio.Lock()):
            if spec.name in self._servers:
                raise LaunchError(f"a server named {spec.name} exists already")
            run_as = await self._launcher(spec.version)
            made_from = await self._template(run_as)
            folder = self._folder(run_as, spec.name)
            kept = PostgresServer.remembered(folder) if self._keep else None
            if kept is not None:
                # The password may have been changed since whoever asks wrote its own record.
                spec = replace(spec, password=kept[0].password)
            server = PostgresServer(
                spec,
                run_as,
                made_from,
                folder,
                keep=self._keep,
                changed=self._gate.reflect,
                crashed=self.crashed,
            )
            if kept is not None:
                server.adopt_admin(kept[1])
                await server.start()
            else:
                await self._fresh(server)
            self._servers[spec.name] = server
            await self._gate.publish(server)
        return server

    async def _fresh(self, server: PostgresServer) -> None:
        try:
            await server.create()
        except BaseException:
            # Half a server must leave nothing: neither a process nor a folder that a later start would take up.
            await asyncio.shield(server.delete())
            raise

    def get(self, name: str) -> PostgresServer | None:
        """The server of a resource, running or not."""
        return self._servers.get(name)

    def by_address(self, host: str, port: int) -> PostgresServer | None:
        """The server that AWS would reach under an address."""
        for server in self._servers.values():
            if (server.spec.host.lower(), server.spec.port) == (host.lower(), port):
                return server
        return None

    def servers(self) -> tuple[PostgresServer, ...]:
        """All servers, in the order they were made."""
        return tuple(self._servers.values())

    async def delete(self, name: str) -> None:
        """Stop a server, remove its data and its address; nothing to do if there is none of that name."""
        server = self._servers.pop(name, None)
        if server is not None:
            await self._gate.unpublish(server)
            await server.delete()

    async def close(self) -> None:
        """Stop every server; without a state folder their data go too."""
        for server in self._servers.values():
            await self._gate.unpublish(server)
        await asyncio.gather(*(server.close() for server in self._servers.values()), return_exceptions=True)
        self._servers.clear()
        if not self._keep:
            for root in self._roots:
                await asyncio.to_thread(shutil.rmtree, root, True)

    async def _launcher(self, version: str) -> launch.Launcher:
        major = version.split(".", maxsplit=1)[0]
        if major not in self._launchers:
            found = await asyncio.to_thread(binaries.postgres, version)
            self._launchers[major] = await launch.launcher(found, self._way)
        return self._launchers[major]

    def _folder(self, run_as: launch.Launcher, name: str) -> Path:
        root = run_as.data_root(self._work_dir)
        if run_as.way is launch.Way.SETUID and root not in self._roots:
            launch.sweep()
        root.mkdir(mode=0o755 if run_as.way is launch.Way.SETUID else 0o700, parents=True, exist_ok=True)
        self._roots.add(root)
        return root / re.sub(r"[^A-Za-z0-9_-]", "_", name)
