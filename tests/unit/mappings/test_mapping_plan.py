"""What rules make of tables: selection, names, columns, filters, and computed values."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmstui.mappings import DataType, Headers, MappingRunError, TablePlan, parse
from dmstui.mappings.names import matches

INT, TEXT, BIG = DataType("int4"), DataType("wstring", 50), DataType("nclob")


@dataclass(frozen=True)
class Column:
    name: str
    type: DataType


@dataclass(frozen=True)
class Table:
    schema: str
    name: str
    columns: tuple[Column, ...] = (Column("id", INT), Column("name", TEXT), Column("note", BIG))
    kind: str = "table"
    primary_key: tuple[str, ...] = ("id",)


def include(schema: str = "%", table: str = "%", **members: Any) -> dict[str, Any]:
    return {
        "rule-type": "selection",
        "rule-id": members.pop("id", "1"),
        "rule-action": members.pop("action", "include"),
        "object-locator": {"schema-name": schema, "table-name": table} | members.pop("locator", {}),
    } | members


def change(rule_id: int, target: str, action: str, locator: dict[str, str], **members: Any) -> dict[str, Any]:
    return {
        "rule-type": "transformation",
        "rule-id": str(rule_id),
        "rule-target": target,
        "rule-action": action,
        "object-locator": {
            f"{name}-name" if "-" not in name else name: value for name, value in locator.items()
        },
    } | {name.replace("_", "-"): value for name, value in members.items()}


def plans(tables: list[Table], *rules: dict[str, Any]) -> tuple[TablePlan, ...]:
    return parse(json.dumps({"rules": list(rules)})).plan(tables)


def plan(table: Table, *rules: dict[str, Any]) -> TablePlan:
    (made,) = plans([table], include(), *rules)
    return made


HERE = {"schema": "shop", "table": "item"}


@pytest.mark.parametrize(
    ("locator", "name", "meets"),
    [
        ("%", "", True),
        ("order_items", "orderXitems", True),
        ("order[_]items", "orderXitems", False),
        ("order[_]items", "order_items", True),
        ("t[a-c]", "tb", True),
        ("t[ab]", "tc", False),
        ("Item", "item", False),
        ("a.c", "abc", False),
        ("%_log", "x_log", True),
        ("a[%]", "a%", True),
    ],
)
def test_wildcards(locator: str, name: str, meets: bool) -> None:
    assert matches(locator, name) is meets


@given(st.text(max_size=20))
def test_a_percent_sign_meets_every_name(name: str) -> None:
    assert matches("%", name)


def test_exclude_takes_away_whatever_its_id() -> None:
    rules = (include(id="5"), include("shop", "log%", id="9", action="exclude"))
    assert [p.source_table for p in plans([Table("shop", "log_1"), Table("shop", "item")], *rules)] == [
        "item"
    ]


def test_views_are_taken_only_when_asked_for() -> None:
    tables = [Table("s", "t"), Table("s", "v", kind="view")]
    by_type = {
        kind: [p.source_table for p in plans(tables, include(locator={"table-type": kind}))]
        for kind in ("table", "view", "all")
    }
    assert by_type == {"table": ["t"], "view": ["v"], "all": ["t", "v"]}


def test_higher_load_order_comes_first() -> None:
    tables = [Table("s", "a"), Table("s", "b"), Table("s", "c")]
    rules = (
        include(),
        include("s", "c", **{"id": "2", "load-order": 3}),
        include("s", "b", **{"id": "3", "load-order": 2}),
    )
    assert [p.source_table for p in plans(tables, *rules)] == ["c", "b", "a"]


def test_schema_table_and_column_rules_all_apply_to_their_own_object() -> None:
    made = plan(
        Table("shop", "item"),
        change(2, "schema", "rename", {"schema": "shop"}, value="lake"),
        change(3, "table", "add-prefix", HERE, value="raw_"),
        change(4, "column", "convert-uppercase", HERE | {"column": "name"}),
    )
    assert (made.target_schema, made.target_table) == ("lake", "raw_item")
    assert [column.name for column in made.columns] == ["id", "NAME", "note"]


def test_the_lower_rule_id_wins_as_a_number() -> None:
    made = plan(
        Table("shop", "item"),
        change(10, "table", "rename", HERE, value="ten"),
        change(9, "table", "rename", HERE, value="nine"),
    )
    assert made.target_table == "nine"


@pytest.mark.parametrize(
    ("action", "members", "name"),
    [
        ("rename", {"value": "x"}, "x"),
        ("rename", {"expression": "'p_' || lower($AR_M_SOURCE_TABLE_NAME)"}, "p_abc_item"),
        ("convert-lowercase", {}, "abc_item"),
        ("add-suffix", {"value": "_z"}, "ABC_item_z"),
        ("remove-prefix", {"value": "ABC_"}, "item"),
        ("remove-suffix", {"value": "_item"}, "ABC"),
        ("replace-prefix", {"old_value": "ABC", "value": "D"}, "D_item"),
        ("replace-suffix", {"old_value": "nope", "value": "D"}, "ABC_item"),
    ],
)
def test_naming_actions(action: str, members: dict[str, str], name: str) -> None:
    made = plan(Table("s", "ABC_item"), change(2, "table", action, {"schema": "s", "table": "%"}, **members))
    assert made.target_table == name


def test_columns_removed_included_retyped_and_keyed() -> None:
    removed = plan(Table("shop", "item"), change(2, "column", "remove-column", HERE | {"column": "note"}))
    assert [column.name for column in removed.columns] == ["id", "name"]
    included = plan(Table("shop", "item"), change(2, "column", "include-column", HERE | {"column": "name"}))
    assert [column.name for column in included.columns] == ["name"]
    retyped = plan(
        Table("shop", "item"),
        change(
            2,
            "column",
            "change-data-type",
            HERE | {"column": "%", "data-type": "int4"},
            data_type={"type": "int8"},
        ),
    )
    assert [column.type.name for column in retyped.columns] == ["int8", "wstring", "nclob"]
    keyed = plan(
        Table("shop", "item"),
        change(
            2, "table", "define-primary-key", HERE, primary_key_def={"name": "pk", "columns": ["name", "id"]}
        ),
    )
    assert keyed.primary_key == ("name", "id")


def test_a_lob_column_can_only_be_left_out() -> None:
    made = plan(Table("shop", "item"), change(2, "column", "rename", HERE | {"column": "note"}, value="x"))
    assert [column.name for column in made.columns] == ["id", "name", "note"]


def test_problems_of_the_run_are_told_and_not_raised() -> None:
    condition = {"filter-operator": "eq", "value": "1"}
    rule = include(
        filters=[{"filter-type": "source", "column-name": "gone", "filter-conditions": [condition]}], id="1"
    )
    (made,) = plans(
        [Table("shop", "item")], rule, change(2, "column", "add-column", HERE, value="id", expression="1")
    )
    assert any("gone" in each for each in made.problems)
    assert any("'id'" in each for each in made.problems)


def filtered(operator: str, **values: str) -> TablePlan:
    condition = {"filter-operator": operator} | {
        name.replace("_", "-"): value for name, value in values.items()
    }
    filters = [{"filter-type": "source", "column-name": "id", "filter-conditions": [condition]}]
    (made,) = plans([Table("shop", "item")], include(filters=filters))
    return made


@pytest.mark.parametrize(
    ("operator", "values", "sql", "passing"),
    [
        ("gte", {"value": "10"}, "\"id\" >= '10'", {"9": False, "10": True, "100": True}),
        ("ste", {"value": "10"}, "\"id\" <= '10'", {"9": True, "10": True, "100": False}),
        ("eq", {"value": "10"}, "\"id\" = '10'", {"10": True, "11": False}),
        ("noteq", {"value": "10"}, "\"id\" <> '10'", {"10": False, "11": True, None: False}),
        (
            "between",
            {"start_value": "2", "end_value": "10"},
            "\"id\" BETWEEN '2' AND '10'",
            {"2": True, "10": True, "11": False},
        ),
        (
            "notbetween",
            {"start_value": "2", "end_value": "10"},
            "\"id\" NOT BETWEEN '2' AND '10'",
            {"2": False, "1": True},
        ),
        ("null", {}, '"id" IS NULL', {None: True, "1": False}),
        ("notnull", {}, '"id" IS NOT NULL', {None: False, "1": True}),
    ],
)
def test_filters_in_sql_and_on_a_row(
    operator: str, values: dict[str, str], sql: str, passing: dict[str | None, bool]
) -> None:
    made = filtered(operator, **values)
    assert sql in str(made.where(lambda name: f'"{name}"'))
    assert {value: made.accepts({"id": value}) for value in passing} == passing


def test_filter_values_are_quoted() -> None:
    assert "'it''s'" in str(filtered("eq", value="it's").where(lambda name: name))


@pytest.mark.parametrize(
    ("kind", "operator", "limit", "value", "passes"),
    [
        (DataType("datetime"), "gte", "2026-01-01", "2026-01-01 00:00:00", True),
        (DataType("datetime"), "gte", "2026-01-01 10:00:00", "2026-01-01 11:30:00+02", False),
        (DataType("date"), "lte", "2026-01-01", "2025-12-31", True),
        (DataType("numeric", precision=12, scale=2), "eq", "1.50", "1.5", True),
        (DataType("wstring"), "gte", "10", "9", True),
    ],
)
def test_filters_compare_by_the_type_of_the_column(
    kind: DataType, operator: str, limit: str, value: str, passes: bool
) -> None:
    table = Table("s", "t", columns=(Column("c", kind),))
    condition = {"filter-operator": operator, "value": limit}
    filters = [{"filter-type": "source", "column-name": "c", "filter-conditions": [condition]}]
    (made,) = plans([table], include(filters=filters))
    assert made.accepts({"c": value}) is passes


def added(expression: str, *rules: dict[str, Any]) -> TablePlan:
    return plan(
        Table("shop", "item"),
        change(
            2,
            "column",
            "add-column",
            HERE,
            value="new",
            expression=expression,
            data_type={"type": "string", "length": 9},
        ),
        *rules,
    )


ROWS = [{"id": "7", "name": "Łódź", "note": None}, {"id": "12", "name": None, "note": "x"}]


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("$name || '-' || $id", ["Łódź-7", None]),
        ("coalesce($name, 'none')", ["Łódź", "none"]),
        ("CASE WHEN $id > 10 THEN 'big' ELSE 'small' END", ["small", "big"]),
        ("$id * 2", ["14", "24"]),
        ("'$name'", ["$name", "$name"]),
        ("hash_sha256($id)", [hashlib.sha256(each).hexdigest() for each in (b"7", b"12")]),
        ("replaceChars('a-b', '-', '_')", ["a_b", "a_b"]),
        ("$AR_M_SOURCE_SCHEMA || '.' || $AR_M_SOURCE_TABLE_NAME", ["shop.item", "shop.item"]),
        ("operation_indicator('D', 'U', 'I')", ["I", "U"]),
        ("$AR_H_OPERATION", ["INSERT", "UPDATE"]),
    ],
)
def test_expressions(expression: str, values: list[str | None]) -> None:
    headers = [Headers("INSERT"), Headers("UPDATE")]
    assert added(expression).evaluator().columns(ROWS, headers) == {"new": values}


def test_one_header_serves_a_whole_load() -> None:
    evaluator = added("$AR_H_TIMESTAMP").evaluator()
    assert evaluator.evaluate({}, 3, Headers(timestamp="now")) == {"new": ["now"] * 3}
    assert evaluator.needs == ()


@pytest.mark.parametrize("expression", ["$nope", "no_such_function(1)", "$id +"])
def test_a_bad_expression_fails_at_run(expression: str) -> None:
    with pytest.raises(MappingRunError):
        added(expression).evaluator()


def test_masks() -> None:
    made = plan(
        Table("shop", "item"),
        change(2, "column", "data-masking-digits-mask", HERE | {"column": "id"}, value="#"),
        change(3, "column", "data-masking-hash-mask", HERE | {"column": "name"}),
    )
    values = made.evaluator().columns(ROWS, Headers())
    assert values["id"] == ["#", "##"]
    assert values["name"] == [hashlib.sha256("Łódź".encode()).hexdigest().upper(), None]


def test_table_settings_reach_the_plan() -> None:
    (made,) = plans(
        [Table("shop", "item")],
        include(),
        {
            "rule-type": "table-settings",
            "rule-id": "3",
            "object-locator": {"schema-name": "shop", "table-name": "item"},
            "parallel-load": {"type": "ranges", "columns": ["id"], "boundaries": [["100"], ["200"]]},
            "lob-settings": {"mode": "limited", "bulk-max-size": "16"},
        },
    )
    assert made.lob is not None and made.lob.bulk_max_size == 16
    assert made.parallel is not None and made.parallel.boundaries == (("100",), ("200",))
