"""Finds and loads the scenarios from the checkout or from the wheel; the rest of the catalogue asks it."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import yaml

from dmstui.catalog import prices
from dmstui.catalog.scenario import (
    MIGRATION_TYPES,
    ROLES,
    SCRIPT_STEPS,
    STEP_IDS,
    CatalogError,
    Check,
    CostItem,
    Document,
    ExamTopic,
    Parameter,
    Scenario,
    Script,
    Side,
    Step,
)
from dmstui.catalog.template import template_logical_ids, template_parameters

_PACKAGE = Path(__file__).resolve().parents[1]


def root() -> Path:
    """The folder that holds `scenarios/` and `cloudformation/`: the checkout, else what the wheel ships."""
    checkout = _PACKAGE.parent
    if (checkout / "scenarios").is_dir() and (checkout / "cloudformation").is_dir():
        return checkout
    return _PACKAGE / "_shipped"


@lru_cache(maxsize=1)
def scenarios() -> tuple[Scenario, ...]:
    """All scenarios by name; CatalogError names the first file that is wrong."""
    base = root()
    folders = sorted(path.parent for path in (base / "scenarios").glob("*/scenario.yaml"))
    return tuple(load(folder, base / "cloudformation") for folder in folders)


def scenario(name: str) -> Scenario:
    """The scenario of this name; KeyError with the names there are. Reads no other scenario's files."""
    base = root()
    folder = base / "scenarios" / name
    if not name or "/" in name or name.startswith(".") or not (folder / "scenario.yaml").is_file():
        known = ", ".join(sorted(path.parent.name for path in (base / "scenarios").glob("*/scenario.yaml")))
        raise KeyError(f"there is no scenario {name!r}; there is {known or 'none'}")
    return _one(folder, base / "cloudformation")


@lru_cache(maxsize=16)
def _one(folder: Path, templates: Path) -> Scenario:
    return load(folder, templates)


def is_catalogue_template(text: str) -> bool:
    """The text is that of a template the product ships (line ends and trailing blanks apart)."""
    wanted = _plain(text)
    return any(
        _plain(path.read_text("utf-8")) == wanted for path in (root() / "cloudformation").glob("*.yaml")
    )


def _plain(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def load(folder: Path, templates: Path) -> Scenario:
    """One scenario's folder -> Scenario, everything checked; raises CatalogError."""
    file = folder / "scenario.yaml"
    try:
        content = yaml.safe_load(file.read_text("utf-8"))
    except yaml.YAMLError as error:
        raise CatalogError(file, "", f"is not YAML: {error}") from error
    top = Document(file, "", content)
    name = top.text("name")
    if name != folder.name:
        raise top.fail("name", f"is {name!r}, its folder is {folder.name!r}")
    template_path = templates / top.text("template")
    template_text = _read(template_path)
    loaded = Scenario(
        name=name,
        title=top.text("title"),
        use_case=top.text("use_case"),
        source=_side(top.mapping("source")),
        target=_side(top.mapping("target")),
        migration_type=top.one_of("migration_type", MIGRATION_TYPES),
        focus=top.texts("focus"),
        minutes=int(top.number("minutes")),
        folder=folder,
        template_path=template_path,
        template_text=template_text,
        guide=_read(folder / "README.md"),
        table_mappings=_json(folder / top.text("table_mappings", "table-mappings.json")),
        task_settings=_json(folder / top.text("task_settings", "task-settings.json")),
        resources=_resources(top.mapping("resources"), template_logical_ids(template_text)),
        parameters=_parameters(top, template_text),
        scripts=_scripts(top.mapping("scripts"), folder),
        steps=tuple(_step(item) for item in top.mappings("steps")),
        checks=tuple(_check(item) for item in top.mappings("checks")),
        costs=tuple(_cost(item) for item in top.mappings("costs")),
        exam_topics=tuple(_topic(item) for item in top.mappings("exam_topics")),
    )
    top.end()
    return loaded


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise CatalogError(path, "", f"cannot be read: {error.strerror}") from error


def _json(path: Path) -> str:
    text = _read(path)
    try:
        json.loads(text)
    except ValueError as error:
        raise CatalogError(path, "", f"is not JSON: {error}") from error
    return text


def _side(item: Document) -> Side:
    side = Side(item.text("service"), item.text("engine"), item.text("version", ""), item.text("folder", ""))
    item.end()
    return side


def _resources(item: Document, logical_ids: frozenset[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for role in item.unread():
        if role not in ROLES:
            raise item.fail(role, f"is none of the roles {', '.join(ROLES)}")
        found[role] = item.text(role)
        if found[role] not in logical_ids:
            raise item.fail(role, f"the template has no resource {found[role]!r}")
    for role in ("replication_instance", "task"):
        if role not in found:
            raise item.fail(role, "is missing")
    return found


def _parameters(top: Document, template_text: str) -> tuple[Parameter, ...]:
    known = {parameter.name for parameter in template_parameters(template_text)}
    parameters = []
    for item in top.mappings("parameters"):
        parameter = Parameter(item.text("name"), item.text("default", ""), item.text("why"))
        if parameter.name not in known:
            raise item.fail("name", f"the template has no parameter {parameter.name!r}")
        item.end()
        parameters.append(parameter)
    return tuple(parameters)


def _scripts(item: Document, folder: Path) -> dict[str, Script]:
    scripts: dict[str, Script] = {}
    for step in item.unread():
        if step not in SCRIPT_STEPS:
            raise item.fail(step, f"is none of {', '.join(SCRIPT_STEPS)}")
        entry = item.mapping(step)
        path = folder / entry.text("file")
        scripts[step] = Script(step, path, _read(path), int(entry.number("minutes", 1)), entry.texts("kinds"))
        entry.end()
    return scripts


def _step(item: Document) -> Step:
    step = Step(
        item.one_of("id", STEP_IDS),
        item.text("title"),
        int(item.number("minutes")),
        item.text("text", ""),
        item.text("command", ""),
        item.text("key", ""),
    )
    item.end()
    return step


def _check(item: Document) -> Check:
    check = Check(item.text("id"), item.text("title"), item.text("text", ""))
    item.end()
    return check


def _cost(item: Document) -> CostItem:
    price = item.text("price")
    if price not in prices.PRICES:
        raise item.fail("price", f"{price!r} is not in catalog/prices.py")
    cost = CostItem(price, item.number("quantity", 1), item.text("resource", ""), item.text("note", ""))
    item.end()
    return cost


def _topic(item: Document) -> ExamTopic:
    topic = ExamTopic(item.text("task"), item.text("text"))
    item.end()
    return topic
