"""Tests a connection as DMS does, and whether a database can be a source. DMS and the start of a task call it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from dmstui.sandbox.engines.base import Address, Credentials, EngineError, Finding
from dmstui.sandbox.engines.postgres import errors, session

SENDER_FLOOR_MS = 10_000


async def connect(
    address: Address,
    credentials: Credentials,
    ssl_mode: str = "none",
    ca_pem: str | None = None,
    server_name: str | None = None,
    *,
    seconds: float = session.CONNECT_SECONDS,
) -> EngineError | None:
    """Log in and ask one question. None if that works, else the failure with the text a connection test shows."""
    access = session.Access(address, credentials, ssl_mode, ca_pem, server_name)
    try:
        connection = await session.connect(access, seconds=seconds)
        try:
            await connection.fetchval("SELECT version()")
        finally:
            with contextlib.suppress(Exception):
                await connection.close(timeout=5)
    except asyncio.CancelledError:
        raise
    except Exception as wrong:
        return errors.tested(errors.classify(wrong))
    return None


_FACTS = """
SELECT current_setting('wal_level') AS wal_level,
       current_setting('max_replication_slots')::int AS slots,
       (SELECT count(*) FROM pg_replication_slots) AS slots_used,
       current_setting('max_wal_senders')::int AS senders,
       (SELECT count(*) FROM pg_stat_replication) AS senders_used,
       (SELECT setting::int FROM pg_settings WHERE name = 'wal_sender_timeout') AS sender_timeout,
       (SELECT setting::int FROM pg_settings WHERE name = 'max_slot_wal_keep_size') AS keep_size,
       current_setting('server_version_num')::int AS version,
       pg_is_in_recovery() AS standby,
       (SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = current_user)
         OR (EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_replication')
             AND pg_has_role(current_user, (SELECT oid FROM pg_roles WHERE rolname = 'rds_replication'), 'MEMBER'))
         AS replication
"""


async def source(connection: Any, cdc: bool) -> list[Finding]:
    """What hinders a task on this database, fatal findings first. Without `cdc` reading rights are all it takes."""
    found: list[Finding] = []
    if not cdc:
        return found
    facts = await connection.fetchrow(_FACTS)
    if facts["wal_level"] != "logical":
        found.append(
            Finding(
                "wal-level",
                f'logical decoding requires "wal_level" >= "logical", it is "{facts["wal_level"]}"',
                True,
                "Set rds.logical_replication to 1 in the DB parameter group and reboot the instance.",
            )
        )
    if not facts["replication"]:
        found.append(
            Finding(
                "replication-role",
                "permission denied to use replication slots",
                True,
                "GRANT rds_replication TO the user of the endpoint.",
            )
        )
    if facts["slots_used"] >= facts["slots"]:
        found.append(
            Finding(
                "slots-exhausted",
                "all replication slots are in use",
                True,
                "Drop slots that no task uses, or raise max_replication_slots and reboot.",
            )
        )
    if facts["senders_used"] >= facts["senders"]:
        found.append(
            Finding(
                "senders-exhausted",
                "number of requested standby connections exceeds max_wal_senders",
                True,
                "Stop a task, or raise max_wal_senders and reboot.",
            )
        )
    if 0 < facts["sender_timeout"] < SENDER_FLOOR_MS:
        found.append(
            Finding(
                "wal-sender-timeout",
                f"wal_sender_timeout is {facts['sender_timeout']} ms, DMS needs at least 10000",
                True,
                "Set wal_sender_timeout to 0 or to 10000 ms and more.",
            )
        )
    if facts["standby"]:
        found.append(
            Finding("read-replica", "the source is a read replica", True, "Use the writer as source.")
        )
    if facts["keep_size"] >= 0:
        found.append(
            Finding(
                "slot-keep-size",
                f"max_slot_wal_keep_size is {facts['keep_size']} MB: a task that lags further loses its slot",
                False,
                "Set max_slot_wal_keep_size to -1, or watch OldestReplicationSlotLag.",
            )
        )
    return found


async def may_replicate(connection: Any) -> bool:
    """Whether this user may use slots on RDS: by the attribute or by membership in rds_replication."""
    return bool((await connection.fetchrow(_FACTS))["replication"])
