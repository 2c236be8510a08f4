"""The life of a PostgreSQL server of the sandbox: made, reached, configured, stopped, killed, taken up again, gone."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest
import pytest_asyncio

from dmstui.sandbox.authority import Authority
from dmstui.sandbox.engines import binaries, launch
from dmstui.sandbox.engines.base import EngineUnavailableError, Kind, LaunchError, Phase, ServerSpec, Status
from dmstui.sandbox.engines.postgres import check, errors, roles
from dmstui.sandbox.engines.postgres.template import template
from dmstui.sandbox.engines.room import EngineRoom
from dmstui.sandbox.gate import Gate, Verdict

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = os.geteuid() == 0


async def until(condition: Any, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("version", ["16", "18"])
async def test_a_server_is_what_its_resource_says(yard: Any, version: str) -> None:
    server = await yard.server({"log_statement": "ddl"}, version=version)
    async with yard.client(server) as client:
        assert (await client.fetchval("SHOW server_version")).split(".")[0] == version
        assert await client.fetchval("SELECT current_database()") == "shop"
        assert await client.fetchval("SELECT upper('é')") == "É"
        role = await client.fetchrow(
            "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = user"
        )
        assert tuple(role) == (False, True, True)
        assert await client.fetchval("SELECT pg_has_role(user, 'rds_superuser', 'member')")
        assert await client.fetchval("SELECT pg_has_role(user, 'rds_replication', 'member')")
        await client.execute("CREATE ROLE reader LOGIN PASSWORD 'x'; GRANT rds_replication TO reader")
        await client.execute("SET session_replication_role = replica")
        await client.execute("CREATE SCHEMA s; CREATE TABLE s.t (id int)")
        for name, value in {
            "synchronous_commit": "on",
            "log_statement": "ddl",
            "wal_level": "replica",
        }.items():
            assert await client.fetchval(f"SHOW {name}") == value
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await client.execute("ALTER SYSTEM SET work_mem = '1MB'")
    async with yard.client(server, user=server.admin.user, password=server.admin.password) as admin:
        assert await admin.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = user")
    state = server.state()
    assert state.status is Status.RUNNING and state.pid and (state.disk_bytes or 0) > 20 << 20
    assert "CREATE TABLE s.t" in server.log_path.read_text()
    assert len(server.socket_path.encode()) < 107
    assert yard.room.by_address(server.spec.host.upper(), 5432) is server
    with pytest.raises(LaunchError, match="exists already"):
        await yard.room.create(server.spec)


async def test_every_server_has_its_own_passwords(yard: Any) -> None:
    one, other = await yard.server(), await yard.server()
    assert one.admin.password != other.admin.password
    with pytest.raises(asyncpg.InvalidPasswordError):
        async with yard.client(one, user=other.admin.user, password=other.admin.password):
            pass
    made_from = await template(one._run_as)
    with pytest.raises(asyncpg.InvalidPasswordError):
        async with yard.client(one, user=roles.SUPERUSER, password=made_from.password):
            pass
    await one.set_password("shopadmin", "new 'one")
    async with yard.client(one, password="new 'one") as client:
        assert await client.fetchval("SELECT 1") == 1


async def test_stop_start_reboot_kill_delete(yard: Any) -> None:
    server = await yard.server()
    async with yard.client(server) as client:
        await client.execute("CREATE TABLE kept AS SELECT 1 AS n")
        port = server.port
        await server.stop()
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await client.fetchval("SELECT 1")
    assert server.state().status is Status.STOPPED and server.state().pid is None
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.1", port))
    await server.start()
    await server.reboot()
    first = server.state().pid
    async with yard.client(server) as client:
        await client.execute("INSERT INTO kept VALUES (2)")
    await server.kill()
    await until(lambda: server.state().status is Status.FAILED)
    assert (server.data / "postmaster.pid").exists(), "a killed server leaves its lock file"
    await server.start()
    assert server.port == port and server.state().pid != first
    async with yard.client(server) as client:
        assert await client.fetchval("SELECT count(*) FROM kept") == 2
    folder = server.folder
    pid = server.state().pid
    await yard.room.delete(server.spec.name)
    assert not folder.exists() and not alive(pid)
    assert yard.room.get(server.spec.name) is None and yard.room.by_address(server.spec.host, 5432) is None
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.1", port))


def open_files() -> int:
    return sum(1 for _ in Path(f"/proc/{os.getpid()}/fd").iterdir())


def alive(pid: int | None) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


async def test_a_killed_server_can_be_started_at_once(yard: Any) -> None:
    """While the last of its processes are still going away."""
    server = await yard.server()
    for _ in range(3):
        async with yard.client(server) as client:
            await client.execute("CREATE TABLE IF NOT EXISTS t (n int); INSERT INTO t VALUES (1)")
            await server.kill()
        await server.start()
    async with yard.client(server) as client:
        assert await client.fetchval("SELECT count(*) FROM t") == 3


async def test_lock_file_of_a_foreign_process_is_no_hindrance(yard: Any) -> None:
    """After a crash of the machine the number in the lock file may belong to anything."""
    server = await yard.server()
    await server.stop()
    (server.data / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data}\n")
    await server.start()
    assert server.state().status is Status.RUNNING


async def test_parameter_group(yard: Any) -> None:
    server = await yard.server({"rds.force_ssl": "1"})
    found = await server.configure(
        {
            "rds.force_ssl": "0",
            "rds.logical_replication": "1",
            "max_replication_slots": "7",
            "statement_timeout": "1234",
            "work_mem": "lots",
            "log_statement": "sometimes",
            "wal_level": "logical",
            "no_such": "1",
            "shared_buffers": "{DBInstanceClassMemory/32768}",
            "rds.log_retention_period": "1440",
        }
    )
    assert set(found.applied) == {"rds.force_ssl", "statement_timeout"}
    assert set(found.pending_reboot) == {"rds.logical_replication", "max_replication_slots"}
    assert set(found.refused) == {"work_mem", "log_statement", "wal_level", "no_such"}
    assert set(found.stored) == {"shared_buffers", "rds.log_retention_period"}
    async with yard.client(server, ssl=False) as client:
        assert await client.fetchval("SHOW statement_timeout") == "1234ms"
        assert await client.fetchval("SHOW wal_level") == "replica"
    await server.reboot()
    async with yard.client(server, ssl=False) as client:
        assert await client.fetchval("SHOW wal_level") == "logical"
        assert await client.fetchval("SHOW max_replication_slots") == "7"
    back = await server.configure({})
    assert {"rds.logical_replication", "max_replication_slots"} <= set(back.pending_reboot)


async def test_lowered_wal_level_with_a_slot_does_not_start(yard: Any) -> None:
    server = await yard.server({"rds.logical_replication": "1"}, version="18")
    async with yard.client(server) as client:
        await client.execute("SELECT pg_create_logical_replication_slot('held', 'pgoutput')")
    await server.configure({"rds.logical_replication": "0"})
    with pytest.raises(LaunchError, match='logical replication slot "held" exists'):
        await server.reboot()
    assert server.state().status is Status.FAILED
    await server.configure({"rds.logical_replication": "1"})
    await server.start()
    await yard.room.delete(server.spec.name)


@pytest.mark.parametrize(
    ("mode", "forced", "options", "outcome"),
    [
        ("disable", "1", {}, "no encryption"),
        ("disable", "0", {}, None),
        ("prefer", "1", {}, None),
        ("require", "1", {}, None),
        ("require", "0", {}, None),
        ("verify-ca", "1", {"sslrootcert": "ca"}, None),
        ("verify-ca", "1", {"sslrootcert": "foreign"}, "certificate verify failed"),
        ("verify-full", "1", {"sslrootcert": "ca"}, None),
        (
            "verify-full",
            "1",
            {"sslrootcert": "ca", "host": "elsewhere.example.com"},
            "does not match host name",
        ),
    ],
)
async def test_sslmode_of_libpq(
    tls: tuple[Any, dict[str, Path]],
    mode: str,
    forced: str,
    options: dict[str, str],
    outcome: str | None,
) -> None:
    server, files = tls
    await server.configure({"rds.force_ssl": forced})
    wanted = {name: str(files.get(value, value)) for name, value in options.items()}
    host = wanted.pop("host", server.spec.host)
    login = {
        "user": server.spec.user,
        "password": server.spec.password,
        "dbname": "shop",
        "connect_timeout": "10",
    }
    try:
        connection = await psycopg.AsyncConnection.connect(
            host=host, hostaddr="127.0.0.1", port=server.port, sslmode=mode, **login, **wanted
        )
    except psycopg.OperationalError as error:
        assert outcome and outcome in str(error), error
    else:
        async with connection:
            assert outcome is None
            assert connection.pgconn.ssl_in_use is (mode != "disable")
            await connection.execute("SELECT 1")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("ca")
    return {"ca": folder / "ca.pem", "foreign": folder / "foreign.pem"}


@pytest.fixture(scope="module")
def foreign() -> str:
    return Authority("eu-central-1").ca_pem


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tls(yard: Any, files: dict[str, Path], foreign: str) -> tuple[Any, dict[str, Path]]:
    files["ca"].write_text(yard.authority.ca_pem)
    files["foreign"].write_text(foreign)
    return await yard.server({"rds.force_ssl": "1"}), files


@pytest.mark.parametrize(
    ("mode", "changed", "phase", "said"),
    [
        ("none", {}, Phase.AUTH, "no encryption"),
        ("require", {}, None, ""),
        ("require", {"ca_pem": "foreign"}, None, ""),
        ("verify-ca", {}, None, ""),
        ("verify-ca", {"server_name": "other.example.com"}, None, ""),
        ("verify-ca", {"ca_pem": "foreign"}, Phase.TLS, "certificate verify failed"),
        ("verify-ca", {"ca_pem": None}, Phase.TLS, "root certificate file"),
        ("verify-full", {}, None, ""),
        ("verify-full", {"server_name": "other.example.com"}, Phase.TLS, "does not match host name"),
        ("verify-full", {"ca_pem": "foreign"}, Phase.TLS, "certificate verify failed"),
    ],
)
async def test_sslmode_of_dms(  # noqa: PLR0917
    yard: Any, tls: Any, foreign: str, mode: str, changed: dict[str, Any], phase: Phase | None, said: str
) -> None:
    server, _ = tls
    await server.configure({"rds.force_ssl": "1"})
    if changed.get("ca_pem") == "foreign":
        changed = {**changed, "ca_pem": foreign}
    access = yard.access(server, ssl_mode=mode, **changed)
    error = await check.connect(
        access.address, access.credentials, access.ssl_mode, access.ca_pem, access.server_name, seconds=20
    )
    if phase is None:
        assert error is None, error
    else:
        assert error is not None and error.phase is phase and said in error.dms_text, error
        assert error.dms_text.startswith(
            "Test Endpoint failed: Application-Status: 1020912, Application-Message: "
        )


async def test_verdicts_of_a_route(yard: Any) -> None:
    server = await yard.server()
    verdict = Verdict.ALLOW
    route = await yard.gate.route("ri-1", server.spec.host, 5432, lambda: verdict)
    assert await yard.gate.route("ri-1", server.spec.host, 5432, lambda: verdict) is route
    access = yard.access(server)

    async def test(seconds: float = 20) -> Any:
        address = type(access.address)(route.host, route.port, "shop")
        return await check.connect(
            address, access.credentials, "verify-full", access.ca_pem, access.server_name, seconds=seconds
        )

    assert await test() is None
    verdict = Verdict.DROP
    began = time.monotonic()
    error = await test(0.6)
    assert 0.5 < time.monotonic() - began < 10
    assert (error.sqlstate, error.kind) == ("08001", Kind.RECOVERABLE) and "timeout expired" in error.dms_text
    verdict = Verdict.REFUSE
    error = await test()
    assert error.phase is Phase.CONNECT and "Connection refused" in error.dms_text
    verdict = Verdict.UNRESOLVED
    error = await test()
    assert error.phase is Phase.RESOLVE and server.spec.host in error.message
    verdict = Verdict.ALLOW
    assert await test() is None
    held = await asyncpg.connect(
        host=route.host,
        port=route.port,
        user="shopadmin",
        password=server.spec.password,
        database="shop",
        ssl="require",
    )
    route.cut()
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await held.fetchval("SELECT 1")
    assert "timeout" in (await test(0.4)).dms_text
    route.heal()
    assert await test() is None
    await server.stop()
    assert "Connection refused" in (await test()).dms_text
    await yard.room.delete(server.spec.name)
    assert "Connection refused" in (await test()).dms_text
    await route.close()
    assert yard.gate.routes("ri-1") == ()


async def test_thousands_of_connections_leave_nothing(yard: Any) -> None:
    server = await yard.server()
    listener = next(each for each in yard.gate._public.values() if each.server_name == server.spec.host)
    before = open_files()

    async def knock(number: int) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        # Some say nothing, some half a word, some want TLS and leave, some send a password-less hello.
        said = [
            b"",
            b"\0\0",
            b"\0\0\0\x08\x04\xd2\x16\x2f",
            b"\0\0\0\x08\x04\xd2\x16\x30",
            b"\x16\x03\x01\0\0\0\0\0",
        ]
        writer.write(said[number % len(said)])
        await writer.drain()
        writer.transport.abort()

    for round_ in range(20):
        await asyncio.gather(*(knock(round_ + number) for number in range(100)))
    await until(lambda: not listener.open)
    async with yard.client(server) as client:
        assert await client.fetchval("SELECT 1") == 1
    await until(lambda: open_files() <= before + 3)


async def test_large_results_through_tls_arrive_whole(yard: Any) -> None:
    server = await yard.server()
    async with yard.client(server) as client:
        text = await client.fetchval("SELECT repeat('0123456789', 2000000)")
        assert len(text) == 20_000_000
        assert await client.fetchval("SELECT length($1::text)", text) == 20_000_000


async def test_kept_data_is_taken_up_again(tmp_path: Path) -> None:
    gate = Gate(Authority("eu-central-1", tmp_path))
    pem = gate.authority.ca_pem
    room = EngineRoom(tmp_path, gate, keep=True)
    host = "kept.c0.eu-central-1.rds.amazonaws.com"
    spec = ServerSpec("kept", "postgres", "16", "u", "p", "shop", {"rds.logical_replication": "1"}, host)
    server = await room.create(spec)
    async with server.session("shop") as admin:
        await admin.execute("CREATE TABLE kept AS SELECT 42 AS n")
    await server.set_password("u", "changed")
    await server.kill()
    await room.close()
    await gate.close()
    assert (server.folder / "server.json").stat().st_mode & 0o077 == 0

    gate = Gate(Authority("eu-central-1", tmp_path))
    assert gate.authority.ca_pem == pem
    room = EngineRoom(tmp_path, gate, keep=True)
    again = await room.create(spec)
    try:
        async with again.session("shop") as admin:
            assert await admin.fetchval("SELECT n FROM kept") == 42
        assert again.admin == server.admin and again.spec.password == "changed"
    finally:
        await room.delete("kept")
        await room.close()
        await gate.close()
    assert not again.folder.exists()


@pytest.mark.skipif(not ROOT, reason="only root has to become somebody else")
@pytest.mark.parametrize("version", ["16", "18"])
async def test_root_without_user_namespaces(tmp_path: Path, version: str) -> None:
    """The other way for root: a copy of the programs, run as nobody, from a folder nobody can reach."""
    gate = Gate(Authority("eu-central-1"))
    work = tmp_path / "private"
    work.mkdir(mode=0o700)
    room = EngineRoom(work, gate, way=launch.Way.SETUID)
    host = "nobody.c0.eu-central-1.rds.amazonaws.com"
    server = await room.create(ServerSpec("nobody", "postgres", version, "u", "p", "shop", {}, host))
    try:
        pid = server.state().pid
        assert Path(f"/proc/{pid}").stat().st_uid == launch.unprivileged()[0]
        assert server.data.stat().st_mode & 0o077 == 0
        await server.configure({"statement_timeout": "5000"})
        await server.reboot()
        client = await asyncpg.connect(
            host="127.0.0.1", port=server.port, user="u", password="p", database="shop", ssl="require"
        )
        assert await client.fetchval("SHOW statement_timeout") == "5s"
        await client.close()
    finally:
        folder = server.folder
        await room.close()
        await gate.close()
    assert not folder.exists() and not folder.parent.exists() and not alive(pid)


CHILD = textwrap.dedent(
    """
    import asyncio, sys
    from pathlib import Path
    from dmstui.sandbox.authority import Authority
    from dmstui.sandbox.engines.base import ServerSpec
    from dmstui.sandbox.engines.launch import Way
    from dmstui.sandbox.engines.room import EngineRoom
    from dmstui.sandbox.gate import Gate
    import asyncpg

    async def main():
        way = Way(sys.argv[2]) if sys.argv[2] else None
        room = EngineRoom(Path(sys.argv[1]), Gate(Authority("eu-central-1")), way=way)
        spec = ServerSpec("child", "postgres", "16", "u", "p", "shop", {}, "child.rds.amazonaws.com")
        server = await room.create(spec)
        client = await asyncpg.connect(host="127.0.0.1", port=server.port, user="u", password="p", database="shop",
                                       ssl="require")
        await client.execute("BEGIN; CREATE TABLE t (n int)")
        print(server.state().pid, server.folder, flush=True)
        await asyncio.sleep(600)

    asyncio.run(main())
    """
)


@pytest.mark.parametrize("way", ["", "setuid"] if ROOT else [""])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_no_engine_outlives_its_parent(tmp_path: Path, way: str, how: signal.Signals) -> None:
    """Also with a client inside a transaction, for which an orderly shutdown would wait."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, str(tmp_path), way, stdout=subprocess.PIPE, start_new_session=True
    )
    assert child.stdout is not None
    try:
        line = (await asyncio.wait_for(child.stdout.readline(), 60)).decode().split()
        pid, folder = int(line[0]), Path(line[1])
        children = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        assert alive(pid) and len(children) >= 4
        child.send_signal(how)
        await child.wait()
        await until(lambda: not any(map(alive, [pid, *children])))
        await until(lambda: not (folder / "data").exists())
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def test_template_is_made_once_by_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(launch, "public_folder", lambda: tmp_path)
    run_as = await launch.launcher(binaries.postgres("16"))
    made = await asyncio.gather(*(template(run_as) for _ in range(3)))
    assert len({each.data for each in made}) == 1 and len({each.password for each in made}) == 1
    assert [path.name for path in made[0].data.parent.parent.iterdir()] == [made[0].data.parent.name]
    assert (made[0].data.parent / "secret").stat().st_mode & 0o077 == 0


