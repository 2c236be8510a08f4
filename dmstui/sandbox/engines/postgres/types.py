"""Which DMS type a PostgreSQL column has (dms.md 6.4, the guide's table of source types). Pure; catalogue.py asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dmstui.mappings.types import DataType

UNBOUNDED_VARCHAR = 8000
"""Length DMS gives a varchar without one (endpoint attribute unboundedVarcharMaxSize)."""
NUMERIC_LIMIT = 38


@dataclass(frozen=True, slots=True)
class NativeType:
    """What the catalogue says of a column's type, domains already taken down to what they are made of."""

    name: str
    kind: str
    """`typtype`: b base, e enum, r range, m multirange, c composite."""
    array: bool
    modifier: int


_FIXED: Mapping[str, DataType] = {
    "int2": DataType("int2"),
    "int4": DataType("int4"),
    "int8": DataType("int8"),
    "oid": DataType("int8"),
    "float4": DataType("real4"),
    "float8": DataType("real8"),
    "money": DataType("numeric", precision=38, scale=4),
    "text": DataType("nclob"),
    "citext": DataType("nclob"),
    "json": DataType("nclob"),
    "jsonb": DataType("nclob"),
    "hstore": DataType("nclob"),
    "bytea": DataType("blob"),
    "xml": DataType("clob"),
    "tsvector": DataType("clob"),
    "tsquery": DataType("clob"),
    "path": DataType("clob"),
    "polygon": DataType("clob"),
    "date": DataType("date"),
    "time": DataType("time"),
    "timetz": DataType("time"),
    "interval": DataType("string", 128),
    "uuid": DataType("string", 36),
    "inet": DataType("string", 50),
    "cidr": DataType("string", 50),
    "macaddr": DataType("string", 18),
    "macaddr8": DataType("string", 24),
    "point": DataType("string", 255),
    "line": DataType("string", 255),
    "lseg": DataType("string", 255),
    "box": DataType("string", 255),
    "circle": DataType("string", 255),
    "name": DataType("string", 64),
    "char": DataType("wstring", 1),
    "pg_lsn": DataType("string", 64),
}


def dms_type(native: NativeType, *, map_boolean: bool = False) -> DataType:
    """The DMS type of a column; `map_boolean` is the endpoint's MapBooleanAsBoolean."""
    if native.array or native.kind == "c":
        return DataType("nclob")
    if native.kind == "e":
        return DataType("string", 64)
    if native.kind in {"r", "m"}:
        return DataType("string", 255)
    match native.name:
        case "bool":
            return DataType("boolean") if map_boolean else DataType("string", 5)
        case "numeric":
            return _numeric(native.modifier)
        case "varchar":
            return DataType("wstring", native.modifier - 4 if native.modifier >= 4 else UNBOUNDED_VARCHAR)
        case "bpchar":
            return DataType("wstring", native.modifier - 4 if native.modifier >= 4 else 1)
        case "bit":
            return DataType("string", max(native.modifier, 1))
        case "varbit":
            return DataType("string", native.modifier if native.modifier > 0 else UNBOUNDED_VARCHAR)
        case "timestamp" | "timestamptz":
            return DataType("datetime", scale=native.modifier if native.modifier >= 0 else 6)
    return _FIXED.get(native.name, DataType("nclob"))


def _numeric(modifier: int) -> DataType:
    """Numeric by its precision and scale, which the server packs into one number."""
    if modifier < 4:
        return DataType("numeric", precision=28, scale=6)
    precision = (modifier - 4) >> 16 & 0xFFFF
    scale = ((modifier - 4) & 0x7FF ^ 1024) - 1024
    # Since PostgreSQL 15 a scale may be negative or exceed the precision; neither has a numeric of its own in DMS.
    if scale < 0:
        precision, scale = precision - scale, 0
    precision = max(precision, scale)
    if precision > NUMERIC_LIMIT:
        return DataType("string", precision + 2)
    return DataType("numeric", precision=precision, scale=scale)
