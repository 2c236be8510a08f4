"""Rows of text as rows of the target: typed columns, the Op and timestamp columns, without what no type can hold."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from dmstui.mappings import TargetColumn
from dmstui.sandbox.writers.base import Rejection, Rows
from dmstui.sandbox.writers.s3.settings import S3Settings
from dmstui.sandbox.writers.s3.types import arrow_type, convert

OPERATION = "Op"


def schema(columns: Sequence[TargetColumn], settings: S3Settings, operation: bool) -> pa.Schema:
    """The schema of a table's files: Op first where it is written, then the timestamp column, then the table's."""
    fields = []
    if operation:
        fields.append(pa.field(OPERATION, pa.string()))
    if settings.timestamp_column:
        fields.append(pa.field(settings.timestamp_column, pa.string()))
    fields += [pa.field(each.name, arrow_type(each.type, settings.milliseconds)) for each in columns]
    return pa.schema(fields)


def shaped(
    rows: Rows, columns: Sequence[TargetColumn], settings: S3Settings, operation: bool
) -> tuple[pa.Table, list[Rejection], pa.Array | None]:
    """Rows in the schema of `schema`, those rejected left out; the last is the mask of rows kept, None = all."""
    count = len(rows)
    bad: dict[int, Rejection] = {}
    arrays: list[pa.Array] = []
    for each in columns:
        converted = convert(each.name, _whole(rows.table.column(each.name)), each.type, settings.milliseconds)
        arrays.append(converted.array)
        for index, rejection in converted.bad.items():
            bad.setdefault(index, rejection)
    head: list[pa.Array] = []
    if operation:
        head.append(
            pa.array(rows.operations, pa.string()) if rows.operations else pa.repeat(pa.scalar("I"), count)
        )
    if settings.timestamp_column:
        times = rows.times
        head.append(
            pa.repeat(pa.scalar(times), count) if isinstance(times, str) else pa.array(times, pa.string())
        )
    table = pa.Table.from_arrays(head + arrays, schema=schema(columns, settings, operation))
    if not bad:
        return table, [], None
    mask = pa.array([index not in bad for index in range(count)], pa.bool_())
    return table.filter(mask), [bad[index] for index in sorted(bad)], mask


def _whole(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    if column.num_chunks == 0:
        return pa.array([], column.type)
    whole = column.combine_chunks()
    return whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)


def kept(mask: pa.Array | None, values: Sequence[float]) -> list[float]:
    """The members of `values` whose rows were kept."""
    if mask is None:
        return list(values)
    return list(pc.filter(pa.array(values), mask).to_pylist())
