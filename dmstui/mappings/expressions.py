"""Computes added and masked columns: expressions are SQLite's own language (dms.md 3.5), so SQLite evaluates them."""

from __future__ import annotations

import hashlib
import itertools
import random
import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dmstui.mappings.errors import MappingRunError
from dmstui.mappings.types import DataType

Value = str | None

TOKEN = re.compile(r"'(?:[^']|'')*'|\$\{?([A-Za-z_][A-Za-z0-9_#$]*)\}?")
HEADERS = {
    "AR_H_STREAM_POSITION": "stream_position",
    "AR_H_TIMESTAMP": "timestamp",
    "AR_H_COMMIT_TIMESTAMP": "commit_timestamp",
    "AR_H_OPERATION": "operation",
    "AR_H_USER": "user",
    "AR_H_CHANGE_SEQ": "change_seq",
}
METADATA = frozenset(
    {
        "AR_M_SOURCE_SCHEMA", "AR_M_SOURCE_TABLE_NAME", "AR_M_SOURCE_COLUMN_NAME",
        "AR_M_SOURCE_COLUMN_DATATYPE",
    }
)  # fmt: skip
INTEGERS = frozenset({"int1", "int2", "int4", "int8", "uint1", "uint2", "uint4", "uint8"})
REALS = frozenset({"real4", "real8"})
VARYING = re.compile(r"\b(random|randomblob)\s*\(", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Headers:
    """What a change says of itself; in a full load all but operation and the two times are empty."""

    operation: str = "INSERT"
    timestamp: str = ""
    commit_timestamp: str = ""
    stream_position: str = ""
    change_seq: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True)
class Mask:
    """A masking rule on one column; `character` replaces digits in a digits mask."""

    action: str
    character: str = ""

    def apply(self, value: Value) -> Value:
        """The masked text; NULL stays NULL."""
        if value is None:
            return None
        if self.action == "data-masking-hash-mask":
            return hashlib.sha256(value.encode()).hexdigest().upper()
        if self.action == "data-masking-digits-mask":
            return "".join(self.character if each.isdigit() else each for each in value)
        return "".join(str(random.randrange(10)) if each.isdigit() else each for each in value)


@dataclass(frozen=True, slots=True)
class Computed:
    """One target column whose value is computed: from an expression, or from a source column behind a mask."""

    name: str
    expression: str | None
    source: str | None
    mask: Mask | None


