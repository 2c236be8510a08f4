"""Sorts what PostgreSQL, network and TLS say into what DMS makes of it (dms.md 2.5, 9.2). Pure; The flow calls it."""

from __future__ import annotations

import re
import socket
import ssl
from dataclasses import replace

from dmstui.sandbox.engines.base import EngineError, EngineFailureError, Kind, Phase

CONNECT_STATE = "08001"
CONNECT_NATIVE = 101
STATEMENT_NATIVE = 1
LOST_STATE = "08S01"
_LOST = "server closed the connection unexpectedly"
_REFUSED = "could not connect to server: Connection refused"

_ConnectPhases = frozenset({Phase.RESOLVE, Phase.CONNECT, Phase.TLS, Phase.AUTH, Phase.DATABASE})

_OBJECT_RIGHT = r"permission denied for (table|view|schema|sequence|relation|materialized|column)"

# First match wins: SQLSTATE or its class, a pattern in the message, how far it came, what a task does about it.
_RULES: tuple[tuple[str, str, Phase, Kind], ...] = (
    ("08001", "could not translate host name", Phase.RESOLVE, Kind.FATAL),
    ("28", "", Phase.AUTH, Kind.FATAL),
    ("3D000", "", Phase.DATABASE, Kind.FATAL),
    ("42501", "for database", Phase.DATABASE, Kind.FATAL),
    ("42501", _OBJECT_RIGHT, Phase.PRIVILEGE, Kind.TABLE),
    ("42501", "", Phase.PRIVILEGE, Kind.FATAL),
    ("53300", "", Phase.CONNECT, Kind.RECOVERABLE),
    ("53400", "", Phase.SLOT, Kind.FATAL),
    ("53", "", Phase.STATEMENT, Kind.RECOVERABLE),
    ("57P03", "", Phase.CONNECT, Kind.RECOVERABLE),
    ("57P04", "", Phase.DATABASE, Kind.FATAL),
    ("57014", "", Phase.STATEMENT, Kind.TABLE),
    ("57", "", Phase.STATEMENT, Kind.RECOVERABLE),
    ("25P03", "", Phase.STATEMENT, Kind.RECOVERABLE),
    ("25P04", "", Phase.STATEMENT, Kind.RECOVERABLE),
    ("08", "", Phase.CONNECT, Kind.RECOVERABLE),
    ("42710", "replication slot|publication", Phase.SLOT, Kind.FATAL),
    ("42704", "replication slot|publication", Phase.SLOT, Kind.FATAL),
    ("55006", "replication slot", Phase.SLOT, Kind.RECOVERABLE),
    ("55000", "replication slot|logical decoding|wal_level", Phase.SLOT, Kind.FATAL),
    ("58P01", "requested WAL segment|could not access file", Phase.SLOT, Kind.FATAL),
    ("55P03", "", Phase.STATEMENT, Kind.RECOVERABLE),
    ("40", "", Phase.STATEMENT, Kind.RECOVERABLE),
    ("42", "", Phase.STATEMENT, Kind.TABLE),
    ("3F", "", Phase.STATEMENT, Kind.TABLE),
    ("22", "", Phase.STATEMENT, Kind.TABLE),
    ("23", "", Phase.STATEMENT, Kind.TABLE),
    ("0A", "", Phase.STATEMENT, Kind.TABLE),
    ("55", "", Phase.STATEMENT, Kind.TABLE),
    ("XX001", "", Phase.STATEMENT, Kind.TABLE),
)  # fmt: skip


def sort(sqlstate: str, message: str) -> tuple[Phase, Kind]:
    """How far it came and what a task does about it. What no rule knows ends the task."""
    for prefix, pattern, phase, kind in _RULES:
        if sqlstate.startswith(prefix) and re.search(pattern, message):
            return phase, kind
    return Phase.STATEMENT, Kind.FATAL


