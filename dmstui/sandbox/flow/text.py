"""Texts of PostgreSQL in the forms DMS types have: what COPY and pgoutput print, made ready for any writer. Pure."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

Normaliser = Callable[[pa.Array], pa.Array]


def normaliser(native_type: str, trim_char: bool = True) -> Normaliser | None:
    """What turns a column's texts into DMS's forms; None where they are so already."""
    kind = native_type.lower()
    if kind.endswith("[]"):
        return None
    if kind == "boolean":
        return _boolean
    if kind == "money":
        return _money
    if kind.startswith("timestamp") and kind.endswith("with time zone"):
        return _zoned
    if kind.startswith("time") and kind.endswith("with time zone"):
        return _zoned_time
    if trim_char and (kind.startswith("character(") or kind in {"character", "char", "bpchar"}):
        return _trimmed
    return None


def _boolean(texts: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(texts, "t"), "true", pc.if_else(pc.equal(texts, "f"), "false", texts))


def _money(texts: pa.Array) -> pa.Array:
    """`-$1,234.50`, as lc_monetary=C prints it, is -1234.50."""
    return pc.replace_substring_regex(texts, r"[$,]", "")


def _zoned(texts: pa.Array) -> pa.Array:
    """The session is in UTC: the offset is always +00. `infinity` has none, a year BC has one before its `BC`."""
    return pc.replace_substring_regex(texts, r"\+00( BC)?$", r"\1")


def _zoned_time(texts: pa.Array) -> pa.Array:
    """TIME has no zone: the offset goes, the local time stays."""
    return pc.replace_substring_regex(texts, r"[+-]\d\d(:\d\d)*$", "")


def _trimmed(texts: pa.Array) -> pa.Array:
    return pc.utf8_rtrim(texts, " ")
