"""The S3 target: full loads as LOAD files, changes as time-named files. Made by the worker for engine `s3`."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from dmstui.mappings import OtherRule, TablePlan
from dmstui.sandbox.writers.base import Rows, TableChanges, TargetError, Written
from dmstui.sandbox.writers.s3 import naming
from dmstui.sandbox.writers.s3.delimited import DelimitedFile, delimited
from dmstui.sandbox.writers.s3.objects import Bucket
from dmstui.sandbox.writers.s3.parquet import ParquetFile
from dmstui.sandbox.writers.s3.settings import S3Settings
from dmstui.sandbox.writers.s3.shape import schema, shaped
from dmstui.sandbox.writers.s3.tags import tags

DELETING = frozenset({"DROP_AND_CREATE", "TRUNCATE_BEFORE_LOAD"})


class S3Target:
    """See `writers.base.Target`."""

    def __init__(self, settings: S3Settings, bucket: Bucket, rules: Sequence[OtherRule] = ()) -> None:
        self.settings = settings
        self.bucket = bucket
        self._rules = rules

    @property
    def change_interval(self) -> float:
        """CdcMaxBatchInterval."""
        return self.settings.cdc_interval

    @property
    def change_bytes(self) -> int:
        """CdcMinFileSize."""
        return self.settings.cdc_min_file_size

    def open(self) -> None:
        """See the protocol."""
        if not self.settings.bucket:
            raise TargetError("The target endpoint names no bucket")
        if self.settings.inserts_only and self.settings.inserts_and_updates:
            raise TargetError("CdcInsertsOnly and CdcInsertsAndUpdates cannot both be true")
        if self.settings.preserve_transactions and not self.settings.cdc_path:
            raise TargetError("PreserveTransactions needs CdcPath")
        self.bucket.check()

    def folder(self, plan: TablePlan) -> str:
        """The key prefix of a table."""
        return naming.folder(self.settings, plan.target_schema, plan.target_table)

    def tags(self, plan: TablePlan) -> dict[str, str]:
        """The tags of the objects of a table."""
        return tags(self._rules, plan.source_schema, plan.source_table)

    def _own(self, plan: TablePlan) -> list[str]:
        prefix = self.folder(plan)
        return [key for key in self.bucket.keys(prefix) if naming.written_by_dms(key[len(prefix) :])]

    def prepare(self, plan: TablePlan, mode: str) -> dict[str, Any]:
        """Dropping and truncating delete what DMS wrote for the table; else the counter goes on after its files."""
        own = self._own(plan)
        if mode in DELETING:
            self.bucket.delete(own)
            return {"first": 1}
        numbers = [number for key in own if (number := naming.load_number(key)) is not None]
        return {"first": max(numbers, default=0) + 1}

    def undo(self, plan: TablePlan, base: Mapping[str, Any]) -> None:
        """Delete the LOAD files numbered from where the unfinished load began."""
        first = int(base.get("first", 1))
        self.bucket.delete([k for k in self._own(plan) if (naming.load_number(k) or 0) >= first])

    def load(self, plan: TablePlan, base: Mapping[str, Any], segment: tuple[int, str] | None) -> S3Load:
        """See the protocol."""
        return S3Load(self, plan, int(base.get("first", 1)), segment)

    def portion(self, changes: Sequence[TableChanges], marks: Mapping[str, Any]) -> S3Portion:
        """See the protocol."""
        return S3Portion(self, changes, marks)

    def forget(self, keys: Sequence[str]) -> None:
        """See the protocol."""
        self.bucket.delete(list(keys))

    def truncate(self, plan: TablePlan) -> None:
        """A TRUNCATE at the source removes the table's files."""
        self.bucket.delete(self._own(plan))


class S3Load:
    """See `writers.base.Load`: a file is put when it is complete, at MaxFileSize or at the end."""

    def __init__(
        self, target: S3Target, plan: TablePlan, first: int, segment: tuple[int, str] | None
    ) -> None:
        self._target = target
        self._plan = plan
        self._number = first
        self._segment = segment
        self._schema = schema(plan.columns, target.settings, target.settings.load_operation)
        self._file: ParquetFile | DelimitedFile | None = None
        self._counted = 0

    def write(self, rows: Rows) -> Written:
        """Bytes are counted as they reach the spool, a row group at a time."""
        settings = self._target.settings
        table, rejected, _ = shaped(rows, self._plan.columns, settings, settings.load_operation)
        written = Written(table.num_rows, 0, rejected)
        # pieces of one row group, so that a file ends close to its size
        for start in range(0, table.num_rows, settings.row_group_length):
            if self._file is None:
                self._file = open_file(self._schema, settings)
            self._file.write(table.slice(start, settings.row_group_length))
            written.bytes += self._grown(self._file.size)
            if self._file.size >= settings.max_file_size:
                written.bytes += self._put()
        return written

    def _grown(self, size: int) -> int:
        grown, self._counted = size - self._counted, size
        return grown

    def _put(self) -> int:
        if self._file is None or not self._file.rows:
            return 0
        grown = self._grown(self._file.close())
        key = naming.load_key(
            self._target.folder(self._plan), self._number, self._target.settings.extension, self._segment
        )
        with self._file.spool as spool:
            self._target.bucket.put(key, spool, self._target.tags(self._plan))
        self._file, self._counted = None, 0
        self._number += 1
        return grown

    def finish(self) -> Written:
        """Put the last file; a table without rows leaves none."""
        return Written(0, self._put(), [])

    def abort(self) -> None:
        """Drop the spool."""
        if self._file is not None:
            self._file.spool.close()
            self._file = None


