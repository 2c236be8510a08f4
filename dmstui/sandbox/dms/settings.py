"""Task settings: fill a document up to the whole one DMS returns, refuse what DMS refuses. Pure; tasks.py calls it."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from dmstui.sandbox.dms import settings_document as doc
from dmstui.sandbox.dms.faults import bad_value
from dmstui.sandbox.dms.settings_document import Anything, Flag, Number, Rule, Section, Word

INVALID = "Invalid task settings JSON"
READ_ONLY = "Task Settings CloudWatchLogGroup or CloudWatchLogStream cannot be set on create."

Settings = dict[str, Any]


def parse(text: str | None) -> Settings:
    """The given document as a mapping; raises the fault for text that is no JSON object."""
    if text is None or not text.strip():
        return {}
    try:
        given = json.loads(text)
    except ValueError as error:
        raise bad_value(f"{INVALID}: {error}") from None
    if not isinstance(given, dict):
        raise bad_value(f"{INVALID}: not an object")
    return given


def render(settings: Settings) -> str:
    """The document as the API returns it."""
    return json.dumps(settings, separators=(",", ":"), ensure_ascii=False)


def defaults(migration_type: str) -> Settings:
    """What a new task of this migration type holds when nothing is given."""
    settings: Settings = {}
    for name, section in doc.SECTIONS.items():
        if name in doc.OPTIONAL_SECTIONS:
            continue
        if name in doc.NULL_SECTIONS or (name == "TTSettings" and migration_type == "full-load"):
            settings[name] = None
        elif isinstance(section, Mapping):
            settings[name] = _section_defaults(section)
        else:
            settings[name] = copy.deepcopy(section.default)
    settings["Logging"]["LogComponents"] = [
        {"Severity": "LOGGER_SEVERITY_DEFAULT", "Id": component} for component in doc.COMPONENTS
    ]
    return settings


def created(given: Settings, migration_type: str) -> Settings:
    """The whole document of a new task; raises the fault for what create refuses."""
    logging = given.get("Logging")
    if isinstance(logging, dict) and (
        logging.get("CloudWatchLogGroup") or logging.get("CloudWatchLogStream")
    ):
        raise bad_value(READ_ONLY)
    return merged(defaults(migration_type), given)


def merged(base: Settings, given: Settings) -> Settings:
    """`base` with the members of `given` laid over it, section by section; raises the fault for a bad member."""
    check(given)
    whole = copy.deepcopy(base)
    for name, value in given.items():
        section = doc.SECTIONS[name]
        if not isinstance(section, Mapping) or value is None:
            whole[name] = copy.deepcopy(value)
            continue
        current = whole.get(name) or _section_defaults(section)
        for member, inner in value.items():
            if name == "Logging" and member == "LogComponents":
                current[member] = _components(current.get(member) or [], inner or [])
            elif not (name == "Logging" and member.startswith("CloudWatchLog")):
                current[member] = copy.deepcopy(inner)
        whole[name] = current
    _mirror_history(whole, given)
    _check_together(whole)
    return whole


def only_severities(base: Settings, given: Settings) -> bool:
    """Whether `given` changes nothing of `base` but severities of log components: what a running task accepts."""
    before, after = copy.deepcopy(base), merged(base, given)
    for settings in (before, after):
        settings["Logging"]["LogComponents"] = None
    return before == after


def check(given: Settings) -> None:
    """Raise the fault for unknown members, wrong types, unknown words and numbers out of range."""
    for name, value in given.items():
        section = doc.SECTIONS.get(name)
        if section is None:
            raise bad_value(f"{INVALID}: unknown member '{name}'")
        if not isinstance(section, Mapping):
            _check_value(name, section, value)
        elif value is not None:
            if not isinstance(value, dict):
                raise bad_value(f"{INVALID}: {name} is not an object")
            for member, inner in value.items():
                rule = section.get(member)
                if rule is None:
                    raise bad_value(f"{INVALID}: unknown member '{member}' in {name}")
                _check_value(f"{name}.{member}", rule, inner)
            if name == "Logging":
                _check_components(value.get("LogComponents"))


def _section_defaults(section: Section) -> Settings:
    return {
        member: copy.deepcopy(rule.default) for member, rule in section.items() if member not in doc.QUIET
    }


def _check_value(path: str, rule: Rule, value: Any) -> None:
    if value is None or isinstance(rule, Anything):
        return
    if isinstance(rule, Flag):
        if not isinstance(value, bool):
            raise bad_value(f"{INVALID}: {path} must be true or false")
    elif isinstance(rule, Number):
        if isinstance(value, bool) or not isinstance(value, int):
            raise bad_value(f"{INVALID}: {path} must be a whole number")
        if (rule.low is not None and value < rule.low) or (rule.high is not None and value > rule.high):
            low = "" if rule.low is None else f"at least {rule.low}"
            high = "" if rule.high is None else f"at most {rule.high}"
            raise bad_value(f"{INVALID}: {path} must be {' and '.join(part for part in (low, high) if part)}")
    elif isinstance(rule, Word):
        if not isinstance(value, str):
            raise bad_value(f"{INVALID}: {path} must be a string")
        if rule.words and value not in rule.words:
            raise bad_value(f"{INVALID}: {path} must be one of {', '.join(rule.words)}")


def _check_components(components: Any) -> None:
    if components is None:
        return
    if not isinstance(components, list):
        raise bad_value(f"{INVALID}: Logging.LogComponents is not a list")
    for entry in components:
        if not isinstance(entry, dict) or entry.get("Id") not in doc.ALL_COMPONENTS:
            name = entry.get("Id") if isinstance(entry, dict) else entry
            raise bad_value(f"{INVALID}: unknown log component '{name}'")
        if entry.get("Severity") not in doc.SEVERITIES:
            raise bad_value(f"{INVALID}: unknown severity '{entry.get('Severity')}' of {entry['Id']}")


def _components(current: list[Settings], given: list[Settings]) -> list[Settings]:
    severities = {entry["Id"]: entry["Severity"] for entry in current}
    severities.update({entry["Id"]: entry["Severity"] for entry in given})
    return [{"Severity": severity, "Id": component} for component, severity in severities.items()]


def _mirror_history(whole: Settings, given: Settings) -> None:
    """The document carries HistoryTimeslotInMinutes twice, the second time with a small letter: keep both equal."""
    section = given.get("ControlTablesSettings") or {}
    for member in ("HistoryTimeslotInMinutes", "historyTimeslotInMinutes"):
        if member in section:
            whole["ControlTablesSettings"]["HistoryTimeslotInMinutes"] = section[member]
            whole["ControlTablesSettings"]["historyTimeslotInMinutes"] = section[member]


def _check_together(whole: Settings) -> None:
    logging = whole["Logging"]
    if logging.get("EnableLogContext") and not logging.get("EnableLogging"):
        raise bad_value(f"{INVALID}: EnableLogContext requires EnableLogging")
    lobs = whole["TargetMetadata"]
    if lobs["SupportLobs"] and lobs["FullLobMode"] and lobs["LimitedSizeLobMode"]:
        raise bad_value(f"{INVALID}: FullLobMode and LimitedSizeLobMode exclude each other")
    before = whole["BeforeImageSettings"]
    if before and before["EnableBeforeImage"] and not before.get("FieldName"):
        raise bad_value(
            f"{INVALID}: BeforeImageSettings.FieldName is required when EnableBeforeImage is true"
        )
    loopback = whole["LoopbackPreventionSettings"]
    if loopback and loopback["EnableLoopbackPrevention"] and lobs["BatchApplyEnabled"]:
        raise bad_value(f"{INVALID}: loopback prevention requires BatchApplyEnabled false")
    validation = whole.get("ValidationSettings")
    if (
        validation
        and validation["ValidationOnly"]
        and whole["FullLoadSettings"]["TargetTablePrepMode"] != "DO_NOTHING"
    ):
        raise bad_value(f"{INVALID}: ValidationOnly requires TargetTablePrepMode DO_NOTHING")
