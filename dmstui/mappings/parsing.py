"""Reads a table-mapping document and refuses it with the service's own messages (reference dms.md 3.9)."""

from __future__ import annotations

import json
from typing import Any, cast

from dmstui.mappings.errors import MappingError
from dmstui.mappings.names import has_wildcard
from dmstui.mappings.rules import (
    BeforeImage,
    Condition,
    Filter,
    LobSettings,
    Locator,
    OtherRule,
    ParallelLoad,
    PrimaryKeyDefinition,
    RuleId,
    SelectionRule,
    TableSettingsRule,
    TransformationRule,
)
from dmstui.mappings.types import data_type

AnyRule = SelectionRule | TransformationRule | TableSettingsRule | OtherRule

SELECTION_ACTIONS = frozenset({"include", "exclude", "explicit"})
NAME_ACTIONS = frozenset(
    {
        "rename", "convert-lowercase", "convert-uppercase", "add-prefix", "add-suffix",
        "remove-prefix", "remove-suffix", "replace-prefix", "replace-suffix",
    }
)  # fmt: skip
COLUMN_ACTIONS = frozenset(
    {
        "remove-column", "include-column", "add-column", "change-data-type", "add-before-image-columns",
        "data-masking-digits-mask", "data-masking-digits-randomize", "data-masking-hash-mask",
    }
)  # fmt: skip
TABLE_ACTIONS = frozenset({"define-primary-key"})
TARGETS = frozenset({"schema", "table", "column", "table-tablespace", "index-tablespace"})
OPERATORS = frozenset({"gte", "lte", "ste", "eq", "noteq", "between", "notbetween", "null", "notnull"})
NEGATIVE_OPERATORS = frozenset({"noteq", "notbetween", "notnull"})
OTHER_ACTIONS = {
    "object-mapping": frozenset({"map-record-to-record", "map-record-to-document"}),
    "post-processing": frozenset({"add-tag"}),
    "validation": frozenset({"override-validation-function"}),
}
PARALLEL_TYPES = frozenset(
    {"none", "partitions-auto", "subpartitions-auto", "partitions-list", "ranges"},
)
INVALID = "Invalid table mappings document."


def parse_rules(text: str) -> tuple[AnyRule, ...]:
    """The rules of a document in the order they are written; raises MappingError with the service's message."""
    documents = _documents(text)
    rules: list[AnyRule] = []
    seen: set[str] = set()
    for document in documents:
        if not isinstance(document, dict):
            raise MappingError(INVALID)
        rule_id = str(document.get("rule-id", ""))
        if not rule_id:
            raise MappingError(f"{INVALID} rule-id is required")
        if rule_id in seen:
            raise MappingError(f"Error in mapping rules. Duplicate ruleid {rule_id}")
        seen.add(rule_id)
        rules.append(_rule(document, rule_id))
    if not any(isinstance(rule, SelectionRule) and rule.action != "exclude" for rule in rules):
        raise MappingError("Error in mapping rules. At least one selection rule is required.")
    return tuple(rules)


def _documents(text: str) -> list[Any]:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as wrong:
        raise MappingError(
            "Invalid Table Mappings document. Invalid json com.google.gson.stream.MalformedJsonException: "
            f"{wrong.msg} at line {wrong.lineno} column {wrong.colno}"
        ) from None
    rules = document.get("rules") if isinstance(document, dict) else None
    if not isinstance(rules, list) or not rules:
        raise MappingError("Valid Table mappings is required")
    return rules


def _rule(document: dict[str, Any], rule_id: str) -> AnyRule:
    kind = document.get("rule-type")
    if kind == "selection":
        return _selection(document, rule_id)
    if kind == "transformation":
        return _transformation(document, rule_id)
    if kind == "table-settings":
        return _table_settings(document, rule_id)
    if kind in OTHER_ACTIONS:
        if document.get("rule-action") not in OTHER_ACTIONS[str(kind)]:
            raise MappingError(INVALID)
        return OtherRule(_order(rule_id), str(document.get("rule-name", "")), str(kind), document)
    raise MappingError(INVALID)


def _order(rule_id: str) -> RuleId:
    return (int(rule_id) if rule_id.isdigit() else 2**62, rule_id)


def _failed(rule_id: str, why: str) -> MappingError:
    return MappingError(f"Error in mapping rules. Rule with ruleId = {rule_id} failed validation. {why}")


