"""The table-mapping language of DMS: parse, check, apply. The console explains with it, the sandbox executes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dmstui.mappings.errors import MappingError, MappingRunError
from dmstui.mappings.expressions import Evaluator, Headers, Mask
from dmstui.mappings.parsing import parse_rules
from dmstui.mappings.plan import Rules, Table, TablePlan, TargetColumn, plan_tables
from dmstui.mappings.rules import (
    Filter,
    LobSettings,
    OtherRule,
    ParallelLoad,
    SelectionRule,
    TableSettingsRule,
    TransformationRule,
)
from dmstui.mappings.types import LOB_TYPES, DataType


@dataclass(frozen=True, slots=True)
class TableMappings:
    """A parsed table-mapping document."""

    text: str
    rules: Rules
    others: tuple[OtherRule, ...]

    def plan(self, tables: Iterable[Table]) -> tuple[TablePlan, ...]:
        """What the rules make of the source's tables: the selected ones, in the order they are loaded."""
        return plan_tables(self.rules, tables)


def parse(text: str) -> TableMappings:
    """Parse a document; raises MappingError with the message the service refuses it with."""
    rules = parse_rules(text)
    return TableMappings(
        text,
        Rules(
            tuple(sorted((r for r in rules if isinstance(r, SelectionRule)), key=lambda r: r.id)),
            tuple(sorted((r for r in rules if isinstance(r, TransformationRule)), key=lambda r: r.id)),
            tuple(sorted((r for r in rules if isinstance(r, TableSettingsRule)), key=lambda r: r.id)),
        ),
        tuple(sorted((r for r in rules if isinstance(r, OtherRule)), key=lambda r: r.id)),
    )


__all__ = [
    "LOB_TYPES",
    "DataType",
    "Evaluator",
    "Filter",
    "Headers",
    "LobSettings",
    "MappingError",
    "MappingRunError",
    "Mask",
    "OtherRule",
    "ParallelLoad",
    "TableMappings",
    "TablePlan",
    "TargetColumn",
    "parse",
]