async def test_version_out_of_reach(yard: Any) -> None:
    with pytest.raises(
        EngineUnavailableError, match=r"PostgreSQL 9\.6 is not in the sandbox; it has 16 and 18"
    ):
        await yard.server(version="9.6")


async def test_path_too_long_for_a_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    gate = Gate(Authority("eu-central-1"))
    room = EngineRoom(deep, gate)
    server = await room.create(
        ServerSpec("far", "postgres", "16", "u", "p", "shop", {}, "far.rds.amazonaws.com")
    )
    try:
        assert len(server.socket_path.encode()) < 104
        async with server.session() as admin:
            assert await admin.fetchval("SELECT 1") == 1
    finally:
        where = server.socket_dir
        await room.close()
        await gate.close()
    assert not where.is_relative_to(deep) and not where.exists()


async def test_connection_errors_in_the_engines_words(yard: Any) -> None:
    """Each row of the table is provoked on the real server (engines.md 2.5)."""
    server = await yard.server(version="18")
    async with yard.client(server) as client:
        await client.execute(
            "CREATE ROLE nolog PASSWORD 'x'; CREATE ROLE limited LOGIN PASSWORD 'x' CONNECTION LIMIT 0;"
            "CREATE ROLE outsider LOGIN PASSWORD 'x'; REVOKE CONNECT ON DATABASE shop FROM public"
        )
    cases = [
        (
            {"user": "shopadmin", "password": "no"},
            "shop",
            "28P01",
            Phase.AUTH,
            "password authentication failed",
        ),
        ({"user": "nobody", "password": "no"}, "shop", "28P01", Phase.AUTH, "password authentication failed"),
        ({"user": "nolog", "password": "x"}, "shop", "28000", Phase.AUTH, "is not permitted to log in"),
        (
            {"user": "outsider", "password": "x"},
            "shop",
            "42501",
            Phase.DATABASE,
            "User does not have CONNECT",
        ),
        (
            {"user": "limited", "password": "x"},
            "postgres",
            "53300",
            Phase.CONNECT,
            "too many connections for role",
        ),
        (
            {"user": "outsider", "password": "x"},
            "nodb",
            "3D000",
            Phase.DATABASE,
            'database "nodb" does not exist',
        ),
    ]
    plain = yard.access(server)
    for login, database, sqlstate, phase, said in cases:
        error = await check.connect(
            type(plain.address)("127.0.0.1", server.port, database),
            type(plain.credentials)(**login),
            "require",
            seconds=20,
        )
        assert error is not None, login
        assert (error.sqlstate, error.phase) == (sqlstate, phase), error
        assert said in error.message and f"SqlState: {sqlstate} NativeError: 101" in error.dms_text, error


