"""DMS data types: what a column is between source and target. Mappings, readers and writers speak of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

TYPE_NAMES = frozenset(
    {
        "bytes", "date", "time", "datetime", "int1", "int2", "int4", "int8", "numeric", "real4", "real8",
        "string", "wstring", "uint1", "uint2", "uint4", "uint8", "blob", "clob", "nclob", "boolean",
        "set", "list", "map", "tuple",
    }
)  # fmt: skip
"""Every type name a `data-type` may carry (reference dms.md 3.4)."""

LOB_TYPES = frozenset({"blob", "clob", "nclob"})


@dataclass(frozen=True, slots=True)
class DataType:
    """One DMS data type. `length` counts characters (string, wstring, clob, nclob) or bytes (bytes, blob)."""

    name: str
    length: int | None = None
    precision: int | None = None
    scale: int | None = None

    @property
    def lob(self) -> bool:
        """Whether the LOB settings of task and table apply to a column of this type."""
        return self.name in LOB_TYPES

    def __str__(self) -> str:
        if self.name == "numeric" and self.precision is not None:
            return f"numeric({self.precision},{self.scale or 0})"
        if self.length is not None:
            return f"{self.name}({self.length})"
        return self.name


def data_type(document: dict[str, Any]) -> DataType:
    """Read the `data-type` member of a transformation rule; raises ValueError naming what is wrong with it."""
    name = str(document.get("type", "")).lower()
    if name not in TYPE_NAMES:
        raise ValueError(f"unknown data type '{document.get('type')}'")

    def number(member: str) -> int | None:
        value = document.get(member)
        if value is None or value == "":
            return None
        return int(value)

    return DataType(name, number("length"), number("precision"), number("scale"))
