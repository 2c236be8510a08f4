"""The publications that make pgoutput capture what DMS captures, no more and no less. changes.py calls it.

One for inserts and truncates of all tables; one for updates and deletes of tables whose rows the log can tell apart,
kept up to date by an event trigger. With one for all tables, an update of a key-less table would fail at the source.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from dmstui.sandbox.engines.postgres.catalogue import IDENTITY, USER_SCHEMA
from dmstui.sandbox.engines.postgres.roles import identifier

SCHEMA = "rdsadmin"
TRIGGER = "rdsadmin_follow_identity"

_TABLES = f"""
SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS name, c.oid
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE {USER_SCHEMA} AND {IDENTITY}
"""

# Runs inside the transaction of the DDL, as superuser: a table that gains an identity is published before its next
# update, one that loses it is taken out before that update would fail.
_FUNCTION = f"""
CREATE OR REPLACE FUNCTION {SCHEMA}.follow_identity() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $body$
DECLARE
    publication record;
    changed record;
BEGIN
    FOR publication IN SELECT oid, pubname FROM pg_publication WHERE pubname LIKE 'awsdms\\_%\\_ud' LOOP
        FOR changed IN
            SELECT wanted.name, 'ADD' AS what FROM ({_TABLES}) wanted
            WHERE NOT EXISTS (SELECT FROM pg_publication_rel r
                              WHERE r.prpubid = publication.oid AND r.prrelid = wanted.oid)
            UNION ALL
            SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), 'DROP'
            FROM pg_publication_rel r JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE r.prpubid = publication.oid AND NOT ({IDENTITY})
        LOOP
            EXECUTE format('ALTER PUBLICATION %I %s TABLE %s', publication.pubname, changed.what, changed.name);
        END LOOP;
    END LOOP;
END
$body$
"""

_TAGS = "'CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE', 'CREATE SCHEMA', 'DROP INDEX'"


@dataclass(frozen=True, slots=True)
class Publications:
    """The two names of one slot."""

    inserts: str
    updates: str

    @classmethod
    def of(cls, slot: str) -> Publications:
        """The names that belong to a slot."""
        mark = hashlib.sha256(slot.encode()).hexdigest()[:16]
        return cls(f"awsdms_{mark}_it", f"awsdms_{mark}_ud")

    @property
    def names(self) -> list[str]:
        return [self.inserts, self.updates]


async def create(admin: Any, publications: Publications) -> None:
    """Make what is missing of them, in one transaction. `admin` is a superuser's connection to the source database."""
    async with admin.transaction():
        # Two tasks that start at once would both try to make the schema.
        await admin.execute("SELECT pg_advisory_xact_lock(hashtext('dmstui publications'))")
        await admin.execute("SET LOCAL client_min_messages = error")
        await admin.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        await admin.execute(_FUNCTION)
        if not await admin.fetchval(
            "SELECT EXISTS (SELECT FROM pg_event_trigger WHERE evtname = $1)", TRIGGER
        ):
            await admin.execute(
                f"CREATE EVENT TRIGGER {TRIGGER} ON ddl_command_end WHEN TAG IN ({_TAGS}) "
                f"EXECUTE FUNCTION {SCHEMA}.follow_identity()"
            )
        have = await existing(admin, publications)
        if publications.inserts not in have:
            await admin.execute(
                f"CREATE PUBLICATION {identifier(publications.inserts)} FOR ALL TABLES "
                "WITH (publish = 'insert, truncate')"
            )
        if publications.updates not in have:
            tables = [row["name"] for row in await admin.fetch(_TABLES)]
            listed = f"FOR TABLE {', '.join(tables)} " if tables else ""
            await admin.execute(
                f"CREATE PUBLICATION {identifier(publications.updates)} {listed}WITH (publish = 'update, delete')"
            )


async def existing(admin: Any, publications: Publications) -> set[str]:
    """Which of the two are there."""
    rows = await admin.fetch("SELECT pubname FROM pg_publication WHERE pubname = ANY($1)", publications.names)
    return {row["pubname"] for row in rows}


async def drop(admin: Any, publications: Publications) -> None:
    """Remove them, and with the last pair the event trigger."""
    async with admin.transaction():
        await admin.execute("SELECT pg_advisory_xact_lock(hashtext('dmstui publications'))")
        await admin.execute("SET LOCAL client_min_messages = error")
        for name in publications.names:
            await admin.execute(f"DROP PUBLICATION IF EXISTS {identifier(name)}")
        if not await admin.fetchval(
            r"SELECT EXISTS (SELECT FROM pg_publication WHERE pubname LIKE 'awsdms\_%\_ud')"
        ):
            await admin.execute(f"DROP EVENT TRIGGER IF EXISTS {TRIGGER}")
            await admin.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
