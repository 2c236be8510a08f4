"""A client of PostgreSQL's replication protocol: log in, start a logical slot, receive, confirm. changes.py uses it.

The driver for SQL does not speak this protocol. Reading a slot by SQL would decode everything unconfirmed again at
each look, and a target that writes files confirms late; a stream is decoded once, and shows as an active slot.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import secrets
import struct
import time
from dataclasses import dataclass

import asyncpg

from dmstui.sandbox.engines.postgres.pgoutput import EPOCH_2000
from dmstui.sandbox.engines.postgres.session import CONNECT_SECONDS, SETTINGS, Access, tls_context

READ_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Piece:
    """One message of the output plugin. `end` is how far the server has read its log."""

    start: int
    end: int
    data: bytes


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """The server's sign of life; `reply`: it wants an answer at once or it will hang up."""

    end: int
    reply: bool


class ReplicationStream:
    """One connection in replication mode. Errors of the server are raised as asyncpg raises them, with SQLSTATE."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, access: Access, *, seconds: float = CONNECT_SECONDS) -> ReplicationStream:
        """Log in. Raises asyncpg.PostgresError, ssl.SSLError, OSError, TimeoutError."""
        async with asyncio.timeout(seconds):
            context = tls_context(access.ssl_mode, access.ca_pem, access.server_name)
            reader, writer = await asyncio.open_connection(
                access.address.host, access.address.port, limit=READ_LIMIT
            )
            stream = cls(reader, writer)
            try:
                if context is not None:
                    writer.write(struct.pack("!II", 8, 80877103))
                    if await reader.readexactly(1) != b"S":
                        raise ConnectionError("PostgreSQL server rejected SSL upgrade")
                    await writer.start_tls(context, server_hostname=access.server_name or access.address.host)
                await stream._log_in(access)
            except BaseException:
                stream.abort()
                raise
            return stream

    async def _log_in(self, access: Access) -> None:
        wanted = {
            "user": access.credentials.user,
            "database": access.address.database,
            "replication": "database",
            "client_encoding": "UTF8",
            **SETTINGS,
        }
        fields = b"".join(f"{name}\0{value}\0".encode() for name, value in wanted.items()) + b"\0"
        self._writer.write(struct.pack("!II", len(fields) + 8, 3 << 16) + fields)
        scram = _Scram(access.credentials.password)
        while True:
            kind, body = await self._message()
            if kind == b"R":
                method = struct.unpack_from("!I", body)[0]
                if method == 10:
                    first = scram.first()
                    self._send(b"p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first)
                elif method == 11:
                    self._send(b"p", scram.final(body[4:]))
                elif method == 12:
                    scram.verify(body[4:])
                elif method != 0:
                    raise ConnectionError(
                        f"the server asks for an authentication method ({method}) not in the sandbox"
                    )
            elif kind == b"Z":
                return

    async def start(self, slot: str, position: str, publications: list[str]) -> None:
        """Start streaming at `position` or where the slot stands, whichever is later."""
        names = ",".join('"' + name.replace('"', '""') + '"' for name in publications).replace("'", "''")
        command = (
            f'START_REPLICATION SLOT "{slot}" LOGICAL {position} '
            f"(proto_version '1', publication_names '{names}', messages 'true')"
        )
        self._send(b"Q", command.encode() + b"\0")
        while True:
            kind, _ = await self._message()
            if kind == b"W":
                return
            if kind == b"Z":
                raise ConnectionError("the server did not start streaming")

    async def receive(self) -> Piece | KeepAlive | None:
        """The next message; None when the server has ended the stream."""
        while True:
            kind, body = await self._message()
            if kind == b"d":
                if body[:1] == b"w":
                    start, end = struct.unpack_from("!QQ", body, 1)
                    return Piece(start, end, body[25:])
                if body[:1] == b"k":
                    end, _, reply = struct.unpack_from("!QqB", body, 1)
                    return KeepAlive(end, bool(reply))
            elif kind in {b"c", b"Z"}:
                return None

    def confirm(self, received: int, durable: int) -> None:
        """Tell how far the log has come here, and up to where the server may forget it."""
        now = int((time.time() - EPOCH_2000) * 1e6)
        self._send(b"d", b"r" + struct.pack("!QQQqB", received, durable, durable, now, 0))

    async def close(self) -> None:
        """End the stream in good order, so that the slot is free for the next reader."""
        with contextlib.suppress(OSError, TimeoutError, EOFError, asyncpg.PostgresError):
            async with asyncio.timeout(5):
                self._send(b"c", b"")
                while await self.receive() is not None:
                    pass
                self._send(b"X", b"")
                await self._writer.drain()
        self.abort()

    def abort(self) -> None:
        """Drop the connection."""
        if self._writer.transport is not None:
            self._writer.transport.abort()

    def _send(self, kind: bytes, body: bytes) -> None:
        self._writer.write(kind + struct.pack("!I", len(body) + 4) + body)

    async def _message(self) -> tuple[bytes, bytes]:
        try:
            head = await self._reader.readexactly(5)
            kind, length = head[:1], struct.unpack_from("!I", head, 1)[0]
            body = await self._reader.readexactly(length - 4)
        except asyncio.IncompleteReadError as error:
            raise EOFError("server closed the connection unexpectedly") from error
        if kind == b"E":
            fields = {
                part[:1].decode(): part[1:].decode(errors="replace") for part in body.split(b"\0") if part
            }
            raise asyncpg.PostgresError.new(fields)
        return kind, body


class _Scram:
    """The client's half of SCRAM-SHA-256 (RFC 7677), the server's proof checked."""

    def __init__(self, password: str) -> None:
        self._password = password.encode()
        self._nonce = base64.b64encode(secrets.token_bytes(18)).decode()
        self._server_signature = b""

    def first(self) -> bytes:
        return f"n,,n=,r={self._nonce}".encode()

    def final(self, challenge: bytes) -> bytes:
        fields = _attributes(challenge)
        if not fields["r"].startswith(self._nonce):
            raise ConnectionError("the server answered another client's challenge")
        salted = hashlib.pbkdf2_hmac(
            "sha256", self._password, base64.b64decode(fields["s"]), int(fields["i"])
        )
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        bare = f"c=biws,r={fields['r']}"
        signed = f"n=,r={self._nonce},{challenge.decode()},{bare}".encode()
        signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
        proof = bytes(one ^ other for one, other in zip(client_key, signature, strict=True))
        self._server_signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), signed, "sha256")
        return f"{bare},p={base64.b64encode(proof).decode()}".encode()

    def verify(self, answer: bytes) -> None:
        if not hmac.compare_digest(base64.b64decode(_attributes(answer)["v"]), self._server_signature):
            raise ConnectionError("the server does not know the password either")


def _attributes(text: bytes) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.decode().split(","))
    return {name: value for name, _, value in pairs}
