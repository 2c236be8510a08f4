"""Protocol, records and errors every engine speaks; no I/O. The gate, the observers, DMS and the flow read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from dmstui.mappings.types import DataType


class Status(StrEnum):
    """Where the process of one server stands; not the status of the AWS resource above it."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"
    DELETED = "deleted"


class Phase(StrEnum):
    """How far a connection or a statement came before it failed."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"
    AUTH = "auth"
    DATABASE = "database"
    PRIVILEGE = "privilege"
    STATEMENT = "statement"
    SLOT = "slot"


class Kind(StrEnum):
    """What a replication task does about an error: suspend the table, try again, or fail."""

    TABLE = "table"
    RECOVERABLE = "recoverable"
    FATAL = "fatal"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A login; the password never shows in a repr, so it cannot reach a log by accident."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Address:
    """Where to dial (`host`, `port` on loopback) and which database to ask for there."""

    host: str
    port: int
    database: str


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """What a resource of a stack asks of its engine. `host` and `port` are the address AWS would show."""

    name: str
    engine: str
    version: str
    user: str
    password: str = field(repr=False)
    database: str
    parameters: Mapping[str, str]
    host: str
    port: int = 5432


@dataclass(frozen=True, slots=True)
class ServerState:
    """What a server is doing now. `since` is UTC; bytes are None where the machine cannot tell."""

    status: Status
    pid: int | None
    since: datetime
    memory_bytes: int | None
    disk_bytes: int | None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Configured:
    """What became of each parameter of a group: in force, waiting for a reboot, kept without effect, refused why."""

    applied: tuple[str, ...] = ()
    pending_reboot: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    stored: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EngineError:
    """One failure in the engine's own words. `dms_text` is what DMS makes of it for a connection or a task."""

    sqlstate: str | None
    message: str
    phase: Phase
    kind: Kind
    dms_text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about a source that hinders a task. `fatal` findings stop it; the others are warnings."""

    code: str
    text: str
    fatal: bool
    advice: str = ""


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """One column. `native_type` as the engine writes it, `key` the 1-based place in the primary key."""

    name: str
    native_type: str
    type: DataType
    nullable: bool
    key: int | None


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A table or view to migrate. `identity`: updates and deletes can be captured; `rows`: an estimate."""

    schema: str
    name: str
    kind: str
    columns: tuple[SourceColumn, ...]
    primary_key: tuple[str, ...]
    identity: bool
    rows: int


class EngineUnavailableError(Exception):
    """The engine cannot be had on this machine; the text says what to install or set."""


class LaunchError(Exception):
    """A server would not start, stop or take its data folder; the text ends with the engine's own words."""


class EngineFailureError(Exception):
    """Raised where a failure must travel as an exception; `error` is the record of it."""

    def __init__(self, error: EngineError) -> None:
        super().__init__(error.message)
        self.error = error


class Server(Protocol):
    """One real server process, from its resource's creation to its deletion."""

    @property
    def spec(self) -> ServerSpec: ...
    @property
    def port(self) -> int:
        """The public loopback port of the gate; 0 before it is published."""

    @property
    def admin(self) -> Credentials:
        """The engine's internal superuser (`rdsadmin`); may log in through the gate too."""

    @property
    def socket_dir(self) -> Path:
        """Folder of the unix socket, for clients without TLS on this machine (`host=` of a libpq URL)."""

    @property
    def inner_port(self) -> int:
        """The engine's own port: number of its unix socket, and of its plain TCP listener behind the gate."""

    @property
    def log_path(self) -> Path:
        """The engine's own log file."""

    async def start(self) -> None: ...
    async def stop(self, *, fast: bool = True) -> None: ...
    async def kill(self) -> None: ...
    async def delete(self) -> None: ...
    async def reboot(self) -> None: ...
    async def configure(self, parameters: Mapping[str, str]) -> Configured: ...
    async def set_password(self, user: str, password: str) -> None: ...
    def state(self) -> ServerState: ...


class EngineRoom(Protocol):
    """All servers of one sandbox."""

    async def create(self, spec: ServerSpec) -> Server: ...
    def get(self, name: str) -> Server | None: ...
    def by_address(self, host: str, port: int) -> Server | None: ...
    def servers(self) -> tuple[Server, ...]: ...
    async def close(self) -> None: ...
