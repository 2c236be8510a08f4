"""Turns an RDS parameter group into PostgreSQL's configuration and hba files. Pure; server.py writes them."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

INSTANCE_MEMORY = 1 << 30
"""Bytes that stand for {DBInstanceClassMemory} in formulas: the sandbox runs every class in a small server."""

SHARED_BUFFERS = "32MB"
CONNECTION_LIMIT = 500
"""Most connections a server of the sandbox is made for; RDS's default formula asks for up to 5,000."""

# What RDS for PostgreSQL sets where it differs from the engine's own default and a task or a script could notice.
# Source: RDS's default parameter groups (16, 18); wal_sender_timeout from reference dms.md 6.4.
RDS_DEFAULTS: Mapping[str, str] = {
    "autovacuum_vacuum_cost_limit": "200",
    "idle_in_transaction_session_timeout": "86400000",
    "log_min_duration_statement": "-1",
    "max_connections": "100",
    "max_replication_slots": "20",
    "max_wal_senders": "20",
    "max_worker_processes": "8",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "wal_sender_timeout": "30000",
}

# Ours, whatever the group says. Logical decoding sees flushed WAL only: synchronous_commit=off would show a change
# a fifth of a second late. fsync is off because the data need not outlive the machine's power.
OURS: Mapping[str, str] = {
    "dynamic_shared_memory_type": "mmap",
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "127.0.0.1",
    "log_destination": "stderr",
    "log_line_prefix": "%m:%r:%u@%d:[%p]:",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "shared_buffers": SHARED_BUFFERS,
    "synchronous_commit": "on",
    "unix_socket_permissions": "0700",
}

_FIXED = {
    "archive_command", "archive_library", "archive_mode", "archive_timeout", "cluster_name", "config_file",
    "data_directory", "external_pid_file", "hba_file", "ident_file", "max_files_per_process", "port",
    "primary_conninfo", "recovery_target", "restore_command", "ssl", "ssl_ca_file", "ssl_cert_file", "ssl_ciphers",
    "ssl_key_file", "unix_socket_directories", "unix_socket_group", "wal_level",
}  # fmt: skip
_KEPT = {
    "autovacuum_work_mem", "effective_cache_size", "huge_pages", "log_directory", "log_file_mode", "log_filename",
    "log_rotation_age", "log_rotation_size", "maintenance_work_mem", "shared_memory_type", "ssl_max_protocol_version",
    "ssl_min_protocol_version", "temp_file_limit", "wal_buffers",
}  # fmt: skip
_EXTENSIONS = (
    "apg_", "aurora", "auto_explain.", "babelfishpg_", "cron.", "orafce.", "pg_bigm.", "pg_hint_plan.", "pg_prewarm.",
    "pg_similarity.", "pg_stat_statements.", "pgaudit.", "pglogical.", "pgtle.", "plrust.", "postgis.", "rdkit.",
    "rds.",
)  # fmt: skip
_STATIC_RDS = {"rds.logical_replication"}
_BOOLEANS = {
    "on": True,
    "true": True,
    "yes": True,
    "1": True,
    "off": False,
    "false": False,
    "no": False,
    "0": False,
}

STORED_RDS = "kept: it steers a part of RDS that the sandbox does not have"
STORED_SIZE = "kept: the sandbox sizes its servers for a small machine"
STORED_LIBRARY = "kept: the sandbox's PostgreSQL has none of these libraries"


@dataclass(frozen=True, slots=True)
class Setting:
    """One configuration parameter as `postgres --describe-config` tells it."""

    name: str
    context: str
    kind: str
    low: float | None
    high: float | None

    @property
    def static(self) -> bool:
        """Whether a change waits for a restart of the server."""
        return self.context == "postmaster"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a parameter group becomes: configuration lines, TLS duty, and what became of each parameter that was set."""

    settings: Mapping[str, str]
    force_ssl: bool
    dynamic: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    stored: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)


def described(text: str) -> dict[str, Setting]:
    """The engine's parameters by lower-case name, from the output of `postgres --describe-config`."""
    found: dict[str, Setting] = {}
    for line in text.splitlines():
        fields = line.split("\t")
        if len(fields) >= 7:
            name, context, _, kind, _, low, high = fields[:7]
            found[name.lower()] = Setting(
                name, context, kind, float(low) if low else None, float(high) if high else None
            )
    return found


