"""The SQL that makes a new server look like RDS's: roles, master user, database. Pure; server.py runs it."""

from __future__ import annotations

SUPERUSER = "rdsadmin"
"""Name of the engine's internal superuser, as on RDS; the data folder is made with it."""


def literal(text: str) -> str:
    """A SQL string literal, safe whatever standard_conforming_strings says."""
    quoted = text.replace("'", "''")
    return f" E'{quoted.replace(chr(92), chr(92) * 2)}'" if "\\" in text else f"'{quoted}'"


def identifier(name: str) -> str:
    """A quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def base_statements() -> list[str]:
    """RDS's own roles (group roles without login) and what they may do beyond an ordinary user."""
    return [
        "CREATE ROLE rds_superuser NOLOGIN",
        "CREATE ROLE rds_replication NOLOGIN",
        "CREATE ROLE rds_password NOLOGIN",
        "CREATE ROLE rds_iam NOLOGIN",
        "GRANT pg_monitor, pg_signal_backend, pg_checkpoint, pg_read_all_data, pg_write_all_data, rds_replication, "
        "rds_password TO rds_superuser WITH ADMIN OPTION",
        "GRANT SET ON PARAMETER session_replication_role, log_statement, log_min_duration_statement TO rds_superuser",
        "GRANT EXECUTE ON FUNCTION pg_stat_reset() TO rds_superuser",
    ]


def admin_password(password: str) -> str:
    """Replace the template's superuser password by this server's own."""
    return f"ALTER ROLE {SUPERUSER} PASSWORD {literal(password)}"


def master_statements(user: str, password: str) -> list[str]:
    """The master user. RDS patched its server so that rds_replication carries REPLICATION; here the attribute does."""
    name = identifier(user)
    return [
        f"CREATE ROLE {name} LOGIN CREATEDB CREATEROLE REPLICATION PASSWORD {literal(password)} VALID UNTIL 'infinity'",
        f"GRANT rds_superuser TO {name} WITH ADMIN OPTION",
    ]


def database_statement(database: str, owner: str) -> str:
    """The first database, or the owner of `postgres`, which every server has."""
    if database == "postgres":
        return f"ALTER DATABASE postgres OWNER TO {identifier(owner)}"
    return f"CREATE DATABASE {identifier(database)} OWNER {identifier(owner)}"


def set_password(user: str, password: str) -> str:
    """Change the password of a login."""
    return f"ALTER ROLE {identifier(user)} PASSWORD {literal(password)}"
