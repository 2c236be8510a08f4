"""A parameter group as the engine's configuration: each kind of parameter once."""

from __future__ import annotations

import pytest

from dmstui.sandbox.engines.postgres import parameters, roles

DESCRIBED = "\n".join(
    (
        "work_mem\tuser\tResource Usage\tINTEGER\t0\t64\t2147483647\tSets\t",
        "max_connections\tpostmaster\tConnections\tINTEGER\t0\t1\t262143\tSets\t",
        "log_statement\tsuperuser\tReporting\tENUM\tnone\t\t\tSets\t",
        "autovacuum\tsighup\tAutovacuum\tBOOLEAN\tTRUE\t\t\tStarts\t",
        "seed_fraction\tuser\tX\tREAL\t0\t0\t1\tX\t",
        "block_size\tinternal\tPreset\tINTEGER\t0\t8192\t8192\tShows\t",
        "TimeZone\tuser\tClient\tSTRING\tGMT\t\t\tSets\t",
    )
)
KNOWN = parameters.described(DESCRIBED)


@pytest.mark.parametrize(
    ("name", "value", "where", "setting"),
    [
        ("work_mem", "4096", "dynamic", ("work_mem", "4096")),
        ("max_connections", "50", "static", ("max_connections", "50")),
        (
            "max_connections",
            "LEAST({DBInstanceClassMemory/9531392},5000)",
            "static",
            ("max_connections", "112"),
        ),
        ("max_connections", "5000", "static", ("max_connections", "500")),
        ("timezone", "Europe/Berlin", "dynamic", ("timezone", "Europe/Berlin")),
        ("TimeZone", "Europe/Berlin", "dynamic", ("timezone", "Europe/Berlin")),
        ("log_statement", "all", "dynamic", ("log_statement", "all")),
        ("autovacuum", "0", "dynamic", ("autovacuum", "0")),
        ("rds.logical_replication", "1", "static", ("wal_level", "logical")),
        ("rds.logical_replication", "0", "static", ("wal_level", "replica")),
        ("rds.force_ssl", "0", "dynamic", None),
        ("rds.force_autovacuum_logging_level", "log", "stored", None),
        ("pg_stat_statements.track", "all", "stored", None),
        ("shared_preload_libraries", "pg_stat_statements", "stored", None),
        ("shared_buffers", "{DBInstanceClassMemory/32768}", "stored", ("shared_buffers", "32MB")),
        ("synchronous_commit", "off", "stored", ("synchronous_commit", "on")),
    ],
)
def test_taken(name: str, value: str, where: str, setting: tuple[str, str] | None) -> None:
    plan = parameters.plan({name: value}, KNOWN)
    assert not plan.refused
    assert name in getattr(plan, where)
    assert sum(name in part for part in (plan.dynamic, plan.static, plan.stored)) == 1
    if setting is not None:
        assert plan.settings[setting[0]] == setting[1]


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("no_such_thing", "1", "Could not find parameter with name: no_such_thing"),
        ("wal_level", "logical", "The parameter wal_level is not modifiable."),
        ("port", "5433", "not modifiable"),
        ("block_size", "4096", "not modifiable"),
        ("work_mem", "plenty", "invalid value for parameter 'work_mem': 'plenty'"),
        ("work_mem", "1", "1 is outside the valid range for parameter 'work_mem' (64 .. 2147483647)"),
        ("work_mem", "{DBInstanceClassMemory*}", "is not a formula RDS knows"),
        ("work_mem", "{__import__('os')}", "is not a formula RDS knows"),
        ("autovacuum", "perhaps", "parameter 'autovacuum' requires a Boolean value"),
    ],
)
def test_refused(name: str, value: str, reason: str) -> None:
    plan = parameters.plan({name: value}, KNOWN)
    assert reason in plan.refused[name]
    assert name not in (*plan.dynamic, *plan.static, *plan.stored)
    assert plan.settings == parameters.plan({}, KNOWN).settings


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("100", "100"),
        ("{DBInstanceClassMemory/1024}", "1048576"),
        ("GREATEST({DBInstanceClassMemory*1024/63963136},65536)", "65536"),
        ("LEAST({DBInstanceClassMemory/9531392},5000)", "112"),
        ("{DBInstanceClassMemory/1024+AllocatedStorage-2}", "1048576"),
    ],
)
def test_formula(text: str, number: str) -> None:
    assert parameters.formula(text) == number


def test_rds_forces_tls_unless_told_otherwise() -> None:
    assert parameters.plan({}, KNOWN).force_ssl
    assert parameters.plan({"rds.force_ssl": "1"}, KNOWN).force_ssl
    assert not parameters.plan({"rds.force_ssl": "0"}, KNOWN).force_ssl
    assert "host " not in parameters.access(force_ssl=True)
    assert "host all all 127.0.0.1/32 scram-sha-256" in parameters.access(force_ssl=False)
    assert "trust" not in parameters.access(force_ssl=True) + parameters.access(force_ssl=False)


def test_values_cannot_leave_their_line() -> None:
    text = parameters.configuration({"search_path": "a'b\\c\nport = 1"}, port=5, socket_dir="/s")
    assert text.splitlines() == [
        "port = '5'",
        "search_path = 'a''b\\\\c port = 1'",
        "unix_socket_directories = '/s'",
    ]


@pytest.mark.parametrize(
    ("text", "literal"), [("plain", "'plain'"), ("it's", "'it''s'"), ("a\\'", " E'a\\\\'''"), ("", "''")]
)
def test_literal(text: str, literal: str) -> None:
    assert roles.literal(text) == literal


def test_identifier() -> None:
    assert roles.identifier('a"b') == '"a""b"'
    assert roles.database_statement("postgres", "me") == 'ALTER DATABASE postgres OWNER TO "me"'
    assert roles.database_statement('x"', "me") == 'CREATE DATABASE "x""" OWNER "me"'
