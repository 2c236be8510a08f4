"""The documents the service refuses, with its messages (reference dms.md 3.9), and what the parser keeps."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dmstui.mappings import MappingError, parse


def selection(**members: Any) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "rule-type": "selection",
        "rule-id": "1",
        "rule-name": "1",
        "object-locator": {"schema-name": "%", "table-name": "%"},
        "rule-action": "include",
    }
    return {name: value for name, value in (rule | members).items() if value is not ...}


def document(*rules: dict[str, Any]) -> str:
    return json.dumps({"rules": list(rules)})


def transformation(**members: Any) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "rule-type": "transformation",
        "rule-id": "2",
        "rule-name": "2",
        "rule-target": "column",
        "object-locator": {"schema-name": "s", "table-name": "t", "column-name": "c"},
        "rule-action": "remove-column",
    }
    return {name: value for name, value in (rule | members).items() if value is not ...}


FILTER = {"filter-type": "source", "column-name": "id"}
REFUSED = {
    "not json": ('{"rules": }', "MalformedJsonException"),
    "other json": ('{"hello": "world"}', "Valid Table mappings is required"),
    "empty": ('{"rules": []}', "Valid Table mappings is required"),
    "a list": ("[]", "Valid Table mappings is required"),
    "unknown type": (document(selection(**{"rule-type": "select"})), "Invalid table mappings document."),
    "unknown action": (
        document(selection(**{"rule-action": "including"})),
        "Invalid table mappings document.",
    ),
    "no locator": (
        document(selection(**{"object-locator": ...})),
        "Rule with ruleId = 1 failed validation. object locator cannot be null",
    ),
    "repeated id": (document(selection(), selection()), "Error in mapping rules. Duplicate ruleid 1"),
    "only excludes": (
        document(selection(**{"rule-action": "exclude"})),
        "Error in mapping rules. At least one selection rule is required.",
    ),
    "wildcard in table settings": (
        document(
            selection(),
            {
                "rule-type": "table-settings",
                "rule-id": 7,
                "object-locator": {"schema-name": "s", "table-name": "%"},
                "lob-settings": {"mode": "none"},
            },
        ),
        "Rule with ruleId = 7 failed validation. Exact schema and table name required when using table settings",
    ),
    "explicit wildcard": (document(selection(**{"rule-action": "explicit"})), "Exact schema and table name"),
    "unknown operator": (
        document(
            selection(filters=[FILTER | {"filter-conditions": [{"filter-operator": "like", "value": "x"}]}])
        ),
        "filter operator like is not supported",
    ),
    "two negatives": (
        document(
            selection(
                filters=[
                    FILTER
                    | {
                        "filter-conditions": [
                            {"filter-operator": "noteq", "value": "1"},
                            {"filter-operator": "noteq", "value": "2"},
                        ]
                    }
                ]
            )
        ),
        "a negative filter operator allows only one condition",
    ),
    "filter on exclude": (
        document(
            selection(),
            selection(
                **{
                    "rule-id": "2",
                    "rule-action": "exclude",
                    "filters": [FILTER | {"filter-conditions": [{"filter-operator": "null"}]}],
                }
            ),
        ),
        "Filters are only allowed for include rules",
    ),
    "unknown transformation": (
        document(selection(), transformation(**{"rule-action": "drop-column"})),
        "Invalid table mappings document.",
    ),
    "column action on a table": (
        document(selection(), transformation(**{"rule-target": "table"})),
        "rule action remove-column is not valid for rule target table",
    ),
    "rename without value": (
        document(selection(), transformation(**{"rule-action": "rename"})),
        "value cannot be null",
    ),
    "unknown data type": (
        document(
            selection(),
            transformation(**{"rule-action": "change-data-type", "data-type": {"type": "varchar"}}),
        ),
        "unknown data type 'varchar'",
    ),
    "long mask": (
        document(selection(), transformation(**{"rule-action": "data-masking-digits-mask", "value": "##"})),
        "one printable character",
    ),
    "wildcard primary key": (
        document(
            selection(),
            transformation(
                **{
                    "rule-action": "define-primary-key",
                    "rule-target": "table",
                    "object-locator": {"schema-name": "s", "table-name": "%"},
                }
            ),
        ),
        "Exact schema and table name",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_message_of_the_service(name: str) -> None:
    text, message = REFUSED[name]
    with pytest.raises(MappingError) as refusal:
        parse(text)
    assert message in str(refusal.value)


def test_rule_id_may_be_text_or_number_and_orders_as_number() -> None:
    renames = [
        transformation(**{"rule-id": rule_id, "rule-action": "rename", "value": f"n{rule_id}"})
        for rule_id in ("10", 9)
    ]
    mappings = parse(document(selection(), *renames))
    assert [rule.value for rule in mappings.rules.transformation] == ["n9", "n10"]


def test_rules_of_other_kinds_are_kept() -> None:
    tag = {
        "rule-type": "post-processing",
        "rule-id": "5",
        "rule-action": "add-tag",
        "object-locator": {"schema-name": "%", "table-name": "%"},
        "tag-set": [],
    }
    assert [rule.type for rule in parse(document(selection(), tag)).others] == ["post-processing"]
