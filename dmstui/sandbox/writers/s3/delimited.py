"""Writes one delimited (CSV) object as the endpoint's settings ask for it. Called by the S3 target."""

from __future__ import annotations

import gzip
import re
import tempfile
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc

from dmstui.sandbox.writers.s3.settings import S3Settings


class DelimitedFile:
    """One object on its way, spooled to an unnamed temporary file."""

    def __init__(self, schema: pa.Schema, settings: S3Settings) -> None:
        self._settings = settings
        self.spool: IO[bytes] = tempfile.TemporaryFile(prefix="dmstui-")  # noqa: SIM115 - closed by the target
        self._out: IO[bytes] = self.spool
        if settings.compression == "gzip":
            # no time in the header: the same rows make the same bytes
            self._out = gzip.GzipFile(fileobj=self.spool, mode="wb", mtime=0)  # type: ignore[assignment]
        self.rows = 0
        if settings.add_column_name:
            names = pa.table({f"c{i}": [name] for i, name in enumerate(schema.names)})
            self._out.write(delimited(names, settings))

    @property
    def size(self) -> int:
        """Bytes on disk so far."""
        return int(self.spool.tell())

    def write(self, table: pa.Table) -> None:
        """Take rows."""
        self.rows += table.num_rows
        if table.num_rows:
            self._out.write(delimited(table, self._settings))

    def close(self) -> int:
        """Complete the file, rewind the spool and return its size in bytes."""
        if self._out is not self.spool:
            self._out.close()
        size = int(self.spool.tell())
        self.spool.seek(0)
        return size


def delimited(table: pa.Table, settings: S3Settings) -> bytes:
    """Rows as delimited text: NULL as CsvNullValue, fields quoted only where they must be (Rfc4180)."""
    special = "[" + re.escape(f'"\r\n{settings.delimiter[:1]}') + "]"
    if len(settings.delimiter) > 1:
        special = f'["\\r\\n]|{re.escape(settings.delimiter)}'
    columns = []
    for column in table.columns:
        texts = text(column)
        if settings.rfc4180:
            quoted = pc.binary_join_element_wise('"', pc.replace_substring(texts, '"', '""'), '"', "")
            texts = pc.if_else(pc.match_substring_regex(texts, special), quoted, texts)
        columns.append(pc.fill_null(texts, settings.null_value))
    lines = pc.binary_join_element_wise(*columns, settings.delimiter) if len(columns) > 1 else columns[0]
    return "".join(f"{line}{settings.row_delimiter}" for line in lines.to_pylist()).encode()


def text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A typed column as DMS spells it in CSV: times with microseconds, bytes as hex digits."""
    kind = column.type
    if pa.types.is_string(kind):
        return column
    if pa.types.is_binary(kind):
        return pa.chunked_array([[None if v is None else v.hex() for v in column.to_pylist()]], pa.string())
    if pa.types.is_timestamp(kind):
        return pc.strftime(column.cast(pa.timestamp("us")), format="%Y-%m-%d %H:%M:%S")
    if pa.types.is_time(kind):
        return pa.chunked_array(
            [[None if v is None else v.isoformat(timespec="milliseconds") for v in column.to_pylist()]],
            pa.string(),
        )
    return column.cast(pa.string())
