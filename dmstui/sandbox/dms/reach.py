"""How a replication instance reaches an endpoint now: secret, address, route through the gate, login. Keeps no record.

Connection tests, schema refreshes and the runner ask; each time the secret and the security groups are read anew.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from dmstui.sandbox.dms import endpoint_checks, endpoints, roles
from dmstui.sandbox.dms.engines import ENGINES, POSTGRES, S3
from dmstui.sandbox.dms.room import Room
from dmstui.sandbox.dms.store import Endpoint, Instance
from dmstui.sandbox.engines.base import Address, Credentials
from dmstui.sandbox.gate import Route, Verdict
from dmstui.sandbox.observers import network

# The status code DMS puts before a failed endpoint (reference: troubleshooting catalogue, status codes).
STATUS = 1020912
# How long a connection may take where packets arrive, and how long DMS waits where they do not (paced).
CONNECT_SECONDS = 20.0
TIMEOUT_SECONDS = 60.0
MIN_TIMEOUT = 1.5


class UnreachableError(Exception):
    """Why an endpoint cannot be used: `short` is DMS's headline, `detail` the engine's or driver's own text."""

    def __init__(self, short: str, detail: str, whole: str | None = None) -> None:
        super().__init__(f"{short} {detail}".strip())
        self.short = short
        self.detail = detail
        self._whole = whole

    def tested(self) -> str:
        """The text of a failed connection test."""
        return self._whole or (
            f"Test Endpoint failed: Application-Status: {STATUS}, Application-Message: {self.short}, "
            f"Application-Detailed-Message: {self.detail}"
        )


@dataclass(frozen=True, slots=True)
class Login:
    """What it takes to log in at a database endpoint, read from the endpoint or from its secret."""

    server_name: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    ssl_mode: str
    ca_pem: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Way:
    """An open route to a database endpoint and the login for it."""

    login: Login
    route: Route


def login(room: Room, endpoint: Endpoint) -> Login:
    """The endpoint's login as it stands now; raises UnreachableError where the secret cannot be had or lacks a key."""
    certificate = room.store.certificates.get(endpoint.certificate_arn or "")
    ca_pem = certificate.pem if certificate else None
    source: dict[str, Any] = {
        "username": endpoint.username,
        "password": endpoint.password,
        "host": endpoint.server_name,
        "port": endpoint.port,
    }
    secret = endpoint_checks.secret_of(endpoint)
    if secret is not None:
        source = _read_secret(room, *secret)
    return Login(
        server_name=str(source["host"]),
        port=int(source["port"]),
        user=str(source["username"]),
        password=str(source["password"] or ""),
        database=endpoint.database or "",
        ssl_mode=endpoint.ssl_mode,
        ca_pem=ca_pem,
    )


async def way(room: Room, instance: Instance, endpoint: Endpoint) -> Way:
    """Open (or take up) the instance's route to a database endpoint; raises UnreachableError."""
    found = login(room, endpoint)
    route = await room.world.gate.route(
        instance.arn,
        found.server_name,
        found.port,
        lambda: verdict(room, instance.arn, found.server_name, found.port),
    )
    return Way(found, route)


def verdict(room: Room, instance_arn: str, host: str, port: int) -> Verdict:
    """What becomes of a connection from the instance to an address: asked by the gate at every new one."""
    instance = room.store.instances.get(instance_arn)
    server = room.world.engines.by_address(host, port)
    if instance is None:
        return Verdict.DROP
    place = network.database_at(room.world, host)
    if place is None:
        return Verdict.ALLOW if server is not None else Verdict.UNRESOLVED
    group = room.store.subnet_groups.get(instance.subnet_group)
    subnets = [subnet for subnet, _zone in group.subnets] if group else []
    open_way = network.reachable(
        room.world,
        instance.security_groups,
        place.groups,
        port,
        from_cidrs=[f"{instance.private_ip}/32"]
        if instance.private_ip
        else network.subnet_cidrs(room.world, subnets),
        to_cidrs=place.cidrs,
    )
    if not open_way:
        return Verdict.DROP
    return Verdict.ALLOW if server is not None else Verdict.REFUSE


