"""Writes one Parquet object as the endpoint's settings ask for it. Called by the S3 target."""

from __future__ import annotations

import tempfile
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from dmstui.sandbox.writers.s3.settings import S3Settings


class ParquetFile:
    """One object on its way: row groups of RowGroupLength rows, spooled to an unnamed temporary file."""

    def __init__(self, schema: pa.Schema, settings: S3Settings) -> None:
        self._length = settings.row_group_length
        self.spool: IO[bytes] = tempfile.TemporaryFile(prefix="dmstui-")  # noqa: SIM115 - closed by the target
        self._writer = pq.ParquetWriter(
            self.spool,
            schema,
            version="2.6" if settings.parquet_version == "parquet-2-0" else "1.0",
            data_page_version="2.0" if settings.parquet_version == "parquet-2-0" else "1.0",
            compression="gzip" if settings.compression == "gzip" else "none",
            use_dictionary=settings.encoding != "plain",
            data_page_size=settings.data_page_size,
            dictionary_pagesize_limit=settings.dictionary_page_size,
            write_statistics=settings.statistics,
            # version 1.0 alone would refuse what it has no logical type for
            coerce_timestamps="ms" if settings.milliseconds else "us",
            allow_truncated_timestamps=True,
            store_schema=False,
        )
        self._waiting: list[pa.Table] = []
        self._count = 0
        self.rows = 0

    @property
    def size(self) -> int:
        """Bytes on disk so far: full row groups only."""
        return int(self.spool.tell())

    def write(self, table: pa.Table) -> None:
        """Take rows; full row groups go to disk."""
        self.rows += table.num_rows
        self._waiting.append(table)
        self._count += table.num_rows
        if self._count >= self._length:
            whole = pa.concat_tables(self._waiting).combine_chunks()
            full = self._count // self._length * self._length
            self._writer.write_table(whole.slice(0, full), row_group_size=self._length)
            rest = whole.slice(full)
            self._waiting = [rest] if rest.num_rows else []
            self._count = rest.num_rows

    def close(self) -> int:
        """Complete the file, rewind the spool and return its size in bytes."""
        if self._count:
            self._writer.write_table(
                pa.concat_tables(self._waiting).combine_chunks(), row_group_size=self._length
            )
        self._waiting = []
        self._writer.close()
        size = int(self.spool.tell())
        self.spool.seek(0)
        return size
