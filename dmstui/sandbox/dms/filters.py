"""Filters of a describe: names ANDed, values of a name ORed; unknown names and bad identifiers refused. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from dmstui.sandbox.dms.faults import bad_value
from dmstui.sandbox.dms.identifiers import NAME_RULE, valid_name

R = TypeVar("R")
Readers = Mapping[str, Callable[[R], str | Iterable[str]]]


def select(
    records: Iterable[R],
    filters: list[dict[str, Any]] | None,
    readers: Readers[R],
    *,
    names: frozenset[str] = frozenset(),
    folded: frozenset[str] = frozenset(),
) -> list[R]:
    """The records every filter accepts.

    `readers` says which names the operation knows and what of a record they look at; `names` are the filters whose
    values must be identifiers; `folded` those compared without regard to case.
    """
    found = list(records)
    for entry in filters or []:
        name, values = str(entry.get("Name", "")), [str(v) for v in entry.get("Values") or []]
        reader = readers.get(name)
        if reader is None:
            raise bad_value(f"Unrecognized filter name: {name}")
        if not values:
            raise bad_value(f"The parameter Filter: {name} must have at least one value.")
        if name in names:
            for value in values:
                if not valid_name(value):
                    raise bad_value(f"The parameter Filter: {name} is not a valid identifier. {NAME_RULE}")
        wanted = {v.lower() for v in values} if name in folded else set(values)
        found = [r for r in found if _accepted(reader(r), wanted, name in folded)]
    return found


def _accepted(value: str | Iterable[str], wanted: set[str], fold: bool) -> bool:
    texts = [value] if isinstance(value, str) else list(value)
    return any((text.lower() if fold else text) in wanted for text in texts)
