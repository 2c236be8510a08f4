"""Cuts a table into the segments of a parallel load (reference dms.md 3.6, type ranges). Pure; full load calls it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dmstui.mappings import ParallelLoad


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a table: its number from 1, its name ('' where unnamed) and the condition its rows meet."""

    number: int
    name: str
    where: str | None


def segments(parallel: ParallelLoad | None, quote: Callable[[str], str]) -> list[Segment]:
    """N boundaries cut N+1 segments, each up to but without its row-wise upper bound; NULLs are in none of them."""
    if parallel is None or parallel.type != "ranges" or not parallel.boundaries:
        return [Segment(1, "", None)]
    columns = "(" + ", ".join(quote(name) for name in parallel.columns) + ")"

    def bound(values: tuple[str, ...]) -> str:
        return "(" + ", ".join("'" + value.replace("'", "''") + "'" for value in values) + ")"

    cuts = list(parallel.boundaries)
    parts: list[Segment] = []
    for index in range(len(cuts) + 1):
        conditions = []
        if index > 0:
            conditions.append(f"{columns} >= {bound(cuts[index - 1])}")
        if index < len(cuts):
            conditions.append(f"{columns} < {bound(cuts[index])}")
        names = parallel.segment_names
        parts.append(Segment(index + 1, names[index] if index < len(names) else "", " AND ".join(conditions)))
    return parts
