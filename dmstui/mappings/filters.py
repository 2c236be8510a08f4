"""Source filters applied: as an SQL condition for the full load, and to one changed row in CDC. Called by the plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from dmstui.mappings.rules import Condition, Filter
from dmstui.mappings.types import DataType

FilterGroups = tuple[tuple[Filter, ...], ...]
"""Filters of the selection rules that met a table: all filters of one group, of any one group. () lets all through."""

NUMERIC = frozenset(
    {"int1", "int2", "int4", "int8", "uint1", "uint2", "uint4", "uint8", "numeric", "real4", "real8"}
)
COMPARISONS = {"gte": ">=", "lte": "<=", "eq": "=", "noteq": "<>"}


def where(groups: FilterGroups, quote: Callable[[str], str]) -> str | None:
    """The condition in SQL, values as literals the server converts to the column's type; None where all rows pass."""
    if not groups or any(not group for group in groups):
        return None
    return " OR ".join(
        "(" + " AND ".join(_filter_sql(each, quote) for each in group) + ")" for group in groups
    )


def _filter_sql(each: Filter, quote: Callable[[str], str]) -> str:
    return "(" + " OR ".join(_condition_sql(quote(each.column), one) for one in each.conditions) + ")"


def _literal(value: str | None) -> str:
    return "'" + (value or "").replace("'", "''") + "'"


def _condition_sql(column: str, condition: Condition) -> str:
    match condition.operator:
        case "null":
            return f"{column} IS NULL"
        case "notnull":
            return f"{column} IS NOT NULL"
        case "between":
            return f"{column} BETWEEN {_literal(condition.value)} AND {_literal(condition.end)}"
        case "notbetween":
            return f"{column} NOT BETWEEN {_literal(condition.value)} AND {_literal(condition.end)}"
        case operator:
            return f"{column} {COMPARISONS[operator]} {_literal(condition.value)}"


def accepts(groups: FilterGroups, row: Mapping[str, str | None], types: Mapping[str, DataType]) -> bool:
    """Whether a row of text values passes, compared as the server would; a NULL meets only the operator null."""
    if not groups:
        return True
    return any(all(_passes(each, row, types) for each in group) for group in groups)


def _passes(each: Filter, row: Mapping[str, str | None], types: Mapping[str, DataType]) -> bool:
    value = row.get(each.column)
    kind = types.get(each.column)
    return any(_met(value, one, kind) for one in each.conditions)


def _met(value: str | None, condition: Condition, kind: DataType | None) -> bool:
    if condition.operator in {"null", "notnull"}:
        return (value is None) == (condition.operator == "null")
    if value is None:
        return False
    low = _comparable(condition.value or "", kind)
    have = _comparable(value, kind)
    if condition.operator in {"between", "notbetween"}:
        inside = bool(low <= have <= _comparable(condition.end or "", kind))
        return inside == (condition.operator == "between")
    match condition.operator:
        case "gte":
            return bool(have >= low)
        case "lte":
            return bool(have <= low)
        case "eq":
            return bool(have == low)
        case _:
            return bool(have != low)


def _comparable(value: str, kind: DataType | None) -> Any:  # one kind for one column
    name = kind.name if kind else "string"
    if name in NUMERIC:
        try:
            return Decimal(value)
        except InvalidOperation:
            raise ValueError(f"filter value '{value}' is not a number") from None
    if name in {"date", "datetime"}:
        return _moment(value)
    return value


def _moment(value: str) -> datetime | str:
    """A date or timestamp as UTC without zone; texts no calendar knows ('infinity', years BC) compare as text."""
    text = value.replace(" ", "T", 1)
    if len(text) > 3 and text[-3] in "+-" and "T" in text:
        text += ":00"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return value
    if moment.tzinfo is not None:
        moment = (moment - (moment.utcoffset() or date.resolution * 0)).replace(tzinfo=None)
    return moment


def columns(groups: FilterGroups) -> Iterable[str]:
    """The source columns that any filter reads."""
    return {each.column for group in groups for each in group}
