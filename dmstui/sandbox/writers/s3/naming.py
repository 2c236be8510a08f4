"""Names of objects as DMS gives them in a bucket (reference dms.md 6.7). Pure; the target calls it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from dmstui.sandbox.writers.s3.settings import S3Settings

LOAD = re.compile(r"^(?:SEGMENT\d+_)?LOAD([0-9A-F]{8})\.(?:csv|csv\.gz|parquet)$")
CHANGES = re.compile(r"^(\d{8}-\d{9})\.(?:csv|csv\.gz|parquet)$")


def folder(settings: S3Settings, schema: str, table: str) -> str:
    """The key prefix of a table, with its slash at the end."""
    return "/".join(part for part in (settings.folder, schema, table) if part) + "/"


def load_key(prefix: str, number: int, extension: str, segment: tuple[int, str] | None = None) -> str:
    """The key of the n-th file of a full load: the counter is hexadecimal; a segment has a folder or a prefix."""
    name = f"LOAD{number:08X}.{extension}"
    if segment is None:
        return prefix + name
    place, title = segment
    return f"{prefix}{title}/{name}" if title else f"{prefix}SEGMENT{place}_{name}"


def load_number(key: str) -> int | None:
    """The counter in the key of a full-load file, None for any other key."""
    found = LOAD.match(key.rsplit("/", 1)[-1])
    return int(found.group(1), 16) if found else None


def written_by_dms(relative: str) -> bool:
    """Whether a key below a table's folder has the form of a file DMS writes there."""
    name = relative.rsplit("/", 1)[-1]
    return bool(LOAD.match(name) or CHANGES.match(name))


def zone(settings: S3Settings) -> tzinfo:
    """The zone that dates in folders and names of changes are given in."""
    return ZoneInfo(settings.date_zone) if settings.date_partition and settings.date_zone else UTC


def partition(settings: S3Settings, when: float) -> str:
    """The date folder of changes committed at `when` (epoch seconds), '' without date partitions."""
    if not settings.date_partition:
        return ""
    moment = datetime.fromtimestamp(when, zone(settings))
    year, month, day, hour = f"{moment:%Y}", f"{moment:%m}", f"{moment:%d}", f"{moment:%H}"
    parts = {
        "yyyymmdd": (year, month, day),
        "yyyymmddhh": (year, month, day, hour),
        "yyyymm": (year, month),
        "mmyyyydd": (month, year, day),
        "ddmmyyyy": (day, month, year),
    }.get(settings.date_sequence, (year, month, day))
    glue = {"slash": "/", "underscore": "_", "dash": "-", "none": ""}.get(settings.date_delimiter, "/")
    return glue.join(parts) + "/"


def change_stamp(settings: S3Settings, milliseconds: int) -> str:
    """`yyyyMMdd-HHmmssfff` of a time in milliseconds since the epoch."""
    moment = datetime.fromtimestamp(milliseconds // 1000, zone(settings))
    return f"{moment:%Y%m%d-%H%M%S}{milliseconds % 1000:03d}"


def transaction_stamp(milliseconds: int) -> str:
    """The stamp of a transaction file (PreserveTransactions): the same without the hyphen."""
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return f"{moment:%Y%m%d%H%M%S}{milliseconds % 1000:03d}"