def _locator(
    document: dict[str, Any], rule_id: str, needs: tuple[str, ...], *, exact: bool = False
) -> Locator:
    locator = document.get("object-locator")
    if not isinstance(locator, dict):
        raise _failed(rule_id, "object locator cannot be null")
    for member in needs:
        if not locator.get(member):
            raise _failed(rule_id, f"{member.replace('-', ' ')} cannot be null or empty")
    found = {name: str(value) for name, value in locator.items() if value is not None}
    return Locator(
        schema=found.get("schema-name", "%"),
        table=found.get("table-name"),
        column=found.get("column-name"),
        table_type=found.get("table-type", "table"),
        data_type=found.get("data-type"),
        exact=exact,
    )


def _selection(document: dict[str, Any], rule_id: str) -> SelectionRule:
    action = document.get("rule-action")
    if action not in SELECTION_ACTIONS:
        raise MappingError(INVALID)
    exact = action == "explicit"
    locator = _locator(document, rule_id, ("schema-name", "table-name"), exact=exact)
    if locator.table_type not in {"table", "view", "all"}:
        raise MappingError(INVALID)
    if exact and (has_wildcard(locator.schema) or has_wildcard(locator.table or "")):
        raise _failed(rule_id, "Exact schema and table name required when using explicit selection rule.")
    filters = tuple(_filter(each, rule_id) for each in document.get("filters") or ())
    if filters and action == "exclude":
        raise _failed(rule_id, "Filters are only allowed for include rules.")
    order = document.get("load-order")
    if order is not None and not 1 <= _integer(order, rule_id, "load-order") <= 2**31 - 1:
        raise _failed(rule_id, "load-order must be between 1 and 2147483647")
    return SelectionRule(
        _order(rule_id), str(document.get("rule-name", "")), action, locator, filters, int(order or 0)
    )


def _integer(value: Any, rule_id: str, member: str) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise _failed(rule_id, f"{member} must be a whole number") from None


def _filter(document: Any, rule_id: str) -> Filter:
    if not isinstance(document, dict) or document.get("filter-type") != "source":
        raise _failed(rule_id, "filter type must be source")
    column = document.get("column-name")
    if not column:
        raise _failed(rule_id, "column name of a filter cannot be null or empty")
    conditions = tuple(_condition(each, rule_id) for each in document.get("filter-conditions") or ())
    if not conditions:
        raise _failed(rule_id, "filter conditions cannot be null or empty")
    if len(conditions) > 1 and any(each.operator in NEGATIVE_OPERATORS for each in conditions):
        raise _failed(rule_id, "a negative filter operator allows only one condition")
    return Filter(str(column), conditions)


def _condition(document: Any, rule_id: str) -> Condition:
    operator = document.get("filter-operator") if isinstance(document, dict) else None
    if operator not in OPERATORS:
        raise _failed(rule_id, f"filter operator {operator} is not supported")
    operator = "lte" if operator == "ste" else str(operator)
    if operator in {"null", "notnull"}:
        return Condition(operator)
    names = ("start-value", "end-value") if operator in {"between", "notbetween"} else ("value",)
    values = [document.get(name) for name in names]
    if any(value is None for value in values):
        raise _failed(rule_id, f"filter operator {operator} needs {' and '.join(names)}")
    return Condition(operator, *(str(value) for value in values))


def _transformation(document: dict[str, Any], rule_id: str) -> TransformationRule:
    action, target = str(document.get("rule-action")), str(document.get("rule-target"))
    if target not in TARGETS or action not in NAME_ACTIONS | COLUMN_ACTIONS | TABLE_ACTIONS:
        raise MappingError(INVALID)
    if (action in COLUMN_ACTIONS and target != "column") or (action in TABLE_ACTIONS and target != "table"):
        raise _failed(rule_id, f"rule action {action} is not valid for rule target {target}")
    needs: tuple[str, ...] = ("schema-name", "table-name") if target in {"table", "column"} else ()
    needs += ("schema-name",) if target == "schema" else ()
    if target == "column" and action not in {"add-column", "add-before-image-columns"}:
        needs += ("column-name",)
    locator = _locator(document, rule_id, needs)
    value = document.get("value")
    expression = document.get("expression")
    needs_value = action in {"add-prefix", "add-suffix", "remove-prefix", "remove-suffix", "add-column"}
    needs_value |= action in {"replace-prefix", "replace-suffix"}
    if (needs_value and value is None) or (action == "rename" and value is None and expression is None):
        raise _failed(rule_id, "value cannot be null")
    if action.startswith("replace-") and document.get("old-value") is None:
        raise _failed(rule_id, "old value cannot be null")
    if action == "data-masking-digits-mask" and (not isinstance(value, str) or len(value) != 1):
        raise _failed(rule_id, "value must be one printable character")
    if action == "define-primary-key" and (has_wildcard(locator.schema) or has_wildcard(locator.table or "")):
        raise _failed(rule_id, "Exact schema and table name required when using define-primary-key.")
    new_type = document.get("data-type")
    if action == "change-data-type" and not isinstance(new_type, dict):
        raise _failed(rule_id, "data type cannot be null")
    try:
        parsed_type = data_type(new_type) if isinstance(new_type, dict) else None
    except ValueError as wrong:
        raise _failed(rule_id, str(wrong)) from None
    return TransformationRule(
        id=_order(rule_id),
        name=str(document.get("rule-name", "")),
        action=action,
        target=target,
        locator=locator,
        value=None if value is None else str(value),
        old_value=None if document.get("old-value") is None else str(document["old-value"]),
        expression=None if expression is None else str(expression),
        data_type=parsed_type,
        primary_key=_primary_key(document, rule_id) if action == "define-primary-key" else None,
        before_image=_before_image(document, rule_id) if action == "add-before-image-columns" else None,
    )


