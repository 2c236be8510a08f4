"""One PostgreSQL server of an RDS instance, from the template to its deletion. EngineRoom makes it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import secrets
import shutil
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from dmstui.sandbox.engines import launch
from dmstui.sandbox.engines.base import Configured, Credentials, LaunchError, ServerSpec, ServerState, Status
from dmstui.sandbox.engines.postgres import parameters as rds
from dmstui.sandbox.engines.postgres import roles
from dmstui.sandbox.engines.postgres.template import Template

log = logging.getLogger(__name__)

START_SECONDS = 60.0
STOP_SECONDS = 60.0
START_ATTEMPTS = 20
_REFUSED_VALUE = re.compile(
    r'(?:invalid value for parameter|outside the valid range for parameter|parameter) "([a-z_.]+)"', re.I
)
DISK_EVERY = 5.0
"""Seconds a measured size of the data folder is good for; walking it at each look would cost more than it tells."""


class PostgresServer:
    """Implements `base.Server`. `changed` is called after each change of status, for the gate.

    `crashed` is told the name when the process ends without having been asked to.
    """

    def __init__(
        self,
        spec: ServerSpec,
        run_as: launch.Launcher,
        template: Template,
        folder: Path,
        *,
        keep: bool,
        changed: Callable[[PostgresServer], Awaitable[None]],
        crashed: Callable[[str], None] = lambda name: None,
    ) -> None:
        self.spec = spec
        self.port = 0
        self.folder = folder
        self.data = folder / "data"
        self.log_path = folder / "postgresql.log"
        self.admin = Credentials(roles.SUPERUSER, secrets.token_urlsafe(24))
        self._run_as = run_as
        self._template = template
        self._keep = keep
        self._changed = changed
        self._crashed = crashed
        self._process: launch.EngineProcess | None = None
        self._status = Status.STOPPED
        self._since = datetime.now(UTC)
        self._message: str | None = None
        self._lock = asyncio.Lock()
        self._disk: tuple[float, int] | None = None
        self._inner_port = 0
        self._socket_dir: Path | None = None
        # What the running process took at its start, against which static parameters are pending.
        self._booted: Mapping[str, str] = {}
        self._watch: asyncio.Task[None] | None = None
        self._unfit: dict[str, str] = {}

    # -- what the outside may know ------------------------------------------------------------------

    @property
    def inner_port(self) -> int:
        return self._inner_port

    @property
    def socket_dir(self) -> Path:
        if self._socket_dir is None:
            self._socket_dir = launch.socket_folder(self._run_as, self.folder / "s", ".s.PGSQL.65535")
        return self._socket_dir

    @property
    def socket_path(self) -> str:
        """The unix socket itself."""
        return str(self.socket_dir / f".s.PGSQL.{self._inner_port}")

    @property
    def running(self) -> bool:
        return self._status is Status.RUNNING

    @property
    def way(self) -> launch.Way:
        return self._run_as.way

    @property
    def version(self) -> str:
        """The engine's full version."""
        return self._run_as.binaries.version

    def state(self) -> ServerState:
        """Measured now; the size on disk at most five seconds ago."""
        pid = self._process.pid if self._process and self._process.running else None
        if self._disk is None or time.monotonic() - self._disk[0] > DISK_EVERY:
            self._disk = (time.monotonic(), launch.folder_size(self.data))
        memory = launch.process_memory(pid) if pid else None
        return ServerState(self._status, pid, self._since, memory, self._disk[1], self._message)

    # -- life ----------------------------------------------------------------------------------------

    async def create(self) -> None:
        """Copy the template, make roles, master user and database, and start. Raises LaunchError."""
        async with self._lock:
            await asyncio.to_thread(self._copy)
            await self._boot()
            try:
                await self._populate()
            except Exception as error:
                await self._halt(signal.SIGQUIT)
                raise LaunchError(f"{self.spec.name}: {error}") from error
            self._remember()

    def _copy(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755 if self._run_as.way is launch.Way.SETUID else 0o700)
        if not self._keep:
            # The watchdog clears this folder when we die, as the engine's user: it must own what it removes.
            self._run_as.give(self.folder)
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.copytree(self._template.data, self.data, symlinks=True)
        self.data.chmod(0o700)
        self._run_as.give(self.data)

    async def _populate(self) -> None:
        first = Credentials(roles.SUPERUSER, self._template.password)
        async with self.session(credentials=first) as connection:
            await connection.execute(roles.admin_password(self.admin.password))
            for statement in roles.base_statements():
                await connection.execute(statement)
            for statement in roles.master_statements(self.spec.user, self.spec.password):
                await connection.execute(statement)
            await connection.execute(roles.database_statement(self.spec.database, self.spec.user))

    async def start(self) -> None:
        """Start a stopped server; nothing to do where it runs. Raises LaunchError with the engine's last words."""
        async with self._lock:
            if not self.running:
                await self._boot()

    async def stop(self, *, fast: bool = True) -> None:
        """Stop it: `fast` ends sessions, otherwise it waits for them to go."""
        async with self._lock:
            await self._halt(signal.SIGINT if fast else signal.SIGTERM)

    async def reboot(self) -> None:
        """Stop and start, which brings static parameters into force."""
        async with self._lock:
            await self._halt(signal.SIGINT)
            await self._boot()

    async def kill(self) -> None:
        """SIGKILL, as a failure to inject: no shutdown, no checkpoint; start() recovers."""
        async with self._lock:
            if self._process is not None:
                self._process.signal(signal.SIGKILL)
                await self._process.wait()

    async def delete(self) -> None:
        """Stop it and remove its data."""
        async with self._lock:
            if self._status is not Status.DELETED:
                await self._halt(signal.SIGINT)
                await self._set(Status.DELETED)
                await asyncio.to_thread(self._remove)

    def _remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._socket_dir is not None:
            shutil.rmtree(self._socket_dir, ignore_errors=True)

    async def close(self) -> None:
        """The sandbox ends: stop, and keep the data only where it has a state folder."""
        if self._keep:
            await self.stop()
            if self._socket_dir is not None:
                await asyncio.to_thread(shutil.rmtree, self._socket_dir, True)
        else:
            await self.delete()

    # -- configuration and accounts ------------------------------------------------------------------

    async def configure(self, parameters: Mapping[str, str]) -> Configured:
        """Bring a parameter group into force as far as a running server can; static ones wait for reboot()."""
        async with self._lock:
            self.spec = replace(self.spec, parameters=dict(parameters))
            self._remember()
            plan = self._plan()
            self._write(plan)
            if not self.running:
                return Configured((*plan.dynamic, *plan.static), (), plan.refused, plan.stored)
            async with self.session() as connection:
                # The view says "could not be applied" both of a wrong value and of one that waits for a restart:
                # static parameters are therefore tried at the next start only.
                rows = await connection.fetch(
                    "SELECT name FROM pg_file_settings WHERE error IS NOT NULL AND NOT applied"
                )
                wrong = {row["name"].lower() for row in rows if row["name"]} & {
                    name.lower() for name in plan.dynamic
                }
                if wrong:
                    self._doubt(wrong)
                    plan = self._plan()
                    self._write(plan)
                await connection.execute("SELECT pg_reload_conf()")
            static: list[str] = []
            applied = list(plan.dynamic)
            for name in plan.static:
                key = "wal_level" if name == "rds.logical_replication" else name.lower()
                waits = self._booted.get(key) != plan.settings[key]
                (static if waits else applied).append(name)
            static += [name for name in self._reset(plan) if name not in static]
            return Configured(tuple(applied), tuple(static), plan.refused, plan.stored)

    def _plan(self) -> rds.Plan:
        """The parameter group without the values this engine would not take."""
        given = self.spec.parameters
        unfit = {name: value for name, value in given.items() if self._unfit.get(name.lower()) == value}
        plan = rds.plan({name: given[name] for name in given if name not in unfit}, self._template.known)
        reasons = {name: f"invalid value for parameter '{name}': '{value}'" for name, value in unfit.items()}
        return replace(plan, refused={**plan.refused, **reasons})

    def _doubt(self, names: Iterable[str]) -> bool:
        """Remember which values the engine refused; False if that tells nothing new."""
        given = {name.lower(): value for name, value in self.spec.parameters.items()}
        news = {name.lower(): given[name.lower()] for name in names if name.lower() in given}
        fresh = any(self._unfit.get(name) != value for name, value in news.items())
        self._unfit.update(news)
        return fresh

    def _reset(self, plan: rds.Plan) -> list[str]:
        """Static parameters the group no longer sets, which go back to their default at the next reboot."""
        known = self._template.known
        named = {name.lower() for name in (*plan.static, *plan.dynamic)}
        gone = [
            name
            for name, value in self._booted.items()
            if name in known and known[name].static and name not in named and plan.settings.get(name) != value
        ]
        return ["rds.logical_replication" if name == "wal_level" else name for name in gone]

    async def set_password(self, user: str, password: str) -> None:
        """Change a login's password; existing sessions go on, as on a real server."""
        async with self.session() as connection:
            await connection.execute(roles.set_password(user, password))
        if user == self.spec.user:
            self.spec = replace(self.spec, password=password)
            self._remember()

    @contextlib.asynccontextmanager
    async def session(
        self, database: str = "postgres", credentials: Credentials | None = None
    ) -> AsyncIterator[Any]:
        """An asyncpg connection by the unix socket, as the internal superuser unless told otherwise."""
        login = credentials or self.admin
        connection = await asyncpg.connect(
            host=str(self.socket_dir),
            port=self._inner_port,
            user=login.user,
            password=login.password,
            database=database,
            timeout=30,
        )
        try:
            yield connection
        finally:
            await connection.close(timeout=10)

    # -- the process ---------------------------------------------------------------------------------

    def _write(self, plan: rds.Plan) -> None:
        texts = {
            "postgresql.conf": rds.configuration(
                plan.settings, port=self._inner_port, socket_dir=str(self.socket_dir)
            ),
            "pg_hba.conf": rds.access(plan.force_ssl),
        }
        for name, text in texts.items():
            draft = self.data / f".{name}"
            draft.write_text(text)
            draft.chmod(0o600)
            if self._run_as.way is launch.Way.SETUID:
                os.chown(draft, self._run_as.uid, self._run_as.gid)
            draft.replace(self.data / name)

    async def _boot(self) -> None:
        await self._set(Status.STARTING)
        try:
            await self._clear_lock_file()
            for _ in range(START_ATTEMPTS):
                said, again = await self._attempt()
                if not said:
                    await self._set(Status.RUNNING)
                    return
                if not again:
                    break
            raise LaunchError(f"{self.spec.name} does not start: {said}")
        except BaseException as error:
            if self._process is not None and self._process.running:
                self._process.signal(signal.SIGQUIT)
            await self._set(Status.FAILED, str(error))
            raise

    async def _attempt(self) -> tuple[str, bool]:
        """Start once: ("", ...) when it came up, else what the engine said and whether another attempt may help."""
        self._inner_port = launch.free_port()
        plan = self._plan()
        self._write(plan)
        offset = self.log_path.stat().st_size if self.log_path.exists() else 0
        self._process = process = await launch.EngineProcess.start(
            self._run_as,
            self._run_as.command("postgres", "-D", str(self.data)),
            cwd=self.data,
            log=self.log_path,
            clear=self._ephemeral(),
        )
        if await self._ready():
            self._booted = dict(plan.settings)
            self._watch = asyncio.create_task(self._mourn(process), name=f"{self.spec.name} exit")
            return "", False
        said = self._said(offset) or "no reason in its log"
        if "pre-existing shared memory block" in said:
            # The last process of a server that was killed is still going away.
            await asyncio.sleep(0.1)
            return said, True
        # Somebody took the port between our choosing and the engine's binding it, or it would not take a value.
        refused = _REFUSED_VALUE.findall(self._said(offset, whole=True))
        return said, "could not bind" in said or self._doubt(refused)

    def _ephemeral(self) -> list[Path]:
        """The folders that must not outlive us."""
        gone = [] if self._keep else [self.folder]
        return gone if self.socket_dir.is_relative_to(self.folder) else [*gone, self.socket_dir]

    async def _ready(self) -> bool:
        """Whether the engine came up; False when it ended or stayed silent for a minute."""
        assert self._process is not None
        pid_file = self.data / "postmaster.pid"
        deadline = time.monotonic() + START_SECONDS
        while self._process.running and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                lines = pid_file.read_text().splitlines()
                if len(lines) >= 8 and lines[0] == str(self._process.pid) and lines[7].strip() == "ready":
                    return True
            await asyncio.sleep(0.01)
        if self._process.running:
            self._process.signal(signal.SIGQUIT)
            await self._process.wait()
        return False

    async def _mourn(self, process: launch.EngineProcess) -> None:
        """Note an end nobody asked for."""
        status = await process.wait()
        if process is self._process and self._status is Status.RUNNING:
            await self._set(Status.FAILED, f"the server process ended (exit status {status})")
            self._crashed(self.spec.name)

    async def _halt(self, how: signal.Signals) -> None:
        process = self._process
        if process is None or not process.running:
            if self._status is not Status.DELETED:
                await self._set(Status.STOPPED)
            return
        await self._set(Status.STOPPING)
        for number in (how, signal.SIGQUIT, signal.SIGKILL):
            process.signal(number)
            with contextlib.suppress(TimeoutError):
                await process.wait(STOP_SECONDS)
                break
        await self._set(Status.STOPPED)

    async def _clear_lock_file(self) -> None:
        """Take away the lock file of a server that was killed; a live one in the same folder is ended or respected."""
        pid_file = self.data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().split(maxsplit=1)[0])
        except (OSError, ValueError, IndexError):
            return
        found = launch.leftover(pid, self.data)
        if found is not None and found.watched:
            raise LaunchError(f"the data of {self.spec.name} is in use by process {pid} of another sandbox")
        if found is not None:
            os.kill(pid, signal.SIGQUIT)
            deadline = time.monotonic() + 10
            while launch.leftover(pid, self.data) and time.monotonic() < deadline:  # noqa: ASYNC110 - not our child
                await asyncio.sleep(0.02)
        pid_file.unlink(missing_ok=True)

    def _said(self, offset: int, *, whole: bool = False) -> str:
        """The FATAL lines the engine wrote since `offset`, else the last ones; or all of them."""
        with contextlib.suppress(OSError), self.log_path.open("rb") as file:
            file.seek(offset)
            lines = file.read().decode(errors="replace").splitlines()
            if whole:
                return "\n".join(lines)
            loud = [line for line in lines if "FATAL" in line or "HINT" in line]
            return " ".join(line.split("]:", 1)[-1].strip() for line in (loud or lines[-3:]))
        return ""

    async def _set(self, status: Status, message: str | None = None) -> None:
        if status is not self._status or message != self._message:
            self._status, self._message, self._since = status, message, datetime.now(UTC)
            await self._changed(self)

    # -- memory over restarts of the sandbox ---------------------------------------------------------

    def _remember(self) -> None:
        if not self._keep:
            return
        document = {"spec": {**asdict(self.spec), "parameters": dict(self.spec.parameters)}}
        document["admin"] = {"password": self.admin.password}
        draft = self.folder / ".server.json"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(document, file)
        draft.replace(self.folder / "server.json")

    @staticmethod
    def remembered(folder: Path) -> tuple[ServerSpec, str] | None:
        """(spec, admin password) of a server kept in `folder`, or None."""
        try:
            document = json.loads((folder / "server.json").read_text())
        except (OSError, ValueError):
            return None
        return ServerSpec(**document["spec"]), document["admin"]["password"]

    def adopt_admin(self, password: str) -> None:
        """Go on with the superuser password a kept data folder already has."""
        self.admin = Credentials(roles.SUPERUSER, password)
