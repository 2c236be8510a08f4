"""The rules of a mapping document as records: what the parser makes and the plan reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from dmstui.mappings.names import matches
from dmstui.mappings.types import DataType

RuleId = tuple[int, str]
"""Sort key of a rule-id: numbers compare as numbers, the text breaks ties of what is no number."""


@dataclass(frozen=True, slots=True)
class Locator:
    """Which source objects a rule names; `exact` locators (rule-action explicit) know no wildcards."""

    schema: str
    table: str | None = None
    column: str | None = None
    table_type: str = "table"
    data_type: str | None = None
    exact: bool = False

    def table_matches(self, schema: str, table: str) -> bool:
        """Whether the table is one this locator names."""
        if self.exact:
            return self.schema == schema and self.table == table
        return matches(self.schema, schema) and (self.table is None or matches(self.table, table))


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a source filter. `value` is the operand, or the start of a range that ends at `end`."""

    operator: str
    value: str | None = None
    end: str | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions on one source column, any of which lets a row through."""

    column: str
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class SelectionRule:
    """Takes tables in (include, explicit) or out (exclude)."""

    id: RuleId
    name: str
    action: Literal["include", "exclude", "explicit"]
    locator: Locator
    filters: tuple[Filter, ...] = ()
    load_order: int = 0


@dataclass(frozen=True, slots=True)
class PrimaryKeyDefinition:
    """The key a define-primary-key rule puts on the target table, over target column names."""

    name: str
    origin: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BeforeImage:
    """How add-before-image-columns names the columns and which it takes: pk-only, non-lob or all."""

    prefix: str = "BI_"
    suffix: str = ""
    columns: str = "pk-only"


@dataclass(frozen=True, slots=True)
class TransformationRule:
    """Changes one kind of object: a schema, a table or a column."""

    id: RuleId
    name: str
    action: str
    target: str
    locator: Locator
    value: str | None = None
    old_value: str | None = None
    expression: str | None = None
    data_type: DataType | None = None
    primary_key: PrimaryKeyDefinition | None = None
    before_image: BeforeImage | None = None


@dataclass(frozen=True, slots=True)
class ParallelLoad:
    """How a table is cut into segments for the full load (reference dms.md 3.6)."""

    type: str
    columns: tuple[str, ...] = ()
    boundaries: tuple[tuple[str, ...], ...] = ()
    segment_names: tuple[str, ...] = ()
    partitions: tuple[str, ...] = ()
    subpartitions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LobSettings:
    """The LOB mode of one table; `bulk_max_size` in KB truncates in limited mode and inlines in unlimited mode."""

    mode: Literal["limited", "unlimited", "none"]
    bulk_max_size: int | None = None


@dataclass(frozen=True, slots=True)
class TableSettingsRule:
    """Settings for one exactly named table."""

    id: RuleId
    name: str
    locator: Locator
    parallel: ParallelLoad | None = None
    lob: LobSettings | None = None


@dataclass(frozen=True, slots=True)
class OtherRule:
    """An object-mapping, post-processing or validation rule, kept as it was written for the target that reads it."""

    id: RuleId
    name: str
    type: str
    document: dict[str, Any] = field(hash=False)