def _primary_key(document: dict[str, Any], rule_id: str) -> PrimaryKeyDefinition:
    definition = document.get("primary-key-def")
    if not isinstance(definition, dict) or not definition.get("columns"):
        raise _failed(rule_id, "primary key definition needs a name and columns")
    return PrimaryKeyDefinition(
        str(definition.get("name", "")),
        str(definition.get("origin", "primary-key")),
        tuple(str(each) for each in definition["columns"]),
    )


def _before_image(document: dict[str, Any], rule_id: str) -> BeforeImage:
    definition = document.get("before-image-def") or {}
    image = BeforeImage(
        str(definition.get("column-prefix", "BI_")),
        str(definition.get("column-suffix", "")),
        str(definition.get("column-filter", "pk-only")),
    )
    if not image.prefix and not image.suffix:
        raise _failed(rule_id, "column-prefix and column-suffix cannot both be empty")
    if image.columns not in {"pk-only", "non-lob", "all"}:
        raise _failed(rule_id, f"column-filter {image.columns} is not supported")
    return image


def _table_settings(document: dict[str, Any], rule_id: str) -> TableSettingsRule:
    locator = _locator(document, rule_id, ("schema-name", "table-name"), exact=True)
    if has_wildcard(locator.schema) or has_wildcard(locator.table or ""):
        raise _failed(rule_id, "Exact schema and table name required when using table settings rule.")
    parallel, lob = document.get("parallel-load"), document.get("lob-settings")
    return TableSettingsRule(
        _order(rule_id),
        str(document.get("rule-name", "")),
        locator,
        _parallel(parallel, rule_id) if isinstance(parallel, dict) else None,
        _lob(lob, rule_id) if isinstance(lob, dict) else None,
    )


def _parallel(document: dict[str, Any], rule_id: str) -> ParallelLoad:
    kind = str(document.get("type", "none"))
    if kind not in PARALLEL_TYPES:
        raise _failed(rule_id, f"parallel-load type {kind} is not supported")

    def names(member: str) -> tuple[str, ...]:
        return tuple(str(each) for each in document.get(member) or ())

    boundaries = tuple(tuple(str(each) for each in row) for row in document.get("boundaries") or ())
    columns = names("columns")
    if kind == "ranges":
        if not columns or not boundaries:
            raise _failed(rule_id, "parallel-load ranges needs columns and boundaries")
        if len(columns) > 10 or any(len(row) != len(columns) for row in boundaries):
            raise _failed(rule_id, "each boundary needs one value per column, of ten columns at most")
    return ParallelLoad(
        kind, columns, boundaries, names("segment-names"), names("partitions"), names("subpartitions")
    )


def _lob(document: dict[str, Any], rule_id: str) -> LobSettings:
    mode = str(document.get("mode", "limited"))
    if mode not in {"limited", "unlimited", "none"}:
        raise _failed(rule_id, f"lob-settings mode {mode} is not supported")
    size = document.get("bulk-max-size")
    if size in (None, ""):
        return LobSettings(cast("Any", mode))
    kilobytes = _integer(size, rule_id, "bulk-max-size")
    if not 0 <= kilobytes <= 102400:
        raise _failed(rule_id, "bulk-max-size must be between 0 and 102400")
    return LobSettings(cast("Any", mode), kilobytes)
