"""LOB columns in limited mode: what is longer than LobMaxSize is cut. Pure; the shaping of rows calls it.

AWS counts a BLOB in bytes and a CLOB or NCLOB in double-byte characters (guide, "Working with LOB source data types
for PostgreSQL"): LobMaxSize 32 keeps 32768 bytes of a bytea and 16384 characters of a text, a character outside the
basic plane counting as two.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from dmstui.mappings import DataType


def limit(kind: DataType, kilobytes: int | None) -> int | None:
    """How many bytes (blob) or double-byte characters (clob, nclob) are kept; None = all."""
    if kilobytes is None or not kind.lob:
        return None
    return kilobytes * 1024 if kind.name == "blob" else kilobytes * 512


def cut(texts: pa.Array, kind: DataType, kept: int) -> tuple[pa.Array, int]:
    r"""Values cut to `kept`, and how many were longer. A blob is its `\x` hex text here."""
    if kind.name == "blob":
        digits = 2 + kept * 2
        long = pc.greater(pc.binary_length(texts), digits)
        count = pc.sum(long).as_py() or 0
        return (pc.utf8_slice_codeunits(texts, 0, digits), count) if count else (texts, 0)
    # at most as many characters as bytes: most columns are done after this one look
    if (pc.max(pc.binary_length(texts)).as_py() or 0) <= kept:
        return texts, 0
    count = 0
    values: list[str | None] = []
    for text in texts.to_pylist():
        if text is not None and (shorter := cut_text(text, kept)) is not text:
            count += 1
            text = shorter
        values.append(text)
    return (pa.array(values, pa.string()), count) if count else (texts, 0)


def cut_text(text: str, kept: int) -> str:
    """A text cut to double-byte characters, never through the middle of one that needs two."""
    if len(text) * 2 <= kept:
        return text
    units = text.encode("utf-16-le")
    if len(units) <= kept * 2:
        return text
    return units[: kept * 2].decode("utf-16-le", errors="ignore")
