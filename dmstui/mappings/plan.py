"""What the mappings make of each source table: which are taken, under which name, with which columns and filters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from dmstui.mappings import filters as source_filters
from dmstui.mappings.errors import MappingRunError
from dmstui.mappings.expressions import Computed, Evaluator, Mask
from dmstui.mappings.filters import FilterGroups
from dmstui.mappings.names import matches
from dmstui.mappings.rules import (
    BeforeImage,
    LobSettings,
    ParallelLoad,
    PrimaryKeyDefinition,
    SelectionRule,
    TableSettingsRule,
    TransformationRule,
)
from dmstui.mappings.types import DataType

MASKING = "data-masking-"
CHANGES = frozenset({"remove-column", "include-column", "change-data-type"})


class Column(Protocol):
    """A source column, as the catalogue of an engine describes it."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> DataType: ...


class Table(Protocol):
    """A source table or view, as the catalogue of an engine describes it."""

    @property
    def schema(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def columns(self) -> Sequence[Column]: ...
    @property
    def primary_key(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class TargetColumn:
    """One column of the target table. Exactly one of `source` and `expression` says where its value comes from;
    `before_image` marks a column that holds the value before an update. `key` is its place in the key, from 1."""

    name: str
    type: DataType
    source: str | None = None
    expression: str | None = None
    mask: Mask | None = None
    key: int | None = None
    before_image: bool = False

    @property
    def computed(self) -> bool:
        """Whether the value goes through the evaluator instead of straight from the source column."""
        return self.expression is not None or self.mask is not None


@dataclass(frozen=True)
class TablePlan:
    """All that reader and writer need to know of one selected table."""

    source_schema: str
    source_table: str
    target_schema: str
    target_table: str
    columns: tuple[TargetColumn, ...]
    filters: FilterGroups = ()
    load_order: int = 0
    lob: LobSettings | None = None
    parallel: ParallelLoad | None = None
    unique_index: PrimaryKeyDefinition | None = None
    source_types: Mapping[str, DataType] = field(default_factory=dict, hash=False)
    problems: tuple[str, ...] = ()
    """What will fail at run time, in sentences: filters on columns that are not there, names used twice."""

    def where(self, quote: Callable[[str], str]) -> str | None:
        """The filters as an SQL condition (columns quoted by `quote`), None where every row is taken."""
        return source_filters.where(self.filters, quote)

    def accepts(self, row: Mapping[str, str | None]) -> bool:
        """Whether the filters let a changed row through; values are the source's texts by column name."""
        return source_filters.accepts(self.filters, row, self.source_types)

    @property
    def primary_key(self) -> tuple[str, ...]:
        """The names of the target key columns, in key order."""
        keyed = [(column.key, column.name) for column in self.columns if column.key is not None]
        return tuple(name for _, name in sorted(keyed))

    def evaluator(self) -> Evaluator:
        """A fresh evaluator of this table's computed columns; raises MappingRunError for a bad expression."""
        computed = [
            Computed(column.name, column.expression, column.source, column.mask)
            for column in self.columns
            if column.computed
        ]
        metadata = {"AR_M_SOURCE_SCHEMA": self.source_schema, "AR_M_SOURCE_TABLE_NAME": self.source_table}
        return Evaluator(computed, self.source_types, metadata)


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one document by kind, each in the order of its rule-id."""

    selection: tuple[SelectionRule, ...]
    transformation: tuple[TransformationRule, ...]
    settings: tuple[TableSettingsRule, ...]


def plan_tables(rules: Rules, tables: Iterable[Table]) -> tuple[TablePlan, ...]:
    """The plans of the tables the rules take, higher load-order first, else in the order given."""
    plans = [plan_table(rules, table) for table in tables if selected(rules, table)]
    return tuple(sorted(plans, key=lambda plan: -plan.load_order))


def selected(rules: Rules, table: Table) -> bool:
    """Whether a table or view is taken: by any include or explicit rule, and by no exclude rule."""
    meeting = [rule for rule in rules.selection if _meets(rule, table)]
    return bool(meeting) and all(rule.action != "exclude" for rule in meeting)


def _meets(rule: SelectionRule, table: Table) -> bool:
    kinds = {"table": {"table"}, "view": {"view"}, "all": {"table", "view"}}[rule.locator.table_type]
    if rule.action == "exclude":
        kinds = {"table", "view"}
    return table.kind in kinds and rule.locator.table_matches(table.schema, table.name)


def plan_table(rules: Rules, table: Table) -> TablePlan:
    """The plan of one table that the rules take."""
    taking = [rule for rule in rules.selection if _meets(rule, table) and rule.action != "exclude"]
    groups = tuple(rule.filters for rule in taking)
    if any(not group for group in groups):  # one rule that takes the whole table outweighs filtered ones
        groups = ()
    transforming = [
        rule for rule in rules.transformation if rule.locator.table_matches(table.schema, table.name)
    ]
    types = {column.name: column.type for column in table.columns}
    defined = next((rule.primary_key for rule in transforming if rule.action == "define-primary-key"), None)
    columns, problems = _columns(transforming, table, defined)
    problems += [
        f"filter column '{name}' does not exist in the source table"
        for name in sorted(set(source_filters.columns(groups)) - set(types))
    ]
    settings = [rule for rule in rules.settings if rule.locator.table_matches(table.schema, table.name)]
    return TablePlan(
        source_schema=table.schema,
        source_table=table.name,
        target_schema=_renamed(rules.transformation, "schema", table.schema, table),
        target_table=_renamed(transforming, "table", table.name, table),
        columns=columns,
        filters=groups,
        load_order=max((rule.load_order for rule in taking), default=0),
        lob=next((rule.lob for rule in settings if rule.lob), None),
        parallel=next((rule.parallel for rule in settings if rule.parallel), None),
        unique_index=defined if defined and defined.origin == "unique-index" else None,
        source_types=types,
        problems=tuple(problems),
    )


def _renamed(rules: Iterable[TransformationRule], target: str, name: str, table: Table) -> str:
    """The target name of a schema or table: the lowest rule-id that acts on it wins, the rest is ignored."""
    for rule in rules:
        if rule.target != target or rule.action == "define-primary-key":
            continue
        if target == "schema" and not matches(rule.locator.schema, table.schema):
            continue
        metadata = {"AR_M_SOURCE_SCHEMA": table.schema, "AR_M_SOURCE_TABLE_NAME": table.name}
        return new_name(rule, name, metadata)
    return name


def new_name(rule: TransformationRule, name: str, metadata: Mapping[str, str] | None = None) -> str:
    """What a naming rule makes of a name."""
    value, old = rule.value or "", rule.old_value or ""
    match rule.action:
        case "rename":
            if rule.expression:
                return _name_expression(rule.expression, metadata or {})
            return value
        case "convert-lowercase":
            return name.lower()
        case "convert-uppercase":
            return name.upper()
        case "add-prefix":
            return value + name
        case "add-suffix":
            return name + value
        case "remove-prefix":
            return name.removeprefix(value)
        case "remove-suffix":
            return name.removesuffix(value)
        case "replace-prefix":
            return value + name.removeprefix(old) if name.startswith(old) else name
        case "replace-suffix":
            return name.removesuffix(old) + value if name.endswith(old) else name
        case _:
            return name


def _name_expression(expression: str, metadata: Mapping[str, str]) -> str:
    from dmstui.mappings.expressions import Headers

    evaluator = Evaluator([Computed("name", expression, None, None)], {}, metadata)
    return evaluator.evaluate({}, 1, Headers())["name"][0] or ""


def _columns(
    rules: Sequence[TransformationRule], table: Table, defined: PrimaryKeyDefinition | None
) -> tuple[tuple[TargetColumn, ...], list[str]]:
    on_columns = [rule for rule in rules if rule.target == "column"]
    key = {name: place for place, name in enumerate(table.primary_key, 1)}
    including = [rule for rule in on_columns if rule.action == "include-column"]
    columns: list[TargetColumn] = []
    for column in table.columns:
        if including and not any(_on_column(rule, column) for rule in including):
            continue
        made = _source_column(on_columns, column, key.get(column.name), table)
        if made is not None:
            columns.append(made)
    columns += _before_images(on_columns, table)
    columns += _added(on_columns)
    if defined is not None and defined.origin == "primary-key":
        places = {name: place for place, name in enumerate(defined.columns, 1)}
        columns = [_keyed(column, places.get(column.name)) for column in columns]
    names = [column.name for column in columns]
    problems = [f"two columns of the target table would be named '{n}'" for n in _twice(names)]
    if defined is not None:
        problems += [
            f"define-primary-key names column '{name}', which the target table does not have"
            for name in defined.columns
            if name not in names
        ]
    return tuple(columns), problems


def _twice(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def _keyed(column: TargetColumn, place: int | None) -> TargetColumn:
    return TargetColumn(
        column.name, column.type, column.source, column.expression, column.mask, place, column.before_image
    )


def _on_column(rule: TransformationRule, column: Column) -> bool:
    if rule.locator.column is None or not matches(rule.locator.column, column.name):
        return False
    wanted = rule.locator.data_type
    return wanted is None or wanted.lower() == column.type.name


def _source_column(
    rules: Sequence[TransformationRule], column: Column, key: int | None, table: Table
) -> TargetColumn | None:
    acting = [
        rule
        for rule in rules
        if _on_column(rule, column) and rule.action not in {"add-column", "add-before-image-columns"}
    ]
    mask = next((_mask(rule) for rule in acting if rule.action.startswith(MASKING)), None)
    # include-column switches the table's mode and is no action on the column's name or type
    change = next(
        (r for r in acting if not r.action.startswith(MASKING) and r.action != "include-column"), None
    )
    name, kind = column.name, column.type
    if change is not None:
        if change.action == "remove-column":
            return None
        if column.type.lob:  # the service knows no other transformation of a LOB column than leaving it out
            change = None
        elif change.action == "change-data-type":
            kind = change.data_type or kind
        else:
            name = new_name(
                change,
                name,
                {
                    "AR_M_SOURCE_SCHEMA": table.schema,
                    "AR_M_SOURCE_TABLE_NAME": table.name,
                    "AR_M_SOURCE_COLUMN_NAME": column.name,
                    "AR_M_SOURCE_COLUMN_DATATYPE": column.type.name,
                },
            )
    return TargetColumn(name, kind, source=column.name, mask=mask, key=key)


def _mask(rule: TransformationRule) -> Mask:
    return Mask(rule.action, rule.value or "")


def _added(rules: Sequence[TransformationRule]) -> list[TargetColumn]:
    added: dict[str, TargetColumn] = {}
    for rule in rules:
        if rule.action != "add-column" or rule.value is None or rule.value in added:
            continue
        expression = rule.expression if rule.expression is not None else "NULL"
        masks = (
            _mask(each)
            for each in rules
            if each.action.startswith(MASKING) and matches(each.locator.column or "", rule.value)
        )
        kind = rule.data_type or DataType("string", 50)
        added[rule.value] = TargetColumn(rule.value, kind, expression=expression, mask=next(masks, None))
    return list(added.values())


def _before_images(rules: Sequence[TransformationRule], table: Table) -> list[TargetColumn]:
    rule = next((rule for rule in rules if rule.action == "add-before-image-columns"), None)
    if rule is None:
        return []
    image = rule.before_image or BeforeImage()
    wanted = rule.locator.column or "%"
    columns = [
        column
        for column in table.columns
        if matches(wanted, column.name)
        and (image.columns != "pk-only" or column.name in table.primary_key)
        and (image.columns != "non-lob" or not column.type.lob)
    ]
    return [
        TargetColumn(f"{image.prefix}{c.name}{image.suffix}", c.type, source=c.name, before_image=True)
        for c in columns
    ]


__all__ = ["MappingRunError", "Rules", "Table", "TablePlan", "TargetColumn", "plan_table", "plan_tables"]
