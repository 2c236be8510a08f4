"""DMS types as Parquet types, and texts turned into them column by column. Called by the Parquet and CSV writers.

The table is AWS's own ("Target data types for S3 Parquet"). Where it leaves a question open, this is the answer:
a NUMERIC with more decimals than its scale is rounded half away from zero; DATETIME is a timestamp without zone
whose value is UTC; TIME32 holds milliseconds, so microseconds are cut. What a type cannot hold (NaN in a decimal,
'infinity' in a date, years outside 1..9999, too many digits) is a rejection, never a crash.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dmstui.mappings import DataType
from dmstui.sandbox.writers.base import Rejection

WIDE = Context(prec=90)
INTEGERS = {
    "int1": pa.int8(), "int2": pa.int16(), "int4": pa.int32(), "int8": pa.int64(),
    "uint1": pa.uint8(), "uint2": pa.uint16(), "uint4": pa.uint32(), "uint8": pa.uint64(),
}  # fmt: skip
DATE = re.compile(r"^(\d{4})-(\d\d)-(\d\d)")
MOMENT = re.compile(r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d{1,6})?$")


class UnfitError(ValueError):
    """A value the type cannot hold; `truncation` = of the right kind, but too large."""

    def __init__(self, reason: str, truncation: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.truncation = truncation


def arrow_type(kind: DataType, milliseconds: bool = False) -> pa.DataType:
    """The Arrow type that is written as the Parquet type of a DMS type."""
    if kind.name in INTEGERS:
        return INTEGERS[kind.name]
    match kind.name:
        case "bytes" | "blob":
            return pa.binary()
        case "date":
            return pa.date32()
        case "time":
            return pa.time32("ms")
        case "datetime":
            return pa.timestamp("ms" if milliseconds else "us")
        case "numeric":
            precision = min(max(kind.precision or 28, 1), 38)
            scale = kind.scale if kind.scale is not None else (6 if kind.precision is None else 0)
            return pa.decimal128(precision, max(0, min(scale, precision)))
        case "real4":
            return pa.float32()
        case "real8":
            return pa.float64()
        case "boolean":
            return pa.bool_()
        case _:
            return pa.string()


@dataclass(frozen=True, slots=True)
class Converted:
    """A column in its target type; `bad` maps row numbers to what is wrong with the value there (null in `array`)."""

    array: pa.Array
    bad: dict[int, Rejection]


def convert(name: str, texts: pa.Array, kind: DataType, milliseconds: bool = False) -> Converted:
    """Turn a text column into its target type: vectorised, and value by value only where that finds bad ones."""
    wanted = arrow_type(kind, milliseconds)
    if pa.types.is_string(wanted):
        return Converted(texts, {})
    if texts.null_count == len(texts):
        return Converted(pa.nulls(len(texts), wanted), {})
    try:
        return Converted(_vector(texts, kind, wanted), {})
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError):
        return _each(name, texts, kind, wanted)


def _vector(texts: pa.Array, kind: DataType, wanted: pa.DataType) -> pa.Array:
    if pa.types.is_decimal(wanted):
        try:
            return texts.cast(wanted)
        except pa.ArrowInvalid:
            wide = texts.cast(pa.decimal256(76, max(wanted.scale, 38)))
            return pc.round(wide, wanted.scale, round_mode="half_towards_infinity").cast(wanted)
    if pa.types.is_binary(wanted):
        return unhex(texts)
    if pa.types.is_time(wanted):
        joined = pc.binary_join_element_wise(pa.scalar("1970-01-01"), texts, " ")
        moments = joined.cast(pa.timestamp("us"))
        return pc.cast(moments, pa.time64("us")).cast(wanted, safe=False)
    if pa.types.is_timestamp(wanted):
        moments = texts.cast(pa.timestamp("us"))
        if wanted.unit == "ms":  # a plain cast would round times before 1970 up
            moments = pc.floor_temporal(moments, unit="millisecond")
        return moments.cast(wanted)
    return texts.cast(wanted)


def unhex(texts: pa.Array) -> pa.Array:
    r"""`\x` hex texts as binary, in one pass over the buffer; raises ValueError where a text is anything else."""
    if not pc.all(pc.starts_with(texts, "\\x"), min_count=0).as_py():
        raise ValueError("not hexadecimal")
    digits = pc.utf8_slice_codeunits(texts, 2)
    if isinstance(digits, pa.ChunkedArray):
        digits = digits.combine_chunks()
    offsets = pa.Array.from_buffers(
        pa.int32(), len(digits) + 1, [None, digits.buffers()[1]], offset=digits.offset
    )
    start, end = offsets[0].as_py(), offsets[len(digits)].as_py()
    data = bytes.fromhex(digits.buffers()[2].slice(start, end - start).to_pybytes().decode("ascii"))
    halves = pc.divide(pc.subtract(offsets, start), 2).cast(pa.int32())
    valid = None
    if texts.null_count:
        valid = pa.array(pc.is_valid(texts).to_pylist(), pa.bool_()).buffers()[1]
    return pa.Array.from_buffers(
        pa.binary(), len(texts), [valid, halves.buffers()[1], pa.py_buffer(data)], null_count=texts.null_count
    )


def _each(name: str, texts: pa.Array, kind: DataType, wanted: pa.DataType) -> Converted:
    bad: dict[int, Rejection] = {}
    values: list[Any] = []
    for index, text in enumerate(texts.to_pylist()):
        value = None
        if text is not None:
            try:
                value = one(text, kind, wanted)
            except UnfitError as wrong:
                bad[index] = Rejection(name, text[:80], wrong.reason, wrong.truncation)
        values.append(value)
    return Converted(pa.array(values, wanted), bad)


def one(text: str, kind: DataType, wanted: pa.DataType) -> Any:
    """One value in its target type; raises UnfitError."""
    if kind.name in INTEGERS:
        return _integer(text, wanted)
    match kind.name:
        case "numeric":
            return _decimal(text, wanted)
        case "real4" | "real8":
            try:
                return float(text)
            except ValueError:
                raise UnfitError("is not a number") from None
        case "date":
            return _date(text)
        case "datetime":
            return _moment(text, wanted)
        case "time":
            return _time(text)
        case "boolean":
            return _boolean(text)
        case _:
            return _bytes(text)


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        raise UnfitError("is not a number") from None
    if not number.is_finite():
        raise UnfitError("is no finite number")
    return number


def _integer(text: str, wanted: pa.DataType) -> int:
    if text in {"true", "false"}:
        return int(text == "true")
    number = int(_number(text).to_integral_value(ROUND_HALF_UP))
    width = wanted.bit_width
    low, high = (0, 2**width) if str(wanted).startswith("u") else (-(2 ** (width - 1)), 2 ** (width - 1))
    if not low <= number < high:
        raise UnfitError(f"is out of the range of {wanted}", truncation=True)
    return number


def _decimal(text: str, wanted: pa.DataType) -> Decimal:
    number = _number(text).quantize(Decimal(1).scaleb(-wanted.scale), ROUND_HALF_UP, WIDE)
    if len(number.as_tuple().digits) > wanted.precision:
        raise UnfitError(
            f"has more digits than numeric({wanted.precision},{wanted.scale}) holds", truncation=True
        )
    return number


def _date(text: str) -> date:
    found = DATE.match(text)
    if not found or text.endswith("BC"):
        raise UnfitError("is a date no calendar of the target knows")
    try:
        return date(*map(int, found.groups()))
    except ValueError:
        raise UnfitError("is not a date") from None


def _moment(text: str, wanted: pa.DataType) -> datetime:
    if DATE.fullmatch(text):
        text += " 00:00:00"
    if not MOMENT.match(text):
        raise UnfitError("is a time no calendar of the target knows")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UnfitError("is not a date and time") from None
    if wanted.unit == "ms":
        moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    return moment


def _time(text: str) -> time:
    try:
        moment = time.fromisoformat(text)
    except ValueError:
        raise UnfitError("is not a time of day") from None
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _boolean(text: str) -> bool:
    lower = text.strip().lower()
    if lower in {"true", "t", "1", "y", "yes"}:
        return True
    if lower in {"false", "f", "0", "n", "no"}:
        return False
    raise UnfitError("is not a boolean")


def _bytes(text: str) -> bytes:
    if text.startswith("\\x"):
        try:
            return bytes.fromhex(text[2:])
        except ValueError:
            raise UnfitError("is not hexadecimal") from None
    return text.encode()
