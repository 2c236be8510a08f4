"""The table of error kinds on texts; the same errors are provoked on real servers in the integration tests."""

from __future__ import annotations

import socket
import ssl

import asyncpg
import pytest

from dmstui.sandbox.engines.base import EngineFailureError, Kind, Phase
from dmstui.sandbox.engines.postgres import errors


@pytest.mark.parametrize(
    ("sqlstate", "message", "phase", "kind"),
    [
        ("28P01", 'password authentication failed for user "admin"', Phase.AUTH, Kind.FATAL),
        ("28000", 'no pg_hba.conf entry for host "127.0.0.1"', Phase.AUTH, Kind.FATAL),
        ("3D000", 'database "nodb" does not exist', Phase.DATABASE, Kind.FATAL),
        ("42501", 'permission denied for database "shop"', Phase.DATABASE, Kind.FATAL),
        ("42501", "permission denied for table t", Phase.PRIVILEGE, Kind.TABLE),
        ("42501", "permission denied to use replication slots", Phase.PRIVILEGE, Kind.FATAL),
        ("53300", "sorry, too many clients already", Phase.CONNECT, Kind.RECOVERABLE),
        ("53400", "all replication slots are in use", Phase.SLOT, Kind.FATAL),
        ("53100", "could not extend file: No space left on device", Phase.STATEMENT, Kind.RECOVERABLE),
        ("57P03", "the database system is starting up", Phase.CONNECT, Kind.RECOVERABLE),
        ("57P01", "terminating connection due to administrator command", Phase.STATEMENT, Kind.RECOVERABLE),
        ("55000", 'logical decoding requires "wal_level" >= "logical"', Phase.SLOT, Kind.FATAL),
        ("55000", 'can no longer access replication slot "s"', Phase.SLOT, Kind.FATAL),
        (
            "55000",
            "cannot update table because it does not have a replica identity",
            Phase.STATEMENT,
            Kind.TABLE,
        ),
        ("55006", 'replication slot "x" is active for PID 790', Phase.SLOT, Kind.RECOVERABLE),
        ("42704", 'publication "nopub" does not exist', Phase.SLOT, Kind.FATAL),
        ("42704", 'type "x" does not exist', Phase.STATEMENT, Kind.TABLE),
        ("42P01", 'relation "t" does not exist', Phase.STATEMENT, Kind.TABLE),
        ("40P01", "deadlock detected", Phase.STATEMENT, Kind.RECOVERABLE),
        ("55P03", "canceling statement due to lock timeout", Phase.STATEMENT, Kind.RECOVERABLE),
        ("XX000", "internal error", Phase.STATEMENT, Kind.FATAL),
    ],
)
def test_server_errors(sqlstate: str, message: str, phase: Phase, kind: Kind) -> None:
    error = errors.server_error(sqlstate, message)
    assert (error.phase, error.kind, error.sqlstate, error.message) == (phase, kind, sqlstate, message)
    assert (
        f"RetCode: SQL_ERROR SqlState: {sqlstate} NativeError: " in error.dms_text
        and message in error.dms_text
    )


def certificate_error(code: int, text: str) -> ssl.SSLCertVerificationError:
    wrong = ssl.SSLCertVerificationError(1, "certificate verify failed")
    wrong.verify_code = code
    wrong.verify_message = text
    return wrong


@pytest.mark.parametrize(
    ("wrong", "phase", "said"),
    [
        (TimeoutError(), Phase.CONNECT, "timeout expired"),
        (ConnectionRefusedError(111, "x"), Phase.CONNECT, "Connection refused"),
        (ConnectionResetError(104, "x"), Phase.CONNECT, "Connection refused"),
        (ConnectionError("unexpected connection_lost() call"), Phase.CONNECT, "Connection refused"),
        (EOFError(), Phase.CONNECT, "server closed the connection unexpectedly"),
        (socket.gaierror(-2, "Name or service not known"), Phase.RESOLVE, "could not translate host name"),
        (
            ConnectionError('PostgreSQL server at "x" rejected SSL upgrade'),
            Phase.TLS,
            "server does not support SSL",
        ),
        (
            certificate_error(62, "certificate is not valid for 'db.x'"),
            Phase.TLS,
            'does not match host name "db.x"',
        ),
        (
            certificate_error(19, "self-signed certificate"),
            Phase.TLS,
            "certificate verify failed (self-signed",
        ),
    ],
)
def test_network_errors(wrong: Exception, phase: Phase, said: str) -> None:
    error = errors.classify(wrong)
    assert error.phase is phase and said in error.dms_text and error.sqlstate == "08001"
    assert "NativeError: 101" in error.dms_text


def test_detail_of_the_server_is_kept() -> None:
    wrong = asyncpg.PostgresError.new(
        {"S": "FATAL", "C": "42501", "M": 'permission denied for database "shop"', "D": "User lacks CONNECT."}
    )
    error = errors.classify(wrong)
    assert error.message == 'permission denied for database "shop" DETAIL: User lacks CONNECT.'
    assert "[unixODBC]FATAL: permission denied" in error.dms_text


def test_tested_text() -> None:
    error = errors.tested(errors.classify(TimeoutError()))
    assert error.dms_text == (
        "Test Endpoint failed: Application-Status: 1020912, Application-Message: Cannot connect to ODBC provider "
        "Network error has occurred, Application-Detailed-Message: RetCode: SQL_ERROR SqlState: 08001 "
        "NativeError: 101 Message: [unixODBC]timeout expired"
    )


def test_a_record_travels_unchanged() -> None:
    record = errors.unresolved("db.example.com")
    assert errors.classify(EngineFailureError(record)) is record
    assert record.phase is Phase.RESOLVE


def test_a_connection_that_dies_under_a_statement_is_told_as_the_odbc_driver_tells_it() -> None:
    wrong = asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
    error = errors.classify(wrong)
    assert (error.phase, error.kind) == (Phase.CONNECT, Kind.RECOVERABLE)
    assert "SqlState: 08S01 NativeError: 101" in error.dms_text
    assert error.message == "server closed the connection unexpectedly"
    said_by_a_server = asyncpg.PostgresError.new({"S": "ERROR", "C": "08003", "M": "no connection"})
    assert errors.classify(said_by_a_server).sqlstate == "08003"
