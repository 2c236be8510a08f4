"""Decodes pgoutput (protocol version 1, text values), one transaction after the other. changes.py feeds it. Pure."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

EPOCH_2000 = 946_684_800
"""Seconds from 1970 to PostgreSQL's own epoch."""

_SHORT = struct.Struct("!H")
_INT = struct.Struct("!I")
_BEGIN = struct.Struct("!QqI")
_COMMIT = struct.Struct("!BQQq")


@dataclass(frozen=True, slots=True)
class Relation:
    """A table as it was when the following changes were written. `identity`: d, n, f or i as in pg_class."""

    oid: int
    schema: str
    name: str
    identity: str
    columns: tuple[str, ...]
    key: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Begin:
    """A transaction follows. `committed` is epoch seconds, `lsn` where its commit record stands."""

    lsn: int
    committed: float
    xid: int


@dataclass(frozen=True, slots=True)
class Commit:
    """The transaction is complete; reading goes on at `end`."""

    lsn: int
    end: int
    committed: float


@dataclass(slots=True)
class RowChange:
    """One changed row. `operation`: I, U, D, or T for a truncate. Values are texts by column name.

    `old` holds the whole old row (identity FULL), the old key (a key that changed, or a delete), or nothing.
    `unchanged` names columns the log left out of `new`, because they are large and were not touched.
    """

    operation: str
    schema: str
    table: str
    new: Mapping[str, str | None] = field(default_factory=dict)
    old: Mapping[str, str | None] = field(default_factory=dict)
    unchanged: frozenset[str] = frozenset()
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """What pg_logical_emit_message wrote."""

    transactional: bool
    lsn: int
    prefix: str
    content: bytes


Event = Begin | Commit | RowChange | Message

_NONE: frozenset[str] = frozenset()


class Decoder:
    """Keeps the relations a stream has announced; one decoder per stream."""

    def __init__(self) -> None:
        self.relations: dict[int, Relation] = {}

    def decode(self, data: bytes) -> tuple[Event, ...]:
        """The events of one message: mostly one, none for a description, several for a truncate of several tables.

        Raises ValueError for a message this protocol version does not have.
        """
        kind = data[:1]
        if kind == b"I":
            relation = self.relations[_INT.unpack_from(data, 1)[0]]
            new, unchanged, _ = self._row(relation, data, 6)
            return (RowChange("I", relation.schema, relation.name, new, {}, unchanged, relation.columns),)
        if kind == b"U":
            return (self._update(data),)
        if kind == b"D":
            relation = self.relations[_INT.unpack_from(data, 1)[0]]
            old = self._old(relation, data)[0]
            return (RowChange("D", relation.schema, relation.name, {}, old, _NONE, relation.columns),)
        if kind == b"B":
            lsn, micros, xid = _BEGIN.unpack_from(data, 1)
            return (Begin(lsn, micros / 1e6 + EPOCH_2000, xid),)
        if kind == b"C":
            _, lsn, end, micros = _COMMIT.unpack_from(data, 1)
            return (Commit(lsn, end, micros / 1e6 + EPOCH_2000),)
        if kind == b"R":
            self._relation(data)
            return ()
        if kind == b"T":
            return self._truncate(data)
        if kind == b"M":
            return (self._message(data),)
        if kind in {b"Y", b"O"}:  # a type's name, an origin: nothing a task needs
            return ()
        raise ValueError(f"unknown pgoutput message {kind!r}")

    def _relation(self, data: bytes) -> None:
        oid = _INT.unpack_from(data, 1)[0]
        schema, at = _text(data, 5)
        name, at = _text(data, at)
        identity = chr(data[at])
        count = _SHORT.unpack_from(data, at + 1)[0]
        at += 3
        columns: list[str] = []
        key: list[str] = []
        for _ in range(count):
            flags = data[at]
            column, at = _text(data, at + 1)
            at += 8  # type and modifier: the catalogue knows them better
            columns.append(column)
            if flags & 1:
                key.append(column)
        # An empty schema name stands for pg_catalog.
        self.relations[oid] = Relation(
            oid, schema or "pg_catalog", name, identity, tuple(columns), tuple(key)
        )

    def _update(self, data: bytes) -> RowChange:
        relation = self.relations[_INT.unpack_from(data, 1)[0]]
        old: dict[str, str | None] = {}
        at = 5
        if data[5] != 0x4E:  # not N: an old key or an old row comes first
            old, at = self._old(relation, data)
        new, unchanged, _ = self._row(relation, data, at + 1)
        if unchanged and len(old) == len(relation.columns):
            # Identity FULL sends the old row whole: what the new one left out stands there.
            new.update({name: old[name] for name in unchanged})
            unchanged = _NONE
        return RowChange("U", relation.schema, relation.name, new, old, unchanged, relation.columns)

    def _old(self, relation: Relation, data: bytes) -> tuple[dict[str, str | None], int]:
        """The old row (O), or of the old key (K) just the key's columns: the others are sent as NULL."""
        row, _, at = self._row(relation, data, 6)
        if data[5] == 0x4B:
            row = {name: row[name] for name in relation.key}
        return row, at

    @staticmethod
    def _row(relation: Relation, data: bytes, at: int) -> tuple[dict[str, str | None], frozenset[str], int]:
        count = _SHORT.unpack_from(data, at)[0]
        at += 2
        row: dict[str, str | None] = {}
        missing: list[str] = []
        for name in relation.columns[:count]:
            kind = data[at]
            at += 1
            if kind == 0x74:  # t
                length = _INT.unpack_from(data, at)[0]
                at += 4
                row[name] = data[at : at + length].decode()
                at += length
            elif kind == 0x6E:  # n
                row[name] = None
            else:  # u: large and unchanged
                missing.append(name)
        return row, frozenset(missing) if missing else _NONE, at

    def _truncate(self, data: bytes) -> tuple[RowChange, ...]:
        count = _INT.unpack_from(data, 1)[0]
        oids = struct.unpack_from(f"!{count}I", data, 6)
        tables = (self.relations[oid] for oid in oids)
        return tuple(RowChange("T", each.schema, each.name, columns=each.columns) for each in tables)

    @staticmethod
    def _message(data: bytes) -> Message:
        lsn = struct.unpack_from("!Q", data, 2)[0]
        prefix, at = _text(data, 10)
        length = _INT.unpack_from(data, at)[0]
        return Message(bool(data[1] & 1), lsn, prefix, data[at + 4 : at + 4 + length])


def _text(data: bytes, at: int) -> tuple[str, int]:
    """A zero-ended text and where the next field begins."""
    end = data.index(0, at)
    return data[at:end].decode(), end + 1
