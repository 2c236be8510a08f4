"""Pages of a describe: MaxRecords with its range, Marker as an opaque place after the last record shown. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from dmstui.sandbox.dms.faults import bad_value

R = TypeVar("R")


def page(
    records: Sequence[R],
    params: dict[str, Any],
    place: Callable[[R], int] | None = None,
    *,
    low: int = 20,
    high: int = 100,
    default: int = 100,
) -> tuple[list[R], str | None]:
    """One page of `records` and the marker of the next (None at the end).

    `place` gives a record's ascending number; with it a page stays right when records come and go in between. Without
    it the record's index serves.
    """
    size = params.get("MaxRecords")
    if size is None:
        size = default
    if not low <= size <= high:
        raise bad_value(f"Invalid value {size} for MaxRecords. Must be between {low} and {high}.")
    after = _read(params.get("Marker"))
    if place is None:
        rest = list(records[after + 1 :])
        shown = rest[:size]
        last = after + len(shown)
    else:
        rest = [record for record in records if place(record) > after]
        shown = rest[:size]
        last = place(shown[-1]) if shown else after
    return shown, _write(last) if len(rest) > size else None


def answer(member: str, shown: list[dict[str, Any]], marker: str | None) -> dict[str, Any]:
    """A describe's answer: the list and, where there is more, its marker."""
    return {member: shown} if marker is None else {member: shown, "Marker": marker}


def _write(place: int) -> str:
    return base64.urlsafe_b64encode(f"v1:{place}".encode()).decode()


def _read(marker: str | None) -> int:
    if not marker:
        return -1
    try:
        version, _, place = base64.urlsafe_b64decode(marker.encode()).decode().partition(":")
        if version == "v1":
            return int(place)
    except (ValueError, binascii.Error, UnicodeError):
        pass
    raise bad_value("The parameter Marker is not valid.")
