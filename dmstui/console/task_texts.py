"""A task's settings, table mappings and log as lines of text that people read. Pure; the task and guide
screens show them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dmstui.console import format as fmt
from dmstui.console.paint import Line, Span, clean, fit
from dmstui.model import LogLine

_SEVERITY = {"E": "bad", "W": "warn", "I": "text", "T": "dim", "D": "dim", "V": "dim"}
# What one looks for in a task's settings; the other sections follow in the document's order.
_FIRST = ("TargetMetadata", "FullLoadSettings", "Logging", "ErrorBehavior", "ChangeProcessingTuning")
_WORDS = {"E": "ERROR", "W": "WARN ", "I": "info ", "T": "trace", "D": "debug", "V": "verb "}


def log_lines(lines: Sequence[LogLine]) -> list[Line]:
    """Time, severity, component and message; errors and warnings in their colours."""
    made: list[Line] = []
    for line in lines:
        look = _SEVERITY.get(line.severity, "text")
        made.append(
            (
                (f" {line.at:%H:%M:%S} ", "dim"),
                (f"{_WORDS.get(line.severity, '     ')} ", look if look != "text" else "dim"),
                (f"{line.component:<15} " if line.component else "", "dim"),
                (clean(line.message), look),
            )
        )
    return made


def settings_lines(text: str | None) -> list[Line]:
    """A settings document section by section, keys aligned; a text that is no JSON as it stands."""
    document = _parsed(text)
    if not isinstance(document, Mapping):
        return [((clean(line), "text"),) for line in (text or "").splitlines()]
    plain = {key: value for key, value in document.items() if not isinstance(value, Mapping)}
    made: list[Line] = []
    unset = [key for key, value in plain.items() if value is None]
    names = [key for key, value in document.items() if isinstance(value, Mapping)]
    for name in sorted(names, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST)):
        made.append(((f" {name}", "title+bold"),))
        made += [*_section("", document[name]), ()]
    said = {key: value for key, value in plain.items() if value is not None}
    if said:
        made += [*_section("", said), ()]
    if unset:
        made += [((" Not set  ", "dim"), (", ".join(unset), "dim")), ()]
    return made[:-1]


def _section(indent: str, values: Mapping[str, Any]) -> Iterator[Line]:
    label = min(36, max((len(key) for key in values), default=0))
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield ((f"   {indent}{key}", "text"),)
            yield from _section(f"{indent}  ", value)
        elif isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
            yield ((f"   {indent}{key}", "dim"),)
            for item in value:
                words = "  ".join(f"{name} {_value(inner)[0]}" for name, inner in item.items())
                yield ((f"     {indent}", ""), (words, "text"))
        else:
            yield ((f"   {indent}{fit(key, label)}  ", "dim"), _value(value))


def _value(value: Any) -> Span:
    if value is None:
        return "not set", "dim"
    if isinstance(value, bool):
        return ("yes", "ok") if value else ("no", "text")
    if isinstance(value, list):
        return (", ".join(str(item) for item in value) or "none", "text")
    return clean(str(value)) or "empty", "text"


def mapping_lines(text: str | None) -> list[Line]:
    """Table mappings as sentences, one a rule, and below them the JSON itself."""
    document = _parsed(text)
    rules = document.get("rules") if isinstance(document, Mapping) else None
    made: list[Line] = []
    if isinstance(rules, list):
        made.append((("  What the rules say", "title+bold"),))
        for rule in rules:
            if isinstance(rule, Mapping):
                made += rule_lines(rule)
        made.append(())
    made.append((("  As JSON", "title+bold"),))
    shown = json.dumps(document, indent=2, ensure_ascii=False) if document is not None else text or ""
    made += [((f"  {clean(line)}", "dim"),) for line in shown.splitlines()]
    return made


def rule_lines(rule: Mapping[str, Any]) -> list[Line]:
    """One rule in words."""
    kind = str(rule.get("rule-type", ""))
    where = rule.get("object-locator") or {}
    target = str(rule.get("rule-target", "table"))
    thing = f"{where.get('schema-name', '%')}.{where.get('table-name', '%')}"
    if target == "column":
        thing += f".{where.get('column-name', '%')}"
    elif target == "schema":
        thing = str(where.get("schema-name", "%"))
    action = str(rule.get("rule-action", ""))
    number = str(rule.get("rule-id", ""))
    head: Span = (f"  {fit(number, 4, 'right')}  ", "faint")
    if kind == "selection":
        word = {"include": "take", "exclude": "leave out", "explicit": "take only"}.get(action, action)
        made: list[Line] = [
            (head, (fit(word, 14), "ok" if action != "exclude" else "warn"), (thing, "bright"))
        ]
        made += [((" " * 22, ""), (filter_words(one), "text")) for one in rule.get("filters") or ()]
        if rule.get("load-order"):
            made.append(((" " * 22, ""), (f"load order {rule['load-order']}", "dim")))
        return made
    if kind == "transformation":
        value = rule.get("value")
        words = action.replace("-", " ")
        kind_of = "" if target in words else f"{target} "
        spans: list[Span] = [head, (f"{words:<13} ", "accent"), (f"{kind_of}{thing}", "bright")]
        if value:
            spans.append((f"  → {value}", "text"))
        made = [tuple(spans)]
        if rule.get("expression"):
            made.append(((" " * 22, ""), (f"= {rule['expression']}", "text")))
        data = rule.get("data-type")
        if isinstance(data, Mapping):
            size = ",".join(
                str(data[key]) for key in ("length", "precision", "scale") if data.get(key) not in (None, "")
            )
            made.append(((" " * 22, ""), (f"as {data.get('type', '')}{f'({size})' if size else ''}", "dim")))
        return made
    if kind == "table-settings":
        parts = [
            *([lob_words(rule["lob-settings"])] if isinstance(rule.get("lob-settings"), Mapping) else ()),
            *([f"parallel load {_words(rule['parallel-load'])}"] if rule.get("parallel-load") else ()),
        ]
        return [
            (head, (f"{'settings':<13} ", "accent"), (thing, "bright"), (f"  {'; '.join(parts)}", "text"))
        ]
    return [(head, (fit(kind, 14), "text"), (thing, "bright"))]


def lob_words(settings: Mapping[str, Any]) -> str:
    """A table's LOB settings in words: `limited LOBs up to 8 KB`."""
    mode = str(settings.get("mode", ""))
    size = settings.get("bulk-max-size")
    if mode == "none":
        return "LOBs are left out"
    if mode == "limited":
        return f"limited LOBs up to {size} KB" if size not in (None, "") else "limited LOBs"
    if mode == "unlimited":
        return f"full LOBs, those up to {size} KB at once" if size not in (None, "", "0") else "full LOBs"
    return _words(settings)


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_words(inner)}" for name, inner in value.items())
    return clean(json.dumps(value) if isinstance(value, list) else str(value))


