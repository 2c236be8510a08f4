"""Reads what the product must know of a CloudFormation template before it is sent: parameters and logical ids."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """YAML with CloudFormation's short forms read as plain values: nothing is evaluated here."""


def _plain(loader: Any, _suffix: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)


_Loader.add_multi_constructor("!", _plain)
# A date such as 2010-09-09 is a text in a template.
_Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: loader.construct_scalar(node))


@dataclass(frozen=True, slots=True)
class TemplateParameter:
    """One entry of the template's Parameters. `default` is None where the user must give a value."""

    name: str
    type: str
    default: str | None
    description: str = ""
    allowed_values: tuple[str, ...] = ()
    allowed_pattern: str = ""
    constraint: str = ""
    no_echo: bool = False

    def refusal(self, value: str) -> str | None:
        """Why the template would refuse this value; None when it would not."""
        why = self.constraint or self.description
        if self.allowed_values and value not in self.allowed_values:
            return f"{self.name} must be one of {', '.join(self.allowed_values)}"
        if self.allowed_pattern and not re.fullmatch(self.allowed_pattern, value):
            return f"{self.name} must match {self.allowed_pattern}" + (f" ({why})" if why else "")
        if self.type == "Number":
            try:
                float(value)
            except ValueError:
                return f"{self.name} must be a number"
        return None


@lru_cache(maxsize=16)
def _document(text: str) -> Mapping[str, Any]:
    if text.lstrip().startswith("{"):
        content = json.loads(text)
    else:
        content = yaml.load(text, Loader=_Loader)
    if not isinstance(content, Mapping):
        raise ValueError("a template is a mapping with Resources")
    return content


def template_parameters(text: str) -> tuple[TemplateParameter, ...]:
    """The template's parameters in their order; ValueError or yaml.YAMLError for no template."""
    found = []
    for name, entry in (_document(text).get("Parameters") or {}).items():
        default = entry.get("Default")
        found.append(
            TemplateParameter(
                name=str(name),
                type=str(entry.get("Type", "String")),
                default=None if default is None else _text(default),
                description=str(entry.get("Description", "")).strip(),
                allowed_values=tuple(_text(value) for value in entry.get("AllowedValues", ())),
                allowed_pattern=str(entry.get("AllowedPattern", "")),
                constraint=str(entry.get("ConstraintDescription", "")),
                no_echo=str(entry.get("NoEcho", "")).lower() == "true",
            )
        )
    return tuple(found)


def template_logical_ids(text: str) -> frozenset[str]:
    """The logical ids of all resources."""
    return frozenset(str(name) for name in (_document(text).get("Resources") or {}))


def template_conditional_ids(text: str) -> frozenset[str]:
    """The logical ids of resources that a condition may leave out; the others are always made."""
    resources = _document(text).get("Resources") or {}
    return frozenset(str(name) for name, entry in resources.items() if entry.get("Condition"))


def template_resource_types(text: str) -> dict[str, str]:
    """Logical id -> resource type."""
    resources = _document(text).get("Resources") or {}
    return {str(name): str(entry.get("Type", "")) for name, entry in resources.items()}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
