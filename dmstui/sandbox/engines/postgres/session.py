"""Opens the flow's connections: TLS as the endpoint's SslMode says, texts in one fixed form. check, changes use it."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg

from dmstui.sandbox.engines.base import Address, Credentials

CONNECT_SECONDS = 60.0
"""DMS gives up on a silent address after a minute (executeTimeout of the endpoint)."""

# COPY and pgoutput print values as the reading session is set: fixed, or 29.02.2024 and local times come out.
SETTINGS: Mapping[str, str] = {
    "application_name": "AWS Database Migration Service",
    "datestyle": "ISO, MDY",
    "timezone": "UTC",
    "intervalstyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}


class _NamedContext(ssl.SSLContext):
    """Checks the certificate for the name AWS would resolve, while the socket goes to loopback."""

    server_name: str | None = None

    def wrap_bio(self, incoming: Any, outgoing: Any, *args: Any, **kwargs: Any) -> Any:
        kwargs["server_hostname"] = self.server_name
        return super().wrap_bio(incoming, outgoing, *args, **kwargs)


@dataclass(frozen=True, slots=True)
class Access:
    """Everything needed to log in: where, as whom, and how far the server must prove itself."""

    address: Address
    credentials: Credentials
    ssl_mode: str = "none"
    ca_pem: str | None = None
    server_name: str | None = None


def tls_context(ssl_mode: str, ca_pem: str | None, server_name: str | None) -> ssl.SSLContext | None:
    """The client's TLS for a DMS SslMode: none, require (any certificate), verify-ca, verify-full.

    Raises ssl.SSLError when a mode that verifies has no certificate or one that cannot be read.
    """
    if ssl_mode == "none":
        return None
    context = _NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.server_name = server_name
    context.check_hostname = ssl_mode == "verify-full"
    if ssl_mode == "require":
        context.verify_mode = ssl.CERT_NONE
        return context
    context.verify_mode = ssl.CERT_REQUIRED
    if not ca_pem:
        raise ssl.SSLError(1, "root certificate file does not exist")
    context.load_verify_locations(cadata=ca_pem)
    return context


async def connect(
    access: Access, *, seconds: float = CONNECT_SECONDS, settings: Mapping[str, str] = SETTINGS
) -> Any:
    """An asyncpg connection for reading. Raises what asyncpg, ssl and the socket raise; errors.classify() sorts it."""
    context = tls_context(access.ssl_mode, access.ca_pem, access.server_name)
    return await asyncpg.connect(
        host=access.address.host,
        port=access.address.port,
        user=access.credentials.user,
        password=access.credentials.password,
        database=access.address.database,
        ssl=context if context is not None else False,
        timeout=seconds,
        command_timeout=None,
        server_settings=dict(settings),
        # The table of a prepared statement may change under a long migration.
        statement_cache_size=0,
    )