class Evaluator:
    """Computes the computed columns of one table, for many rows at a time. Holds a private SQLite in memory."""

    def __init__(
        self,
        computed: Sequence[Computed],
        types: Mapping[str, DataType],
        metadata: Mapping[str, str],
    ) -> None:
        """`types` of the source columns by name; `metadata` gives schema and table (AR_M_...).

        Raises MappingRunError for an expression that does not compile or names a column that is not there.
        """
        self._computed = tuple(computed)
        self._types = dict(types)
        self._metadata = dict(metadata)
        self._operation = "INSERT"
        self._base = sqlite3.connect(":memory:", check_same_thread=False)
        self._base.create_function("operation_indicator", 3, self._indicator)
        self._base.create_function("hash_sha256", 1, _hash_sha256, deterministic=True)
        self._base.create_function("replaceChars", 3, _replace_chars, deterministic=True)
        self._expressions = [each for each in self._computed if each.expression is not None]
        self._columns: tuple[str, ...] = ()
        self._headers: tuple[str, ...] = ()
        self._sql = ""
        self._varies = False
        if self._expressions:
            self._compile()
        masked = [each.source for each in self._computed if each.expression is None and each.source]
        self.needs: tuple[str, ...] = tuple(dict.fromkeys((*self._columns, *masked)))
        """The source columns whose values `evaluate` wants."""

    def _compile(self) -> None:
        columns: dict[str, int] = {}
        headers: dict[str, int] = {}

        def parameter(found: re.Match[str]) -> str:
            name = found.group(1)
            if name is None:
                return found.group(0)
            if name in HEADERS:
                return f":h{headers.setdefault(name, len(headers))}"
            if name in METADATA:
                return "'" + self._metadata.get(name, "").replace("'", "''") + "'"
            if name not in self._types:
                raise MappingRunError(
                    f"expression names column '{name}', which the source table does not have"
                )
            return f":c{columns.setdefault(name, len(columns))}"

        parts = [TOKEN.sub(parameter, each.expression or "") for each in self._expressions]
        self._columns, self._headers = tuple(columns), tuple(headers)
        self._sql = "SELECT " + ", ".join(f"({part})" for part in parts)
        self._varies = bool(VARYING.search(self._sql)) or "operation_indicator" in self._sql
        probe: dict[str, Any] = {f"c{index}": None for index in columns.values()}
        probe |= {f"h{index}": "" for index in headers.values()}
        for each, part in zip(self._expressions, parts, strict=True):
            try:
                self._base.execute(f"EXPLAIN SELECT ({part})", probe)
            except sqlite3.Error as wrong:
                raise MappingRunError(
                    f"expression of column '{each.name}' is not valid: {wrong} ({each.expression})"
                ) from None

    def _indicator(self, deleted: Any, updated: Any, inserted: Any) -> Any:
        return {"DELETE": deleted, "UPDATE": updated}.get(self._operation, inserted)

    def columns(
        self, rows: Sequence[Mapping[str, Value]], headers: Headers | Sequence[Headers]
    ) -> dict[str, list[Value]]:
        """The computed columns of these rows, by target column name."""
        values = {name: [row.get(name) for row in rows] for name in self.needs}
        return self.evaluate(values, len(rows), headers)

    def evaluate(
        self, values: Mapping[str, Sequence[Value]], count: int, headers: Headers | Sequence[Headers]
    ) -> dict[str, list[Value]]:
        """The computed columns of `count` rows given column by column (at least those in `needs`).

        `headers` is one for all rows (full load) or one a row (CDC). Raises MappingRunError if SQLite refuses.
        """
        answer: dict[str, list[Value]] = {}
        if self._expressions:
            results = self._results(values, count, headers)
            for index, each in enumerate(self._expressions):
                answer[each.name] = [_text(row[index]) for row in results]
        for each in self._computed:
            if each.expression is None and each.source is not None:
                answer[each.name] = list(values[each.source])
            if each.mask is not None:
                answer[each.name] = [each.mask.apply(value) for value in answer[each.name]]
        return answer

    def _results(
        self, values: Mapping[str, Sequence[Value]], count: int, headers: Headers | Sequence[Headers]
    ) -> list[tuple[Any, ...]]:
        common = headers if isinstance(headers, Headers) else None
        try:
            if common is not None and not self._columns and not self._varies:
                return self._one({}, common) * count
            per_row = itertools.repeat(common, count) if isinstance(headers, Headers) else iter(headers)
            casts = [self._cast(name) for name in self._columns]
            columns = [
                [None if value is None else cast(value) for value in values[name]]
                for name, cast in zip(self._columns, casts, strict=True)
            ]
            rows = zip(*columns, strict=True) if columns else itertools.repeat((), count)
            results: list[tuple[Any, ...]] = []
            for row, head in zip(rows, per_row, strict=True):
                bound = {f"c{index}": value for index, value in enumerate(row)}
                results += self._one(bound, head or Headers())
            return results
        except sqlite3.Error as wrong:
            raise MappingRunError(f"an expression of the table mappings failed: {wrong}") from None

    def _one(self, bound: dict[str, Any], headers: Headers) -> list[tuple[Any, ...]]:
        self._operation = headers.operation
        for index, name in enumerate(self._headers):
            bound[f"h{index}"] = getattr(headers, HEADERS[name])
        return self._base.execute(self._sql, bound).fetchall()

    def _cast(self, column: str) -> Any:
        """Numbers are bound as numbers, else `$ID > 10` would compare a text with a number."""
        kind = self._types[column].name
        if kind in INTEGERS:
            return _integer
        if kind in REALS or kind == "numeric":
            return _number
        return str


def _integer(value: str) -> Any:
    number = int(value)
    return number if -(2**63) <= number < 2**63 else value


def _number(value: str) -> Any:
    try:
        return float(value) if "." in value or "e" in value.lower() else _integer(value)
    except ValueError:
        return value


def _text(value: Any) -> Value:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    return repr(value) if isinstance(value, float) else str(value)


def _hash_sha256(value: Any) -> str | None:
    if value is None:
        return None
    data = value if isinstance(value, bytes) else str(value).encode()
    return hashlib.sha256(data).hexdigest()


def _replace_chars(text: Any, old: Any, new: Any) -> str | None:
    """Each character of `text` that stands in `old` becomes the one at the same place in `new`, or goes."""
    if text is None:
        return None
    replaced, table = str(new), {}
    for index, character in enumerate(str(old)):
        table[ord(character)] = replaced[index] if index < len(replaced) else None
    return str(text).translate(table)
