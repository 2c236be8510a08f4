"""Object tags from post-processing rules (reference dms.md 3.8). Pure; the S3 target calls it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dmstui.mappings import OtherRule


def _specific(pattern: str, name: str) -> int | None:
    """How well a locator part fits: 2 exactly, 1 by `%`, None not at all."""
    if pattern == name:
        return 2
    if "%" not in pattern:
        return None
    parts = pattern.split("%")
    rest = name
    if not rest.startswith(parts[0]):
        return None
    rest = rest[len(parts[0]) :]
    for part in parts[1:-1]:
        place = rest.find(part)
        if place < 0:
            return None
        rest = rest[place + len(part) :]
    return 1 if rest.endswith(parts[-1]) else None


def tags(rules: Sequence[OtherRule], schema: str, table: str) -> dict[str, str]:
    """The tags of objects of a table: the one rule whose locator fits best, the first of equals."""
    best: tuple[int, dict[str, Any]] | None = None
    for rule in rules:
        if rule.type != "post-processing" or rule.document.get("rule-action") != "add-tag":
            continue
        locator = rule.document.get("object-locator") or {}
        fits = (
            _specific(str(locator.get("schema-name", "%")), schema),
            _specific(str(locator.get("table-name", "%")), table),
        )
        if fits[0] is None or fits[1] is None:
            continue
        score = fits[0] + fits[1]
        if best is None or score > best[0]:
            best = score, rule.document
    if best is None:
        return {}

    def filled(value: Any) -> str:
        return str(value).replace("${schema-name}", schema).replace("${table-name}", table)

    return {filled(each.get("key", "")): filled(each.get("value", "")) for each in best[1].get("tag-set", ())}
