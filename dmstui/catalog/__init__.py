"""The scenarios the product ships: texts, templates, scripts, prices. Read by cli, console, operations and sandbox."""

from dmstui.catalog import commands, prices
from dmstui.catalog.files import is_catalogue_template, scenario, scenarios
from dmstui.catalog.scenario import (
    CatalogError,
    Check,
    CostItem,
    ExamTopic,
    Parameter,
    Scenario,
    Script,
    Side,
    Step,
)
from dmstui.catalog.template import TemplateParameter, template_parameters

__all__ = [
    "CatalogError",
    "Check",
    "CostItem",
    "ExamTopic",
    "Parameter",
    "Scenario",
    "Script",
    "Side",
    "Step",
    "TemplateParameter",
    "commands",
    "is_catalogue_template",
    "prices",
    "scenario",
    "scenarios",
    "template_parameters",
]