def filter_words(one: Mapping[str, Any]) -> str:
    """A filter in words: `where id between 1 and 10`."""
    column = one.get("column-name", "?")
    parts = []
    for condition in one.get("filter-conditions") or ():
        operator = condition.get("filter-operator", "?")
        if "start-value" in condition:
            parts.append(f"{operator} {condition.get('start-value')} and {condition.get('end-value')}")
        else:
            sign = {
                "eq": "=",
                "noteq": "≠",
                "gte": "≥",
                "ste": "≤",
                "null": "is null",
                "notnull": "is not null",
            }
            value = "" if operator in {"null", "notnull"} else f" {condition.get('value', '')}"
            parts.append(f"{sign.get(operator, operator)}{value}")
    return f"where {column} {' or '.join(parts)}"


def _parsed(text: str | None) -> Any:
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def counts_line(tables: Sequence[Any]) -> str:
    """`9 tables, 212,004 rows loaded, 1 in error` of a task's table statistics."""
    rows = sum(table.full_load_rows for table in tables)
    errored = sum(1 for table in tables if table.errored)
    changes = sum(table.captured for table in tables)
    text = f"{fmt.plural(len(tables), 'table')}, {rows:,} rows loaded"
    if changes:
        text += f", {changes:,} changes"
    return f"{text}, {errored} in error" if errored else text