def patience(room: Room, instance: Instance, found: Way, usual: float) -> float:
    """How long a login may take in seconds: `usual`, at the sandbox's pace DMS's timeout where packets are dropped."""
    if verdict(room, instance.arn, found.login.server_name, found.login.port) is Verdict.DROP:
        return max(MIN_TIMEOUT, room.world.pace.scale(TIMEOUT_SECONDS))
    return usual


async def check(room: Room, instance: Instance, endpoint: Endpoint) -> None:
    """Use the endpoint: log in at a database, write and delete an object in a bucket. Raises UnreachableError."""
    kind = ENGINES[endpoint.engine].kind
    if kind == POSTGRES:
        await _check_postgres(room, instance, endpoint)
    elif kind == S3:
        await _check_bucket(room, endpoint)
    else:
        raise lacking(endpoint)


def lacking(endpoint: Endpoint, role: str = "") -> UnreachableError:
    """The refusal of an engine that nothing stands behind in this sandbox."""
    name = ENGINES[endpoint.engine].display
    use = f" as a {role}" if role else ""
    return UnreachableError(
        f"The sandbox has no {name}{use}",
        f"nothing in this sandbox answers for engine '{endpoint.engine}'{use}: endpoint {endpoint.identifier} can be "
        "created and described here, not connected to.",
    )


async def _check_postgres(room: Room, instance: Instance, endpoint: Endpoint) -> None:
    from dmstui.sandbox.engines.postgres import check as engine_check

    found = await way(room, instance, endpoint)
    error = await engine_check.connect(
        Address(found.route.host, found.route.port, found.login.database),
        Credentials(found.login.user, found.login.password),
        found.login.ssl_mode,
        found.login.ca_pem,
        found.login.server_name,
        seconds=patience(room, instance, found, CONNECT_SECONDS),
    )
    if error is not None:
        raise UnreachableError("Failed to connect to database.", error.message, error.dms_text)


async def _check_bucket(room: Room, endpoint: Endpoint) -> None:
    """Bucket, role, and an object put and deleted again."""
    settings = endpoints.effective(endpoint)
    bucket, folder = str(settings.get("BucketName", "")), str(settings.get("BucketFolder") or "")
    short = "Failed to connect to S3."
    target = endpoint.type == "target"
    refusal = roles.bucket_refusal(
        room.world, endpoint_checks.role_of(endpoint) or "", bucket, folder, write=target
    )
    if refusal:
        raise UnreachableError(short, refusal)
    key = "/".join(part for part in (folder.strip("/"), "awsdms_test_object") if part)
    try:
        async with room.world.client("s3") as s3:
            if target:
                await s3.put_object(Bucket=bucket, Key=key, Body=b"")
                await s3.delete_object(Bucket=bucket, Key=key)
            else:
                await s3.list_objects_v2(Bucket=bucket, MaxKeys=1)
    except ClientError as error:
        said = error.response.get("Error", {})
        raise UnreachableError(short, f"{said.get('Code')}: {said.get('Message')} Bucket: {bucket}") from None
    except BotoCoreError as error:
        raise UnreachableError(short, f"{error} Bucket: {bucket}") from None


def _read_secret(room: Room, role_arn: str, secret_id: str) -> dict[str, Any]:
    """The secret's keys, read through the role as DMS reads them."""
    short = "Failed to retrieve secret."
    secret = endpoint_checks.find_secret(room, secret_id)
    if secret is None or secret.is_deleted():
        raise UnreachableError(
            short, f"Unable to find Secrets Manager secret, Arn:'{secret_id}', Secrets Manager can't find it."
        )
    refusal = roles.secret_refusal(room.world, role_arn, str(secret.arn))
    if refusal:
        raise UnreachableError(
            short, f"Unable to find Secrets Manager secret, Arn:'{secret.arn}', AccessDenied: {refusal}"
        )
    version = secret.versions.get(secret.default_version_id) or {}
    try:
        document = json.loads(version.get("secret_string") or "")
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise UnreachableError(short, f"Secrets Manager secret '{secret.arn}' holds no JSON object.")
    missing = [key for key in ("username", "password", "host", "port") if document.get(key) in (None, "")]
    if missing:
        raise UnreachableError(
            short, f"Secrets Manager secret '{secret.arn}' lacks the keys: {', '.join(missing)}."
        )
    try:
        int(document["port"])
    except (TypeError, ValueError):
        raise UnreachableError(
            short, f"Secrets Manager secret '{secret.arn}': port is not a number."
        ) from None
    return document