def open_file(fields: pa.Schema, settings: S3Settings) -> ParquetFile | DelimitedFile:
    """A file in the endpoint's format."""
    return ParquetFile(fields, settings) if settings.parquet else DelimitedFile(fields, settings)


@dataclass(slots=True)
class ChangeFile:
    """One file of changes: rows `indices` of the table at place `table`."""

    key: str
    table: int
    indices: list[int]


class S3Portion:
    """See `writers.base.Portion`: one file a table (and date folder), named by the commit time of its first row."""

    def __init__(self, target: S3Target, changes: Sequence[TableChanges], marks: Mapping[str, Any]) -> None:
        self._target = target
        self._changes = changes
        self._files: list[ChangeFile] = []
        self.marks: dict[str, Any] = dict(marks)
        settings = target.settings
        if settings.preserve_transactions:
            self._place_transactions()
            return
        for place, each in enumerate(changes):
            groups: dict[str, list[int]] = {}
            operations = each.rows.operations or []
            for index, operation in enumerate(operations):
                if operation in settings.operations:
                    groups.setdefault(naming.partition(settings, each.commits[index]), []).append(index)
            prefix = target.folder(each.plan)
            for date, indices in groups.items():
                stamp = self._stamp(prefix, each.commits[indices[0]])
                name = f"{naming.change_stamp(settings, stamp)}.{settings.extension}"
                self._files.append(ChangeFile(f"{prefix}{date}{name}", place, indices))

    def _stamp(self, prefix: str, commit: float) -> int:
        """A time in milliseconds that no earlier file of this folder has."""
        stamp = max(int(commit * 1000), int(self.marks.get(prefix, 0)) + 1)
        self.marks[prefix] = stamp
        return stamp

    def _place_transactions(self) -> None:
        commits = [each.commits[0] for each in self._changes if each.commits]
        if commits:
            parts = (self._target.settings.folder, self._target.settings.cdc_path)
            prefix = "/".join(part for part in parts if part) + "/"
            stamp = naming.transaction_stamp(self._stamp(prefix, min(commits)))
            self._files.append(ChangeFile(f"{prefix}CDC_TXN-{stamp}.csv", -1, []))

    @property
    def keys(self) -> list[str]:
        """See the protocol."""
        return [each.key for each in self._files]

    def write(self) -> list[Written]:
        """See the protocol. Changes the endpoint's settings leave out count as written: nothing is owed for them."""
        settings = self._target.settings
        written = [Written() for _ in self._changes]
        if settings.preserve_transactions:
            return self._write_transactions(written)
        for file in self._files:
            change = self._changes[file.table]
            rows = _taken(change.rows, file.indices)
            table, rejected, _ = shaped(rows, change.plan.columns, settings, settings.change_operation)
            written[file.table].rejected += rejected
            if not table.num_rows:
                continue
            out = open_file(table.schema, settings)
            out.write(table)
            size = out.close()
            with out.spool as spool:
                self._target.bucket.put(file.key, spool, self._target.tags(change.plan))
            written[file.table].bytes += size
        for each, change in zip(written, self._changes, strict=True):
            each.rows = len(change.rows) - len(each.rejected)
        return written

    def _write_transactions(self, written: list[Written]) -> list[Written]:
        settings = self._target.settings
        lines: list[tuple[int, bytes]] = []
        for place, change in enumerate(self._changes):
            table, rejected, mask = shaped(change.rows, change.plan.columns, settings, operation=True)
            written[place].rejected += rejected
            written[place].rows = table.num_rows
            sequence = change.sequence if mask is None else pa.array(change.sequence).filter(mask).to_pylist()
            names = [change.plan.target_table, change.plan.target_schema]
            for index, number in enumerate(sequence):
                row = table.slice(index, 1)
                head = [pa.array([name]) for name in names]
                columns = [row.column(0), *head, *row.columns[1:]]
                wide = pa.Table.from_arrays(columns, names=[f"c{i}" for i in range(len(columns))])
                if wide.column(0)[0].as_py() in settings.operations:
                    lines.append((number, delimited(wide, settings)))
        body = b"".join(line for _, line in sorted(lines))
        if body and self._files:
            self._target.bucket.put(self._files[0].key, io.BytesIO(body))
            share = len(body) // max(1, len(written))
            for each in written:
                each.bytes = share
        return written


def _taken(rows: Rows, indices: Sequence[int]) -> Rows:
    """These rows; all of them stay as they are."""
    if len(indices) == len(rows):
        return rows
    operations = [rows.operations[i] for i in indices] if rows.operations else None
    times = rows.times if isinstance(rows.times, str) else [rows.times[i] for i in indices]
    return Rows(rows.table.take(pa.array(indices)), operations, times)