async def test_statement_errors_in_the_engines_words(yard: Any) -> None:
    server = await yard.server(version="18", database="words")
    async with yard.client(server) as client:
        await client.execute(
            "CREATE TABLE t (id int PRIMARY KEY, v varchar(3)); INSERT INTO t VALUES (1);"
            "CREATE ROLE poor LOGIN PASSWORD 'x'; CREATE SCHEMA closed; CREATE TABLE closed.t (id int);"
        )
    cases = [
        ("shopadmin", "SELECT * FROM nosuch", "42P01", Kind.TABLE),
        ("shopadmin", "SELECT nosuch FROM t", "42703", Kind.TABLE),
        ("shopadmin", "SELECT * FROM nosuch.t", "42P01", Kind.TABLE),
        ("shopadmin", "INSERT INTO t VALUES (1)", "23505", Kind.TABLE),
        ("shopadmin", "INSERT INTO t VALUES (2, 'long')", "22001", Kind.TABLE),
        ("shopadmin", "SELECT 'x'::int", "22P02", Kind.TABLE),
        ("shopadmin", "SET statement_timeout = 1; SELECT pg_sleep(5)", "57014", Kind.TABLE),
        ("shopadmin", "SELECT pg_create_logical_replication_slot('s', 'pgoutput')", "55000", Kind.FATAL),
        ("shopadmin", "SELECT pg_drop_replication_slot('nosuch')", "42704", Kind.FATAL),
        ("poor", "SELECT * FROM t", "42501", Kind.TABLE),
        ("poor", "SELECT * FROM closed.t", "42501", Kind.TABLE),
        ("poor", "SELECT pg_create_logical_replication_slot('s', 'pgoutput')", "42501", Kind.FATAL),
        ("poor", "CREATE PUBLICATION p FOR ALL TABLES", "42501", Kind.FATAL),
        ("poor", "SELECT pg_terminate_backend(pg_backend_pid())", "57P01", Kind.RECOVERABLE),
    ]
    for user, statement, sqlstate, kind in cases:
        password = "x" if user == "poor" else server.spec.password
        async with yard.client(server, user=user, password=password) as client:
            with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)) as wrong:
                await client.execute(statement)
            error = errors.classify(wrong.value)
        assert (error.sqlstate, error.kind) == (sqlstate, kind), (statement, error)
        assert f"SqlState: {sqlstate} " in error.dms_text
