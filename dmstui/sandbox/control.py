"""The sandbox's own controls under `/_sandbox/`: its engines and databases. `dmstui sandbox` asks it."""

from __future__ import annotations

from typing import Any

from dmstui.sandbox.engines.base import Server
from dmstui.sandbox.service import Fault
from dmstui.sandbox.world import World


class Control:
    """Answers the control paths of one world."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def answer(self, method: str, path: str, query: dict[str, str]) -> Any:
        """The JSON document for a control path; Fault 404 for one that is not there."""
        match (method, path.removeprefix("/_sandbox").strip("/")):
            case ("GET", ""):
                return {"region": self._world.region, "speed": self._world.pace.speed}
            case ("GET", "databases"):
                return self.databases(everything="all" in query)
        raise Fault("NotFound", f"There is no {path} in the sandbox.", 404)

    def databases(self, *, everything: bool = False) -> list[dict[str, Any]]:
        """The real servers behind the stacks' databases, with what a client needs to log in."""
        return [
            {
                "name": server.spec.name,
                "engine": server.spec.engine,
                "version": server.spec.version,
                "standin": False,
                "host": "127.0.0.1",
                "port": server.port,
                "user": server.spec.user,
                "password": server.spec.password,
                "database": server.spec.database,
            }
            | (self._inside(server) if everything else {})
            for server in self._world.engines.servers()
        ]

    @staticmethod
    def _inside(server: Server) -> dict[str, Any]:
        """The address AWS shows, the state, and the way in that needs no TLS: the engine's unix socket."""
        return {
            "address": server.spec.host,
            "status": str(server.state().status),
            "socket": str(server.socket_dir),
            "socket_port": server.inner_port,
        }
