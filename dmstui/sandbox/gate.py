"""The network before the engines: ends TLS, knows which address means which server, and lets verdicts cut the way.

The front publishes each server once for clients of this host; DMS makes a route per replication instance, whose
verdict (security groups, routes, faults) is asked at every new connection. One loop, no threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol, cast

from dmstui.sandbox.authority import Authority
from dmstui.sandbox.engines.base import ServerSpec

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
SSL_REQUEST = 80877103
GSS_REQUEST = 80877104
HIGH_WATER = 256 * 1024
FIRST_PACKET_SECONDS = 60.0
"""How long a client may take to say its first word, as PostgreSQL's authentication_timeout."""
SYN_SECONDS = 130.0
"""How long a dropped connection hangs before the client's kernel would give up; after it the gate resets it."""


class Verdict(StrEnum):
    """What becomes of a new connection."""

    ALLOW = "allow"
    DROP = "drop"
    REFUSE = "refuse"
    UNRESOLVED = "unresolved"


class Published(Protocol):
    """What the gate needs of a server."""

    port: int

    @property
    def spec(self) -> ServerSpec: ...
    @property
    def running(self) -> bool: ...
    @property
    def inner_port(self) -> int: ...
    @property
    def socket_path(self) -> str: ...


def _always() -> Verdict:
    return Verdict.ALLOW


def error_response(sqlstate: str, message: str) -> bytes:
    """A PostgreSQL ErrorResponse: the only way to tell a client on loopback something its resolver would have said."""
    fields = b"".join(
        kind + text.encode() + b"\0"
        for kind, text in ((b"S", "FATAL"), (b"V", "FATAL"), (b"C", sqlstate), (b"M", message))
    )
    return b"E" + struct.pack("!I", len(fields) + 5) + fields + b"\0"


class _Backend(asyncio.Protocol):
    """The engine's side of one connection."""

    def __init__(self, client: _Client) -> None:
        self.client = client

    def data_received(self, data: bytes) -> None:
        self.client.to_client(data)

    def pause_writing(self) -> None:
        self.client.pause()

    def resume_writing(self) -> None:
        self.client.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        self.client.backend_lost()


