"""What a PostgreSQL database has to migrate: tables and views, columns in DMS types. The flow's source calls it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from dmstui.sandbox.engines.base import SourceColumn, SourceTable
from dmstui.sandbox.engines.postgres.types import NativeType, dms_type

# A table whose updates and deletes the log can tell apart by row (and that may thus be published for them).
IDENTITY = """
    c.relkind = 'r' AND c.relpersistence = 'p' AND (
        c.relreplident = 'f'
        OR (c.relreplident = 'd' AND EXISTS (
            SELECT FROM pg_catalog.pg_index i
            WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate AND i.indisvalid))
        OR (c.relreplident = 'i' AND EXISTS (
            SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisreplident AND i.indisvalid)))
"""

# Schemas that are the server's own; rdsadmin holds what the sandbox itself keeps in a database.
USER_SCHEMA = "n.nspname NOT IN ('information_schema', 'rdsadmin') AND n.nspname !~ '^pg_'"

# Children of partitioned tables come as the ordinary tables they are, their parents not at all (dms.md 6.4). What the
# user may not read is not seen, as in DMS. DMS's own control tables are never migrated.
_TABLES = f"""
SELECT c.oid, n.nspname AS schema, c.relname AS name, CASE c.relkind WHEN 'v' THEN 'view' ELSE 'table' END AS kind,
       ({IDENTITY}) AS identity,
       CASE WHEN c.relkind = 'v' THEN 0
            WHEN c.reltuples >= 0 THEN greatest(c.reltuples::bigint, 0)
            ELSE coalesce(pg_catalog.pg_stat_get_live_tuples(c.oid), 0) END AS rows
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v') AND c.relpersistence <> 't' AND {USER_SCHEMA} AND c.relname !~ '^awsdms_'
  AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
  AND (pg_catalog.has_table_privilege(c.oid, 'SELECT') OR pg_catalog.has_any_column_privilege(c.oid, 'SELECT'))
ORDER BY n.nspname, c.relname
"""

_COLUMNS = f"""
WITH RECURSIVE resolved(id, base, modifier) AS (
    SELECT oid, typbasetype, typtypmod FROM pg_catalog.pg_type WHERE typtype = 'd'
    UNION ALL
    SELECT r.id, t.typbasetype, CASE WHEN r.modifier >= 0 THEN r.modifier ELSE t.typtypmod END
    FROM resolved r JOIN pg_catalog.pg_type t ON t.oid = r.base AND t.typtype = 'd'
), domains AS (
    SELECT r.* FROM resolved r JOIN pg_catalog.pg_type t ON t.oid = r.base AND t.typtype <> 'd'
)
SELECT a.attrelid AS oid, a.attname AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS native,
       t.typname AS type, t.typtype::text AS kind, t.typcategory = 'A' AS array,
       coalesce(d.modifier, a.atttypmod) AS modifier, NOT a.attnotnull AS nullable,
       array_position((SELECT (i.indkey::int2[])[0:i.indnkeyatts - 1] FROM pg_catalog.pg_index i
                       WHERE i.indrelid = a.attrelid AND i.indisprimary), a.attnum) AS key
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN domains d ON d.id = a.atttypid
JOIN pg_catalog.pg_type t ON t.oid = coalesce(d.base, a.atttypid)
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'v') AND {USER_SCHEMA}
ORDER BY a.attrelid, a.attnum
"""


async def describe(connection: Any, *, map_boolean: bool = False) -> list[SourceTable]:
    """All tables and views the connection's user may read, by schema and name. Rows are the server's estimate."""
    tables = await connection.fetch(_TABLES)
    columns: dict[int, list[SourceColumn]] = defaultdict(list)
    for row in await connection.fetch(_COLUMNS):
        native = NativeType(row["type"], row["kind"], row["array"], row["modifier"])
        columns[row["oid"]].append(
            SourceColumn(
                row["name"],
                row["native"],
                dms_type(native, map_boolean=map_boolean),
                row["nullable"],
                row["key"],
            )
        )
    return [_table(row, tuple(columns[row["oid"]])) for row in tables]


def _table(row: Any, columns: tuple[SourceColumn, ...]) -> SourceTable:
    keyed = sorted((column for column in columns if column.key), key=lambda column: column.key or 0)
    names = tuple(column.name for column in keyed)
    return SourceTable(row["schema"], row["name"], row["kind"], columns, names, row["identity"], row["rows"])