def formula(value: str, memory: int = INSTANCE_MEMORY) -> str:
    """An RDS formula such as `LEAST({DBInstanceClassMemory/9531392},5000)` as a number; other text as it is.

    Raises ValueError when the text has braces but is no formula RDS knows.
    """
    if "{" not in value:
        return value
    text = value.replace("DBInstanceClassMemory", str(memory))
    text = re.sub(r"AllocatedStorage|DBInstanceVCPU", "2", text)
    text = text.replace("{", "(").replace("}", ")")
    try:
        return str(int(_evaluate(ast.parse(text, mode="eval").body)))
    except (SyntaxError, KeyError, TypeError, ZeroDivisionError) as error:
        raise ValueError(f"'{value}' is not a formula RDS knows") from error


_OPERATORS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_FUNCTIONS: Mapping[str, Callable[..., float]] = {
    "LEAST": min,
    "GREATEST": max,
    "SUM": lambda *parts: sum(parts),
}


def _evaluate(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATORS[type(op)](_evaluate(left), _evaluate(right))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _FUNCTIONS[name.upper()](*(_evaluate(argument) for argument in arguments))
    raise KeyError(ast.dump(node))


def truth(value: str | None, default: bool) -> bool:
    """A boolean parameter's value; `default` where it is not set."""
    return default if value is None else _BOOLEANS.get(value.strip().lower(), default)


def _fault(setting: Setting, value: str) -> str | None:
    """Why the engine would refuse this value, as far as its description tells; enumerations it checks itself."""
    if setting.kind == "BOOLEAN" and value.strip().lower() not in _BOOLEANS:
        return f"parameter '{setting.name}' requires a Boolean value"
    if setting.kind in {"INTEGER", "REAL"}:
        try:
            number = float(value)
        except ValueError:
            return f"invalid value for parameter '{setting.name}': '{value}'"
        if (setting.low is not None and number < setting.low) or (
            setting.high is not None and number > setting.high
        ):
            return (
                f"{value} is outside the valid range for parameter '{setting.name}' "
                f"({setting.low:.0f} .. {setting.high:.0f})"
            )
    return None


def plan(parameters: Mapping[str, str], known: Mapping[str, Setting]) -> Plan:
    """Decide what each parameter of a group means for this engine (`known`: what its version knows)."""
    settings = {name: value for name, value in RDS_DEFAULTS.items() if name in known}
    stored: dict[str, str] = {}
    refused: dict[str, str] = {}
    dynamic: list[str] = []
    static: list[str] = []
    for name, raw in parameters.items():
        key = name.lower()
        if key == "rds.force_ssl":
            dynamic.append(name)
        elif key in _STATIC_RDS:
            static.append(name)
        elif key == "shared_preload_libraries":
            stored[name] = STORED_LIBRARY
        elif key in _KEPT or key in OURS:
            stored[name] = STORED_SIZE
        elif key.startswith(_EXTENSIONS):
            stored[name] = STORED_RDS
        elif key in _FIXED or (key in known and known[key].context == "internal"):
            refused[name] = f"The parameter {name} is not modifiable."
        elif key not in known:
            refused[name] = f"Could not find parameter with name: {name}"
        else:
            try:
                value = formula(raw)
            except ValueError as error:
                refused[name] = str(error)
                continue
            if (fault := _fault(known[key], value)) is not None:
                refused[name] = fault
                continue
            if key == "max_connections" and int(float(value)) > CONNECTION_LIMIT:
                value = str(CONNECTION_LIMIT)
            settings[key] = value
            (static if known[key].static else dynamic).append(name)
    logical = truth(parameters.get("rds.logical_replication"), False)
    settings = {**settings, **OURS, "wal_level": "logical" if logical else "replica"}
    return Plan(
        settings, truth(parameters.get("rds.force_ssl"), True), tuple(dynamic), tuple(static), stored, refused
    )


def configuration(settings: Mapping[str, str], *, port: int, socket_dir: str) -> str:
    """The text of postgresql.conf."""
    whole = {**settings, "port": str(port), "unix_socket_directories": socket_dir}
    return "".join(f"{name} = '{_quoted(value)}'\n" for name, value in sorted(whole.items()))


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''").replace("\n", " ")


def access(force_ssl: bool) -> str:
    """The text of pg_hba.conf. TLS clients come through the gate by the unix socket, plain ones by TCP: this is how
    `rds.force_ssl` refuses the latter in the server's own words."""
    lines = ["local all all scram-sha-256", "local replication all scram-sha-256"]
    if not force_ssl:
        lines += [
            "host all all 127.0.0.1/32 scram-sha-256",
            "host replication all 127.0.0.1/32 scram-sha-256",
        ]
    return "\n".join(lines) + "\n"
