"""Loading scenarios: every shipped one is sound, and each kind of mistake is named with its place."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from dmstui.catalog import CatalogError, is_catalogue_template, prices, scenario, scenarios
from dmstui.catalog.files import load, root

NAME = "postgresql-to-s3"


def test_every_shipped_scenario_loads_and_is_complete() -> None:
    found = scenarios()
    assert NAME in {one.name for one in found}
    for one in found:
        assert {"seed", "verify"} <= set(one.scripts), one.name
        assert one.steps[0].id == "deploy"
        assert one.steps[-1].id == "delete"
        assert one.guide.startswith("#")
        assert prices.estimate(one.costs).per_hour > 0
        assert is_catalogue_template(one.template_text)


def test_an_unknown_scenario_names_those_there_are() -> None:
    with pytest.raises(KeyError, match=NAME):
        scenario("no-such")
    with pytest.raises(KeyError):
        scenario("../cloudformation")


def test_a_template_with_one_letter_more_is_not_the_catalogues() -> None:
    text = scenario(NAME).template_text
    assert is_catalogue_template(text + "\n\n")
    assert not is_catalogue_template(text + "# mine\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(root() / "scenarios" / NAME, tmp_path / NAME)
    return tmp_path / NAME


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "other"}, "its folder is"),
        ({"titel": "x"}, "titel: is not a key of a scenario"),
        ({"migration_type": "full"}, "migration_type"),
        ({"template": "nope.yaml"}, "cannot be read"),
        ({"minutes": "long"}, "minutes: expected a number"),
        ({"focus": "lobs"}, "focus: expected a list"),
        ({"resources": {"task": "NoSuch"}}, "has no resource 'NoSuch'"),
        ({"resources": {"tasks": "T"}}, "none of the roles"),
        ({"costs": [{"price": "gold"}]}, "costs[0].price"),
        ({"steps": [{"id": "dance", "title": "x", "minutes": 1}]}, "steps[0].id"),
        ({"parameters": [{"name": "NoSuch", "why": "x"}]}, "no parameter 'NoSuch'"),
        ({"scripts": {"seed": {"file": "scripts/none.sh"}}}, "cannot be read"),
        ({"source": {"service": "x", "engine": "postgres", "version": 16}}, "put it in quotes"),
        ({"title": None}, "title: expected a text, found nothing"),
    ],
)
def test_a_mistake_is_named_with_its_place(folder: Path, change: dict[str, object], message: str) -> None:
    file = folder / "scenario.yaml"
    content = yaml.safe_load(file.read_text("utf-8"))
    file.write_text(yaml.safe_dump(content | change), "utf-8")
    with pytest.raises(CatalogError) as caught:
        load(folder, root() / "cloudformation")
    assert message in str(caught.value)


def test_a_broken_json_file_is_named(folder: Path) -> None:
    (folder / "task-settings.json").write_text("{", "utf-8")
    with pytest.raises(CatalogError, match=r"task-settings\.json: is not JSON"):
        load(folder, root() / "cloudformation")