def classify(wrong: BaseException) -> EngineError:
    """Any exception of a connection, a statement or a reader as a record; `dms_text` is DMS's detailed message."""
    if isinstance(wrong, EngineFailureError):
        return wrong.error
    under = wrong.__cause__ or wrong.__context__
    if getattr(wrong, "sqlstate", None) == "08003" and isinstance(getattr(under, "sqlstate", None), str):
        # The driver's own "connection was closed" over what the server said when it closed it.
        assert under is not None
        wrong = under
    sqlstate = getattr(wrong, "sqlstate", None)
    if sqlstate == "08003" and not getattr(wrong, "severity", None):
        # No server said this: the driver saw its connection die under a statement. In the words of libpq and ODBC:
        return _record(LOST_STATE, _LOST, Phase.CONNECT, Kind.RECOVERABLE, _LOST)
    if isinstance(sqlstate, str):
        return server_error(
            sqlstate,
            str(getattr(wrong, "message", None) or wrong),
            getattr(wrong, "severity", None) or "ERROR",
            getattr(wrong, "detail", None),
        )
    phase, kind, text = _of_network(wrong)
    return _record(CONNECT_STATE, text, phase, kind, text)


def server_error(
    sqlstate: str, message: str, severity: str = "ERROR", detail: str | None = None
) -> EngineError:
    """What a server answered, as a record."""
    phase, kind = sort(sqlstate, message)
    whole = f"{message} DETAIL: {detail}" if detail else message
    said = f"{severity}: {whole}"
    if phase not in _ConnectPhases:
        said += ";, Error while executing the query"
    return _record(sqlstate, whole, phase, kind, said)


def _record(sqlstate: str, message: str, phase: Phase, kind: Kind, said: str) -> EngineError:
    native = CONNECT_NATIVE if phase in _ConnectPhases else STATEMENT_NATIVE
    text = f"RetCode: SQL_ERROR SqlState: {sqlstate} NativeError: {native} Message: [unixODBC]{said}"
    return EngineError(sqlstate, message, phase, kind, text)


def _of_network(wrong: BaseException) -> tuple[Phase, Kind, str]:
    """A failure below PostgreSQL's protocol, in the words libpq has for it."""
    chain: list[BaseException] = []
    step: BaseException | None = wrong
    while step is not None and step not in chain:
        chain.append(step)
        step = step.__cause__ or step.__context__
    for each in chain:
        if isinstance(each, ssl.SSLCertVerificationError):
            if each.verify_code == 62:  # X509_V_ERR_HOSTNAME_MISMATCH
                named = re.search(r"certificate is not valid for '([^']*)'", each.verify_message or "")
                host = named[1] if named else "the server"
                return Phase.TLS, Kind.FATAL, f'server certificate does not match host name "{host}"'
            return Phase.TLS, Kind.FATAL, f"SSL error: certificate verify failed ({each.verify_message})"
        if isinstance(each, ssl.SSLError):
            return (
                Phase.TLS,
                Kind.FATAL,
                f"SSL error: {getattr(each, 'reason', None) or each.strerror or each}",
            )
    if "rejected SSL upgrade" in str(wrong):
        return Phase.TLS, Kind.FATAL, "server does not support SSL, but SSL was required"
    if isinstance(wrong, TimeoutError):
        return Phase.CONNECT, Kind.RECOVERABLE, "timeout expired"
    if "unexpected connection_lost" in str(wrong):  # how asyncpg tells of a reset before the first answer
        return Phase.CONNECT, Kind.RECOVERABLE, _REFUSED
    if isinstance(wrong, socket.gaierror):
        return Phase.RESOLVE, Kind.FATAL, f"could not translate host name to address: {wrong.strerror}"
    if isinstance(wrong, ConnectionRefusedError | ConnectionResetError | BrokenPipeError | EOFError):
        lost = isinstance(wrong, BrokenPipeError | EOFError)
        said = _LOST if lost else _REFUSED
        return Phase.CONNECT, Kind.RECOVERABLE, said
    return Phase.CONNECT, Kind.RECOVERABLE, f"could not connect to server: {wrong}"


def tested(error: EngineError) -> EngineError:
    """The same failure with the text a connection test shows (LastFailureMessage of the connection)."""
    headline = (
        "Cannot connect to ODBC provider Network error has occurred"
        if error.phase in {Phase.RESOLVE, Phase.CONNECT}
        else "Failed to connect Network error has occurred"
        if error.phase in _ConnectPhases
        else "Failed to execute statement"
    )
    text = (
        f"Test Endpoint failed: Application-Status: 1020912, Application-Message: {headline}, "
        f"Application-Detailed-Message: {error.dms_text}"
    )
    return replace(error, dms_text=text)


def unresolved(server_name: str) -> EngineError:
    """The failure of a name that no longer means any server."""
    return server_error(
        CONNECT_STATE,
        f'could not translate host name "{server_name}" to address: Name or service not known',
        "FATAL",
    )