class _Client(asyncio.Protocol):
    """The client's side of one connection: its first packet decides between TLS (unix socket) and plain (TCP)."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport | None = None
        self.backend: asyncio.Transport | None = None
        self.waiting = bytearray()
        self.tls = False
        self.state = "first"
        self.task: asyncio.Task[None] | None = None
        self.timer: asyncio.TimerHandle | None = None

    # -- events of the client's transport ----------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(HIGH_WATER)
        self.listener.open.add(self)
        verdict = self.listener.judge()
        if verdict is Verdict.ALLOW and not self.listener.served():
            verdict = Verdict.REFUSE
        if verdict is Verdict.DROP:
            self.state = "dropped"
            self.timer = self.loop.call_later(SYN_SECONDS, self.abort)
        elif verdict is Verdict.REFUSE:
            self.reset()
        else:
            self.state = "first" if verdict is Verdict.ALLOW else "unresolved"
            self.timer = self.loop.call_later(FIRST_PACKET_SECONDS, self.abort)

    def data_received(self, data: bytes) -> None:
        if self.state == "piped":
            assert self.backend is not None
            self.backend.write(data)
        elif self.state != "dropped":
            self.waiting += data
            if self.state in {"first", "unresolved"}:
                self.first_packet()
            elif len(self.waiting) > HIGH_WATER:
                self.pause()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.listener.open.discard(self)
        self.state = "closed"
        if self.timer is not None:
            self.timer.cancel()
        if self.task is not None:
            self.task.cancel()
        if self.backend is not None:
            self.backend.close()

    def pause_writing(self) -> None:
        if self.backend is not None and not self.backend.is_closing():
            self.backend.pause_reading()

    def resume_writing(self) -> None:
        if self.backend is not None and not self.backend.is_closing():
            self.backend.resume_reading()

    # -- the first packet --------------------------------------------------------------------------

    def first_packet(self) -> None:
        if self.waiting[:1] == b"\x16":  # a TLS hello without SSLRequest: PostgreSQL 17's direct mode
            self.abort()
            return
        if len(self.waiting) < 8:
            return
        assert self.transport is not None
        code = struct.unpack("!I", self.waiting[4:8])[0]
        if not self.tls and code == GSS_REQUEST:
            del self.waiting[:8]
            self.transport.write(b"N")
        elif not self.tls and code == SSL_REQUEST:
            if len(self.waiting) > 8:  # bytes sent before TLS began would be taken as if they came under it
                self.abort()
                return
            self.waiting.clear()
            unresolved = self.state == "unresolved"
            # The state changes here, not in the task: what arrives before it runs must not begin a second one.
            self.state = "handshake"
            self.begin(self.encrypt(unresolved))
        elif self.state == "unresolved":
            name = self.listener.server_name
            text = f'could not translate host name "{name}" to address: Name or service not known'
            self.transport.write(error_response("08001", text))
            self.transport.close()
        else:
            self.state = "connecting"
            self.begin(self.connect())

    def begin(self, work: object) -> None:
        """Do what must be awaited; failures end the connection, never the gate."""
        self.task = self.loop.create_task(self.guard(work))

    async def guard(self, work: object) -> None:
        try:
            await work  # type: ignore[misc]
        except asyncio.CancelledError:
            raise
        except OSError as error:
            log.debug("gate %s: %s", self.listener.server_name, error)
            self.reset()
        except Exception:
            log.exception("gate %s", self.listener.server_name)
            self.abort()

    async def encrypt(self, unresolved: bool) -> None:
        assert self.transport is not None
        context = self.listener.gate.authority.context(self.listener.server_name)
        self.transport.write(b"S")
        upgraded = await self.loop.start_tls(
            self.transport, self, context, server_side=True, ssl_handshake_timeout=FIRST_PACKET_SECONDS
        )
        if upgraded is None:
            return
        self.transport = upgraded
        self.transport.set_write_buffer_limits(HIGH_WATER)
        self.tls = True
        self.state = "unresolved" if unresolved else "first"
        self.loop.call_soon(self.after_handshake)

    def after_handshake(self) -> None:
        if self.waiting and self.state in {"first", "unresolved"}:
            self.first_packet()

    async def connect(self) -> None:
        """Reach the engine: by its unix socket what came under TLS, by its TCP port what came plain."""
        server = self.listener.server()
        if server is None or not self.listener.served():
            raise ConnectionRefusedError(
                f"nothing serves {self.listener.server_name}:{self.listener.server_port}"
            )

        def side() -> _Backend:
            return _Backend(self)

        if self.tls:
            transport, _ = await self.loop.create_unix_connection(side, server.socket_path)
        else:
            transport, _ = await self.loop.create_connection(side, LOOPBACK, server.inner_port)
        if self.state == "closed":
            transport.abort()
            return
        if self.timer is not None:
            self.timer.cancel()
        transport.set_write_buffer_limits(HIGH_WATER)
        self.backend = transport
        self.state = "piped"
        if self.waiting:
            transport.write(bytes(self.waiting))
            self.waiting.clear()
        self.resume()

    # -- what the engine's side asks ---------------------------------------------------------------

    def to_client(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def pause(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            with contextlib.suppress(RuntimeError):
                self.transport.pause_reading()

    def resume(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            with contextlib.suppress(RuntimeError):
                self.transport.resume_reading()

    def backend_lost(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.close()

    # -- ends --------------------------------------------------------------------------------------

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()
        if self.backend is not None:
            self.backend.abort()

    def reset(self) -> None:
        """End it with a RST, the nearest to a refused connection once the kernel has accepted it."""
        if self.transport is None:
            return
        sock = self.transport.get_extra_info("socket")
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class Listener:
    """One loopback port that leads to one address. `Gate.route` hands it out as the route of an instance."""

    def __init__(self, gate: Gate, key: str, host: str, port: int, verdict: Callable[[], Verdict]) -> None:
        self.gate = gate
        self.key = key
        self.server_name = host
        self.server_port = port
        self.host = LOOPBACK
        self.port = 0
        self.open: set[_Client] = set()
        self._verdict = verdict
        self._cut = False
        self._server: asyncio.Server | None = None
        self._held: socket.socket | None = None

    def server(self) -> Published | None:
        """The server behind the address now."""
        return self.gate.server(self.server_name, self.server_port)

    def served(self) -> bool:
        """Whether the server behind the address is up."""
        server = self.server()
        return server is not None and server.running

    def judge_by(self, verdict: Callable[[], Verdict]) -> None:
        """Ask another verdict from now on."""
        self._verdict = verdict

    def judge(self) -> Verdict:
        """The verdict on a connection made now. A failing verdict drops: what cannot be judged is not let in."""
        if self._cut:
            return Verdict.DROP
        try:
            return self._verdict()
        except Exception:
            log.exception("verdict of %s", self.key)
            return Verdict.DROP

    async def listen(self) -> None:
        """Open the port, the same as before where that is still ours."""
        self._held = self._held or self._bound(0)
        self.port = self._held.getsockname()[1]
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Client(self), sock=self._held, backlog=256)
        self._held = None

    @staticmethod
    def _bound(port: int) -> socket.socket:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setblocking(False)
        try:
            sock.bind((LOOPBACK, port))
        except OSError:
            sock.close()
            raise
        return sock

    async def park(self) -> None:
        """Refuse connections for real while the server is down: the port stays bound, nobody listens on it."""
        if self._server is not None:
            self._server.close()
            self._server = None
            try:
                self._held = self._bound(self.port)
            except OSError:
                # Somebody was quicker to take it; the server gets another port when it comes back.
                self._held = None

    async def unpark(self) -> None:
        """Listen again after park()."""
        if self._server is None:
            await self.listen()

    @property
    def parked(self) -> bool:
        return self._server is None

    def cut(self) -> None:
        """Cut the way: open connections die, new ones hang as if their packets were dropped."""
        self._cut = True
        self.drop_connections()

    def heal(self) -> None:
        """Undo cut(); clients have to connect anew."""
        self._cut = False

    def drop_connections(self) -> None:
        """End what is open, for instance because a security group no longer lets it in."""
        for client in tuple(self.open):
            if client.state != "dropped":
                client.abort()

    async def close(self) -> None:
        """Close the port and every connection through it."""
        self.gate.forget(self)
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._held is not None:
            self._held.close()
            self._held = None
        for client in tuple(self.open):
            client.abort()


class Route(Listener):
    """The way of one replication instance to one database address: dial `host`:`port` to reach `server_name`."""


class Gate:
    """All listeners of a sandbox. Addresses are those AWS would show (`host`, `port` of a ServerSpec)."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self._servers: dict[tuple[str, int], Published] = {}
        self._public: dict[tuple[str, int], Listener] = {}
        self._routes: dict[tuple[str, str, int], Route] = {}

    def server(self, host: str, port: int) -> Published | None:
        """The server published under an address, whether or not it runs."""
        return self._servers.get((host.lower(), port))

    async def publish(self, server: Published) -> int:
        """Give a server its public port for clients of this host, always allowed. Again gives the same port."""
        address = (server.spec.host.lower(), server.spec.port)
        self._servers[address] = server
        listener = self._public.get(address)
        if listener is None:
            listener = Listener(
                self, f"public {server.spec.name}", server.spec.host, server.spec.port, _always
            )
            self._public[address] = listener
            await listener.listen()
        server.port = listener.port
        return listener.port

    async def unpublish(self, server: Published) -> None:
        """Take a deleted server off the network: its name no longer means anything."""
        address = (server.spec.host.lower(), server.spec.port)
        self._servers.pop(address, None)
        if (listener := self._public.pop(address, None)) is not None:
            await listener.close()
        for route in tuple(self._routes.values()):
            if (route.server_name.lower(), route.server_port) == address:
                route.drop_connections()

    async def reflect(self, server: Published) -> None:
        """Bring the public port in line with the server: open while it runs, refusing while it does not."""
        listener = self._public.get((server.spec.host.lower(), server.spec.port))
        if listener is None:
            return
        if server.running and listener.parked:
            await listener.unpark()
            server.port = listener.port
        elif not server.running and not listener.parked:
            await listener.park()

    async def route(self, key: str, host: str, port: int, verdict: Callable[[], Verdict]) -> Route:
        """The way of `key` (a replication instance) to an address; made once, with the newest verdict afterwards."""
        name = (key, host.lower(), port)
        found = self._routes.get(name)
        if found is not None:
            found.judge_by(verdict)
            return found
        route = Route(self, key, host, port, verdict)
        self._routes[name] = route
        await route.listen()
        return route

    def routes(self, key: str | None = None) -> tuple[Route, ...]:
        """All routes, or those of one instance."""
        return tuple(route for route in self._routes.values() if key is None or route.key == key)

    def forget(self, listener: Listener) -> None:
        """Called by a route that closes."""
        name = (listener.key, listener.server_name.lower(), listener.server_port)
        if self._routes.get(name) is listener:
            del self._routes[name]

    async def close(self) -> None:
        """Close every port and connection."""
        for listener in (*self._public.values(), *self._routes.values()):
            await listener.close()
        self._public.clear()
        self._routes.clear()
        self._servers.clear()
